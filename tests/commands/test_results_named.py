"""Where results go and what they are called, as people say it: -o DIR/, --suffix, --recursive, --quality."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from running import Run, photo

from softextend.pictures.read import read_recipe

QUICK = ("--sides", 0, 8, 0, 0, "--fill", "edge", "--strength", 0, "--seed", 1)


@pytest.mark.parametrize("words", [("-o", "wide/"), ("--output=wide/",), ("--output", "wide/"), ("-o", "there")])
def test_a_folder_after_o_is_the_folder_of_results(run: Run, words: tuple[str, ...]) -> None:
    photo("a.png")
    photo("b.png")
    Path("there").mkdir()
    ran = run("extend", "a.png", "b.png", *QUICK, *words)
    assert ran.code == 0, ran.err
    folder = words[-1].removeprefix("--output=").rstrip("/")
    assert ran.lines == [f"{folder}/a-extended.png", f"{folder}/b-extended.png"]


def test_two_folders_of_results_are_refused(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *QUICK, "-o", "x/", "--out-dir", "y")
    assert ran.code == 2
    assert "-o and --out-dir: both name a folder" in ran.err


def test_recursive_searches_the_folders_in_a_folder_and_mirrors_them(run: Run) -> None:
    Path("p/q").mkdir(parents=True)
    photo("p/a.png")
    photo("p/q/b.png")
    ran = run("extend", "p", "--recursive", *QUICK, "--out-dir", "out")
    assert ran.lines == ["out/a-extended.png", "out/q/b-extended.png"]
    Path("r/s").mkdir(parents=True)
    photo("r/s/c.png")
    alone = run("extend", "r", *QUICK)
    assert alone.code == 2
    assert "--recursive searches the folders in it too" in alone.err
    assert run("extend", "r", "-r", *QUICK).lines == ["r/s/c-extended.png"]


def test_a_suffix_of_one_s_own_and_its_results_are_no_inputs(run: Run) -> None:
    Path("p").mkdir()
    photo("p/a.png")
    assert run("extend", "p", *QUICK, "--suffix", "_wide").lines == ["p/a_wide.png"]
    again = run("extend", "p", *QUICK, "--suffix", "_wide", "--skip-existing")
    assert (again.code, again.out) == (0, "")
    assert "left out 1 earlier result" in again.err
    assert run("extend", "p/a.png", *QUICK, "--suffix", "", "--out-dir", "same").lines == ["same/a.png"]
    refused = run("extend", "p", *QUICK, "--suffix", "x/y")
    assert refused.code == 2
    assert "--suffix 'x/y': is a part of a name" in refused.err
    itself = run("extend", "p/a.png", *QUICK, "--suffix", "", "--overwrite")
    assert itself.code == 2
    assert "the output is an input" in itself.err


@pytest.mark.parametrize("format", ["jpg", "webp", "avif"])
def test_quality_makes_lossy_files_smaller_and_redo_keeps_it(run: Run, format: str) -> None:
    photo("a.png", 96, 96)
    for quality in (20, 90):
        assert run("extend", "a.png", *QUICK, "--quality", quality, "-o", f"{quality}.{format}").code == 0
    small, large = (Path(f"{quality}.{format}").read_bytes() for quality in (20, 90))
    assert len(small) < 0.95 * len(large)
    assert read_recipe(Path(f"20.{format}"))["command"]["quality"] == 20
    assert run("redo", f"20.{format}", "-o", f"again.{format}").code == 0
    with Image.open(f"20.{format}") as first, Image.open(f"again.{format}") as again:
        assert first.tobytes() == again.tobytes()
    other = run("extend", "a.png", *QUICK, "--quality", 30, "-o", f"20.{format}", "--skip-existing")
    assert "made with another quality (20, now 30)" in other.err


def test_quality_of_a_format_that_loses_nothing_is_said(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *QUICK, "--quality", 30, "--json")
    assert "a.png: --quality 30: has no effect, PNG loses nothing" in ran.err
    assert any("--quality 30" in note for note in ran.facts[0]["notes"])
    assert "must be from 1 to 100" in run("extend", "a.png", *QUICK, "--quality", 0).err
