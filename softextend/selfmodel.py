"""The built-in model `self`: the photo's own patches are the denoiser, so that there is nothing to download.

It sits behind the same seam as SDXL: latents are the pixels themselves, and `predict` returns the noise for SDXL's
schedule. It continues what is there; it knows no objects that the photo does not show.
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

from softextend import posterior, trust
from softextend.nearest import nearest_sources
from softextend.posterior import Layout
from softextend.profiles import SELF_PROFILE
from softextend.types import Predict, Scene

if TYPE_CHECKING:
    from softextend.types import Known

SOURCES = 30_000  # source patches drawn for the dense search, beside those that the fill copied; fewer cost texture
DIMS = 40  # principal components that the dense search compares
DENSE = 1.5e8  # target-source pairs up to which every source is looked at
TOP = 1e7  # pairs at the top of the candidates' pyramid
EXACT = 2e7  # pairs up to which the dense search compares whole patches, not their principal components
SPARE = 100_003  # random sources for candidates that lead outside
CHUNK = 16_384  # targets computed at once: bounds memory
CANDIDATES = 16  # sources a pixel where looking at all would take too long; the first is the nearest
RADII = ((1.0, 4), (0.3, 3), (0.0, 2))  # from this sigma on: this patch radius
WIDEST = 4  # px, the largest radius
REPAINTED = 0.5  # change from which a known pixel is no source: earlier stages have altered it
COARSE = 2.0  # px, Gaussian sigma
LIFT = 24 / 255  # 12 levels of 255, the most that a source's colour is moved
LIFT_BLUR = 6.0  # px, Gaussian sigma: texture averages out, a gradient stays
INEXACT = 0.025  # standard deviation of the picture from its best source: what a sure fill knows better
LIKELY = 0.05  # sigma at which the clean picture's sources are taken
SPREAD = 0.3  # sigma at which the candidates' search judges distances

Denoise = Callable[[Tensor, Tensor, int], Tensor]  # (picture (3, h, w), precision (N,), radius) -> colours (N, 3)


def log_sigmas() -> Tensor:
    """ln(sigma) of SDXL's 1000 noise levels, float64: scaled-linear betas from 0.00085 to 0.012."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    return ((1 - kept) / kept).log() / 2


def sigma_at(t: Tensor) -> float:
    """The noise level of a timestep in [0, 999]; between two, ln(sigma) is interpolated."""
    levels = log_sigmas()
    at = float(torch.as_tensor(t, dtype=torch.float64).reshape(-1)[0].clamp(0, len(levels) - 1))
    low = min(int(at), len(levels) - 2)
    return float(torch.exp(torch.lerp(levels[low], levels[low + 1], at - low)))


def radius_at(sigma: float) -> int:
    """Patch radius in px: structure while the noise is high, texture at the end."""
    return next(radius for least, radius in RADII if sigma >= least)


class SelfModel:
    """The photo as its own diffusion model; `device` computes the dense part."""

    name = "self"
    profile = SELF_PROFILE
    factor = 1

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    def facts(self) -> dict[str, Any]:
        """What a recipe records: there is no file, hence no hash."""
        return {"name": self.name, "hash": None, "device": str(self.device), "dtype": "float32"}

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) in [-1, 1] are the latents."""
        return pixels

    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """The latents are the pixels, exactly."""
        return z

    def embed(self, prompt: str, negative: str) -> None:
        """The built-in model takes no prompt."""

    def lighten(self) -> str | None:
        """There is nothing to offload."""
        return None

    def predict(self, scene: Scene) -> Predict:
        """(x (B, 3, h, w) as SDXL's UNet gets it, t) -> noise, float32: zero change costs nothing."""
        rows = [_Row.of(z, scene, self.device) for z in scene.z0]

        def noise(x: Tensor, t: Tensor) -> Tensor:
            sigma = sigma_at(t)
            y = x.float() * math.hypot(1, sigma)
            clean = torch.stack([row.denoised(each, sigma) for row, each in zip(rows, y, strict=True)])
            return (y - clean.to(y.device)) / sigma

        return noise


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Row:
    """One picture of a batch with everything that its noise level does not change."""

    z0: Tensor  # (3, h, w)
    targets: npt.NDArray[np.int64]  # flat indices of the pixels that may change
    denoise: Denoise
    trust: Tensor  # (h, w) 1 / tau^2 of the clean picture as an observation
    coarse_trust: Tensor  # the same of its layout: what a blur of COARSE px leaves
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
                trust=z0[0],
                coarse_trust=z0[0],
                lift=torch.zeros_like(z0),
            )
        where = posterior.layout(scene.known, targets)
        rng = np.random.default_rng(scene.seed)
        denoise: Dense | Sparse
        if len(targets) * min(len(sources), SOURCES) <= DENSE or device.type != "cpu":
            denoise = Dense(z0.to(device), known, targets, where, rng)
        else:
            denoise = Sparse(z0, known, targets, where, rng)
        lift = _lift(z0, targets, denoise)
        distance = np.zeros(scene.known.shape, np.float32)
        distance.ravel()[targets] = denoise.residual(z0 - lift).numpy()
        picture = _upright(z0)
        detail, coarse = trust.precision(picture, known, distance)
        return cls(
            z0=z0,
            targets=targets,
            denoise=denoise,
            trust=torch.from_numpy(detail),
            coarse_trust=torch.from_numpy(coarse),
            lift=lift,
        )

    def denoised(self, y: Tensor, sigma: float) -> Tensor:
        """y (3, h, w) -> its posterior mean where it may change, the clean picture elsewhere."""
        if not self.targets.size:
            return self.z0
        at = torch.from_numpy(self.targets)
        y = y.cpu()
        y = y - self.hold(sigma) * _blurred(y - self.z0)
        precision = sigma**-2 + self.trust
        seen = (y * sigma**-2 + self.z0 * self.trust) / precision
        found = self.denoise(seen - self.lift, precision.reshape(-1)[at], radius_at(sigma)).cpu().T
        source = found + self.lift.reshape(3, -1)[:, at]
        kept = self.trust.reshape(-1)[at] / (self.trust.reshape(-1)[at] + INEXACT**-2)
        clean = self.z0.clone()
        clean.reshape(3, -1)[:, at] = torch.lerp(source, self.z0.reshape(3, -1)[:, at], kept)
        return clean

    def hold(self, sigma: float) -> Tensor:
        """Share of the coarse noise to take away (h, w): all of it where the clean picture's layout is sure."""
        coarse = sigma**2 / (4 * math.pi * COARSE**2)  # variance left of the noise by a Gaussian blur
        return coarse / (coarse + 1 / self.coarse_trust)


def _untouched(scene: Scene) -> Known:
    """The photo's own pixels (h, w): a coarser stage has repainted those that may change much."""
    known: Known = scene.known & (scene.change[0, 0].cpu().numpy() < REPAINTED)
    return known if posterior.source_centres(known, WIDEST)[1] == WIDEST else scene.known


def _upright(picture: Tensor) -> npt.NDArray[np.float32]:
    """(3, h, w) -> contiguous (h, w, 3)."""
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _lift(z0: Tensor, targets: npt.NDArray[np.int64], denoise: Denoise) -> Tensor:
    """Smooth difference (3, h, w), at most LIFT, of the clean picture from what its most likely sources show.

    A fill goes on with an evening sky in colours that no source has; without this the sky would fall back to them.
    """
    at = torch.from_numpy(targets)
    nearest = denoise(z0, torch.full((len(targets),), LIKELY**-2), 3).cpu()
    differ = torch.zeros_like(z0)
    differ.reshape(3, -1)[:, at] = z0.reshape(3, -1)[:, at] - nearest.T
    smooth = cv2.GaussianBlur(_upright(differ), (0, 0), LIFT_BLUR).clip(-LIFT, LIFT)
    return torch.from_numpy(smooth).permute(2, 0, 1)


def _blurred(picture: Tensor) -> Tensor:
    blurred = cv2.GaussianBlur(_upright(picture), (0, 0), COARSE)
    return torch.from_numpy(blurred).permute(2, 0, 1)


class Dense:
    """Every source (up to SOURCES drawn ones) is looked at: exact, for small pictures and for accelerators."""

    def __init__(
        self, z0: Tensor, known: Known, targets: npt.NDArray[np.int64], where: Layout, rng: np.random.Generator
    ) -> None:
        self.z0, self.known, self.where, self.rng_seed = z0, known, where, int(rng.integers(2**63))
        self.targets = torch.from_numpy(targets).to(z0.device)
        self.built: dict[int, tuple[Tensor, ...]] = {}

    def keys(self, radius: int) -> tuple[Tensor, ...]:
        """Of a radius: basis, mean, keys, centre colours and prior terms; computed once."""
        if radius not in self.built:
            rng = np.random.default_rng(self.rng_seed)
            sources, most = posterior.source_centres(self.known, radius)
            if len(sources) > SOURCES:
                drawn = rng.choice(sources, SOURCES, replace=False)
                sources = np.union1d(drawn, self._copied(sources, rng))
            at = torch.from_numpy(sources).to(self.z0.device)
            patches = posterior.projected(self.z0, most, at)
            mean = patches.mean(0)
            basis = torch.eye(patches.shape[1], device=self.z0.device)
            if len(sources) * len(self.targets) > EXACT and patches.shape[1] > DIMS:
                spread = (patches - mean).T.double() @ (patches - mean).double()
                basis = torch.linalg.eigh(spread)[1][:, -DIMS:].float()
            terms = posterior.prior_terms(self.where, sources, self.known.shape[1], self.z0.device)
            colours = self.z0.reshape(3, -1)[:, at].T.contiguous()
            self.built[radius] = (basis, mean, (patches - mean) @ basis, colours, *terms, torch.tensor(most))
        return self.built[radius]

    def _copied(self, sources: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The sources that lie nearest to any target: a draw alone would miss nearly all that the fill copied."""
        picture, width = _upright(self.z0.cpu()), self.known.shape[1]
        valid = np.zeros(self.known.shape, np.bool_)
        valid.ravel()[sources] = True
        start = _points(rng.choice(sources, len(self.targets)), width)
        at = _points(self.targets.cpu().numpy(), width)
        found = nearest_sources(picture, valid, at, start, int(rng.integers(2**31)))
        return np.asarray(found[:, 0].astype(np.int64) * width + found[:, 1])

    def residual(self, picture: Tensor) -> Tensor:
        """Mean square distance (N,), per channel and pixel, of the targets' patches from their nearest sources."""
        basis, mean, key, _, _, _, most = self.keys(3)
        picture = picture.to(self.z0.device)
        norm = (key**2).sum(1)
        found = []
        for first in range(0, len(self.targets), 4096):
            query = (posterior.projected(picture, int(most), self.targets[first : first + 4096]) - mean) @ basis
            found.append((query**2).sum(1) + (norm - 2 * query @ key.T).min(1)[0])
        return torch.cat(found).clamp(min=0).cpu() / (3 * float(posterior.patch_weights(int(most)).sum()))

    def __call__(self, y: Tensor, precision: Tensor, radius: int) -> Tensor:
        """y (3, h, w), precision (N,) -> posterior mean of each target (N, 3)."""
        basis, mean, key, colours, left, right, most = self.keys(radius)
        y, precision = y.to(self.z0.device), precision.to(self.z0.device)
        found = []
        for first in range(0, len(self.targets), CHUNK):
            at = self.targets[first : first + CHUNK]
            query = (posterior.projected(y, int(most), at) - mean) @ basis
            part = slice(first, first + CHUNK)
            found.append(posterior.attend(query, key, colours, precision[part], (left[part], right)))
        return torch.cat(found)


class Sparse:
    """A few candidates a pixel, found coarse to fine in the clean picture; for pictures of any size."""

    def __init__(
        self, z0: Tensor, known: Known, targets: npt.NDArray[np.int64], where: Layout, rng: np.random.Generator
    ) -> None:
        picture = _upright(z0)
        self.at = _points(targets, known.shape[1])
        self.where = _packed(where)
        self.clean = {radius: _padded(picture, radius) for _, radius in RADII}
        self.field = _search(picture, known, targets, where, rng)
        self.index = _index(known, targets)
        self.valid = _valid(known, WIDEST)

    def residual(self, picture: Tensor) -> Tensor:
        """Mean square distance (N,), per channel and pixel, of the targets' patches from their nearest candidates."""
        from softextend import candidates

        weight = np.repeat(posterior.patch_weights(3), 3, axis=1)
        nearest = candidates.nearest_among(_padded(_upright(picture), 3), self.clean[3], weight, self.at, self.field)
        return torch.from_numpy(nearest / weight.sum())

    def __call__(self, y: Tensor, precision: Tensor, radius: int) -> Tensor:
        """y (3, h, w), precision (N,) -> posterior mean of each target (N, 3)."""
        from softextend import candidates

        noisy = _padded(_upright(y), radius)
        weight = np.repeat(posterior.patch_weights(radius), 3, axis=1)
        mean = candidates.mean_among(
            noisy,
            self.clean[radius],
            weight,
            self.at,
            self.index,
            self.field,
            self.where,
            self.valid,
            precision.numpy(),
        )
        return torch.from_numpy(mean)


def _index(known: Known, targets: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    index = np.full(known.shape, -1, np.int32)
    index.ravel()[targets] = np.arange(len(targets), dtype=np.int32)
    return index


def _valid(known: Known, radius: int) -> Known:
    valid = np.zeros(known.shape, np.bool_)
    valid.ravel()[posterior.source_centres(known, radius)[0]] = True
    return valid


def _points(flat: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int32]:
    return np.stack([flat // width, flat % width], 1).astype(np.int32)


def _packed(where: Layout) -> npt.NDArray[np.float32]:
    columns = [where.near, where.out, where.along[:, None], where.across[:, None]]
    return np.ascontiguousarray(np.concatenate(columns, 1), np.float32)


def _padded(picture: npt.NDArray[np.float32], radius: int) -> npt.NDArray[np.float32]:
    mode = cv2.BORDER_REFLECT_101 if min(picture.shape[:2]) > radius else cv2.BORDER_REPLICATE
    wide = cv2.copyMakeBorder(picture, radius, radius, radius, radius, mode)
    return np.ascontiguousarray(wide.reshape(wide.shape[0], -1))


def _search(
    picture: npt.NDArray[np.float32],
    known: Known,
    targets: npt.NDArray[np.int64],
    where: Layout,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Candidates (N, CANDIDATES, 2) of the targets, carried up from where every source can be looked at."""
    from softextend import candidates

    height, width = known.shape
    half = (max(1, round(height / 2)), max(1, round(width / 2)))
    sources, _ = posterior.source_centres(known, WIDEST)
    at = _points(targets, width)
    if len(targets) * len(sources) <= TOP or min(half) < 2 * WIDEST + 1:
        return _nearest(picture, known, targets, where, rng)
    small = cv2.resize(picture, half[::-1], interpolation=cv2.INTER_AREA)
    small_known = cv2.resize(known.astype(np.float32), half[::-1], interpolation=cv2.INTER_AREA) > 0.999
    if not posterior.source_centres(small_known, 0)[0].size:
        return _nearest(picture, known, targets, where, rng)
    to_small = (at[:, 0] * half[0] // height).astype(np.int64) * half[1] + at[:, 1] * half[1] // width
    small_targets, parent = np.unique(to_small, return_inverse=True)
    small_where = posterior.layout(small_known, small_targets)
    coarse = _search(small, small_known, small_targets, small_where, rng)
    offsets = coarse - _points(small_targets, half[1])[:, None]
    valid = _valid(known, WIDEST)
    ratio = np.array([height / half[0], width / half[1]], np.float32)
    spare = _points(rng.choice(sources, SPARE), width)
    field = candidates.carried(at, parent.astype(np.int32).ravel(), offsets, ratio, valid, spare)
    return _settled(picture, at, _index(known, targets), field, _packed(where), valid, rng)


def _settled(
    picture: npt.NDArray[np.float32],
    at: npt.NDArray[np.int32],
    index: npt.NDArray[np.int32],
    field: npt.NDArray[np.int32],
    where: npt.NDArray[np.float32],
    valid: Known,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Of a level's candidates the nearest source in all detail, and CANDIDATES - 1 draws that share its layout."""
    from softextend import candidates

    nearest = nearest_sources(picture, valid, at, field[:, 0], int(rng.integers(2**31)))[:, None]
    layout = _padded(cv2.GaussianBlur(picture, (0, 0), trust.FINE), 3)
    weight = np.repeat(posterior.patch_weights(3), 3, axis=1)
    precision = np.full(len(at), SPREAD**-2, np.float32)
    seed = int(rng.integers(2**31))
    drawn = candidates.refined(layout, weight, at, index, field, where, valid, precision, seed, nearest, CANDIDATES - 1)
    return np.concatenate([nearest, drawn], 1)


def _nearest(
    picture: npt.NDArray[np.float32],
    known: Known,
    targets: npt.NDArray[np.int64],
    where: Layout,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """CANDIDATES sources of each target: the nearest, then draws from all by their likelihood in the clean picture.

    Drawn, not the likeliest: in an even area all targets would share one source and the result would repeat it.
    """
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    z0 = torch.from_numpy(picture).permute(2, 0, 1).contiguous()
    sources, radius = posterior.source_centres(known, WIDEST)
    key = posterior.projected(z0, radius, torch.from_numpy(sources))
    left, right = posterior.prior_terms(where, sources, known.shape[1], z0.device)
    norm = (key**2).sum(1) / 2
    places = _points(sources, known.shape[1])
    count = min(CANDIDATES, len(sources))
    found = []
    for first in range(0, len(targets), 4096):
        at = torch.from_numpy(targets[first : first + 4096])
        logits = (posterior.projected(z0, radius, at) @ key.T - norm) * SPREAD**-2
        nearest = logits.argmax(1, keepdim=True)
        logits += left[first : first + 4096] @ right.T
        logits -= torch.empty_like(logits).exponential_(generator=generator).log_()  # Gumbel noise: top k is a draw
        logits.scatter_(1, nearest, torch.inf)
        best = torch.topk(logits, count, dim=1)[1].numpy()
        found.append(places[best])
    field = np.concatenate(found)
    return np.ascontiguousarray(np.pad(field, ((0, 0), (0, CANDIDATES - count), (0, 0)), constant_values=-1))
