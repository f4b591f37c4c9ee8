"""Patch completion, coarse to fine: the pyramid, its levels and their field of patches, search and vote.

Multi-scale completion after Wexler, Shechtman, Irani 2007 ("Space-time completion of video"), searched with PatchMatch
(Barnes, Shechtman, Finkelstein, Goldman 2009). Three things hold the layout: sources near the nearest known point and
level with it, sources whose surroundings look as they do there, and known pixels counting more than painted ones. A
difference counts relative to the variance of both patches: plain squared differences drift to the smoothest material.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.fills.base import GRAIN, Floats, nearest_known, variance
from softextend.fills.base import Flat as Ints
from softextend.fills.costs import Costs
from softextend.fills.detail import regain
from softextend.fills.even import evened
from softextend.fills.islands import sink
from softextend.fills.layers import UPRIGHT, layers
from softextend.fills.outlines import LONGER as OUTLINED
from softextend.fills.outlines import Courses
from softextend.fills.parts import threads
from softextend.fills.periods import LONGEST, periods, stepping
from softextend.fills.pyramid import Level, Sized, gauss, outline, pyramid, searchable
from softextend.fills.regular import LONGER as LAID
from softextend.fills.regular import go_on
from softextend.fills.repeats import break_up
from softextend.fills.strange import priced, strange
from softextend.fills.things import LONGER, things
from softextend.fills.traits import Traits, looks, rarity

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


NOWHERE = np.zeros((1, 1), np.bool_)
SWEEPS = {0: 2, 1: 3, 2: 6}  # search and vote rounds by level, 0 = finest searched
SWEEPS_ELSEWHERE, SWEEPS_COARSEST = 8, 16
FADE = 1.3  # a vote loses this factor per px from the known area
FADE_FAR = 30.0  # px, where the fading ends
LIFT, EASE = 6.0, 0.5  # levels of 255 a source may be lifted by; what the square of that costs
ALONG = 0.1  # the prior along the extension, as a part of the prior across it
LOOSE = 0.25  # of the longer side: distance at which the prior has halved
SHARP = 1 / 20.0**2  # votes: an opinion 20 levels from the mean counts a quarter
MISSED = 32.0  # levels of 255, the most the sources at the old border are lifted by
LOOK, LOOK_MOST = 0.04, 8.0  # of the longer side and px: how far the surroundings of a pixel reach
GUESS = 0.15  # weight in the difference of a pixel that is painted, against 1 for a known one
NEARBY = 0.15  # of the longer side: a copy from closer makes a row of the same thing
ANNEAL = 0.5  # the prior loses this factor from level to level
CENTRE = 1.0  # px, spread of the window of the first and last votes: near the centre a patch is right
ENDS = 0.08  # of the longer side: how far from the old border a thing that it cuts has ended
CUT_UP = 256  # px, longer side from which copies of single places are cut up
SETTLING = 1  # sweeps that follow
MOST_USED = 8.0  # times the average use, where the price of re-use stops rising


# --- search and vote ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Field:
    """What each target of a level copies; shapes as in `patchmatch`."""

    source: Ints
    cost: Floats
    raised: Floats  # (T, 3) levels of 255 added to the source


def complete(pixels: Pixels, shown: Known, trusted: Known, costs: Costs, size: int, seed: int) -> Pixels:
    """uint8 (H, W, 3): what is not `shown` (H, W) composed of patches of what is `trusted`, `size` px a side, odd."""
    radius = size // 2
    sizes, halvings = pyramid(pixels, shown, trusted, radius)
    spread = float(sizes[-1].image[sizes[-1].shown].var(0).sum()) + GRAIN
    centre = gauss(radius, CENTRE)
    with threads() as pool:
        looked_at = _sized(sizes, LONGER)
        alone = things(looked_at.image, looked_at.trusted)
        stands = layers(looked_at.image, looked_at.trusted, alone)
        middle = _sized(sizes, CUT_UP)
        odd, cut_at = strange(middle.image, middle.trusted, stands), max(middle.shown.shape)
        measured = next((each for each in sizes if max(each.shown.shape) <= LONGEST), sizes[-1])
        repeats = periods(measured.image, measured.trusted)
        courses = Courses.of(_sized(sizes, OUTLINED), costs.outline)
        level = courses.led(searchable(sizes.pop(), radius))
        _paint_nearest(level)
        rare, look = rarity(level, radius), looks(level, min(LOOK * max(level.trusted.shape), LOOK_MOST))
        traits = Traits(radius, spread, rare, look, alone, stands, odd, cut_at, repeats, NOWHERE, courses)
        found = _started(level, np.random.default_rng(seed))
        depth, laid_at = 0, max(_sized(sizes, LAID).shown.shape) if sizes else 0
        _solve(level, found, costs, traits, len(sizes), depth, seed, pool)
        while sizes:
            depth += 1
            finer = courses.led(searchable(sizes.pop(), radius, level.lean))
            found = _enlarged(finer, level, found, 2)
            if LAID <= max(finer.trusted.shape) == laid_at:
                traits = replace(traits, laid=go_on(finer, found.source))
            level = finer
            _solve(level, found, costs, traits, len(sizes), depth, seed, pool)
        found.raised += evened(level, variance(level.image, size))
        found = _levelled(level, found, centre, pool)
        if halvings:
            finer = outline(pixels.copy(), shown, radius, trusted)
            found = _enlarged(finer, level, found, 2**halvings)
            level = finer
        _paint(level, found, centre, pool)
        regain(level, found.source)
    painted: Pixels = np.clip(np.rint(level.image), 0, 255).astype(np.uint8)
    return painted


def _solve(
    level: Level,
    found: _Field,
    costs: Costs,
    traits: Traits,
    above: int,
    depth: int,
    seed: int,
    pool: Executor,
) -> None:
    """Search and vote in turns; `above` levels are finer than this one, `depth` coarser. Changes level and found."""
    rules = _rules(level, traits, costs, ANNEAL**depth)
    longer = max(level.trusted.shape)
    reach = longer // 2 if depth == 0 else (longer // 8 if above > 1 else 4)
    _paint(level, found, gauss(rules.gauss.size // 2, CENTRE), pool)
    sweeps = SWEEPS_COARSEST if depth == 0 else SWEEPS.get(above, SWEEPS_ELSEWHERE)
    for sweep in range(sweeps):
        if longer == traits.cut_at and sweep == sweeps - SETTLING:
            if costs.part:
                things, shuns = rules.kinds[..., : rules.own], rules.shuns[:, : rules.own]
                sink(level, found.source, things, shuns, costs.part, traits.laid)
            break_up(level, found.source, rules.kinds[..., 0], costs.whole, np.random.default_rng([seed, above]))
        _search(level, found, rules, reach, seed + 97 * sweep + 7919 * above, sweep % 2 == 1, pool)
        _paint(level, found, rules.gauss, pool)


def _sized(sizes: list[Sized], longer: int) -> Sized:
    """The smallest of the pyramid's pictures, finest first, with so many px on the longer side; else the finest."""
    return next((each for each in reversed(sizes) if max(each.shown.shape) >= longer), sizes[0])


def _paint_nearest(level: Level) -> None:
    """Draw the border's colours outwards along its lines, slightly blurred."""
    image = np.take(level.image.reshape(-1, 3), nearest_known(level.trusted)[0], axis=0)
    image.reshape(-1, 3)[level.place] = level.image.reshape(-1, 3)[level.near]
    image = cv2.GaussianBlur(image, (0, 0), 2.0)
    level.image.reshape(-1, 3)[level.hole] = image.reshape(-1, 3)[level.hole]


def _started(level: Level, rng: np.random.Generator) -> _Field:
    """Each target starts with a source inwards along the border's lines, a random way from the border."""
    height, width = level.trusted.shape
    y, x = np.divmod(level.place, width)
    near_y, near_x = np.divmod(level.near, width)
    far = rng.random(len(y)) * 1.5 + 0.2
    v = np.clip(np.rint(near_y + (near_y - y) * far).astype(int), 0, height - 1)
    u = np.clip(np.rint(near_x + (near_x - x) * far).astype(int), 0, width - 1)
    return _Field(
        source=nearest_known(level.valid)[0][v, u],
        cost=np.zeros(len(y), np.float32),
        raised=np.zeros((len(y), 3), np.float32),
    )


def _enlarged(level: Level, below: Level, found: _Field, times: int) -> _Field:
    """The coarser field so many times as large; sources that left the known area move to its nearest."""
    height, width = level.trusted.shape
    half = below.trusted.shape[1]
    y, x = np.divmod(level.place, width)
    parent = below.slot[y // times, x // times]
    v, u = np.divmod(found.source[parent], half)
    v = np.minimum(times * v + y % times, height - 1)
    u = np.minimum(times * u + x % times, width - 1)
    source = (v * width + u).astype(np.int32)
    if not level.valid[v, u].all():
        source = nearest_known(level.valid)[0][v, u]
    if not level.distance.size:
        level.distance = below.distance[parent] * times
    return _Field(source=source, cost=found.cost[parent], raised=found.raised[parent])


@dataclass(slots=True)
class _Rules:
    """What a source costs besides the difference of the patches."""

    gauss: Floats  # (size,) patch weights, one dimension of the separable window
    confidence: Floats  # (H, W) weight of a pixel in the difference
    fixed: Floats  # (H, W) rarity; infinity where no source may be
    across: Floats  # (T,) prior weights, per px squared
    along: Floats
    look: Floats  # (H, W, 4) mean colour and contrast of the surroundings
    alike: Floats  # (T,) prior weight of their difference
    reuse: Floats  # (H, W) cost of being used as often as the average source
    close: Floats  # (H, W) cost of lying right beside the target
    kinds: Floats  # (H, W, K) in [0, 1], 1 on a thing that the picture shows only once, and on what is of no layer
    own: int  # of them; the others tell of outlines
    shuns: Floats  # (T, K) what copying it costs
    steps: Floats  # (T, 4) at which the picture repeats itself beside a target
    regular: Floats  # (T,) cost of being no number of steps away


def _rules(level: Level, traits: Traits, costs: Costs, ease: float) -> _Rules:
    """Prices for one level; `ease` is what remains of the priors there."""
    height, width = level.trusted.shape
    longer = max(height, width)
    loose = 1 + (level.distance / (LOOSE * longer)) ** 2
    across = (ease * costs.level / longer**2 / loose).astype(np.float32)
    radius = traits.radius
    rare = cv2.resize(traits.rare, (width, height), interpolation=cv2.INTER_LINEAR)
    steps, certain = stepping(traits.periods, level.place, level.trusted.shape)
    kinds, shuns = _shunned(level, traits, costs, ease)
    beside = traits.courses.told(level)
    textured = 1 - GRAIN / (2 * variance(level.image, 2 * radius + 1))  # an even area repeats itself anyway
    return _Rules(
        gauss=gauss(radius, radius * 0.8),
        confidence=np.where(level.trusted, 1, GUESS).astype(np.float32),
        fixed=np.where(level.valid, costs.unique * rare, np.inf).astype(np.float32),
        across=across,
        along=across * np.float32(ALONG),
        look=cv2.resize(traits.look, (width, height), interpolation=cv2.INTER_LINEAR),
        alike=(ease * costs.alike / traits.spread / loose).astype(np.float32),
        reuse=costs.variety * textured,
        close=costs.spacing * textured,
        kinds=np.concatenate([kinds, beside[0]], 2),
        own=kinds.shape[2],
        shuns=np.concatenate([shuns, beside[1]], 1),
        steps=steps,
        regular=costs.regular * certain,
    )


def _shunned(level: Level, traits: Traits, costs: Costs, ease: float) -> tuple[Floats, Floats]:
    """The kinds of places (H, W, K) that targets shun at that cost (T, K): things first, what is of no layer then."""
    height, width = level.trusted.shape
    away = np.clip(level.distance / (ENDS * max(height, width)), 0, 1)[:, None]
    kinds, shuns = [traits.things], [ease * costs.thing * away]
    if traits.layers:
        kinds.append(traits.layers.other)
        price = np.array([costs.layer if side in UPRIGHT else costs.side for side in traits.layers.sides])
        shuns.append(ease * price * traits.layers.beyond(level.place, level.trusted))
    sized = [cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR) for each in kinds]
    if traits.strange is not None:
        sized[1] = np.maximum(np.atleast_3d(sized[1]), priced(traits.strange, (height, width), traits.radius))
    return np.dstack(sized), np.concatenate(shuns, 1).astype(np.float32)


def _search(level: Level, found: _Field, rules: _Rules, reach: int, seed: int, reverse: bool, pool: Executor) -> None:
    """One sweep over all targets; changes found."""
    from softextend.fills import patchmatch

    side = 2 * len(rules.gauss) // 2 + 1
    used = np.bincount(found.source, minlength=level.slot.size).astype(np.float32).reshape(level.slot.shape)
    average = len(level.place) / np.count_nonzero(level.valid)
    used = np.minimum(cv2.blur(used, (side, side)) / average, MOST_USED)
    prices = patchmatch.Prices(
        penalty=rules.fixed + rules.reuse * used,
        near=level.near,
        look=rules.look,
        across=rules.across,
        along=rules.along,
        alike=rules.alike,
        close=rules.close,
        nearby=NEARBY * max(level.slot.shape),
        kinds=rules.kinds,
        shuns=rules.shuns,
        steps=rules.steps,
        regular=rules.regular,
    )
    found.source = patchmatch.improve(
        found.source,
        found.cost,
        found.raised,
        image=level.image,
        confidence=rules.confidence,
        variance=variance(level.image, len(rules.gauss)),
        slot=level.slot,
        place=level.place,
        prices=prices,
        gauss=rules.gauss,
        lift=LIFT,
        ease=EASE,
        reach=reach,
        reverse=reverse,
        seed=seed,
        pool=pool,
    )


def _paint(level: Level, found: _Field, gauss: Floats, pool: Executor) -> None:
    colour = _vote(level, found, level.hole, gauss, pool)
    level.image.reshape(-1, 3)[level.hole] = (
        np.clip(np.rint(colour), 0, 255) if level.image.dtype == np.uint8 else colour
    )


def _levelled(level: Level, found: _Field, gauss: Floats, pool: Executor) -> _Field:
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
    return _Field(source=found.source, cost=found.cost, raised=found.raised + lift)


def _vote(level: Level, found: _Field, pixel: Ints, gauss: Floats, pool: Executor) -> Floats:
    """(N, 3): each pixel's colour as its patches see it (Wexler et al. 2007, eq. 8; sigma: 75th percentile)."""
    from softextend.fills.voting import vote

    sigma = float(np.percentile(found.cost, 75)) + 1e-4
    likely = -found.cost / (2 * sigma) - np.log(FADE) * np.minimum(level.distance, FADE_FAR)
    return vote(
        pixel,
        image=level.image,
        slot=level.slot,
        source=found.source,
        weight=np.exp(np.maximum(likely, -40)).astype(np.float32),
        raised=found.raised,
        gauss=gauss,
        sharp=SHARP,
        pool=pool,
    )
