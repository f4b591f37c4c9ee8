"""The built-in model's denoiser against plain float64 sums over every patch, its limits, and where its colours lie."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from smallscene import noise_of, scene_of, small_picture
from tolerances import rounding
from torch import Tensor

from softextend.models.selfmodel import candidates, posterior
from softextend.models.selfmodel import model as selfmodel
from softextend.models.selfmodel.denoisers import Dense, Sparse
from softextend.models.selfmodel.kernels import NEGLIGIBLE
from softextend.models.selfmodel.model import SelfModel, radius_at
from softextend.types import Scene

SEEN = 0.01  # of colours in [-1, 1], about a level of 255: an effect that is there is larger
EVERY = 10_000  # candidates a pixel: more than a small picture has sources
RADII = sorted(radius for _, radius in candidates.RADII)  # px, of the patches that the model compares
LEVELS = [0, 60, 150, 300, 450, 700, 999]  # timesteps; the lowest and the highest noise among them
Array = np.ndarray

# --- the sums, written out ------------------------------------------------------------------------------------------


def centres(known: Array, radius: int) -> list[tuple[int, int]]:
    """y, x of every pixel whose patch lies in the picture and is wholly known."""
    height, width = known.shape
    return [
        (y, x)
        for y in range(radius, height - radius)
        for x in range(radius, width - radius)
        if known[y - radius : y + radius + 1, x - radius : x + radius + 1].all()
    ]


def patches(picture: Array, places: Sequence[tuple[int, int]], radius: int) -> Array:
    """(N, 3, S, S) of a picture (3, H, W), reflected at its border."""
    wide = np.pad(picture.astype(np.float64), [(0, 0), (radius, radius), (radius, radius)], mode="reflect")
    side = 2 * radius + 1
    return np.array([wide[:, y : y + side, x : x + side] for y, x in places])


def prior(known: Array, place: tuple[int, int], sources: Sequence[tuple[int, int]]) -> Array:
    """Nats (M,) that speak against each source for where it lies: quadratic about the target's nearest known pixel."""
    ys, xs = np.nonzero(known)
    nearest = np.argmin((ys - place[0]) ** 2 + (xs - place[1]) ** 2)
    near = np.array([ys[nearest], xs[nearest]], float)
    away = np.array(place) - near
    far, longer = math.hypot(*away), max(known.shape)
    out = away / max(far, 1.0)
    loose = 1 / (longer * (1 + posterior.LOOSEN * far / longer)) ** 2
    apart = np.array(sources, float) - near
    along = (apart @ out) ** 2
    across = (apart**2).sum(1) - along
    return loose * (
        posterior.LAMBDA_ALONG * along + (posterior.LAMBDA_ACROSS if far else posterior.LAMBDA_ALONG) * across
    )


def weights(radius: int) -> Array:
    """(S, S) Gaussian, 1 in the middle."""
    square = np.arange(-radius, radius + 1) ** 2
    return (
        np.exp(-(square[:, None] + square[None]) / (2 * (posterior.NARROW * radius) ** 2))
        if radius
        else np.ones((1, 1))
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mean:
    """A posterior mean in float64, and how far the same sums may come out in float32."""

    colours: Array  # (..., 3)
    bound: Array  # (..., 3)


def mean_of(colours: Array, logit: Array, size: Array, terms: int) -> Mean:
    """The mean of colours (M, 3) by logits (M,), each a sum of `terms` numbers of together `size` (M,) nats.

    A nat more on one source moves the mean by its share times its distance from the mean, to first order. Sources
    that `Sparse` passes over count whole.
    """
    share = np.exp(logit - logit.max())
    passed = logit < logit.max() - NEGLIGIBLE
    share /= share.sum()
    mean = share @ colours
    moved = (share * (rounding("float32", terms=terms) * size + passed)) @ np.abs(colours - mean)
    return Mean(colours=mean, bound=moved + rounding("float32", terms=len(colours)))


def brute_force(
    seen: Array,
    clean: Array,
    known: Array,
    places: Sequence[tuple[int, int]],
    precision: Array,
    radius: int,
    of: Array,
    summands: Array | None = None,
) -> Mean:
    """The posterior mean (N, 3): `seen` and `clean` (3, H, W), precision (N,); `of`: centres (M, 2) of the sources.

    `summands` (3, H, W): the sizes of the numbers that `seen` is a sum of, where it is one.
    """
    weight = weights(radius)
    sources = [tuple(each) for each in of]
    keys, queries = patches(clean, sources, radius), patches(seen, places, radius)
    middle = np.abs(keys - keys.mean(0))
    sizes = patches(np.abs(seen) if summands is None else summands, places, radius)
    colours = clean.astype(np.float64)[:, [y for y, _ in sources], [x for _, x in sources]].T
    found = []
    for place, query, size, sure in zip(places, queries, sizes, precision, strict=True):
        distance = (weight * (query - keys) ** 2).sum((1, 2, 3))
        against = prior(known, place, sources)
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


# --- the denoiser ---------------------------------------------------------------------------------------------------


def corner(new: int = 4) -> tuple[Tensor, Array]:
    """A picture that is empty on the right and below."""
    z0, known = small_picture(16, 18, new)
    known[-new:] = False
    return z0, known


def ways(z0: Tensor, known: Array, targets: Array) -> tuple[Dense, Sparse]:
    """Both searches."""
    where = posterior.place_prior(known, targets)
    return (
        Dense(z0, known, targets, where, np.random.default_rng(0)),
        Sparse(z0, known, targets, where, np.random.default_rng(0)),
    )


def places_of(targets: Array, known: Array) -> list[tuple[int, int]]:
    """Flat indices -> y, x."""
    return [divmod(int(each), known.shape[1]) for each in targets]


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
        got = denoise(y, torch.from_numpy(sure).float(), radius)
        assert (np.abs(got.double().numpy() - want.colours) < want.bound).all(), type(denoise).__name__


# --- the whole of `predict` -----------------------------------------------------------------------------------------


def faded() -> tuple[Tensor, Array, Scene]:
    """A picture whose fill is paler than the photo and whose map has repainted some of the known area."""
    z0, known = small_picture(20, 26, 5)
    z0[:, ~known] = 0.7 * z0[:, ~known] + 0.3
    change = np.zeros(known.shape, np.float32)
    change[:, -8:] = [0.2, 0.45, 0.7, 1, 1, 1, 1, 1]
    return z0, known, scene_of(z0[None], known, change=change)


def clean_of(scene: Scene, y: Tensor, t: int) -> Array:
    """What `predict` takes the noisy picture y (3, H, W), at x0's own scale, for: (3, H, W)."""
    model = SelfModel()
    sigma = model.schedule.sigma_at(t)
    noise = model.predict(scene)((y / math.hypot(1, sigma))[None].float(), t, torch.zeros_like(scene.change))[0]
    return (y.double() - sigma * noise.double()).numpy()


def there_and_back(y: Tensor) -> float:
    """What `clean_of` loses where it divides by the noise level and multiplies again: four roundings."""
    return rounding("float32", size=float(y.abs().max()), terms=4)


def both_observations(row: selfmodel._Row, scene: Scene, y: Tensor, sigma: float, widest: int | None) -> Mean:
    """`predict`'s answer (3, H, W) in float64: noisy and clean picture joined, the lift taken off and added after.

    A source is right within INEXACT, so that a share of a sure clean picture stays. Confidence and lift are the row's.
    `widest`: radius of the patches that make a source, None: the level's own.
    """
    z0, noisy = row.z0.double().numpy(), y.double().numpy()
    confidence, sure = row.confidence.double().numpy(), row.coarse_confidence.double().numpy()
    coarse = sigma**2 / (4 * math.pi * selfmodel.COARSE**2)
    precision = 1 / sigma**2 + confidence
    summands = (np.abs(noisy) / sigma**2 + np.abs(z0) * confidence) / precision + np.abs(row.lift.double().numpy())
    noisy = noisy - coarse / (coarse + 1 / sure) * smoothed(noisy - z0, selfmodel.COARSE)
    seen = (noisy / sigma**2 + z0 * confidence) / precision
    lift, change = row.lift.double().numpy(), scene.change[0, 0].numpy()
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
    )
    clean, bound = z0.copy(), np.full(z0.shape, there_and_back(y))
    kept = confidence[at] / (confidence[at] + selfmodel.INEXACT**-2)
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
    if form is Sparse:
        monkeypatch.setattr(selfmodel, "DENSE", 0)
    z0, _, scene = faded()
    row = selfmodel._Row.of(z0, scene, torch.device("cpu"))
    assert type(row.denoise) is form
    assert float(row.lift.abs().max()) > SEEN  # each part takes part
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
    monkeypatch.setattr(selfmodel, "INEXACT", 1e-9)
    z0, known = small_picture(14, 18, 4)
    z0[:, ~known] = 0.5 * z0[:, ~known]
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    row = selfmodel._Row.of(z0, scene, torch.device("cpu"))
    row = dataclasses.replace(
        row,
        confidence=torch.full_like(row.confidence, tau**-2),
        coarse_confidence=torch.zeros_like(row.confidence),
        lift=torch.zeros_like(z0),
    )
    y = z0 + sigma * noise_of(np.random.default_rng(0), z0.shape)
    radius = radius_at(sigma)
    sources = centres(known, radius)
    weight = weights(radius)
    keys = patches(z0.numpy(), sources, radius)
    middle = np.abs(keys - keys.mean(0))
    got = row.denoised(y, sigma).double().numpy()
    for place in places_of(np.flatnonzero(~known), known)[::7]:
        logit = -prior(known, place, sources)
        size = -logit
        for seen, error in ((y, sigma), (z0, tau)):
            query = patches(seen.numpy(), [place], radius)
            logit = logit - (weight * (query - keys) ** 2).sum((1, 2, 3)) / (2 * error**2)
            size = size + (weight * (np.abs(query) * middle + middle**2 / 2)).sum((1, 2, 3)) / error**2
        colours = z0.double().numpy()[:, [y for y, _ in sources], [x for _, x in sources]].T
        want = mean_of(colours, logit, size, keys[0].size)
        assert (np.abs(got[:, place[0], place[1]] - want.colours) < want.bound).all()


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def untrusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clean picture says nothing: no second observation, no lift, so that only the noisy picture counts."""
    monkeypatch.setattr(
        selfmodel.fill_confidence, "precision", lambda picture, *_: (np.zeros(picture.shape[:2], np.float32),) * 2
    )
    monkeypatch.setattr(selfmodel, "LIFT", 0.0)
    monkeypatch.setattr(candidates, "CANDIDATES", EVERY)


def at_level(monkeypatch: pytest.MonkeyPatch, sigma: float) -> None:
    """Every timestep has this level: the schedule's own reach neither limit."""
    monkeypatch.setattr(SelfModel, "schedule", SimpleNamespace(sigma_at=lambda t: sigma))


@pytest.mark.usefixtures("untrusting")
@pytest.mark.parametrize("dense", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
def test_no_noise_gives_the_nearest_patchs_centre(dense: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    sigma = 1e-4
    at_level(monkeypatch, sigma)
    z0, known = small_picture()
    y = z0 + 0.3 * noise_of(np.random.default_rng(1), z0.shape)  # like no patch of the photo
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    got = clean_of(scene, y, 0)
    radius = radius_at(sigma)
    sources = centres(known, radius if dense else candidates.WIDEST)
    places = places_of(np.flatnonzero(~known), known)
    weight = weights(radius)
    keys = patches(z0.numpy(), sources, radius)
    middle = np.abs(keys - keys.mean(0))
    clear = 0
    for place, query in zip(places, patches(y.numpy(), places, radius), strict=True):
        distance = (weight * (query - keys) ** 2).sum((1, 2, 3))
        nearest, second = np.argsort(distance)[:2]
        size = (weight * (2 * np.abs(query) * middle + middle**2)).sum((1, 2, 3)).max()
        if distance[second] - distance[nearest] < 2 * rounding("float32", size=size, terms=query.size):
            continue  # float32 may not tell them apart
        clear += 1
        centre = z0[:, sources[nearest][0], sources[nearest][1]].numpy()
        assert np.abs(got[:, place[0], place[1]] - centre).max() < there_and_back(y), place
    assert clear > 0.9 * len(places)


@pytest.mark.usefixtures("untrusting")
@pytest.mark.parametrize("dense", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
def test_endless_noise_gives_the_priors_mean(dense: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever picture is seen: a plain one, and one that is all noise of that level."""
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    z0, known = corner()
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    sources = centres(known, candidates.WIDEST)
    colours = z0.double().numpy()[:, [y for y, _ in sources], [x for _, x in sources]].T
    against = [prior(known, place, sources) for place in places_of(np.flatnonzero(~known), known)]
    terms = 3 * (2 * candidates.WIDEST + 1) ** 2
    means = [mean_of(colours, -each, each, terms) for each in against]
    want, bound = (np.stack(each, 1) for each in zip(*((each.colours, each.bound) for each in means), strict=True))
    assert np.ptp(want, axis=1).min() > SEEN  # it is no constant
    for sigma, seen in ((1e4, -z0), (1e7, 1e7 * noise_of(np.random.default_rng(2), z0.shape))):
        at_level(monkeypatch, sigma)
        row = selfmodel._Row.of(z0, scene, torch.device("cpu"))
        left = float(seen.abs().max()) / sigma**2 * terms  # nats, the most that so faint a likelihood still says
        assert (np.abs(row.denoised(seen, sigma).double().numpy()[:, ~known] - want) < bound + left).all()
    at_level(monkeypatch, 1e4)
    assert (np.abs(clean_of(scene, -z0, 999)[:, ~known] - want) < bound + there_and_back(z0)).all()


# --- colours ----------------------------------------------------------------------------------------------------------


def reach(colours: Array, directions: Array) -> Array:
    """How far colours (N, 3) reach in each direction (D, 3): the support of their convex hull, (D,)."""
    return np.asarray((colours.astype(np.float64) @ directions.T).max(0))


def directions(count: int = 4000) -> Array:
    """Unit vectors (D, 3), those along the axes and the diagonals among them."""
    drawn = np.random.default_rng(0).standard_normal((count, 3))
    grid = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3)
    every = np.concatenate([drawn, grid[np.any(grid, axis=1)]])
    return every / np.linalg.norm(every, axis=1, keepdims=True)


def hull(count: int) -> float:
    """How far a float32 mean of so many colours in [-1, 1] may lie outside their hull, in a unit direction."""
    return rounding("float32", size=math.sqrt(3), terms=count)


def test_the_test_of_hulls_finds_what_lies_outside() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    for inside, colour in ((True, [0.3, 0.3, 0.3]), (False, [0.34, 0.34, 0.34]), (False, [-0.001, 0.2, 0.2])):
        over = reach(np.array([colour]), directions()) - reach(square, directions())
        assert (over.max() <= hull(len(square))) == inside


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("sigma", [1e-3, 0.05, 0.3, 1.0, 15.0, 1e4])
def test_the_denoisers_colours_lie_in_the_hull_of_its_sources(sigma: float, radius: int) -> None:
    z0, known = small_picture(40, 46, 10)
    targets = np.flatnonzero(~known)
    y = -1.5 * z0 + sigma * noise_of(np.random.default_rng(2), z0.shape)
    precision = torch.full((len(targets),), sigma**-2)
    for denoise in ways(z0, known, targets):
        sources = centres(known, radius if isinstance(denoise, Dense) else candidates.WIDEST)
        colours = z0.numpy()[:, [y for y, _ in sources], [x for _, x in sources]].T
        got = denoise(y, precision, radius).numpy()
        assert np.isfinite(got).all()
        over = reach(got, directions()) - reach(colours, directions())
        assert over.max() <= hull(len(colours)), type(denoise).__name__


@pytest.mark.parametrize("dense", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("t", LEVELS)
@pytest.mark.parametrize("lift", [0.0, selfmodel.LIFT], ids=["plain", "lifted"])
def test_predicts_colours_lie_in_the_hull_widened_by_the_lift(
    dense: float, t: int, lift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lift adds at most LIFT to each channel, so that the hull reaches LIFT |d|_1 farther in a direction d.

    That is the sources' part of the answer, here all of it.
    """
    monkeypatch.setattr(selfmodel, "INEXACT", 1e-9)
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    monkeypatch.setattr(selfmodel, "LIFT", lift)
    z0, known = small_picture(40, 46, 10)
    z0[:, ~known] = 1.0  # whiter than any source: the lift is wanted as high as it may be
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    sigma = SelfModel.schedule.sigma_at(t)
    y = z0 + sigma * noise_of(np.random.default_rng(t), z0.shape)
    got = clean_of(scene, y, t)[:, ~known].T
    over = reach(got, directions()) - reach(z0.numpy()[:, known].T, directions())
    assert (over - lift * np.abs(directions()).sum(1)).max() <= hull(known.sum()) + there_and_back(y)
    if lift and t <= LEVELS[2]:
        assert over.max() > lift / 2  # and it is not idle


@pytest.mark.parametrize("tau", [0.005, selfmodel.INEXACT, 0.5])
def test_a_sure_fill_keeps_its_share_of_the_answer(tau: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two Gaussian errors join by their precisions: half and half where the fill is as sure as a source is right."""
    z0, known = small_picture(24, 30, 6)
    z0[:, ~known] = 0.9  # no source has it
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    row = selfmodel._Row.of(z0, scene, torch.device("cpu"))
    row = dataclasses.replace(row, confidence=torch.full_like(row.confidence, tau**-2))
    y = z0 + 0.3 * noise_of(np.random.default_rng(0), z0.shape)
    got = row.denoised(y, 0.3)[:, ~known]
    monkeypatch.setattr(selfmodel, "INEXACT", 1e-9)
    source, fill = row.denoised(y, 0.3)[:, ~known], z0[:, ~known]
    monkeypatch.undo()
    share = 1 / (1 + (tau / selfmodel.INEXACT) ** 2)
    assert (fill - source).abs().max() > SEEN
    assert torch.allclose(got, source + share * (fill - source), atol=rounding("float32", terms=4), rtol=0)


@pytest.mark.parametrize("dense", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("t", LEVELS)
def test_with_the_fills_share_colours_lie_in_the_hull_of_sources_and_fill(
    dense: float, t: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mean of both, however sure: no farther than the sources, widened by the lift, or the fill's own colours."""
    sure = [np.full((40, 46), each**-2, np.float32) for each in (selfmodel.INEXACT / 3, 1.0)]
    monkeypatch.setattr(selfmodel.fill_confidence, "precision", lambda *_: tuple(sure))
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    z0, known = small_picture(40, 46, 10)
    z0[:, ~known] = 1.0  # whiter than any source
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    sigma = SelfModel.schedule.sigma_at(t)
    y = z0 + sigma * noise_of(np.random.default_rng(t), z0.shape)
    toward = directions()
    sources = reach(z0.numpy()[:, known].T, toward) + selfmodel.LIFT * np.abs(toward).sum(1)
    fill = reach(z0.numpy()[:, ~known].T, toward)
    over = reach(clean_of(scene, y, t)[:, ~known].T, toward) - np.maximum(sources, fill)
    assert over.max() <= hull(known.sum()) + there_and_back(y)
    assert np.abs(clean_of(scene, y, t) - z0.numpy())[:, ~known].max() > SEEN  # the sources have a share
