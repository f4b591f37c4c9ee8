"""SDXL and families like it behind the `Model` seam: weights, data types, devices and what memory they take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from softextend.errors import BadModel
from softextend.fills.noise import LATENT_GREY, LATENT_RGB
from softextend.models.device import choose_device, choose_dtype, empty_cache
from softextend.models.find import ModelRef, known_profile
from softextend.models.schedules import STABLE_DIFFUSION, make_schedule
from softextend.models.sd.checkpoint import SD1, SD2
from softextend.models.sdxl.checkpoint import SDXL, Folder, SingleFile, Source, vae_file
from softextend.models.sdxl.inpainting import CHANNELS, MaskedPicture
from softextend.models.sdxl.latent_scale import from_latents, to_latents
from softextend.models.sdxl.networks import FACTOR, Networks
from softextend.models.sdxl.prompts import Prompts, pooled
from softextend.models.weights.file_hash import fingerprint
from softextend.models.weights.tensors import Part
from softextend.sampling.schedule import AnySchedule
from softextend.types import Conditioning, Encoded, Listener, Offload, Predict, Profile, Scene

LAYOUTS = {"sdxl": SDXL, "sd1": SD1, "sd2": SD2}
HALF = (torch.bfloat16, torch.float16)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Call:
    """One run of the UNet: the embedding of each row, (R, 77 k, D); `added`: of SDXL (R, 1280) and (R, 6)."""

    hidden: Tensor
    added: dict[str, Tensor] | None


def load_sdxl(
    ref: ModelRef, *, device: str, dtype: str, offload: Offload | None, vae: Path | None, listener: Listener
) -> SdxlModel:
    """Opens and checks the files; each part is read when it is first needed. Raises BadModel, BadRequest."""
    place = choose_device(device)
    numbers = choose_dtype(dtype, place)
    if ref.path is None or ref.choice is None:
        raise BadModel(f"{ref.name}: no model of files")
    source = open_source(ref, half=numbers in HALF)
    return SdxlModel(
        source,
        name=_title(ref),
        origin=str(ref.path) if ref.kind != "hub" else ref.name,
        profile=known_profile(ref),
        schedule=make_schedule(ref.choice),
        device=place,
        dtype=numbers,
        offload=offload or Offload.NONE,
        vae=vae_file(vae, source.layout.configs) if vae else None,
    )


def open_source(ref: ModelRef, *, half: bool) -> Source:
    """The files of a model, checked against the networks that they fill. Raises BadModel where they do not fit."""
    if ref.path is None or ref.choice is None:
        raise BadModel(f"{ref.name}: no model of files")
    layout = LAYOUTS[ref.choice.family]
    return SingleFile(ref.path, layout=layout) if ref.kind == "file" else Folder(ref.path, half=half, layout=layout)


def _title(ref: ModelRef) -> str:
    """A file by its stem, as other tools name it, a folder by its name, a hub id as it is."""
    if ref.path is None or ref.kind == "hub":
        return ref.name
    return ref.path.stem if ref.kind == "file" else ref.path.name


def guided(negative: Tensor, positive: Tensor, *, guidance: float, rescale: float) -> Tensor:
    """negative + guidance (positive - negative), arXiv:2207.12598; its contrast then taken back to positive's.

    (B, C, h, w) each; `rescale` in [0, 1] is how much of that is done; arXiv:2305.08891, eq. 15 and 16.
    """
    out = negative + guidance * (positive - negative)
    if not rescale:
        return out
    each = list(range(1, out.ndim))
    contrast = positive.std(dim=each, keepdim=True) / out.std(dim=each, keepdim=True)
    return out * (rescale * contrast + 1 - rescale)


class SdxlModel:
    """`Model` of softextend.types. Parts are read when they are first needed."""

    factor = FACTOR

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        profile: Profile,
        device: torch.device,
        dtype: torch.dtype,
        schedule: AnySchedule = STABLE_DIFFUSION,
        origin: str = "",
        offload: Offload = Offload.NONE,
        vae: Part | None = None,
    ) -> None:
        self.name = name
        self.profile = profile
        self.schedule = schedule
        self.device = device
        self.dtype = dtype
        self.vae_dtype = torch.float32 if dtype is torch.float16 and vae is None else dtype  # fp16 overflows in it
        self._source = source
        self._origin = origin
        self._other_vae = vae
        self.networks = Networks(source, device=device, dtype=dtype, offload=offload, vae=vae)
        self._prompts = Prompts(source, device=device, dtype=dtype, make_room=self.networks.make_room)

    def as_dict(self) -> dict[str, Any]:
        """What a recipe records: `name`, `origin`, `hash` (sha256; its first 10 letters are A1111's), `device`, ..."""
        return {
            "name": self.name,
            "origin": self._origin,
            "hash": fingerprint(self._source.weights),
            "vae_hash": fingerprint(tuple(self._other_vae.paths())) if self._other_vae else None,
            "device": str(self.device),
            "dtype": str(self.dtype).removeprefix("torch."),
            "offload": self.networks.offload.value,
        }

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) in [-1, 1] -> float32 latents (B, 4, H/8, W/8): the posterior's mean, scaled."""
        vae = self.networks.vae(self.vae_dtype, pixels.shape[-2] * pixels.shape[-1])
        mean = vae.encode(pixels.to(self.device, self.vae_dtype)).latent_dist.mode()
        return to_latents(vae.config, mean)

    @torch.inference_mode()
    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """latents (B, 4, h, w) -> float32 pixels (B, 3, 8h, 8w); `exact`: in float32."""
        dtype = torch.float32 if exact else self.vae_dtype
        vae = self.networks.vae(dtype, z.shape[-2] * z.shape[-1] * self.factor**2)
        scaled = from_latents(vae.config, z.to(self.device, torch.float32))
        pixels: Tensor = vae.decode(scaled.to(dtype)).sample
        return pixels.float()

    def preview(self, z: Tensor) -> Tensor:
        """latents (1, 4, h, w) -> (1, 3, h, w) in about [-1, 1]: each latent's own colour, without the VAE."""
        weights = torch.tensor(LATENT_RGB, device=z.device) / 127.5
        grey = torch.tensor(LATENT_GREY, device=z.device) / 127.5 - 1
        return torch.einsum("bchw,cr->brhw", z.float(), weights) + grey[None, :, None, None]

    def embed(self, prompt: str, negative: str) -> Conditioning:
        """Prompts of any length, 75 tokens a row, each encoded once."""
        return self._prompts.conditioning(prompt, negative)

    @torch.inference_mode()
    def predict(self, scene: Scene) -> Predict:
        """What the UNet predicts; guidance is `negative + g (prompt - negative)`, arXiv:2207.12598; none for g <= 1."""
        unet = self.networks.unet()
        rows = scene.z0.shape[0]
        given = scene.conditioning
        told = [each for each in (given.negative, given.prompt)[scene.guidance <= 1 :] if each is not None]
        calls = [
            Call(
                hidden=torch.cat([each.hidden.expand(rows, -1, -1) for each in group]),
                added=self._added(group, rows, scene.known.shape) if self._source.layout.pooled else None,
            )
            for group in ([[each] for each in told] if self.networks.lean else [told])
        ]
        guide = functools.partial(guided, guidance=scene.guidance, rescale=scene.guidance_rescale)
        masked = None
        if unet.config.in_channels == CHANNELS:  # type: ignore[union-attr]
            masked = MaskedPicture(self.encode, scene.filled)
        return functools.partial(self._predicted, unet, calls, guide, masked)

    def _added(self, group: list[Encoded], rows: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """What SDXL is told beside the prompt: its pooled form and the picture's size, px."""
        ids = torch.tensor([[*size, 0, 0, *size]], dtype=self.dtype, device=self.device)
        vectors = torch.cat([pooled(each).expand(rows, -1) for each in group])
        return {"text_embeds": vectors, "time_ids": ids.expand(rows * len(group), -1)}

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: take the next lighter way of running and say which; None at the last."""
        said = self.networks.reduce_memory()
        empty_cache(self.device)
        return said

    @torch.inference_mode()
    def _predicted(
        self,
        unet: nn.Module,
        calls: list[Call],
        guide: Callable[[Tensor, Tensor], Tensor],
        masked: MaskedPicture | None,
        x: Tensor,
        t: float,
        keep: Tensor,
    ) -> Tensor:
        own = x.to(self.device, self.dtype)
        if masked is not None:
            shown = masked.shown(keep).to(self.device, self.dtype)
            own = torch.cat([own, shown.expand(len(own), -1, -1, -1)], dim=1)
            unet = self.networks.unet()  # which an encoder may have sent off the device
        outs = []
        for call in calls:
            repeated = torch.cat([own] * (len(call.hidden) // len(own)))
            told = {} if call.added is None else {"added_cond_kwargs": call.added}
            outs.append(unet(repeated, t, encoder_hidden_states=call.hidden, **told)[0].float())
        out = torch.cat(outs)
        if len(out) > len(own):
            out = guide(*out.chunk(2))
        return out.to(x.device)
