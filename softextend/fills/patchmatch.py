"""The compiled inner loops of the exemplar fill; imported only when it paints, because numba takes a while to load.

A level of the pyramid is `image`, float32 (H, W, 3) in [0, 255]. Its targets, the pixels whose patch reaches into the
empty area, are listed in raster order in `place`, int32 (T,), flat indices y * W + x; `slot`, int32 (H, W), leads back
from a pixel to its row in the list, -1 elsewhere. `source`, int32 (T,), is the field: the centre of the patch that each
target copies. Loops run over a part [start, stop) of the list and let go of the interpreter lock: parts are fixed by
`parts`, so that the result does not depend on how many threads run them.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from softextend.arrays import LANES
from softextend.fills.compiled import compiled, mixed
from softextend.fills.parts import in_parts

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.types import Known


ROUNDED, FAR = 0.5, 1.5  # px squared off a step: what rounding makes, and how much more costs all
MOST_STEPS = 6  # as many at once are tried
COLUMN = 0xFFFFFFFF  # of a packed place
NOTHING, NO_LIMIT = np.float32(0), np.float32(np.inf)
NEIGHBOURS = 6  # whose sources are tried, shifted, before random ones


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What a source costs besides the difference of the patches, in units of a patch's variance."""

    penalty: Floats  # (H, W) by itself; infinity where it must not be used
    near: Ints  # (T,) flat index of the known pixel that a target goes on from
    look: Floats  # (H, W, C) the surroundings of a pixel
    across: Floats  # (T,) per px squared between source and near pixel, across the direction of the extension
    along: Floats  # (T,) the same along it
    alike: Floats  # (T,) per squared difference of the looks of both
    close: Floats  # (H, W) right beside the target, falling to 0 at `nearby` px
    nearby: float
    kinds: Floats  # (H, W, K) in [0, 1] how much a place is of a kind that targets may shun: a thing, another layer
    shuns: Floats  # (T, K) what copying such a place costs; left out of `cost`: votes weigh how well a patch fits
    steps: Floats  # (T, 4) two steps at which the picture repeats itself beside a target: px down and right each
    regular: Floats  # (T,) what a source costs that lies no number of them away

    @classmethod
    def free(cls, valid: Known, place: Ints) -> Prices:
        """No prices for the targets `place` (T,): every `valid` (H, W) source is as good as its patch."""
        none = np.zeros(len(place), np.float32)
        return cls(
            penalty=np.where(valid, np.float32(0), np.float32(np.inf)),
            near=place,
            look=np.zeros((*valid.shape, 1), np.float32),
            across=none,
            along=none,
            alike=none,
            close=np.zeros(valid.shape, np.float32),
            nearby=0.0,
            kinds=np.zeros((*valid.shape, 1), np.float32),
            shuns=none[:, None],
            steps=np.zeros((len(place), 4), np.float32),
            regular=none,
        )


def improve(
    source: Ints,
    cost: Floats,
    raised: Floats,
    *,
    image: Floats,
    confidence: Floats,
    variance: Floats,
    slot: Ints,
    place: Ints,
    prices: Prices,
    gauss: Floats,
    lift: float,
    ease: float,
    reach: int,
    reverse: bool,
    seed: int,
    pool: Executor,
) -> Ints:
    """One sweep of PatchMatch (Barnes et al. 2009, sec. 3.2): source (T,) -> the better one; writes cost and raised.

    cost: (T,); raised: (T, 3), levels of 255 added to the source, each up to `lift`, at `ease` times their square;
    confidence: (H, W) in [0, 1], weight of a pixel in a difference; variance: (H, W) of the colours in a patch, what
    differences are relative to; gauss: (S,), the patch's window in one dimension; reach: radius in px of the random
    search, halved until 1; reverse: from the last target to the first.
    """
    size, width = gauss.size, slot.shape[1]
    before = packed(source, width)
    after = before.copy()
    part = partial(
        improve_part, planes=_planes(image, size // 2), confidence=np.pad(confidence, size // 2), variance=variance,
        slot=slot, place=place, before=before, after=after, cost=cost, raised=raised, penalty=prices.penalty,
        near=packed(prices.near, width), look=prices.look, across=prices.across, along=prices.along, alike=prices.alike,
        close=prices.close, nearby=np.float32(prices.nearby), kinds=prices.kinds, shuns=prices.shuns,
        steps=prices.steps, regular=prices.regular, gauss=gauss, lift=np.float32(lift), ease=np.float32(ease),
        reach=reach, reverse=reverse, seed=seed,
    )  # fmt: skip
    in_parts(part, len(place), pool)
    return flat(after, width)


def packed(source: Ints, width: int) -> npt.NDArray[np.int64]:
    """Flat indices (N,) -> row << 32 | column: the loops take them apart without a division, which is slow."""
    rows = (source // width).astype(np.int64)
    return np.asarray(rows << 32 | (source - rows * width))


def flat(places: npt.NDArray[np.int64], width: int) -> Ints:
    """The other way round: int32 (N,)."""
    return ((places >> 32) * width + (places & COLUMN)).astype(np.int32)


def _planes(image: Floats, radius: int) -> Floats:
    """float32 (H, W, 3) -> (3, H + 2 radius, W + 2 radius + spare): a patch's rows are read in whole vectors."""
    size = 2 * radius + 1
    height, width = image.shape[:2]
    planes = np.zeros((3, height + 2 * radius, width + 2 * radius - size % -LANES), np.float32)
    planes[:, radius : radius + height, radius : radius + width] = image.transpose(2, 0, 1)
    return planes


@compiled
def _weighed(weighed, confidence, y, x, gauss):  # type: ignore[no-untyped-def]
    """Fill `weighed` (S, L) with the weights of the pixels in the patch at (y, x), 0 outside the picture; their sum."""
    mass = np.float32(0.0)
    for dy in range(np.uint64(gauss.size)):
        for dx in range(np.uint64(gauss.size)):
            weight = gauss[dy] * gauss[dx] * confidence[np.uint64(y) + dy, np.uint64(x) + dx]
            weighed[dy, dx] = weight
            mass += weight
    return mass


@compiled
def _compare(planes, weighed, mass, y, x, v, u, lift, ease, limit):  # type: ignore[no-untyped-def]
    """Weighted mean squared difference of the patches at (y, x) and (v, u), and the lift that makes them agree.

    A difference of mean colour up to `lift` a channel is made up by adding it to the source and costs `ease` of its
    square. Stops early with a value above `limit`: what remains after any lift only grows from row to row.
    """
    r, side = np.uint64(weighed.shape[0] // 2), np.uint64(weighed.shape[1])
    ya, xa, yb, xb = np.uint64(y), np.uint64(x), np.uint64(v), np.uint64(u)  # unsigned: no index counts from the end
    square = a0 = a1 = a2 = np.float32(0.0)
    for c in range(side):
        g = weighed[r, c]
        d0 = planes[0, ya + r, xa + c] - planes[0, yb + r, xb + c]
        d1 = planes[1, ya + r, xa + c] - planes[1, yb + r, xb + c]
        d2 = planes[2, ya + r, xa + c] - planes[2, yb + r, xb + c]
        a0 += g * d0
        a1 += g * d1
        a2 += g * d2
        square += g * (d0 * d0 + d1 * d1 + d2 * d2)
    for n in range(np.uint64(1), r + np.uint64(1)):
        if square - (a0 * a0 + a1 * a1 + a2 * a2) / mass > limit:
            return np.float32(np.inf), np.float32(0.0), np.float32(0.0), np.float32(0.0)
        p, q = r - n, r + n
        for c in range(side):
            g, h = weighed[p, c], weighed[q, c]
            d0 = planes[0, ya + p, xa + c] - planes[0, yb + p, xb + c]
            d1 = planes[1, ya + p, xa + c] - planes[1, yb + p, xb + c]
            d2 = planes[2, ya + p, xa + c] - planes[2, yb + p, xb + c]
            e0 = planes[0, ya + q, xa + c] - planes[0, yb + q, xb + c]
            e1 = planes[1, ya + q, xa + c] - planes[1, yb + q, xb + c]
            e2 = planes[2, ya + q, xa + c] - planes[2, yb + q, xb + c]
            a0 += g * d0 + h * e0
            a1 += g * d1 + h * e1
            a2 += g * d2 + h * e2
            square += g * (d0 * d0 + d1 * d1 + d2 * d2) + h * (e0 * e0 + e1 * e1 + e2 * e2)
    return _lifted(square / mass, a0 / mass, a1 / mass, a2 / mass, lift, ease)


@compiled
def _lifted(cost, a0, a1, a2, lift, ease):  # type: ignore[no-untyped-def]
    """A mean squared difference, less what a lift makes up of the means of the differences; and that lift."""
    b0 = min(max(a0, -lift), lift)
    b1 = min(max(a1, -lift), lift)
    b2 = min(max(a2, -lift), lift)
    cost -= a0 * a0 - (a0 - b0) * (a0 - b0) - ease * b0 * b0
    cost -= a1 * a1 - (a1 - b1) * (a1 - b1) - ease * b1 * b1
    cost -= a2 * a2 - (a2 - b2) * (a2 - b2) - ease * b2 * b2
    return cost, b0, b1, b2


@compiled
def _prior(y, x, v, u, near, look, across, along, alike, close, nearby):  # type: ignore[no-untyped-def]
    """What the place (v, u) costs for a target at (y, x) whose nearest known pixel is `near`: squares of the distances
    from that pixel, across the direction of the extension and along it, and of the difference of their looks; and
    what it costs to lie close to the target."""
    ny, nx = near >> 32, near & COLUMN
    ey, ex = np.float32(y - ny), np.float32(x - nx)
    sy, sx = np.float32(v - ny), np.float32(u - nx)
    length = ey * ey + ex * ex
    apart = sy * sy + sx * sx
    forward = np.float32(0.0)
    if length > 0.0:
        forward = (sy * ey + sx * ex) ** 2 / length
    cost = along * forward + across * max(apart - forward, np.float32(0.0))
    for c in range(look.shape[2]):
        cost += alike * (look[v, u, c] - look[ny, nx, c]) ** 2
    way = np.sqrt(np.float32((y - v) ** 2 + (x - u) ** 2))
    if way < nearby:
        cost += close[v, u] * (np.float32(1.0) - way / nearby)
    return cost


@compiled
def _shunned(i, v, u, kinds, shuns):  # type: ignore[no-untyped-def]
    """What the kind of the place (v, u) costs target i."""
    cost = np.float32(0.0)
    for k in range(kinds.shape[2]):
        cost += shuns[i, k] * kinds[v, u, k]
    return cost


@compiled
def _towards(k, step):  # type: ignore[no-untyped-def]
    """Rows and columns to the k-th neighbour: the ones that the sweep has passed, those ahead, passed ones 4 px off."""
    far = (4 if k >= 4 else 1) * (step if k == 2 or k == 3 else -step)
    return (far, 0) if k % 2 == 0 else (0, far)


@compiled
def beside(k, y, x, i, start, stop, slot, before, after, reverse):  # type: ignore[no-untyped-def]
    """The source of the k-th neighbour of target i at (y, x), as far beside it; (-1, -1) where there is none.

    before, after: packed.
    """
    height, width = slot.shape
    dy, dx = _towards(k, -1 if reverse else 1)
    if not (0 <= y + dy < height and 0 <= x + dx < width) or slot[y + dy, x + dx] < 0:
        return -1, -1
    j = slot[y + dy, x + dx]
    other = after[j] if start <= j < stop and (j > i) == reverse else before[j]
    return (other >> 32) - dy, (other & COLUMN) - dx


@compiled
def anywhere(k, h, radius, best_place, y, x, near):  # type: ignore[no-untyped-def]
    """A place up to `radius` px from the best one, drawn by the hash h; at first level with the target (y, x), that is
    on the way along which the picture is extended from its pixel `near`; both packed."""
    span = 2 * radius + 1
    v = (best_place >> 32) + (h & 0xFFFF) % span - radius
    u = (best_place & COLUMN) + (h >> 16) % span - radius
    if k == NEIGHBOURS:
        up, aside = abs(y - (near >> 32)), abs(x - (near & COLUMN))
        if up < aside:
            v = y + h % 3 - 1
        elif up > aside:
            u = x + h % 3 - 1
    return v, u


@compiled
def _counted(dy, dx, steps):  # type: ignore[no-untyped-def]
    """The numbers of both steps that lead nearest to (dy, dx), and the px down and right that are left."""
    counts = (0.0, 0.0)
    for n in range(2):
        sy, sx = steps[2 * n], steps[2 * n + 1]
        length = sy * sy + sx * sx
        if length > 0:
            count = np.rint((dy * sy + dx * sx) / length)
            dy, dx = dy - count * sy, dx - count * sx
            counts = (count, counts[1]) if n == 0 else (counts[0], count)
    return counts, dy, dx


@compiled
def _off(dy, dx, steps, regular):  # type: ignore[no-untyped-def]
    """What being off costs: 0 where (dy, dx) is a number of steps, `regular` from 1.4 px off."""
    _, dy, dx = _counted(dy, dx, steps)
    return regular * np.float32(min(max((dy * dy + dx * dx - ROUNDED) / FAR, 0.0), 1.0))


@compiled
def _stepped(k, h, best_place, y, x, steps):  # type: ignore[no-untyped-def]
    """A place whole steps from (y, x): the one nearest to the best place (k = -1), or drawn by the hash h."""
    (down, right), _, _ = _counted((best_place >> 32) - y, (best_place & COLUMN) - x, steps)
    if k < -1:
        down, right = 1 + h % MOST_STEPS, 1 + (h >> 8) % MOST_STEPS
    dy, dx = down * steps[0] + right * steps[2], down * steps[1] + right * steps[3]
    return y + np.int64(np.rint(dy)), x + np.int64(np.rint(dx))


@compiled
def improve_part(  # type: ignore[no-untyped-def]
    start, stop, planes, confidence, variance, slot, place, before, after, cost, raised, penalty, near, look, across,
    along, alike, close, nearby, kinds, shuns, steps, regular, gauss, lift, ease, reach, reverse, seed,
):  # fmt: skip
    """`improve` over targets [start, stop), places packed, pictures padded: writes after, cost, raised; rows outside
    the part are read from before."""
    (height, width), r = slot.shape, gauss.size // 2
    weighed = np.zeros((gauss.size, planes.shape[2] - width - r - r + gauss.size), np.float32)
    for n in range(stop - start):
        i = stop - 1 - n if reverse else start + n
        y, x, best_place = place[i] // width, place[i] % width, before[i]
        own, radius, mass = variance[y, x], reach, _weighed(weighed, confidence, y, x, gauss)
        most = own if min(y, x, height - 1 - y, width - 1 - x) < r else NO_LIMIT  # outside lies nothing cheap
        best, b0, b1, b2, first = NO_LIMIT, NOTHING, NOTHING, NOTHING, -3 if regular[i] > 0 else -1
        for k in range(first, 64):
            if k == first:
                v, u = best_place >> 32, best_place & COLUMN
            elif k < 0:
                v, u = _stepped(k, mixed(seed, place[i], k + 64), best_place, y, x, steps[i])
            elif k < NEIGHBOURS:
                v, u = beside(k, y, x, i, start, stop, slot, before, after, reverse)
            elif radius < 1:
                break
            else:
                v, u = anywhere(k, mixed(seed, place[i], k), radius, best_place, y, x, near[i])
                radius = radius // 2 if k > NEIGHBOURS else radius
            if k > first and (not (0 <= v < height and 0 <= u < width) or (v << 32 | u) == best_place):
                continue
            extra = penalty[v, u] + _shunned(i, v, u, kinds, shuns)
            if regular[i] > 0:
                extra += _off(v - y, u - x, steps[i], regular[i])
            if extra < best:
                extra += _prior(y, x, v, u, near[i], look, across[i], along[i], alike[i], close, nearby)
            if extra < best:
                scale = own + min(variance[v, u], most)
                found, c0, c1, c2 = _compare(planes, weighed, mass, y, x, v, u, lift, ease, (best - extra) * scale)
                if found / scale + extra < best:
                    best, best_place, b0, b1, b2 = found / scale + extra, v << 32 | u, c0, c1, c2
        after[i], cost[i] = best_place, best - _shunned(i, best_place >> 32, best_place & COLUMN, kinds, shuns)
        raised[i, 0], raised[i, 1], raised[i, 2] = b0, b1, b2
