"""The pixel contract: what must be in the result as it was in the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.errors import BrokenPromise
from softextend.pictures.wrap import STRAIGHT, Turn, back, turned

if TYPE_CHECKING:
    from softextend.pictures.planes import Samples
    from softextend.types import Known


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Where a result departs from its original beyond the band; px in the result."""

    count: int  # pixels
    largest: float  # levels: of 255 in 8 bits, of 65535 in 16
    mean: float  # levels, over all pixels that must be kept
    left: int
    top: int
    right: int  # half-open
    bottom: int

    def __str__(self) -> str:
        where = f"columns {self.left} to {self.right - 1}, rows {self.top} to {self.bottom - 1}"
        return f"{self.count} pixels differ, by up to {self.largest:g} levels, mean {self.mean:.2f} ({where})"


def kept_area(known: Known, band: int, turn: Turn = STRAIGHT) -> Known:
    """What must stay: bool (H, W), more than `band` px (as a chess king walks) from all that is not known.

    `turn`: of a picture whose edges join, what brings the middle of the known area to them.
    """
    if known.all():
        return known.copy()
    away = cv2.distanceTransform(turned(known, turn).astype(np.uint8), cv2.DIST_C, 3)
    return turned(np.asarray(away > band), back(turn))


def compare(result: Samples, original: Samples, kept: Known) -> Difference | None:
    """How two pictures, (H, W, 3) or (H, W), of one type differ where `kept`; None where they do not."""
    if result.dtype in (np.uint8, np.uint16):
        off = cv2.absdiff(result, original)
    else:
        off = np.abs(result.astype(np.float64) - original)
    off = off if off.ndim == 3 else off[..., None]
    worst = np.where(kept, off.max(2), 0)
    rows, columns = np.nonzero(worst)
    if not rows.size:
        return None
    return Difference(
        count=int(rows.size),
        largest=float(worst.max()),
        mean=float(off[kept].mean()),
        left=int(columns.min()),
        top=int(rows.min()),
        right=int(columns.max()) + 1,
        bottom=int(rows.max()) + 1,
    )


def check_original(result: Samples, original: Samples, kept: Known) -> None:
    """BrokenPromise where a picture, (H, W) or (H, W, 3), differs from its original where `kept`, bool (H, W)."""
    found = compare(result, original, kept)
    if found is not None:
        raise BrokenPromise(
            f"the result would change the original beyond the band: {found}; this is a fault, report it"
        )
