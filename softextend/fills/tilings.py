"""A plane whose straightened picture repeats itself both ways goes on all around: bricks, tiles, a facade's windows.

As in `regular`, each empty place of the straightened picture chooses one of a few steps at which it repeats itself, so
that pieces join without a seam; what is new is then taken that step further in, through the perspective and from the
photo at once. So the corners are filled too, and the sides that show too little of the plane to tell its step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.base import Floats, nearest_known, summed, variance
from softextend.fills.pyramid import Level, outline
from softextend.fills.regular import NEAREST, SEAM, STRUCTURED, WINDOW, offsets_of, reached, repeated
from softextend.fills.straight import LARGER, SMALLER, Photo, Straight, mapped, scaling, seen_at, ways_to_see

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

    Doubles = npt.NDArray[np.float64]
    Labels = npt.NDArray[np.int32]
    Places = npt.NDArray[np.int64]  # (N, 2), x and y

LOOKED_AT, FINER = 192, 512  # px, squared: sizes at which the straightened photo is looked at, and its steps measured
LIGHT = 1 / 12  # of the longer side, Gaussian sigma: what changes as slowly is light
GROSS = 1.0  # px, Gaussian sigma: grain that does not repeat itself is left out
STRONGEST, TIMES = 6, 3  # steps that are also taken together, and how often each
SMALLEST = 24  # px, least side of a straightened picture
FIRST = 6  # steps of which one must be steady
SAME_STEP = 1  # px by which two steps may differ, down and right, and be one
ASLANT = 0.3  # sine of the angle from which a step leads another way
WIDEST = 3.0  # times as wide or high as the canvas a straightened one may get
MOST = 24  # steps to choose from
GAIN = 0.0005  # mean over the empty places by which a step must reach them better than those before
INEXACT, EXACT = 0.4, 0.2  # what a step costs that repeats nothing exactly; less for all, so that one is taken
SURE = 0.5  # weight of the labels around a place that lead to the photo
GOES_ON = 0.5  # part of the border's surroundings that must repeat itself for the plane to go on there
FARTHEST = 0.12  # times the size at the border, the smallest that goes on
RING = 6  # px inside the border that what goes on must meet
EDGE = 24.0  # levels of 255 from which a difference is an edge
SMOOTH, FADE = 6.0, 0.06  # px; of the longer side: how smoothly and how far the border lifts what is new
FORETOLD = 1 / 40  # of the longer side, Gaussian sigma: how much of the border a step must foretell
UNTOLD, UNLIKE = 0.02, 5000.0  # part of that which must be told, else levels squared that it counts as missed by
SWEEPS = 2  # over rows and columns
REFINED = 2  # px at FINER, by which a step that was found at LOOKED_AT may be off


@dataclass(frozen=True, slots=True, eq=False)
class _Tiling:
    """The straightened canvas, and at which step each of its places repeats the photo."""

    photo: Photo
    straight: Straight
    scale: float  # of the labels
    label: Labels  # (h, w): 0 = none, k = ways[k - 1]
    ways: Doubles  # (K, 2) px right and down of the straightened canvas

    def seen(self, place: Places, like: Places) -> tuple[Floats, Floats]:
        """What pixels (N, 2), x and y, show by the labels around other ones, (N, 2): colours (N, 3), how sure (N,)."""
        (height, width), total = self.label.shape, np.zeros((len(place), 4), np.float32)
        at = (mapped(self.straight.matrix, like) + 0.5) * self.scale - 0.5
        low = np.floor(at).astype(int)
        for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = np.abs(1 - np.array(corner) - (at - low)).prod(1)
            u, v = (low + corner).T
            label = self.label[np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)]
            label[(u < 0) | (u >= width) | (v < 0) | (v >= height)] = 0
            source = self._source(place, label)
            found = source[:, 0] >= 0
            shown = seen_at(self.photo.pixels, source[found].astype(np.float32))
            total[found] += np.c_[shown, np.ones(len(shown))] * share[found, None]
        return np.asarray(total[:, :3] / np.maximum(total[:, 3:], 1e-6), dtype=np.float32), total[:, 3]

    def _source(self, place: Places, label: Labels) -> Doubles:
        """Where pixels (N, 2), x and y, with these labels (N,) are copied from; -1 if nowhere."""
        shape = self.photo.known.shape
        there = mapped(self.straight.matrix, place) + np.vstack([np.zeros((1, 2)), self.ways])[label]
        back = np.asarray(np.linalg.inv(self.straight.matrix), np.float64)
        found = np.clip(mapped(back, there), -1, max(shape))
        x, y = np.rint(found).astype(int).T
        inner = cv2.erode(self.photo.known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
        usable = (label > 0) & (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
        usable[usable] = inner[y[usable], x[usable]]
        return np.where(usable[:, None], found, -1)


def tiled(photo: Photo, points: Doubles, sure: float) -> tuple[Places, Pixels]:
    """The empty pixels in which a plane goes on, (N, 2) x and y, and their colours, uint8 (N, 3); N = 0 if nowhere.

    points: (K, 2), x and y of vanishing points. sure: part of the windows of a plane that must repeat themselves at a
    step, and at one that leads another way, in [0, 1], as those of the photo as it is do not.
    """
    straight, steps = _surest(photo, points, sure)
    tiling = _chosen(photo, straight, steps) if steps else None
    place = np.argwhere(~photo.known)[:, ::-1]
    if tiling is None:
        return place[:0], np.zeros((0, 3), np.uint8)
    large = np.c_[place, np.ones(len(place))] @ straight.line
    place = place[(large > FARTHEST) & (large < LARGER)]
    painted, weight = tiling.seen(place, place)
    place, painted = place[weight > SURE], painted[weight > SURE]
    painted = painted + _missed(tiling, place)
    return place, np.clip(np.rint(painted), 0, 255).astype(np.uint8)


def _missed(tiling: _Tiling, place: Places) -> Floats:
    """Levels of 255 (N, 3) that the photo's border lifts empty pixels by, (N, 2) x and y, less with the distance."""
    known = tiling.photo.known
    far = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 3)
    ring = np.argwhere(known & (far <= RING))[:, ::-1]
    near = nearest_known(~known)[0][ring[:, 1], ring[:, 0]]
    shown, weight = tiling.seen(ring, np.stack(np.divmod(near, known.shape[1])[::-1], 1))
    wrong = tiling.photo.pixels[ring[:, 1], ring[:, 0]] - shown
    alike = (weight > SURE) & (np.abs(wrong).max(1) <= EDGE)
    told = np.zeros((*known.shape, 4), np.float32)
    told[ring[alike, 1], ring[alike, 0]] = np.c_[wrong[alike], np.ones(np.count_nonzero(alike))]
    told = cv2.GaussianBlur(told, (0, 0), SMOOTH)
    border, away = nearest_known(known)
    lift = told.reshape(-1, 4)[border[place[:, 1], place[:, 0]]]
    fade = np.exp(-away[place[:, 1], place[:, 0]] / (FADE * max(known.shape)))
    return np.asarray(lift[:, :3] / np.maximum(lift[:, 3:], 1e-3) * fade[:, None], dtype=np.float32)


def _surest(photo: Photo, points: Doubles, sure: float) -> tuple[Straight, _Steps | None]:
    """The plane through one of the points (K, 2) that repeats itself most exactly, and its steps; none if none does."""
    (height, width), none = photo.known.shape, np.array([0, 0, 1.0])
    plain = Straight(matrix=np.eye(3), line=none, size=(width, height))
    ways = [way for point in points for way in ways_to_see(point, photo.box, photo.known.shape)]
    found = [(way, steps) for way in ways if (steps := _steps(photo, way, sure))]
    if not found or _steps(photo, plain, sure):
        return plain, None
    return min(found, key=lambda each: float(each[1].inexact.min()))


# --- the steps ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """At which steps a straightened picture repeats itself, and where."""

    ways: Doubles  # (K, 2) px right and down of it at full size, forth and back
    inexact: Floats  # (K,) in [0, 1]
    regular: Floats  # (h, w, 2) at the size at which it was looked at: 1 where it does, and 1 where that can be told


def _steps(photo: Photo, straight: Straight, sure: float) -> _Steps | None:
    """None where no step is steady."""
    image, inside, scale = straight.seen(photo, LOOKED_AT)
    if min(inside.shape) < SMALLEST or not inside.any():
        return None
    longer, side = max(inside.shape), round(WINDOW * max(inside.shape)) | 1
    image = _evenly_lit(cv2.GaussianBlur(image, (0, 0), GROSS), inside, LIGHT * longer)
    nearest = max(2, round(NEAREST * longer))
    peaks = offsets_of(image, inside, nearest)
    if not len(repeated(image, inside, peaks[:FIRST], side, sure)[0]):
        return None
    found = _together(peaks, inside.shape, nearest)
    ways, inexact, irregular = repeated(image, inside, found, side, sure)
    if not len(ways) or not len(repeated(image, inside, _across(ways, ways[inexact.argmin()]), side, sure)[0]):
        return None
    told = cv2.erode(inside.astype(np.uint8), np.ones((side, side), np.uint8), borderValue=0) > 0
    irregular[inside & (~told | (variance(image, side) < STRUCTURED))] = 0  # an even area is of the tile around it
    regular = np.dstack([1 - irregular, told]).astype(np.float32)
    return _Steps(ways=np.concatenate([ways, -ways])[:, ::-1] / scale, inexact=np.tile(inexact, 2), regular=regular)


def _evenly_lit(image: Floats, inside: Known, reach: float) -> Floats:
    """A picture (h, w, 3) without its slow changes, `reach` px (Gaussian sigma)."""
    share = np.maximum(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), reach), 1e-3)[..., None]
    slow = cv2.GaussianBlur(image * inside[..., None], (0, 0), reach) / share
    return np.asarray((image - slow + slow[inside].mean(0)) * inside[..., None], dtype=np.float32)


def _across(ways: npt.NDArray[np.int64], way: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of the steps (N, 2) that lead another way than that one (2,)."""
    across = np.abs(ways[:, 0] * way[1] - ways[:, 1] * way[0])
    return np.asarray(ways[across > ASLANT * np.hypot(*ways.T) * np.hypot(*way)], dtype=np.int64)


def _together(found: npt.NDArray[np.int64], shape: tuple[int, ...], nearest: int) -> npt.NDArray[np.int64]:
    """The offsets (N, 2), and the strongest of them added up, as far as they stay within a picture (H, W): (M, 2).

    None is shorter than `nearest` px, or as good as one before.
    """
    times = np.arange(-TIMES, TIMES + 1)
    first = found[:STRONGEST]
    sums = (first[:, None, None] * times[:, None, None] + first).reshape(-1, 2)
    sums = np.concatenate([found, sums])
    sums *= np.where((sums[:, :1] < 0) | ((sums[:, :1] == 0) & (sums[:, 1:] < 0)), -1, 1)
    sums = sums[(np.abs(sums) < np.array(shape)).all(1) & (np.hypot(*sums.T) >= nearest)]
    near = (np.abs(sums[:, None] - sums) <= SAME_STEP).all(2)
    return np.asarray(sums[~np.tril(near, -1).any(1)], dtype=np.int64)


def _measured(photo: Photo, straight: Straight, ways: Doubles) -> Doubles:
    """(K, 2): steps, px right and down, in fractions of a px."""
    image, inside, scale = straight.seen(photo, FINER)
    grey, weight = image.mean(2) * inside, inside.astype(np.float32)
    around = np.arange(-REFINED, REFINED + 1)
    found = np.empty_like(ways)
    for index, way in enumerate(ways * scale):
        right, down = np.rint(way).astype(int)
        apart = np.array([[_differing(grey, weight, down + y, right + x) for x in around] for y in around])
        row, column = np.unravel_index(apart.argmin(), apart.shape)
        aside, below = _lowest(apart[row], int(column)), _lowest(apart[:, column], int(row))
        found[index] = right - REFINED + aside, down - REFINED + below
    return found / scale


def _differing(grey: Floats, weight: Floats, down: int, right: int) -> float:
    """Mean squared difference of a picture (h, w) from itself a step away where both are known, else infinity."""
    height, width = grey.shape
    here = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
    there = slice(max(0, down), height - max(0, -down)), slice(max(0, right), width - max(0, -right))
    both = weight[here] * weight[there]
    step = (grey[here] - grey[there]) ** 2
    return float((step * both).sum() / both.sum()) if both.any() else np.inf


def _lowest(line: Doubles, at: int) -> float:
    """Where a parabola through the least of a line and its neighbours is lowest."""
    if not 0 < at < len(line) - 1 or not np.isfinite(line[at - 1 : at + 2]).all():
        return at
    before, here, after = line[at - 1 : at + 2]
    return float(at + 0.5 * (before - after) / max(before - 2 * here + after, 1e-6))


# --- what goes where ----------------------------------------------------------------------------------------------


def _chosen(photo: Photo, straight: Straight, steps: _Steps) -> _Tiling | None:
    """None where no step leads to anything from what is empty."""
    from softextend.fills.shifts import choose

    scale = min(1.0, LOOKED_AT / float(np.sqrt(straight.size[0] * straight.size[1])))
    wide = _widened(photo, straight)
    image, inside, _ = wide.seen(photo, scale * float(np.sqrt(wide.size[0] * wide.size[1])))
    move = scaling(scale) @ wide.matrix @ np.linalg.inv(straight.matrix) @ np.linalg.inv(scaling(scale))
    regular = cv2.warpPerspective(steps.regular, move, inside.shape[::-1], flags=cv2.INTER_LINEAR)
    irregular = np.ascontiguousarray(1 - regular[..., 0], dtype=np.float32)
    level = outline(image, inside, 1, inside)
    wanted = _wanted(photo, wide, scale, inside, regular)
    ways, inexact = _useful(replace(level, hole=np.flatnonzero(wanted).astype(np.int32)), steps, scale, irregular)
    if not len(ways):
        return None
    offsets = np.rint(ways[:, ::-1] * scale).astype(np.int32)
    label = _first(level, offsets, inexact, irregular)
    own = _nearest(level)
    for _ in range(SWEEPS):
        choose(image, inside, level.valid, own, offsets, label, irregular, inexact, np.float32(SEAM))
    return _Tiling(
        photo=photo,
        straight=wide,
        scale=scale,
        label=np.where(wanted, label, 0).astype(np.int32),
        ways=_measured(photo, straight, ways),
    )


def _widened(photo: Photo, straight: Straight) -> Straight:
    """The same, moved and cut to all of the canvas that is of a usable size."""
    height, width = photo.known.shape
    y, x = np.linspace(0, height - 1, 64), np.linspace(0, width - 1, 64)
    grid = np.stack(np.broadcast_arrays(x, y[:, None], 1.0), 2).reshape(-1, 3)
    large = grid @ straight.line
    there = mapped(straight.matrix, grid[(large > SMALLER) & (large < LARGER), :2])
    most = np.array([[WIDEST * width, WIDEST * height]])
    middle = np.array(straight.size) / 2
    there = there[(np.abs(there - middle) < most / 2).all(1)]
    low, high = there.min(0), there.max(0)
    away = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]])
    size = np.ceil(high - low).astype(int) + 1
    return Straight(matrix=away @ straight.matrix, line=straight.line, size=(int(size[0]), int(size[1])))


def _wanted(photo: Photo, wide: Straight, scale: float, inside: Known, regular: Floats) -> Known:
    """(h, w): which empty places of the straightened canvas lie on the canvas beside a border where the plane is."""
    (height, width), canvas = inside.shape, photo.known.shape
    y, x = np.mgrid[:height, :width]
    place = (np.stack([x, y], 2).reshape(-1, 2) + 0.5) / scale - 0.5
    across, down = mapped(np.asarray(np.linalg.inv(wide.matrix), np.float64), place).T
    seen = (across > -1) & (across < canvas[1]) & (down > -1) & (down < canvas[0])
    spread = WINDOW * max(height, width)
    regular, told = cv2.split(cv2.GaussianBlur(regular * regular[..., 1:], (0, 0), spread))
    plane = regular > GOES_ON * told
    return np.asarray(~inside & seen.reshape(inside.shape) & plane.ravel()[nearest_known(inside)[0]])


def _useful(level: Level, steps: _Steps, scale: float, irregular: Floats) -> tuple[Doubles, Floats]:
    """The steps (K, 2) that together reach what is regular best from a level's empty places, and their prices (K,)."""
    offsets = np.rint(steps.ways[:, ::-1] * scale).astype(np.int64)
    prices = (INEXACT * steps.inexact - EXACT).astype(np.float32)
    worth = np.array([reached(level, offset, irregular) for offset in offsets])
    worth *= 1 - INEXACT * steps.inexact[:, None]
    best, kept = np.zeros(worth.shape[1], np.float32), list[int]()
    while len(kept) < MOST and worth.size:
        gains = np.maximum(worth - best, 0).mean(1)
        if gains.max() < GAIN:
            break
        kept.append(int(gains.argmax()))
        best = np.maximum(best, worth[kept[-1]])
    return steps.ways[kept], prices[kept]


def _nearest(level: Level) -> Labels:
    """(H, W, 2): rows and columns from each place of a level to the nearest source."""
    y, x = np.mgrid[: level.valid.shape[0], : level.valid.shape[1]]
    v, u = np.divmod(nearest_known(level.valid)[0], level.valid.shape[1])
    return np.stack([v - y, u - x], 2).astype(np.int32)


def _first(level: Level, offsets: Labels, prices: Floats, irregular: Floats) -> Labels:
    """Labels (H, W) to begin with: the step, of prices (K,), that foretells best what the border beside shows."""
    near, told = nearest_known(level.trusted)[0], level.trusted.astype(np.float32)
    spread = FORETOLD * max(level.trusted.shape)
    label, best = np.zeros(level.trusted.shape, np.int32), np.full(level.trusted.shape, np.inf, np.float32)
    for index, (down, right) in enumerate(offsets):
        move = np.array([[1, 0, right], [0, 1, down]], np.float32)
        there = [
            cv2.warpAffine(each, move, each.shape[1::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
            for each in (level.image, level.valid.astype(np.float32), irregular)
        ]
        both = told * there[1]
        share = cv2.GaussianBlur(both, (0, 0), spread)
        missed = cv2.GaussianBlur(summed((level.image - there[0]) ** 2) * both, (0, 0), spread)
        missed = np.where(share > UNTOLD, missed / np.maximum(share, UNTOLD), UNLIKE)
        cost = np.where(there[1] > 0, SEAM * missed.ravel()[near] + there[2] + prices[index], np.inf)
        better = cost < best
        best[better], label[better] = cost[better], index + 1
    return np.where(level.trusted, 0, label).astype(np.int32)
