"""The canvas: where the picture lies on it, what is new, and which regions are sampled in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from softextend.pictures.wrap import STRAIGHT, Turn, turned
from softextend.plan.boxes import around, connected, grown, scaled
from softextend.plan.windows import Region, fits, margin, new_boxes, outward, scene_scales, stage_regions
from softextend.plan.wraps import turned_boxes
from softextend.types import Box, Sides, Wrap

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True)
class Canvas:
    """A picture of width x height px with its sides; `reach`: px from what is new that the change map covers."""

    width: int
    height: int
    sides: Sides
    holes: tuple[Box, ...]  # parts of the picture that are empty or to be repainted
    reach: int
    window: int  # px; a canvas of this size is seen whole
    joint: bool  # windows that overlap are sampled together
    wrap: Wrap | None = None  # which of its edges join
    turn: Turn = STRAIGHT  # rows and columns by which it is turned over them, with all that is said of it but its sides

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self.width + self.sides.left + self.sides.right, self.height + self.sides.top + self.sides.bottom

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the result, as arrays have them."""
        return self.size[::-1]

    @property
    def picture(self) -> Box:
        """Where the picture lies."""
        top, left = self.sides.top, self.sides.left
        return Box(top=top, left=left, bottom=top + self.height, right=left + self.width)

    @property
    def new(self) -> tuple[Box, ...]:
        """What is empty or to be repainted."""
        return turned_boxes(new_boxes(self.sides, self.width, self.height, self.holes), self.turn, self.shape)

    @property
    def whole(self) -> bool:
        """Whether the model sees the canvas whole."""
        return fits(*self.shape, self.window)

    @property
    def areas(self) -> tuple[Box, ...]:
        """Boxes, apart from each other, outside which nothing changes; the canvas where it is seen whole."""
        if self.whole:
            return (Box(top=0, left=0, bottom=self.shape[0], right=self.shape[1]),)
        boxes = [grown(each, self.reach + 1, self.shape) for each in self.new]
        while len(groups := connected(boxes)) < len(boxes):
            boxes = [around(group) for group in groups]
        return tuple(boxes)

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales at which the scene is laid out before native windows refine it; none where one window does."""
        if self.whole or not self.joint:
            return ()
        return scene_scales(self.new, height=self.shape[0], width=self.shape[1], window=self.window)

    def regions(self, size: tuple[int, int], *, joint: bool | None = None) -> tuple[Region, ...]:
        """What is sampled in turn on the canvas at `size` (height, width), most of the picture first."""
        found = stage_regions(
            self.new,
            band=self.reach,
            full=self.shape,
            size=size,
            window=self.window,
            joint=self.joint if joint is None else joint,
        )
        pictures = turned_boxes([self.picture], self.turn, self.shape)
        return outward(found, [scaled(each, self.shape, size) for each in pictures])


def grow(pixels: Pixels, known: Known, sides: Sides, turn: Turn = STRAIGHT) -> tuple[Pixels, Known]:
    """The picture on its larger canvas, (H, W, 3) and (H, W); the new area is 0 and unknown, gaps stay unknown."""
    return turned(np.pad(pixels, (*margins(sides), (0, 0))), turn), turned(np.pad(known, margins(sides)), turn)


def margins(sides: Sides) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sides as `np.pad` takes them."""
    return (sides.top, sides.bottom), (sides.left, sides.right)


def blocks(where: Known, window: int) -> tuple[Box, ...]:
    """The pixels `where`, bool (H, W), as boxes of at most 3/4 of a window (px) a side, tight."""
    height, width = where.shape
    side = window - 2 * margin(window)
    found = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            part = where[top : top + side, left : left + side]
            rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
            if rows.size:
                first, last = int(columns[0]), int(columns[-1])
                found.append(
                    Box(
                        top=top + int(rows[0]), left=left + first, bottom=top + int(rows[-1]) + 1, right=left + last + 1
                    )
                )
    return tuple(found)


def in_turn(known: Known, canvas: Canvas, *, joint: bool) -> Iterator[tuple[tuple[slice, slice], Known]]:
    """The regions that a fill paints, beside what is known first: each with what is known of it by then (h, w)."""
    painted = known.copy()
    left = [region.box.cut for region in canvas.regions(known.shape, joint=joint)]
    while left:
        cut = left.pop(next((index for index, each in enumerate(left) if painted[each].any()), 0))
        yield cut, np.ascontiguousarray(painted[cut])
        painted[cut] = True
