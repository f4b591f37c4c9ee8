"""The exemplar fill: empty areas are composed of patches of the picture itself, coarse to fine.

Multi-scale patch completion (Wexler, Shechtman, Irani 2007, "Space-time completion of video") searched with PatchMatch
(Barnes, Shechtman, Finkelstein, Goldman 2009). The coarse levels decide what goes where; the fine ones follow and
refine, so that the cost grows with the empty area. The compiled loops are in `patchmatch`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from softextend.errors import BadRequest

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

COARSEST = 32  # px, least short side of the coarsest level
SEARCHED = 1_500_000  # px, levels larger than this follow the one below without a search
SOURCES = 64  # patches that must lie in the known area before a level can be searched
PARTS = 8  # pieces a level is cut into, whatever the number of threads
SWEEPS = {0: 2, 1: 3, 2: 6}  # search and vote rounds by level, 0 = finest searched
SWEEPS_ELSEWHERE, SWEEPS_COARSEST = 8, 16
FADE = 1.3  # a vote loses this factor per px from the known area
FADE_FAR = 30.0  # px, where the fading ends
LIFT, EASE = 6.0, 0.5  # levels of 255 a source may be lifted by; what the square of that costs
ALONG = 0.1  # the prior along the extension, as a part of the prior across it
LOOSE = 0.25  # of the longer side: distance at which the prior has halved
SHARP = 1 / (2 * 12.0**2)  # last vote: opinions within about 12 levels of the mean count
MISSED = 32.0  # levels of 255, the most the sources at the old border are lifted by
GRAIN = 100.0  # levels squared over three channels: differences below it are noise
LOOK = 0.04  # of the longer side: how far the surroundings of a pixel reach
GUESS = 0.15  # weight in the difference of a pixel that is painted, against 1 for a known one
ANNEAL = 0.5  # the prior loses this factor from level to level
CENTRE = 1.0  # px, spread of the window of the first and last votes: near the centre a patch is right
MOST_USED = 8.0  # times the average use, where the price of re-use stops rising
FRAME = 8  # px, widest frame looked for at the photo's edge


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """Patches of the picture itself, coarse to fine; structure goes on, texture is real."""

    size: int = field(default=7, metadata={"unit": "px", "low": 3, "high": 15, "help": "side of a patch, odd"})
    level: float = field(
        default=4.0,
        metadata={"unit": "", "low": 0.0, "high": 4000.0, "help": "how strictly sources lie level with the target"},
    )
    alike: float = field(
        default=0.4,
        metadata={"unit": "", "low": 0.0, "high": 10.0, "help": "how much sources must resemble the old border"},
    )
    variety: float = field(
        default=0.05, metadata={"unit": "", "low": 0.0, "high": 1.0, "help": "what using one source again costs"}
    )
    unique: float = field(
        default=0.3,
        metadata={"unit": "", "low": 0.0, "high": 4.0, "help": "what copying a thing that exists once costs"},
    )

    def __post_init__(self) -> None:
        if not 3 <= self.size <= 15 or self.size % 2 == 0:
            raise BadRequest(f"patch:size={self.size}: must be an odd number from 3 to 15")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """pixels: uint8 (H, W, 3), known: bool (H, W) -> a copy with the unknown pixels painted."""
        seed = int(rng.integers(2**31))
        if known.all() or not known.any():
            return _replicated(pixels, known)
        trusted = known & ~_frame(pixels, known)
        size = _fitting_size(trusted, self.size)
        if size == 0:
            return _replicated(pixels, known)
        painted = _complete(pixels, trusted, self, size, seed)
        return np.where(known[..., None], pixels, painted)


def enough_known(known: Known) -> bool:
    """Whether the known area (H, W) holds patches to copy; without them `Patch` only stretches its edge."""
    return bool(known.all()) or _fitting_size(known, 3) > 0


def _fitting_size(trusted: Known, size: int) -> int:
    """The largest odd patch up to `size` of which enough lie in the trusted area, 0 if none does."""
    for side in range(size, 2, -2):
        if np.count_nonzero(_sources(trusted, side // 2)) >= SOURCES:
            return side
    return 0


def _sources(trusted: Known, radius: int) -> Known:
    """Centres of the patches that lie wholly in the trusted area and inside the picture."""
    if min(trusted.shape) < 2 * radius + 1:
        return np.zeros_like(trusted)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    inside = cv2.erode(trusted.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(inside, dtype=bool)


def _nearest(known: Known) -> tuple[Ints, Floats]:
    """For each pixel the flat index of its nearest known pixel, and the distance in px; some pixel must be known."""
    distance, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.zeros(int(label.max()) + 1, np.int32)
    flat = np.flatnonzero(known)
    places[label.ravel()[flat]] = flat
    return places[label], distance.astype(np.float32)


def _replicated(pixels: Pixels, known: Known) -> Pixels:
    """Each unknown pixel takes the colour of the nearest known one; mid-grey where nothing is known."""
    if known.all():
        return pixels.copy()
    if not known.any():
        return np.full_like(pixels, 128)
    return np.take(pixels.reshape(-1, 3), _nearest(known)[0], axis=0)


def _frame(pixels: Pixels, known: Known) -> Known:
    """Lines along the known area's straight edges that are uniform and unlike what lies behind them."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    framed = np.zeros_like(known)
    inside, area, view = pixels[top:bottom, left:right], known[top:bottom, left:right], framed[top:bottom, left:right]
    for turns in range(4):
        width = _frame_width(np.rot90(inside, turns), np.rot90(area, turns))
        np.rot90(view, turns)[:width] = True
    return framed


def _frame_width(inside: Pixels, area: Known) -> int:
    """Rows from the top that form a frame, the blended row behind them included; 0 if there is none."""
    height = min(FRAME + 2, inside.shape[0] // 4)
    if height < 3 or inside.shape[1] < 16 or not area[: height + 1].all():
        return 0
    band = inside[: height + 1].astype(np.int16)
    low, high = np.percentile(band, [8, 92], axis=1)
    uniform = (high - low).max(1) <= 20
    for width in range(min(FRAME, height - 2), 0, -1):
        jump = np.abs(band[width + 1] - band[:width].mean((0, 1))).max(1)
        if uniform[:width].all() and np.mean(jump > 24) > 0.8 and np.ptp(band[:width].mean(1), axis=0).max() <= 20:
            return width + 1
    return 0


# --- pyramid --------------------------------------------------------------------------------------


def _halved(image: npt.NDArray[Any], trusted: Known) -> tuple[npt.NDArray[Any], Known]:
    """Half the size, rounded up: means of the trusted pixels of each 2x2 cell; trusted where at least half of it is."""
    bottom, right = image.shape[0] % 2, image.shape[1] % 2
    image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    part = cv2.copyMakeBorder(trusted.astype(np.float32), 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    size = (image.shape[1] // 2, image.shape[0] // 2)
    share = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(image * part[..., None], size, interpolation=cv2.INTER_AREA)
    mean /= np.maximum(share, 0.25)[..., None]
    return mean.astype(image.dtype), share >= 0.5


@dataclass(slots=True)
class _Level:
    """One size of the picture and its field; shapes as in `patchmatch`."""

    image: Floats
    trusted: Known
    valid: Known
    place: Ints
    slot: Ints
    near: Ints
    distance: Floats  # (T,) px to the trusted area
    hole: Ints  # flat indices of the untrusted pixels


def _level(image: Floats, trusted: Known, radius: int) -> _Level:
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    place = np.flatnonzero(cv2.dilate((~trusted).astype(np.uint8), kernel)).astype(np.int32)
    slot = np.full(trusted.shape, -1, np.int32)
    slot.ravel()[place] = np.arange(len(place), dtype=np.int32)
    near, distance = _nearest(trusted)
    return _Level(
        image=image,
        trusted=trusted,
        valid=_sources(trusted, radius),
        place=place,
        slot=slot,
        near=near.ravel()[place],
        distance=distance.ravel()[place],
        hole=np.flatnonzero(~trusted).astype(np.int32),
    )


def _pyramid(pixels: Pixels, trusted: Known, radius: int) -> list[tuple[Floats, Known]]:
    """Finest first; ends where the short side or the number of patches in the known area would become too small."""
    levels = [(pixels.astype(np.float32), trusted)]
    while min(trusted.shape) // 2 >= COARSEST:
        image, trusted = _halved(*levels[-1])
        if np.count_nonzero(_sources(trusted, radius)) < SOURCES:
            break
        levels.append((image, trusted))
    return levels


def _gauss(radius: int, spread: float) -> Floats:
    line = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * spread**2))
    return np.asarray(line / line.sum(), dtype=np.float32)


# --- search and vote ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Field:
    """What each target of a level copies; shapes as in `patchmatch`."""

    source: Ints
    cost: Floats
    raised: Floats  # (T, 3) levels of 255 added to the source


def _complete(pixels: Pixels, trusted: Known, patch: Patch, size: int, seed: int) -> Pixels:
    """The picture with its untrusted pixels composed of trusted patches."""
    radius = size // 2
    sizes = _pyramid(pixels, trusted, radius)
    coarsest = len(sizes) - 1
    spread = float(sizes[-1][0][sizes[-1][1]].var(0).sum()) + GRAIN
    with ThreadPoolExecutor(min(PARTS, os.cpu_count() or 1)) as pool:
        level = _level(*sizes.pop(), radius)
        _paint_nearest(level)
        rare, look = _rarity(level, radius), _looks(level, LOOK * max(level.trusted.shape))
        found = _started(level, np.random.default_rng(seed))
        for index in range(coarsest, -1, -1):
            if index < coarsest:
                finer = _level(*sizes.pop(), radius)
                found = _enlarged(finer, level, found)
                level = finer
            rules = _rules(level, rare, look, patch, spread, radius, ANNEAL ** (coarsest - index))
            rounds = SWEEPS_COARSEST if index == coarsest else SWEEPS.get(index, SWEEPS_ELSEWHERE)
            longer = max(level.trusted.shape)
            reach = longer // 2 if index == coarsest else (longer // 8 if index > 1 else 4)
            centre = _gauss(radius, CENTRE)
            _paint(level, found, centre, pool)
            for sweep in range(rounds):
                found = _search(level, found, rules, reach, seed + 97 * sweep + 7919 * index, sweep % 2 == 1, pool)
                _paint(level, found, rules.gauss, pool)
            if index == 0 and MISSED:
                found = _levelled(level, found, centre, pool)
        _paint(level, found, centre, pool)
    return np.clip(np.rint(level.image), 0, 255).astype(np.uint8)


def _paint_nearest(level: _Level) -> None:
    near = _nearest(level.trusted)[0]
    image = np.take(level.image.reshape(-1, 3), near, axis=0)
    image = cv2.GaussianBlur(image, (0, 0), 2.0)
    level.image.reshape(-1, 3)[level.hole] = image.reshape(-1, 3)[level.hole]


def _started(level: _Level, rng: np.random.Generator) -> _Field:
    """Each target starts with a source straight inwards, a random way from the nearest known pixel."""
    height, width = level.trusted.shape
    y, x = np.divmod(level.place, width)
    near_y, near_x = np.divmod(level.near, width)
    far = rng.random(len(y)) * 1.5 + 0.2
    v = np.clip(np.rint(near_y + (near_y - y) * far).astype(int), 0, height - 1)
    u = np.clip(np.rint(near_x + (near_x - x) * far).astype(int), 0, width - 1)
    return _Field(
        source=_nearest(level.valid)[0][v, u],
        cost=np.zeros(len(y), np.float32),
        raised=np.zeros((len(y), 3), np.float32),
    )


def _enlarged(level: _Level, below: _Level, found: _Field) -> _Field:
    """The coarser field at twice the size; sources that left the known area move to its nearest."""
    height, width = level.trusted.shape
    half = below.trusted.shape[1]
    y, x = np.divmod(level.place, width)
    parent = below.slot[y // 2, x // 2]
    v, u = np.divmod(found.source[parent], half)
    v = np.minimum(2 * v + y % 2, height - 1)
    u = np.minimum(2 * u + x % 2, width - 1)
    source = (v * width + u).astype(np.int32)
    if not level.valid[v, u].all():
        source = _nearest(level.valid)[0][v, u]
    return _Field(source=source, cost=found.cost[parent], raised=found.raised[parent])


def _rarity(level: _Level, radius: int) -> Floats:
    """(H, W): how unlike all other, distant patches each source is, mean squared difference; 0 elsewhere."""
    places = np.flatnonzero(level.valid)
    if len(places) > 4000:
        places = places[:: len(places) // 4000 + 1]
    height, width = level.trusted.shape
    y, x = np.divmod(places, width)
    line = np.sqrt(_gauss(radius, radius * 0.8))
    kernel = (line[:, None] * line[None])[..., None]
    windows = np.lib.stride_tricks.sliding_window_view(level.image, (2 * radius + 1, 2 * radius + 1), axis=(0, 1))
    rows = np.moveaxis(windows[y - radius, x - radius], 1, -1) * kernel
    rows = rows.reshape(len(places), -1)
    norm = (rows**2).sum(1)
    apart = norm[:, None] + norm[None] - 2 * rows @ rows.T
    away = max(2 * radius + 1, min(height, width) // 5)
    apart[(np.abs(y[:, None] - y[None]) < away) & (np.abs(x[:, None] - x[None]) < away)] = np.inf
    least = apart.min(1)
    least[~np.isfinite(least)] = 0
    found = np.zeros((height, width), np.float32)
    found.ravel()[places] = np.maximum(least, 0) / (2 * _variance(level.image, radius).ravel()[places])
    weight = np.zeros((height, width), np.float32)
    weight.ravel()[places] = 1
    side = (5, 5)
    return np.asarray(cv2.blur(found, side) / np.maximum(cv2.blur(weight, side), 1e-6), dtype=np.float32)


@dataclass(slots=True)
class _Rules:
    """What a source costs besides the difference of the patches."""

    gauss: Floats  # (size,) patch weights, one dimension of the separable window
    trust: Floats  # (H, W) weight of a pixel in the difference
    fixed: Floats  # (H, W) rarity; infinity where no source may be
    across: Floats  # (T,) prior weights, per px squared
    along: Floats
    look: Floats  # (H, W, 4) mean colour and contrast of the surroundings
    alike: Floats  # (T,) prior weight of their difference
    reuse: Floats  # (H, W) cost of being used as often as the average source


def _looks(level: _Level, reach: float) -> Floats:
    """(H, W, 4): mean colour and contrast of the known area within about `reach` px of each pixel, levels of 255."""
    known = level.trusted.astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(known, (0, 0), reach), 1e-6)
    inside = level.image * known[..., None]
    mean = cv2.GaussianBlur(inside, (0, 0), reach) / share[..., None]
    square = cv2.GaussianBlur((inside**2).sum(2), (0, 0), reach) / share
    contrast = np.sqrt(np.maximum(square - (mean**2).sum(2), 0))
    return np.dstack([mean, contrast]).astype(np.float32)


def _variance(image: Floats, radius: int) -> Floats:
    """(H, W): variance of the colours within each patch, summed over channels."""
    side = (2 * radius + 1, 2 * radius + 1)
    return np.asarray(
        np.maximum(cv2.blur(image**2, side) - cv2.blur(image, side) ** 2, 0).sum(2) + GRAIN / 2, dtype=np.float32
    )


def _rules(level: _Level, rare: Floats, look: Floats, patch: Patch, spread: float, radius: int, ease: float) -> _Rules:
    """`spread`, the variance of the known colours, makes every price relative to the picture's own contrast."""
    height, width = level.trusted.shape
    longer = max(height, width)
    loose = 1 + (level.distance / (LOOSE * longer)) ** 2
    across = (ease * patch.level / longer**2 / loose).astype(np.float32)
    rare = cv2.resize(rare, (width, height), interpolation=cv2.INTER_LINEAR)
    variance = _variance(level.image, radius)
    return _Rules(
        gauss=_gauss(radius, radius * 0.8),
        trust=np.where(level.trusted, 1, GUESS).astype(np.float32),
        fixed=np.where(level.valid, patch.unique * rare, np.inf).astype(np.float32),
        across=across,
        along=across * np.float32(ALONG),
        look=cv2.resize(look, (width, height), interpolation=cv2.INTER_LINEAR),
        alike=(ease * patch.alike / spread / loose).astype(np.float32),
        reuse=patch.variety * (1 - GRAIN / (2 * variance)),
    )


def _search(
    level: _Level, found: _Field, rules: _Rules, reach: int, seed: int, reverse: bool, pool: ThreadPoolExecutor
) -> _Field:
    """One sweep over all targets."""
    from softextend import patchmatch

    better = _Field(found.source.copy(), found.cost.copy(), found.raised.copy())
    side = 2 * len(rules.gauss) // 2 + 1
    used = np.bincount(found.source, minlength=level.slot.size).astype(np.float32).reshape(level.slot.shape)
    average = len(level.place) / np.count_nonzero(level.valid)
    used = np.minimum(cv2.blur(used, (side, side)) / average, MOST_USED)
    cuts = _cuts(len(level.place))
    list(
        pool.map(
            patchmatch.improve,
            *_alike(level.image, rules.trust, _variance(level.image, len(rules.gauss) // 2), level.slot, level.place),
            cuts[:-1],
            cuts[1:],
            *_alike(found.source, better.source, better.cost, better.raised),
            *_alike(rules.fixed + rules.reuse * used, level.near, rules.look),
            *_alike(rules.across, rules.along, rules.alike),
            *_alike(rules.gauss, np.float32(LIFT), np.float32(EASE), reach, reverse, seed),
        )
    )
    return better


def _paint(level: _Level, found: _Field, gauss: Floats, pool: ThreadPoolExecutor) -> None:
    level.image.reshape(-1, 3)[level.hole] = _vote(level, found, level.hole, gauss, pool)


def _levelled(level: _Level, found: _Field, gauss: Floats, pool: ThreadPoolExecutor) -> _Field:
    """Lift the sources by what they miss the known pixels by at the old border, smoother and less with the distance."""
    height, width = level.trusted.shape
    ring = level.place[level.trusted.ravel()[level.place]]
    missed = np.zeros((height, width, 4), np.float32)
    wrong = level.image.reshape(-1, 3)[ring] - _vote(level, found, ring, gauss, pool)
    missed.reshape(-1, 4)[ring, :3] = wrong
    missed.reshape(-1, 4)[ring, 3] = 1
    missed[..., :3] = np.clip(missed[..., :3], -MISSED, MISSED)
    y, x = np.divmod(level.place, width)
    lift = np.zeros((len(y), 3), np.float32)
    for reach, near, far in ((2.0, 0.0, 4.0), (6.0, 4.0, 12.0), (18.0, 12.0, 36.0)):
        step = max(1, int(reach / 3))
        small = cv2.resize(missed, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), reach / step)
        small = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
        spread = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)[y, x]
        rise = np.interp(level.distance, [near / 3, near], [0, 1]) if near else np.ones(len(y))
        fall = np.interp(level.distance, [far / 3, far], [1, 0])
        lift += (rise * fall)[:, None].astype(np.float32) * spread
    return _Field(found.source, found.cost, found.raised + lift)


def _vote(level: _Level, found: _Field, pixel: Ints, gauss: Floats, pool: ThreadPoolExecutor) -> Floats:
    """(N, 3): each pixel's colour as its patches see it (Wexler et al. 2007, eq. 8, with the 75th percentile as its sigma)."""
    from softextend import patchmatch

    sigma = float(np.percentile(found.cost, 75)) + 1e-4
    trust = -found.cost / (2 * sigma) - np.log(FADE) * np.minimum(level.distance, FADE_FAR)
    weight = np.exp(np.maximum(trust, -40)).astype(np.float32)
    colour = np.empty((len(pixel), 3), np.float32)
    cuts = _cuts(len(pixel))
    list(
        pool.map(
            patchmatch.vote,
            *_alike(level.image, level.slot, pixel),
            cuts[:-1],
            cuts[1:],
            *_alike(found.source, weight, found.raised, gauss, np.float32(SHARP), colour),
        )
    )
    return colour


def _cuts(count: int) -> list[int]:
    """Where a list is cut into parts, whatever the number of threads."""
    return [count * part // PARTS for part in range(PARTS + 1)]


def _alike(*values: Any) -> list[Any]:
    """The same values for every part, as `map` takes them."""
    return [repeat(value) for value in values]
