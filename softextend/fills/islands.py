"""No thing begins in mid-air: a piece of something larger that lies alone in the new area gives way to what is around.

A piece is lighter or darker, redder or greener, bluer or yellower than an even ring around it, and joined to nothing
that the photo shows. Where the photo shows the whole of it, it may stay; where it is a part of more, that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.fills.pyramid import Level
    from softextend.types import Known, Pixels

    Places = npt.NDArray[np.int64]  # (N, 2)

SMOOTH = 0.7  # px, Gaussian sigma: what is finer makes no outline
STEP = 16  # levels of 255 from one threshold to the next
SMALLEST, LARGEST = 1 / 110, 1 / 5  # of the longer side: square roots of an island's area
RING = 3  # px around an island that must be even, from the second on
CLEAR = 20.0  # levels by which an island differs from its ring at least
EVEN, PLAIN = 0.3, 0.45  # of that difference: the deviation of the ring, in it and in all three
ROUNDS, MOST = 2, 64  # how often islands are looked for, and the most that sink each time, the largest
SIZED, SEVERAL = 4, 2  # times as large or small, and how many like it, from which an island is of a texture
BARRED = 0.3  # of a kind that is shunned, from which a place is no source
TILE = 1 / 16  # of the longer side: an island is replaced in tiles of that size
FITS, UNLIKE = (
    10.0,
    2.0,
)  # levels by which a place may differ, and of the variance: two places of one texture do by twice
ABOUT = 2  # px around a place found at half size
LIFT = 3  # px that an island's surroundings are taken along


def sink(level: Level, source: Ints, kinds: Floats, shuns: Floats, part: float) -> int:
    """Change `source` where a piece lies alone that is less than `part` of what the photo shows of it: how many did.

    The level's picture changes with it; source (T,), kinds (H, W, K) and shuns (T, K) as in `patchmatch`.
    """
    count = 0
    small = cv2.resize(level.image, (level.trusted.shape[1] // 2, level.trusted.shape[0] // 2), interpolation=3)
    for _ in range(ROUNDS):
        taken = np.zeros(level.trusted.shape, np.bool_)
        before = count
        for pixels in sorted(_pieces(level, source, part), key=len, reverse=True)[:MOST]:
            y, x = pixels.T
            if not taken[y, x].any():
                count += _replaced(level, small, source, pixels, _barred(level, kinds, shuns, pixels))
                taken[y, x] = True
        if count == before:
            break
    return count


def _pieces(level: Level, source: Ints, part: float) -> Iterator[Places]:
    """The pixels (N, 2) of all islands at all thresholds, those of a larger one too."""
    lab = cv2.cvtColor(np.clip(level.image / 255, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB) * np.float32(2.55)
    lab = cv2.GaussianBlur(lab, (0, 0), SMOOTH)
    new = (~level.trusted).astype(np.uint8)
    beside = cv2.dilate(new, np.ones((3, 3), np.uint8))
    joined = np.flatnonzero((beside > 0) & level.trusted).astype(np.int32)
    for channel in range(3):
        values = np.ascontiguousarray(lab[..., channel])
        low, high = values[new > 0].min(), values[new > 0].max()
        for threshold in np.arange(low + STEP, high, STEP):
            for mask in (values < threshold, values >= threshold):
                alone = list(_alone(lab, channel, mask & (beside > 0), joined))
                alone = _unlike(alone, lab, channel, mask & level.trusted, joined) if alone else alone
                if alone:
                    _, label = cv2.connectedComponents((mask & level.trusted).astype(np.uint8), connectivity=8)
                    yield from (pixels for pixels in alone if not _whole(level, source, label, pixels, part))


def _alone(lab: Floats, channel: int, mask: Known, joined: Ints) -> Iterator[Places]:
    """The pixels (N, 2) of each component of a mask (H, W) within an even ring that none of `joined` is part of."""
    longer = max(mask.shape)
    count, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_16U)
    area = stats[:, cv2.CC_STAT_AREA]
    wanted = (area >= (SMALLEST * longer) ** 2) & (area <= (LARGEST * longer) ** 2)
    wanted &= stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT] < len(mask)  # what the lower rim cuts stands
    wanted[label.ravel()[joined]] = False
    wanted[0] = False
    if not wanted.any():
        return
    grown = cv2.dilate(label, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8))
    inner = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    ring = np.flatnonzero((grown > 0) & (inner == 0))
    of = grown.ravel()[ring]
    many = np.maximum(np.bincount(of, minlength=count), 1)
    outside = lab.reshape(-1, 3)[ring]
    means = np.stack([np.bincount(of, outside[:, c], count) / many for c in range(3)], 1)
    square = (outside - means[of]) ** 2
    spread = np.stack([np.bincount(of, square[:, c], count) / many for c in range(3)], 1)
    inside = np.bincount(label.ravel(), lab[..., channel].ravel(), count) / np.maximum(area, 1)
    step = np.abs(inside - means[:, channel])
    wanted &= (many > area**0.5) & (step >= CLEAR)
    wanted &= (spread[:, channel] <= (EVEN * step) ** 2) & (spread.sum(1) <= (PLAIN * step) ** 2)
    for index in np.flatnonzero(wanted):
        left, top, width, height, _ = stats[index]
        y, x = np.nonzero(label[top : top + height, left : left + width] == index)
        yield np.stack([y + top, x + left], 1)


def _unlike(alone: list[Places], lab: Floats, channel: int, mask: Known, joined: Ints) -> list[Places]:
    """Those of which the photo does not show several of about that size that stand alone, as texture does."""
    sizes = np.array([len(pixels) for pixels in _alone(lab, channel, mask, joined)])
    return [
        pixels
        for pixels in alone
        if np.count_nonzero((sizes * SIZED > len(pixels)) & (sizes < len(pixels) * SIZED)) < SEVERAL
    ]


def _whole(level: Level, source: Ints, label: Ints, pixels: Places, part: float) -> bool:
    """Whether the pixels (N, 2) are copies of the whole of a component of the photo, by their label (H, W), 0: none."""
    there = label.ravel()[np.unique(source[level.slot[pixels[:, 0], pixels[:, 1]]])]
    there = there[there > 0]
    if not len(there):
        return False
    largest = np.bincount(there).argmax()
    return bool(np.count_nonzero(there == largest) >= part * np.count_nonzero(label == largest))


def _barred(level: Level, kinds: Floats, shuns: Floats, pixels: Places) -> Known:
    """(H, W): things, and what else the pixels (N, 2) are not to be copied from."""
    shunned = shuns[level.slot[pixels[:, 0], pixels[:, 1]]].max(0) > 0
    shunned[0] = True
    return np.asarray(kinds[..., shunned].max(2) >= BARRED, dtype=np.bool_)


def _replaced(level: Level, small: Floats, source: Ints, pixels: Places, barred: Known) -> bool:
    """Take an island's place, tile by tile, from where it fits what lies around it; small: the picture halved.

    False, and nothing changed, where no tile fits anywhere.
    """
    mine = np.zeros(level.trusted.shape, np.uint8)
    mine[pixels[:, 0], pixels[:, 1]] = 1
    side = max(4, round(TILE * max(mine.shape)))
    reach = LIFT + side + RING
    top, left = np.maximum(pixels.min(0) - reach, 0)
    bottom, right = np.minimum(pixels.max(0) + reach + 1, mine.shape)
    box = slice(top, bottom), slice(left, right)
    mine[box] = cv2.dilate(mine[box], np.ones((2 * LIFT + 1, 2 * LIFT + 1), np.uint8)) & ~level.trusted[box]
    without = level.image.copy()
    without[box] = _without(level.image[box], mine[box])
    count = 0
    for y in range(max(0, pixels[:, 0].min() - LIFT), min(bottom, pixels[:, 0].max() + LIFT + 1), side):
        for x in range(max(0, pixels[:, 1].min() - LIFT), min(right, pixels[:, 1].max() + LIFT + 1), side):
            tile = slice(y, min(y + side, bottom)), slice(x, min(x + side, right))
            if mine[tile].any():
                count += _laid(level, small, source, without, mine, barred, tile)
    return count > 0


def _laid(
    level: Level,
    small: Floats,
    source: Ints,
    without: Floats,
    mine: Pixels,
    barred: Known,
    tile: tuple[slice, slice],
) -> bool:
    """The pixels of `mine`, uint8 (H, W), in a tile from where its surroundings fit; without: (H, W, 3), no island."""
    height, width = mine.shape
    top, left = (max(0, cut.start - RING) // 2 * 2 for cut in tile)
    bottom, right = min(tile[0].stop + RING, height), min(tile[1].stop + RING, width)
    window = np.ascontiguousarray(without[top:bottom, left:right])
    shape = window.shape[:2]
    half = cv2.resize(window, (max(1, shape[1] // 2), max(1, shape[0] // 2)), interpolation=cv2.INTER_AREA)
    rough = cv2.matchTemplate(small, half, cv2.TM_SQDIFF) / half.size
    most = FITS**2 + UNLIKE * half.reshape(-1, 3).var(0).mean()
    for allowed in (level.valid & ~barred, level.valid):
        usable = cv2.erode(allowed.astype(np.uint8), np.ones(shape, np.uint8), anchor=(0, 0), borderValue=0)
        fit = np.where(usable[::2, ::2][: rough.shape[0], : rough.shape[1]], rough, np.inf)
        row, column = divmod(int(fit.argmin()), fit.shape[1])
        if fit[row, column] < most:
            break
    else:
        return False
    row, column = _closely(level.image, window, usable, 2 * row, 2 * column)
    y, x = (each + cut.start for each, cut in zip(np.nonzero(mine[tile]), tile, strict=True))
    source[level.slot[y, x]] = (y + row - top) * width + x + column - left
    level.image[y, x] = level.image[y + row - top, x + column - left]
    return True


def _without(image: Floats, mine: Pixels) -> Floats:
    """(h, w, 3): a piece of the picture in which the colours around go on over `mine`, uint8 (h, w)."""
    rest = (1 - mine).astype(np.float32)
    spread = max(2.0, 0.3 * float(np.sqrt(mine.sum())))
    share = np.maximum(cv2.GaussianBlur(rest, (0, 0), spread), 1e-4)
    smooth = cv2.GaussianBlur(image * rest[..., None], (0, 0), spread) / share[..., None]
    return np.where(mine[..., None] > 0, smooth, image).astype(np.float32)


def _closely(image: Floats, window: Floats, usable: Floats, row: int, column: int) -> tuple[int, int]:
    """The usable corner (row, column) within ABOUT px of that one at which the picture is most like the window."""
    top, left = max(row - ABOUT, 0), max(column - ABOUT, 0)
    area = image[top : row + ABOUT + window.shape[0], left : column + ABOUT + window.shape[1]]
    fit = cv2.matchTemplate(np.ascontiguousarray(area), window, cv2.TM_SQDIFF)
    fit[usable[top : top + fit.shape[0], left : left + fit.shape[1]] == 0] = np.inf
    best, other = divmod(int(fit.argmin()), fit.shape[1])
    return top + best, left + other
