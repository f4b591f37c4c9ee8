"""What exists is left out only where it is what would be made, and runs that share a folder make nothing twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import Run, photo, recipe
from toymodel import ToyModel

from softextend.errors import AlreadyExists
from softextend.jobs.claims import claimed
from softextend.pictures.files import whole_file, write_file
from softextend.pictures.locks import locked, sweep, temporary_name

SIDES = ("--sides", 0, 16, 0, 0, "--fill", "edge")
TOY = str(Path(__file__).parents[1] / "toymodel.py")

# --- the same request ----------------------------------------------------------------------------------------------


def test_a_result_of_this_very_request_is_left_out(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", *SIDES).code == 0  # a seed that nobody named is no part of the request
    ran = run("extend", "a.png", *SIDES, "--skip-existing", "--json")
    assert (ran.code, ran.facts) == (
        0,
        [{"input": "a.png", "output": "a-extended.png", "index": 0, "skipped": "exists"}],
    )
    assert "1 skipped" in ran.err
    assert run("extend", "a.png", *SIDES, "--seed", 3, "--overwrite").code == 0
    for words in (("--seed", 3), ("--seed", 3, "--skip-existing=same"), ("--seed", 3, "--best-of", 2), ()):
        assert run("extend", "a.png", *SIDES, "--skip-existing", *words).code == 0, words


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--seed", 4), "other options (seed)"),
        (("--strength", 0.5, "--seed", 3), "other options (strength)"),
        (("-p", "sea", "--seed", 3), "other options (prompt)"),
        (("--model", "self", "--fill", "mirror", "--seed", 3), "other options (fill)"),
    ],
)
def test_a_result_of_other_options_is_a_clash(run: Run, words: tuple[object, ...], says: str) -> None:
    photo("a.png")
    photo("b.png")
    assert run("extend", "a.png", *SIDES, "--seed", 3).code == 0
    before = Path("a-extended.png").read_bytes()
    ran = run("extend", "a.png", "b.png", *SIDES, *words, "--skip-existing")
    assert (ran.code, ran.lines) == (1, ["b-extended.png"])
    assert says in ran.err
    assert "--skip-existing=any" in ran.err
    assert Path("a-extended.png").read_bytes() == before
    again = run("extend", "a.png", "b.png", *SIDES, *words, "--skip-existing=any")
    assert (again.code, again.out) == (0, "")


def test_a_result_of_another_picture_is_a_clash(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", *SIDES, "--seed", 3).code == 0
    photo("a.png", 50, 40)
    ran = run("extend", "a.png", *SIDES, "--seed", 3, "--skip-existing")
    assert (ran.code, ran.out) == (1, "")
    assert "a-extended.png: exists already, made of another picture" in ran.err
    Path("a-extended.png").write_bytes(b"no picture")
    ran = run("extend", "a.png", *SIDES, "--seed", 3, "--skip-existing", "--json")
    assert "carries no recipe" in ran.facts[0]["error"]
    assert ran.facts[0]["output"] is None
    assert run("extend", "a.png", *SIDES, "--skip-existing=some").code == 2


def test_paint_and_prepare_resume_too(run: Run) -> None:
    photo("a.png")
    photo("m.png")
    for words in (("paint", "a.png", "m.png", "--seed", 3), ("prepare", "a.png", *SIDES, "--fill", "edge")):
        assert run(*words).code == 0
        skipped = run(*words, "--skip-existing")
        assert (skipped.code, skipped.out) == (0, "")
    photo("m.png", 48, 40, compress_level=1)
    ran = run("paint", "a.png", "m.png", "--seed", 3, "--skip-existing")
    assert (ran.code, "made with another mask" in ran.err) == (1, True)
    assert (run("redo", "a-canvas.png").code, run("prepare", "a.png", "--all", 9, "--skip-existing").code) == (2, 1)


# --- several runs --------------------------------------------------------------------------------------------------


def test_a_name_is_claimed_once(tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "a.png") as first,
        claimed(tmp_path / "a.png") as second,
        claimed(tmp_path / "b.png") as other,
    ):
        assert (first, second, other) == (True, False, True)
    with claimed(tmp_path / "a.png") as again:
        assert again
    assert not list(tmp_path.iterdir())


def test_what_another_run_makes_is_skipped(run: Run) -> None:
    photo("a.png")
    photo("b.png")
    with claimed(Path("a-extended.png")):
        ran = run("extend", "a.png", "b.png", *SIDES, "--skip-existing", "--json")
    assert ran.code == 0
    assert ran.facts[0]["skipped"] == "another run is making it"
    assert ran.facts[1]["output"] == "b-extended.png"


def test_what_another_run_finishes_meanwhile_is_skipped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    predict = ToyModel.predict

    def slower(self: ToyModel, *given: object) -> object:
        Path("a-extended.png").write_bytes(b"faster")
        return predict(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(ToyModel, "predict", slower)
    ran = run("extend", "a.png", *SIDES, "--skip-existing", "--json")
    assert (ran.code, ran.facts[0]["skipped"]) == (0, "another run made it meanwhile")
    Path("a-extended.png").unlink()
    assert run("extend", "a.png", *SIDES).code == 1  # nobody said that this is fine
    assert Path("a-extended.png").read_bytes() == b"faster"


def test_two_workers_share_a_folder(run: Run, tmp_path: Path) -> None:
    """The other is slow, and begins first."""
    for index in range(6):
        photo(f"p/{index}.png")
    words = ["extend", "p", *map(str, SIDES), "--seed", "3", "--skip-existing"]
    slow = {**os.environ, "TOY_DELAY": "0.1"}
    with subprocess.Popen([sys.executable, TOY, *words], stdout=-1, stderr=-1, env=slow, text=True) as other:
        assert other.stdout is not None
        first = other.stdout.readline()
        ours = run(*words)
        theirs, said = other.communicate()
    assert (ours.code, other.returncode) == (0, 0), ours.err + said
    made = sorted([first.strip(), *theirs.splitlines(), *ours.lines])
    assert made == [f"p/{index}-extended.png" for index in range(6)]
    assert not [path.name for path in (tmp_path / "p").iterdir() if path.name.startswith(".")]


# --- what killed runs leave ----------------------------------------------------------------------------------------


def test_left_overs_are_swept_and_nothing_else(tmp_path: Path) -> None:
    living = temporary_name(tmp_path)
    for path in (living, temporary_name(tmp_path), tmp_path / ".softextend-0.claim", tmp_path / ".softextend.tmp"):
        path.write_bytes(b"x")
    folder = temporary_name(tmp_path)
    folder.mkdir()
    (folder / "1.png").write_bytes(b"x")
    time.sleep(0.1)
    with locked(living):
        assert sweep(tmp_path) == 3
        assert sorted(tmp_path.iterdir()) == sorted([living, tmp_path / ".softextend.tmp"])
    assert sweep(tmp_path) == 1


def test_a_killed_run_leaves_nothing_for_long(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from softextend.pictures.files import whole_file\n"
        "with whole_file(Path('x.png'), overwrite=False) as temporary: print('there', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        assert sweep(tmp_path) == 0
        process.kill()
        process.wait()
    assert sweep(tmp_path) == 1


# --- what is no regular file ---------------------------------------------------------------------------------------


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    link = tmp_path / "null.png"
    link.symlink_to("/dev/null")
    for overwrite in (False, True):
        write_file(link, b"x" * 100_000, overwrite=overwrite)
    assert Path("/dev/null").is_char_device()
    assert link.is_symlink()


def test_a_named_pipe_is_written_into(run: Run, tmp_path: Path) -> None:
    photo("a.png")
    os.mkfifo("pipe.png")
    with subprocess.Popen(["cat", "pipe.png"], stdout=-1, cwd=tmp_path) as reader:
        ran = run("extend", "a.png", *SIDES, "-o", "pipe.png", "--overwrite")
        out, _ = reader.communicate()
    assert ran.code == 0
    assert Path("pipe.png").is_fifo()
    Path("got.png").write_bytes(out)
    assert recipe("got.png")["command"]["input"] == "a.png"


def test_whole_files_refuse_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.mp4")
    with pytest.raises(Exception, match="is a pipe or a device"), whole_file(tmp_path / "x.mp4", overwrite=True):
        pass
    (tmp_path / "y").touch()
    with pytest.raises(AlreadyExists), whole_file(tmp_path / "y", overwrite=False):
        pass
