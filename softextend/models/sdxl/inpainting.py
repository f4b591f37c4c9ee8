"""What an inpainting UNet of 9 channels sees beside the noisy latents: a mask, and the picture without what is masked.

In differential diffusion the mask is the step's own: at each step a latent is either the noised original (keep 1) or
free (keep 0), and the UNet is shown exactly that: mask = 1 - keep, made hard at 1/2 where keep is a share, and the
filled canvas with the free latents' pixels set to grey, encoded. So with a map of 0 and 1 it is what the inpainting
pipelines show; with a graded map the mask grows from the new area into the picture as the run goes on. The masked
picture is encoded anew only when the mask has changed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS = 9  # 4 of noisy latents, 1 of the mask, 4 of the masked picture


class MaskedPicture:
    """The mask and the masked latents of one scene at each of its steps."""

    def __init__(self, encode: Callable[[Tensor], Tensor], filled: Tensor) -> None:
        """encode: pixels (1, 3, H, W) in [-1, 1] -> scaled latents; filled: the canvases (B or 1), the same size."""
        self._encode = encode
        self._filled = filled
        self._hard: Tensor | None = None
        self._shown: Tensor | None = None

    def shown(self, keep: Tensor) -> Tensor:
        """keep (B or 1, 1, h, w) in [0, 1] -> (B or 1, 5, h, w) float32: mask, masked latents."""
        hard = (keep >= 0.5).float()
        if self._shown is None or self._hard is None or not torch.equal(hard, self._hard):
            pixels = F.interpolate(hard, self._filled.shape[-2:], mode="nearest").to(self._filled.device)
            filled = self._filled.expand(len(pixels), -1, -1, -1)
            pairs = zip(torch.split(filled, 1), pixels, strict=True)
            latents = torch.cat([self._encode(canvas * each) for canvas, each in pairs]).to(hard.device)
            self._shown = torch.cat([1 - hard, latents], dim=1)
            self._hard = hard
        return self._shown
