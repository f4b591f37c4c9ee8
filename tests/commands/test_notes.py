"""What a run says beside its result: on stderr before any work, in the result and in `--json`, once a picture."""

from __future__ import annotations

import pytest
from running import Run, photo, size

LACK = "too little of the picture is known for patches: its edge is stretched instead"
SIDES = ("--sides", 0, 8, 0, 0)


@pytest.mark.parametrize("side", [2, 5])
@pytest.mark.parametrize("command", ["extend", "prepare"])
def test_too_little_for_patches_is_said(run: Run, command: str, side: int) -> None:
    photo("a.png", side, side)
    ran = run(command, "a.png", *SIDES, "--fill", "patch", "--seed", 1, "--json")
    assert ran.code == 0
    assert ran.err.count(f"a.png: {LACK}\n") == 1
    assert ran.facts[0]["notes"] == [LACK]
    assert size(ran.facts[0]["output"]) == (side + 8, side)


def test_it_is_said_of_the_model_s_own_fill_before_anything_is_done(run: Run) -> None:
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
