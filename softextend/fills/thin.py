"""Thin things that a photo's border cuts: a cable, a wire, a pole or a rail that stands alone before an even ground.

Both edges of such a thing run side by side up to the border. It is looked for along straight segments of edges (LSD,
Grompone von Gioi et al. 2010) that end there, measured column by column, and followed inwards as far as it is surely
seen. Grass, twigs and hair, many thin things beside each other, are none. The border lies on the right throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.mirror import bounds

if TYPE_CHECKING:
    from softextend.fills.base import Floats
    from softextend.types import Known, Pixels

    Doubles = npt.NDArray[np.float64]

LONGER = 768  # px, longer side of the picture in which things are looked for
SMALLEST = 48  # px a side; smaller pictures tell nothing
# Edges that meet the border; shares are of the longer side.
DEEP, SHORTEST = 0.12, 0.02  # strip along the border in which they are looked for, and their least length
REACHES = 0.012  # from the border, where they may end
STEEPEST = 2.75  # px aside per px outwards: 20 degrees to the border
OPPOSITE = 0.5  # least step of colour at a thing's other edge, over that at the one
# A thing, column by column. Its ground is what lies beside it.
WIDEST, NARROWEST = 0.045, 1.2  # of the longer side, and px: width
MARGIN = 1.5, 0.25  # px, and of half its height, beside an edge that belong to neither
BESIDE = 1.0, 0.035  # widths, and of the longer side, of the ground that is looked at on each side
SHOWN = 2  # px of it that must be seen on each side
CLEAR = 7.0  # L*a*b* units by which a thing differs from its ground
EVEN, MOSTLY = 0.25, 0.15  # deviation of the ground over that difference, and in the median of the columns
PARTED = 0.5  # difference of the grounds on both sides over it
SOLID = 0.6  # part of the difference that the thing's middle has
ABOUT = 0.35, 0.7  # widths, and px, by which it may be wider or narrower
BETWEEN, BLUR = (0.2, 0.8), (0.2, 3.0)  # shares of its colour that an edge has; widths, and px, an edge at most
# A thing as a whole.
TIMES = 3.5  # widths over which it must be seen
GAP = 1.5, 0.04  # widths, and of the longer side, over which it may be hidden
OFTEN, MOST = 0.5, 0.73  # part of the columns that must show it while it is followed, and in the end
OFF = 0.1, 0.4  # widths, and px, by which its middle may be off its course
TAPERS = 0.2  # of its height, from which it grows or shrinks further
BENDS, SAGS = 6.0, (0.05, 0.5)  # widths from which it may bend; widths, and px, that it must do so
AROUND = 1.0, 4.0  # widths over which its middle and its height are smoothed
FADES = 2.0  # times the length over which it is seen, beyond which it bends no further
FARTHER, INWARDS = 1.6, 0.6  # times as far as before it is followed; of the photo's width, the farthest
FEWEST = 6  # columns
PATTERN = 3  # things that may be one
NEAR, JOINTS = 0.2, 0.95  # of the longer side between neighbours; part of the columns that must show them


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A thin thing whose border lies on the right; `out` is px outwards from the last column of the photo."""

    bends: tuple[float, float, float]  # its middle's row at that column, px aside per px outwards, and per px squared
    growth: float  # px by which half its height across rows grows per px outwards
    shown: Known  # (N,) whether it is surely seen in the column n px inwards
    off: Doubles  # (N,) px that its middle is below that there
    half: Doubles  # (N,) px, half its height across rows there

    def middle(self, out: npt.ArrayLike) -> Doubles:
        """(N,), float64: rows of its middle, px, at `out` px outwards (N,); beyond the photo it bends less and less."""
        out = np.asarray(out, np.float64)
        row, slope, bend = self.bends
        fade = FADES * len(self.shown)
        ahead = np.maximum(out, 0)
        beyond = 2 * fade * (ahead - fade * (1 - np.exp(-ahead / fade)))
        bent = bend * np.where(out > 0, beyond, out**2)
        return np.asarray(row + slope * out + bent + self._at(self.off, out), np.float64)

    def halves(self, out: npt.ArrayLike) -> Doubles:
        """(N,), float64: px, half its height at `out` px outwards (N,), half to twice that at the border."""
        out = np.asarray(out, np.float64)
        grown = self.growth * np.maximum(out, 0)
        return np.asarray(self._at(self.half, out) + np.clip(grown, -self.half[0] / 2, self.half[0]), np.float64)

    def _at(self, values: Doubles, out: Doubles) -> Doubles:
        return np.asarray(np.interp(-out, np.arange(len(values)), values), np.float64)

    def sized(self, across: float, down: float) -> Course:
        """The same in a picture that is so many times as wide and high."""
        row, slope, bend = self.bends
        count = max(1, round(len(self.shown) * across))
        place = np.asarray((np.arange(count) + 0.5) / across - 0.5, np.float64)  # px inwards in the smaller picture
        row = (row + 0.5) * down - 0.5 + slope * down / across * 0.5 * (across - 1)
        return Course(
            bends=(row, slope * down / across, bend * down / across**2),
            growth=self.growth * down / across,
            shown=self.shown[np.clip(np.rint(place).astype(int), 0, len(self.shown) - 1)],
            off=self._at(self.off, -place) * down,
            half=self._at(self.half, -place) * down,
        )


def thin_things(pixels: Pixels, known: Known, least: float) -> list[Course]:
    """pixels: uint8 (H, W, 3), known: bool (H, W) -> the thin things that reach the right border of what is known.

    least: of the longer side, how far inwards they must be seen. Rows are those of the whole picture.
    """
    box = bounds(known)
    inside = box.cut
    height, width = known[inside].shape
    if min(height, width) < SMALLEST or not known[inside][:, -1].all():
        return []
    scale = min(1.0, LONGER / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    seen = cv2.resize(pixels[inside], size, interpolation=cv2.INTER_AREA)
    edges = list(_edges(seen))
    found: list[Course] = []
    photo = cv2.cvtColor(seen.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) if edges else seen
    for band in (band for edge in edges for band in _bands(photo, *edge)):
        if not any(abs(band.bends[0] - other.bends[0]) < band.half[0] + other.half[0] for other in found):
            thing = _followed(photo, band, least * max(size))
            found += [thing] if thing else []
    found = _without_joints(found, NEAR * max(size))
    courses = [each.sized(width / size[0], height / size[1]) for each in found]
    return [replace(each, bends=(each.bends[0] + box.top, *each.bends[1:])) for each in courses]


def _without_joints(things: list[Course], near: float) -> list[Course]:
    """Those that do not stand `near` px to each other and are crossed again and again, as joints between bricks are.

    Two are no pattern yet; none where most do.
    """
    if len(things) < PATTERN:
        return things
    rows = np.array([each.bends[0] for each in things])
    beside = (np.abs(rows[:, None] - rows) < near).sum(1) > 1
    kept = [each for each, close in zip(things, beside, strict=True) if not close or each.shown.mean() >= JOINTS]
    return kept if 2 * len(kept) >= len(things) else []


# --- where they may be --------------------------------------------------------------------------------------------


def _edges(seen: Pixels) -> Iterator[tuple[float, float]]:
    """Where straight edges meet the right border of a picture (H, W, 3): row, and px aside per px outwards."""
    height, width = seen.shape[:2]
    longer = max(height, width)
    strip = np.ascontiguousarray(seen[:, -max(8, round(DEEP * longer)) :])
    lines = cv2.createLineSegmentDetector().detect(cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY))[0]
    for ends in lines.reshape(-1, 2, 2).astype(np.float64) if lines is not None else ():
        (x0, y0), (x1, y1) = ends if ends[0, 0] <= ends[1, 0] else ends[::-1]
        if np.hypot(x1 - x0, y1 - y0) < SHORTEST * longer or abs(y1 - y0) >= STEEPEST * (x1 - x0):
            continue
        slope, left = (y1 - y0) / (x1 - x0), strip.shape[1] - 1 - x1
        if left < REACHES * longer + 2 and 0 <= y1 + left * slope < height:
            yield y1 + left * slope, slope


def _bands(photo: Floats, at: float, slope: float) -> Iterator[Course]:
    """What lies between an edge that meets the border and the next edge of the opposite sense, on both sides of it."""
    longer = max(photo.shape[:2])
    reach = int(WIDEST * longer * np.hypot(1, slope)) + 4
    out = -np.arange(min(max(8, round(SHORTEST * longer)), photo.shape[1]), dtype=np.float64)
    profile = np.median(_along(photo, at + slope * out, reach)[0], 0)
    step = np.zeros_like(profile)
    step[1:-1] = profile[2:] - profile[:-2]
    near = reach + np.arange(-2, 3)
    first = int(near[np.argmax((step[near] ** 2).sum(1))])
    size = float(np.sqrt((step[first] ** 2).sum()))
    rise = step @ step[first] / max(size, 1e-6)
    for side in (1, -1) if size >= CLEAR / 2 else ():
        for other in range(first + 2 * side, reach + side * (reach - 1), side):
            if rise[other] <= min(-OPPOSITE * size, rise[other - 1], rise[other + 1]):
                middle, half = at + (first + other) / 2 - reach, np.array([abs(other - first) / 2])
                yield Course((middle, slope, 0.0), 0.0, np.ones(1, np.bool_), np.zeros(1), half)
                break


def _along(photo: Floats, rows: Doubles, reach: int) -> tuple[Floats, Known]:
    """(N, 2 reach + 1, 3): N columns inwards from the last, about `rows` (N,); and what of it lies in the photo."""
    height, width = photo.shape[:2]
    y = (rows[:, None] + np.arange(-reach, reach + 1)).astype(np.float32)
    x = np.broadcast_to(np.arange(width - 1, width - 1 - len(rows), -1, dtype=np.float32)[:, None], y.shape)
    strip = cv2.remap(photo, np.ascontiguousarray(x), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(strip, np.float32), (y >= 0) & (y <= height - 1)


# --- how far they are surely seen ---------------------------------------------------------------------------------


def _followed(photo: Floats, thing: Course, least: float) -> Course | None:
    """The thing as far as it is seen; None if that is less than `least` px, or not surely a thin thing."""
    longer, deep = max(photo.shape[:2]), round(max(10, least / 3, 4 * thing.half[0]))
    while True:
        columns = _measured(photo, thing, deep)
        gap = max(GAP[0] * 2 * thing.half[0], GAP[1] * longer)
        count = _without_gaps(columns.good, gap, OFTEN)
        fitted = _fitted(columns, count) if count >= FEWEST else None
        if fitted is None:
            return None
        thing = fitted
        if deep - count > gap or deep >= INWARDS * photo.shape[1]:
            break
        deep = min(round(FARTHER * deep), photo.shape[1])
    columns = _measured(photo, thing, len(thing.shown))
    count = _without_gaps(columns.good, gap, MOST)
    found = _fitted(columns, count) if count >= FEWEST else None
    return found if found and _is_sure(found, columns, longer, least) else None


def _is_sure(thing: Course, columns: _Columns, longer: int, least: float) -> bool:
    """Whether what was followed in a photo of that longer side, px, is a thin thing seen over `least` px."""
    tall = float(np.hypot(1, thing.bends[1]))
    wide, used = 2 * thing.half[0] / tall, np.flatnonzero(thing.shown)
    far = np.hypot(len(thing.shown), thing.middle(0) - thing.middle(-len(thing.shown)))
    fits = NARROWEST <= wide <= WIDEST * longer and abs(thing.bends[1]) < STEEPEST
    sharp = columns.edge[used].mean() <= max(BLUR[0] * wide, BLUR[1]) * tall
    return bool(fits and sharp and far >= max(TIMES * wide, least) and np.median(columns.uneven[used]) <= MOSTLY)


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """What a thing is like in each of N columns inwards from the border."""

    good: Known  # whether it is surely seen
    middle: Doubles  # row
    half: Doubles  # px, half its height
    edge: Doubles  # px, the height of one of its edges
    uneven: Doubles  # deviation of the ground, over what the thing differs from it by


def _measured(photo: Floats, thing: Course, deep: int) -> _Columns:
    """How a thing is seen in so many columns along its course."""
    half = thing.half[0]
    inner = half + max(MARGIN[0], MARGIN[1] * half)
    reach = int(np.ceil(inner + max(BESIDE[0] * 2 * half, BESIDE[1] * max(photo.shape[:2]))))
    out = -np.arange(min(deep, photo.shape[1]), dtype=np.float64)
    strip, inside = _along(photo, thing.middle(out), reach)
    away = np.arange(-reach, reach + 1.0)
    upper, lower = inside & (away < -inner), inside & (away > inner)
    above, below = (_mean(strip, side) for side in (upper, lower))
    part = np.clip(away / (2 * inner) + 0.5, 0, 1)[None, :, None]
    change = strip - (above[:, None] * (1 - part) + below[:, None] * part)
    core = np.abs(away) <= max(0.5, half - 1)
    apart = np.median(strip[: max(6, int(4 * half)), core].reshape(-1, 3), 0) - strip + change
    share = (change * apart).sum(2) / np.maximum((apart**2).sum(2), 1.0)
    differs = np.maximum(np.sqrt((apart[:, reach] ** 2).sum(1)), 1)
    uneven = np.sqrt(_mean((change**2).sum(2, keepdims=True), upper | lower)[:, 0]) / differs
    parted = np.sqrt(((above - below) ** 2).sum(1)) / differs
    near = np.abs(away) <= inner
    weight = np.clip(share, 0, 1) * near
    tall = weight.sum(1)
    good = (differs >= CLEAR) & (uneven <= EVEN) & (parted <= PARTED) & (np.median(share[:, core], 1) >= SOLID)
    good &= np.minimum(upper.sum(1), lower.sum(1)) >= SHOWN
    good &= np.abs(tall - 2 * half) <= ABOUT[0] * 2 * half + ABOUT[1]
    edge = ((share > BETWEEN[0]) & (share < BETWEEN[1]) & near).sum(1) / 2
    middle = thing.middle(out) + (weight * away).sum(1) / np.maximum(tall, 1e-6)
    return _Columns(good=good, middle=middle, half=tall / 2, edge=edge, uneven=uneven)


def _mean(values: Floats, where: Known) -> Floats:
    """(N, C): means of values (N, R, C) where (N, R) that holds; 0 where it nowhere does."""
    return np.asarray((values * where[..., None]).sum(1) / np.maximum(where.sum(1), 1)[:, None], np.float32)


def _without_gaps(good: Known, gap: float, often: float) -> int:
    """How many columns from the first on show a thing, if it may be hidden in `gap` on end.

    often: part of them that must show it.
    """
    places = np.flatnonzero(good)
    ends = np.flatnonzero(np.diff(np.r_[-1, places, len(good) + gap + 2]) > gap + 1)
    last = places[ends[0] - 1] + 1 if ends[0] else 0
    enough = np.flatnonzero(np.cumsum(good[:last]) >= often * np.arange(1, last + 1))
    return int(enough[-1]) + 1 if len(enough) else 0


def _fitted(columns: _Columns, count: int) -> Course | None:
    """The straight or bent course through the first `count` columns; None if they are off it."""
    used = columns.good[:count]
    out, middle, half = (
        -np.flatnonzero(used).astype(np.float64),
        columns.middle[:count][used],
        columns.half[:count][used],
    )
    wide = 2 * float(np.median(half))
    bends, off = _polynomial(out, middle, 2)
    if count < BENDS * wide or abs(bends[0]) * (count / 2) ** 2 < max(SAGS[0] * wide, SAGS[1]):
        bends, off = _polynomial(out, middle, 1)
    if np.sqrt((off**2).mean()) > OFF[0] * wide + OFF[1] * np.hypot(1, bends[-2]):
        return None
    growth, level = np.polyfit(out, half, 1)
    row, slope, bend = np.pad(bends[::-1], (0, 3 - len(bends)))
    trend = np.polyval((growth, level), out)
    return Course(
        bends=(float(row), float(slope), float(bend)),
        growth=float(growth) if abs(growth) * count >= TAPERS * level else 0.0,
        shown=used,
        off=_smooth(off, used, AROUND[0] * wide),
        half=_smooth(half - trend, used, AROUND[1] * wide) + np.polyval((growth, level), -np.arange(count)),
    )


def _polynomial(out: Doubles, middle: Doubles, degree: int) -> tuple[Doubles, Doubles]:
    """The polynomial through most of the points, highest power first, and how far each is above it."""
    kept = np.ones(len(out), np.bool_)
    for _ in range(3):
        found = np.polyfit(out[kept], middle[kept], degree)
        off = middle - np.polyval(found, out)
        kept = np.abs(off) <= max(3 * float(np.median(np.abs(off))), 0.3)
    return found, off


def _smooth(values: Doubles, used: Known, side: float) -> Doubles:
    """(N,): values of the used ones of N columns, medians over `side` of them; straight between them."""
    reach = round(side / 2) + 2
    beside = np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, constant_values=np.nan), 2 * reach + 1)
    return np.interp(np.arange(len(used)), np.flatnonzero(used), np.nanmedian(beside, 1))
