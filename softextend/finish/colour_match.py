"""The decoder's colour error, measured where the truth is known, and taken off where it is not.

A decoder is met with pixels whose true value is known: all that is kept. There its error is fitted, in CIE L*a*b*,
as a gain and an offset per channel that change slowly over the picture, and what the fit leaves is followed locally
near the seam. In the new area the slow part stays as it was at the border and the local part decays.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Known

    Doubles = npt.NDArray[np.float64]
    Floats = npt.NDArray[np.float32]


CELL = 8  # px, smallest cell whose mean colour is compared: texture that a decoder loses is no colour error
CELLS = 160  # cells along the longer side at most
LEAST = 6  # kept cells without which nothing can be said
REACH = 24.0  # cells; how fast a kept cell's weight falls with its distance from the seam
NOISE = 1.0  # Delta E, what the mean of one cell may be off for other reasons
GAIN_SPREAD = 0.15  # how far from 1 a decoder's gain may well be
DRIFT_SPREAD = 6.0  # Delta E, how much an offset may well change from one end of the picture to the other
LOCAL = 6.0  # cells; width of the local part, and how far it reaches into the new area
VISIBLE = 0.1  # Delta E; a smaller correction is none
TO_XYZ = np.array(  # linear sRGB -> XYZ, IEC 61966-2-1
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(1)  # D65
CORNER = 6 / 29  # where the cube root of CIE L*a*b* turns into a straight line


def match_colour(decoded: Floats, true: Floats, change: Change) -> Floats:
    """`decoded` with its colour error taken off; all (H, W, 3) in about [0, 255]; change (H, W), 0 = kept.

    `true` is what was encoded. Only pixels with change 0 are learned from, and only those above 0 are corrected.
    """
    height, width = change.shape
    cell = max(CELL, math.ceil(max(height, width) / CELLS))
    grid = math.ceil(height / cell), math.ceil(width / cell)
    kept = _cells(np.asarray(change <= 0, np.float32), cell)
    weight = _weights(kept >= 0.999, change, cell)
    if np.count_nonzero(weight) < LEAST:
        return decoded
    seen, truth = to_lab(_cells(decoded, cell)), to_lab(_cells(true, cell))
    gain, offset = _slow(seen, truth, weight, grid)
    left = truth - (gain * seen + offset)
    offset += _local(left, weight)
    wanted = _cells(np.asarray(change > 0, np.float32), cell) > 0
    moved = np.abs((gain - 1) * seen + offset)[wanted]
    if not moved.size or moved.max() < VISIBLE:
        return decoded
    return _apply(decoded, gain, offset, cell, change > 0)


def to_lab(rgb: npt.NDArray[np.floating]) -> Doubles:
    """sRGB in [0, 255], (..., 3) -> CIE L*a*b* (D65); values beyond the gamut keep their order."""
    coded = np.asarray(rgb, np.float64) / 255
    linear = np.where(coded > 0.04045, ((np.maximum(coded, 0.04045) + 0.055) / 1.055) ** 2.4, coded / 12.92)
    ratio = linear @ (TO_XYZ / WHITE[:, None]).T
    root = np.where(ratio > CORNER**3, np.cbrt(ratio), ratio / (3 * CORNER**2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def from_lab(lab: Doubles) -> Doubles:
    """CIE L*a*b* (D65), (..., 3) -> sRGB in [0, 255] and beyond; the inverse of `to_lab`."""
    y = (lab[..., 0] + 16) / 116
    root = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    ratio = np.where(root > CORNER, root**3, 3 * CORNER**2 * (root - 4 / 29))
    linear = ratio @ np.linalg.inv(TO_XYZ / WHITE[:, None]).T
    coded = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055, linear * 12.92)
    return np.asarray(coded * 255, np.float64)


def _cells(array: Floats, cell: int) -> Floats:
    """Means over cells of `cell` px, the last ones filled up by repeating the edge."""
    height, width = array.shape[:2]
    bottom, right = -height % cell, -width % cell
    whole = cv2.copyMakeBorder(array, 0, bottom, 0, right, cv2.BORDER_REPLICATE) if bottom or right else array
    size = whole.shape[1] // cell, whole.shape[0] // cell
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32)


def _weights(kept: Known, change: Change, cell: int) -> Doubles:
    """How much each kept cell counts, (h, w): 1 at the seam, falling away from it; 0 where not wholly kept."""
    changing = _cells(np.asarray(change > 0, np.float32), cell) > 0
    if not changing.any():
        return np.zeros(kept.shape)
    distance = cv2.distanceTransform(np.asarray(~changing, np.uint8), cv2.DIST_L2, 5)
    return np.where(kept, np.maximum(np.exp(-distance / REACH), 0.02), 0.0)


def _slow(seen: Doubles, truth: Doubles, weight: Doubles, grid: tuple[int, int]) -> tuple[Doubles, Doubles]:
    """Gain and offset, (h, w, 3) each, linear over the kept area and constant beyond it.

    Least squares with priors on both (ridge), three times, each cell weighted by how well it fitted (Tukey).
    """
    place = _places(weight > 0, grid)
    used = weight > 0
    gain, offset = np.ones((*grid, 3)), np.zeros((*grid, 3))
    for channel in range(3):
        value, error = seen[used][:, channel], (truth - seen)[used][:, channel]
        middle = np.average(value, weights=weight[used])
        basis = np.hstack([place[used], place[used] * (value - middle)[:, None]])
        prior = np.diag([1e-6, *[(NOISE / DRIFT_SPREAD) ** 2] * 2, *[(NOISE / GAIN_SPREAD) ** 2] * 3])
        fitted = np.ones(value.size)
        for _ in range(4):
            share = (weight[used] * fitted)[:, None]
            found = np.linalg.solve(basis.T @ (share * basis) + prior, basis.T @ (share[:, 0] * error))
            off = np.abs(error - basis @ found)
            scale = 6 * np.median(off) / 0.6745 + 0.05
            fitted = np.square(np.maximum(0.0, 1 - np.square(off / scale)))
        slope = place @ found[3:]
        gain[..., channel] += slope
        offset[..., channel] = place @ found[:3] - slope * middle
    return gain, offset


def _places(used: Known, grid: tuple[int, int]) -> Doubles:
    """(h, w, 3): 1, x and y, from -1 to 1 over the box of the used cells, constant outside."""
    rows, columns = np.nonzero(used)
    y = _ramp(np.arange(grid[0]), rows.min(), rows.max())
    x = _ramp(np.arange(grid[1]), columns.min(), columns.max())
    return np.stack(np.broadcast_arrays(1.0, x[None, :], y[:, None]), -1)


def _ramp(at: npt.NDArray[np.int64], first: int, last: int) -> Doubles:
    return np.asarray(np.clip(at - first, 0, last - first) * 2 / max(1, last - first) - 1, np.float64)


def _local(left: Doubles, weight: Doubles) -> Doubles:
    """What the slow part leaves, averaged around each place, shrunk where it is no more than chance, decaying away."""
    used = np.asarray(weight > 0, np.float64)
    close = cv2.GaussianBlur(used, (0, 0), LOCAL, borderType=cv2.BORDER_CONSTANT)
    limited = np.clip(left, -4.0, 4.0)  # one odd cell is no trend
    total = cv2.GaussianBlur(limited * used[..., None], (0, 0), LOCAL, borderType=cv2.BORDER_CONSTANT)
    square = cv2.GaussianBlur(limited**2 * used[..., None], (0, 0), LOCAL, borderType=cv2.BORDER_CONSTANT)
    least = np.maximum(close, 1e-9)[..., None]
    mean, spread = total / least, np.maximum(square / least - (total / least) ** 2, 0)
    number = np.maximum(close * 4 * np.pi * LOCAL**2, 1e-9)[..., None]  # cells under the Gaussian
    chance = spread / number + 1e-12
    decay = np.minimum(1.0, 2 * close)[..., None]  # 1 along the seam, 0 far from all that is kept
    return np.asarray(mean * np.maximum(0.0, 1 - 4 * chance / (mean**2 + 1e-12)) * decay, np.float64)


def _apply(decoded: Floats, gain: Doubles, offset: Doubles, cell: int, where: Known) -> Floats:
    """gain * L*a*b* + offset at the pixels `where`, both smoothly enlarged from cells to pixels."""
    result = decoded.copy()
    height, width = where.shape
    size = gain.shape[1] * cell, gain.shape[0] * cell
    large = [
        cv2.resize(each.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)[:height, :width]
        for each in (gain, offset)
    ]
    result[where] = from_lab(to_lab(decoded[where]) * large[0][where] + large[1][where])
    return result
