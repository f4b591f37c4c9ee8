"""One scene's denoiser: the UNet with its prompts, guidance, image prompts and ControlNets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from softextend.types import Encoded, Predict

CUTOFF = 1000  # timesteps of SDXL's schedule, which a refiner's start is a share of


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Call:
    """One run of the UNet: the embedding of each row, (R, 77 k, D), (R, P), (R, 6 or 5), image prompts (R, N, ...)."""

    hidden: Tensor
    pooled: Tensor
    ids: Tensor
    image: Tensor | None = None

    @property
    def added(self) -> dict[str, Any]:
        """What the UNet takes beside the hidden states."""
        images = {} if self.image is None else {"image_embeds": [self.image]}
        return {"text_embeds": self.pooled, "time_ids": self.ids, **images}


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Of the steps that run, the share from `start` to `end`."""

    start: float = 0.0
    end: float = 1.0

    def holds(self, step: int, steps: int) -> bool:
        """Whether step `step` of `steps` lies wholly within, as diffusers counts."""
        return step / steps >= self.start and (step + 1) / steps <= self.end


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Control:
    """A ControlNet on one scene: `residuals(x, t, call)` are keyword arguments of the UNet."""

    residuals: Callable[[Tensor, float, Call], Mapping[str, Any]]
    span: Span


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Denoiser:
    """`Predict` of softextend.types; guidance is `negative + g (prompt - negative)`, arXiv:2207.12598."""

    unet: nn.Module
    calls: Sequence[Call]
    guidance: float
    device: torch.device
    dtype: torch.dtype
    timesteps: Sequence[float] = ()  # of the steps that run; nothing: all of them are within every span
    controls: Sequence[Control] = ()
    image_scale: Callable[[bool], None] | None = None  # turns image prompts on and off
    image_span: Span = field(default_factory=Span)

    @torch.inference_mode()
    def __call__(self, x: Tensor, t: float, keep: Tensor) -> Tensor:
        """x (B, 4, h, w) -> float32 of the same shape."""
        own = x.to(self.device, self.dtype)
        if self.image_scale is not None:
            self.image_scale(self._within(self.image_span, t))
        outs = [self._run(call, own, t) for call in self.calls]
        out = torch.cat(outs)
        if len(out) > len(own):
            negative, positive = out.chunk(2)
            out = negative + self.guidance * (positive - negative)
        return out.to(x.device)

    def _run(self, call: Call, own: Tensor, t: float) -> Tensor:
        repeated = torch.cat([own] * (len(call.ids) // len(own)))
        given: dict[str, Any] = {}
        for control in self.controls:
            if self._within(control.span, t):
                given = added_up(given, control.residuals(repeated, t, call))
        out = self.unet(repeated, t, encoder_hidden_states=call.hidden, added_cond_kwargs=call.added, **given)
        result: Tensor = out[0].float()
        return result

    def _within(self, span: Span, t: float) -> bool:
        if not self.timesteps:
            return True
        step = min(range(len(self.timesteps)), key=lambda at: abs(self.timesteps[at] - float(t)))
        return span.holds(step, len(self.timesteps))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Handover:
    """A base model until a share `start` of the noise schedule is done, then the refiner."""

    base: Callable[[], Predict]
    refiner: Callable[[], Predict]
    start: float

    def __call__(self, x: Tensor, t: float, keep: Tensor) -> Tensor:
        """The prediction of whoever is in charge at t: the base at and above the cutoff, as diffusers splits."""
        chosen = self.base if float(t) >= round(CUTOFF - self.start * CUTOFF) else self.refiner
        return chosen()(x, t, keep)


def added_up(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Residuals of several ControlNets, summed layer by layer."""
    if not first:
        return dict(second)
    return {
        name: [one + two for one, two in zip(first[name], value, strict=True)]
        if isinstance(value, list | tuple)
        else first[name] + value
        for name, value in second.items()
    }


def calls_of(told: Sequence[Encoded], ids: Sequence[Tensor], rows: int, *, lean: bool) -> list[Call]:
    """One run for all of `told` (negative first), or where memory is short one for each; ids (1, N) of each."""
    pairs = list(zip(told, ids, strict=True))
    return [
        Call(
            hidden=torch.cat([each.hidden.expand(rows, -1, -1) for each, _ in group]),
            pooled=torch.cat([pooled_of(each).expand(rows, -1) for each, _ in group]),
            ids=torch.cat([own.expand(rows, -1) for _, own in group]),
            image=_images([each for each, _ in group], rows),
        )
        for group in ([[each] for each in pairs] if lean else [pairs])
    ]


def pooled_of(encoded: Encoded) -> Tensor:
    """(1, P); SDXL's encoders always give one."""
    if encoded.pooled is None:
        raise RuntimeError("a prompt without its pooled vector")
    return encoded.pooled


def _images(group: Sequence[Encoded], rows: int) -> Tensor | None:
    found = [each.image for each in group if each.image is not None]
    return torch.cat([each.expand(rows, *each.shape[1:]) for each in found]) if found else None
