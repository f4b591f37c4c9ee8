"""The exemplar fill: empty areas are composed of patches of the picture itself, coarse to fine.

Multi-scale patch completion (Wexler, Shechtman, Irani 2007, "Space-time completion of video") searched with PatchMatch
(Barnes, Shechtman, Finkelstein, Goldman 2009). The coarse levels decide what goes where; the fine ones follow and
refine, so that the cost grows with the empty area. The compiled loops are in `patchmatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from softextend import completion
from softextend.errors import BadRequest
from softextend.fillparts import Ranged, is_full, param, replicate
from softextend.pyramid import SOURCES, sources

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

FRAME = 8  # px, widest frame looked for at the photo's edge
UNIFORM = 20  # levels of 255 that a frame's colours may differ by
JUMP = 24  # levels of 255 between a frame and what lies behind it


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch(Ranged):
    """Patches of the picture itself, coarse to fine; structure goes on, texture is real."""

    size: int = param(7, "px", 3, 15, "side of a patch, odd")
    level: float = param(30.0, "", 0, 1000, "how strictly sources lie near the border and level with the target")
    alike: float = param(1.0, "", 0, 20, "how much the surroundings of a source must look like those of the border")
    spacing: float = param(
        0.0, "", 0, 10, "what copying from close by costs; about 0.8 keeps things from standing in rows"
    )
    variety: float = param(0.05, "", 0, 1, "what using one source again costs")
    unique: float = param(0.3, "", 0, 10, "what copying a thing that exists only once costs")

    def __post_init__(self) -> None:
        Ranged.__post_init__(self)
        if self.size % 2 == 0:
            raise BadRequest(f"--fill patch:size={self.size}: must be odd, from 3 to 15 px")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """pixels: uint8 (H, W, 3), known: bool (H, W) -> a painted copy; BadRequest where nothing is known."""
        seed = int(rng.integers(2**31))
        if is_full(known):
            return pixels.copy()
        trusted = known & ~frame(pixels, known)
        size = _fitting_size(trusted, self.size)
        if size == 0:
            return replicate(pixels, known)
        painted = completion.complete(pixels, trusted, self, size, seed)
        return np.where(known[..., None], pixels, painted)


def enough_known(known: Known) -> bool:
    """Whether the known area (H, W) holds patches to copy; without them `Patch` only stretches its edge."""
    return bool(known.all()) or _fitting_size(known, 3) > 0


def frame(pixels: Pixels, known: Known) -> Known:
    """(H, W): lines along the known area's straight edges that are unlike what lies behind them."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    framed = np.zeros_like(known)
    inside, area, view = pixels[top:bottom, left:right], known[top:bottom, left:right], framed[top:bottom, left:right]
    for turns in range(4):
        width = _frame_width(np.rot90(inside, turns), np.rot90(area, turns))
        np.rot90(view, turns)[:width] = True
    return framed


def _fitting_size(trusted: Known, size: int) -> int:
    """The largest odd patch up to `size` of which enough lie in the trusted area, 0 if none does."""
    for side in range(size, 2, -2):
        if np.count_nonzero(sources(trusted, side // 2)) >= SOURCES:
            return side
    return 0


def _frame_width(inside: Pixels, area: Known) -> int:
    """Rows from the top that form a frame, the blended row behind them included; 0 if there is none."""
    height = min(FRAME + 4, inside.shape[0] // 4)
    if height < 5 or inside.shape[1] < 16 or not area[: height + 1].all():
        return 0
    band = inside[: height + 1].astype(np.int16)
    low, high = np.percentile(band, [8, 92], axis=1)
    uniform = (high - low).max(1) <= UNIFORM
    for width in range(height - 3, 0, -1):
        rows = band[:width]
        jump = np.abs(band[width + 1] - rows.mean((0, 1))).max(1)
        if uniform[:width].all() and np.mean(jump > JUMP) > 0.8 and np.ptp(rows.mean(1), axis=0).max() <= UNIFORM:
            return width + 1
    return 2 if _is_line(band.mean(2)) else 0


def _is_line(band: npt.NDArray[np.float64]) -> bool:
    """Whether the first row of grey levels is lighter or darker than what lies behind it, nearly everywhere."""
    step, inner = band[0] - band[2], np.median(np.abs(band[2] - band[4]))
    agree = max(np.mean(step > 0), np.mean(step < 0))
    return bool(agree > 0.85 and np.median(np.abs(step)) > 3 * inner + 4)
