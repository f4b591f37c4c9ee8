"""Results that cannot be written: one line, the right exit code, and no file harmed."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from refusing import SIDES, Refuse, photo
from running import Run

from softextend import cli


def test_existing_output(refuse: Refuse) -> None:
    photo("a.png")
    Path("a-extended.png").write_text("precious")
    assert "--overwrite" in refuse(1, "extend", "a.png", *SIDES)


def test_output_equal_to_input(refuse: Refuse) -> None:
    photo("a.png")
    assert "the output is an input" in refuse(2, "extend", "a.png", *SIDES, "-o", "a.png", "--overwrite")


def test_the_second_input_with_one_output_name_fails_alone(run: Run) -> None:
    for folder in "pq":
        Path(folder).mkdir()
        photo(f"{folder}/a.png")
    ran = run("extend", "p/a.png", "q/a.png", *SIDES, "--out-dir", "out")
    assert (ran.code, ran.lines) == (1, ["out/a-extended.png"])
    (said,) = (line for line in ran.err.splitlines() if line.startswith("softextend: "))
    assert "p/a.png and q/a.png" in said
    assert "--keep-tree" in said


def test_unwritable_output_folder(refuse: Refuse) -> None:
    photo("a.png")
    Path("file").write_text("x")
    for name in ("file/new", "/proc/new"):
        refuse(1, "extend", "a.png", *SIDES, "--out-dir", name)
        refuse(1, "extend", "a.png", *SIDES, "-o", f"{name}/b.png")
        refuse(1, "sweep", "a.png", *SIDES, "-o", f"{name}/b.png")
        refuse(1, "zoom", "a.png", "-o", f"{name}/b.gif")


def test_disk_full(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in refuse(1, "extend", "a.png", *SIDES)
    Path("a-extended.png").write_text("precious")
    assert "the disk is full" in refuse(1, "extend", "a.png", *SIDES, "--overwrite")


@pytest.mark.parametrize("arguments", [("-o", "-"), (), ("--json",)])
def test_stdout_on_a_full_disk(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    photo("a.png")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.run(["extend", "a.png", *SIDES, *arguments, "-q"]) == 1
    said = capfd.readouterr().err
    assert "stdout: cannot be written" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("fills",)])
def test_talk_on_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.run(list(arguments)) == 1
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("-o", "-"), (), ("--json",)])
def test_closed_stdout_pipe(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    photo("a.png")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert cli.run(["extend", "a.png", *SIDES, *arguments, "-q"]) == 141
    assert capfd.readouterr().err == ""
