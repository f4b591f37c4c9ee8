"""What a model of files makes of prompts and pictures: each encoder read, used and sent away before the next."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from softextend.models.conditions.laid_over import LaidOver
from softextend.models.device import empty_cache
from softextend.models.sdxl.checkpoint import Source
from softextend.models.sdxl.denoiser import pooled_of
from softextend.models.sdxl.networks import Networks
from softextend.models.sdxl.text import TextEncoders
from softextend.types import Conditioning, Encoded

if TYPE_CHECKING:
    from softextend.types import Pixels


class Prompts:
    """The text encoders of one model, with the image prompt and the refiner that are laid over it."""

    def __init__(
        self, source: Source, networks: Networks, laid: LaidOver, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        self._source, self._networks, self._laid = source, networks, laid
        self._dtype, self._device = dtype, device
        self.text = TextEncoders(
            load=self._encoder,
            drop=functools.partial(empty_cache, device),
            tokenizers=source.tokenizers,
            device=device,
            penultimate=source.layout.penultimate,
            pooled=source.layout.pooled,
            layer=laid.layer,
            vectors=laid.vectors,
        )

    @torch.inference_mode()
    def embed(self, prompt: str, negative: str, photo: Pixels | None = None) -> Conditioning:
        """Prompts of any length, 75 tokens a row. An empty negative prompt is zeros where the model was trained so."""
        self.text.encode([prompt] if self._zero(negative) else [prompt, negative])
        positive = self.text.done[prompt]
        if self._zero(negative):
            zeros = Encoded(hidden=torch.zeros_like(positive.hidden), pooled=torch.zeros_like(pooled_of(positive)))
            both = [positive, zeros]
        else:
            both = [positive, self.text.done[negative]]
            rows = max(each.hidden.shape[1] for each in both)
            both = [self.text.lengthened(each, rows) for each in both]
        refined = self._laid.refiner.embed(prompt, negative) if self._laid.refiner else None
        if self._laid.image is not None:
            self._networks.make_room()
            images = self._laid.image.encode(photo, self._dtype, self._device)
            empty_cache(self._device)
            both = [replace(each, image=image) for each, image in zip(both, images, strict=True)]
        return Conditioning(prompt=both[0], negative=both[1], refined=refined)

    def expect(self, prompts: Sequence[str]) -> None:
        """Prompts that `embed` will be asked for, encoded while each text encoder is in memory once."""
        self.text.encode([each for each in prompts if not self._zero(each)])

    def _zero(self, negative: str) -> bool:
        return self._source.empty_is_zero and not negative

    def _encoder(self, which: int) -> nn.Module:
        self._networks.make_room()
        return self._source.text_encoder(which, self._dtype, self._device)
