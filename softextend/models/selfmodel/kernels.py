"""The posterior mean among a few candidate sources a pixel, where looking at every source would take too long.

Candidates come from the same picture at coarser sizes: what a pixel may become is first decided where the picture is
small, and the offsets found there are carried up (in the way of PatchMatch, Barnes et al. 2009, and of its form with
several neighbours a pixel, Barnes et al. 2010). The cost grows with the targets, never with targets times sources.

Imported only when a picture is large, because numba takes a while to load. Pictures are padded by the patch radius r, a
few pixels more on the right, and flat in x: float32 (H + 2 r, 3 (W + 2 r + spare)), see `candidates.padded`; `weight`
(r + 1, S) are the rows of a patch's window from the middle outwards, see `candidates.window`. Targets and sources are
y, x of the picture without padding; a source with y < 0 is none. `where`, float32 (N, 6), is each target's
posterior.Prior. Loops run over a part [start, stop) of the targets and
let go of the interpreter lock; no part reads what another writes, so that the result does not depend on the number of
threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from softextend.fills.compiled import compiled, mixed
from softextend.fills.parts import in_parts, threads
from softextend.fills.patchmatch import COLUMN, NEIGHBOURS, anywhere, beside, flat, packed

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
REACH = 3  # px
LENT = 3  # of a neighbour's candidates, the first ones are tried
WANDER = 4  # px, how far from a candidate another is tried
DRAWS = 2**12  # equally likely values that Gumbel noise has: two logarithms take as long as half a patch's distance
GUMBEL = -np.log(-np.log((np.arange(DRAWS) + 0.5) / DRAWS)).astype(np.float32)
NEGLIGIBLE = 14.0  # nats below the likeliest source so far: e^-14 is less than a millionth


def _over(targets: int, work: Callable[[int, int], None]) -> None:
    """work(start, stop) over all targets, on every core."""
    with threads() as pool:
        in_parts(work, targets, pool)


def mean_among(
    *,
    noisy: Floats,
    origin: tuple[int, int],
    clean: Floats,
    weight: Floats,
    at: Ints,
    index: Ints,
    field: Ints,
    where: Floats,
    valid: Bools,
    precision: Floats,
) -> Floats:
    """Posterior mean colour of each target among its candidates -> (N, 3), within the hull of their centres.

    To its own candidates come the likeliest ones of the targets REACH px around it, shifted, so that whole pieces go
    on. noisy, clean: padded, the noisy one a part of the picture that begins at `origin`; at (N, 2); index (H, W): row
    of a target, -1 elsewhere; field (N, K, 2); precision (N,) = 1 / sigma^2.
    """
    state = np.zeros((len(at), 5), np.float32)  # largest logit, sum of weights, weighted colour
    best = np.empty((len(at), 2), np.int32)
    top, left = origin
    weigh = partial(
        _weigh, noisy=noisy, top=top, left=left, clean=clean, weight=weight, at=at, field=field, where=where,
        precision=precision, state=state, best=best,
    )  # fmt: skip
    join = partial(
        _join, noisy=noisy, top=top, left=left, clean=clean, weight=weight, at=at, index=index, field=field,
        where=where, precision=precision, best=best, valid=valid, state=state, reach=REACH,
    )  # fmt: skip
    for work in (weigh, join):  # the likeliest of all neighbours are known when they are joined
        _over(len(at), work)
    return state[:, 2:] / state[:, 1:2]


def nearest_among(image: Floats, clean: Floats, weight: Floats, at: Ints, field: Ints) -> Floats:
    """Weighted squared distance of each target's patch from its nearest candidate -> (N,); image, clean: padded."""
    out = np.empty(len(at), np.float32)
    _over(len(at), partial(_nearest_among, image=image, clean=clean, weight=weight, at=at, field=field, out=out))
    return out


def sought(
    *,
    image: Floats,
    weight: Floats,
    at: Ints,
    index: Ints,
    source: Ints,
    valid: Bools,
    reach: int,
    reverse: bool,
    seed: int,
) -> Ints:
    """One sweep of PatchMatch (Barnes et al. 2009, sec. 3.2) -> a source (N,) like each target's own or nearer to it.

    image: padded, searched for itself; index (H, W): row of a target, -1 elsewhere; source (N,): valid, flat indices;
    reach: px from the best so far that the search tries first, then half of that and so on; reverse: from the last
    target to the first.
    """
    before = packed(source, valid.shape[1])
    after = before.copy()
    work = partial(
        _sought, image=image, weight=weight, at=at, index=index, before=before, after=after, valid=valid,
        reach=reach, reverse=reverse, seed=seed,
    )  # fmt: skip
    _over(len(at), work)
    return flat(after, valid.shape[1])


def carried(at: Ints, parent: Ints, offsets: Ints, ratio: Floats, valid: Bools, spare: Ints) -> Ints:
    """Candidates of a finer level: the coarser targets' offsets, stretched -> (N, K, 2), each a valid source.

    parent (N,): row of `offsets` (P, K, 2) at the coarse level; ratio (2,) fine over coarse size, y and x;
    spare (S, 2): sources to use where an offset leads outside.
    """
    out = np.empty((len(at), offsets.shape[1], 2), np.int32)
    work = partial(_carried, at=at, parent=parent, offsets=offsets, ratio=ratio, valid=valid, spare=spare, out=out)
    _over(len(at), work)
    return out


def refined(
    *,
    image: Floats,
    weight: Floats,
    at: Ints,
    index: Ints,
    field: Ints,
    where: Floats,
    valid: Bools,
    precision: Floats,
    seed: int,
    taken: Ints,
    keep: int,
) -> Ints:
    """`keep` sources from a target's candidates, its neighbours', shifted, and some near them -> (N, keep, 2).

    They are drawn by their likelihood (Gumbel top-k): the likeliest alone would be shared by all targets of an even
    area and show there as a pattern. image: padded, searched for itself; index (H, W): row of a target, -1 elsewhere;
    precision (N,); taken (N, T, 2): sources that a target has already.
    """
    out = np.full((len(at), keep, 2), -1, np.int32)
    work = partial(
        _refined,
        image=image,
        weight=weight,
        at=at,
        index=index,
        field=field,
        where=where,
        valid=valid,
        precision=precision,
        seed=seed,
        taken=taken,
        out=out,
    )
    _over(len(at), work)
    return out


@compiled
def _distance(a, ay, ax, b, by, bx, weight, limit):  # type: ignore[no-untyped-def]
    """Weighted squared distance of two patches, from the middle outwards, some rows at a time, since their sum waits
    for all of them; stops early with a value above limit."""
    radius, side = np.uint64(weight.shape[0] - 1), np.uint64(weight.shape[1])
    ya, yb = np.uint64(ay) + radius, np.uint64(by) + radius  # unsigned: no index counts from the end
    xa, xb = np.uint64(3 * ax), np.uint64(3 * bx)
    total, n, one = np.float32(0.0), np.uint64(2), np.uint64(1)
    for k in range(side):
        c = a[ya, xa + k] - b[yb, xb + k]
        d = a[ya - one, xa + k] - b[yb - one, xb + k]
        e = a[ya + one, xa + k] - b[yb + one, xb + k]
        total += weight[0, k] * c * c + weight[1, k] * (d * d + e * e)
    while n < radius:
        if total > limit:
            return total
        m = n + one
        for k in range(side):
            c = a[ya - n, xa + k] - b[yb - n, xb + k]
            d = a[ya + n, xa + k] - b[yb + n, xb + k]
            e = a[ya - m, xa + k] - b[yb - m, xb + k]
            f = a[ya + m, xa + k] - b[yb + m, xb + k]
            total += weight[n, k] * (c * c + d * d) + weight[m, k] * (e * e + f * f)
        n += np.uint64(2)
    if n == radius and total <= limit:
        for k in range(side):
            c = a[ya - n, xa + k] - b[yb - n, xb + k]
            d = a[ya + n, xa + k] - b[yb + n, xb + k]
            total += weight[n, k] * (c * c + d * d)
    return total


@compiled
def _prior(where, i, sy, sx):  # type: ignore[no-untyped-def]
    """Nats by which a source is unlikely for where it lies."""
    dy = sy - where[i, 0]
    dx = sx - where[i, 1]
    along = dy * where[i, 2] + dx * where[i, 3]
    return where[i, 4] * along * along + where[i, 5] * (dy * dy + dx * dx - along * along)


@compiled
def _nearest_among(start, stop, image, clean, weight, at, field, out):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        least = np.float32(1e30)
        for k in range(field.shape[1]):
            if field[i, k, 0] >= 0:
                d = _distance(image, at[i, 0], at[i, 1], clean, field[i, k, 0], field[i, k, 1], weight, least)
                least = min(least, d)
        out[i] = least


@compiled
def _sought(start, stop, image, weight, at, index, before, after, valid, reach, reverse, seed):  # type: ignore[no-untyped-def]
    height, width = valid.shape
    for n in range(stop - start):
        i = stop - 1 - n if reverse else start + n
        y, x, best, radius = at[i, 0], at[i, 1], before[i], reach
        least = _distance(image, y, x, image, best >> 32, best & COLUMN, weight, np.float32(np.inf))
        place, own = y * width + x, np.int64(y) << 32 | x
        for k in range(64):
            if k < NEIGHBOURS:
                v, u = beside(k, y, x, i, start, stop, index, before, after, reverse)
            elif radius < 1:
                break
            else:
                v, u = anywhere(k, mixed(seed, place, k), radius, best, y, x, own)
                radius = radius // 2 if k > NEIGHBOURS else radius
            if not (0 <= v < height and 0 <= u < width) or (v << 32 | u) == best or not valid[v, u]:
                continue
            found = _distance(image, y, x, image, v, u, weight, least)
            if found < least:
                least, best = found, v << 32 | u
        after[i] = best


@compiled
def _add(state, i, logit, clean, row, column):  # type: ignore[no-untyped-def]
    """One more source in a running softmax."""
    one = state[np.uint64(i)]
    y, x = np.uint64(row), np.uint64(column)
    w = np.float32(1)
    if logit > one[0]:
        fade = np.exp(one[0] - logit)
        for c in range(1, 5):
            one[c] *= fade
        one[0] = logit
    else:
        w = np.exp(logit - one[0])
    one[1] += w
    for c in range(3):
        one[2 + c] += w * clean[y, x + np.uint64(c)]


@compiled
def _weigh(start, stop, noisy, top, left, clean, weight, at, field, where, precision, state, best):  # type: ignore[no-untyped-def]
    radius = weight.shape[0] - 1
    for i in range(start, stop):
        state[i, 0] = -1e30
        most = np.float32(-1e30)
        reach = 2 / precision[i]
        for k in range(field.shape[1]):
            sy, sx = field[i, k, 0], field[i, k, 1]
            if sy < 0:
                continue
            prior = _prior(where, i, sy, sx)
            limit = np.float32((NEGLIGIBLE - most - prior) * reach)
            d = _distance(noisy, at[i, 0] - top, at[i, 1] - left, clean, sy, sx, weight, limit)
            if d > limit:
                continue
            logit = np.float32(-0.5 * precision[i] * d - prior)
            _add(state, i, logit, clean, sy + radius, 3 * (sx + radius))
            if logit > most:
                most = logit
                best[i, 0], best[i, 1] = sy, sx


@compiled
def _join(  # type: ignore[no-untyped-def]
    start, stop, noisy, top, left, clean, weight, at, index, field, where, precision, best, valid, state, reach
):
    radius = weight.shape[0] - 1
    height, width = index.shape
    for i in range(start, stop):
        for step in range(8):
            far = 1 if step < 4 else reach
            dx = far * ((step % 4 == 0) - (step % 4 == 1))
            dy = far * ((step % 4 == 2) - (step % 4 == 3))
            y, x = at[i, 0] + dy, at[i, 1] + dx
            if y < 0 or x < 0 or y >= height or x >= width or index[y, x] < 0:
                continue
            j = index[y, x]
            sy, sx = best[j, 0] - dy, best[j, 1] - dx
            if sy < 0 or sx < 0 or sy >= height or sx >= width or not valid[sy, sx]:
                continue
            fresh, row = True, np.uint64(i)
            for k in range(np.uint64(field.shape[1])):
                if field[row, k, 0] == sy and field[row, k, 1] == sx:
                    fresh = False
                    break
            if fresh:
                prior = _prior(where, i, sy, sx)
                limit = np.float32((NEGLIGIBLE - state[i, 0] - prior) * 2 / precision[i])
                d = _distance(noisy, at[i, 0] - top, at[i, 1] - left, clean, sy, sx, weight, limit)
                if d > limit:
                    continue
                logit = np.float32(-0.5 * precision[i] * d - prior)
                _add(state, i, logit, clean, sy + radius, 3 * (sx + radius))


@compiled
def _carried(start, stop, at, parent, offsets, ratio, valid, spare, out):  # type: ignore[no-untyped-def]
    height, width = valid.shape
    count = out.shape[1]
    for i in range(start, stop):
        for k in range(count):
            y = at[i, 0] + int(np.rint(offsets[parent[i], k, 0] * ratio[0]))
            x = at[i, 1] + int(np.rint(offsets[parent[i], k, 1] * ratio[1]))
            if y < 0 or x < 0 or y >= height or x >= width or not valid[y, x]:
                n = (i * count + k) % len(spare)
                y, x = spare[n, 0], spare[n, 1]
            out[i, k, 0], out[i, k, 1] = y, x


@compiled
def _offer(image, weight, ty, tx, i, sy, sx, where, precision, seed, costs, found, width):  # type: ignore[no-untyped-def]
    """Put one source where it belongs in a target's list, unless it is in it or too unlikely; found: flat indices of
    the list, and of the sources that the target has already."""
    last, source = np.uint64(len(costs) - 1), np.int32(sy * width + sx)
    known = False
    for m in range(np.uint64(len(found))):  # unsigned: no index counts from the end
        known |= found[m] == source
    if known:
        return
    noise = GUMBEL[np.uint64(mixed(ty * 65_536 + tx, sy * 65_536 + sx, seed) >> 20)]  # the best are a draw
    prior = np.float32(_prior(where, i, sy, sx) - noise)
    limit = np.float32((costs[last] - prior) * 2 / precision[i])
    if limit < 0:
        return
    cost = np.float32(0.5 * precision[i] * _distance(image, ty, tx, image, sy, sx, weight, limit) + prior)
    if cost >= costs[last]:
        return
    rank, one = last, np.uint64(1)
    while rank > 0 and costs[rank - one] > cost:
        costs[rank], found[rank] = costs[rank - one], found[rank - one]
        rank -= one
    costs[rank], found[rank] = cost, source


@compiled
def _refined(start, stop, image, weight, at, index, field, where, valid, precision, seed, taken, out):  # type: ignore[no-untyped-def]
    height, width = valid.shape
    count = out.shape[1]
    costs, found = np.empty(count, np.float32), np.empty(count + taken.shape[1], np.int32)
    for i in range(start, stop):
        costs[:], found[:] = np.float32(1e30), -1
        for k in range(taken.shape[1]):
            found[count + k] = taken[i, k, 0] * width + taken[i, k, 1]
        ty, tx = at[i, 0], at[i, 1]
        for step in range(6):  # itself, right, left, below, above, itself wandering
            dx = (step == 1) - (step == 2)
            dy = (step == 3) - (step == 4)
            y, x = ty + dy, tx + dx
            if y < 0 or x < 0 or y >= height or x >= width or index[y, x] < 0:
                continue
            j = index[y, x]
            for k in range(field.shape[1] if step == 0 else min(LENT, field.shape[1])):
                sy, sx = field[j, k, 0] - dy, field[j, k, 1] - dx
                if step == 5:
                    h = mixed(ty * 65_536 + tx, k, seed)
                    sy += h % (2 * WANDER + 1) - WANDER
                    sx += h // 1024 % (2 * WANDER + 1) - WANDER
                if sy >= 0 and sx >= 0 and sy < height and sx < width and valid[sy, sx]:
                    _offer(image, weight, ty, tx, i, sy, sx, where, precision, seed, costs, found, width)
        for k in range(count):
            if found[k] >= 0:
                out[i, k, 0], out[i, k, 1] = found[k] // width, found[k] % width
