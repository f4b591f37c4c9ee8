"""Boxes of a picture: tiles, neighbours, overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from softextend.types import Box


def connected(boxes: Sequence[Box]) -> list[tuple[Box, ...]]:
    """Groups of boxes that touch, directly or by others, in the order of their first boxes."""
    groups: list[list[Box]] = []
    for box in boxes:
        touched = [group for group in groups if any(apart(box, each) == 0 for each in group)]
        merged = [*(each for group in touched for each in group), box]
        groups = [group for group in groups if group not in touched]
        groups.append(merged)
    return [tuple(group) for group in sorted(groups, key=lambda group: min(map(boxes.index, group)))]


def scaled(box: Box, full: tuple[int, int], size: tuple[int, int]) -> Box:
    """The box of a canvas of `full` (height, width) on one of `size`, rounded outward."""
    return Box(
        top=box.top * size[0] // full[0],
        left=box.left * size[1] // full[1],
        bottom=-(-box.bottom * size[0] // full[0]),
        right=-(-box.right * size[1] // full[1]),
    )


def moved(box: Box, origin: Box) -> Box:
    """The box as seen from the top left corner of another that holds it."""
    return Box(
        top=box.top - origin.top,
        left=box.left - origin.left,
        bottom=box.bottom - origin.top,
        right=box.right - origin.left,
    )


def tiles(boxes: Iterable[Box], reach: int, size: tuple[int, int], side: int = 2048) -> Iterator[Box]:
    """The boxes grown by `reach` px within a canvas of `size`, in pieces of at most `side` px."""
    for box in (grown(each, reach, size) for each in boxes):
        for top in range(box.top, box.bottom, side):
            for left in range(box.left, box.right, side):
                yield Box(top=top, left=left, bottom=min(top + side, box.bottom), right=min(left + side, box.right))


def grown(box: Box, by: int, size: tuple[int, int]) -> Box:
    """The box `by` px larger on every side, within a canvas of `size`; negative: smaller, but not at its edges."""
    return Box(
        top=max(0, box.top - by) if by > 0 or box.top else 0,
        left=max(0, box.left - by) if by > 0 or box.left else 0,
        bottom=min(size[0], box.bottom + by) if by > 0 or box.bottom < size[0] else size[0],
        right=min(size[1], box.right + by) if by > 0 or box.right < size[1] else size[1],
    )


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of them."""
    tops, lefts, bottoms, rights = zip(*((each.top, each.left, each.bottom, each.right) for each in boxes), strict=True)
    return Box(top=min(tops), left=min(lefts), bottom=max(bottoms), right=max(rights))


def inside(box: Box, other: Box) -> bool:
    """Whether the box lies in the other."""
    return other.top <= box.top and other.left <= box.left and box.bottom <= other.bottom and box.right <= other.right


def common(box: Box, other: Box) -> int:
    """Pixels in both."""
    down = min(box.bottom, other.bottom) - max(box.top, other.top)
    across = min(box.right, other.right) - max(box.left, other.left)
    return max(down, 0) * max(across, 0)


def apart(box: Box, other: Box) -> int:
    """Pixels between them along the farther axis; 0 where they meet."""
    down = max(box.top, other.top) - min(box.bottom, other.bottom)
    across = max(box.left, other.left) - min(box.right, other.right)
    return max(down, across, 0)
