"""On which sides of a photo a thing stands that the border cuts: what is to go on there, its own patches cannot show.

As in `things`, a thing's surroundings are like no others in the picture; only places along the border are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.fills.base import runs
from softextend.fills.things import AWAY, LONGER, SURROUNDINGS, statistics

if TYPE_CHECKING:
    from softextend.fills.base import Floats
    from softextend.types import Known, Pixels, Sides

EVERY = 2  # px between the places that they are compared with
ALONE = 10.0  # distance of statistics (L*a*b* units) from the nearest like elsewhere, from which a place is a thing's
SHORTEST, LONGEST = 0.05, 0.6  # share of a side; a whole side that is like nothing else is a ground, a sky, a wall
SMALLEST = 32  # px a side at which things are looked for; smaller pictures tell nothing


def cut_things(pixels: Pixels, known: Known, sides: Sides) -> tuple[str, ...]:
    """pixels uint8 (H, W, 3), known bool (H, W) -> which of the sides that grow cut a thing, by name."""
    scale = min(1.0, LONGER / max(known.shape))
    size = round(known.shape[1] * scale), round(known.shape[0] * scale)
    if min(size) < SMALLEST:
        return ()
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    seen = cv2.resize(known.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    reach = SURROUNDINGS * max(size)
    traits = statistics(small, seen, reach)
    far = min(round(reach), min(size) // 4)  # from the border; what lies nearer has fewer surroundings
    rows, columns = np.mgrid[: size[1], : size[0]]
    lines = {
        "top": (rows[far], columns[far]),
        "right": (rows[:, -1 - far], columns[:, -1 - far]),
        "bottom": (rows[-1 - far], columns[-1 - far]),
        "left": (rows[:, far], columns[:, far]),
    }
    grown = [name for name in lines if getattr(sides, name)]
    return tuple(name for name in grown if _is_cut(_alone(traits, seen, lines[name], AWAY * reach)))


def _alone(traits: Floats, known: Known, line: tuple[np.ndarray, np.ndarray], away: float) -> Floats:
    """(N,): distance of the traits at N places from the nearest ones `away` px off on either axis; 0 if unknown."""
    height, width = known.shape
    places, rows = traits[::EVERY, ::EVERY].reshape(-1, traits.shape[2]), traits[line]
    square = np.where(known[::EVERY, ::EVERY].ravel(), np.square(places).sum(1), np.float32(np.inf))
    apart = np.einsum("ik,kj->ij", -2 * rows, np.ascontiguousarray(places.T))  # too small for BLAS to share it out
    apart += square
    near_y, near_x = (
        np.abs(at[:, None] - np.arange(0, size, EVERY)) < away for at, size in zip(line, (height, width), strict=True)
    )
    beside = near_y[:, :, None] & near_x[:, None, :]
    np.copyto(apart, np.inf, where=beside.reshape(apart.shape))
    least = np.square(rows).sum(1) + apart.min(1, initial=np.inf)
    told = known[line] & np.isfinite(least)
    return np.asarray(np.sqrt(np.maximum(np.where(told, least, 0), 0)), np.float32)


def _is_cut(alone: Floats) -> bool:
    """Whether a stretch of places that are like no others has a thing's length."""
    longest = max((run.stop - run.start for run in runs(alone > ALONE)), default=0)
    return SHORTEST * alone.size <= longest <= LONGEST * alone.size
