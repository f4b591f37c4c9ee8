"""New and old in harmony: latents made likelier at a step's own noise level before the step goes on, without training.

Differential diffusion pins what is kept to the noised original; what is free learns of it only through the denoiser,
one look a step. Both ways here look more often. `resample` is RePaint's travel in time (arXiv:2201.09865): a step down
and back up with fresh noise, the kept latents noised anew. `think` is Langevin dynamics in both directions, as LanPaint
has it (arXiv:2502.03491): the free latents follow the denoiser, the kept ones are drawn to the original and away from
what the denoiser would make of them, so that the free ones come to them and not they to the free ones.

The dynamics' integrator is Leimkuhler and Matthews' (arXiv:1203.5428), whose distribution is exact where a density is
Gaussian, whatever the step: x + step F + sqrt(step / 2) (w_k + w_k+1), in units of the noise's own deviation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softextend import arrays
from softextend.sampling.noise_levels import Level
from softextend.sampling.samplers import TableSampler
from softextend.types import Predict

if TYPE_CHECKING:
    from torch import Tensor

STEP = 1.0  # of the dynamics: with it the noise stays as strong as the denoiser is told, also after a single one
HOLD = 8.0  # how much stronger the original draws the kept latents than the denoiser; lambda of LanPaint's code


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Harmony:
    """`settle` of softextend.diffdiff: `resample` travels and `think` moves at each step; z0 as the loop's.

    generators: one for each row, on the CPU, of no one else, so that a run without either draws as ever.
    """

    predict: Predict
    sampler: TableSampler
    z0: Tensor
    generators: Sequence[Any]
    resample: int = 0
    think: int = 0

    def __call__(self, x: Tensor, i: int, keep: Tensor) -> Tensor:
        """x float32 (B, C, h, w) at step i's noise level, keep (B or 1, 1, h, w) in [0, 1] -> x at the same level."""
        if i % self.sampler.calls:
            return x  # a second-order step is under way
        for _ in range(self.resample):
            x = self._travelled(x, i, keep)
        return self._thought(x, i, keep) if self.think else x

    def _travelled(self, x: Tensor, i: int, keep: Tensor) -> Tensor:
        """To the next level and back, written as one: the share of the noise that the next level has stays."""
        level, stays = self.sampler.levels[i], self._next_share(i)
        clean = self._clean(x, i, keep)
        found = (x - level.signal * clean) / level.noise
        noise = stays * found + math.sqrt(1 - stays**2) * self._drawn(x)
        original = self.sampler.noised(self.z0, self._drawn(x), i)
        moved: Tensor = arrays.lerp(level.signal * clean + level.noise * noise, original, keep)
        return moved

    def _next_share(self, i: int) -> float:
        """The next level's noise over signal, by this one's; 0 where the next is clean."""
        levels = self.sampler.levels
        return _ratio(levels[i + 1]) / _ratio(levels[i]) if i + 1 < len(levels) else 0.0

    def _thought(self, x: Tensor, i: int, keep: Tensor) -> Tensor:
        level = self.sampler.levels[i]
        length = STEP + keep * (STEP / (1 + HOLD) - STEP)
        spread, before = (length / 2) ** 0.5, self._drawn(x)
        for _ in range(self.think):
            free = (level.signal * self._clean(x, i, keep) - x) / level.noise
            held = (1 + HOLD) * (level.signal * self.z0 - x) / level.noise - HOLD * free
            fresh = self._drawn(x)
            moved = length * arrays.lerp(free, held, keep) + spread * (before + fresh)
            x, before = x + level.noise * moved, fresh
        return x

    def _clean(self, x: Tensor, i: int, keep: Tensor) -> Tensor:
        """What the denoiser takes z0 for."""
        out = self.predict(self.sampler.scaled(x, i), self.sampler.timesteps[i], keep)
        return self.sampler.clean_of(out, i, x)

    def _drawn(self, x: Tensor) -> Tensor:
        """Fresh noise of x's shape, drawn on the CPU."""
        fresh: Tensor = arrays.like(x, arrays.drawn(self.generators, x.shape[1:], x))
        return fresh


def _ratio(level: Level) -> float:
    return level.noise / level.signal
