"""The posterior mean of many targets at once: among a few candidates each; `dense` has that among every source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from softextend.models.selfmodel import posterior
from softextend.models.selfmodel.candidates import (
    RADII,
    WIDEST,
    candidate_sources,
    index_of,
    packed,
    padded,
    points,
    upright,
    valid_sources,
    window,
)
from softextend.models.selfmodel.posterior import Prior

if TYPE_CHECKING:
    from softextend.types import Known


SOURCES = 30_000  # source patches drawn for the dense search, beside those that the fill copied; fewer cost texture
Floats = npt.NDArray[np.float32]
Targets = npt.NDArray[np.int64]
Origin = tuple[int, int]  # row and column of the picture where the part begins that a denoiser is called with


class Sparse:
    """A few candidates a pixel, found coarse to fine in the clean picture z0 (3, H, W); for pictures of any size."""

    def __init__(
        self,
        z0: Floats,
        known: Known,
        targets: Targets,
        where: Prior,
        rng: np.random.Generator,
        origin: Origin = (0, 0),
    ) -> None:
        picture = upright(z0)
        self.origin = origin
        self.at = points(targets, known.shape[1])
        self.clean = {radius: padded(picture, radius) for _, radius in RADII}
        self.field = candidate_sources(picture, known, targets, where, rng)
        self.where = packed(where.loosened(self.field[:, 0]))
        self.index = index_of(known, targets)
        self.valid = valid_sources(known, WIDEST)

    def residual(self, picture: Floats) -> Floats:
        """Mean square distance (N,), per channel and pixel, of targets' patches in (3, h, w) from candidates."""
        from softextend.models.selfmodel import kernels

        image, at = padded(upright(picture), 3), self.at - np.array(self.origin, np.int32)
        nearest = kernels.nearest_among(image, self.clean[3], window(3), at, self.field)
        return np.asarray(nearest / (3 * posterior.patch_weights(3).sum()), np.float32)

    def __call__(self, y: Floats, precision: Floats, radius: int) -> Floats:
        """y (3, h, w), precision (N,) -> posterior mean of each target (N, 3)."""
        from softextend.models.selfmodel import kernels

        return kernels.mean_among(
            noisy=padded(upright(y), radius),
            origin=self.origin,
            clean=self.clean[radius],
            weight=window(radius),
            at=self.at,
            index=self.index,
            field=self.field,
            where=self.where,
            valid=self.valid,
            precision=np.ascontiguousarray(precision),
        )
