"""The limits of the built-in model's denoiser: no noise gives a patch's centre, endless noise the prior's mean."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from patchsums import (
    EVERY,
    SEEN,
    centres,
    clean_of,
    corner,
    found_in,
    mean_of,
    patches,
    places_of,
    prior,
    there_and_back,
    weights,
)
from smallscene import noise_of, scene_of, small_picture
from tolerances import rounding

from softextend.fills import detail
from softextend.models.selfmodel import candidates
from softextend.models.selfmodel import model as selfmodel
from softextend.models.selfmodel.model import SelfModel, radius_at


@pytest.fixture
def untrusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clean picture says nothing: no second observation, no lift, so that only the noisy picture counts."""
    monkeypatch.setattr(selfmodel, "precision", lambda texture, distance: (np.zeros(distance.shape, np.float32),) * 2)
    monkeypatch.setattr(detail, "MOST", 1.0)
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
    places = places_of(np.flatnonzero(~known), known)
    found = found_in(z0.numpy(), known, places)
    against = [prior(known, place, sources, own) for place, own in zip(places, found, strict=True)]
    terms = 3 * (2 * candidates.WIDEST + 1) ** 2
    means = [mean_of(colours, -each, each, terms) for each in against]
    want, bound = (np.stack(each, 1) for each in zip(*((each.colours, each.bound) for each in means), strict=True))
    assert np.ptp(want, axis=1).min() > SEEN  # it is no constant
    for sigma, seen in ((1e4, -z0), (1e7, 1e7 * noise_of(np.random.default_rng(2), z0.shape))):
        at_level(monkeypatch, sigma)
        row = selfmodel._Row.of(z0.numpy(), scene, "cpu")
        left = float(seen.abs().max()) / sigma**2 * terms  # nats, the most that so faint a likelihood still says
        assert (np.abs(row.denoised(seen.numpy(), sigma).astype(float)[:, ~known] - want) < bound + left).all()
    at_level(monkeypatch, 1e4)
    assert (np.abs(clean_of(scene, -z0, 999)[:, ~known] - want) < bound + there_and_back(z0)).all()
