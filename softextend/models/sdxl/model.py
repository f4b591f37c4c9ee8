"""SDXL behind the `Model` seam: the only place that knows weights, dtypes, devices and what memory they take."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from softextend.errors import BadModel
from softextend.fills.noise import LATENT_GREY, LATENT_RGB
from softextend.models.device import choose_device, choose_dtype, empty_cache
from softextend.models.find import ModelRef, known_profile
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.sdxl.checkpoint import Folder, SingleFile, Source, vae_file
from softextend.models.sdxl.networks import FACTOR, Networks
from softextend.models.sdxl.prompts import Prompts, pooled
from softextend.models.weights.file_hash import fingerprint
from softextend.models.weights.hub import fetch
from softextend.models.weights.tensors import Part
from softextend.sampling.schedule import Prediction
from softextend.types import Conditioning, Listener, Offload, Predict, Profile, Scene

HALF = (torch.bfloat16, torch.float16)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Call:
    """One run of the UNet: the embedding of each row, (R, 77 k, 2048), (R, 1280), (R, 6)."""

    hidden: Tensor
    pooled: Tensor
    ids: Tensor


def load_sdxl(
    ref: ModelRef, *, device: str, dtype: str, offload: Offload | None, vae: Path | None, listener: Listener
) -> SdxlModel:
    """Opens and checks the files; each part is read when it is first needed. Raises BadModel, BadRequest."""
    place = choose_device(device)
    numbers = choose_dtype(dtype, place)
    half = numbers in HALF
    source: Source
    if ref.kind == "file" and ref.path:
        source = SingleFile(ref.path)
    else:
        folder = fetch(ref.name, half=half, listener=listener) if ref.kind == "hub" else ref.path
        if folder is None:
            raise BadModel(f"{ref.name}: no SDXL model")
        source = Folder(folder, half=half)
    return SdxlModel(
        source,
        name=_title(ref),
        origin=str(ref.path) if ref.path and ref.kind != "hub" else ref.name,
        profile=known_profile(ref),
        device=place,
        dtype=numbers,
        offload=offload or Offload.NONE,
        vae=vae_file(vae) if vae else None,
    )


def _title(ref: ModelRef) -> str:
    """A file by its stem, as other tools name it, a folder by its name, a hub id as it is."""
    if ref.path is None or ref.kind == "hub":
        return ref.name
    return ref.path.stem if ref.kind == "file" else ref.path.name


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
        origin: str = "",
        offload: Offload = Offload.NONE,
        vae: Part | None = None,
    ) -> None:
        self.name = name
        self.profile = profile
        self.schedule = dataclasses.replace(
            STABLE_DIFFUSION,
            prediction=Prediction.V if source.v_prediction else Prediction.EPSILON,
            zero_snr=source.zero_snr,
        )
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
        z0: Tensor = (mean * vae.config.scaling_factor).float()
        return z0

    @torch.inference_mode()
    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """latents (B, 4, h, w) -> float32 pixels (B, 3, 8h, 8w); `exact`: in float32."""
        dtype = torch.float32 if exact else self.vae_dtype
        vae = self.networks.vae(dtype, z.shape[-2] * z.shape[-1] * self.factor**2)
        scaled = z.to(self.device, torch.float32) / vae.config.scaling_factor
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
        height, width = scene.known.shape
        size = torch.tensor([[height, width, 0, 0, height, width]], dtype=self.dtype, device=self.device)
        given = scene.conditioning
        told = [each for each in (given.negative, given.prompt)[scene.guidance <= 1 :] if each is not None]
        calls = [
            Call(
                hidden=torch.cat([each.hidden.expand(rows, -1, -1) for each in group]),
                pooled=torch.cat([pooled(each).expand(rows, -1) for each in group]),
                ids=size.expand(rows * len(group), -1),
            )
            for group in ([[each] for each in told] if self.networks.lean else [told])
        ]
        return functools.partial(self._predicted, unet, calls, scene.guidance)

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: take the next lighter way of running and say which; None at the last."""
        said = self.networks.reduce_memory()
        empty_cache(self.device)
        return said

    @torch.inference_mode()
    def _predicted(
        self, unet: nn.Module, calls: list[Call], guidance: float, x: Tensor, t: float, keep: Tensor
    ) -> Tensor:
        own = x.to(self.device, self.dtype)
        outs = []
        for call in calls:
            told = {"text_embeds": call.pooled, "time_ids": call.ids}
            repeated = torch.cat([own] * (len(call.ids) // len(own)))
            outs.append(unet(repeated, t, encoder_hidden_states=call.hidden, added_cond_kwargs=told)[0].float())
        out = torch.cat(outs)
        if len(out) > len(own):
            negative, positive = out.chunk(2)
            out = negative + guidance * (positive - negative)
        return out.to(x.device)
