"""Pixel space after sampling: the repainted picture joins the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Pixels

    Floats = npt.NDArray[np.float32]

ROWS = 512  # rows that are joined at a time, so that large pictures need no second copy in floats


def composite(original: Pixels, painted: Floats, ramp: Change) -> Pixels:
    """original uint8 and painted float32 in [0, 255], (H, W, 3); ramp (H, W) in [0, 1]: bytes stay where it is 0."""
    result = original.copy()
    for first in range(0, len(ramp), ROWS):
        rows = slice(first, first + ROWS)
        touched = ramp[rows] > 0
        share = ramp[rows][touched][:, None]
        mixed = original[rows][touched] * (1 - share) + painted[rows][touched] * share
        row, column = np.nonzero(touched)
        result[rows][touched] = _bytes(mixed + dither(row + first, column))
    return result


def quantise(painted: Floats) -> Pixels:
    """float32 (H, W, 3) in about [0, 255] -> uint8, dithered."""
    result = np.empty(painted.shape, np.uint8)
    for first in range(0, len(painted), ROWS):
        part, rows = painted[first : first + ROWS], slice(first, first + ROWS)
        result[rows] = _bytes(part)
        between = (result[rows] != part).any(2)
        row, column = np.nonzero(between)
        result[rows][between] = _bytes(part[between] + dither(row + first, column))
    return result


def dither(row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> Floats:
    """Places (...) -> (..., 3) in (-0.5, 0.5): noise that makes a slow ramp a mixture of two levels instead of bands.

    Interleaved gradient noise (Jimenez, SIGGRAPH 2014), shifted per channel: no state, the same in every run; whole
    numbers stay as they are.
    """
    shift = np.array([0.0, 47.0, 83.0])
    inner = np.mod(0.06711056 * (column[..., None] + shift) + 0.00583715 * (row[..., None] + 2 * shift), 1.0)
    noise = np.mod(52.9829189 * inner, 1.0) - 0.5
    return np.asarray(noise * 0.998, np.float32)


def _bytes(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
