"""SDXL's prompts: two text encoders, each read, used and dropped before the next; weights act on what they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from softextend.errors import BadRequest
from softextend.models.clip_tokenizer import ClipTokenizer, Token
from softextend.models.conditions.prompt_weights import Custom, Weighted, parse
from softextend.types import Encoded

LAYER = 2  # from the end, of the hidden states that SDXL was trained with
LEAST = 1e-5  # compel: a weight of nothing, whose tangent is still finite


@dataclass(frozen=True, kw_only=True, slots=True)
class Vectors:
    """A textual inversion: a word, and what it stands for in each text encoder; of SDXL (N, 768) and (N, 1280)."""

    name: str
    each: tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Encoder:
    """One text encoder as it is used: hidden states of a layer from the end (1 = the last), and the pooled vector.

    `normed`: through the final norm, as SD1 and SD2 were trained; SDXL takes the last layer but one as it is.
    """

    module: nn.Module
    layer: int
    normed: bool
    device: torch.device

    def __call__(self, ids: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """ids (R, 77), mask (R, 77) 1 = read -> hidden (R, 77, D), and (R, P) the first output."""
        mask = mask if mask is None else mask.to(self.device)
        out = self.module(ids.to(self.device), mask, output_hidden_states=True)
        if self.layer > len(out.hidden_states) - 1:
            raise BadRequest(
                f"--clip-skip {self.layer}: the text encoder has {len(out.hidden_states) - 1} layers: give less"
            )
        hidden: Tensor = out.hidden_states[-self.layer]
        if self.normed:
            inner: Any = getattr(self.module, "text_model", self.module)
            hidden = out.last_hidden_state if self.layer == 1 else inner.final_layer_norm(hidden)
        pooled: Tensor = out[0]
        return hidden, pooled


@dataclass(kw_only=True, slots=True, eq=False)
class TextEncoders:
    """Both encoders of a model, with all prompts that were encoded so far.

    `load` gives the module of encoder 0 or 1; `drop` is called when one has done its work.
    """

    load: Callable[[int], nn.Module]
    drop: Callable[[], None]
    tokenizers: Callable[[], tuple[ClipTokenizer, ...]]
    device: torch.device
    penultimate: bool = True
    pooled: bool = True  # the UNet takes a pooled prompt
    layer: int | None = None  # from the end; None: as the family was trained
    vectors: Sequence[Vectors] = ()
    only: int | None = None  # one of the two where a model has but that one
    done: dict[str, Encoded] = field(default_factory=dict)

    def encode(self, prompts: Sequence[str]) -> None:
        """Fill `done`: hidden (1, 77 k, D1 + D2), pooled (1, P)."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self.done]
        if not new:
            return
        read = [parse(prompt) for prompt in new]
        hidden: list[list[Tensor]] = []
        pooled: list[Tensor] = []
        for which, tokenizer in enumerate(self.tokenizers()):
            if self.only not in (None, which):
                continue
            module = self.load(which)
            layer = self.layer or (LAYER if self.penultimate else 1)
            encoder = Encoder(module=module, layer=layer, normed=not self.penultimate, device=self.device)
            tokenizer = learn(module, tokenizer, self._learned(which))
            outs = [weighted(encoder, tokenizer, each) for each in read]
            hidden.append([out[0] for out in outs])
            pooled = [out[1] for out in outs]  # in the end the second encoder's
            del module, encoder, outs
            self.drop()
        for prompt, *parts, vector in zip(new, *hidden, pooled, strict=True):
            both = torch.cat(parts, dim=-1)
            hidden_rows = both.reshape(1, -1, both.shape[-1])
            self.done[prompt] = Encoded(hidden=hidden_rows, pooled=vector if self.pooled else None)

    def lengthened(self, encoded: Encoded, tokens: int) -> Encoded:
        """Rows of the empty prompt until there are `tokens`."""
        missing = tokens - encoded.hidden.shape[1]
        if not missing:
            return encoded
        self.encode([""])
        empty = self.done[""].hidden
        rows = [encoded.hidden, *[empty] * (missing // empty.shape[1])]
        return replace(encoded, hidden=torch.cat(rows, dim=1))

    def _learned(self, which: int) -> Mapping[str, Tensor]:
        return {learned.name: learned.each[which] for learned in self.vectors}


def learn(module: nn.Module, tokenizer: ClipTokenizer, vectors: Mapping[str, Tensor]) -> ClipTokenizer:
    """Words of their own for an encoder: (N, D) each, below its table of tokens; the tokenizer that knows them."""
    if not vectors:
        return tokenizer
    table = module.get_input_embeddings()  # type: ignore[operator]
    rows, added = [table.weight], {}
    size = len(table.weight)
    for name, values in vectors.items():
        added[name] = tuple(range(size, size + len(values)))
        rows.append(values.to(table.weight))
        size += len(values)
    table.weight = nn.Parameter(torch.cat(rows), requires_grad=False)
    for each in module.modules():
        if hasattr(each, "eos_token_id"):
            each.eos_token_id = tokenizer.end  # type: ignore[assignment]  # older configs take the largest id for the end, which is ours now
    within = tokenizer.within | {id for ids in added.values() for id in ids[:-1]}
    return replace(tokenizer, added=added, within=frozenset(within))


def weighted(encoder: Encoder, tokenizer: ClipTokenizer, prompt: Weighted) -> tuple[Tensor, Tensor]:
    """hidden (R, 77, D) of all rows, weighted by the prompt's custom, and the first row's pooled vector (1, P)."""
    rows = tokenizer.weighted_rows(prompt.parts)
    ids = torch.tensor([[each.id for each in row] for row in rows])
    hidden, pooled = encoder(ids)
    if prompt.plain:
        return hidden, pooled[:1]
    weights = torch.tensor([[each.weight for each in row] for row in rows], device=hidden.device)
    return RULES[prompt.custom](encoder, tokenizer, rows, hidden, weights[..., None]), pooled[:1]


def multiplied(
    encoder: Encoder, tokenizer: ClipTokenizer, rows: Sequence[Sequence[Token]], hidden: Tensor, weights: Tensor
) -> Tensor:
    """AUTOMATIC1111's rule: each token's vector times its weight, then each row brought back to its mean."""
    before = hidden.float()
    after = before * weights
    return (after * (before.mean(dim=(1, 2), keepdim=True) / after.mean(dim=(1, 2), keepdim=True))).to(hidden.dtype)


def away_from_nothing(
    encoder: Encoder, tokenizer: ClipTokenizer, rows: Sequence[Sequence[Token]], hidden: Tensor, weights: Tensor
) -> Tensor:
    """compel's rule: away from the empty prompt; what counts less is also blended with the prompt that lacks it.

    A fragment of weight w < 1 is masked out of an encoding of its own, which counts tan((1 - w) pi / 2).
    """
    ids = torch.tensor([[each.id for each in row] for row in rows])
    empty = encoder(torch.tensor([[each.id for each in tokenizer.weighted_rows([[("", 1.0)]])[0]]]))[0].float()
    blend, total = _scaled(hidden, empty, weights), 1.0
    lesser = {each.fragment: each.weight for row in rows for each in row if each.weight < 1}
    for fragment, weight in lesser.items():
        mask = torch.tensor([[each.fragment != fragment for each in row] for row in rows]).long()
        share = math.tan((1 - max(LEAST, weight)) * math.pi / 2)
        blend = blend + share * _scaled(encoder(ids, mask)[0], empty, weights)
        total += share
    return (blend / total).to(hidden.dtype)


def _scaled(hidden: Tensor, empty: Tensor, weights: Tensor) -> Tensor:
    return torch.where(weights == 1, hidden.float(), empty + (hidden.float() - empty) * weights)


Rule = Callable[[Encoder, ClipTokenizer, Sequence[Sequence[Token]], Tensor, Tensor], Tensor]
RULES: Mapping[Custom, Rule] = {"a1111": multiplied, "compel": away_from_nothing}
