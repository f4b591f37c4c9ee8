"""The sampler's algebra, against a plain transcription of the published loop and a toy denoiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler
from tolerances import rounding
from torch import Tensor

from softextend.diffdiff import Blend, diffdiff, draw_noise, keep_share, restore
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.sampling.samplers import SAMPLERS, TableSampler, make_sampler

SHAPE = (4, 9, 13)
FIRST_SIGMA = 14.7  # of the schedule, at its noisy end
NAMES = list(SAMPLERS)
SDXL = {  # the released scheduler_config.json, as diffusers reads it
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}


def made(name: str, **options: Any) -> TableSampler:
    return make_sampler(name, STABLE_DIFFUSION, **options)


def toy(x: Tensor, t: float | Tensor, keep: Tensor | None = None) -> Tensor:
    """A denoiser with memory of place: translation would show."""
    return torch.tanh(x) * 0.8 + 0.05 * torch.roll(x, 1, -1)


def graded_map() -> Tensor:
    """keep, 8-bit levels, every row another ramp."""
    ramp = torch.linspace(0, 255, SHAPE[2]).round() / 255
    return torch.stack([ramp.roll(k) for k in range(SHAPE[1])])[None, None]


def latents(seed: int = 0, batch: int = 1) -> Tensor:
    return torch.randn((batch, *SHAPE), generator=torch.Generator().manual_seed(100 + seed))


def noise_for(*seeds: int) -> Tensor:
    return draw_noise(seeds, SHAPE)[0]


def run_rounding(noise: Tensor, steps: int) -> float:
    """What two forms of one loop may differ by: a few roundings a step, of numbers as large as the first noise."""
    return rounding("float32", size=float(noise.abs().max()) * FIRST_SIGMA, terms=4 * steps)


def published(z0: Tensor, noise: Tensor, keep_map: Tensor, steps: int, strength: float, *, span: int) -> Tensor:
    """The published loop, written out for diffusers' Euler."""
    scheduler = EulerDiscreteScheduler.from_config(SDXL)
    scheduler.set_timesteps(steps)
    begin = steps - int(steps * strength)
    sigmas = scheduler.sigmas
    x = z0 + sigmas[begin] * noise
    for i in range(steps - begin):
        sigma = sigmas[begin + i]
        if i > 0:
            keep = (keep_map > i / span).float()
            x = (z0 + sigma * noise) * keep + x * (1 - keep)
        eps = toy(x / (sigma**2 + 1) ** 0.5, scheduler.timesteps[begin + i])
        x = x + (sigmas[begin + i + 1] - sigma) * eps
    return x


@pytest.mark.parametrize(("steps", "strength"), [(20, 1.0), (20, 0.85), (13, 0.6), (5, 0.2)])
@pytest.mark.parametrize("published_span", [False, True])
def test_equals_the_published_loop_on_graded_maps(steps: int, strength: float, published_span: bool) -> None:
    ran = int(steps * strength)
    span = steps if published_span else ran
    ours = diffdiff(
        toy,
        made("euler", steps=steps, strength=strength),
        latents(),
        noise_for(3),
        1 - graded_map(),
        span=span,
    )
    theirs = published(latents(), noise_for(3), graded_map(), steps, strength, span=span)
    assert torch.allclose(ours, theirs, atol=run_rounding(noise_for(3), steps), rtol=0)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 12, 17, 20, 25, 30, 50, 51, 85, 100, 255])
def test_threshold_is_exact_for_every_8_bit_level(n: int) -> None:
    levels = torch.arange(256, dtype=torch.float32) / 255
    for i in range(n):
        exact = torch.tensor([255 * i < k * n for k in range(256)])  # k / 255 > i / n in integers
        assert torch.equal(keep_share(1 - levels, i, n).bool(), exact), i


def test_continuous_blend_sums_to_the_kept_share() -> None:
    change = torch.linspace(0, 1, 101)
    for n in (1, 4, 6, 12):
        total = sum(keep_share(change, i, n, Blend.CONTINUOUS) for i in range(n))
        assert torch.allclose(
            torch.as_tensor(total), n * (1 - change), atol=rounding("float32", size=n, terms=n), rtol=0
        )


def test_a_ramp_keeps_its_levels_in_few_steps() -> None:
    ramp = torch.linspace(0, 1, 64).expand(1, 1, 8, 64)
    z0 = torch.zeros(1, 1, 8, 64)
    noise = torch.ones(1, 1, 8, 64)
    levels = {}
    for blend in Blend:
        sampler = made("euler", steps=4, strength=1.0)
        x = diffdiff(lambda x, t, keep: 0.3 * torch.ones_like(x), sampler, z0, noise, ramp, blend=blend)
        levels[blend] = len(np.unique(x[0, 0, 0].numpy().round(3)))
    assert levels[Blend.HARD] <= 4
    assert levels[Blend.CONTINUOUS] >= 48


def test_change_everywhere_is_plain_img2img() -> None:
    sampler = made("euler", steps=10, strength=0.7)
    plain = made("euler", steps=10, strength=0.7)
    z0, noise = latents(), noise_for(5)
    x = plain.noised(z0, noise, 0)
    for i, t in enumerate(plain.timesteps):
        x = plain.step(toy(plain.scaled(x, i), t), i, x)
    assert torch.equal(diffdiff(toy, sampler, z0, noise, torch.ones(1, 1, *SHAPE[1:])), x)


def test_no_change_with_restore_is_the_original() -> None:
    z0, change = latents(), torch.zeros(1, 1, *SHAPE[1:])
    x = diffdiff(toy, made("euler", steps=6, strength=1.0), z0, noise_for(1), change)
    assert (x - z0).abs().max() > 0.01
    assert torch.equal(restore(x, z0, change), z0)


@pytest.mark.parametrize("name", NAMES)
def test_batch_rows_equal_single_runs(name: str) -> None:
    def run(seeds: list[int], z0: Tensor) -> Tensor:
        noise, generators = draw_noise(seeds, SHAPE)
        sampler = made(name, steps=9, strength=0.8, generators=generators)
        return diffdiff(toy, sampler, z0, noise, 1 - graded_map())

    z0 = latents(batch=3)
    together = run([7, 8, 9], z0)
    for row, seed in enumerate((7, 8, 9)):
        alone, bound = run([seed], z0[row : row + 1]), run_rounding(noise_for(seed), 9)
        assert torch.allclose(together[row : row + 1], alone, atol=bound, rtol=0)
    assert not torch.allclose(together[0], together[1], atol=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_every_sampler_ends_finite_and_denoised(name: str) -> None:
    """A denoiser that knows the answer: whatever the sampler, the answer comes back."""
    target = latents(seed=4)
    noise, generators = draw_noise([2], SHAPE)
    sampler = made(name, steps=12, strength=1.0, generators=generators)

    def knowing(x: Tensor, t: float, keep: Tensor) -> Tensor:
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        alphas = torch.cumprod(1 - betas, 0)
        low = int(t)
        share = float(t) - low
        abar = alphas[low] ** (1 - share) * alphas[min(low + 1, 999)] ** share
        return ((x - abar.sqrt() * target) / (1 - abar).sqrt()).float()

    x = diffdiff(knowing, sampler, latents(), noise, torch.ones(1, 1, *SHAPE[1:]))
    assert torch.isfinite(x).all()
    assert (x - target).abs().mean() < 0.12, name


@pytest.mark.parametrize("name", NAMES)
def test_noised_follows_each_steps_own_level(name: str) -> None:
    sampler = made(name, steps=8, strength=1.0)
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    ratio = [float(sampler.noised(zero, one, i) / sampler.noised(one, zero, i)) for i in range(len(sampler.timesteps))]
    assert ratio == sorted(ratio, reverse=True)
    assert ratio[0] > 5 * ratio[-1]
    assert len(set(ratio)) >= 7  # a begin index set too early gives every step the same level


def test_heun_counts_its_own_timesteps() -> None:
    seen: list[tuple[int, int]] = []
    sampler = made("heun", steps=8, strength=1.0)
    diffdiff(toy, sampler, latents(), noise_for(0), 1 - graded_map(), on_step=lambda i, n: seen.append((i, n)))
    assert seen == [(i + 1, 15) for i in range(15)]


@pytest.mark.parametrize("flip", [-1, -2])
def test_flips_commute(flip: int) -> None:
    def run(flipped: bool) -> Tensor:
        parts = latents(), noise_for(0), 1 - graded_map()
        z0, noise, change = (part.flip(flip) for part in parts) if flipped else parts
        sampler = made("dpmpp-2m", steps=10, strength=0.9)
        return diffdiff(lambda x, t, keep: torch.tanh(x) * 0.8, sampler, z0, noise, change)

    assert torch.allclose(run(True).flip(flip), run(False), atol=run_rounding(noise_for(0), 10), rtol=0)


def test_same_seed_same_noise_and_others_differ() -> None:
    assert torch.equal(noise_for(11), noise_for(11))
    assert not torch.equal(noise_for(11), noise_for(12))
    assert noise_for(11).dtype == torch.float32
    assert noise_for(11).device.type == "cpu"
