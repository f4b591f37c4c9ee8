"""No thing begins in mid-air: a piece of something larger that lies alone in the new area gives way to what is around.

A piece is lighter or darker, redder or greener, bluer or yellower than an even ring around it, and joined to nothing
that the photo shows. Where the photo shows the whole of it, it may stay; where it is a part of more, that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.mirror import Bounds, bounds

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.fills.pyramid import Level
    from softextend.types import Known, Pixels

    Places = npt.NDArray[np.int64]  # (N, 2)
    Numbers = npt.NDArray[np.integer[Any]]
    Doubles = npt.NDArray[np.float64]

SMOOTH = 0.7  # px, Gaussian sigma: what is finer makes no outline
STEP = 16  # levels of 255 from one threshold to the next
SMALLEST, LARGEST = 1 / 110, 1 / 5  # of the longer side: square roots of an island's area
RING = 3  # px around an island that must be even, from the second on
CLEAR = 20.0  # levels by which an island differs from its ring at least
EVEN, TINTED, PLAIN = 0.3, 0.4, 1.2  # of that difference: the deviation of the ring in it, in light or colour; in all
ROUNDS, MOST = 2, 64  # how often islands are looked for, and the most that sink each time, the largest
SIZED, SEVERAL = 4, 2  # times as large or small, and how many like it, from which an island is of a texture
COLOURED = 35.0  # levels by which its colour and that of its ground may differ
BARRED = 0.3  # of a kind that is shunned, from which a place is no source
TILE = 1 / 16  # of the longer side: an island is replaced in tiles of that size
FITS, UNLIKE = 10.0, 2.0  # levels by which a place may differ, and of the variance: two of one texture do by twice
COARSE, ALIKE = 7, 14.0  # px at half size; levels by which the means of that many may differ, whatever the texture
GONE = 0.75  # part of an island that must find something that fits
LEAST = 1 / 36  # of the longer side, the smallest tile: of smaller ones the ground becomes a mosaic
ABOUT = 2  # px around a place found at half size
LIFT = 3  # px that an island's surroundings are taken along


def sink(level: Level, source: Ints, kinds: Floats, shuns: Floats, part: float, laid: Known) -> int:
    """Change `source` where a piece lies alone that is less than `part` of what the photo shows of it: how many did.

    The level's picture changes with it; source (T,), kinds (H, W, K) and shuns (T, K) as in `patchmatch`; laid: bool
    of any size, where what is regular goes on: of it stays what the photo shows several of that size alone.
    """
    laid = cv2.resize(laid.astype(np.uint8), level.trusted.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    count = 0
    photo = _Photo.of(level)
    for _ in range(ROUNDS):
        tried = np.full(level.trusted.shape, np.inf)  # px of the least island that each place was looked at in
        before = count
        for pixels in sorted(_pieces(level, source, part, laid), key=len, reverse=True)[:MOST]:
            y, x = pixels.T
            if tried[y, x].min() < SIZED * len(pixels):
                continue
            replaced = _replaced(photo, source, pixels, _barred(level, kinds, shuns, pixels))
            tried[y, x] = 0 if replaced else len(pixels)
            count += replaced
        if count == before:
            break
    return count


def _pieces(level: Level, source: Ints, part: float, laid: Known) -> Iterator[Places]:
    """The pixels (N, 2) of all islands at all thresholds, those of a larger one too; laid: (H, W), as in `sink`."""
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
                alone = _alone(_Parts.of(lab, mask & (beside > 0), joined), channel)
                if alone and laid.any():
                    alone = _other_than(alone, _alone(_Parts.of(lab, mask & level.trusted, joined), channel), laid)
                if alone:
                    shown = _Parts.of(lab, mask & level.trusted)
                    found = (piece.pixels for piece in _unlike(alone, shown))
                    yield from (pixels for pixels in found if not _whole(level, source, shown.label, pixels, part))


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """The components of a mask (H, W) that are of an island's size, K of them."""

    label: npt.NDArray[np.uint16]  # (H, W), 0 where the mask is not; other components' as well
    stats: Ints  # (K, 5) as OpenCV tells them
    number: Numbers  # (K,) labels
    inside: Doubles  # (K, 3) mean L*a*b*, 2.55 times
    ring: Doubles  # (K, 3) that of their rings
    spread: Doubles  # (K, 3) variance of that
    many: Numbers  # (K,) px of the ring

    @classmethod
    def of(cls, lab: Floats, mask: Known, joined: Ints | None = None) -> _Parts:
        """lab: float32 (H, W, 3). None that the places `joined` are part of, or that the lower rim cuts: that stands.

        joined: flat places; None if it may be joined to anything.
        """
        longer = max(mask.shape)
        count, label, stats, _ = cv2.connectedComponentsWithStats(
            mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_16U
        )
        area = stats[:, cv2.CC_STAT_AREA]
        wanted = (area >= (SMALLEST * longer) ** 2) & (area <= (LARGEST * longer) ** 2)
        wanted[0] = False
        if joined is not None:
            wanted &= stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT] < len(mask)
            wanted[label.ravel()[joined]] = False
        number = np.flatnonzero(wanted)
        if not len(number):
            none = np.zeros((0, 3))
            return cls(label, stats[:0], number, none, none, none, number)
        order = np.zeros(count, np.uint16)
        order[number] = np.arange(1, len(number) + 1)
        own = order[label]
        grown = cv2.dilate(own, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8))
        inner = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
        around = np.flatnonzero((grown > 0) & (inner == 0))
        of = grown.ravel()[around].astype(np.int64) - 1
        within = np.flatnonzero(own)
        ring, spread, many = _means(lab.reshape(-1, 3)[around], of, len(number))
        inside, _, _ = _means(lab.reshape(-1, 3)[within], own.ravel()[within].astype(np.int64) - 1, len(number))
        return cls(label, stats[number], number, inside, ring, spread, many)


def _means(values: Floats, of: Numbers, count: int) -> tuple[Doubles, Doubles, Numbers]:
    """Mean and variance (count, 3) of the values (N, 3) of each of so many kinds (N,), and how many it has (count,)."""
    many = np.bincount(of, minlength=count)
    some = np.maximum(many, 1)[:, None]
    mean = np.stack([np.bincount(of, values[:, c], count) for c in range(3)], 1) / some
    square = np.stack([np.bincount(of, values[:, c] ** 2, count) for c in range(3)], 1) / some
    return mean, np.maximum(square - mean**2, 0), many


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """An island."""

    pixels: Places  # (N, 2)
    inside: Doubles  # (3,) mean L*a*b*, 2.55 times
    ring: Doubles  # (3,) that of its ring


def _alone(parts: _Parts, channel: int) -> list[_Piece]:
    """Those of the components that stand out from an even ring."""
    step = np.abs(parts.inside - parts.ring)[:, channel]
    wanted = (parts.many > parts.stats[:, cv2.CC_STAT_AREA] ** 0.5) & (step >= CLEAR)
    even = TINTED if channel else EVEN
    wanted &= (parts.spread[:, channel] <= (even * step) ** 2) & (parts.spread.sum(1) <= (PLAIN * step) ** 2)
    found = []
    for index in np.flatnonzero(wanted):
        left, top, width, height, _ = parts.stats[index]
        y, x = np.nonzero(parts.label[top : top + height, left : left + width] == parts.number[index])
        found.append(_Piece(np.stack([y + top, x + left], 1), parts.inside[index], parts.ring[index]))
    return found


def _other_than(alone: list[_Piece], shown: list[_Piece], laid: Known) -> list[_Piece]:
    """Those of the islands that do not lie where it is `laid`, or of whose size not several are `shown`."""
    sizes = np.array([len(each.pixels) for each in shown])
    kept = []
    for piece in alone:
        same = (sizes * SIZED > len(piece.pixels)) & (sizes < len(piece.pixels) * SIZED)
        if np.count_nonzero(same) < SEVERAL or laid[piece.pixels[:, 0], piece.pixels[:, 1]].mean() < 0.5:
            kept.append(piece)
    return kept


def _unlike(alone: list[_Piece], parts: _Parts) -> list[_Piece]:
    """Those that have not several of about their size and colour on such ground among the photo's parts, as texture."""
    area = parts.stats[:, cv2.CC_STAT_AREA]
    kept = []
    for piece in alone:
        like = (area * SIZED > len(piece.pixels)) & (area < len(piece.pixels) * SIZED)
        like &= (np.abs(parts.inside - piece.inside) < COLOURED).all(1) & (parts.many > 0)
        like &= (np.abs(parts.ring - piece.ring) < COLOURED).all(1)
        if np.count_nonzero(like) < SEVERAL:
            kept.append(piece)
    return kept


def _whole(level: Level, source: Ints, label: Numbers, pixels: Places, part: float) -> bool:
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


@dataclass(frozen=True, slots=True, eq=False)
class _Photo:
    """Where pieces of a level are replaced from."""

    level: Level
    box: Bounds  # of the photo, in whole halves
    small: Floats  # (h, w, 3) the photo halved
    coarse: Floats  # (h / 2, w / 2, 3) and the means around places of that

    @classmethod
    def of(cls, level: Level) -> _Photo:
        inner = bounds(level.trusted)
        box = Bounds(
            left=inner.left // 2 * 2, top=inner.top // 2 * 2, right=inner.right // 2 * 2, bottom=inner.bottom // 2 * 2
        )
        photo = level.image[box.top : box.bottom, box.left : box.right]
        small = cv2.resize(photo, (photo.shape[1] // 2, photo.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return cls(level=level, box=box, small=small, coarse=cv2.blur(small, (COARSE, COARSE))[::2, ::2].copy())

    def fitting(self, without: Floats, cut: tuple[slice, slice], barred: Known) -> tuple[int, int] | None:
        """How many rows and columns from a tile its surroundings, in a picture (H, W, 3), fit best; None if nowhere."""
        height, width = self.level.trusted.shape
        top, left = (max(0, each.start - RING) // 2 * 2 for each in cut)
        bottom, right = min(cut[0].stop + RING, height), min(cut[1].stop + RING, width)
        window = np.ascontiguousarray(without[top:bottom, left:right])
        shape = window.shape[:2]
        half = cv2.resize(window, (max(1, shape[1] // 2), max(1, shape[0] // 2)), interpolation=cv2.INTER_AREA)
        if half.shape[0] > self.small.shape[0] or half.shape[1] > self.small.shape[1]:
            return None
        means = cv2.blur(half, (COARSE, COARSE))[::2, ::2].copy()
        like = cv2.matchTemplate(self.coarse, means, cv2.TM_SQDIFF) < ALIKE**2 * means.size
        if not like.any():
            return None
        rough = cv2.matchTemplate(self.small, half, cv2.TM_SQDIFF) / half.size
        like = np.repeat(np.repeat(like, 2, 0), 2, 1)[: rough.shape[0], : rough.shape[1]]
        rough = rough[: like.shape[0], : like.shape[1]]
        most = FITS**2 + UNLIKE * half.reshape(-1, 3).var(0).mean()
        inside = slice(self.box.top, self.box.bottom), slice(self.box.left, self.box.right)
        for allowed in (self.level.valid & ~barred, self.level.valid):
            usable = cv2.erode(allowed[inside].astype(np.uint8), np.ones(shape, np.uint8), anchor=(0, 0), borderValue=0)
            here = usable[::2, ::2][: rough.shape[0], : rough.shape[1]]
            fit = np.where((here > 0) & like & (rough < most), rough, np.inf)
            row, column = divmod(int(fit.argmin()), fit.shape[1])
            if np.isfinite(fit[row, column]):
                row, column = _closely(self.level.image[inside], window, usable, 2 * row, 2 * column)
                return row + self.box.top - top, column + self.box.left - left
        return None


def _replaced(photo: _Photo, source: Ints, pixels: Places, barred: Known) -> bool:
    """Take an island's place, tile by tile, from where it fits what lies around it.

    False, and nothing changed, where most of it fits nowhere.
    """
    level, longer = photo.level, max(photo.level.trusted.shape)
    mine = np.zeros(level.trusted.shape, np.uint8)
    mine[pixels[:, 0], pixels[:, 1]] = 1
    side = max(4, round(TILE * longer))
    reach = LIFT + side + RING
    top, left = np.maximum(pixels.min(0) - reach, 0)
    bottom, right = np.minimum(pixels.max(0) + reach + 1, mine.shape)
    box = slice(top, bottom), slice(left, right)
    mine[box] = cv2.dilate(mine[box], np.ones((2 * LIFT + 1, 2 * LIFT + 1), np.uint8)) & ~level.trusted[box]
    without = level.image.copy()
    without[box] = _without(level.image[box], mine[box])
    low, high = np.maximum(pixels.min(0) - LIFT, 0), np.minimum(pixels.max(0) + LIFT + 1, mine.shape)
    laid: list[tuple[Numbers, Numbers, int, int]] = []
    left_over = (1 - GONE) * np.count_nonzero(mine)
    for y, x, found in _laid(photo, without, mine, barred, (slice(low[0], high[0]), slice(low[1], high[1])), side):
        if found:
            laid.append((y, x, found[0], found[1]))
        else:
            left_over -= len(y)
        if left_over < 0:
            return False
    for y, x, down, aside in laid:
        source[level.slot[y, x]] = (y + down) * level.trusted.shape[1] + x + aside
        level.image[y, x] = level.image[y + down, x + aside]
    return True


def _laid(
    photo: _Photo, without: Floats, mine: Pixels, barred: Known, area: tuple[slice, slice], side: int
) -> Iterator[tuple[Numbers, Numbers, tuple[int, int] | None]]:
    """The pixels of `mine`, uint8 (H, W), in an area, rows and columns, and how many of both off they fit, if at all.

    In tiles of `side` px, and in smaller ones where these fit nowhere; without: (H, W, 3), the picture without `mine`.
    """
    for y in range(area[0].start, area[0].stop, side):
        for x in range(area[1].start, area[1].stop, side):
            tile = slice(y, min(y + side, area[0].stop)), slice(x, min(x + side, area[1].stop))
            if not mine[tile].any():
                continue
            found = photo.fitting(without, tile, barred)
            if not found and side // 2 >= LEAST * max(mine.shape):
                yield from _laid(photo, without, mine, barred, tile, side // 2)
            else:
                rows, columns = np.nonzero(mine[tile])
                yield rows + y, columns + x, found


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
