"""The built-in model `self`: the photo's own patches are the denoiser, so that there is nothing to download.

It sits behind the same seam as SDXL: latents are the pixels themselves, and `predict` returns the noise.
It continues what is there; it knows no objects that the photo does not show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from softextend import arrays, interrupt
from softextend.fills.base import runs
from softextend.fills.detail import AROUND, energy, fine, gain
from softextend.fills.parts import threads
from softextend.models.profiles import SELF_PROFILE
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.selfmodel import fill_confidence, posterior
from softextend.models.selfmodel.candidates import RADII, WIDEST, upright
from softextend.models.selfmodel.denoisers import SOURCES, Floats, Sparse, Targets
from softextend.models.selfmodel.fill_confidence import Texture, precision
from softextend.pictures.memory import check_room
from softextend.types import Box, Conditioning, Predict, Scene

if TYPE_CHECKING:
    from torch import Tensor

    from softextend.types import Known, Pixels


DENSE = 1.5e8  # target-source pairs up to which every source is looked at
REPAINTED = 0.5  # change from which a known pixel is no source: earlier stages have altered it
COARSE = 2.0  # px, Gaussian sigma
LIFT = 24 / 255  # 12 levels of 255, the most that a source's colour is moved
LIFT_BLUR = 6.0  # px, Gaussian sigma: texture averages out, a gradient stays
INEXACT = 0.025  # standard deviation of the picture from its best source, at least: what a sure fill knows better
MISSED = 0.3  # the same squared, as a part of the mean square distance of the fill's patch from that source
LIKELY = 0.05  # sigma at which the clean picture's sources are taken
READ = 32  # px around what may change that are read: blurs, of 6 px at most, to their ends, and a patch beyond
Cut = tuple[slice, slice]  # rows and columns of a picture
Denoise = Callable[[Floats, Floats, int], Floats]  # (picture (3, h, w), precision (N,), radius) -> colours (N, 3)


def radius_at(sigma: float) -> int:
    """Patch radius in px: structure while the noise is high, texture at the end."""
    return next(radius for least, radius in RADII if sigma >= least)


class SelfModel:
    """The photo as its own diffusion model; `device` computes the dense part."""

    name = "self"
    profile = SELF_PROFILE
    schedule = STABLE_DIFFUSION  # any would do: noise levels that go from clean to nearly no signal
    factor = 1
    in_numpy = True  # torch takes longer to import than most pictures to make
    reads = READ

    def __init__(self, device: str = "cpu") -> None:
        self.device = str(device)

    def as_dict(self) -> dict[str, Any]:
        """What a recipe records: there is no file, hence no hash."""
        return {"name": self.name, "hash": None, "device": self.device, "dtype": "float32"}

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
        """(x (B, 3, h, w) as SDXL's UNet gets it, t) -> noise, float32, as an array of x's kind."""
        rows = [_Row.of(z, scene, self.device) for z in arrays.in_numpy(scene.z0)]

        def noise(x: Tensor, t: float, keep: Tensor) -> Tensor:
            sigma = self.schedule.sigma_at(t)
            y = arrays.in_numpy(x) * np.float32(math.hypot(1, sigma))
            for row, each in zip(rows, y, strict=True):
                each -= row.denoised(each, sigma)
            y /= np.float32(sigma)
            answer: Tensor = arrays.like(x, y)
            return answer

        return noise


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Row:
    """One picture of a batch with everything that its noise level does not change, where it is read: `z0` (3, h, w)."""

    z0: Floats
    targets: Targets  # flat indices of the pixels that may change
    free: Known  # (h, w) the same
    cuts: tuple[Cut, ...]  # the parts in which they lie
    denoise: Denoise
    confidence: Floats  # (h, w) 1 / tau^2 of the clean picture as an observation
    coarse_confidence: Floats  # the same of its layout: what a blur of COARSE px leaves
    kept: Floats  # (h, w) share of the clean picture in the answer
    energy: Floats  # (h, w) of the clean picture's fine detail; 0 where that is the photo's own
    lift: Floats  # (3, h, w) what the clean picture's colours add to the sources', so that gradients go on

    @classmethod
    def of(cls, z0: Floats, scene: Scene, device: str) -> _Row:
        """z0 (3, H, W) of the whole scene."""
        z0 = np.asarray(z0, np.float32)
        change = arrays.in_numpy(scene.change)[0, 0]
        cut = part_of(scene).cut
        near, free = np.ascontiguousarray(z0[:, cut[0], cut[1]]), change[cut] > 0
        targets = np.flatnonzero(free)
        known = _untouched(scene.known, change)
        sources, _ = posterior.source_centres(known, WIDEST)
        if not sources.size or not targets.size:
            return _still(near)
        texture = Texture.of(upright(z0), known)
        denoise = _denoiser(z0, known, scene, len(sources), device)
        lift = _lift(near, targets, denoise)
        distance = np.zeros(near.shape[1:], np.float32)
        distance.ravel()[targets] = denoise.residual(near - lift)
        texture = texture.part(cut)
        detail, coarse = precision(texture, distance)
        return cls(
            z0=near,
            targets=targets,
            free=free,
            cuts=tuple(_cuts(free)),
            denoise=denoise,
            confidence=detail,
            coarse_confidence=coarse,
            kept=_kept(detail, distance, ~scene.known[cut]),
            energy=texture.own * _away(scene.known)[cut],
            lift=lift,
        )

    def denoised(self, y: Floats, sigma: float) -> Floats:
        """y (3, h, w) -> its posterior mean where it may change, the clean picture elsewhere."""
        if not self.targets.size:
            return self.z0
        seen, sure, clean = np.zeros_like(y), np.zeros(y.shape[1:], np.float32), self.z0.copy()
        with threads() as pool:
            for _ in pool.map(partial(self._see, y, sigma, seen, sure), self.cuts):
                interrupt.check()
            found = self.denoise(seen, sure.ravel()[self.targets], radius_at(sigma))
            seen.reshape(3, -1)[:, self.targets] = found.T
            for _ in pool.map(partial(self._settle, seen, clean), self.cuts):
                interrupt.check()
        return clean

    def _see(self, y: Floats, sigma: float, seen: Floats, sure: Floats, cut: Cut) -> None:
        """Both observations, y and the clean picture, as one, `seen` (3, h, w), and their precision, `sure` (h, w)."""
        part, known = (slice(None), *cut), np.float32(sigma**-2)
        joined = _blurred(y[part] - self.z0[part], COARSE)
        joined *= -self.coarse_share(sigma, cut)
        joined += y[part]
        both = known + self.confidence[cut]
        joined *= known
        joined += self.z0[part] * self.confidence[cut]
        joined /= both
        joined -= self.lift[part]
        seen[part], sure[cut] = joined, both

    def _settle(self, found: Floats, clean: Floats, cut: Cut) -> None:
        """Put what is `found` (3, h, w) into the clean picture, which it changes, as far as that may.

        A mean of several sources lacks the fine detail that each of them has: the fill tells how much.
        """
        part = (slice(None), *cut)
        new = found[part] + self.lift[part]
        new += self.kept[cut] * (self.z0[part] - new)
        np.copyto(clean[part], new, where=self.free[cut])
        detail = fine(upright(clean[part]))
        more = (gain(energy(detail), self.energy[cut], 127.5) - 1) * self.free[cut]
        clean[part] += (detail * more[..., None]).transpose(2, 0, 1)

    def coarse_share(self, sigma: float, cut: Cut) -> Floats:
        """Share of the coarse noise to take away in a part: all of it where the clean picture's layout is sure."""
        coarse = sigma**2 / (4 * math.pi * COARSE**2)  # variance left of the noise by a Gaussian blur
        odds = np.float32(coarse) * self.coarse_confidence[cut]
        return odds / (1 + odds)


def part_of(scene: Scene) -> Box:
    """What a denoiser of the scene is given x of."""
    height, width = scene.known.shape
    return scene.part or Box(top=0, left=0, bottom=height, right=width)


def _still(z0: Floats) -> _Row:
    """A row of which nothing can change."""
    none = np.zeros(z0.shape[1:], np.float32)
    return _Row(
        z0=z0,
        targets=np.zeros(0, np.int64),
        free=none > 0,
        cuts=(),
        denoise=lambda y, precision, radius: np.zeros((0, 3), np.float32),
        confidence=none,
        coarse_confidence=none,
        kept=none,
        energy=none,
        lift=np.zeros_like(z0),
    )


def _cuts(free: Known) -> Iterator[Cut]:
    """Parts that hold all that is free (h, w) and READ px around it, no two of which touch: a side each, as a rule."""
    for rows in _near(free.any(1)):
        for columns in _near(free[rows].any(0)):
            yield rows, columns


def _near(free: Any) -> list[slice]:
    """Runs of what is free (N,), with READ around it."""
    return runs(cv2.dilate(free.astype(np.uint8)[None], np.ones((1, 2 * READ + 1), np.uint8))[0] > 0)


def _denoiser(z0: Floats, known: Known, scene: Scene, sources: int, device: str) -> Any:
    """Every source is looked at where they are few, or an accelerator does it; else a few candidates a pixel."""
    part = part_of(scene)
    targets = np.flatnonzero(arrays.in_numpy(scene.change)[0, 0] > 0)
    where = posterior.prior(scene.known, targets)
    rng, origin = np.random.default_rng(scene.seed), (part.top, part.left)
    if len(targets) * min(sources, SOURCES) <= DENSE or device != "cpu":
        check_room("PyTorch", 500_000_000)
        from softextend.models.selfmodel.dense import Dense  # imports torch

        return Dense(z0, known, targets, where, rng, origin, device)
    return Sparse(z0, known, targets, where, rng, origin)


def _untouched(known: Known, change: Floats) -> Known:
    """The photo's own pixels (h, w): a coarser stage has repainted those that may change much."""
    own: Known = known & (change < REPAINTED)
    return own if posterior.source_centres(own, WIDEST)[1] == WIDEST else known


def _kept(confidence: Floats, distance: Floats, new: Known) -> Floats:
    """The share (h, w) of a clean picture that is so sure: two errors join by their precisions.

    Only where it is new: a light rim of the photo, far from all sources (distance (h, w)), has to go where it may.
    """
    missed = cv2.GaussianBlur(distance * new, (0, 0), fill_confidence.SMOOTH) * new
    odds = confidence * np.maximum(np.float32(INEXACT**2), MISSED * missed)
    return np.asarray(odds / (1 + odds), np.float32)


def _away(known: Known) -> Known:
    """(H, W): where no edge of the photo counts to the energy of fine detail."""
    side = 2 * round(3 * AROUND) + 1
    return np.asarray(cv2.dilate(known.astype(np.uint8), np.ones((side, side), np.uint8)) == 0)


def _lift(z0: Floats, targets: Targets, denoise: Denoise) -> Floats:
    """Smooth difference (3, h, w), at most LIFT, of the clean picture from what its most likely sources show.

    A fill goes on with an evening sky in colours that no source has; without this the sky would fall back to them.
    """
    nearest = denoise(z0, np.full(len(targets), LIKELY**-2, np.float32), 3)
    differ = np.zeros(z0.shape, np.float32)
    differ.reshape(3, -1)[:, targets] = z0.reshape(3, -1)[:, targets] - nearest.T
    return _blurred(differ, LIFT_BLUR).clip(-LIFT, LIFT)


def _blurred(picture: Floats, sigma: float) -> Floats:
    """(3, h, w), by a Gaussian of so many px."""
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in picture])
