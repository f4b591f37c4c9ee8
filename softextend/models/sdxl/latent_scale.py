"""Between what an autoencoder gives and the latents that a denoiser was trained on: as its config says.

z = (mean - m) / s: of most models m = 0 and s = 1 / scaling_factor; SD3's kind has a shift_factor, Playground 2.5
latents_mean and latents_std of each channel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def to_latents(config: Any, mean: Tensor) -> Tensor:
    """The posterior's mean (B, C, h, w) -> float32 latents."""
    shift, deviation = _statistics(config, mean.device)
    return (mean.float() - shift) / deviation


def from_latents(config: Any, z: Tensor) -> Tensor:
    """float32 latents (B, C, h, w) -> what the decoder takes."""
    shift, deviation = _statistics(config, z.device)
    return z * deviation + shift


def _statistics(config: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    """Shift and deviation, (C or 1, 1, 1) float32."""
    mean, deviation = config.get("latents_mean"), config.get("latents_std")
    scale = float(config.get("scaling_factor") or 1.0)
    shift = mean if mean is not None else [float(config.get("shift_factor") or 0.0)]
    spread = [each / scale for each in deviation] if deviation is not None else [1 / scale]
    columns = (torch.tensor(each, dtype=torch.float32, device=device)[:, None, None] for each in (shift, spread))
    return next(columns), next(columns)
