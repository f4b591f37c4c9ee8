"""The exemplar fill: empty areas are composed of patches of the picture itself, coarse to fine.

Multi-scale patch completion (Wexler, Shechtman, Irani 2007, "Space-time completion of video") searched with PatchMatch
(Barnes, Shechtman, Finkelstein, Goldman 2009). The coarse levels decide what goes where; the fine ones follow and
refine, so that the cost grows with the empty area. The compiled loops are in `patchmatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from softextend.fills.base import is_full, replicate, rounded
from softextend.fills.costs import SMALLEST, Costs
from softextend.fills.pyramid import SOURCES, sources

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch(Costs):
    """Patches of the picture itself, coarse to fine; structure goes on, texture is real."""

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """pixels: uint8 (H, W, 3), known: bool (H, W) -> a painted copy; BadRequest where nothing is known."""
        from softextend.fills.light import falloff  # this and the others load only where something is painted
        from softextend.pictures.borders import rims

        seed = int(rng.integers(2**31))
        if is_full(known):
            return pixels.copy()
        if self.shortfall(known):
            return replicate(pixels, known)
        trusted = known & ~rims(pixels, known)
        if not _fitting_size(trusted, SMALLEST):
            trusted = known  # a rim that goes on is more than nothing to copy
        light = falloff(pixels, trusted)
        if light is None:
            painted = self._painted(pixels, trusted, rng, seed)
        else:
            even = rounded(pixels / light[:, None])
            painted = rounded(self._painted(even, trusted, rng, seed) * light[:, None])
        return np.where(known[..., None], pixels, painted)

    def _painted(self, pixels: Pixels, trusted: Known, rng: np.random.Generator, seed: int) -> Pixels:
        """The picture (H, W, 3) as it goes on from what is `trusted` (H, W) of it."""
        from softextend.fills.closing import closed
        from softextend.fills.completion import complete
        from softextend.fills.planes import laid_on_planes
        from softextend.fills.thin_laid import cut_thin, with_thin, without_thin

        laid, on_planes = closed(pixels, *laid_on_planes(pixels, trusted, self.planes), trusted)
        shown = trusted | on_planes
        if shown.all():
            return laid
        things = cut_thin(pixels, trusted, on_planes, self.thin)
        ground, copied = without_thin(laid, trusted, things) if things else (laid, trusted)
        if not _fitting_size(copied, SMALLEST):
            things, ground, copied = [], laid, trusted
        painted = complete(ground, shown, copied, self.drawn(rng), _fitting_size(copied, self.size), seed)
        if things:
            painted = with_thin(painted, pixels, trusted, things)
        return painted

    def shortfall(self, known: Known) -> str | None:
        """See `Fill`: where the known area (H, W) holds too few patches, only its edge can go on."""
        if _fitting_size(known, SMALLEST):
            return None
        return "too little of the picture is known for patches: its edge is stretched instead"


def _fitting_size(trusted: Known, size: int) -> int:
    """The largest odd patch up to `size` of which enough lie in the trusted area, 0 if none does."""
    for side in range(size, SMALLEST - 1, -2):
        if np.count_nonzero(sources(trusted, side // 2)) >= SOURCES:
            return side
    return 0
