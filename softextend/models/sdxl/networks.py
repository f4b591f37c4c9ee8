"""SDXL's networks in memory: read when first needed, moved off the device, cut into tiles, as memory asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import accelerate
import torch
from torch import Tensor, nn

from softextend.models.conditions.image_prompt import ImagePrompt
from softextend.models.device import empty_cache, free_memory
from softextend.models.sdxl.checkpoint import Source
from softextend.models.weights.tensors import Part
from softextend.types import Offload

FACTOR = 8  # px per latent
DECODE_BYTES = 2400  # per pixel, of a 16-bit VAE decode: 2,000 measured at 512 and 768 px, and a margin
TILE = 512  # px, of the VAE where memory is short; tiles overlap by a quarter


class Networks:
    """The UNet and the VAEs of one checkpoint; `vae` stands in for the checkpoint's own, `tiny` is a TAESD."""

    def __init__(
        self,
        source: Source,
        *,
        device: torch.device,
        dtype: torch.dtype,
        offload: Offload,
        vae: Part | None,
        tiny: Part | None = None,
        image: ImagePrompt | None = None,
        compile: bool = False,
    ) -> None:
        self.device = device
        self.dtype = dtype
        self.offload = offload if device.type != "cpu" else Offload.NONE
        self.tiled = False  # the VAE works in tiles whatever the picture's size
        self.lean = False  # guidance in two runs of the UNet instead of one of twice the rows
        self._source = source
        self._other_vae = vae
        self.tiny_decodes = False  # TAESD makes the picture itself
        self.tiny = tiny
        self._tiny: nn.Module | None = None
        self._compile = compile
        self._image = image  # what lets the UNet attend to pictures
        self._unet: nn.Module | None = None
        self._vaes: dict[torch.dtype, Any] = {}
        self._ways = self._ways_to_reduce_memory()

    def reduce_memory(self) -> str | None:
        """Take the next lighter way of running and say which; None at the last."""
        return next(self._ways, None)

    def make_room(self) -> None:
        """With offloading, move everything off the device."""
        self._park(keep=None)

    def unet(self) -> nn.Module:
        """The UNet, on the device as far as offloading lets it."""
        self._park(keep=self._unet)
        if self._unet is None:
            sequential = self.offload is Offload.SEQUENTIAL
            place = torch.device("cpu") if sequential else self.device
            unet = self._source.unet(self.dtype, place)
            if self._image is not None:
                self._image.attach(unet)
            if sequential:
                accelerate.cpu_offload(unet, self.device)
            else:
                fit_to(unet, self.device)
            if self._compile and not sequential:
                compile_blocks(unet)
            self._unet = unet
        elif self.offload is Offload.MODEL:
            self._unet.to(self.device)
        if self.lean and self.device.type == "mps":
            self._unet.set_attention_slice("auto")  # type: ignore[operator]  # Metal keeps whole attention matrices
        return self._unet

    def vae(self, dtype: torch.dtype, pixels: int) -> Any:
        """The autoencoder in `dtype`, in tiles where `pixels` would not fit."""
        if dtype not in self._vaes:
            self._park(keep=None)
            new = self._other_vae.load(dtype, self.device) if self._other_vae else self._source.vae(dtype, self.device)
            self._vaes[dtype] = fit_to(new, self.device)
        vae = self._vaes[dtype]
        self._park(keep=vae)
        vae.to(self.device)
        free = free_memory(self.device)
        need = pixels * DECODE_BYTES * dtype.itemsize // 2
        if self.tiled or (free is not None and need > free):
            vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // FACTOR
            vae.enable_tiling()
            vae.enable_slicing()
        else:
            vae.disable_tiling()
            vae.disable_slicing()
        return vae

    @torch.inference_mode()
    def tiny_decoded(self, z: Tensor) -> Tensor:
        """latents (B, 4, h, w) as the UNet has them -> float32 pixels (B, 3, 8h, 8w), about [-1, 1], by TAESD."""
        if self._tiny is None:
            if self.tiny is None:
                raise RuntimeError("there is no TAESD")
            self._tiny = self.tiny.load(self.dtype, self.device)
        pixels: Tensor = self._tiny(z.to(self.device, self.dtype))
        return pixels.float()

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

    def _ways_to_reduce_memory(self) -> Iterator[str]:
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
        if self.tiny is not None:
            self.tiny_decodes = True
            yield "out of memory: pictures are decoded by --preview-vae, which is coarser"


def fit_to(module: nn.Module, device: torch.device) -> nn.Module:
    """The network with its weights in the order that a device's convolutions want; the values stay."""
    if device.type == "cuda":
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # tensor cores
    return module


def compile_blocks(unet: Any) -> None:
    """Let torch compile the UNet's repeated blocks, each kind once, at their first run; LoRAs are merged by then.

    Other sizes than those met so far compile anew: windows of a picture have one size, a part of the steps without
    guidance has half the rows.
    """
    unet.compile_repeated_blocks(dynamic=False)
