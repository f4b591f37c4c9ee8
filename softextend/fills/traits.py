"""What the coarsest level of a patch completion tells of a picture: how rare its patches are, how its places look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.fills.base import Floats, summed, variance
from softextend.fills.layers import Layers
from softextend.fills.outlines import Courses
from softextend.fills.periods import Periods
from softextend.fills.pyramid import Level, gauss

if TYPE_CHECKING:
    from softextend.types import Known


@dataclass(slots=True)
class Traits:
    """What the coarsest level knows of the picture."""

    radius: int  # px, of a patch
    spread: float  # variance of the known colours
    rare: Floats  # (H, W) how unlike all others a patch is
    look: Floats  # (H, W, 4) mean colour and contrast of the surroundings
    things: Floats  # (H, W) in [0, 1], at a size of its own
    layers: Layers | None
    strange: Known | None  # (H, W, K) what has colours that its sides have not, at a size of its own
    cut_at: int  # px, longer side of the level at which copies of single places are cut up
    periods: Periods | None
    laid: Known  # where what is regular goes on, at a size of its own
    courses: Courses  # the edges that foretell theirs beyond the border


def looks(level: Level, reach: float) -> Floats:
    """(H, W, 4): mean colour and contrast of the known area within about `reach` px of each pixel, levels of 255."""
    known = level.trusted.astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(known, (0, 0), reach), 1e-6)
    inside = level.image * known[..., None]
    mean = cv2.GaussianBlur(inside, (0, 0), reach) / share[..., None]
    square = cv2.GaussianBlur(summed(inside * inside), (0, 0), reach) / share
    contrast = np.sqrt(np.maximum(square - summed(mean * mean), 0))
    return np.dstack([mean, contrast]).astype(np.float32)


def rarity(level: Level, radius: int) -> Floats:
    """(H, W): how unlike all other, distant patches each source is, mean squared difference; 0 elsewhere."""
    places = np.flatnonzero(level.valid)
    if len(places) > 4000:
        places = places[:: len(places) // 4000 + 1]
    height, width = level.trusted.shape
    y, x = np.divmod(places, width)
    line = np.sqrt(gauss(radius, radius * 0.8))
    kernel = (line[:, None] * line[None])[..., None]
    windows = np.lib.stride_tricks.sliding_window_view(level.image, (2 * radius + 1, 2 * radius + 1), axis=(0, 1))
    rows = np.moveaxis(windows[y - radius, x - radius], 1, -1) * kernel
    rows = rows.reshape(len(places), -1)
    norm = (rows**2).sum(1)
    product = 2 * rows @ rows.T
    away = max(2 * radius + 1, min(height, width) // 5)
    least = np.empty(len(places), rows.dtype)
    for first in range(0, len(places), 64):  # what fits into a cache
        part = slice(first, first + 64)
        apart = norm[part, None] + norm[None] - product[part]
        apart[(np.abs(y[part, None] - y) < away) & (np.abs(x[part, None] - x) < away)] = np.inf
        least[part] = apart.min(1)
    least[~np.isfinite(least)] = 0
    found = np.zeros((height, width), np.float32)
    found.ravel()[places] = np.maximum(least, 0) / (2 * variance(level.image, 2 * radius + 1).ravel()[places])
    weight = np.zeros((height, width), np.float32)
    weight.ravel()[places] = 1
    side = (5, 5)
    return np.asarray(cv2.blur(found, side) / np.maximum(cv2.blur(weight, side), 1e-6), dtype=np.float32)
