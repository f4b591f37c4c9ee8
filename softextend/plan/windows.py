"""What a model sees of a big canvas, in whole pixels: passes, the scene's scales, windows, and what they form.

A window is as large as the model's own pictures. Windows that overlap form a region and are denoised together
(MultiDiffusion, arXiv:2302.08113); opposite sides of a big picture are regions of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from softextend.plan.boxes import apart, around, common, connected, grown, inside, scaled
from softextend.types import Box, Sides

GRID = 8  # px; window edges lie on it: latents of SDXL are 8 px wide
LONGEST = 2  # windows; a canvas of one window's area is seen whole up to this length, as SDXL's widest training sizes
MARGIN = 8  # parts of a window: it reaches at least 1/8 beyond what it is for, so that windows overlap by 1/4
ROUNDING = 16  # px by which resizing a map and averaging it to latents widen it
CORNER = 29, 100  # share of a window that both sides of a corner may add: (1 - 0.29)^2 of it stays known, a half


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A part of the canvas that is sampled at once: its windows, and the box around them."""

    box: Box
    windows: tuple[Box, ...]


def fits(height: int, width: int, window: int) -> bool:
    """Whether a canvas (px) is no larger than one window, so that the model sees it whole."""
    return height * width <= window**2 and max(height, width) <= LONGEST * window


def margin(window: int) -> int:
    """Pixels by which a window reaches beyond what it is for; windows overlap by twice that."""
    return max(GRID, window // MARGIN // GRID * GRID)


def new_boxes(sides: Sides, width: int, height: int, holes: Sequence[Box] = ()) -> tuple[Box, ...]:
    """What is empty of a canvas, in its px: a strip per side, and the holes (px of the picture, width x height)."""
    down, across = height + sides.top + sides.bottom, width + sides.left + sides.right
    strips = [
        Box(top=0, left=0, bottom=sides.top, right=across),
        Box(top=0, left=across - sides.right, bottom=down, right=across),
        Box(top=down - sides.bottom, left=0, bottom=down, right=across),
        Box(top=0, left=0, bottom=down, right=sides.left),
    ]
    moved = [
        Box(
            top=each.top + sides.top,
            left=each.left + sides.left,
            bottom=each.bottom + sides.top,
            right=each.right + sides.left,
        )
        for each in holes
    ]
    return tuple(each for each in (*strips, *moved) if each.area)


def split_passes(sides: Sides, *, width: int, height: int, window: int, count: int | None = None) -> tuple[Sides, ...]:
    """Sides in equal parts, of which each adds at most half a window and leaves half of every window known.

    One part where the whole canvas fits into a window; `count` parts where it is given.
    """
    down, across = height + sides.top + sides.bottom, width + sides.left + sides.right
    most = max(sides.top, sides.right, sides.bottom, sides.left)
    if count is None:
        corner = (sides.top or sides.bottom) and (sides.left or sides.right)
        room = window - GRID  # what the grid leaves of a window at the canvas's end
        share = room * CORNER[0] // CORNER[1] if corner else room // 2
        count = 1 if fits(down, across, window) else math.ceil(most / max(share, 1))
    count = max(1, min(count, most))
    return tuple(
        Sides(
            top=_part(sides.top, index, count),
            right=_part(sides.right, index, count),
            bottom=_part(sides.bottom, index, count),
            left=_part(sides.left, index, count),
        )
        for index in range(count)
    )


def _part(whole: int, index: int, count: int) -> int:
    return whole * (index + 1) // count - whole * index // count


def scene_scales(new: Sequence[Box], *, height: int, width: int, window: int) -> tuple[float, ...]:
    """Scales below 1, rising, at which a scene is laid out before native windows refine it; none where one window does.

    At the first, a single window holds the longest connected part of what is new; from there no step is more than 2x.
    They depend on the new area's extent and not on how far the picture goes on beyond it.
    """
    free = 2 * margin(window) + ROUNDING  # at an edge inside the canvas: reach and margin
    first = 1.0
    for box in (around(group) for group in connected(new)):
        for low, high, length in ((box.top, box.bottom, height), (box.left, box.right, width)):
            room = window - free * ((low > 0) + (high < length))
            first = min(first, max(room, GRID) / (high - low))
    if first >= 1:
        return ()
    steps = math.ceil(math.log2(1 / first))
    return tuple(first ** ((steps - index) / steps) for index in range(steps))


def stage_regions(
    new: Sequence[Box], *, band: int, full: tuple[int, int], size: tuple[int, int], window: int, joint: bool = True
) -> tuple[Region, ...]:
    """Regions of a stage of `size` (height, width) px on a canvas of `full`; `new` and `band` in px of the full one.

    One window where the full canvas fits into one; with `joint`, windows that overlap form a region, else each is its
    own.
    """
    if fits(*full, window):
        whole = Box(top=0, left=0, bottom=size[0], right=size[1])
        return (Region(box=whole, windows=(whole,)),)
    reach = max(math.ceil(band * size[0] / full[0]) + ROUNDING, margin(window))
    changed = [grown(scaled(box, full, size), reach, size) for box in new]
    windows = cover(changed, height=size[0], width=size[1], window=window)
    groups = connected(windows) if joint else [(each,) for each in windows]
    return tuple(Region(box=around(group), windows=tuple(group)) for group in groups)


def cover(changed: Sequence[Box], *, height: int, width: int, window: int) -> tuple[Box, ...]:
    """Windows on the grid that hold every changed box and a margin around it, and of the canvas as much as they can."""
    edge, size = margin(window), (height, width)
    windows: list[Box] = []
    for box in changed:
        inner = [grown(each, -edge, size) for each in windows]
        if any(inside(box, each) for each in inner):
            continue
        for top in starts(box.top, box.bottom, height, window):
            for left in starts(box.left, box.right, width, window):
                bottom, right = min(top + window, height), min(left + window, width)
                windows.append(Box(top=top, left=left, bottom=bottom, right=right))
    return tuple(dict.fromkeys(windows))


def starts(first: int, last: int, length: int, window: int) -> list[int]:
    """Where windows begin along an axis of `length` px so that [first, last) and margins lie in them.

    One window where it is long enough, its middle on theirs if the canvas allows; else several, evenly, overlapping.
    """
    end, window = math.ceil(length / GRID) * GRID, window // GRID * GRID
    if window >= end:
        return [0]
    edge = margin(window)
    low = max(0, first - edge) // GRID * GRID
    high = min(end, math.ceil((last + edge) / GRID) * GRID)
    if high - low <= window:
        middle = (low + high - window) // 2 // GRID * GRID
        return [min(max(middle, 0), end - window)]
    count = math.ceil((high - low - 2 * edge) / (window - 2 * edge))
    slack = high - low - window
    return [low + slack * index // (count - 1) // GRID * GRID for index in range(count)]


def outward(regions: Iterable[Region], pictures: Sequence[Box]) -> tuple[Region, ...]:
    """Those that hold most of the picture (its parts) first, then by distance: each finds something known beside it."""
    return tuple(
        sorted(
            regions,
            key=lambda region: (
                -sum(common(region.box, each) for each in pictures),
                min(apart(region.box, each) for each in pictures),
            ),
        )
    )
