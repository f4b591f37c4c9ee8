"""Differential diffusion (Levin and Fried, arXiv:2306.00950): img2img where each pixel has its amount of change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from softextend import arrays
from softextend.types import Predict

if TYPE_CHECKING:
    from torch import Tensor


class Blend(str, Enum):
    """How a latent goes from kept to free: at once, as published, or over the length of one step."""

    HARD = "hard"
    CONTINUOUS = "continuous"


class Sampler(Protocol):
    """A schedule cut to a strength: `timesteps` plus noise levels and update rule, by step index."""

    @property
    def timesteps(self) -> Sequence[float]:
        """What the denoiser is told at each step."""

    def scaled(self, x: Tensor, i: int) -> Tensor:
        """x float32 (B, C, h, w) -> the latents as the denoiser expects them at step i."""

    def noised(self, z0: Tensor, noise: Tensor, i: int) -> Tensor:
        """z0, noise: float32 (B, C, h, w) -> the clean latents with step i's amount of noise."""

    def step(self, out: Tensor, i: int, x: Tensor) -> Tensor:
        """out, x: float32 (B, C, h, w) -> the latents after step i, `out` being what the denoiser answered."""


def draw_noise(seeds: Sequence[int], shape: Sequence[int], like: Any = None) -> tuple[Tensor, list[Any]]:
    """float32 noise (len(seeds), *shape), a row per seed, drawn on the CPU; and its generators for a sampler's own.

    Of the kind of array that `like` is; torch's where nothing is given.
    """
    own = arrays.generators(seeds, like)
    return arrays.drawn(own, shape, like), own


def keep_share(change: Tensor, i: float, n: int, blend: Blend = Blend.HARD) -> Tensor:
    """Share of the noised original at step i of n; change float32 (B or 1, 1, h, w) in [0, 1], 1 = free from the first.

    HARD is the published `keep > i / n`, exact for every 8-bit map. CONTINUOUS is its linear form: summed over the
    steps it is n (1 - change), so that a ramp keeps all its levels however few steps there are.
    """
    if blend is Blend.HARD:
        level = float(np.float32(1) - np.float32(i / n))  # rounded as a map's own 1 - k / 255 is
        hard: Tensor = arrays.as_share(change < level, change)
        return hard
    return (n * (1 - change) - i).clip(0, 1)


def diffdiff(
    predict: Predict,
    sampler: Sampler,
    z0: Tensor,
    noise: Tensor,
    change: Tensor,
    *,
    start: Tensor | None = None,
    span: int | None = None,
    offset: float = 0,
    blend: Blend = Blend.HARD,
    settle: Callable[[Tensor, int, Tensor], Tensor] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """z0, noise: float32 (B, C, h, w); change: float32 (B or 1, 1, h, w) in [0, 1]; arXiv:2306.00950, Alg. 1.

    All of them torch tensors, or all NumPy arrays.
    Thresholds run over `span` steps (None: the steps that run, SoftExtend's convention; the published pipelines count
    the steps before the strength cut), beginning at step `offset`; `start` continues from latents of an earlier run.
    `settle` may move x within a step's noise level before it is taken, given the step and its share of the original.
    """
    n = len(sampler.timesteps)
    x = sampler.noised(z0, noise, 0) if start is None else start  # every latent starts as the noised original
    for i, t in enumerate(sampler.timesteps):
        keep = keep_share(change, i + offset, span or n, blend)
        x = arrays.lerp(x, sampler.noised(z0, noise, i), keep)
        if settle:
            x = settle(x, i, keep)
        x = sampler.step(predict(sampler.scaled(x, i), t, keep), i, x)
        if on_step:
            on_step(i + 1, n)
    return x


def restore(x: Tensor, z0: Tensor, change: Tensor) -> Tensor:
    """x with z0 back where nothing may change; x, z0: float32 (B, C, h, w), change: (B or 1, 1, h, w) in [0, 1].

    The published loop leaves those latents at the last step's noise level.
    """
    restored: Tensor = arrays.where(change > 0, x, z0)
    return restored
