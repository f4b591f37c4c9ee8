"""SDXL and families like it behind the `Model` seam: what knows weights, dtypes, devices and what memory they take."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import accelerate
import torch
from torch import Tensor, nn

from softextend.errors import BadModel
from softextend.fills.noise import LATENT_GREY, LATENT_RGB
from softextend.models.conditions.laid_over import NOTHING, LaidOver, lay_over
from softextend.models.conditions.options import Conditions
from softextend.models.conditions.refiner import Refiner
from softextend.models.device import choose_device, choose_dtype, empty_cache, free_memory
from softextend.models.find import ModelRef, known_profile
from softextend.models.schedules import STABLE_DIFFUSION, make_schedule
from softextend.models.sd.checkpoint import SD1, SD2
from softextend.models.sdxl.checkpoint import SDXL, Folder, SingleFile, Source, vae_file
from softextend.models.sdxl.denoiser import Denoiser, Handover, calls_of, guided, pooled_of
from softextend.models.sdxl.inpainting import CHANNELS, MaskedPicture
from softextend.models.sdxl.latent_scale import from_latents, to_latents
from softextend.models.sdxl.text import TextEncoders
from softextend.models.weights.file_hash import fingerprint
from softextend.models.weights.tensors import Part
from softextend.sampling.schedule import AnySchedule
from softextend.types import Conditioning, Encoded, Listener, Offload, Predict, Profile, Scene

if TYPE_CHECKING:
    from softextend.types import Pixels

DECODE_BYTES = 2400  # per pixel, of a 16-bit VAE decode: 2,000 measured at 512 and 768 px, and a margin
TILE = 512  # px, of the VAE where memory is short; tiles overlap by a quarter
LAYOUTS = {"sdxl": SDXL, "sd1": SD1, "sd2": SD2}
HALF = (torch.bfloat16, torch.float16)


def load_sdxl(
    ref: ModelRef,
    *,
    device: str,
    dtype: str,
    offload: Offload | None,
    vae: Path | None,
    conditions: Conditions,
    listener: Listener,
) -> SdxlModel:
    """Opens and checks the files; each part is read when it is first needed. Raises BadModel, BadRequest."""
    place = choose_device(device)
    numbers = choose_dtype(dtype, place)
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
    """`Model` of softextend.types. Text encoders stay only while they encode."""

    factor = 8

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
        laid: LaidOver = NOTHING,
    ) -> None:
        self.name = name
        self.profile = profile
        self.schedule = schedule
        self.device = device
        self.dtype = dtype
        self.vae_dtype = torch.float32 if dtype is torch.float16 and vae is None else dtype  # fp16 overflows in it
        self.offload = offload if device.type != "cpu" else Offload.NONE
        self.tiled = False  # the VAE works in tiles whatever the picture's size
        self.lean = False  # guidance in two runs of the UNet instead of one of twice the rows
        self._source = source
        self._origin = origin
        self._other_vae = vae
        self._unet: nn.Module | None = None
        self._vaes: dict[torch.dtype, Any] = {}
        self._laid = laid
        self._text = TextEncoders(
            load=self._encoder,
            drop=functools.partial(empty_cache, device),
            tokenizers=source.tokenizers,
            device=device,
            penultimate=source.layout.penultimate,
            pooled=source.layout.pooled,
            layer=laid.layer,
            vectors=laid.vectors,
        )
        self._lighter = self._ways_to_lighten()

    def as_dict(self) -> dict[str, Any]:
        """What a recipe records: `name`, `origin`, `hash` (sha256; its first 10 letters are A1111's), `device`, ..."""
        return {
            "name": self.name,
            "origin": self._origin,
            "hash": fingerprint(self._source.weights),
            "vae_hash": fingerprint(tuple(self._other_vae.paths())) if self._other_vae else None,
            "device": str(self.device),
            "dtype": str(self.dtype).removeprefix("torch."),
            "offload": self.offload.value,
            "conditions": self._laid.as_dict(),
        }

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) in [-1, 1] -> float32 latents (B, 4, H/8, W/8): the posterior's mean, scaled."""
        vae = self._vae(self.vae_dtype, pixels.shape[-2] * pixels.shape[-1])
        mean = vae.encode(pixels.to(self.device, self.vae_dtype)).latent_dist.mode()
        return to_latents(vae.config, mean)

    @torch.inference_mode()
    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """latents (B, 4, h, w) -> float32 pixels (B, 3, 8h, 8w); `exact`: in float32."""
        dtype = torch.float32 if exact else self.vae_dtype
        vae = self._vae(dtype, z.shape[-2] * z.shape[-1] * self.factor**2)
        scaled = from_latents(vae.config, z.to(self.device, torch.float32))
        pixels: Tensor = vae.decode(scaled.to(dtype)).sample
        return pixels.float()

    def preview(self, z: Tensor) -> Tensor:
        """latents (1, 4, h, w) -> (1, 3, h, w) in about [-1, 1]: each latent's own colour, without the VAE."""
        weights = torch.tensor(LATENT_RGB, device=z.device) / 127.5
        grey = torch.tensor(LATENT_GREY, device=z.device) / 127.5 - 1
        return torch.einsum("bchw,cr->brhw", z.float(), weights) + grey[None, :, None, None]

    @torch.inference_mode()
    def embed(self, prompt: str, negative: str, photo: Pixels) -> Conditioning:
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
            self._park(keep=None)
            images = self._laid.image.encode(photo, self.dtype, self.device)
            empty_cache(self.device)
            both = [replace(each, image=image) for each, image in zip(both, images, strict=True)]
        return Conditioning(prompt=both[0], negative=both[1], refined=refined)

    @torch.inference_mode()
    def predict(self, scene: Scene) -> Predict:
        """What the UNet predicts, guidance included; none for g <= 1. A refiner takes over where it begins."""
        refiner, given = self._laid.refiner, scene.conditioning.refined
        if refiner is None or given is None:
            return self._denoiser(scene)
        return Handover(
            base=functools.cache(functools.partial(self._denoiser, scene)),
            refiner=functools.cache(functools.partial(self._refined, refiner, scene, given)),
            start=self._laid.refiner_start,
        )

    def _denoiser(self, scene: Scene) -> Denoiser:
        """The base model's denoiser for a scene."""
        if self._laid.refiner:
            self._laid.refiner.park(self.offload)
        unet = self._ready_unet()
        given = scene.conditioning
        told = [each for each in (given.negative, given.prompt)[scene.guidance <= 1 :] if each is not None]
        size = torch.tensor([[*scene.known.shape, 0, 0, *scene.known.shape]], dtype=self.dtype, device=self.device)
        ids = [size] * len(told) if self._source.layout.pooled else None
        inpainting = unet.config.in_channels == CHANNELS  # type: ignore[union-attr]
        return Denoiser(
            unet=self._ready_unet,
            calls=calls_of(told, ids, scene.z0.shape[0], lean=self.lean),
            guide=functools.partial(guided, guidance=scene.guidance, rescale=scene.guidance_rescale),
            device=self.device,
            dtype=self.dtype,
            masked=MaskedPicture(self.encode, scene.filled) if inpainting else None,
            timesteps=scene.timesteps,
            image=self._laid.image,
            scene=scene if self._laid.controls else None,
            controls=self._laid.controls,
        )

    def _refined(self, refiner: Refiner, scene: Scene, given: Conditioning) -> Denoiser:
        """The refiner's denoiser for a scene."""
        self._park(keep=None)
        for control in self._laid.controls:
            control.park(self.offload)
        return refiner.predict(scene, given, lean=self.lean)

    def _zero(self, negative: str) -> bool:
        return self._source.empty_is_zero and not negative

    def _encoder(self, which: int) -> nn.Module:
        self._park(keep=None)
        return self._source.text_encoder(which, self.dtype, self.device)

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: take the next lighter way of running and say which; None at the last."""
        said = next(self._lighter, None)
        empty_cache(self.device)
        return said

    def _ready_unet(self) -> nn.Module:
        self._park(keep=self._unet)
        if self._unet is None:
            sequential = self.offload is Offload.SEQUENTIAL
            place = torch.device("cpu") if sequential else self.device
            unet = self._source.unet(self.dtype, place)
            if self._laid.image is not None:
                self._laid.image.attach(unet)
            if self.device.type == "cuda" and not sequential:
                unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # tensor cores want it
            if sequential:
                accelerate.cpu_offload(unet, self.device)
            self._unet = unet
        elif self.offload is Offload.MODEL:
            self._unet.to(self.device)
        if self.lean and self.device.type == "mps":
            self._unet.set_attention_slice("auto")  # type: ignore[operator]  # Metal keeps whole attention matrices
        return self._unet

    def _vae(self, dtype: torch.dtype, pixels: int) -> Any:
        """The autoencoder in `dtype`, in tiles where `pixels` would not fit."""
        if dtype not in self._vaes:
            self._park(keep=None)
            new = self._other_vae.load(dtype, self.device) if self._other_vae else self._source.vae(dtype, self.device)
            self._vaes[dtype] = new
        vae = self._vaes[dtype]
        self._park(keep=vae)
        vae.to(self.device)
        free = free_memory(self.device)
        need = pixels * DECODE_BYTES * dtype.itemsize // 2
        if self.tiled or (free is not None and need > free):
            vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // self.factor
            vae.enable_tiling()
            vae.enable_slicing()
        else:
            vae.disable_tiling()
            vae.disable_slicing()
        return vae

    def _park(self, keep: nn.Module | None) -> None:
        """With offloading, move every part but `keep` off the device."""
        if self.offload is Offload.NONE:
            return
        parts = [*self._vaes.values()]
        if self.offload is Offload.MODEL and self._unet is not None:
            parts.append(self._unet)
        moved = [part.to("cpu") for part in parts if part is not keep and part.device.type != "cpu"]
        if moved:
            empty_cache(self.device)

    def _ways_to_lighten(self) -> Iterator[str]:
        """Each `next` makes the model lighter than before."""
        if self.device.type != "cpu" and self.offload is Offload.NONE:
            self.offload = Offload.MODEL
            self._park(keep=None)
            yield "out of memory: only the part that computes stays on the device (--offload model)"
        self.tiled = self.lean = True
        yield f"out of memory: the VAE works in tiles of {TILE} px, guidance in two runs instead of one"
        if self.device.type != "cpu" and self.offload is not Offload.SEQUENTIAL:
            self._park(keep=None)
            self.offload = Offload.SEQUENTIAL
            if self._unet is not None:
                accelerate.cpu_offload(self._unet, self.device)
            yield "out of memory: each layer moves to the device when it computes (--offload sequential), slower"
