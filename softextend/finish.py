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
        noise = dither(touched.shape, first)[touched]
        result[rows][touched] = _bytes(mixed + noise)
    return result


def quantise(painted: Floats) -> Pixels:
    """float32 (H, W, 3) in about [0, 255] -> uint8, dithered."""
    result = np.empty(painted.shape, np.uint8)
    for first in range(0, len(painted), ROWS):
        part = painted[first : first + ROWS]
        result[first : first + ROWS] = _bytes(part + dither(part.shape[:2], first))
    return result


def dither(shape: tuple[int, ...], first_row: int = 0) -> Floats:
    """(H, W, 3) in (-0.5, 0.5): noise that turns a slow ramp into a fine mixture of two levels instead of bands.

    Interleaved gradient noise (Jimenez, SIGGRAPH 2014), shifted per channel: no state, the same in every run; whole
    numbers stay as they are.
    """
    rows = np.arange(first_row, first_row + shape[0])[:, None, None]
    columns = np.arange(shape[1])[None, :, None]
    shift = np.array([0.0, 47.0, 83.0])
    inner = np.mod(0.06711056 * (columns + shift) + 0.00583715 * (rows + 2 * shift), 1.0)
    noise = np.mod(52.9829189 * inner, 1.0) - 0.5
    return np.asarray(noise * 0.998, np.float32)


def _bytes(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
