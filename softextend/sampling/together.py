"""Several pictures as rows of one batch: what a model may do for all of them at once, and how it goes without."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from softextend import arrays
from softextend.plan.prepared import Prepared
from softextend.types import Conditioning, Model, Predict, Scene

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Together(Protocol):
    """A `Model` that gains by working on several pictures at once; without it they go through one by one."""

    def expect(self, prompts: Sequence[str]) -> None:
        """Prompts that `embed` will be asked for: encoded now, so that its encoders are read once."""

    def predict_together(self, scenes: Sequence[Scene]) -> Predict | None:
        """One denoiser whose rows are the scenes, of one size; None where they cannot share a call."""


def embed_together(model: Model, prepared: Sequence[Prepared]) -> list[Conditioning]:
    """The conditioning of each picture, its prompts encoded together."""
    asked = [each.plan.spec.prompt for each in prepared]
    if isinstance(model, Together):
        model.expect([text for each in asked for text in (each.prompt, each.negative)])
    return [
        model.embed(prompt.prompt, prompt.negative, each.photo) for prompt, each in zip(asked, prepared, strict=True)
    ]


def predict_rows(model: Model, scenes: Sequence[Scene]) -> Predict:
    """One denoiser over a batch: x (B, C, h, w) and keep (B or 1, 1, h, w), a row for each scene."""
    if len(scenes) > 1 and isinstance(model, Together):
        found = model.predict_together(scenes)
        if found is not None:
            return found
    denoisers = [model.predict(each) for each in scenes]
    return denoisers[0] if len(denoisers) == 1 else functools.partial(_in_turn, denoisers)


def _in_turn(denoisers: Sequence[Predict], x: Tensor, t: float, keep: Tensor) -> Tensor:
    shares = arrays.split(keep) if len(keep) == len(x) else [keep] * len(x)
    rows = zip(denoisers, arrays.split(x), shares, strict=True)
    answers: Tensor = arrays.joined([each(row, t, own) for each, row, own in rows])
    return answers
