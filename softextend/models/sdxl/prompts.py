"""SDXL's prompts: two text encoders, loaded only while they encode."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from softextend.models.device import empty_cache
from softextend.models.sdxl.checkpoint import Source
from softextend.types import Conditioning, Encoded


def pooled(encoded: Encoded) -> Tensor:
    """(1, P); SDXL's encoders always give one."""
    if encoded.pooled is None:
        raise RuntimeError("a prompt without its pooled vector")
    return encoded.pooled


class Prompts:
    """Encodes each prompt once; `make_room` frees the device before an encoder is read."""

    def __init__(
        self, source: Source, *, device: torch.device, dtype: torch.dtype, make_room: Callable[[], None]
    ) -> None:
        self.device = device
        self.dtype = dtype
        self._source = source
        self._make_room = make_room
        self._encoded: dict[str, Encoded] = {}

    @torch.inference_mode()
    def conditioning(self, prompt: str, negative: str) -> Conditioning:
        """Prompts of any length, 75 tokens a row. An empty negative prompt is zeros where the model was trained so."""
        zero = self._source.empty_is_zero and not negative
        self._encode([prompt] if zero else [prompt, negative])
        positive = self._encoded[prompt]
        if zero:
            zeros = Encoded(hidden=torch.zeros_like(positive.hidden), pooled=torch.zeros_like(pooled(positive)))
            return Conditioning(prompt=positive, negative=zeros)
        other = self._encoded[negative]
        rows = max(positive.hidden.shape[1], other.hidden.shape[1])
        return Conditioning(prompt=self._lengthened(positive, rows), negative=self._lengthened(other, rows))

    def _encode(self, prompts: list[str]) -> None:
        """Fill the cache; each encoder is read, used and dropped before the next."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._encoded]
        if not new:
            return
        self._make_room()
        tokenizers = self._source.tokenizers()
        hidden: list[list[Tensor]] = []
        vectors: list[Tensor] = []
        for which, tokenizer in enumerate(tokenizers):
            encoder = self._source.text_encoder(which, self.dtype, self.device)
            outs = [encoder(self._ids(tokenizer.rows(prompt)), output_hidden_states=True) for prompt in new]
            hidden.append([out.hidden_states[-2] for out in outs])  # the last layer but one, as SDXL was trained
            vectors = [out[0][:1] for out in outs]  # in the end the second encoder's projection of the first row
            del encoder, outs
            empty_cache(self.device)
        for prompt, first, second, vector in zip(new, *hidden, vectors, strict=True):
            both = torch.cat([first, second], dim=-1)
            self._encoded[prompt] = Encoded(hidden=both.reshape(1, -1, both.shape[-1]), pooled=vector)

    def _ids(self, rows: list[list[int]]) -> Tensor:
        return torch.tensor(rows, device=self.device)

    def _lengthened(self, encoded: Encoded, tokens: int) -> Encoded:
        """Rows of the empty prompt until there are `tokens`."""
        missing = tokens - encoded.hidden.shape[1]
        if not missing:
            return encoded
        self._encode([""])
        empty = self._encoded[""].hidden
        rows = [encoded.hidden, *[empty] * (missing // empty.shape[1])]
        return Encoded(hidden=torch.cat(rows, dim=1), pooled=encoded.pooled)
