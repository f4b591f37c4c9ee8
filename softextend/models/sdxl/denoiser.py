"""One scene's denoiser: the UNet with its prompts, guidance, image prompts and ControlNets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softextend.models.conditions.control import ControlNet
from softextend.models.conditions.image_prompt import ImagePrompt
from softextend.models.sdxl.inpainting import MaskedPicture
from softextend.types import Encoded, Predict, Scene, Span

CUTOFF = 1000  # timesteps of SDXL's schedule, which a refiner's start is a share of


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Call:
    """One run of the UNet: the embedding of each row, (R, 77 k, D); of SDXL (R, P) and (R, 6); images (R, N, ...)."""

    hidden: Tensor
    pooled: Tensor | None = None
    ids: Tensor | None = None
    image: Tensor | None = None

    @property
    def added(self) -> dict[str, Any]:
        """What the UNet takes beside the hidden states."""
        images = {} if self.image is None else {"image_embeds": [self.image]}
        return images if self.pooled is None else {"text_embeds": self.pooled, "time_ids": self.ids, **images}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Denoiser:
    """`Predict` of softextend.types. `unet` gives the network, on its device; `guide` joins negative and positive."""

    unet: Callable[[], nn.Module]
    calls: Sequence[Call]
    guide: Callable[[Tensor, Tensor], Tensor]
    device: torch.device
    dtype: torch.dtype
    unguided: Sequence[Call] = ()  # what runs in place of `calls` outside the steps that are guided
    guided_in: Span | None = None  # those steps; None: all
    masked: MaskedPicture | None = None  # of an inpainting UNet
    timesteps: Sequence[float] = ()  # of the steps that run; nothing: all of them are within every span
    scene: Scene | None = None  # what ControlNets look at
    controls: Sequence[ControlNet] = ()
    image: ImagePrompt | None = None
    embedded: float | None = None  # the guidance, where it is an input of the UNet

    @torch.inference_mode()
    def __call__(self, x: Tensor, t: float, keep: Tensor) -> Tensor:
        """x (B, 4, h, w) -> float32 of the same shape."""
        own = x.to(self.device, self.dtype)
        shown = None if self.masked is None else self.masked.shown(keep).to(self.device, self.dtype)
        unet = self.unet()  # after an encoder that may have sent it off the device
        if self.image is not None:
            self.image.turn(unet, on=self._within(self.image.span, t))
        calls = self.calls if self.guided_in is None or self._within(self.guided_in, t) else self.unguided
        out = torch.cat([self._run(unet, call, own, shown, t) for call in calls])
        if len(out) > len(own):
            out = self.guide(*out.chunk(2))
        return out.to(x.device)

    def _run(self, unet: nn.Module, call: Call, own: Tensor, shown: Tensor | None, t: float) -> Tensor:
        repeated = torch.cat([own] * (len(call.hidden) // len(own)))
        given: dict[str, Any] = {}
        for control in self.controls:
            if self.scene is not None and self._within(control.span, t):
                found = control.residuals(self.scene, repeated, t, call.hidden, call.added)
                given = added_up(given, found)
        if shown is not None:
            repeated = torch.cat([repeated, shown.repeat(len(repeated) // len(shown), 1, 1, 1)], dim=1)
        if self.embedded is not None:
            told = guidance_embedding(self.embedded, int(unet.config.time_cond_proj_dim))  # type: ignore[union-attr, arg-type]
            given["timestep_cond"] = told.to(self.device, self.dtype).expand(len(repeated), -1)
        out = unet(repeated, t, encoder_hidden_states=call.hidden, added_cond_kwargs=call.added or None, **given)
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


def guidance_embedding(guidance: float, size: int) -> Tensor:
    """What a latent consistency model is told of the guidance, (1, size); arXiv:2310.04378, as diffusers counts."""
    frequencies = torch.exp(torch.arange(size // 2) * (-math.log(10_000) / (size // 2 - 1)))
    angles = 1000.0 * (guidance - 1.0) * frequencies[None]
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, size % 2))


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


def guided(negative: Tensor, positive: Tensor, *, guidance: float, rescale: float = 0.0) -> Tensor:
    """negative + guidance (positive - negative), arXiv:2207.12598; its contrast then taken back to positive's.

    (B, C, h, w) each; `rescale` in [0, 1] is how much of that is done; arXiv:2305.08891, eq. 15 and 16.
    """
    out = negative + guidance * (positive - negative)
    if not rescale:
        return out
    each = list(range(1, out.ndim))
    contrast = positive.std(dim=each, keepdim=True) / out.std(dim=each, keepdim=True)
    return out * (rescale * contrast + 1 - rescale)


def calls_of(told: Sequence[Sequence[Encoded]], ids: Sequence[Tensor] | None, *, lean: bool) -> list[Call]:
    """One run for all prompts of all rows, or where memory is short one for the negative and one for the others.

    told: of each row its prompts, negative first; ids (1, N) of each of a row's prompts where the UNet takes a pooled
    prompt and the picture's size, else None.
    """
    kinds = list(zip(*told, strict=True))  # the rows' negative prompts, then their prompts
    groups = [[index] for index in range(len(kinds))] if lean else [list(range(len(kinds)))]
    return [
        _call([each for kind in group for each in kinds[kind]], ids and [ids[kind] for kind in group], len(told))
        for group in groups
    ]


def _call(told: Sequence[Encoded], ids: Sequence[Tensor] | None, rows: int) -> Call:
    """The call for these prompts; `ids` of each `rows` of them."""
    images = [each.image for each in told if each.image is not None]
    return Call(
        hidden=torch.cat([each.hidden for each in told]),
        pooled=None if ids is None else torch.cat([pooled_of(each) for each in told]),
        ids=None if ids is None else torch.cat([each.expand(rows, -1) for each in ids]),
        image=torch.cat(images) if images else None,
    )


def one_length(told: Sequence[Sequence[Encoded]]) -> bool:
    """Whether the prompts of all rows have as many tokens, so that they fit into one tensor."""
    return len({each.hidden.shape[1] for row in told for each in row}) == 1


def pooled_of(encoded: Encoded) -> Tensor:
    """(1, P); SDXL's encoders always give one."""
    if encoded.pooled is None:
        raise RuntimeError("a prompt without its pooled vector")
    return encoded.pooled
