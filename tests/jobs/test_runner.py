"""Which pictures, what results are called, what is checked first, and one failure among many."""

from __future__ import annotations

import glob
import os
import socket
from pathlib import Path

import pytest

from softextend.errors import BadModel, BadPicture, BadRequest, OutputError
from softextend.jobs import inputs, outputs, patterns, runner
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.outputs import Naming
from softextend.jobs.runner import Tally
from softextend.pictures import other_formats

EXTENDED = Naming(suffix="-extended")


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(sources: list[Path | None]) -> list[str | None]:
    return [source and source.name for source in sources]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    touch(
        *(
            tmp_path / name
            for name in ("b.png", "a.JPG", "c.webp", "d.gif", "._a.JPG", "notes.txt", "deep/e.jpg", "deep/f.png")
        )
    )
    return tmp_path


def test_a_folder_gives_its_pictures_in_order(folder: Path) -> None:
    assert names(inputs.gather([str(folder)]).sources) == ["a.JPG", "b.png", "c.webp", "d.gif"]


def test_a_glob_descends_with_two_stars(folder: Path) -> None:
    assert names(inputs.gather([f"{folder}/**/*.jpg"]).sources) == ["e.jpg"]
    assert names(inputs.gather([f"{folder}/**/*.png"]).sources) == ["b.png", "f.png"]


def test_brackets_in_a_file_name_are_no_glob(tmp_path: Path) -> None:
    touch(tmp_path / "a[1].png", tmp_path / "a1.png")
    assert names(inputs.gather([str(tmp_path / "a[1].png")]).sources) == ["a[1].png"]


def test_listed_paths_are_never_globs(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    assert names(inputs.gather([], [str(tmp_path / "*.png")]).sources) == ["*.png"]


def test_each_picture_counts_once_and_order_is_kept(folder: Path) -> None:
    twice = [str(folder / "c.webp"), "-", str(folder), str(folder / "deep" / ".." / "b.png"), "-"]
    assert names(inputs.gather(twice).sources) == ["c.webp", None, "a.JPG", "b.png", "d.gif"]


def test_a_missing_file_of_a_list_stays_in_to_fail_alone(tmp_path: Path) -> None:
    assert names(inputs.gather([], [str(tmp_path / "gone.png")]).sources) == ["gone.png"]


def test_missing_files_that_were_named_fail_alone_too(folder: Path) -> None:
    assert names(inputs.gather([str(folder / "b.png"), str(folder / "x.png")]).sources) == ["b.png", "x.png"]
    with pytest.raises(BadPicture, match=r"x\.png, .*b\.png/y\.png: no such file.*nothing was made"):
        inputs.refuse_missing([str(folder / "b.png"), str(folder / "x.png"), str(folder / "b.png" / "y.png")])


def test_a_folder_without_pictures_fails_alone_among_others(folder: Path) -> None:
    (folder / "empty").mkdir()
    found = inputs.gather([str(folder / "b.png"), str(folder / "empty")], [str(folder / "empty")])
    assert names(found.sources) == ["b.png"]
    assert [each.job.name for each in found.empty] == [str(folder / "empty")]
    assert isinstance(found.empty[0].error, BadRequest)
    with pytest.raises(BadRequest, match="empty: no picture in this folder"):
        inputs.gather([str(folder / "empty")])


def test_earlier_results_are_left_out_of_folders_and_said(tmp_path: Path) -> None:
    results = (
        "a-extended.png",
        "a-extended-17.png",
        "a-canvas.png",
        "a-mask.png",
        "a-extended-raw.png",
        "a-painted.png",
    )
    touch(*(tmp_path / name for name in ("a.jpg", "ice-extended.png", *results)))
    found = inputs.gather([str(tmp_path)])
    assert names(found.sources) == ["a.jpg", "ice-extended.png"]  # there is no ice.*: that one is a picture like others
    assert "left out 6" in found.notes[0]
    assert names(inputs.gather([str(tmp_path / "a-extended.png")]).sources) == ["a-extended.png"]  # named: wanted


def test_parts_of_a_glob_that_exist_are_no_wildcards(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("[2024] trip/a.jpg", "2 trip/b.jpg", "x/[2024] trip/c.jpg", "4/d.jpg")))
    for pattern, expected in (
        ("[2024] trip/*.jpg", ["a.jpg"]),
        ("*/[2024] trip/*.jpg", ["c.jpg"]),
        ("**/[2024] trip/?.jpg", ["a.jpg", "c.jpg"]),
        ("[2-4]/*.jpg", ["d.jpg"]),  # no such folder: a wildcard
        ("[2024] trip/**/*.jpg", ["a.jpg"]),
    ):
        assert names(inputs.gather([f"{tmp_path}/{pattern}"]).sources) == expected, pattern


def test_globs_find_what_pythons_do(tmp_path: Path) -> None:
    deep = ("a.png", "p/a.png", "p/q/b.png", "p/.hidden/c.png", ".d.png", "p/x.txt")
    touch(*(tmp_path / name for name in deep))
    (tmp_path / "link").symlink_to(tmp_path / "p")
    for pattern in ("*.png", "*/*.png", "**/*.png", "p/**", "**/q/*", "**/**/b.png", "./p/../*.png", ".*.png"):
        wanted = {str(Path(each)) for each in glob.glob(f"{tmp_path}/{pattern}", recursive=True)}  # noqa: PTH207
        assert {str(each) for each in patterns.matches(f"{tmp_path}/{pattern}")} == wanted - {f"{tmp_path}/p"}, pattern


def test_kinds_that_need_a_library_are_counted_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_formats, "is_installed", lambda kind: False)
    touch(*(tmp_path / name for name in ("a.jpg", "1.HEIC", "2.heif", "3.jxl", "4.NEF", "5.txt")))
    (tmp_path / "6.heic").write_bytes(b"\xff\xd8\xff\xe0 really a JPEG")
    found = inputs.gather([str(tmp_path)])
    assert names(found.sources) == ["6.heic", "a.jpg"]
    said = str(found.empty[0].error)
    for each in ("2 HEIC file(s)", "softextend[heif]", "1 JPEG XL file(s)", "1 camera raw file(s)", "develop"):
        assert each in said
    with pytest.raises(BadPicture, match=r"1 HEIC file\(s\) left out.*; .*1 HEIC file\(s\)"):
        inputs.gather([f"{tmp_path}/*.HEIC", f"{tmp_path}/?.heif"])
    monkeypatch.setattr(other_formats, "is_installed", lambda kind: kind is other_formats.HEIF)
    assert "1.HEIC" in names(inputs.gather([str(tmp_path)]).sources)


def test_earlier_results_in_the_output_folder_are_no_inputs(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "wide" / "a-extended.png", tmp_path / "wide" / "b.png")
    found = inputs.gather([f"{tmp_path}/**/*.png"], results=tmp_path / "wide")
    assert names(found.sources) == ["a.png", "b.png"]
    assert "left out 1" in found.notes[0]


@pytest.mark.parametrize("pattern", ["empty", "empty/*.jpg", "notes"])
def test_nothing_found_is_wrong_usage(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path / "notes" / "a.txt")
    with pytest.raises(BadRequest, match="no picture"):
        inputs.gather([str(tmp_path / pattern)])


def test_no_input_is_wrong_usage() -> None:
    with pytest.raises(BadRequest, match="--files-from"):
        inputs.gather([])


def planned(source: str | None, naming: Naming, seeds: tuple[int, ...] = (1,)) -> list[str]:
    (job,) = outputs.plan_jobs([None if source is None else Path(source)], naming, seeds)
    return [target.name for target in job.targets]


@pytest.mark.parametrize(
    ("source", "naming", "expected"),
    [
        ("p/a.jpg", EXTENDED, "p/a-extended.jpg"),
        ("p/a.JPEG", EXTENDED, "p/a-extended.JPEG"),
        ("p/a.gif", EXTENDED, "p/a-extended.png"),
        ("p/a", EXTENDED, "p/a-extended.png"),
        ("p/a.b.png", EXTENDED, "p/a.b-extended.png"),
        ("p/a.jpg", Naming(suffix="-extended", format="TIFF"), "p/a-extended.tif"),
        ("p/a.jpg", Naming(suffix="-extended", out_dir=Path("q")), "q/a-extended.jpg"),
        ("p/a.jpg", Naming(suffix="-extended", output="r/b.webp"), "r/b.webp"),
        ("p/a.jpg", Naming(suffix="-extended", output="-"), "stdout"),
        (None, EXTENDED, "stdout"),
        (None, Naming(suffix="-extended", out_dir=Path("q")), "q/stdin-extended.png"),
        (None, Naming(suffix="-extended", output="b.jpg"), "b.jpg"),
    ],
)
def test_names(source: str | None, naming: Naming, expected: str) -> None:
    assert planned(source, naming) == [expected]


def test_variations_carry_their_seed() -> None:
    assert planned("a.png", EXTENDED, (7, 8)) == ["a-extended-7.png", "a-extended-8.png"]
    assert planned("a.png", Naming(suffix="", output="b.png"), (7, 8)) == ["b-7.png", "b-8.png"]


def test_intermediates_are_named_after_the_result() -> None:
    naming = Naming(suffix="-extended", extras_dir=Path("s"), extras=("-mask.png",))
    (job,) = outputs.plan_jobs([Path("a.jpg")], naming, [7, 8])
    assert [target.extras for target in job.targets] == [
        (Path("s/a-extended-7-mask.png"),),
        (Path("s/a-extended-8-mask.png"),),
    ]


@pytest.mark.parametrize(
    ("sources", "naming", "seeds", "says"),
    [
        (["a.png", "b.png"], Naming(suffix="", output="c.png"), (1,), "--out-dir"),
        (["a.png"], Naming(suffix="", output="c.png", out_dir=Path()), (1,), "give one"),
        (["a.png"], Naming(suffix="", output="c.xyz"), (1,), ".png"),
        (["a.png"], Naming(suffix="", output="c"), (1,), "no suffix"),
        (["a.png"], Naming(suffix="", output="c.png", format="JPEG"), (1,), "agree"),
        (["a.png"], Naming(suffix="", output="/"), (1,), "is a folder"),
        (["a.png"], Naming(suffix="", output="-"), (1, 2), "one picture"),
    ],
)
def test_names_that_cannot_work(sources: list[str], naming: Naming, seeds: tuple[int, ...], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        outputs.plan_jobs([Path(source) for source in sources], naming, seeds)


def jobs_beside(*sources: Path) -> list[Job]:
    return outputs.plan_jobs(list(sources), EXTENDED, [1])


def settled(
    jobs: list[Job], *, overwrite: bool = False, skip: str | None = None, made: tuple[Path, ...] = ()
) -> tuple[list[str], list[str]]:
    """The names of the pictures that are left, and what is said of the others."""
    left, outcomes = outputs.settle(jobs, overwrite=overwrite, skip_existing=skip, will_be_made=made)
    told = [each.skipped or f"{type(each.error).__name__} {each.error}" for each in outcomes]
    return [Path(job.name).name for job in left], told


def test_an_existing_result_is_its_pictures_error_alone(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "b-extended.png")
    jobs = jobs_beside(tmp_path / "a.png", tmp_path / "b.png")
    left, (told,) = settled(jobs)
    assert left == ["a.png"]
    assert "b-extended.png: exists already" in told
    assert "--overwrite" in told
    assert settled(jobs, skip="any") == (["a.png"], ["exists"])
    assert settled(jobs, skip="same") == (["a.png", "b.png"], [])  # looked into where its turn comes
    assert settled(jobs, overwrite=True) == (["a.png", "b.png"], [])


def test_a_broken_link_is_a_result_that_exists(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    (tmp_path / "a-extended.png").symlink_to(tmp_path / "gone")
    left, (told,) = settled(jobs_beside(tmp_path / "a.png"))
    assert not left
    assert "exists" in told


def test_an_existing_intermediate_counts_too(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "s" / "a-extended-mask.png")
    naming = Naming(suffix="-extended", extras_dir=tmp_path / "s", extras=("-mask.png",))
    _, (told,) = settled(outputs.plan_jobs([tmp_path / "a.png"], naming, [1]))
    assert "a-extended-mask.png: exists" in told


def test_of_two_results_of_one_name_the_second_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path / "p" / "a.png", tmp_path / "q" / "a.png", tmp_path / "b.png")
    naming = Naming(suffix="-extended", out_dir=tmp_path)
    jobs = outputs.plan_jobs([tmp_path / "p" / "a.png", tmp_path / "q" / "a.png", tmp_path / "b.png"], naming, [1])
    left, (told,) = settled(jobs, overwrite=True)
    assert left == ["a.png", "b.png"]
    assert told.startswith("BadRequest")
    assert "p/a.png and " in told


def test_a_kept_tree_has_room_for_both(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "p" / "a.png", tmp_path / "in" / "q" / "r" / "a.png")
    found = inputs.gather([str(tmp_path / "in" / "**" / "*.png")])
    for keep in (None, True):
        naming = Naming(suffix="", out_dir=tmp_path / "out", tree=found.tree(keep))
        jobs = outputs.plan_jobs(found.sources, naming, [1])
        assert [job.targets[0].path for job in jobs] == [tmp_path / "out/p/a.png", tmp_path / "out/q/r/a.png"]
        assert settled(jobs, made=(tmp_path / "out",)) == (["a.png", "a.png"], [])
    assert found.tree(False) == {}
    named = [str(tmp_path / "in" / "p" / "a.png"), str(tmp_path / "in" / "q" / "r" / "a.png")]
    assert inputs.gather(named).tree(None) == {}
    assert list(inputs.gather(named).tree(True).values()) == [Path("p"), Path("q/r")]
    assert list(inputs.gather([], named).tree(True).values()) == [Path("p"), Path("q/r")]
    two = inputs.gather([str(tmp_path / "in/p"), str(tmp_path / "in/q/**/*.png")])
    assert list(two.tree(True).values()) == [Path("p"), Path("q/r")]


@pytest.mark.parametrize("spelling", ["a.png", "deep/../a.png", "link.png"])
def test_a_result_is_never_an_input(tmp_path: Path, spelling: str) -> None:
    touch(tmp_path / "a.png", tmp_path / "deep" / "x")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    naming = Naming(suffix="", output=str(tmp_path / spelling))
    left, (told,) = settled(outputs.plan_jobs([tmp_path / "a.png"], naming, [1]), overwrite=True)
    assert not left
    assert "the output is an input" in told


def test_a_result_is_no_other_input_either(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "a-extended.png")
    left, (told,) = settled(jobs_beside(tmp_path / "a.png", tmp_path / "a-extended.png"), overwrite=True)
    assert left == ["a-extended.png"]
    assert "the output is an input" in told


def test_a_name_that_is_too_long_is_known_before_work(tmp_path: Path) -> None:
    touch(tmp_path / f"{'a' * 250}.png", tmp_path / f"{'é' * 122}.png", tmp_path / "b.png")
    jobs = jobs_beside(*sorted(tmp_path.iterdir()))
    left, told = settled(jobs)
    assert left == ["b.png"]
    assert len(told) == 2
    assert all("the name has 2" in each and "255 are allowed" in each for each in told)


def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(tmp_path)  # names of sockets are short
        server.bind("socket.png")
        for name, fits in (("pipe.png", True), ("socket.png", False), ("link.png", True)):
            if name == "link.png":
                (tmp_path / name).symlink_to("/dev/null")
            jobs = outputs.plan_jobs([tmp_path / "a.png"], Naming(suffix="", output=str(tmp_path / name)), [1])
            assert bool(settled(jobs)[0]) == fits


def test_folders_are_checked_before_work(tmp_path: Path) -> None:
    touch(tmp_path / "file", tmp_path / "a.png")

    def said(folder: Path, *, made: bool) -> list[str]:
        jobs = outputs.plan_jobs([tmp_path / "a.png"], Naming(suffix="", out_dir=folder), [1])
        return settled(jobs, made=(folder,) if made else ())[1]

    assert said(tmp_path / "new" / "deep", made=True) == []
    assert "does not exist" in said(tmp_path / "new", made=False)[0]
    with pytest.raises(OutputError, match="is no folder"):
        said(tmp_path / "file" / "new", made=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    touch(tmp_path / "p" / "a.png")
    (tmp_path / "p").chmod(0o555)
    assert "no permission" in settled(jobs_beside(tmp_path / "p" / "a.png"))[1][0]


def test_overwrite_and_skip_exclude_each_other() -> None:
    with pytest.raises(BadRequest, match="give one"):
        outputs.settle([], overwrite=True, skip_existing="same")


def job(name: str, seeds: tuple[int, ...] = (1,)) -> Job:
    targets = tuple(Target(path=Path(f"{name}-{seed}.png"), format=None, seed=seed) for seed in seeds)
    return Job(source=Path(name), targets=targets)


class Work:
    """Reads and makes; fails where a name says so."""

    def __init__(self) -> None:
        self.loads = 0

    def read(self, job: Job) -> str:
        if "unreadable" in job.name:
            raise BadPicture(f"{job.name}: no picture")
        return job.name

    def load(self) -> str:
        self.loads += 1
        return "model"

    def make(self, picture: str, job: Job, target: Target, model: str) -> Outcome:
        assert model == "model"
        if "fault" in picture and target.seed == 1:
            raise KeyError("a fault")
        if "pipe" in picture:
            raise BrokenPipeError
        return Outcome(job=job, target=target)

    def run(self, *jobs: Job) -> list[Outcome]:
        return list(runner.run(jobs, read=self.read, load=self.load, make=self.make))


def test_one_failure_does_not_stop_the_others() -> None:
    work = Work()
    outcomes = work.run(job("unreadable", (1, 2)), job("good"), job("fault", (1, 2)))
    kinds = [(outcome.job.name, type(outcome.error).__name__) for outcome in outcomes]
    assert kinds == [
        ("unreadable", "BadPicture"),
        ("good", "NoneType"),
        ("fault", "KeyError"),
        ("fault", "NoneType"),
    ]
    assert work.loads == 1


def test_no_model_is_loaded_for_pictures_that_cannot_be_read() -> None:
    work = Work()
    work.run(job("unreadable"), job("unreadable"))
    assert work.loads == 0


def test_a_model_that_cannot_be_loaded_ends_the_batch() -> None:
    work = Work()
    work.load = lambda: (_ for _ in ()).throw(BadModel("damaged"))  # type: ignore[method-assign]
    with pytest.raises(BadModel):
        work.run(job("good"), job("good"))


def test_a_closed_pipe_ends_the_batch() -> None:
    with pytest.raises(BrokenPipeError):
        Work().run(job("pipe"), job("good"))


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], 0),
        ([None, None], 0),
        ([None, BadPicture("x")], 1),
        ([BadPicture("x")], 1),
        ([BadRequest("x")], 2),
        ([BadRequest("x"), BadRequest("y")], 2),
        ([BadRequest("x"), None], 1),
        ([BadRequest("x"), BadPicture("y")], 1),
    ],
)
def test_exit_codes(errors: list[Exception | None], code: int) -> None:
    tally = Tally()
    for error in errors:
        tally.add(Outcome(job=job("a"), target=None, error=error))
    assert tally.exit_code == code
