"""SDXL behind the `Model` seam: the only place that knows weights, dtypes, devices and what memory they take."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import accelerate
import torch
from torch import Tensor, nn

from softextend.errors import BadModel
from softextend.fills.noise import LATENT_GREY, LATENT_RGB
from softextend.models.device import choose_device, choose_dtype, empty_cache, free_memory
from softextend.models.find import ModelRef, known_profile
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.sdxl.checkpoint import Folder, SingleFile, Source, vae_file
from softextend.models.weights.file_hash import fingerprint
from softextend.models.weights.hub import fetch
from softextend.models.weights.tensors import Part
from softextend.sampling.schedule import Prediction
from softextend.types import Conditioning, Encoded, Listener, Offload, Predict, Profile, Scene

DECODE_BYTES = 2400  # per pixel, of a 16-bit VAE decode: 2,000 measured at 512 and 768 px, and a margin
TILE = 512  # px, of the VAE where memory is short; tiles overlap by a quarter
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


def _pooled(encoded: Encoded) -> Tensor:
    """(1, P); SDXL's encoders always give one."""
    if encoded.pooled is None:
        raise RuntimeError("a prompt without its pooled vector")
    return encoded.pooled


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
        self.offload = offload if device.type != "cpu" else Offload.NONE
        self.tiled = False  # the VAE works in tiles whatever the picture's size
        self.lean = False  # guidance in two runs of the UNet instead of one of twice the rows
        self._source = source
        self._origin = origin
        self._other_vae = vae
        self._unet: nn.Module | None = None
        self._vaes: dict[torch.dtype, Any] = {}
        self._encoded: dict[str, Encoded] = {}
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
        }

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) in [-1, 1] -> float32 latents (B, 4, H/8, W/8): the posterior's mean, scaled."""
        vae = self._vae(self.vae_dtype, pixels.shape[-2] * pixels.shape[-1])
        mean = vae.encode(pixels.to(self.device, self.vae_dtype)).latent_dist.mode()
        z0: Tensor = (mean * vae.config.scaling_factor).float()
        return z0

    @torch.inference_mode()
    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """latents (B, 4, h, w) -> float32 pixels (B, 3, 8h, 8w); `exact`: in float32."""
        dtype = torch.float32 if exact else self.vae_dtype
        vae = self._vae(dtype, z.shape[-2] * z.shape[-1] * self.factor**2)
        scaled = z.to(self.device, torch.float32) / vae.config.scaling_factor
        pixels: Tensor = vae.decode(scaled.to(dtype)).sample
        return pixels.float()

    def preview(self, z: Tensor) -> Tensor:
        """latents (1, 4, h, w) -> (1, 3, h, w) in about [-1, 1]: each latent's own colour, without the VAE."""
        weights = torch.tensor(LATENT_RGB, device=z.device) / 127.5
        grey = torch.tensor(LATENT_GREY, device=z.device) / 127.5 - 1
        return torch.einsum("bchw,cr->brhw", z.float(), weights) + grey[None, :, None, None]

    @torch.inference_mode()
    def embed(self, prompt: str, negative: str) -> Conditioning:
        """Prompts of any length, 75 tokens a row. An empty negative prompt is zeros where the model was trained so."""
        zero = self._source.empty_is_zero and not negative
        self._encode_text([prompt] if zero else [prompt, negative])
        positive = self._encoded[prompt]
        if zero:
            zeros = Encoded(hidden=torch.zeros_like(positive.hidden), pooled=torch.zeros_like(_pooled(positive)))
            return Conditioning(prompt=positive, negative=zeros)
        other = self._encoded[negative]
        rows = max(positive.hidden.shape[1], other.hidden.shape[1])
        return Conditioning(prompt=self._lengthened(positive, rows), negative=self._lengthened(other, rows))

    @torch.inference_mode()
    def predict(self, scene: Scene) -> Predict:
        """What the UNet predicts; guidance is `negative + g (prompt - negative)`, arXiv:2207.12598; none for g <= 1."""
        unet = self._ready_unet()
        rows = scene.z0.shape[0]
        height, width = scene.known.shape
        size = torch.tensor([[height, width, 0, 0, height, width]], dtype=self.dtype, device=self.device)
        given = scene.conditioning
        told = [each for each in (given.negative, given.prompt)[scene.guidance <= 1 :] if each is not None]
        calls = [
            Call(
                hidden=torch.cat([each.hidden.expand(rows, -1, -1) for each in group]),
                pooled=torch.cat([_pooled(each).expand(rows, -1) for each in group]),
                ids=size.expand(rows * len(group), -1),
            )
            for group in ([[each] for each in told] if self.lean else [told])
        ]
        return functools.partial(self._predicted, unet, calls, scene.guidance)

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: take the next lighter way of running and say which; None at the last."""
        said = next(self._lighter, None)
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

    def _encode_text(self, prompts: list[str]) -> None:
        """Fill the cache; each encoder is read, used and dropped before the next."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._encoded]
        if not new:
            return
        self._park(keep=None)
        tokenizers = self._source.tokenizers()
        hidden: list[list[Tensor]] = []
        pooled: list[Tensor] = []
        for which, tokenizer in enumerate(tokenizers):
            encoder = self._source.text_encoder(which, self.dtype, self.device)
            outs = [encoder(self._ids(tokenizer.rows(prompt)), output_hidden_states=True) for prompt in new]
            hidden.append([out.hidden_states[-2] for out in outs])  # the last layer but one, as SDXL was trained
            pooled = [out[0][:1] for out in outs]  # in the end the second encoder's projection of the first row
            del encoder, outs
            empty_cache(self.device)
        for prompt, first, second, vector in zip(new, *hidden, pooled, strict=True):
            both = torch.cat([first, second], dim=-1)
            self._encoded[prompt] = Encoded(hidden=both.reshape(1, -1, both.shape[-1]), pooled=vector)

    def _ids(self, rows: list[list[int]]) -> Tensor:
        return torch.tensor(rows, device=self.device)

    def _lengthened(self, encoded: Encoded, tokens: int) -> Encoded:
        """Rows of the empty prompt until there are `tokens`."""
        missing = tokens - encoded.hidden.shape[1]
        if not missing:
            return encoded
        self._encode_text([""])
        empty = self._encoded[""].hidden
        rows = [encoded.hidden, *[empty] * (missing // empty.shape[1])]
        return Encoded(hidden=torch.cat(rows, dim=1), pooled=encoded.pooled)

    def _ready_unet(self) -> nn.Module:
        self._park(keep=self._unet)
        if self._unet is None:
            sequential = self.offload is Offload.SEQUENTIAL
            place = torch.device("cpu") if sequential else self.device
            unet = self._source.unet(self.dtype, place)
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
