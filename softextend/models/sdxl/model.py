"""SDXL and families like it behind the `Model` seam: what knows weights, dtypes, devices and what memory they take."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
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
from softextend.models.schedules import STABLE_DIFFUSION, make_schedule
from softextend.models.sd.checkpoint import SD1, SD2
from softextend.models.sdxl.checkpoint import SDXL, Folder, SingleFile, Source, vae_file
from softextend.models.sdxl.inpainting import CHANNELS, MaskedPicture
from softextend.models.sdxl.latent_scale import from_latents, to_latents
from softextend.models.weights.file_hash import fingerprint
from softextend.models.weights.tensors import Part
from softextend.sampling.schedule import AnySchedule
from softextend.types import Conditioning, Encoded, Listener, Offload, Predict, Profile, Scene

DECODE_BYTES = 2400  # per pixel, of a 16-bit VAE decode: 2,000 measured at 512 and 768 px, and a margin
TILE = 512  # px, of the VAE where memory is short; tiles overlap by a quarter
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
        given = scene.conditioning
        told = [each for each in (given.negative, given.prompt)[scene.guidance <= 1 :] if each is not None]
        calls = [
            Call(
                hidden=torch.cat([each.hidden.expand(rows, -1, -1) for each in group]),
                added=self._added(group, rows, scene.known.shape) if self._source.layout.pooled else None,
            )
            for group in ([[each] for each in told] if self.lean else [told])
        ]
        guide = functools.partial(guided, guidance=scene.guidance, rescale=scene.guidance_rescale)
        masked = None
        if unet.config.in_channels == CHANNELS:  # type: ignore[union-attr]
            masked = MaskedPicture(self.encode, scene.filled)
        return functools.partial(self._predicted, unet, calls, guide, masked)

    def _added(self, group: list[Encoded], rows: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """What SDXL is told beside the prompt: its pooled form and the picture's size, px."""
        ids = torch.tensor([[*size, 0, 0, *size]], dtype=self.dtype, device=self.device)
        pooled = torch.cat([_pooled(each).expand(rows, -1) for each in group])
        return {"text_embeds": pooled, "time_ids": ids.expand(rows * len(group), -1)}

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: take the next lighter way of running and say which; None at the last."""
        said = next(self._lighter, None)
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
            unet = self._ready_unet()  # which an encoder may have sent off the device
        outs = []
        for call in calls:
            repeated = torch.cat([own] * (len(call.hidden) // len(own)))
            told = {} if call.added is None else {"added_cond_kwargs": call.added}
            outs.append(unet(repeated, t, encoder_hidden_states=call.hidden, **told)[0].float())
        out = torch.cat(outs)
        if len(out) > len(own):
            out = guide(*out.chunk(2))
        return out.to(x.device)

    def _encode_text(self, prompts: list[str]) -> None:
        """Fill the cache; each encoder is read, used and dropped before the next."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._encoded]
        if not new:
            return
        self._park(keep=None)
        tokenizers = self._source.tokenizers()
        hidden: list[list[Tensor]] = []
        pooled: list[Tensor | None] = []
        layout = self._source.layout
        for which, tokenizer in enumerate(tokenizers):
            encoder = self._source.text_encoder(which, self.dtype, self.device)
            outs = [encoder(self._ids(tokenizer.rows(prompt)), output_hidden_states=True) for prompt in new]
            last = layout.penultimate  # the last layer but one, as SDXL was trained; else the last, normalised
            hidden.append([out.hidden_states[-2] if last else out.last_hidden_state for out in outs])
            pooled = [out[0][:1] if layout.pooled else None for out in outs]  # in the end the second encoder's
            del encoder, outs
            empty_cache(self.device)
        for prompt, *found, vector in zip(new, *hidden, pooled, strict=True):
            joined = torch.cat(found, dim=-1)
            self._encoded[prompt] = Encoded(hidden=joined.reshape(1, -1, joined.shape[-1]), pooled=vector)

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
