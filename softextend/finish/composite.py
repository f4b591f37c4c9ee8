"""Pixel space after sampling: the repainted picture joins the original."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.pictures.planes import LUMA

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.pictures.planes import Planes, Samples
    from softextend.types import Change, Known, Pixels

    Floats = npt.NDArray[np.float32]
    Places = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # rows and columns, (N,) each


COMPLETE = 2.0  # shares of REPLACED that the old border must have, so that the ramp can wander by one and is complete
WANDER_LEAST = 12  # px, smallest hills of the ramp's wandering
REPLACED = 0.3  # share of the largest change from which the repainted pixel replaces the original altogether


def composite_ramp(
    latent: Change, known: Known | None = None, *, band: int | None = None, seed: int | None = None
) -> Change:
    """latent (H, W) in [0, 1] -> share of the repainted pixel, (H, W): 0 where nothing changes, 1 on all that is new.

    `known` False is new and replaced whole, so the ramp lies inside the original and is complete at its border.
    `band`: px of the original beyond which nothing is replaced. `seed`: where the ramp begins wanders inward and
    outward, so that it follows no straight line.
    """
    most = float(latent.max(initial=0.0))
    if most <= 0 and (known is None or known.all()):
        return np.zeros_like(latent)
    share = latent / np.float32(REPLACED * max(most, 1e-6))
    if known is not None:
        share = _within_band(share, known, band)
    if seed is not None:
        share -= wander(latent.shape, max(WANDER_LEAST, (band or 0) // 2), seed)
    np.clip(share, 0.0, 1.0, out=share)
    ramp = 3 - 2 * share
    ramp *= share
    ramp *= share
    if known is not None:
        ramp[~known] = 1.0
    return ramp


def wander(shape: tuple[int, ...], width: int, seed: int) -> Change:
    """Smooth noise in [0, 1], float32 (H, W), whose hills are about `width` px wide."""
    rows, columns = shape[0] // width + 3, shape[1] // width + 3
    coarse = np.random.default_rng(seed).random((rows, columns), np.float32)
    large = cv2.resize(coarse, (columns * width, rows * width), interpolation=cv2.INTER_CUBIC)
    first = width // 2
    return np.asarray(np.clip(large[first : first + shape[0], first : first + shape[1]], 0.0, 1.0), np.float32)


def _within_band(share: Change, known: Known, band: int | None) -> Change:
    """The share limited to `band` px inside the original, and raised where it would not be complete at its border."""
    new = (~known).astype(np.uint8)
    border = known & (cv2.dilate(new, np.ones((3, 3), np.uint8)) > 0)
    at_border = float(share[border].min(initial=np.inf))
    if 0 < at_border < COMPLETE:
        share = share * np.float32(COMPLETE / at_border)
    if band is None:
        return share
    if band <= 0:
        return np.asarray(np.where(known, 0, share), np.float32)
    away = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_C, 3)
    narrowed = bool((share[away > band] > 0).any())
    np.subtract(band + 1, away, out=away)
    away *= np.float32((COMPLETE if narrowed else 1 / REPLACED) / band)
    return np.asarray(np.minimum(share, away, out=share), np.float32)


WHOLE = 1e-4  # levels; luma of three equal whole numbers is as near to one
ROWS = 512  # rows that are joined at a time, so that large pictures need no second copy in floats


def composite(original: Samples, painted: Floats, ramp: Change, white: float = 255.0) -> Samples:
    """original uint8 and painted float32 in [0, 255], (H, W, 3); ramp (H, W) in [0, 1]: samples stay where it is 0.

    `original` may be deeper, `white` its white, and of one channel, (H, W): the luma of `painted` joins it then. The
    result is of its type; integers are dithered.
    """
    result = original.copy()
    for first in range(0, len(ramp), ROWS):
        rows = slice(first, first + ROWS)
        touched = ramp[rows] > 0
        colours = painted[rows][touched]
        share = ramp[rows][touched][:, None]
        levels = (colours @ LUMA)[:, None] if original.ndim == 2 else colours
        before = original[rows][touched].reshape(levels.shape)
        row, column = np.nonzero(touched)
        joined = _joined(before, levels, share, (row + first, column), white)
        result[rows][touched] = joined[:, 0] if original.ndim == 2 else joined
    return result


def _joined(before: Samples, levels: Floats, share: Floats, places: Places, white: float) -> Samples:
    """(N, channels) of the original's type: `levels` in [0, 255] by their `share`, in (0, 1]; at (row, column)."""
    if before.dtype == np.uint8:
        return _dithered(before * (1 - share) + levels * share, places)
    noise = dither(*places)[:, : levels.shape[1]]
    step = white / 255
    whole = np.abs(levels - np.rint(levels)) < WHOLE  # as a fill's are: half a level of noise hides 8 bits' steps
    spread = levels.clip(0, 255) * step + noise * np.where(whole, step, 0 if before.dtype.kind == "f" else 1)
    kept = np.where(share < 1, before.astype(np.float64), 0)  # what is replaced whole may be no number
    mixed = kept * (1 - share) + spread * share
    if before.dtype.kind == "f":
        return np.asarray(mixed, before.dtype)
    return np.asarray(np.clip(np.rint(mixed), 0, np.iinfo(before.dtype).max), before.dtype)


def join(canvas: Planes, painted: Floats, ramp: Change) -> Planes:
    """`composite` on planes, painted float32 (H, W, 3), up to their white; their alpha stays."""
    return replace(canvas, colour=composite(canvas.colour, painted, ramp, canvas.white))


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


def _dithered(values: Floats, places: Places) -> Pixels:
    """(N, channels) in about [0, 255] at (row, column) -> uint8; whole numbers need no noise."""
    whole = np.rint(values)
    if np.array_equal(whole, values):
        return _bytes(whole)
    return _bytes(values + dither(*places)[:, : values.shape[1]])


def dither(row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> Floats:
    """Places (...) -> (..., 3) in (-0.5, 0.5): noise that makes a slow ramp a mixture of two levels instead of bands.

    Interleaved gradient noise (Jimenez, SIGGRAPH 2014), shifted per channel: no state, the same in every run; whole
    numbers stay as they are.
    """
    shift = np.array([0.0, 47.0, 83.0])
    inner = 0.06711056 * (column[..., None] + shift)
    inner += 0.00583715 * (row[..., None] + 2 * shift)
    inner -= np.floor(inner)  # exact, as fmod is, in a tenth of its time
    inner *= 52.9829189
    inner -= np.floor(inner)
    inner -= 0.5
    return np.asarray(inner * 0.998, np.float32)


def _bytes(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
