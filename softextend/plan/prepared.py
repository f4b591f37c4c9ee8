"""The canvas before sampling: grown, filled and mapped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from softextend import interrupt
from softextend.fill import parse_fill
from softextend.finish.composite import join
from softextend.finish.contract import kept_area
from softextend.mask import change_map, hard
from softextend.pictures.borders import rims
from softextend.pictures.wrap import back, turned
from softextend.plan.boxes import grown
from softextend.plan.canvas import grow, in_turn
from softextend.plan.plan import Plan, joins_fill
from softextend.plan.wraps import opened
from softextend.types import Method

if TYPE_CHECKING:
    from softextend.pictures.planes import Planes
    from softextend.types import Change, Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prepared:
    """`filled` uint8 (H, W, 3), `change` float32 (H, W), 1 = repaint, what is `known` bool (H, W), and the plan.

    `photo` uint8 (h, w, 3): what it grows from. `rim` bool (H, W): the photo's thin borders, not known where they meet
    what is new.
    """

    plan: Plan
    filled: Pixels
    change: Change
    known: Known
    photo: Pixels
    rim: Known

    def straight(self) -> Prepared:
        """As it is on a canvas that is not turned."""
        turn = back(self.plan.canvas.turn)
        filled, change, known, rim = (turned(each, turn) for each in (self.filled, self.change, self.known, self.rim))
        return replace(self, filled=filled, change=change, known=known, rim=rim)


def prepare_whole(pixels: Pixels, known: Known, plan: Plan) -> Prepared:
    """`prepare` of all that a plan adds, in one pass; where edges join, over them too."""
    if plan.canvas.wrap is None:
        return prepare(pixels, known, plan)
    first, *more = replace(plan, passes=(plan.canvas.sides,)).each_pass()
    made = prepare(pixels, known, first).straight()
    filled = made.filled
    for each in more:
        filled = prepare(filled, opened(made.known, each.opened), each).straight().filled
    return replace(made, plan=plan, filled=filled)


def prepare(pixels: Pixels, known: Known, plan: Plan, rim: Known | None = None) -> Prepared:
    """Canvas, fill and change map of one pass, turned as its plan is; pixels uint8 (H, W, 3) RGB, known bool (H, W).

    `rim` bool (H, W): the photo's thin borders, painted over within the band; None: they are looked for.
    """
    rim = grow(pixels, rims(pixels, known) if rim is None else rim, plan.canvas.sides, plan.canvas.turn)[1]
    canvas, kept = grow(pixels, known, plan.canvas.sides, plan.canvas.turn)
    if rim.any() and plan.band:
        kept &= kept_area(kept, plan.band) | ~rim
    if plan.canvas.whole:
        fill, rng = parse_fill(plan.fill), np.random.default_rng(plan.seed)
        filled = interrupt.waited(partial(fill.paint, canvas, kept, rng))
        change = change_map(kept, plan.overlap, plan.feather, plan.change)
    else:
        filled, change = filled_by_parts(canvas, kept, plan), mapped_by_parts(kept, plan)
    return Prepared(plan=plan, filled=filled, change=as_method(change, plan), known=kept, photo=pixels, rim=rim)


def as_method(change: Change, plan: Plan) -> Change:
    """The map (H, W) in [0, 1] as the plan's method takes it."""
    return hard(change) if plan.method is Method.CLASSIC else change


def filled_planes(prepared: Prepared, planes: Planes) -> Planes:
    """The filled canvas at the depth of the picture's `planes`."""
    canvas = planes.grown(prepared.plan.canvas.sides)
    if canvas.colour.dtype == np.uint8 and not canvas.grey:  # as the fill is, so that there is nothing to convert
        return replace(canvas, colour=np.where(prepared.known[..., None], canvas.colour, prepared.filled))
    new = np.where(prepared.known, 0, 1).astype(np.float32)
    return join(canvas, np.asarray(prepared.filled, np.float32), new)


def filled_by_parts(canvas: Pixels, known: Known, plan: Plan) -> Pixels:
    """The canvas (H, W, 3) painted in place, region by region beside what is known by then."""
    fill, rng = parse_fill(plan.fill), np.random.default_rng(plan.seed)
    for cut, part in in_turn(known, plan.canvas, joint=joins_fill(plan)):
        canvas[cut] = interrupt.waited(partial(fill.paint, np.ascontiguousarray(canvas[cut]), part, rng))
    return canvas


def mapped_by_parts(known: Known, plan: Plan) -> Change:
    """`change_map` of known (H, W) where it is not 0, by pieces: the same values, without blurring it all."""
    change = np.zeros(known.shape, np.float32)
    reach = plan.canvas.reach + 1
    for box in plan.canvas.new:
        near = grown(box, reach, known.shape)
        wide = grown(near, reach, known.shape)
        part = change_map(known[wide.cut], plan.overlap, plan.feather, plan.change)
        top, left = near.top - wide.top, near.left - wide.left
        change[near.cut] = part[top : top + near.height, left : left + near.width]
    return change
