"""Sources of every target in the clean picture: the nearest one, and a few likely ones, found coarse to fine.

What a fill copied is found again by PatchMatch (Barnes, Shechtman, Finkelstein, Goldman 2009): a few sweeps come within
a tenth of the exact search, because a fill made of whole pieces is what their propagation is made for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.arrays import LANES
from softextend.fills.detail import FINE
from softextend.models.selfmodel import posterior
from softextend.models.selfmodel.posterior import Prior

if TYPE_CHECKING:
    from softextend.types import Known


TOP = 1e7  # pairs at the top of the candidates' pyramid
SPARE = 100_003  # random sources for candidates that lead outside
CANDIDATES = 8  # sources a pixel where looking at all would take too long; the first is the nearest
RADII = ((1.0, 4), (0.3, 3), (0.0, 2))  # from this sigma on: this patch radius
WIDEST = RADII[0][1]  # px
SPREAD = 0.3  # sigma at which the candidates' search judges distances
SWEEPS = 2  # of PatchMatch
RADIUS = 3  # px, of the patches that it compares
NEAR = 64  # px from what a coarser level found: farther the search finds nothing better
LEAST = np.finfo(np.float32).tiny  # a draw may be rounded to 0
PART = 512  # targets whose sources are looked at at once


def upright(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 (3, h, w) -> contiguous (h, w, 3)."""
    return np.asarray(cv2.merge([*picture]), np.float32)


def index_of(known: Known, targets: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """int32 (h, w): the row of each target (flat indices (N,)), -1 elsewhere."""
    index = np.full(known.shape, -1, np.int32)
    index.ravel()[targets] = np.arange(len(targets), dtype=np.int32)
    return index


def valid_sources(known: Known, radius: int) -> Known:
    """bool (h, w): where a source's patch of `radius` px, or of the largest that fits anywhere, is wholly known."""
    valid = np.zeros(known.shape, np.bool_)
    valid.ravel()[posterior.source_centres(known, radius)[0]] = True
    return valid


def points(flat: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int32]:
    """Flat indices (N,) in a picture `width` px wide -> y, x, int32 (N, 2)."""
    return np.stack([flat // width, flat % width], 1).astype(np.int32)


def packed(where: Prior) -> npt.NDArray[np.float32]:
    """A prior as the kernels take it: float32 (N, 6)."""
    columns = [*where.near.T, *where.out.T, where.along, where.across]
    return np.ascontiguousarray(np.stack(columns, 1), np.float32)


def padded(picture: npt.NDArray[np.float32], radius: int) -> npt.NDArray[np.float32]:
    """(h, w, 3) -> float32 (h + 2 radius, 3 (w + 2 radius + spare)), mirrored beyond its border, as kernels take it.

    The spare pixels on the right are read with the rows of a `window`, and weigh nothing.
    """
    spare = -(-(window(radius).shape[1] - 3 * (2 * radius + 1)) // 3)
    mode = cv2.BORDER_REFLECT_101 if min(picture.shape[:2]) > radius + spare else cv2.BORDER_REPLICATE
    wide = cv2.copyMakeBorder(picture, radius, radius, radius, radius + spare, mode)
    return np.ascontiguousarray(wide.reshape(wide.shape[0], -1))


def window(radius: int) -> npt.NDArray[np.float32]:
    """Weights of a patch, float32 (radius + 1, S): rows from its middle outwards, thrice a pixel, in whole vectors."""
    rows = np.repeat(posterior.patch_weights(radius)[radius:], 3, axis=1)
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % LANES)))


def nearest_sources(
    picture: npt.NDArray[np.float32],
    *,
    valid: Known,
    at: npt.NDArray[np.int32],
    index: npt.NDArray[np.int32],
    start: npt.NDArray[np.int32],
    seed: int,
    reach: int | None = None,
) -> npt.NDArray[np.int32]:
    """The nearest valid source (N, 2) of each target `at` (N, 2), y and x, searched from `start` (N, 2).

    picture float32 (h, w, 3) in [-1, 1]; valid bool (h, w): where a source may lie; index int32 (h, w): row of a
    target, -1 elsewhere; reach: px that the search goes from a start at most, None: anywhere.
    """
    from softextend.models.selfmodel import kernels

    width = valid.shape[1]
    source = start[:, 0] * width + start[:, 1]
    image, weight = padded(picture, RADIUS), window(RADIUS)
    for sweep in range(SWEEPS):
        source = kernels.sought(
            image=image,
            weight=weight,
            at=at,
            index=index,
            source=source,
            valid=valid,
            reach=reach or max(valid.shape),
            reverse=sweep % 2 == 1,
            seed=seed + sweep,
        )
    return np.stack([source // width, source % width], 1).astype(np.int32)


def candidate_sources(
    picture: npt.NDArray[np.float32],
    known: Known,
    targets: npt.NDArray[np.int64],
    where: Prior,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Candidates (N, CANDIDATES, 2) of the targets, carried up from where every source can be looked at."""
    from softextend.models.selfmodel import kernels

    height, width = known.shape
    half = (max(1, round(height / 2)), max(1, round(width / 2)))
    sources, _ = posterior.source_centres(known, WIDEST)
    at = points(targets, width)
    if len(targets) * len(sources) <= TOP or min(half) < 2 * WIDEST + 1:
        return _nearest(picture, known, targets, where, rng)
    small = cv2.resize(picture, half[::-1], interpolation=cv2.INTER_AREA)
    small_known = cv2.resize(known.astype(np.float32), half[::-1], interpolation=cv2.INTER_AREA) > 0.999
    if not posterior.source_centres(small_known, 0)[0].size:
        return _nearest(picture, known, targets, where, rng)
    to_small = (at[:, 0] * half[0] // height).astype(np.int64) * half[1] + at[:, 1] * half[1] // width
    small_targets, parent = np.unique(to_small, return_inverse=True)
    small_where = posterior.prior(small_known, small_targets)
    coarse = candidate_sources(small, small_known, small_targets, small_where, rng)
    offsets = coarse - points(small_targets, half[1])[:, None]
    valid = valid_sources(known, WIDEST)
    ratio = np.array([height / half[0], width / half[1]], np.float32)
    spare = points(rng.choice(sources, SPARE), width)
    field = kernels.carried(at, parent.astype(np.int32).ravel(), offsets, ratio, valid, spare)
    return _chosen(picture, at, index_of(known, targets), field, where, valid, rng)


def _chosen(
    picture: npt.NDArray[np.float32],
    at: npt.NDArray[np.int32],
    index: npt.NDArray[np.int32],
    field: npt.NDArray[np.int32],
    where: Prior,
    valid: Known,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Of a level's candidates the nearest source in all detail, and CANDIDATES - 1 draws that share its layout."""
    from softextend.models.selfmodel import kernels

    nearest = nearest_sources(
        picture, valid=valid, at=at, index=index, start=field[:, 0], seed=int(rng.integers(2**31)), reach=NEAR
    )[:, None]
    blurred = padded(cv2.GaussianBlur(picture, (0, 0), FINE), 3)
    precision = np.full(len(at), SPREAD**-2, np.float32)
    seed = int(rng.integers(2**31))
    drawn = kernels.refined(
        image=blurred,
        weight=window(3),
        at=at,
        index=index,
        field=field,
        where=packed(where.loosened(nearest[:, 0])),
        valid=valid,
        precision=precision,
        seed=seed,
        taken=nearest,
        keep=CANDIDATES - 1,
    )
    return np.concatenate([nearest, drawn], 1)


def _nearest(
    picture: npt.NDArray[np.float32],
    known: Known,
    targets: npt.NDArray[np.int64],
    where: Prior,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """CANDIDATES sources of each target: the nearest, then draws from all by their likelihood in the clean picture.

    Drawn, not the likeliest: in an even area all targets would share one source and the result would repeat it.
    """
    z0 = np.ascontiguousarray(picture.transpose(2, 0, 1))
    sources, radius = posterior.source_centres(known, WIDEST)
    key = posterior.projected(z0, radius, sources)
    left, right = posterior.prior_terms(where, sources, known.shape[1])
    norm = (key**2).sum(1) / 2
    places = points(sources, known.shape[1])
    count = min(CANDIDATES, len(sources))
    found = []
    for first in range(0, len(targets), PART):
        at = targets[first : first + PART]
        logits = (posterior.projected(z0, radius, at) @ key.T - norm) * np.float32(SPREAD**-2)
        nearest = logits.argmax(1)
        logits += left[first : first + PART] @ right.T
        chance = rng.standard_exponential(logits.shape, np.float32)
        logits -= np.log(np.maximum(chance, LEAST, out=chance), out=chance)  # Gumbel noise: top k is a draw
        logits[np.arange(len(at)), nearest] = np.inf
        found.append(places[_largest(logits, count)])
    field = np.concatenate(found)
    return np.ascontiguousarray(np.pad(field, ((0, 0), (0, CANDIDATES - count), (0, 0)), constant_values=-1))


def _largest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Columns (N, count) of the largest values (N, M) of each row, falling."""
    if count < values.shape[1]:
        best = np.argpartition(values, -count, axis=1)[:, -count:]
    else:
        best = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    order = np.argsort(-np.take_along_axis(values, best, 1), axis=1)
    return np.take_along_axis(best, order, 1)
