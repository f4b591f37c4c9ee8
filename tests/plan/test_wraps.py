"""Edges that join: the turned canvas, its passes, and what is refused; held against arrays that are turned."""

from __future__ import annotations

import numpy as np
import pytest

from softextend.errors import BadRequest
from softextend.models.profiles import SDXL_PROFILE, SELF_PROFILE
from softextend.options import Spec
from softextend.pictures.wrap import back, turned
from softextend.plan.canvas import grow
from softextend.plan.describe import plan_as_dict, plan_rows
from softextend.plan.grammar import parse_sides
from softextend.plan.plan import Plan, resolve
from softextend.plan.wraps import opened, turned_boxes
from softextend.types import Box, Wrap


def planned(wrap: str, sides: str, size: tuple[int, int] = (301, 203), profile=SELF_PROFILE, **more: object) -> Plan:  # type: ignore[no-untyped-def]
    spec = Spec.of(wrap=Wrap(wrap), sides=parse_sides(sides), seed=1, **more)
    return resolve(spec, profile, width=size[0], height=size[1])


def covered(boxes: tuple[Box, ...], shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros(shape, np.int64)
    for each in boxes:
        found[each.cut] += 1
    return found


def test_turned_boxes_are_where_turned_pixels_are() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        shape = tuple(int(each) for each in rng.integers(2, 30, 2))
        top, bottom = sorted(int(each) for each in rng.integers(0, shape[0] + 1, 2))
        left, right = sorted(int(each) for each in rng.integers(0, shape[1] + 1, 2))
        box = Box(top=top, left=left, bottom=bottom, right=right)
        if not box.area:
            continue
        turn = int(rng.integers(-40, 40)), int(rng.integers(-40, 40))
        expected = turned(covered((box,), shape), turn)
        assert np.array_equal(covered(turned_boxes([box], turn, shape), shape), expected)
        assert np.array_equal(turned(turned(expected, turn), back(turn)), expected)


@pytest.mark.parametrize(
    ("wrap", "sides", "passes"),
    [
        ("x", "0 60 0 31", 1),
        ("x", "0 60 0 0", 1),
        ("y", "7 0 30 0", 1),
        ("x", "20 60 0 31", 2),
        ("xy", "40", 2),
        ("x", "40 0 0 0", 2),
        ("y", "0 40 0 0", 2),
    ],
)
def test_all_that_is_new_lies_inside_in_one_of_the_passes(wrap: str, sides: str, passes: int) -> None:
    """Every pair of new pixels that joins over an edge is seen side by side by the pass that paints it last."""
    plan = planned(wrap, sides)
    each = plan.each_pass()
    assert len(each) == passes == plan_as_dict(plan)["passes"]
    _, original = grow(np.zeros((203, 301, 3), np.uint8), np.ones((203, 301), np.bool_), plan.canvas.sides)
    unseen = np.zeros(original.shape, np.bool_)  # new, and painted where its neighbour was beyond the canvas's edge
    for part in each:
        known = opened(original, part.opened) if part.opened else original
        assert part.canvas.shape == original.shape
        there = turned(~known, part.canvas.turn)
        boxes = covered(part.canvas.new, original.shape) > 0
        assert (boxes >= there).all()
        assert not (boxes & turned(original, part.canvas.turn)).any()
        cut = np.zeros_like(there)
        down, across = Wrap(wrap).axes
        cut[[0, -1]] |= down
        cut[:, [0, -1]] |= across
        unseen[~known] = False
        unseen |= turned(there & cut, back(part.canvas.turn))
    assert not unseen.any()


def test_passes_that_grow_close_the_gap_in_the_last() -> None:
    plan = planned("x", "0 512 0 512", (640, 512), SDXL_PROFILE, passes=3)
    each = plan.each_pass()
    assert [part.canvas.wrap for part in each] == [None, None, Wrap.X]
    assert each[-1].canvas.size == (1664, 512)
    strips = planned("x", "512 0 0 0", (1024, 512), SDXL_PROFILE, passes=2).each_pass()
    assert [bool(part.opened) for part in strips] == [False, True, False, True]  # each strip joins as it is added
    assert len({part.seed for part in (*each, *strips)}) == 4


def test_a_map_that_reaches_the_cut_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"--wrap x: overlap and feather reach 80 px .* less than 75 px"):
        planned("x", "0 60 0 0", overlap=80, feather=0)
    planned("y", "0 60 0 0", (301, 600), overlap=80, feather=0)


def test_a_plan_says_what_joins() -> None:
    plan = planned("xy", "0 60 0 0")
    assert ("wrap", "the left edge joins the right, the top the bottom") in plan_rows(plan)
    assert plan_as_dict(plan)["wrap"] == "xy"
    assert plan.notes == ("wrap: the photo's own edges meet top and bottom, where nothing is added",)
