"""The built-in model: the posterior mean is what it says it is, and behaves as every model behind the seam."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data

from softextend import posterior, selfmodel
from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.selfmodel import Dense, SelfModel, Sparse, radius_at, sigma_at
from softextend.solvers import make_solver
from softextend.types import Scene, SolverName


def noise_of(rng, shape):
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def small_picture(height=20, width=24, new=6):
    """A crop of a real photo in [-1, 1], (3, h, w), the last `new` columns unknown."""
    photo = data.astronaut()[100 : 100 + height, 180 : 180 + width]
    z0 = torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1).div(127.5).sub(1).contiguous()
    known = np.ones((height, width), np.bool_)
    known[:, width - new :] = False
    return z0, known


def scene_of(z0, known, seed=1, change=None):
    """z0 (B, 3, h, w) and a map that is 1 on the new area and fades inside the known one."""
    if change is None:
        near = np.stack([np.roll(~known, shift, 1) for shift in range(-3, 4)]).mean(0)
        change = np.where(known, near, 1).astype(np.float32)
    return Scene(
        z0=z0,
        change=torch.from_numpy(change)[None, None],
        known=known,
        embedding=None,
        guidance=1.0,
        stage=0,
        seed=seed,
    )


def brute_force(y, z0, known, targets, precision, radius):
    """The posterior mean (N, 3) in float64, one patch at a time."""
    pad = [(0, 0), (radius, radius), (radius, radius)]
    noisy = np.pad(y.double().numpy(), pad, mode="reflect")
    clean = np.pad(z0.double().numpy(), pad, mode="reflect")
    weight = posterior.patch_weights(radius).astype(np.float64)
    sources, _ = posterior.source_centres(known, radius)
    where = posterior.layout(known, targets)
    side, width = 2 * radius + 1, known.shape[1]
    found = []
    for i, target in enumerate(targets):
        ty, tx = divmod(int(target), width)
        patch = noisy[:, ty : ty + side, tx : tx + side]
        logits, centres = [], []
        for source in sources:
            sy, sx = divmod(int(source), width)
            d = (weight * (patch - clean[:, sy : sy + side, sx : sx + side]) ** 2).sum()
            away = np.array([sy, sx]) - where.near[i]
            along = away @ where.out[i]
            prior = where.along[i] * along**2 + where.across[i] * (away @ away - along**2)
            logits.append(-0.5 * precision * d - prior)
            centres.append(z0[:, sy, sx].double().numpy())
        share = np.exp(np.array(logits) - max(logits))
        found.append((share[:, None] * np.array(centres)).sum(0) / share.sum())
    return np.array(found)


def ways(z0, known, targets):
    """Both searches over every source of a small picture."""
    where = posterior.layout(known, targets)
    return (
        Dense(z0, known, targets, where, np.random.default_rng(0)),
        Sparse(z0, known, targets, where, np.random.default_rng(0)),
    )


@pytest.mark.parametrize("sigma", [0.1, 0.4, 1.2, 14.0])
def test_the_denoiser_is_the_posterior_mean(sigma, monkeypatch):
    monkeypatch.setattr(selfmodel, "CANDIDATES", 400)  # every source is a candidate
    monkeypatch.setattr(selfmodel, "WIDEST", 2)
    z0, known = small_picture(14, 16, 4)
    targets = np.flatnonzero(~known)
    y = z0 + sigma * noise_of(np.random.default_rng(3), z0.shape)
    want = brute_force(y, z0, known, targets, sigma**-2, 2)
    for denoise in ways(z0, known, targets):
        got = denoise(y, torch.full((len(targets),), sigma**-2), 2)
        assert np.abs(got.double().numpy() - want).max() < 1e-4, type(denoise).__name__


def test_no_noise_gives_the_nearest_patchs_centre():
    z0, known = small_picture()
    targets = np.flatnonzero(known)[::7]
    sources, _ = posterior.source_centres(known, 2)
    targets = np.intersect1d(targets, sources)
    precision = torch.full((len(targets),), 1e8)
    dense = ways(z0, known, targets)[0]
    assert torch.allclose(dense(z0, precision, 2).T, z0.reshape(3, -1)[:, targets], atol=1e-4)


def test_endless_noise_gives_the_priors_mean():
    z0, known = small_picture()
    targets = np.flatnonzero(~known)
    want = brute_force(z0, z0, known, targets, 0.0, 2)
    y = z0 + 1e3 * noise_of(np.random.default_rng(0), z0.shape)
    got = ways(z0, known, targets)[0](y, torch.full((len(targets),), 1e-12), 2)
    assert np.abs(got.numpy() - want).max() < 1e-4


def test_principal_components_keep_the_distances_that_matter(monkeypatch):
    z0, known = small_picture(40, 48, 10)
    targets = np.flatnonzero(~known)
    y = z0 + 0.5 * noise_of(np.random.default_rng(1), z0.shape)
    precision = torch.full((len(targets),), 4.0)
    whole = ways(z0, known, targets)[0](y, precision, 3)
    monkeypatch.setattr(selfmodel, "EXACT", 0)
    assert (ways(z0, known, targets)[0](y, precision, 3) - whole).abs().mean() < 0.02


@pytest.mark.parametrize("limit", [selfmodel.DENSE, 0])
@pytest.mark.parametrize("t", [1, 333, 999])
def test_colours_stay_in_the_hull_of_the_sources(limit, t, monkeypatch):
    monkeypatch.setattr(selfmodel, "DENSE", limit)
    z0, known = small_picture(48, 56, 12)
    scene = scene_of(z0[None], known)
    sigma = sigma_at(torch.tensor(t))
    x = (z0 + sigma * noise_of(np.random.default_rng(2), z0.shape))[None] / np.hypot(1, sigma)
    clean = np.hypot(1, sigma) * x - sigma * SelfModel().predict(scene)(x, torch.tensor(t))
    inside = z0.reshape(3, -1)[:, np.flatnonzero(known)].numpy()
    rng = np.random.default_rng(0)
    for direction in rng.standard_normal((64, 3)):  # half-spaces that hold every source hold every result
        reach = (direction @ inside).max()
        slack = selfmodel.LIFT * np.abs(direction).sum() + 2e-4 * max(1, sigma)
        assert (direction @ clean[0].numpy()[:, ~known]).max() <= reach + slack


def test_levels_are_sdxls():
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    for t in (0, 1, 500, 999):
        assert sigma_at(torch.tensor(t)) == pytest.approx(np.sqrt((1 - kept[t]) / kept[t]), rel=1e-9)
    between = sigma_at(torch.tensor(100.5))
    assert between**2 == pytest.approx(sigma_at(torch.tensor(100)) * sigma_at(torch.tensor(101)), rel=1e-6)
    assert [radius_at(s) for s in (14.0, 1.0, 0.5, 0.3, 0.1)] == [4, 4, 3, 3, 2]


def run(z0, known, seeds, scene_seed=1):
    """A whole stage: z0 (B, 3, h, w) -> (B, 3, h, w)."""
    scene = scene_of(z0, known, scene_seed)
    noise, _ = draw_noise(seeds, z0.shape[1:])
    solver = make_solver(SolverName.EULER, steps=10, strength=0.4)
    x = diffdiff(SelfModel().predict(scene), solver, z0, noise, scene.change, blend=Blend.CONTINUOUS)
    return restore(x, z0, scene.change)


@pytest.mark.parametrize("limit", [selfmodel.DENSE, 0])
def test_a_row_of_a_batch_is_its_single_run(limit, monkeypatch):
    monkeypatch.setattr(selfmodel, "DENSE", limit)
    first, known = small_picture(40, 48, 10)
    second = first.flip(1).contiguous()
    both = run(torch.stack([first, second]), known, [5, 6])
    assert torch.equal(both[0], run(first[None], known, [5])[0])
    assert torch.equal(both[1], run(second[None], known, [6])[0])


@pytest.mark.parametrize("limit", [selfmodel.DENSE, 0])
def test_the_seed_decides(limit, monkeypatch):
    monkeypatch.setattr(selfmodel, "DENSE", limit)
    z0, known = small_picture(48, 56, 12)
    once = run(z0[None], known, [5])
    assert torch.equal(once, run(z0[None], known, [5]))
    assert not torch.equal(once, run(z0[None], known, [6]))
    kept = scene_of(z0[None], known).change[0, 0] == 0
    assert torch.equal(once[0][:, kept], z0[:, kept])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3), (9, 40)])
def test_small_pictures_come_back(size):
    height, width = size
    z0 = torch.rand(1, 3, height, width + 2) * 2 - 1
    known = np.ones((height, width + 2), np.bool_)
    known[:, width:] = False
    assert torch.isfinite(run(z0, known, [1])).all()


def test_nothing_to_copy_or_nothing_to_change_leaves_the_picture():
    z0, known = small_picture()
    empty = np.zeros_like(known)
    assert torch.isfinite(run(z0[None], empty, [1])).all()
    still = scene_of(z0[None], known, change=np.zeros(known.shape, np.float32))
    sigma = sigma_at(torch.tensor(200))
    x = torch.randn(1, 3, *known.shape, generator=torch.Generator().manual_seed(0))
    clean = np.hypot(1, sigma) * x - sigma * SelfModel().predict(still)(x, torch.tensor(200))
    assert torch.allclose(clean, z0[None], atol=1e-5)


@pytest.mark.parametrize("limit", [selfmodel.DENSE, 0])
def test_a_texture_goes_on_as_itself(limit, monkeypatch):
    monkeypatch.setattr(selfmodel, "DENSE", limit)
    rng = np.random.default_rng(0)
    grain = np.repeat(rng.standard_normal((24, 24, 1)), 3, 2) * 0.3
    picture = np.tile(grain, (3, 4, 1)).clip(-1, 1).astype(np.float32)
    known = np.ones(picture.shape[:2], np.bool_)
    known[:, 72:] = False
    start = picture.copy()
    start[~known] = picture[known].mean(0)  # a fill without any texture
    z0 = torch.from_numpy(start).permute(2, 0, 1)[None].contiguous()
    new = run(z0, known, [3])[0].permute(1, 2, 0).numpy()[:, 74:]
    assert new.std() == pytest.approx(picture.std(), rel=0.35)
    levels = np.quantile(new, [0.1, 0.5, 0.9]) - np.quantile(picture, [0.1, 0.5, 0.9])
    assert np.abs(levels).max() < 0.15
    steps = np.abs(np.diff(new, axis=1)).mean() / np.abs(np.diff(picture, axis=1)).mean()
    assert 0.6 < steps < 1.25


def test_it_is_a_model():
    model = SelfModel()
    z = torch.rand(1, 3, 5, 7)
    assert model.factor == 1
    assert model.encode(z) is z
    assert model.decode(z, exact=True) is z
    assert model.embed("a prompt", "") is None
    assert model.lighten() is None
    assert model.profile.name == model.name == model.facts()["name"] == "self"
