"""Where a photo repeats itself at steady steps, as windows, bricks and fences do, it goes on in whole pieces at these.

The few offsets at which a photo is like itself (He and Sun 2012, "Statistics of Patch Offsets for Image Completion")
are peaks of its autocorrelation. Each empty pixel then chooses: to stay with what the search found, or to be copied
from one of these offsets; so that pieces join without a seam, by dynamic programming along rows and columns in turn.
A photo without steady steps, as most are, stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills import base
from softextend.fills.base import GRAIN, summed

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.fills.pyramid import Level
    from softextend.types import Known

    Offsets = npt.NDArray[np.int64]  # (K, 2), or (2,) of one: rows and columns, px

LONGER = 192  # px, least longer side of the level at which pieces are laid
WINDOW = 1 / 16  # of the longer side, side of the windows that must repeat
NEAREST = 1 / 32  # of the longer side: shorter offsets are texture
FINE = 6.0  # px, Gaussian sigma: coarser structure is left out of the autocorrelation
PEAKS = 32  # of the autocorrelation that are looked at closer
OVERLAP = 0.1  # of what is known: peaks that are found on less are chance
STRUCTURED = 400.0  # levels squared over three channels, variance from which a window has something to repeat
ALIKE = 0.35  # difference of two windows over their variances up to which they are alike
SAME = 0.2  # and up to which they are the same
ENOUGH = 0.08  # share of structured windows that an offset must repeat
STEADY = 0.1  # share of them that one offset must lead to the same from, forth and back, and not half way. Photos
# without regular things: 0.00; a wall in strong perspective 0.06, rows of coins 0.03, a fence 0.25, windows 0.98
COUNTED = 0.1  # share of them that must have a window an offset away
MOST = 12  # offsets to choose from
REACHED = 0.03  # share of the empty pixels that an offset must lead to something regular from
SWEEPS = 3  # over rows and columns
SEAM = 1 / 1500  # per level squared: what a seam costs against a pixel whose source does not repeat itself


def go_on(level: Level, source: Ints) -> Known:
    """Change `source` (T,) of a level where what is regular goes on, and tell where that is, (H, W); mostly nowhere."""
    known = level.trusted
    laid = np.zeros(known.shape, np.bool_)
    longer = max(known.shape)
    peaks = offsets_of(level.image, known, round(NEAREST * longer))
    steady, inexact, irregular = repeated(level.image, known, peaks, round(WINDOW * longer) | 1)
    offsets, inexact = _useful(level, np.concatenate([steady, -steady]), np.tile(inexact, 2), irregular)
    if not len(offsets):
        return laid
    from softextend.fills.shifts import choose

    width = known.shape[1]
    (y, x), (v, u) = np.divmod(level.place, width), np.divmod(source, width)
    own = np.zeros((*known.shape, 2), np.int32)
    own[y, x] = np.stack([v - y, u - x], 1)
    label, ways = _first(level, offsets, irregular), offsets.astype(np.int32)
    for _ in range(SWEEPS):
        choose(level.image, known, level.valid, own, ways, label, irregular, inexact, np.float32(SEAM))
    moved = label[y, x] > 0
    way = ways[label[y, x][moved] - 1]
    source[moved] = (y[moved] + way[:, 0]) * width + x[moved] + way[:, 1]
    laid[y[moved], x[moved]] = True
    return laid


# --- the offsets of a picture -------------------------------------------------------------------------------------


def offsets_of(image: Floats, known: Known, nearest: int) -> Offsets:
    """(N, 2): peaks of the autocorrelation of fine detail, strongest first, from `nearest` px on; one of s and -s.

    image: float32 (H, W, 3) in [0, 255]; known: bool (H, W).
    """
    weight = cv2.erode(known.astype(np.float32), np.ones((3, 3)))
    grey = image.mean(2)
    share = np.maximum(cv2.GaussianBlur(weight, (0, 0), FINE), 1e-3)
    fine = (grey - cv2.GaussianBlur(grey * weight, (0, 0), FINE) / share) * weight
    fine /= np.sqrt(np.maximum(cv2.GaussianBlur(fine**2, (0, 0), 2 * FINE), GRAIN / 3))
    size = tuple(cv2.getOptimalDFTSize(2 * extent) for extent in known.shape)
    product, mass = (
        np.fft.fftshift(np.fft.irfft2(np.abs(np.fft.rfft2(each, size)) ** 2, size)) for each in (fine, weight)
    )
    found = np.where(mass > OVERLAP * weight.sum(), product / np.maximum(mass, 1), -1).astype(np.float32)
    y, x = (np.arange(extent) - extent // 2 for extent in size)
    y = y[:, None]
    wanted = ((y > 0) | ((y == 0) & (x > 0))) & (np.hypot(y, x) >= nearest) & (found > 0)
    side = 2 * (nearest // 2) + 1
    peak = wanted & (found >= cv2.dilate(found, np.ones((side, side))))
    certain = found[peak] * np.sqrt(mass[peak])  # long offsets are seen on less
    middle = np.array([extent // 2 for extent in size])
    return np.asarray(np.argwhere(peak)[np.argsort(-certain)[:PEAKS]] - middle, dtype=np.int64)


def repeated(
    image: Floats, known: Known, offsets: Offsets, side: int, steady: float = STEADY
) -> tuple[Offsets, Floats, Floats]:
    """Those of the offsets (N, 2) that repeat windows of `side` px, (K, 2), none where no step is so steady.

    And in [0, 1], how inexactly each does so (K,), and how little each place is repeated by any of them (H, W).
    """
    windows = _Windows.of(image, known, side)
    least = COUNTED * np.count_nonzero(windows.structured)
    irregular = np.ones(known.shape, np.float32)
    kept, inexact, steadiest = [], [], 0.0
    for offset in offsets if least >= COUNTED * side * side else ():
        forth = windows.apart(offset)
        counted = windows.structured & np.isfinite(forth)
        if np.count_nonzero(counted) < least or (forth[counted] < ALIKE).mean() < ENOUGH:
            continue
        kept.append(offset)
        inexact.append(np.minimum(forth[counted] / ALIKE, 1).mean())
        back = _moved(forth, -offset)
        irregular = np.minimum(irregular, np.clip(np.minimum(forth, back) / ALIKE - 0.5, 0, 1))
        counted &= np.isfinite(back)
        if np.count_nonzero(counted) >= least:
            between = windows.apart(offset // 2)
            same = (np.maximum(forth, back) < SAME) & (between > ALIKE)
            steadiest = max(steadiest, float(same[counted].mean()))
    if steadiest < steady:
        kept, inexact = [], []
    return np.array(kept, np.int64).reshape(-1, 2), np.array(inexact, np.float32), irregular


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """All windows of `side` px by their centres (H, W), to be compared with those an offset away."""

    image: Floats
    side: int
    whole: Known  # wholly known
    variance: Floats  # of the colours in them, levels squared over three channels
    structured: Known  # wholly known, and with something to repeat

    @classmethod
    def of(cls, image: Floats, known: Known, side: int) -> _Windows:
        """image: float32 (H, W, 3) in [0, 255]; known: bool (H, W); side: px, odd."""
        box = (side, side)
        variance = base.variance(image, side)
        inside = cv2.erode(
            known.astype(np.uint8), np.ones(box, np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        whole = inside > 0
        structured = whole & (variance > STRUCTURED)
        return cls(image=image, side=side, whole=whole, variance=variance, structured=structured)

    def apart(self, offset: Offsets) -> Floats:
        """(H, W): mean squared difference from the window an offset away over both variances; infinity if unknown."""
        here, there = _overlap(self.whole.shape, offset)
        step = self.image[here] - self.image[there]
        mean = cv2.blur(summed(step * step), (self.side, self.side))
        both = self.whole[here] & self.whole[there]
        found = np.full(self.whole.shape, np.inf, np.float32)
        found[here] = np.where(both, mean / (self.variance[here] + self.variance[there]), np.inf)
        return found


def _moved(values: Floats, offset: Offsets) -> Floats:
    """(H, W): the values an offset away; infinity where that is outside."""
    here, there = _overlap(values.shape, offset)
    found = np.full(values.shape, np.inf, np.float32)
    found[here] = values[there]
    return found


def _overlap(shape: tuple[int, ...], offset: Offsets) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a picture of that shape meets itself an offset away: the places, and where they lead."""
    pairs = [(slice(max(0, -way), extent - max(0, way)), way) for extent, way in zip(shape, offset, strict=True)]
    here = tuple(cut for cut, _ in pairs)
    there = tuple(slice(cut.start + way, cut.stop + way) for cut, way in pairs)
    return (here[0], here[1]), (there[0], there[1])


# --- the labels to begin with -------------------------------------------------------------------------------------


def reached(level: Level, offset: Offsets, irregular: Floats) -> Floats:
    """Of each empty pixel (N,): how regular the place an offset away is, in [0, 1]; 0 where that is no source."""
    height, width = level.trusted.shape
    y, x = np.divmod(level.hole, width)
    v, u = y + offset[0], x + offset[1]
    inside = (v >= 0) & (v < height) & (u >= 0) & (u < width)
    place = np.where(inside, v * width + u, 0)
    return np.where(inside & level.valid.ravel()[place], 1 - irregular.ravel()[place], np.float32(0))


def _useful(level: Level, offsets: Offsets, inexact: Floats, irregular: Floats) -> tuple[Offsets, Floats]:
    """The MOST offsets (K, 2) that lead best to what is regular from most empty pixels; how inexact they are (K,)."""
    shares = np.array([reached(level, offset, irregular).mean() for offset in offsets]) * (1 - inexact)
    best = np.argsort(-shares, kind="stable")[:MOST]
    best = best[shares[best] > REACHED]
    return offsets[best], inexact[best]


def _first(level: Level, offsets: Offsets, irregular: Floats) -> npt.NDArray[np.int32]:
    """Labels (H, W) to begin with, as in `shifts`: the first offset that leads to what is regular, else 0."""
    label = np.zeros(level.trusted.size, np.int32)
    for index in reversed(range(len(offsets))):
        label[level.hole[reached(level, offsets[index], irregular) > 0.5]] = index + 1
    return label.reshape(level.trusted.shape)
