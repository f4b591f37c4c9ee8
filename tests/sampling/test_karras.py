"""Karras' noise levels with models that predict v: the step's own level counts, not that of its rounded timestep."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from tolerances import rounding

from softextend.models.schedules import STABLE_DIFFUSION
from softextend.sampling.noise_levels import karras_sigmas
from softextend.sampling.samplers import make_sampler
from softextend.sampling.schedule import Prediction, Schedule, log_sigmas

SPREAD = 0.7  # deviation of the clean latents, Gaussian: then every prediction has a closed form
V = replace(STABLE_DIFFUSION, prediction=Prediction.V)


def clean_of(y: np.ndarray, sigma: float) -> np.ndarray:
    """The posterior mean of z0 given z0 + sigma eps = y, float64."""
    return y * SPREAD**2 / (SPREAD**2 + sigma**2)


def exact(schedule: Schedule, name: str, steps: int, x: np.ndarray) -> np.ndarray:
    """Euler's and DPM-Solver++(2M)'s formulas in float64, at Karras' levels and no rounded timestep; x over signal."""
    sigmas = np.exp(log_sigmas(schedule))
    if name == "euler":
        spaced = np.arange(steps)[::-1] * float(1000 // steps) + schedule.offset
        low, high = (np.interp(each, np.arange(1000), sigmas) for each in (spaced[-1], spaced[0]))
    else:
        low, high = sigmas[0], sigmas[-1]
    levels = [*karras_sigmas(low, high, steps), 0.0]
    y, last, before = x.astype(np.float64), None, 0.0
    for i, (here, to) in enumerate(pairwise(levels)):
        clean = clean_of(y, here)
        if name == "euler":
            y = y + (y - clean) / here * (to - here)
            continue
        h = np.inf if to == 0 else np.log(here / to)
        ahead = clean
        if last is not None and i < steps - 1:
            ahead = clean + (clean - last) * h / before / 2
        y, last, before = to / here * y + (1 - to / here) * ahead, clean, h
    return y


@pytest.mark.parametrize("steps", [6, 25])
@pytest.mark.parametrize("name", ["euler", "dpmpp-2m"])
def test_v_at_karras_levels_is_exact(name: str, steps: int) -> None:
    """Within the roundings of float32; the level of the rounded timestep would be 1e-3 off."""
    sampler = make_sampler(name, V, steps=steps, strength=1.0, karras=True)
    noise = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    x = sampler.noised(torch.zeros_like(noise), noise, 0)
    start = x.double().numpy() / sampler.levels[0].signal
    for i, level in enumerate(sampler.levels):
        sigma = level.noise / level.signal
        y = x.double().numpy() / level.signal
        clean = clean_of(y, sigma)
        eps = (y - clean) / sigma
        length = np.hypot(1, sigma)
        v = (eps - sigma * clean) / length  # signal eps - noise z0, of unit variance
        x = sampler.step(torch.from_numpy(v.astype(np.float32)), i, x)
    wanted = exact(V, name, steps, start)
    bound = rounding("float32", size=float(np.abs(wanted).max()), terms=30 * steps, condition=20)
    assert float(np.abs(x.double().numpy() - wanted).max()) < bound
    assert bound < 1e-3 * np.abs(wanted).max(), "closer than a rounded timestep's level would be"


@pytest.mark.parametrize("name", ["euler", "dpmpp-2m", "dpmpp-2m-sde"])
def test_each_step_mixes_x_and_v_by_its_own_level(name: str) -> None:
    """z0 = x / (sigma^2 + 1) - v sigma / sqrt(sigma^2 + 1) for x = z0 + sigma eps, at exactly Karras' sigma."""
    sampler = make_sampler(name, V, steps=12, strength=1.0, karras=True)
    for level in sampler.levels:
        sigma = level.noise / level.signal
        own = level.skip / level.signal if level.signal != 1 else level.skip
        wanted = 1.0 if level.signal != 1 else 1 / (sigma**2 + 1)
        assert own == pytest.approx(wanted, rel=rounding("float32", terms=8))
    apart = [
        abs(np.log(level.noise / level.signal) - np.interp(t, np.arange(1000), log_sigmas(V)))
        for level, t in zip(sampler.levels, sampler.timesteps, strict=True)
    ]
    if name != "euler":
        assert max(apart) > 1e-4, "the timestep that the model is told is a rounded one"
