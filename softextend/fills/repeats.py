"""Copies of a single place are cut up: where a window of the fill shows as a whole what the photo has only once, its
middle comes from elsewhere, from where it fits what lies around it. Texture goes on, and nothing is seen twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.base import GRAIN
from softextend.finish.twins import NEW, STEP, STRUCTURED, WINDOW, Like, corners

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.fills.pyramid import Level
    from softextend.types import Known

    Corners = npt.NDArray[np.int64]  # (N, 2), or (2,) of one

SMALLEST = 8  # px, side of a window below which nothing is cut
MIDDLE = 0.6  # of a window's side: what is replaced
RING = 1 / 6  # of a window's side: how far around it the replacement must fit
INSIDE = 0.15  # weight of the middle itself in how well a replacement fits, against 1 for the ring
FITS = 1.5  # difference over the variance up to which a replacement is taken
WHOLE_THING = 0.3  # of what `things` tells: nothing is taken from there
ABOUT = 2  # px around a place found at half size
SAME_WAY = 1  # px by which offsets may differ in one copy


@dataclass(frozen=True, slots=True, eq=False)
class _Sources:
    """Where the picture has replacements: places by the top left corner of a piece and its ring, at half size."""

    image: Floats  # (h, w, 3)
    weight: Floats  # (n, n, 3) of the ring and the middle
    square: Floats  # (h - n + 1, w - n + 1) weighted squares of what lies there
    allowed: Known

    @classmethod
    def of(cls, level: Level, things: Floats, side: int, ring: int) -> _Sources:
        """`side` and `ring` in px of the level, even: the piece with its ring, and the ring."""
        usable = level.valid & (things < WHOLE_THING)
        allowed = corners(usable, side)[::2, ::2]
        small = cv2.resize(level.image, (level.trusted.shape[1] // 2, level.trusted.shape[0] // 2), interpolation=3)
        weight = _ring(side // 2, ring // 2)
        square = cv2.matchTemplate(small**2, weight, cv2.TM_CCORR)
        return cls(image=small, weight=weight, square=square, allowed=allowed[: len(square), : square.shape[1]])

    def costs(self, template: Floats) -> Floats:
        """(h - n + 1, w - n + 1): differences from a template (n, n, 3) over its variance; infinity where barred."""
        fixed = float((self.weight * template**2).sum())
        both = cv2.matchTemplate(self.image, self.weight * template, cv2.TM_CCORR)
        scale = (float(template.reshape(-1, 3).var(0).sum()) + GRAIN) * float(self.weight[..., 0].sum())
        return np.asarray(np.where(self.allowed, (fixed - 2 * both + self.square) / scale, np.inf), dtype=np.float32)


def break_up(level: Level, source: Ints, things: Floats, whole: float, rng: np.random.Generator) -> int:
    """Change `source` where at least the part `whole` of a window copies one place that has no like: how often.

    The level's picture changes with it; things: (H, W), what `things` tells. Level and source as in `patchmatch`.
    """
    side = round(WINDOW * max(level.trusted.shape)) // 2 * 2
    if side < SMALLEST or min(level.trusted.shape) < 2 * side:
        return 0
    offset = _offsets(level, source)
    windows, ways = _copies(level, offset, side, whole)
    if not len(windows):
        return 0
    like = Like.of(level.image, level.trusted, side)
    known = windows + ways
    inside = np.zeros(len(known), np.bool_)
    height, width = like.inside.shape
    fits = ((known >= 0) & (known < (height, width))).all(1)
    inside[fits] = like.inside[known[fits, 0], known[fits, 1]]
    windows, known = windows[inside], known[inside]
    lonely = like.alone(known)
    ring = max(2, round(RING * side) // 2 * 2)
    piece = round(MIDDLE * side) // 2 * 2
    sources = _Sources.of(level, things, piece + 2 * ring, ring)
    count = 0
    for corner, alone in zip(windows, lonely, strict=True):
        way = _common(offset, level.trusted, corner, side, whole)  # it may have been cut since
        if alone and way is not None:
            at = corner + (side - piece) // 2 + rng.integers(-1, 2, 2) * (side // 10)
            count += _replaced(level, source, offset, sources, (at - ring) // 2 * 2, piece, ring, way)
    return count


def _offsets(level: Level, source: Ints) -> npt.NDArray[np.int32]:
    """(H, W, 2): how far off the source of each target lies, px; 0 elsewhere."""
    height, width = level.trusted.shape
    offset = np.zeros((height, width, 2), np.int32)
    offset.reshape(-1, 2)[level.place, 0] = source // width - level.place // width
    offset.reshape(-1, 2)[level.place, 1] = source % width - level.place % width
    return offset


def _copies(level: Level, offset: npt.NDArray[np.int32], side: int, whole: float) -> tuple[Corners, Corners]:
    """Corners (N, 2) of structured windows in the new area that copy one place, and how far off that lies."""
    step = max(1, round(STEP * side))
    share = cv2.blur((~level.trusted).astype(np.float32), (side, side), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    grey = level.image.mean(2)
    mean, square = (cv2.blur(each, (side, side), anchor=(0, 0)) for each in (grey, grey**2))
    wanted = (share >= NEW) & (square - mean**2 >= STRUCTURED**2)
    height, width = level.trusted.shape
    found = np.argwhere(wanted[: height - side + 1 : step, : width - side + 1 : step]) * step
    ways = [_common(offset, level.trusted, corner, side, whole) for corner in found]
    kept = [index for index, way in enumerate(ways) if way is not None]
    return found[kept], np.array([ways[index] for index in kept], np.int64).reshape(-1, 2)


def _common(offset: npt.NDArray[np.int32], trusted: Known, corner: Corners, side: int, whole: float) -> Corners | None:
    """The offset that at least the part `whole` of a window's new pixels share; None without one."""
    window = (slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side))
    ways = offset[window][~trusted[window]]
    middle = np.median(ways, axis=0).astype(np.int64)
    return middle if (np.abs(ways - middle).max(1) <= SAME_WAY).mean() >= whole else None


def _replaced(
    level: Level,
    source: Ints,
    offset: npt.NDArray[np.int32],
    sources: _Sources,
    corner: Corners,
    piece: int,
    ring: int,
    way: Corners,
) -> bool:
    """Take a piece, whose ring has this corner, from where it fits best, not from where it came; False if nowhere."""
    side, width = piece + 2 * ring, level.trusted.shape[1]
    if (corner < 0).any() or (corner + side > level.trusted.shape).any():
        return False
    window = np.ascontiguousarray(level.image[corner[0] : corner[0] + side, corner[1] : corner[1] + side])
    costs = sources.costs(cv2.resize(window, (side // 2, side // 2), interpolation=cv2.INTER_AREA))
    for barred in (corner + way, corner):
        top, left = np.maximum((barred - side) // 2, 0)
        costs[top : max(0, (barred[0] + side) // 2), left : max(0, (barred[1] + side) // 2)] = np.inf
    row, column = divmod(int(costs.argmin()), costs.shape[1])
    if not costs[row, column] < FITS:
        return False
    new = _closely(level, window, np.array([2 * row, 2 * column]), ring) - corner
    y, x = np.mgrid[:piece, :piece].reshape(2, -1) + (corner + ring)[:, None]
    mine = ~level.trusted[y, x]
    y, x = y[mine], x[mine]
    source[level.slot[y, x]] = (y + new[0]) * width + x + new[1]
    offset[y, x] = new
    level.image[y, x] = level.image[y + new[0], x + new[1]]
    return True


def _closely(level: Level, window: Floats, place: Corners, ring: int) -> Corners:
    """The corner within ABOUT px of `place` that fits a window and its ring best, wholly among the valid sources."""
    side = len(window)
    top, left = np.maximum(place - ABOUT, 0)
    area = slice(top, place[0] + ABOUT + side), slice(left, place[1] + ABOUT + side)
    fit = cv2.matchTemplate(np.ascontiguousarray(level.image[area]), window, cv2.TM_SQDIFF, mask=_ring(side, ring))
    fit[~corners(level.valid[area], side)] = np.inf
    row, column = divmod(int(fit.argmin()), fit.shape[1])
    return np.array([top + row, left + column])


def _ring(side: int, ring: int) -> Floats:
    """(side, side, 3): 1 in the ring, INSIDE within."""
    weight = np.ones((side, side, 3), np.float32)
    weight[ring:-ring, ring:-ring] = INSIDE
    return weight
