"""The built-in model's denoiser against plain float64 sums over every patch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
from patchsums import (
    EVERY,
    LEVELS,
    RADII,
    SEEN,
    Array,
    Mean,
    centres,
    clean_of,
    corner,
    found_in,
    mean_of,
    patches,
    places_of,
    prior,
    there_and_back,
    ways,
    weights,
)
from smallscene import noise_of, scene_of, small_picture
from torch import Tensor

from softextend.fills import detail
from softextend.models.selfmodel import candidates
from softextend.models.selfmodel import model as selfmodel
from softextend.models.selfmodel.candidates import upright
from softextend.models.selfmodel.denoisers import Sparse
from softextend.models.selfmodel.dense import Dense
from softextend.models.selfmodel.fill_confidence import Texture
from softextend.models.selfmodel.model import SelfModel, radius_at
from softextend.types import Scene


def brute_force(
    seen: Array,
    clean: Array,
    known: Array,
    places: Sequence[tuple[int, int]],
    precision: Array,
    radius: int,
    of: Array,
    summands: Array | None = None,
    usable: Array | None = None,
) -> Mean:
    """The posterior mean (N, 3): `seen` and `clean` (3, H, W), precision (N,); `of`: centres (M, 2) of the sources.

    `summands` (3, H, W): the sizes of the numbers that `seen` is a sum of, where it is one; `usable` (H, W): where
    sources may lie, if not all that is known.
    """
    weight = weights(radius)
    sources = [tuple(each) for each in of]
    keys, queries = patches(clean, sources, radius), patches(seen, places, radius)
    middle = np.abs(keys - keys.mean(0))
    sizes = patches(np.abs(seen) if summands is None else summands, places, radius)
    colours = clean.astype(np.float64)[:, [y for y, _ in sources], [x for _, x in sources]].T
    nearest = found_in(clean, known if usable is None else usable, places)
    found = []
    for place, query, size, sure, own in zip(places, queries, sizes, precision, nearest, strict=True):
        distance = (weight * (query - keys) ** 2).sum((1, 2, 3))
        against = prior(known, place, sources, own)
        summed = sure * (weight * (size * middle + middle**2 / 2)).sum((1, 2, 3)) + against
        found.append(mean_of(colours, -0.5 * sure * distance - against, summed, query.size))
    return Mean(colours=np.array([each.colours for each in found]), bound=np.array([each.bound for each in found]))


def smoothed(picture: Array, sigma: float) -> Array:
    """(3, H, W) blurred by a Gaussian of four sigma a side, mirrored about its outermost pixels."""
    reach = round(4 * sigma)
    kernel = np.exp(-(np.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    wide = np.pad(picture, [(0, 0), (reach, reach), (reach, reach)], mode="reflect")
    for axis in (1, 2):
        wide = np.apply_along_axis(np.convolve, axis, wide, kernel, mode="valid")
    return wide


@pytest.mark.parametrize("sigma", [0.1, 0.4, 1.2, 14.0])
@pytest.mark.parametrize("picture", [small_picture(14, 16, 4), corner()], ids=["right", "corner"])
def test_the_denoiser_is_the_posterior_mean(
    picture: tuple[Tensor, Array], sigma: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "CANDIDATES", EVERY)
    radius = RADII[0]
    monkeypatch.setattr(candidates, "WIDEST", radius)
    z0, known = picture
    targets = np.flatnonzero(~known)
    y = z0 + sigma * noise_of(np.random.default_rng(3), z0.shape)
    sure = np.full(len(targets), sigma**-2)
    sources = np.array(centres(known, radius))
    want = brute_force(y.numpy(), z0.numpy(), known, places_of(targets, known), sure, radius, sources)
    for denoise in ways(z0, known, targets):
        got = denoise(y.numpy(), sure.astype(np.float32), radius)
        assert (np.abs(got.astype(float) - want.colours) < want.bound).all(), type(denoise).__name__


def faded() -> tuple[Tensor, Array, Scene]:
    """A picture whose fill is paler than the photo and whose map has repainted some of the known area."""
    z0, known = small_picture(20, 26, 5)
    z0[:, ~known] = 0.7 * z0[:, ~known] + 0.3
    change = np.zeros(known.shape, np.float32)
    change[:, -8:] = [0.2, 0.45, 0.7, 1, 1, 1, 1, 1]
    return z0, known, scene_of(z0[None], known, change=change)


def both_observations(row: selfmodel._Row, scene: Scene, y: Tensor, sigma: float, widest: int | None) -> Mean:
    """`predict`'s answer (3, H, W) in float64: noisy and clean picture joined, the lift taken off and added after.

    A share of the clean picture stays. Confidence, share and lift are the row's.
    `widest`: radius of the patches that make a source, None: the level's own.
    """
    z0, noisy = row.z0.astype(float), y.double().numpy()
    confidence, sure = row.confidence.astype(float), row.coarse_confidence.astype(float)
    coarse = sigma**2 / (4 * math.pi * selfmodel.COARSE**2)
    precision = 1 / sigma**2 + confidence
    summands = (np.abs(noisy) / sigma**2 + np.abs(z0) * confidence) / precision + np.abs(row.lift.astype(float))
    noisy = noisy - coarse / (coarse + 1 / sure) * smoothed(noisy - z0, selfmodel.COARSE)
    seen = (noisy / sigma**2 + z0 * confidence) / precision
    lift, change = row.lift.astype(float), scene.change[0, 0].numpy()
    places = list(zip(*np.nonzero(change), strict=True))
    own = scene.known & (change < selfmodel.REPAINTED)
    radius = radius_at(sigma)
    at = tuple(np.array(places).T)
    found = brute_force(
        seen - lift,
        z0,
        scene.known,
        places,
        precision[at],
        radius,
        np.array(centres(own, radius if widest is None else widest)),
        summands,
        own,
    )
    clean, bound = z0.copy(), np.full(z0.shape, there_and_back(y))
    kept = row.kept.astype(float)[at]
    spot = (slice(None), *at)
    clean[spot] = (1 - kept) * (found.colours.T + lift[spot]) + kept * z0[spot]
    bound[spot] += found.bound.T
    return Mean(colours=clean, bound=bound)


@pytest.mark.parametrize("t", LEVELS)
@pytest.mark.parametrize("form", [Dense, Sparse])
def test_predict_is_the_mean_given_both_observations(
    form: type[Dense | Sparse], t: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "CANDIDATES", EVERY)
    monkeypatch.setattr(detail, "MOST", 1.0)  # what `detail` gives back comes on top
    if form is Sparse:
        monkeypatch.setattr(selfmodel, "DENSE", 0)
    z0, _, scene = faded()
    row = selfmodel._Row.of(z0.numpy(), scene, "cpu")
    assert type(row.denoise) is form
    assert np.abs(row.lift).max() > SEEN  # each part takes part
    assert float((1 / row.confidence).max()) > 4 * float((1 / row.confidence).min())
    sigma = SelfModel.schedule.sigma_at(t)
    y = z0 + sigma * noise_of(np.random.default_rng(t), z0.shape)
    got = clean_of(scene, y, t)
    want = both_observations(row, scene, y, sigma, candidates.WIDEST if form is Sparse else None)
    assert (np.abs(got - want.colours) < want.bound).all()


@pytest.mark.parametrize("sigma", [0.05, 0.3, 2.0])
@pytest.mark.parametrize("tau", [0.1, 0.5])
def test_a_second_observation_is_a_second_likelihood(sigma: float, tau: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is equally sure everywhere: exp(-|P(y) - P_q|^2 / 2 sigma^2) exp(-|P(z0) - P_q|^2 / 2 tau^2) prior."""
    monkeypatch.setattr(detail, "MOST", 1.0)
    z0, known = small_picture(14, 18, 4)
    z0[:, ~known] = 0.5 * z0[:, ~known]
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    row = selfmodel._Row.of(z0.numpy(), scene, "cpu")
    row = dataclasses.replace(
        row,
        confidence=np.full_like(row.confidence, tau**-2),
        coarse_confidence=np.zeros_like(row.confidence),
        lift=np.zeros_like(row.lift),
        kept=np.zeros_like(row.kept),
    )
    y = z0 + sigma * noise_of(np.random.default_rng(0), z0.shape)
    radius = radius_at(sigma)
    sources = centres(known, radius)
    weight = weights(radius)
    keys = patches(z0.numpy(), sources, radius)
    middle = np.abs(keys - keys.mean(0))
    got = row.denoised(y.numpy(), sigma).astype(float)
    for place in places_of(np.flatnonzero(~known), known)[::7]:
        size = prior(known, place, sources, *found_in(z0.numpy(), known, [place]))
        logit = -size
        for seen, error in ((y, sigma), (z0, tau)):
            query = patches(seen.numpy(), [place], radius)
            logit = logit - (weight * (query - keys) ** 2).sum((1, 2, 3)) / (2 * error**2)
            size = size + (weight * (np.abs(query) * middle + middle**2 / 2)).sum((1, 2, 3)) / error**2
        colours = z0.double().numpy()[:, [y for y, _ in sources], [x for _, x in sources]].T
        want = mean_of(colours, logit, size, keys[0].size)
        assert (np.abs(got[:, place[0], place[1]] - want.colours) < want.bound).all()


def test_texture_is_the_energy_of_fine_detail() -> None:
    z0, known = small_picture(40, 44, 8)
    picture = z0.double().numpy()
    fine = picture - smoothed(picture, detail.FINE)
    want = smoothed((fine**2).mean(0)[None], detail.AROUND)[0]
    got = Texture.of(upright(z0.numpy()), known)
    assert np.abs(got.own - want).max() < 0.02 * want.max()  # OpenCV's kernels end a little elsewhere
    flat = z0.clone()
    flat[:, ~known] = 0
    lacking = Texture.of(upright(flat.numpy()), known)
    assert (lacking.usual / (lacking.own + 1e-9))[:, -2:].min() > 1.5  # it should be as elsewhere
