"""What a run says beside its result: on stderr before any work, in the result and in `--json`, once a picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image
from running import Run, photo, size
from toymodel import put_fill

LACK = "too little of the picture is known for patches: its edge is stretched instead"
SIDES = ("--sides", 0, 8, 0, 0, "--overlap", 1, "--feather", 1)  # named, so that nothing is said of them


@pytest.mark.parametrize("side", [2, 5])
@pytest.mark.parametrize("command", ["extend", "prepare"])
def test_too_little_for_patches_is_said(run: Run, command: str, side: int) -> None:
    photo("a.png", side, side)
    ran = run(command, "a.png", *SIDES, "--fill", "patch", "--seed", 1, "--json")
    assert ran.code == 0
    assert ran.err.count(f"a.png: {LACK}\n") == 1
    assert ran.facts[0]["notes"] == [LACK]
    assert size(ran.facts[0]["output"]) == (side + 8, side)


def test_it_is_said_of_the_model_s_own_fill_before_anything_is_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put_fill(monkeypatch)
    photo("a.png", 5, 5)
    ran = run("extend", "a.png", *SIDES, "--model", "self", "--dry-run", "--json")
    assert f"a.png: {LACK}\n" in ran.err
    assert ran.facts[0]["plan"]["notes"] == [LACK]
    assert not run.loads  # type: ignore[attr-defined]


def test_it_is_said_once_whatever_the_seeds_and_passes(run: Run) -> None:
    photo("a.png", 5, 5)
    given = ("extend", "a.png", *SIDES, "--fill", "patch", "--passes", 3, "--json")
    for more in (("--num", 2), ("--best-of", 2)):
        ran = run(*given, "--seed", 1, "--overwrite", *more)
        assert ran.err.count(LACK) == 1
        assert all(facts["notes"] == [LACK] for facts in ran.facts)


@pytest.mark.parametrize(("side", "fill"), [(40, "patch"), (5, "edge")])
def test_where_enough_is_known_nothing_is_said(run: Run, side: int, fill: str) -> None:
    photo("a.png", side, side)
    for command in ("extend", "prepare"):
        ran = run(command, "a.png", *SIDES, "--fill", fill, "--seed", 1, "--json")
        assert ran.code == 0
        assert "patches" not in ran.err
        assert "notes" not in ran.facts[0]


def test_notes_of_the_picture_are_in_json_too(run: Run) -> None:
    photo("a.png", 60, 60)
    for command in ("extend", "prepare"):
        ran = run(command, "a.png", *SIDES, "--trim", 4, "--fill", "edge", "--seed", 1, "--json")
        assert ran.facts[0]["notes"] == ["trimmed to 52x52"]
        assert ran.err.count("trimmed to 52x52") == 1


# --- the model's own overlap and feather on a small picture -----------------------------------------------------------

SHRUNK = "overlap 4 px, feather 8 px: the model's 12 and 24 are for larger pictures"


@pytest.mark.parametrize("command", ["extend", "prepare"])
def test_what_shrinks_by_itself_is_said(run: Run, command: str) -> None:
    photo("a.png")
    given = (command, "a.png", "--sides", 0, 16, 0, 0, "--fill", "edge", "--seed", 1)
    ran = run(*given, "--json")
    assert ran.err.count(f"a.png: {SHRUNK}\n") == 1
    assert ran.facts[0]["notes"] == [SHRUNK]
    named = run(*given, "--overlap", 12, "--feather", 24, "--json", "--overwrite")
    assert "larger pictures" not in named.err
    assert "notes" not in named.facts[0]
    half = run(*given, "--overlap", 2, "--json", "--overwrite")
    assert half.facts[0]["notes"] == ["feather 12 px: the model's 24 is for larger pictures"]
    assert run(*given, "--quiet", "--overwrite").err == ""


def test_a_plan_has_what_was_named(run: Run) -> None:
    photo("a.png")
    given = ("extend", "a.png", "--sides", 0, 16, 0, 0, "--dry-run", "--json")
    (facts,) = run(*given, "--overlap", 12, "--feather", 24).facts
    assert (facts["plan"]["overlap_px"], facts["plan"]["feather_px"], facts["plan"]["band_px"]) == (12, 24, 24)
    assert facts["plan"]["notes"] == []
    (facts,) = run(*given).facts
    assert (facts["plan"]["overlap_px"], facts["plan"]["feather_px"], facts["plan"]["band_px"]) == (4, 8, 8)
    assert facts["plan"]["notes"] == [SHRUNK]


# --- what the built-in model does badly -------------------------------------------------------------------------------


def scene(name: str, *, thing: bool = False, slant: float | None = None) -> None:
    """A meadow of noise under a sky; with a red ball that the right border cuts, or with lines that fan out there."""
    rng = np.random.default_rng(5)
    pixels = np.full((160, 200, 3), (120, 160, 210), np.float32)
    pixels[80:] = (70, 110, 50)
    pixels[80:] += rng.normal(0, 18, (80, 200, 1))
    if thing:
        rows, columns = np.mgrid[:160, :200]
        pixels[(rows - 96) ** 2 + (columns - 196) ** 2 < 26**2] = (210, 30, 30)
    if slant is not None:
        for index in range(5):
            foot = 30 + 5 * index
            cv2.line(pixels, (120, foot), (199, round(foot + 79 * slant * (index - 2))), (60, 60, 60), 2)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(name)


@pytest.mark.parametrize(
    ("slant", "side", "said"),
    [(0.2, "right", True), (0.2, "left", False), (0.0, "right", False), (None, "right", False)],
)
def test_perspective_is_said_of_the_sides_that_lines_run_out_of(
    run: Run, slant: float | None, side: str, said: bool
) -> None:
    scene("a.png", slant=slant)
    added = (0, 20, 0, 0) if side == "right" else (0, 0, 0, 20)
    ran = run("extend", "a.png", "--sides", *added, "--model", "self", "--dry-run", "--json")
    assert ("lines run out at a slant on the right (perspective): " in ran.err) == said
    assert len(ran.facts[0]["plan"]["notes"]) == said


@pytest.mark.parametrize(
    ("thing", "sides", "said"),
    [
        (False, ("--sides", 0, 60, 0, 60), "60% of the photo's area is added: "),
        (False, ("--scale", 2), "3.0 times the photo's area is added: "),
        (False, ("--sides", 0, 40, 0, 40), None),
        (True, ("--sides", 0, 20, 0, 20), "something stands on the right border: "),
        (True, ("--sides", 0, 0, 0, 20), None),  # the border that cuts it stays
        (True, ("--aspect", "2:1"), "60% of the photo's area is added and something stands on the right border: "),
    ],
)
def test_what_the_built_in_model_does_badly_is_said_before_the_work(
    run: Run, thing: bool, sides: tuple[object, ...], said: str | None
) -> None:
    scene("a.png", thing=thing)
    ran = run("extend", "a.png", *sides, "--model", "self", "--dry-run", "--json")
    notes = ran.facts[0]["plan"]["notes"]
    if said is None:
        assert not notes
        return
    assert [note.startswith(said) for note in notes] == [True]
    assert "--model FILE.safetensors" in notes[0]
    assert f"a.png: {notes[0]}\n" in ran.err


def test_what_self_cannot_do_is_said_in_full_once_a_batch(run: Run) -> None:
    for name in ("a.png", "b.png"):
        photo(name, 96, 96)
    ran = run("extend", "a.png", "b.png", "--sides", 0, 96, 0, 0, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    assert ran.err.count("the built-in model only repeats what the photo shows") == 1
    assert ran.err.count("100% of the photo's area is added") == 2
    assert all("only repeats" in facts["plan"]["notes"][-1] for facts in ran.facts)
