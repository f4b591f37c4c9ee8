"""A picture whose opposite edges join, turned over them: what is at its edges comes to its middle, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.types import Wrap

if TYPE_CHECKING:
    import numpy.typing as npt

Turn = tuple[int, int]  # rows down and columns to the right by which it is turned
STRAIGHT: Turn = (0, 0)


def turned(array: npt.NDArray[Any], turn: Turn) -> npt.NDArray[Any]:
    """(H, W, ...), bool, uint8, float32 or other: what leaves at one edge comes in at the other, by `turn`."""
    return array if turn == STRAIGHT else np.roll(array, turn, (0, 1))


def back(turn: Turn) -> Turn:
    """The turn that undoes another."""
    return -turn[0], -turn[1]


def middle_to_edge(wrap: Wrap | None, box: tuple[int, int, int, int], part: float = 0.5) -> Turn:
    """The turn that brings what lies at `part` of a box (left, top, width, height; px) to the edges that join."""
    if wrap is None:
        return STRAIGHT
    left, top, width, height = box
    down, across = wrap.axes
    return (-(top + int(height * part)) if down else 0), (-(left + int(width * part)) if across else 0)
