"""The built-in model `self`: the photo's own patches are the denoiser, so that there is nothing to download.

It sits behind the same seam as SDXL: latents are the pixels themselves, and `predict` returns the noise.
It continues what is there; it knows no objects that the photo does not show.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from softextend.models.profiles import SELF_PROFILE
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.selfmodel import fill_confidence, posterior
from softextend.models.selfmodel.candidates import RADII, WIDEST, upright
from softextend.models.selfmodel.denoisers import SOURCES, Dense, Sparse
from softextend.types import Conditioning, Predict, Scene

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


DENSE = 1.5e8  # target-source pairs up to which every source is looked at
REPAINTED = 0.5  # change from which a known pixel is no source: earlier stages have altered it
COARSE = 2.0  # px, Gaussian sigma
LIFT = 24 / 255  # 12 levels of 255, the most that a source's colour is moved
LIFT_BLUR = 6.0  # px, Gaussian sigma: texture averages out, a gradient stays
INEXACT = 0.025  # standard deviation of the picture from its best source: what a sure fill knows better
LIKELY = 0.05  # sigma at which the clean picture's sources are taken
Denoise = Callable[[Tensor, Tensor, int], Tensor]  # (picture (3, h, w), precision (N,), radius) -> colours (N, 3)


def radius_at(sigma: float) -> int:
    """Patch radius in px: structure while the noise is high, texture at the end."""
    return next(radius for least, radius in RADII if sigma >= least)


class SelfModel:
    """The photo as its own diffusion model; `device` computes the dense part."""

    name = "self"
    profile = SELF_PROFILE
    schedule = STABLE_DIFFUSION  # any would do: noise levels that go from clean to nearly no signal
    factor = 1

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    def as_dict(self) -> dict[str, Any]:
        """What a recipe records: there is no file, hence no hash."""
        return {"name": self.name, "hash": None, "device": str(self.device), "dtype": "float32"}

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels float32 (B, 3, H, W) in [-1, 1] are the latents."""
        return pixels

    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """The latents are the pixels, float32 (B, 3, H, W) in [-1, 1], exactly."""
        return z

    def embed(self, prompt: str, negative: str, photo: Pixels | None = None) -> Conditioning:
        """The built-in model takes no prompt."""
        return Conditioning()

    def preview(self, z: Tensor) -> Tensor:
        """The latents are the pixels, float32 (B, 3, h, w) in [-1, 1]."""
        return z

    def reduce_memory(self) -> str | None:
        """There is nothing to offload."""
        return None

    def predict(self, scene: Scene) -> Predict:
        """(x (B, 3, h, w) as SDXL's UNet gets it, t) -> noise, float32: zero change costs nothing."""
        rows = [_Row.of(z, scene, self.device) for z in scene.z0]

        def noise(x: Tensor, t: float, keep: Tensor) -> Tensor:
            sigma = self.schedule.sigma_at(t)
            y = x.float() * math.hypot(1, sigma)
            for row, each in zip(rows, y, strict=True):
                each -= row.denoised(each, sigma).to(y.device)
            return y.div_(sigma)

        return noise


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Row:
    """One picture of a batch with everything that its noise level does not change."""

    z0: Tensor  # (3, h, w)
    targets: npt.NDArray[np.int64]  # flat indices of the pixels that may change
    denoise: Denoise
    confidence: Tensor  # (h, w) 1 / tau^2 of the clean picture as an observation
    coarse_confidence: Tensor  # the same of its layout: what a blur of COARSE px leaves
    lift: Tensor  # (3, h, w) what the clean picture's colours add to the sources', so that gradients go on

    @classmethod
    def of(cls, z0: Tensor, scene: Scene, device: torch.device) -> _Row:
        z0 = z0.detach().float().cpu().contiguous()
        targets = np.flatnonzero(scene.change[0, 0].cpu().numpy() > 0)
        known = _untouched(scene)
        sources, _ = posterior.source_centres(known, WIDEST)
        if not sources.size or not targets.size:
            return cls(
                z0=z0,
                targets=targets[:0],
                denoise=lambda y, precision, radius: z0[:, :0],
                confidence=z0[0],
                coarse_confidence=z0[0],
                lift=torch.zeros_like(z0),
            )
        where = posterior.place_prior(scene.known, targets)
        rng = np.random.default_rng(scene.seed)
        denoise: Dense | Sparse
        if len(targets) * min(len(sources), SOURCES) <= DENSE or device.type != "cpu":
            denoise = Dense(z0.to(device), known, targets, where, rng)
        else:
            denoise = Sparse(z0, known, targets, where, rng)
        lift = _lift(z0, targets, denoise)
        distance = np.zeros(scene.known.shape, np.float32)
        distance.ravel()[targets] = denoise.residual(z0 - lift).numpy()
        picture = upright(z0)
        detail, coarse = fill_confidence.precision(picture, known, distance)
        return cls(
            z0=z0,
            targets=targets,
            denoise=denoise,
            confidence=torch.from_numpy(detail),
            coarse_confidence=torch.from_numpy(coarse),
            lift=lift,
        )

    def denoised(self, y: Tensor, sigma: float) -> Tensor:
        """y (3, h, w) -> its posterior mean where it may change, the clean picture elsewhere."""
        if not self.targets.size:
            return self.z0
        at = torch.from_numpy(self.targets)
        y = y.cpu()
        seen = y - _blurred(y - self.z0).mul_(self.coarse_share(sigma))
        precision = sigma**-2 + self.confidence
        seen.mul_(sigma**-2).add_(self.z0 * self.confidence).div_(precision).sub_(self.lift)
        found = self.denoise(seen, precision.reshape(-1)[at], radius_at(sigma)).cpu().T
        source = found + self.lift.reshape(3, -1)[:, at]
        kept = self.confidence.reshape(-1)[at] / (self.confidence.reshape(-1)[at] + INEXACT**-2)
        clean = self.z0.clone()
        clean.reshape(3, -1)[:, at] = torch.lerp(source, self.z0.reshape(3, -1)[:, at], kept)
        return clean

    def coarse_share(self, sigma: float) -> Tensor:
        """Share of the coarse noise to take away (h, w): all of it where the clean picture's layout is sure."""
        coarse = sigma**2 / (4 * math.pi * COARSE**2)  # variance left of the noise by a Gaussian blur
        return coarse / (coarse + 1 / self.coarse_confidence)


def _untouched(scene: Scene) -> Known:
    """The photo's own pixels (h, w): a coarser stage has repainted those that may change much."""
    known: Known = scene.known & (scene.change[0, 0].cpu().numpy() < REPAINTED)
    return known if posterior.source_centres(known, WIDEST)[1] == WIDEST else scene.known


def _lift(z0: Tensor, targets: npt.NDArray[np.int64], denoise: Denoise) -> Tensor:
    """Smooth difference (3, h, w), at most LIFT, of the clean picture from what its most likely sources show.

    A fill goes on with an evening sky in colours that no source has; without this the sky would fall back to them.
    """
    at = torch.from_numpy(targets)
    nearest = denoise(z0, torch.full((len(targets),), LIKELY**-2), 3).cpu()
    differ = torch.zeros_like(z0)
    differ.reshape(3, -1)[:, at] = z0.reshape(3, -1)[:, at] - nearest.T
    smooth = cv2.GaussianBlur(upright(differ), (0, 0), LIFT_BLUR).clip(-LIFT, LIFT)
    return torch.from_numpy(smooth).permute(2, 0, 1)


def _blurred(picture: Tensor) -> Tensor:
    blurred = cv2.GaussianBlur(upright(picture), (0, 0), COARSE)
    return torch.from_numpy(blurred).permute(2, 0, 1)
