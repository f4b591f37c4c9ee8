"""Canvas, fill and map by parts: as the whole would be, and a plan that says what a part will lack."""

from __future__ import annotations

import numpy as np
import pytest
from making import plan_of
from marking import slow
from tolerances import rounding
from windowtoys import SMALL, photo, settled, spec

from softextend.fill import parse_fill
from softextend.fills.base import replicate
from softextend.mask import change_map
from softextend.plan.canvas import grow
from softextend.plan.prepared import filled_by_parts, mapped_by_parts, prepare


@pytest.mark.parametrize("sides", ["0 40 0 0", "40 30 20 60", "0 0 0 0"])
def test_the_map_by_parts_is_the_map(sides: str) -> None:
    known = np.ones((310, 270), bool)
    known[100:130, 90:120] = False
    known[300, 5] = False
    plan, grown = settled(known, sides)
    whole = change_map(grown, plan.overlap, plan.feather, plan.change)
    assert np.abs(mapped_by_parts(grown, plan) - whole).max() < rounding("float32", terms=plan.feather**2)


@pytest.mark.parametrize(
    ("fill", "sides"),
    [
        *((fill, sides) for fill in ("edge", "perlin", "telea") for sides in ("0 40 0 40", "40 30 20 60", "0 0 0 0")),
        *(("patch", "0 40 0 40"), slow("patch", "40 30 20 60"), ("patch", "0 0 0 0")),
    ],
)
def test_fills_by_parts_paint_all_that_is_empty_and_nothing_else(sides: str, fill: str) -> None:
    pixels, known = photo(310, 270), np.ones((310, 270), bool)
    known[100:130, 90:120] = False
    plan, _ = settled(known, sides, fill)
    canvas, grown = grow(pixels, known, plan.canvas.sides)
    canvas[~grown] = (255, 0, 255)
    before = canvas.copy()
    filled = filled_by_parts(canvas, grown, plan)
    assert np.array_equal(filled[grown], before[grown])
    assert not (filled[~grown] == (255, 0, 255)).all(1).any()
    if fill == "edge":
        whole = parse_fill("edge").paint(before, grown, np.random.default_rng(0))
        assert (filled == whole).all(2).mean() > 0.99


def test_a_plan_says_where_the_fill_will_lack_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so exactly where the fill, which sees a large canvas by parts, stretches in one of them."""
    stretched: list[bool] = []
    monkeypatch.setattr("softextend.fills.patch.replicate", lambda *given: stretched.append(True) or replicate(*given))
    monkeypatch.setattr("softextend.fills.completion.complete", lambda pixels, *given: replicate(pixels, given[0]))
    pixels, asked = photo(400, 60), spec("0 0 0 0", fill="patch")
    seen = set()
    for top in range(0, 391, 26):
        known = np.zeros((400, 60), bool)
        known[top : top + 10, 20:30] = True  # enough, unless a window's end cuts it
        plan = plan_of(known, asked, SMALL)
        stretched.clear()
        prepare(pixels, known, plan)
        assert bool(plan.notes) == bool(stretched)
        assert len(plan.notes) <= 1
        seen.add(bool(stretched))
    assert seen == {True, False}
    assert plan_of(known, spec("0 0 0 0", fill="edge"), SMALL).notes == ()
    few = np.ones((5, 5), bool)
    assert plan_of(few, spec("200 0 0 300", fill="patch", allow_large=True), SMALL).notes
