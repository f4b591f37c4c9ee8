"""What is decided before any model is loaded: sizes, fill, map, stages, passes and windows of one picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from softextend.fill import parse_fill
from softextend.mask import change_map
from softextend.plan.boxes import grown
from softextend.plan.input import make_ready
from softextend.plan.plan import Plan, plan
from softextend.plan.windows import margin
from softextend.types import Box, Profile, Sides, Spec, Used

if TYPE_CHECKING:
    from softextend.types import Change, Known, Pixels


SAME_FILL = ("patch",)  # fills whose time and memory are high and whose parts join by themselves: window by window


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prepared:
    """The canvas before sampling: `filled` pixels, `mask` (white = repaint), what is `known`, and the plan."""

    plan: Plan
    filled: Pixels
    mask: Change
    known: Known


def grow(pixels: Pixels, known: Known, sides: Sides) -> tuple[Pixels, Known]:
    """The picture on its larger canvas, (H, W, 3) and (H, W); the new area is 0 and unknown, gaps stay unknown."""
    return np.pad(pixels, (*margins(sides), (0, 0))), np.pad(known, margins(sides))


def margins(sides: Sides) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sides as `np.pad` takes them."""
    return (sides.top, sides.bottom), (sides.left, sides.right)


def plan_for(known: Known, spec: Spec, profile: Profile, used: Used | None = None) -> Plan:
    """`plan` for a picture whose empty parts are where `known`, bool (H, W), is False; `used`: of its file.

    Its notes say where too little is known for the fill.
    """
    height, width = known.shape
    gaps = not known.all()
    holes = blocks(~known, profile.window) if gaps else ()
    settled = plan(spec, profile, width=width, height=height, gaps=gaps, holes=holes, used=used)
    return replace(settled, notes=shortfalls(known, settled))


def shortfalls(known: Known, settled: Plan) -> tuple[str, ...]:
    """What the fill does instead where too little is `known` (H, W) for it, each once; a later pass knows more."""
    fill, first = parse_fill(settled.fill), settled.each_pass()[0]
    parts = [known] if first.whole else (part for _, part in in_turn(np.pad(known, margins(first.sides)), first))
    return tuple(dict.fromkeys(filter(None, map(fill.shortfall, parts))))


def prepare(pixels: Pixels, known: Known, spec: Spec, profile: Profile) -> Prepared:
    """Canvas, fill and map; pixels uint8 (H, W, 3) RGB, known bool (H, W), False where the input is transparent."""
    ready = make_ready(pixels, known, spec)
    settled = plan_for(ready.known, spec, profile, ready.used)
    return prepare_pass(ready.pixels, ready.known, replace(settled, notes=ready.notes + settled.notes))


def prepare_pass(pixels: Pixels, known: Known, settled: Plan) -> Prepared:
    """Canvas, fill and map of what a settled plan adds to a picture of its size."""
    canvas, kept = grow(pixels, known, settled.sides)
    if settled.whole:
        filled = parse_fill(settled.fill).paint(canvas, kept, np.random.default_rng(settled.seed))
        mask = change_map(kept, settled.overlap, settled.feather, settled.change)
    else:
        filled, mask = filled_by_parts(canvas, kept, settled), mapped_by_parts(kept, settled)
    return Prepared(plan=settled, filled=filled, mask=mask, known=kept)


def blocks(where: Known, window: int) -> tuple[Box, ...]:
    """The pixels `where` (H, W) as boxes of at most 3/4 of a window a side, tight."""
    height, width = where.shape
    side = window - 2 * margin(window)
    found = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            part = where[top : top + side, left : left + side]
            rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
            if rows.size:
                first, last = int(columns[0]), int(columns[-1])
                box = Box(
                    top=top + int(rows[0]), left=left + first, bottom=top + int(rows[-1]) + 1, right=left + last + 1
                )
                found.append(box)
    return tuple(found)


def filled_by_parts(canvas: Pixels, known: Known, settled: Plan) -> Pixels:
    """The canvas painted in place, region by region beside what is known by then: no more is looked at than needed."""
    fill, rng = parse_fill(settled.fill), np.random.default_rng(settled.seed)
    for cut, part in in_turn(known, settled):
        canvas[cut] = fill.paint(np.ascontiguousarray(canvas[cut]), part, rng)
    return canvas


def in_turn(known: Known, settled: Plan) -> Iterator[tuple[tuple[slice, slice], Known]]:
    """The regions that the fill paints, beside what is known first: each with what is known of it by then (h, w)."""
    joint = settled.fill.partition(":")[0] not in SAME_FILL
    painted = known.copy()
    left = [region.box.cut for region in settled.regions(known.shape, joint=joint)]
    while left:
        cut = left.pop(next((index for index, each in enumerate(left) if painted[each].any()), 0))
        yield cut, np.ascontiguousarray(painted[cut])
        painted[cut] = True


def mapped_by_parts(known: Known, settled: Plan) -> Change:
    """`change_map` where it is not 0, by pieces: the same values, without a blur of the whole canvas."""
    mask = np.zeros(known.shape, np.float32)
    for box in settled.new:
        near = grown(box, settled.reach + 1, known.shape)
        wide = grown(near, settled.reach + 1, known.shape)
        part = change_map(known[wide.cut], settled.overlap, settled.feather, settled.change)
        top, left = near.top - wide.top, near.left - wide.left
        mask[near.cut] = part[top : top + near.height, left : left + near.width]
    return mask
