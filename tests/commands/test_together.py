"""Many pictures at once give the bytes of one after the other, and are told of by their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from marking import slow
from running import Run, photo

from softextend.jobs.lanes import Finisher, Lane

SIZES = {"a": (48, 40), "b": (48, 40), "c": (33, 47), "d": (48, 40)}
GIVEN = ("--sides", 0, 16, 8, 0, "--seed", 5)
PATCH = ("--fill", "patch")


def photos() -> None:
    for name, extent in SIZES.items():
        photo(f"in/{name}.png", *extent)


def bytes_in(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


@pytest.mark.parametrize(
    "command",
    [
        slow(("extend", *PATCH)),
        slow(("extend", "--num", 2)),
        slow(("extend", "--best-of", 2, "--keep-all", *PATCH)),
        ("extend", "--best-of", 2, "--keep-all"),
    ],
)
def test_overlapping_pictures_give_the_bytes_of_single_ones(run: Run, command: tuple[object, ...]) -> None:
    photos()
    name, *more = command
    assert run(name, "in", *GIVEN, *more, "--out-dir", "out").code == 0
    together = bytes_in("out")
    for each in SIZES:
        assert run(name, f"in/{each}.png", *GIVEN, *more, "--out-dir", "out", "--overwrite").code == 0
    assert together == bytes_in("out")


COUNTED = ("--num", 3)


@pytest.mark.parametrize("more", [slow(PATCH), COUNTED, slow((*COUNTED, *PATCH)), slow(("--best-of", 3))], ids=str)
def test_batches_give_the_bytes_of_single_ones_where_the_model_does(run: Run, more: tuple[object, ...]) -> None:
    photos()
    found = []
    for batch in (1, 2, "auto"):
        ran = run("extend", "in", *GIVEN, *more, "--out-dir", "out", "--batch", batch, "--overwrite")
        assert ran.code == 0, ran.err
        found.append(bytes_in("out"))
    assert found[0] == found[1] == found[2]


def test_canvases_that_overlap_give_the_bytes_of_single_ones(run: Run) -> None:
    photos()
    assert run("prepare", "in", *GIVEN, *PATCH, "--out-dir", "out").code == 0
    together = bytes_in("out")
    for each in SIZES:
        assert run("prepare", f"in/{each}.png", *GIVEN, *PATCH, "--out-dir", "out", "--overwrite").code == 0
    assert together == bytes_in("out")


def test_every_line_has_its_place_among_the_inputs(run: Run) -> None:
    photos()
    Path("in/b.png").write_bytes(b"no picture")
    ran = run("extend", "in/a.png", "gone.png", "in/b.png", "in/d.png", *GIVEN, "--json")
    places = {facts["input"]: facts["index"] for facts in ran.facts}
    assert places == {"in/a.png": 0, "gone.png": 1, "in/b.png": 2, "in/d.png": 3}
    again = run("extend", "in", "nothing/", *GIVEN, "--num", 2, "--overwrite", "--json")
    assert [(facts["index"], facts["seed"]) for facts in again.facts if "seed" in facts] == [
        (index, seed) for index in (0, 2, 3) for seed in (5, 6)
    ]


def test_one_picture_needs_no_lanes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    monkeypatch.setattr(Lane, "run", None)
    monkeypatch.setattr(Finisher, "run", None)
    assert run("extend", "a.png", *GIVEN).code == 0
