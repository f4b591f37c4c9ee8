"""SDXL's noise schedule as a function of time, and models that were trained on other forms of it."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor


def log_sigmas() -> Tensor:
    """ln(sigma) of SDXL's 1000 noise levels, float64: scaled-linear betas from 0.00085 to 0.012."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    return ((1 - kept) / kept).log() / 2


def sigma_at(t: Tensor) -> float:
    """The noise level of a timestep in [0, 999]; between two, ln(sigma) is interpolated."""
    levels = log_sigmas()
    at = float(torch.as_tensor(t, dtype=torch.float64).reshape(-1)[0].clamp(0, len(levels) - 1))
    low = min(int(at), len(levels) - 2)
    return float(torch.exp(torch.lerp(levels[low], levels[low + 1], at - low)))


STEPS = 1000  # training timesteps; betas: scaled-linear from 0.00085 to 0.012, arXiv:2307.01952


@cache
def signals() -> Tensor:
    """sqrt(abar) of each timestep, float64, falling."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, STEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).sqrt()


def signal_at(t: Tensor) -> Tensor:
    """sqrt(abar) at timesteps in [0, 999]; between two, ln(sigma) is interpolated, as samplers do."""
    levels = signals()
    log_sigmas = ((1 - levels**2) / levels**2).log() / 2
    at = torch.as_tensor(t, dtype=torch.float64, device="cpu").clamp(0, STEPS - 1)
    low = at.long().clamp(max=STEPS - 2)
    sigma = torch.lerp(log_sigmas[low], log_sigmas[low + 1], at - low).exp()
    return (1 + sigma**2).rsqrt()


def noise_of(v: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """A velocity prediction as noise: x = signal z + sigma eps, v = signal eps - sigma z; arXiv:2202.00512, App. D."""
    signal = signal_at(t)
    return float(signal) * v + float((1 - signal**2).sqrt()) * x


def zero_snr_time(t: Tensor) -> Tensor:
    """The timestep at which a schedule shifted to zero final signal (arXiv:2305.08891, Alg. 1) has t's noise level."""
    levels = signals()
    shifted = (levels - levels[-1]) * levels[0] / (levels[0] - levels[-1])
    signal = signal_at(t).reshape(-1)
    high = torch.searchsorted(-shifted, -signal).clamp(1, STEPS - 1)
    share = (shifted[high - 1] - signal) / (shifted[high - 1] - shifted[high])
    return (high - 1 + share).reshape(t.shape).float()
