"""SDXL and families like it behind the `Model` seam: weights, data types, devices and what memory they take."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from softextend.errors import BadModel, BadRequest
from softextend.fills.noise import LATENT_GREY, LATENT_RGB
from softextend.models.conditions.laid_over import NOTHING, LaidOver, lay_over
from softextend.models.conditions.options import Conditions
from softextend.models.conditions.refiner import Refiner
from softextend.models.device import choose_device, choose_dtype, empty_cache
from softextend.models.find import ModelRef, known_profile
from softextend.models.schedules import STABLE_DIFFUSION, make_schedule
from softextend.models.sd.checkpoint import SD1, SD2
from softextend.models.sdxl.checkpoint import SDXL, Folder, SingleFile, Source, vae_file
from softextend.models.sdxl.denoiser import Denoiser, Handover, calls_of, guided, one_length, pooled_of
from softextend.models.sdxl.inpainting import CHANNELS, MaskedPicture
from softextend.models.sdxl.latent_scale import from_latents, to_latents
from softextend.models.sdxl.networks import FACTOR, Networks
from softextend.models.sdxl.preview_vae import preview_vae_file
from softextend.models.sdxl.text import TextEncoders
from softextend.models.sdxl.told_size import told_size
from softextend.models.weights.file_hash import fingerprint
from softextend.models.weights.tensors import Part
from softextend.sampling.schedule import AnySchedule
from softextend.types import Conditioning, Encoded, Listener, Offload, Predict, Profile, Scene

if TYPE_CHECKING:
    from softextend.types import Pixels

LAYOUTS = {"sdxl": SDXL, "sd1": SD1, "sd2": SD2}
HALF = (torch.bfloat16, torch.float16)
SLOW_HALF = (
    "dtype: fp16 on a CPU is emulated: a step of SDXL took 381 s, in bf16 2.8 s; leave --dtype out, or give bf16 or "
    "float32"
)


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
    if numbers is torch.float16 and place.type == "cpu":
        listener.note(SLOW_HALF)
    if compile and offload is Offload.SEQUENTIAL:
        raise BadRequest("--compile: --offload sequential moves every layer, which cannot be compiled: leave one out")
    if ref.path is None or ref.choice is None:
        raise BadModel(f"{ref.name}: no model of files")
    source = open_source(ref, half=numbers in HALF, vae_needed=vae is None)
    laid = lay_over(source, conditions, numbers, place, listener, unet=ref.asked.unet)
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
        preview_vae=preview_vae_file(preview_vae) if preview_vae else None,
        compile=compile,
        laid=laid,
    )


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
        self.name = name
        self.profile = profile
        self.schedule = schedule
        self.device = device
        self.dtype = dtype
        self.vae_dtype = torch.float32 if dtype is torch.float16 and vae is None else dtype  # fp16 overflows in it
        self._source = source
        self._origin = origin
        self._other_vae = vae
        self._laid = laid
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
        self._text = self._text_encoders(source, laid)

    def _text_encoders(self, source: Source, laid: LaidOver) -> TextEncoders:
        return TextEncoders(
            load=self._encoder,
            drop=functools.partial(empty_cache, self.device),
            tokenizers=source.tokenizers,
            device=self.device,
            penultimate=source.layout.penultimate,
            pooled=source.layout.pooled,
            layer=laid.layer,
            vectors=laid.vectors,
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

    @torch.inference_mode()
    def embed(self, prompt: str, negative: str, photo: Pixels | None = None) -> Conditioning:
        """Prompts of any length, 75 tokens a row. An empty negative prompt is zeros where the model was trained so."""
        self._text.encode([prompt] if self._zero(negative) else [prompt, negative])
        positive = self._text.done[prompt]
        if self._zero(negative):
            zeros = Encoded(hidden=torch.zeros_like(positive.hidden), pooled=torch.zeros_like(pooled_of(positive)))
            both = [positive, zeros]
        else:
            both = [positive, self._text.done[negative]]
            rows = max(each.hidden.shape[1] for each in both)
            both = [self._text.lengthened(each, rows) for each in both]
        refined = self._laid.refiner.embed(prompt, negative) if self._laid.refiner else None
        if self._laid.image is not None:
            self.networks.make_room()
            images = self._laid.image.encode(photo, self.dtype, self.device)
            empty_cache(self.device)
            both = [replace(each, image=image) for each, image in zip(both, images, strict=True)]
        return Conditioning(prompt=both[0], negative=both[1], refined=refined)

    @torch.inference_mode()
    def predict(self, scene: Scene) -> Predict:
        """What the UNet predicts, guidance included; none for g <= 1. A refiner takes over where it begins."""
        refiner, given = self._laid.refiner, scene.conditioning.refined
        if refiner is None or given is None:
            return self._denoiser([scene])
        return Handover(
            base=functools.cache(functools.partial(self._denoiser, [scene])),
            refiner=functools.cache(functools.partial(self._refined, refiner, scene, given)),
            start=self._laid.refiner_start,
        )

    def expect(self, prompts: Sequence[str]) -> None:
        """Prompts that `embed` will be asked for, encoded while each text encoder is in memory once."""
        self._text.encode([each for each in prompts if not self._zero(each)])

    @torch.inference_mode()
    def predict_together(self, scenes: Sequence[Scene]) -> Predict | None:
        """One denoiser for scenes of one size; None with a refiner or ControlNets, or prompts of several lengths."""
        if self._laid.refiner or self._laid.controls or not one_length([self._told(each) for each in scenes]):
            return None
        return self._denoiser(scenes)

    def _told(self, scene: Scene) -> list[Encoded]:
        """The prompts that the UNet is asked for: with guidance the negative one first."""
        given = scene.conditioning
        return [each for each in (given.negative, given.prompt)[scene.guidance <= 1 :] if each is not None]

    def _ids(self, scene: Scene) -> Tensor | None:
        """(1, 6), the size and the crop that SDXL is told; None for UNets that take none."""
        if not self._source.layout.pooled:
            return None
        return torch.tensor([told_size(scene, self.profile.window)], dtype=self.dtype, device=self.device)

    def _denoiser(self, scenes: Sequence[Scene]) -> Denoiser:
        """The base model's denoiser for scenes that differ in their prompts and pictures alone; a row of z0 each."""
        if self._laid.refiner:
            self._laid.refiner.park(self.networks.offload)
        unet, scene, lean = self.networks.unet(), scenes[0], self.networks.lean
        told = [self._told(each) for each in scenes for _ in range(len(each.z0))]
        size = self._ids(scene)
        ids = None if size is None else [size] * len(told[0])
        inpainting = unet.config.in_channels == CHANNELS  # type: ignore[union-attr]
        return Denoiser(
            unet=self.networks.unet,
            calls=calls_of(told, ids, lean=lean),
            guide=functools.partial(guided, guidance=scene.guidance, rescale=scene.guidance_rescale),
            device=self.device,
            dtype=self.dtype,
            masked=MaskedPicture(self.encode, torch.cat([each.filled for each in scenes])) if inpainting else None,
            unguided=calls_of([each[-1:] for each in told], ids and ids[-1:], lean=lean),
            guided_in=scene.guidance_steps,
            timesteps=scene.timesteps,
            image=self._laid.image,
            scene=scene if self._laid.controls else None,
            controls=self._laid.controls,
        )

    def _refined(self, refiner: Refiner, scene: Scene, given: Conditioning) -> Denoiser:
        """The refiner's denoiser for a scene."""
        self.networks.make_room()
        for control in self._laid.controls:
            control.park(self.networks.offload)
        return refiner.predict(scene, given, lean=self.networks.lean)

    def _zero(self, negative: str) -> bool:
        return self._source.empty_is_zero and not negative

    def _encoder(self, which: int) -> nn.Module:
        self.networks.make_room()
        return self._source.text_encoder(which, self.dtype, self.device)

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: take the next lighter way of running and say which; None at the last."""
        said = self.networks.reduce_memory()
        empty_cache(self.device)
        return said
