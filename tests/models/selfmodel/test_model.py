"""The built-in model behaves as every model behind the seam; that its denoiser is one is for test_posterior."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from making import extended
from running import photo, size
from smallscene import noise_of, scene_of, small_picture
from tolerances import rounding

from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.models.selfmodel import candidates, dense, posterior
from softextend.models.selfmodel import model as selfmodel
from softextend.models.selfmodel.dense import Dense
from softextend.models.selfmodel.model import SelfModel, radius_at
from softextend.options import Spec
from softextend.sampling.samplers import make_sampler
from softextend.sampling.stages import read_part
from softextend.types import Amount


def test_principal_components_keep_the_distances_that_matter(monkeypatch):
    z0, known = small_picture(40, 48, 10)
    targets = np.flatnonzero(~known)
    y = z0 + 0.5 * noise_of(np.random.default_rng(1), z0.shape)
    precision = np.full(len(targets), 4.0, np.float32)
    where = posterior.prior(known, targets)
    whole = Dense(z0.numpy(), known, targets, where, np.random.default_rng(0))(y.numpy(), precision, 3)
    monkeypatch.setattr(dense, "EXACT", 0)
    some = Dense(z0.numpy(), known, targets, where, np.random.default_rng(0))(y.numpy(), precision, 3)
    assert 0 < np.abs(some - whole).mean() < 0.02


def test_levels_are_sdxls():
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    drift = rounding("float64", terms=len(betas))  # of a product so long; 1 - kept has lost its leading digits
    for t in (0, 1, 500, 999):
        assert SelfModel.schedule.sigma_at(t) == pytest.approx(
            np.sqrt((1 - kept[t]) / kept[t]), rel=drift / (1 - kept[t])
        )
    between = SelfModel.schedule.sigma_at(100.5)
    assert between**2 == pytest.approx(
        SelfModel.schedule.sigma_at(100) * SelfModel.schedule.sigma_at(101), rel=drift / (1 - kept[100])
    )
    assert [radius_at(s) for s in (14.0, 1.0, 0.5, 0.3, 0.1)] == [4, 4, 3, 3, 2]


def run(z0, known, seeds, scene_seed=1):
    """A whole stage: z0 (B, 3, h, w) -> (B, 3, h, w)."""
    return stage(scene_of(z0, known, scene_seed), draw_noise(seeds, z0.shape[1:])[0])


def stage(scene, noise):
    """A whole stage from given noise (B, 3, h, w) -> (B, 3, h, w)."""
    z0, sampler = scene.z0, make_sampler("euler", SelfModel.schedule, steps=10, strength=0.4)
    x = diffdiff(SelfModel().predict(scene), sampler, z0, noise, scene.change, blend=Blend.CONTINUOUS)
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


@pytest.mark.parametrize("limit", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("axis", [-1, -2])
def test_flips_commute_where_every_source_is_looked_at(limit, axis, monkeypatch):
    """From flipped noise. They cannot where sources are drawn (few candidates, large pictures), since a draw belongs to
    a place; nor from a seed, whose noise is the same for both; nor under the patch fill, whose sweeps have a direction.
    """
    monkeypatch.setattr(selfmodel, "DENSE", limit)
    monkeypatch.setattr(candidates, "CANDIDATES", 10_000)
    z0, known = small_picture(40, 48, 10)
    noise = noise_of(np.random.default_rng(0), (1, *z0.shape))
    scene = scene_of(z0[None], known)
    flipped = scene_of(
        z0[None].flip(axis).contiguous(),
        np.ascontiguousarray(np.flip(known, axis)),
        change=np.ascontiguousarray(np.flip(scene.change[0, 0].numpy(), axis)),
    )
    # a logit at the last level: 1 / sigma^2 = 1700, patches of 75 weighted values and variance 0.1; what a nat moves
    bound = rounding("float32", size=1700 * 3 * 14 * 0.1, terms=75, condition=0.05)
    plain = stage(scene, noise)
    assert (plain - z0).abs().max() > 0.1
    assert torch.allclose(stage(flipped, noise.flip(axis)).flip(axis), plain, atol=bound, rtol=0)


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
    sigma = SelfModel.schedule.sigma_at(200)
    x = torch.randn(1, 3, *known.shape, generator=torch.Generator().manual_seed(0))
    clean = np.hypot(1, sigma) * x - sigma * SelfModel().predict(still)(x, 200, torch.zeros(1, 1, *known.shape))
    bound = rounding("float32", size=float(x.abs().max()) * np.hypot(1, sigma), terms=4)
    assert torch.allclose(clean, z0[None], atol=bound, rtol=0)


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
    assert np.abs(levels).max() < 0.2
    steps = np.abs(np.diff(new, axis=1)).mean() / np.abs(np.diff(picture, axis=1)).mean()
    assert 0.6 < steps < 1.25


@pytest.mark.parametrize("limit", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("t", [1, 60, 400])
def test_what_lies_far_from_the_change_is_not_read(limit: float, t: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a part alone, it answers there as if it had been given all."""
    monkeypatch.setattr(selfmodel, "DENSE", limit)
    z0, known = small_picture(90, 110, 8)
    z0[:, ~known] = 0.9  # so that there is a lift
    change = np.zeros(known.shape, np.float32)
    change[:, -11:] = np.minimum(np.arange(1, 12) / 4, 1)
    scene = scene_of(z0[None], known, change=change)
    x = noise_of(np.random.default_rng(0), (1, *z0.shape))
    part = read_part(SelfModel(), scene.change)
    assert part is not None
    assert part.width == 11 + SelfModel.reads
    cut = (..., *part.cut)
    keep = torch.zeros_like(scene.change)
    whole = SelfModel().predict(scene)(x, t, keep)[cut]
    near = SelfModel().predict(dataclasses.replace(scene, part=part))(x[cut], t, keep[cut])
    sigma = SelfModel.schedule.sigma_at(t)
    # both pictures are blurred and looked up alike; what differs is how the blur's sums are rounded at other offsets
    bound = rounding("float32", size=float(x.abs().max()) * 1700, terms=75) / sigma
    assert (near - whole).abs().max() < bound
    assert (whole - whole.mean()).abs().max() > 100 * bound


@pytest.mark.parametrize("form", [np.asarray, torch.from_numpy])
def test_it_answers_in_arrays_of_the_kind_that_it_is_given(form: Callable[..., Any]) -> None:
    z0, known = small_picture()
    x = noise_of(np.random.default_rng(0), (1, *z0.shape)).numpy()
    scene = scene_of(z0[None], known)
    answer = SelfModel().predict(scene)(form(x), 100, None)
    assert type(answer) is type(form(x))
    assert np.array_equal(np.asarray(answer), np.asarray(SelfModel().predict(scene)(torch.from_numpy(x), 100, None)))


def test_a_photo_is_extended_without_torch(tmp_path: Path) -> None:
    """It takes longer to import than most pictures to make."""
    photo(tmp_path / "in.png", 200, 160)
    words = ["extend", str(tmp_path / "in.png"), "-o", str(tmp_path / "out.png"), "--left", "48", "--device", "cpu"]
    code = f"import sys; from softextend.cli import run; print(run({words!r}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == ["0", "False"], done.stderr
    assert size(tmp_path / "out.png") == (248, 160)


def test_it_is_a_model():
    model = SelfModel()
    z = torch.rand(1, 3, 5, 7)
    assert model.factor == 1
    assert model.encode(z) is z
    assert model.decode(z, exact=True) is z
    told = model.embed("a prompt", "")
    assert (told.prompt, told.negative) == (None, None)
    assert model.preview(z) is z
    assert model.reduce_memory() is None
    assert model.profile.name == model.name == model.as_dict()["name"] == "self"


def test_an_evening_sky_stays_clean() -> None:
    """No mottles: what lies between fine grain and a gradient, in levels of 255."""
    y, x = np.mgrid[:200, :260].astype(np.float32)
    far = np.hypot((y - 200) / 200, (x - 87) / 260)[..., None]
    rng = np.random.default_rng(0)
    sky = np.rint(np.array([250, 205, 160]) + far * np.array([-90, -60, 40]) + rng.uniform(-0.5, 0.5, (200, 260, 3)))
    spec = Spec.of(sides=(Amount(value=60),) * 4, seed=1)
    result = extended(sky.clip(0, 255).astype(np.uint8), np.ones((200, 260), bool), spec, SelfModel())
    wide = result.pixels.astype(np.float32)
    mottles = (cv2.GaussianBlur(wide, (0, 0), 1.5) - cv2.GaussianBlur(wide, (0, 0), 12))[20:-20, 20:-20]
    new = np.ones(mottles.shape[:2], bool)
    new[40:-40, 40:-40] = False
    assert mottles[new].std() < 0.6
    assert np.abs(mottles[new]).max() < 5
