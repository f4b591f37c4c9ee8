"""The posterior mean among every source, by torch: for small pictures and for accelerators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from softextend.models.device import one_thread
from softextend.models.selfmodel import candidates, posterior
from softextend.models.selfmodel.candidates import index_of, nearest_sources, points, upright, valid_sources
from softextend.models.selfmodel.denoisers import SOURCES, Floats, Origin, Targets
from softextend.models.selfmodel.posterior import Prior

if TYPE_CHECKING:
    from softextend.types import Known


DIMS = 40  # principal components that the dense search compares
EXACT = 2e7  # pairs up to which the dense search compares whole patches, not their principal components
CHUNK = 16_384  # targets computed at once: bounds memory
ROWS = 4096  # the same where a matrix of all distances is built


class Dense:
    """Every source (up to SOURCES drawn ones) is looked at; arrays come and go as NumPy's, `device` computes."""

    def __init__(
        self,
        z0: Floats,
        known: Known,
        targets: Targets,
        where: Prior,
        rng: np.random.Generator,
        origin: Origin = (0, 0),
        device: torch.device | str = "cpu",
    ) -> None:
        self.picture, self.known, self.rng_seed = z0, known, int(rng.integers(2**63))
        self.z0 = torch.from_numpy(np.ascontiguousarray(z0)).to(device)
        self.targets, self.at = targets, points(targets, known.shape[1]) - np.array(origin, np.int32)
        self.built: dict[int, tuple[Tensor, ...]] = {}
        self.where = where.loosened(self._nearest())
        self.terms: dict[int, tuple[Tensor, Tensor]] = {}

    def keys(self, radius: int) -> tuple[Tensor, ...]:
        """Basis (D, E), mean (D,), keys (M, E) and colours (M, 3), float32; sources (M,) int64; radius."""
        if radius not in self.built:
            device = self.z0.device
            rng = np.random.default_rng(self.rng_seed)
            sources, most = posterior.source_centres(self.known, radius)
            if len(sources) > SOURCES:
                drawn = rng.choice(sources, SOURCES, replace=False)
                sources = np.union1d(drawn, self._copied(sources, most, rng))
            at = torch.from_numpy(sources).to(device)
            patches = posterior.projected(self.z0, most, at)
            mean = patches.mean(0)
            basis = torch.eye(patches.shape[1], device=device)
            if len(sources) * len(self.targets) > EXACT and patches.shape[1] > DIMS:
                spread = (patches - mean).T.double() @ (patches - mean).double()
                with one_thread():  # whose rounding follows the number of threads
                    basis = torch.linalg.eigh(spread)[1][:, -DIMS:].float()
            colours = self.z0.reshape(3, -1)[:, at].T.contiguous()
            self.built[radius] = (basis, mean, (patches - mean) @ basis, colours, at, torch.tensor(most))
        return self.built[radius]

    def bias(self, radius: int) -> tuple[Tensor, Tensor]:
        """Prior terms of a radius' sources, float32 (N, E), (M, E)."""
        if radius not in self.terms:
            sources = self.keys(radius)[4].cpu().numpy()
            left, right = posterior.prior_terms(self.where, sources, self.known.shape[1])
            self.terms[radius] = (
                torch.from_numpy(left).to(self.z0.device),
                torch.from_numpy(right).to(self.z0.device),
            )
        return self.terms[radius]

    def _nearest(self) -> npt.NDArray[np.int32]:
        """The nearest source of each target in the clean picture, y and x, int32 (N, 2)."""
        basis, mean, key, _, sources, most = self.keys(candidates.WIDEST)
        targets, norm, found = torch.from_numpy(self.targets).to(self.z0.device), (key**2).sum(1), []
        for first in range(0, len(targets), ROWS):
            query = (posterior.projected(self.z0, int(most), targets[first : first + ROWS]) - mean) @ basis
            found.append(sources[(norm - 2 * query @ key.T).argmin(1)])
        return points(torch.cat(found).cpu().numpy(), self.known.shape[1])

    def _copied(self, sources: Targets, radius: int, rng: np.random.Generator) -> Targets:
        """The sources that lie nearest to any target: a draw alone would miss nearly all that the fill copied."""
        width = self.known.shape[1]
        start = points(rng.choice(sources, len(self.targets)), width)
        found = nearest_sources(
            upright(self.picture),
            valid=valid_sources(self.known, radius),
            at=points(self.targets, width),
            index=index_of(self.known, self.targets),
            start=start,
            seed=int(rng.integers(2**31)),
        )
        return np.asarray(found[:, 0].astype(np.int64) * width + found[:, 1])

    def _queries(self, picture: Floats, part: slice, radius: int) -> Tensor:
        """Weighted patches (N, 3 (2 r + 1)^2) of a part of the targets in (3, h, w)."""
        on = torch.from_numpy(np.ascontiguousarray(picture, np.float32)).to(self.z0.device)
        flat = self.at[part, 0].astype(np.int64) * picture.shape[2] + self.at[part, 1]
        patches: Tensor = posterior.projected(on, radius, torch.from_numpy(flat).to(self.z0.device))
        return patches

    def residual(self, picture: Floats) -> Floats:
        """Mean square distance (N,), per channel and pixel, of targets' patches in (3, h, w) from nearest sources."""
        basis, mean, key, _, _, most = self.keys(3)
        norm = (key**2).sum(1)
        found = []
        for first in range(0, len(self.targets), ROWS):
            query = (self._queries(picture, slice(first, first + ROWS), int(most)) - mean) @ basis
            found.append((query**2).sum(1) + (norm - 2 * query @ key.T).min(1)[0])
        square = torch.cat(found).clamp(min=0).cpu().numpy()
        return np.asarray(square / (3 * posterior.patch_weights(int(most)).sum()), np.float32)

    def __call__(self, y: Floats, precision: Floats, radius: int) -> Floats:
        """y (3, h, w), precision (N,) -> posterior mean of each target (N, 3)."""
        basis, mean, key, colours, _, most = self.keys(radius)
        left, right = self.bias(radius)
        sure = torch.from_numpy(np.ascontiguousarray(precision)).to(self.z0.device)
        found = []
        for first in range(0, len(self.targets), CHUNK):
            part = slice(first, first + CHUNK)
            query = (self._queries(y, part, int(most)) - mean) @ basis
            found.append(posterior.attend(query, key, colours, sure[part], (left[part], right)))
        means: Floats = torch.cat(found).cpu().numpy()
        return means
