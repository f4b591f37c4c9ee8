"""The denoisers of one model: of a scene, of several together, and with a refiner that takes over."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from softextend.models.conditions.laid_over import LaidOver
from softextend.models.conditions.refiner import Refiner
from softextend.models.sdxl.checkpoint import Source
from softextend.models.sdxl.denoiser import Denoiser, Handover, calls_of, guided, one_length
from softextend.models.sdxl.inpainting import CHANNELS, MaskedPicture
from softextend.models.sdxl.networks import Networks
from softextend.models.sdxl.told_size import told_size
from softextend.types import Conditioning, Encoded, Predict, Scene


class Denoisers:
    """`encode`: pixels (1, 3, H, W) -> latents; `window` in px."""

    def __init__(
        self,
        source: Source,
        networks: Networks,
        laid: LaidOver,
        *,
        encode: Callable[[Tensor], Tensor],
        window: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._networks, self._laid, self._encode = networks, laid, encode
        self._window, self._sized = window, source.layout.pooled
        unet = source.parts.get("unet")  # none where a network is made rather than read
        self._embedded = unet is not None and unet.config.get("time_cond_proj_dim") is not None
        self._dtype, self._device = dtype, device

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

    @torch.inference_mode()
    def predict_together(self, scenes: Sequence[Scene]) -> Predict | None:
        """One denoiser for scenes of one size; None with a refiner or ControlNets, or prompts of several lengths."""
        if self._laid.refiner or self._laid.controls or not one_length([self._told(each) for each in scenes]):
            return None
        return self._denoiser(scenes)

    def _told(self, scene: Scene) -> list[Encoded]:
        """The prompts that the UNet is asked for: with guidance the negative one first."""
        given, alone = scene.conditioning, scene.guidance <= 1 or self._embedded
        return [each for each in (given.negative, given.prompt)[alone:] if each is not None]

    def _ids(self, scene: Scene) -> Tensor | None:
        """(1, 6), the size and the crop that SDXL is told; None for UNets that take none."""
        if not self._sized:
            return None
        return torch.tensor([told_size(scene, self._window)], dtype=self._dtype, device=self._device)

    def _denoiser(self, scenes: Sequence[Scene]) -> Denoiser:
        """The base model's denoiser for scenes that differ in their prompts and pictures alone; a row of z0 each."""
        if self._laid.refiner:
            self._laid.refiner.park(self._networks.offload)
        unet, scene, lean = self._networks.unet(), scenes[0], self._networks.lean
        told = [self._told(each) for each in scenes for _ in range(len(each.z0))]
        size = self._ids(scene)
        ids = None if size is None else [size] * len(told[0])
        inpainting = unet.config.in_channels == CHANNELS  # type: ignore[union-attr]
        return Denoiser(
            unet=self._networks.unet,
            calls=calls_of(told, ids, lean=lean),
            guide=functools.partial(guided, guidance=scene.guidance, rescale=scene.guidance_rescale),
            device=self._device,
            dtype=self._dtype,
            masked=MaskedPicture(self._encode, torch.cat([each.filled for each in scenes])) if inpainting else None,
            unguided=calls_of([each[-1:] for each in told], ids and ids[-1:], lean=lean),
            guided_in=scene.guidance_steps,
            timesteps=scene.timesteps,
            image=self._laid.image,
            embedded=scene.guidance if self._embedded else None,
            scene=scene if self._laid.controls else None,
            controls=self._laid.controls,
        )

    def _refined(self, refiner: Refiner, scene: Scene, given: Conditioning) -> Denoiser:
        """The refiner's denoiser for a scene."""
        self._networks.make_room()
        for control in self._laid.controls:
            control.park(self._networks.offload)
        return refiner.predict(scene, given, lean=self._networks.lean)
