"""The posterior mean of many targets at once: among every source, or among a few candidates each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from softextend.models.device import one_thread
from softextend.models.selfmodel import posterior
from softextend.models.selfmodel.candidates import (
    RADII,
    WIDEST,
    candidate_sources,
    index_of,
    nearest_sources,
    packed,
    padded,
    points,
    upright,
    valid_sources,
    window,
)
from softextend.models.selfmodel.posterior import PlacePrior

if TYPE_CHECKING:
    from softextend.types import Known


SOURCES = 30_000  # source patches drawn for the dense search, beside those that the fill copied; fewer cost texture
DIMS = 40  # principal components that the dense search compares
EXACT = 2e7  # pairs up to which the dense search compares whole patches, not their principal components
CHUNK = 16_384  # targets computed at once: bounds memory


class Dense:
    """Every source (up to SOURCES drawn ones) is looked at: exact, for small pictures and for accelerators."""

    def __init__(
        self, z0: Tensor, known: Known, targets: npt.NDArray[np.int64], where: PlacePrior, rng: np.random.Generator
    ) -> None:
        self.z0, self.known, self.where, self.rng_seed = z0, known, where, int(rng.integers(2**63))
        self.targets = torch.from_numpy(targets).to(z0.device)
        self.built: dict[int, tuple[Tensor, ...]] = {}

    def keys(self, radius: int) -> tuple[Tensor, ...]:
        """Of a radius, once: basis (D, E), mean (D,), keys (M, E), centre colours (M, 3), prior terms; float32."""
        if radius not in self.built:
            rng = np.random.default_rng(self.rng_seed)
            sources, most = posterior.source_centres(self.known, radius)
            if len(sources) > SOURCES:
                drawn = rng.choice(sources, SOURCES, replace=False)
                sources = np.union1d(drawn, self._copied(sources, most, rng))
            at = torch.from_numpy(sources).to(self.z0.device)
            patches = posterior.projected(self.z0, most, at)
            mean = patches.mean(0)
            basis = torch.eye(patches.shape[1], device=self.z0.device)
            if len(sources) * len(self.targets) > EXACT and patches.shape[1] > DIMS:
                spread = (patches - mean).T.double() @ (patches - mean).double()
                with one_thread():  # whose rounding follows the number of threads
                    basis = torch.linalg.eigh(spread)[1][:, -DIMS:].float()
            terms = posterior.prior_terms(self.where, sources, self.known.shape[1], self.z0.device)
            colours = self.z0.reshape(3, -1)[:, at].T.contiguous()
            self.built[radius] = (basis, mean, (patches - mean) @ basis, colours, *terms, torch.tensor(most))
        return self.built[radius]

    def _copied(self, sources: npt.NDArray[np.int64], radius: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The sources that lie nearest to any target: a draw alone would miss nearly all that the fill copied."""
        picture, width = upright(self.z0.cpu()), self.known.shape[1]
        targets = self.targets.cpu().numpy()
        start = points(rng.choice(sources, len(self.targets)), width)
        at, index = points(targets, width), index_of(self.known, targets)
        valid = valid_sources(self.known, radius)
        seed = int(rng.integers(2**31))
        found = nearest_sources(picture, valid=valid, at=at, index=index, start=start, seed=seed)
        return np.asarray(found[:, 0].astype(np.int64) * width + found[:, 1])

    def residual(self, picture: Tensor) -> Tensor:
        """Mean square distance float32 (N,), per channel and pixel, of targets' patches from their nearest sources."""
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
        self, z0: Tensor, known: Known, targets: npt.NDArray[np.int64], where: PlacePrior, rng: np.random.Generator
    ) -> None:
        picture = upright(z0)
        self.at = points(targets, known.shape[1])
        self.where = packed(where)
        self.clean = {radius: padded(picture, radius) for _, radius in RADII}
        self.field = candidate_sources(picture, known, targets, where, rng)
        self.index = index_of(known, targets)
        self.valid = valid_sources(known, WIDEST)

    def residual(self, picture: Tensor) -> Tensor:
        """Mean square distance float32 (N,), per channel and pixel, of targets' patches from nearest candidates."""
        from softextend.models.selfmodel import kernels

        nearest = kernels.nearest_among(padded(upright(picture), 3), self.clean[3], window(3), self.at, self.field)
        return torch.from_numpy(nearest / (3 * posterior.patch_weights(3).sum()))

    def __call__(self, y: Tensor, precision: Tensor, radius: int) -> Tensor:
        """y (3, h, w), precision (N,) -> posterior mean of each target (N, 3)."""
        from softextend.models.selfmodel import kernels

        noisy = padded(upright(y), radius)
        mean = kernels.mean_among(
            noisy=noisy,
            clean=self.clean[radius],
            weight=window(radius),
            at=self.at,
            index=self.index,
            field=self.field,
            where=self.where,
            valid=self.valid,
            precision=precision.numpy(),
        )
        return torch.from_numpy(mean)
