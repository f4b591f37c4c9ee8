"""What results are called, and what is checked before any work."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from batching import touch

from softextend.errors import BadRequest, OutputError
from softextend.jobs import inputs, outputs
from softextend.jobs.outputs import Jobs, Naming

EXTENDED = Naming(suffix="-extended")


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
        (["a.png"], Naming(suffix="", output="c.png", format="JPEG"), (1,), "end it in"),
        (["a.png"], Naming(suffix="", output="/"), (1,), "is a folder"),
        (["a.png"], Naming(suffix="", output="-"), (1, 2), "one picture"),
    ],
)
def test_names_that_cannot_work(sources: list[str], naming: Naming, seeds: tuple[int, ...], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        outputs.plan_jobs([Path(source) for source in sources], naming, seeds)


def jobs_beside(*sources: Path) -> Jobs:
    return outputs.plan_jobs(list(sources), EXTENDED, [1])


def settled(
    jobs: Jobs, *, overwrite: bool = False, skip: str | None = None, made: tuple[Path, ...] = ()
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
        naming = Naming(suffix="", out_dir=tmp_path / "out", tree=found.sources.mirror(keep))
        jobs = outputs.plan_jobs(found.sources, naming, [1])
        assert [job.targets[0].path for job in jobs] == [tmp_path / "out/p/a.png", tmp_path / "out/q/r/a.png"]
        assert settled(jobs, made=(tmp_path / "out",)) == (["a.png", "a.png"], [])
    assert found.sources.mirror(False) is None
    named = [str(tmp_path / "in" / "p" / "a.png"), str(tmp_path / "in" / "q" / "r" / "a.png")]
    assert inputs.gather(named).sources.mirror(None) is None
    assert mirrored(inputs.gather(named)) == ["p", "q/r"]
    assert mirrored(inputs.gather([], named)) == ["p", "q/r"]
    assert mirrored(inputs.gather([str(tmp_path / "in/p"), str(tmp_path / "in/q/**/*.png")])) == ["p", "q/r"]


def mirrored(found: inputs.Found) -> list[str]:
    """The folders below the output folder, with --keep-tree."""
    tree = found.sources.mirror(True)
    assert tree is not None
    return [tree.folder(source, deep=deep).as_posix() for source, deep in found.sources.entries() if source]


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
