"""Edges that join: each pass on a canvas that is turned, so that the gap between them is a hole in its middle.

Fill, change map and model then see both sides of the gap, whatever they are; what is cut in its stead is the middle of
the photo, which stays. Where something is added along that cut too, a last pass paints it once more, turned otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from softextend.errors import BadRequest
from softextend.pictures.wrap import STRAIGHT, Turn
from softextend.types import Box, Sides, Wrap

if TYPE_CHECKING:
    from softextend.types import Known

QUARTER = 4  # parts of the picture; between two of its cuts
CLOSED = 64  # px, at least so much of what is added is painted once more on both sides of a cut, where there is room


def check_reach(wrap: Wrap, reach: int, *, width: int, height: int) -> None:
    """BadRequest where the change map would reach the cut, a quarter of the picture off."""
    for axis, joins, extent in zip("yx", wrap.axes, (height, width), strict=True):
        if joins and reach >= extent // QUARTER:
            raise BadRequest(
                f"--wrap {wrap.value}: overlap and feather reach {reach} px into the picture, which must be less than "
                f"{extent // QUARTER} px, a quarter of its {'height' if axis == 'y' else 'width'}: name smaller ones"
            )


def unjoined(wrap: Wrap | None, sides: Sides) -> str | None:
    """The note where edges of the photo itself meet, as nothing is added between them."""
    down, across = (False, False) if wrap is None else wrap.axes
    bare = ["left and right"] if across and not (sides.left or sides.right) else []
    bare += ["top and bottom"] if down and not (sides.top or sides.bottom) else []
    return f"wrap: the photo's own edges meet {' and '.join(bare)}, where nothing is added" if bare else None


def joined_in_pass(wrap: Wrap | None, sides: Sides, *, last: bool) -> Wrap | None:
    """Which edges join in one of several passes: the gap that grows is closed by the last."""
    if wrap is None or last:
        return wrap
    down, across = wrap.axes
    down, across = down and not (sides.top or sides.bottom), across and not (sides.left or sides.right)
    return Wrap(("x" if across else "") + ("y" if down else "")) if down or across else None


def cuts(wrap: Wrap, picture: Box, new: Sequence[Box], reach: int, shape: tuple[int, int]) -> tuple[Box, ...]:
    """The bars of a canvas (height, width) over its cuts that hold something new: what is painted once more."""
    bars = []
    thick = max(CLOSED, *(min(each.height, each.width) for each in new)) if new else CLOSED
    for axis, joins in enumerate(wrap.axes):
        extent = (picture.height, picture.width)[axis]
        half = max(1, min(thick, extent // QUARTER - reach - 1))
        at = (picture.top, picture.left)[axis] + extent // 2
        if joins and axis == 0:
            bars.append(Box(top=at - half, left=0, bottom=at + half, right=shape[1]))
        elif joins:
            bars.append(Box(top=0, left=at - half, bottom=shape[0], right=at + half))
    return tuple(bar for bar in bars if any(shared(bar, each) for each in new))


def shared(box: Box, other: Box) -> Box | None:
    """What lies in both, None for nothing."""
    top, left = max(box.top, other.top), max(box.left, other.left)
    bottom, right = min(box.bottom, other.bottom), min(box.right, other.right)
    return Box(top=top, left=left, bottom=bottom, right=right) if top < bottom and left < right else None


def opened(original: Known, bars: Iterable[Box]) -> Known:
    """bool (H, W): everything is known but what the bars hold of what is not the `original`'s (H, W)."""
    known = np.ones_like(original)
    for bar in bars:
        known[bar.cut] = original[bar.cut]
    return known


def turned_boxes(boxes: Iterable[Box], turn: Turn, shape: tuple[int, int]) -> tuple[Box, ...]:
    """Boxes of a canvas of `shape` (height, width) once it is turned: cut at its edges, joined where they meet."""
    if turn == STRAIGHT:
        return tuple(boxes)
    pieces: list[Box] = []
    for box in boxes:
        for top, bottom in _spans(box.top, box.bottom, turn[0], shape[0]):
            for left, right in _spans(box.left, box.right, turn[1], shape[1]):
                _add(pieces, Box(top=top, left=left, bottom=bottom, right=right))
    return tuple(pieces)


def _spans(first: int, last: int, turn: int, extent: int) -> list[tuple[int, int]]:
    """A span of an axis of `extent` px once it is turned: one, or two where it goes over the edge."""
    start = (first + turn) % extent
    stop = start + last - first
    return [(start, stop)] if stop <= extent else [(start, extent), (0, stop - extent)]


def _add(pieces: list[Box], box: Box) -> None:
    """Add a box, as one with those that go on where it ends; in place."""
    for each in pieces:
        rows, columns = (
            (each.top, each.bottom) == (box.top, box.bottom),
            (each.left, each.right) == (box.left, box.right),
        )
        along = columns and (each.bottom == box.top or box.bottom == each.top)
        aside = rows and (each.right == box.left or box.right == each.left)
        if along or aside:
            pieces.remove(each)
            _add(
                pieces,
                Box(
                    top=min(each.top, box.top),
                    left=min(each.left, box.left),
                    bottom=max(each.bottom, box.bottom),
                    right=max(each.right, box.right),
                ),
            )
            return
    pieces.append(box)
