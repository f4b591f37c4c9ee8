"""A picture of two pixels whose distribution is a mixture of Gaussians: its denoiser and its conditionals are exact."""

from __future__ import annotations

import torch
from torch import Tensor

from softextend.diffdiff import diffdiff, draw_noise
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.sampling.harmony import Harmony
from softextend.sampling.samplers import TableSampler, make_sampler

MEANS = torch.tensor([[-1.2, -1.0], [-0.2, 0.9], [1.0, 0.2]])  # known pixel, new pixel
WEIGHTS = torch.tensor([0.3, 0.4, 0.3])
COVARIANCES = torch.tensor([[[0.15, 0.12], [0.12, 0.2]], [[0.1, -0.06], [-0.06, 0.1]], [[0.2, 0.15], [0.15, 0.2]]])
CHANGE = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)


def posterior_mean(y: Tensor, sigma: float) -> Tensor:
    """E[z0 | z0 + sigma eps = y], (B, 2): of each component by its own formula, weighed by how likely it is."""
    inverse = torch.linalg.inv(COVARIANCES + sigma**2 * torch.eye(2))
    away = y[:, None] - MEANS
    turned = torch.einsum("kij,bkj->bki", inverse, away)
    fit = -(away * turned).sum(-1) / 2 + torch.logdet(inverse) / 2 + WEIGHTS.log()
    each = MEANS + torch.einsum("kij,bkj->bki", COVARIANCES, turned)
    return (fit.softmax(1)[..., None] * each).sum(1)


def conditional(known: float, count: int, seed: int) -> Tensor:
    """(count,) draws of the new pixel given the known one."""
    generator = torch.Generator().manual_seed(seed)
    variance, away = COVARIANCES[:, 0, 0], known - MEANS[:, 0]
    share = (WEIGHTS.log() - away**2 / variance / 2 - variance.log() / 2).softmax(0)
    which = torch.multinomial(share, count, replacement=True, generator=generator)
    slope = COVARIANCES[:, 0, 1] / variance
    spread = (COVARIANCES[:, 1, 1] - slope * COVARIANCES[:, 0, 1]).sqrt()
    return (MEANS[:, 1] + slope * away)[which] + spread[which] * torch.randn(count, generator=generator)


def painted(known: float, count: int, sampler: str, *, steps: int = 16, resample: int = 0, think: int = 0) -> Tensor:
    """(count,) new pixels beside the known one, as the loop paints them: a picture of so many lines, all alike."""
    noise, own = draw_noise([0], (1, count, 2))
    made = make_sampler(sampler, STABLE_DIFFUSION, steps=steps, strength=1.0, generators=own)
    z0 = torch.tensor([known, 0.0]).expand(1, 1, count, 2)

    def predict(scaled: Tensor, t: float, keep: Tensor) -> Tensor:
        """The noise in x, at the level that the sampler is at; several steps may have one timestep."""
        level = made.levels[made.timesteps.index(t)]
        x = scaled * level.scale
        clean = posterior_mean((x / level.signal).reshape(-1, 2), level.noise / level.signal).reshape(x.shape)
        return (x - level.signal * clean) / level.noise

    settle = harmonised(predict, made, z0, resample, think) if resample or think else None
    return diffdiff(predict, made, z0, noise, CHANGE, settle=settle)[0, 0, :, 1]


def harmonised(predict: object, sampler: TableSampler, z0: Tensor, resample: int, think: int) -> Harmony:
    """With a generator for each row."""
    generators = [torch.Generator().manual_seed(10**6 + row) for row in range(len(z0))]
    return Harmony(
        predict=predict,
        sampler=sampler,
        z0=z0,
        generators=generators,
        resample=resample,
        think=think,  # type: ignore[arg-type]
    )


def distance(ours: Tensor, theirs: Tensor) -> float:
    """Wasserstein distance of two samples (n,) of one size."""
    return float((ours.sort()[0] - theirs.sort()[0]).abs().mean())
