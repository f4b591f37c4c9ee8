"""Inputs among inputs, folders that are made, what programs read, and what only a terminal sees."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running import Run, photo
from toymodel import ToyModel

from softextend.fill import parse_fill
from softextend.models import find
from softextend.models.profiles import SELF_PROFILE
from softextend.types import FillName

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")
ADVICE = "an SDXL checkpoint does better"

# --- inputs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("gone.png", "a.png", "b/gone.png"), ("--files-from", "list")])
def test_a_file_that_is_missing_fails_alone_wherever_it_was_named(run: Run, words: tuple[str, ...]) -> None:
    photo("a.png")
    Path("list").write_text("gone.png\na.png\nb/gone.png\n")
    ran = run("extend", *words, *SIDES)
    assert (ran.code, ran.out) == (1, "a-extended.png\n")
    for name in ("gone.png", "b/gone.png"):
        assert f"softextend: {name}: no such file" in ran.err
    assert not Path("b").exists()


@pytest.mark.parametrize("order", [("empty", "a.png"), ("a.png", "empty")])
def test_an_empty_folder_fails_alone(run: Run, order: tuple[str, str]) -> None:
    photo("a.png")
    Path("empty").mkdir()
    ran = run("extend", *order, *SIDES)
    assert (ran.code, ran.out) == (1, "a-extended.png\n")
    assert ran.err.count("softextend: empty: no picture in this folder") == 1
    assert ran.err.splitlines()[-1].startswith("1 made, 1 failed")
    ran = run("extend", *order, *SIDES, "--overwrite", "--json", "-q")
    assert [each["output"] for each in ran.facts] == [None, "a-extended.png"]
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert run("extend", *order, *SIDES, "--dry-run").code == 1
    alone = run("extend", "empty", *SIDES)
    assert (alone.code, alone.out, alone.err.count("\n")) == (2, "", 1)


# --- folders -------------------------------------------------------------------------------------------------------


def test_missing_folders_are_made_for_every_output(run: Run) -> None:
    photo("a.png")
    photo("m.png")
    assert run("extend", "a.png", *SIDES, "-o", "n1/deep/x.png").code == 0
    assert run("paint", "a.png", "m.png", "--seed", 5, "-o", "n2/deep/x.png").code == 0
    assert run("prepare", "a.png", *SIDES, "--fill", "edge", "-o", "n3/deep/x.png").code == 0
    assert run("redo", "n1/deep/x.png", "-o", "n4/deep/x.png").code == 0
    assert run("sweep", "a.png", *SIDES, "--strength", "0.5", "-o", "n5/deep/x.png").code == 0
    film = ("--factor", 1.2, "--seconds", 0.1, "--fps", 20, "--seed", 5)
    assert run("zoom", "a.png", *film, "-o", "n6/deep/x.gif").code == 0
    assert run("extend", "a.png", *SIDES, "--plan-image", "n7/deep/x.png", "--save-steps", "n8/deep").code == 0
    for number in range(1, 8):
        assert any(path.stem == "x" for path in Path(f"n{number}/deep").iterdir())
    assert any(Path("n8/deep").iterdir())
    assert run("extend", "a.png", *SIDES, "--dry-run", "-o", "n9/x.png").code == 0
    assert not Path("n9").exists()


def test_a_recipe_in_another_format(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", *SIDES).code == 0
    assert run("redo", "a-extended.png", "--format", "webp").out == "a-extended-redo.webp\n"
    assert run("redo", "a-extended.png", "--format", "tiff", "--out-dir", "d").out == "d/a-redo.tif\n"
    refused = run("redo", "a-extended.png", "--format", "webp", "-o", "b.png")
    assert (refused.code, "end it in" in refused.err) == (2, True)


# --- what programs read --------------------------------------------------------------------------------------------


def leaves(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """All keys of nested JSON values, each with what it holds where that is no more JSON."""
    if isinstance(value, dict):
        return [pair for name, each in value.items() for pair in [(name, None), *leaves(each, name)]]
    if isinstance(value, list):
        return [pair for each in value for pair in leaves(each, key)]
    return [(key, value)]


@pytest.mark.parametrize(
    ("words", "prose"),
    [
        (("fills",), {"meaning", "default"}),
        (("models",), set()),
        (("doctor",), {"system", "name"}),
        (("extend", "a.png", *SIDES, "--dry-run"), {"notes"}),
        (("zoom", "a.png", "--dry-run"), set()),
    ],
)
def test_json_has_names_and_numbers(run: Run, words: tuple[str, ...], prose: set[str]) -> None:
    photo("a.png")
    for facts in run(*words, "--json").facts:
        for key, value in leaves(facts):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", key), key
            assert not isinstance(value, str) or key in prose or " " not in value, (key, value)
            assert not isinstance(value, str) or key in prose or not re.fullmatch(r"\d+(\.\d+)?( ?px|x|%)?", value)


def test_fills_as_json_are_what_fills_take(run: Run) -> None:
    found = {each["name"]: each["parameters"] for each in run("fills", "--json").facts}
    assert set(found) == {each.value for each in FillName}
    assert found["perlin"]["scale"] == {
        "default": 80,
        "minimum": 4,
        "maximum": 2000,
        "unit": "px",
        "meaning": "largest detail of the colour noise",
    }
    for name, parameters in found.items():
        said = ",".join(f"{key}={each['default']}" for key, each in parameters.items())
        assert parse_fill(f"{name}:{said}") == parse_fill(name)


def test_models_as_json(run: Run) -> None:
    (facts,) = run("models", "--json").facts
    profile = SELF_PROFILE
    assert (facts["name"], facts["used"], facts["path"], facts["named_by"]) == ("self", True, None, "default")
    assert (facts["profile"]["window_px"], facts["profile"]["overlap_px"]) == (profile.window, profile.overlap)
    assert facts["profile"]["stages"][0] == {
        "scale": profile.stages[0].scale,
        "strength": profile.stages[0].strength,
        "steps": profile.stages[0].steps,
    }


def test_a_plan_as_json_counts_as_the_table_does(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "known_profile", lambda ref: replace(ToyModel.profile, window=256))
    photo("a.png", 600, 160)
    asked = ("extend", "a.png", "--sides", "0 20 96 10%", "--sampler", "heun", "--passes", 2, "--dry-run", "--seed", 5)
    (facts,) = run(*asked, "--json").facts
    plan, shown = facts["plan"], run(*asked).out
    counts = [int(each) for each in re.search(r"work +(.*)", shown)[1].split() if each.isdigit()]  # type: ignore[index]
    assert [plan[key] for key in ("passes", "regions", "windows", "denoiser_calls")] == counts
    assert 1 < counts[0] < counts[1] < counts[2] < counts[3]
    assert plan["sides_px"] == {"top": 0, "right": 20, "bottom": 96, "left": 60}
    assert plan["output_size"] == {"width": 680, "height": 256}
    assert (plan["band_px"], plan["change"], plan["sampler"]) == (16, 1.0, "heun")


# --- what only a terminal sees -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that says it is one."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_advice_is_for_terminals_and_given_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    photo("b.png")
    words = ("extend", "a.png", "b.png", *SIDES, "--overwrite")
    for more, times in (((), 1), (("-q",), 0), (("--model", "self"), 0)):
        with monkeypatch.context() as patched:
            shown = Terminal()
            patched.setattr(sys, "stderr", shown)
            patched.setenv("COLUMNS", "200")
            assert run(*words, *more).code == 0
        assert shown.getvalue().count(ADVICE) == times, more
    piped = run(*words)
    assert piped.code == 0
    assert ADVICE not in piped.err
    assert "model: self (built in" in piped.err


# --- names ---------------------------------------------------------------------------------------------------------

LONG = "n" * 300


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-o", f"{LONG}.png"), "the name is too long; give a shorter one"),
        (("--out-dir", LONG), "File name too long"),
        (("--lora", f"{LONG}.safetensors", "--model", "self"), "File name too long"),
        (("--model", f"{LONG}.safetensors"), "File name too long"),
        (("--files-from", LONG), "File name too long"),
    ],
)
def test_a_name_that_is_too_long_is_one_line_that_says_which(run: Run, words: tuple[str, ...], says: str) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *SIDES, *words)
    assert (ran.code in (1, 2), ran.out, ran.err.count("\n")) == (True, "", 1)
    assert LONG in ran.err
    assert says in ran.err
    assert "stdout" not in ran.err
