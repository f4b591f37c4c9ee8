"""SDXL and families like it behind the `Model` seam: weights, data types, devices and what memory they take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from softextend.errors import BadModel
from softextend.fills.noise import LATENT_GREY, LATENT_RGB
from softextend.models.conditions.laid_over import NOTHING, LaidOver, lay_over
from softextend.models.conditions.options import Conditions, liked
from softextend.models.device import choose_device, choose_dtype, empty_cache, slow_numbers
from softextend.models.engine import Engine, check_engine
from softextend.models.find import ModelRef, known_profile
from softextend.models.schedules import STABLE_DIFFUSION, make_schedule
from softextend.models.sd.checkpoint import SD1, SD2
from softextend.models.sdxl.checkpoint import SDXL, Folder, SingleFile, Source, vae_file
from softextend.models.sdxl.denoisers import Denoisers
from softextend.models.sdxl.latent_scale import from_latents, to_latents
from softextend.models.sdxl.networks import FACTOR, Networks
from softextend.models.sdxl.preview_vae import preview_vae_file
from softextend.models.sdxl.prompts import Prompts
from softextend.models.weights.file_hash import fingerprint
from softextend.models.weights.tensors import Part
from softextend.sampling.progress import Silent
from softextend.sampling.schedule import AnySchedule
from softextend.types import Conditioning, Listener, Offload, Predict, Profile, Scene

if TYPE_CHECKING:
    from softextend.types import Pixels

LAYOUTS = {"sdxl": SDXL, "sd1": SD1, "sd2": SD2}
HALF = (torch.bfloat16, torch.float16)


def load_sdxl(
    ref: ModelRef,
    *,
    device: str,
    dtype: str,
    offload: Offload | None,
    vae: Path | None,
    preview_vae: Path | None = None,
    compile: bool = False,
    conditions: Conditions,
    listener: Listener,
) -> SdxlModel:
    """Opens and checks the files; each part is read when it is first needed. Raises BadModel, BadRequest."""
    place = choose_device(device)
    numbers = choose_dtype(dtype, place)
    if slow := slow_numbers(numbers, place):
        listener.note(slow)
    check_engine(Engine(compile=compile, offload=offload))
    if ref.path is None or ref.choice is None:
        raise BadModel(f"{ref.name}: no model of files")
    source = open_source(ref, half=numbers in HALF, vae_needed=vae is None)
    laid = lay_over(source, conditions, numbers, place, listener, unet=ref.asked.unet)
    return SdxlModel(
        source,
        name=_title(ref),
        origin=str(ref.path) if ref.kind != "hub" else ref.name,
        profile=liked(known_profile(ref), conditions),
        schedule=make_schedule(ref.choice),
        device=place,
        dtype=numbers,
        offload=offload or Offload.NONE,
        vae=vae_file(vae, source.layout.configs) if vae else None,
        preview_vae=preview_vae_file(preview_vae) if preview_vae else None,
        compile=compile,
        laid=laid,
    )


def check_laid(source: Source, given: Conditions, unet: Path | None, listener: Listener | None) -> None:
    """What laying it over would refuse or say; no weights are read but small ones. Raises BadModel, BadRequest."""
    lay_over(source, given, torch.float32, torch.device("cpu"), listener or Silent(), unet=unet)


def open_source(ref: ModelRef, *, half: bool, vae_needed: bool = True) -> Source:
    """The files of a model, checked against the networks that they fill. Raises BadModel where they do not fit."""
    if ref.path is None or ref.choice is None:
        raise BadModel(f"{ref.name}: no model of files")
    layout = LAYOUTS[ref.choice.family]
    if ref.kind == "file":
        return SingleFile(ref.path, layout=layout, vae_needed=vae_needed)
    return Folder(ref.path, half=half, layout=layout)


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
        schedule: AnySchedule = STABLE_DIFFUSION,
        origin: str = "",
        offload: Offload = Offload.NONE,
        vae: Part | None = None,
        preview_vae: Part | None = None,
        compile: bool = False,
        laid: LaidOver = NOTHING,
    ) -> None:
        self.name, self.profile, self.schedule = name, profile, schedule
        self.device, self.dtype = device, dtype
        self.vae_dtype = torch.float32 if dtype is torch.float16 and vae is None else dtype  # fp16 overflows in it
        self._source, self._origin, self._other_vae, self._laid = source, origin, vae, laid
        self.networks = Networks(
            source,
            device=device,
            dtype=dtype,
            offload=offload,
            vae=vae,
            tiny=preview_vae,
            image=laid.image,
            compile=compile,
        )
        self._prompts = Prompts(source, self.networks, laid, dtype=dtype, device=device)
        self._denoisers = Denoisers(
            source, self.networks, laid, encode=self.encode, window=profile.window, dtype=dtype, device=device
        )

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
            "conditions": self._laid.as_dict(),
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
        if self.networks.tiny_decodes and not exact:
            return self.networks.tiny_decoded(z)
        dtype = torch.float32 if exact else self.vae_dtype
        vae = self.networks.vae(dtype, z.shape[-2] * z.shape[-1] * self.factor**2)
        scaled = from_latents(vae.config, z.to(self.device, torch.float32))
        pixels: Tensor = vae.decode(scaled.to(dtype)).sample
        return pixels.float()

    def preview(self, z: Tensor) -> Tensor:
        """latents (1, 4, h, w) -> (1, 3, h, w) in about [-1, 1]: each latent's colour; (1, 3, 8h, 8w) by TAESD."""
        if self.networks.tiny is not None:
            return self.networks.tiny_decoded(z)
        weights = torch.tensor(LATENT_RGB, device=z.device) / 127.5
        grey = torch.tensor(LATENT_GREY, device=z.device) / 127.5 - 1
        return torch.einsum("bchw,cr->brhw", z.float(), weights) + grey[None, :, None, None]

    def embed(self, prompt: str, negative: str, photo: Pixels | None = None) -> Conditioning:
        """Prompts of any length, 75 tokens a row. An empty negative prompt is zeros where the model was trained so."""
        return self._prompts.embed(prompt, negative, photo)

    def expect(self, prompts: Sequence[str]) -> None:
        """Prompts that `embed` will be asked for, encoded while each text encoder is in memory once."""
        self._prompts.expect(prompts)

    def predict(self, scene: Scene) -> Predict:
        """What the UNet predicts, guidance included; none for g <= 1. A refiner takes over where it begins."""
        return self._denoisers.predict(scene)

    def predict_together(self, scenes: Sequence[Scene]) -> Predict | None:
        """One denoiser for scenes of one size; None with a refiner or ControlNets, or prompts of several lengths."""
        return self._denoisers.predict_together(scenes)

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: take the next lighter way of running and say which; None at the last."""
        said = self.networks.reduce_memory()
        empty_cache(self.device)
        return said
