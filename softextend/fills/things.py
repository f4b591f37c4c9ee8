"""Where a picture shows a thing, and where mere texture: a thing's surroundings are like no others in the picture.

Texture has its like elsewhere, not pixel by pixel (no two stones are the same) but in its statistics: colour, contrast
and the strength of its edges by direction, over an eighth of the picture. A face, a lamp or a lighthouse has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from softextend.fills.base import Floats
    from softextend.types import Known

LONGER = 96  # px, longer side at which things are looked for
SURROUNDINGS = 1 / 32  # of the longer side, Gaussian sigma: four of it are an eighth
AWAY = 4.0  # sigmas from which a place counts as elsewhere
SCALES = (0.7, 1.5)  # px, Gaussian sigmas of the edges
TEXTURE, THING = 4.0, 12.0  # distances of statistics (L*a*b* units) up to which, from which
EVERY = 2  # px between the places that are compared
PART = 512  # places compared at a time


def things(image: Floats, trusted: Known) -> Floats:
    """image: float32 (H, W, 3) in [0, 255]; trusted: bool (H, W) -> (H, W) in [0, 1], 1 on a thing; 0 if untrusted."""
    small, known, reach = shrunk(image, trusted)
    rare = rarity(statistics(small, known, reach), known, AWAY * reach)
    found = np.clip((rare - TEXTURE) / (THING - TEXTURE), 0, 1)
    return np.asarray(cv2.resize(found, trusted.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def shrunk(image: Floats, trusted: Known) -> tuple[Floats, Known, float]:
    """image: (H, W, 3); trusted: (H, W) -> both with LONGER px on the longer side, (h, w, 3) and (h, w).

    And how far surroundings reach there, px (Gaussian sigma).
    """
    scale = min(1.0, LONGER / max(trusted.shape))
    size = (max(1, round(trusted.shape[1] * scale)), max(1, round(trusted.shape[0] * scale)))
    share = cv2.resize(trusted.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(np.where(trusted[..., None], image, 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small /= np.maximum(share, 1e-3)[..., None]
    return small, share > 0.5, SURROUNDINGS * max(size)


def statistics(image: Floats, known: Known, reach: float) -> Floats:
    """(H, W, 14): means and deviations of L*a*b*, and edges at SCALES in 4 directions, within `reach` px (sigma)."""
    weight = known.astype(np.float32)
    lab = cv2.cvtColor(np.clip(image / 255, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
    mean = _pooled(lab, weight, reach)
    found = [mean, np.sqrt(np.maximum(_pooled(lab**2, weight, reach) - mean**2, 0))]
    inner = cv2.erode(weight, np.ones((3, 3), np.uint8))
    for scale in SCALES:
        light = _pooled(lab[..., :1], weight, scale)
        slope_x, slope_y = (cv2.Sobel(light, cv2.CV_32F, *order) * inner * scale / 4 for order in ((1, 0), (0, 1)))
        both = slope_x * slope_y
        edges = np.dstack([slope_x**2, slope_y**2, np.maximum(both, 0), np.maximum(-both, 0)])
        found.append(np.sqrt(_pooled(edges, weight, reach)))
    return np.dstack(found).astype(np.float32)


def _pooled(values: Floats, weight: Floats, reach: float) -> Floats:
    """Means of the known values (H, W, C) within `reach` px (Gaussian sigma)."""
    blurred = cv2.GaussianBlur(values * weight[..., None], (0, 0), reach).reshape(values.shape)
    share = np.maximum(cv2.GaussianBlur(weight, (0, 0), reach), 1e-6)
    return np.asarray(blurred / share[..., None], dtype=np.float32)


def rarity(traits: Floats, known: Known, away: float) -> Floats:
    """(H, W): distance of the traits (H, W, C) from the nearest ones `away` px off on either axis; 0 where unknown."""
    grid = known[::EVERY, ::EVERY]
    y, x = np.nonzero(grid)
    rows = traits[::EVERY, ::EVERY][y, x]
    norm = (rows**2).sum(1)
    found = np.zeros(grid.shape, np.float32)
    for first in range(0, len(rows), PART):
        part = slice(first, first + PART)
        apart = norm[part, None] + norm[None] - 2 * rows[part] @ rows.T
        beside = (np.abs(y[part, None] - y) < away / EVERY) & (np.abs(x[part, None] - x) < away / EVERY)
        least = np.where(beside, np.inf, apart).min(1)
        found[y[part], x[part]] = np.where(np.isfinite(least), np.sqrt(np.maximum(least, 0)), 0)
    return np.asarray(cv2.resize(found, known.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)
