"""Batches: names that no stream can hold, inputs that are gone, full disks, what programs read of failures."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from running import Run, photo, read_all, recipe
from toymodel import ToyModel

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")
TOY = str(Path(__file__).parents[1] / "toymodel.py")
CLEAN = {name: value for name, value in os.environ.items() if name != "SOFTEXTEND_MODEL"}
HOSTILE = "\x1b]0;owned\x07\x1b[31mred.png"
NAMES = (HOSTILE, "日本.png", os.fsdecode(b"caf\xe9.png"), "line\nbreak.png", "\u202egnp.png")


def spawned(folder: Path, *words: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """A run in a process of its own; `options` are further environment variables."""
    environment = {**CLEAN, "XDG_CONFIG_HOME": str(folder), **options}
    command = [sys.executable, TOY, *map(os.fsencode, map(str, words))]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)


# --- names ---------------------------------------------------------------------------------------------------------


def look(code: int, out: bytes, err: bytes) -> None:
    """All names are told of, and none as it is."""
    assert code == 0, err
    assert b"fault" not in err
    assert len(out.splitlines()) == len(NAMES)
    assert not any(byte in out + err for byte in (b"\x1b", b"\x07", b"\xe2\x80\xae"))


def test_no_name_stops_a_batch(tmp_path: Path) -> None:
    for name in NAMES:
        photo(tmp_path / "p" / name)
    ran = spawned(tmp_path, "extend", "p", *SIDES, PYTHONIOENCODING="ascii")
    look(ran.returncode, ran.stdout, ran.stderr)


def test_no_name_stops_the_facts_of_a_batch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        photo(f"p/{name}")
    narrow = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    ran = run("extend", "p", *SIDES, "--json")
    narrow.flush()
    look(ran.code, narrow.buffer.getvalue(), ran.err.encode())  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_terminal_obeys_no_name(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    for name in NAMES:
        photo(tmp_path / "p" / name)
    master, slave = pty.openpty()
    command = [sys.executable, TOY, "extend", "p", *map(str, SIDES), "-v"]
    environment = {**CLEAN, "TERM": "dumb", "COLUMNS": "300", "XDG_CONFIG_HOME": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        seen = read_all(master)
    assert process.returncode == 0
    assert b"owned" in seen
    for raw in (b"\x1b]0;", b"\x07", b"\x1b[31mred", b"\xe9", "\u202e".encode()):
        assert raw not in seen


def test_an_unknown_suffix_names_its_control_characters(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *SIDES, "-o", "x.\x1b[31m")
    assert (ran.code, "\x1b" in ran.err) == (2, False)


# --- trees ---------------------------------------------------------------------------------------------------------


def test_folders_are_mirrored_for_deep_globs(run: Run, shared: Path) -> None:
    shutil.copytree(shared / "inputs" / "tree", "tree")
    ran = run("extend", "tree/**/*.jpg", *SIDES, "--out-dir", "wide")
    assert (ran.code, ran.lines) == (0, ["wide/2023/IMG_0001-extended.jpg", "wide/2024/IMG_0001-extended.jpg"])
    again = run("extend", "tree/**/*.jpg", *SIDES, "--out-dir", "wide", "--skip-existing")
    assert (again.code, again.out) == (0, "")
    inputs = [str(path) for path in sorted(Path("tree").rglob("*.jpg"))]
    flat = run("extend", *inputs, *SIDES, "--out-dir", "flat")
    assert (flat.code, flat.lines) == (1, ["flat/IMG_0001-extended.jpg"])
    assert "--keep-tree" in flat.err
    kept = run("extend", *inputs, *SIDES, "--out-dir", "kept", "--keep-tree", "--save-steps", "steps")
    assert kept.lines == ["kept/2023/IMG_0001-extended.jpg", "kept/2024/IMG_0001-extended.jpg"]
    assert len(list(Path("steps/2024").iterdir())) == 3


# --- inputs are read once ------------------------------------------------------------------------------------------


def test_an_input_that_changes_or_goes_loses_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = ToyModel.predict
    for name, change in (("a.png", Path.unlink), ("b.png", lambda path: path.write_bytes(b"replaced"))):
        photo(name)
        used = hashlib.sha256(Path(name).read_bytes()).hexdigest()

        def meddling(self: ToyModel, *given: Any, name: str = name, change: Any = change) -> Any:
            if Path(name).exists():
                change(Path(name))
            return predict(self, *given)

        monkeypatch.setattr(ToyModel, "predict", meddling)
        ran = run("extend", name, *SIDES)
        assert ran.code == 0, ran.err
        assert recipe(ran.lines[0])["command"]["input_sha256"] == used


def test_a_mask_that_goes_loses_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    photo("m.png")
    used = hashlib.sha256(Path("m.png").read_bytes()).hexdigest()
    predict = ToyModel.predict

    def meddling(self: ToyModel, *given: Any) -> Any:
        Path("m.png").unlink(missing_ok=True)
        return predict(self, *given)

    monkeypatch.setattr(ToyModel, "predict", meddling)
    ran = run("paint", "a.png", "m.png", "--seed", 5)
    assert ran.code == 0, ran.err
    assert recipe("a-painted.png")["command"]["mask_sha256"] == used


def test_a_named_pipe_is_an_input(run: Run) -> None:
    photo("a.png")
    data = Path("a.png").read_bytes()
    os.mkfifo("pipe.png")
    writer = threading.Thread(target=Path("pipe.png").write_bytes, args=(data,))
    writer.start()
    ran = run("extend", "pipe.png", *SIDES, "-o", "x.png")
    writer.join()
    assert ran.code == 0, ran.err
    assert recipe("x.png")["command"]["input_sha256"] == hashlib.sha256(data).hexdigest()


def test_a_picture_from_stdin_has_its_digest(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    data = Path("a.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run("extend", "-", *SIDES, "-o", "x.png").code == 0
    assert recipe("x.png")["command"]["input_sha256"] == hashlib.sha256(data).hexdigest()


# --- what programs read --------------------------------------------------------------------------------------------


def test_every_note_on_an_input_is_in_json(run: Run) -> None:
    frames = [photo("x.png").convert("P"), Image.new("P", (48, 40))]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    (facts,) = run("extend", "a.gif", *SIDES, "--json").facts
    assert any("2 frames; only the first is used" in note for note in facts["notes"])
    photo("c.png").convert("CMYK").save("c.jpg")
    (facts,) = run("extend", "c.jpg", *SIDES, "--json", "--format", "bmp").facts
    assert any("CMYK" in note for note in facts["notes"])
    assert any("BMP holds no colour profile" in note for note in facts["notes"])
    (facts,) = run("prepare", "a.gif", *SIDES, "--fill", "edge", "--json", "--out-dir", "d").facts
    assert any("only the first is used" in note for note in facts["notes"])


def test_failed_lines_name_no_output(run: Run) -> None:
    Path("a.png").write_bytes(b"no picture")
    photo("b.png")
    ran = run("extend", "a.png", "b.png", *SIDES, "--json", "--min-score", 1)
    assert [each["output"] for each in ran.facts] == [None, None]


def test_many_alike_are_counted(run: Run) -> None:
    photo("a.png")
    Path("list").write_text("".join(f"gone/{index}.png\n" for index in range(500)) + "a.png\n")
    for words in ((), ("-q",)):
        ran = run("extend", "--files-from", "list", *SIDES, "--overwrite", *words)
        assert (ran.code, ran.lines) == (1, ["a-extended.png"])
        assert ran.err.count("no such file") == 10
        assert ran.err.count("490 more such files that are not there") == 1
        assert len(ran.err) < 3000
    ran = run("extend", "--files-from", "list", *SIDES, "--overwrite", "--json", "-q")
    assert len(ran.facts) == 501


# --- disks ---------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_found_before_the_painting_and_stops_the_batch(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        photo(f"{name}.png")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 100))
    ran = run("extend", "a.png", "b.png", "c.png", *SIDES, "--json")
    assert ran.code == 1
    assert run.loads == []  # type: ignore[attr-defined]
    assert [each["input"] for each in ran.facts] == ["a.png"]
    assert "the disk is full" in ran.facts[0]["error"]
    assert "2 not made" in ran.err


def test_a_disk_that_fills_up_stops_the_batch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        photo(f"{name}.png")

    def full(*given: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("softextend.pictures.files._write_through", full)
    ran = run("extend", "a.png", "b.png", "c.png", *SIDES, "--json")
    assert ran.code == 1
    assert [each["input"] for each in ran.facts] == ["a.png"]
    assert "2 not made" in ran.err
    assert sorted(path.name for path in Path().glob("*.png")) == ["a.png", "b.png", "c.png"]
