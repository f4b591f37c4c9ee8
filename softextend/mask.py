"""The change map: how much of each pixel may change, 1 on the new area, falling to 0 inside the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from softextend.types import Change, Known

OVERLAP = 60  # px into the original; SoftExtend
FEATHER = 120  # px, Gaussian sigma and (next odd) kernel; SoftExtend
LOW, HIGH = 0.05, 0.95  # mask levels that become 0 and 1 in the latent map; SoftExtend
COMPLETE = 2.0  # shares of SETTLED that the old border must have, so that the ramp can wander by one and is complete
WANDER_LEAST = 12  # px, smallest hills of the ramp's wandering
SETTLED = 0.3  # share of the largest change from which the repainted pixel replaces the original altogether


def spread(area: Known, overlap: int, feather: int) -> Change:
    """blur(dilate(area)): bool (H, W) -> float32 (H, W) in [0, 1]; overlap, feather in px; SoftExtend's rule."""
    grown = area.astype(np.uint8)
    if overlap > 0:
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * overlap + 1, 2 * overlap + 1))
        grown = cv2.dilate(grown, kernel)
    soft = grown.astype(np.float32)
    if feather > 1:
        size = feather // 2 * 2 + 1
        soft = cv2.GaussianBlur(soft, (size, size), feather)
    return np.clip(soft, 0.0, 1.0)


def change_map(known: Known, overlap: int = OVERLAP, feather: int = FEATHER, change: float = 1.0) -> Change:
    """known bool (H, W) -> mask float32 (H, W): `change` on the new area, fading inside the original; px."""
    soft = spread(~known, overlap, feather)
    soft[~known] = 1.0
    return np.asarray(soft * change, np.float32)


def latent_levels(mask: Change) -> Change:
    """Mask levels LOW..HIGH -> amounts of change 0..1, so that a mask's tails are exactly kept or new; SoftExtend."""
    levels = np.subtract(mask, np.float32(LOW), dtype=np.float32)
    levels /= np.float32(HIGH - LOW)
    return np.clip(levels, 0.0, 1.0, out=levels)


def composite_ramp(
    amount: Change, known: Known | None = None, *, band: int | None = None, seed: int | None = None
) -> Change:
    """Share of the repainted pixel: 0 where nothing changes, 1 on all that is new, smooth at both ends in between.

    `known` False is new and replaced whole, so the ramp lies inside the original and is complete at its border.
    `band`: px of the original beyond which nothing is replaced. `seed`: where the ramp begins wanders inward and
    outward, so that it follows no straight line.
    """
    most = float(amount.max(initial=0.0))
    if most <= 0 and (known is None or known.all()):
        return np.zeros_like(amount)
    share = amount / np.float32(SETTLED * max(most, 1e-6))
    if known is not None:
        share = _within_band(share, known, band)
    if seed is not None:
        share -= wander(amount.shape, max(WANDER_LEAST, (band or 0) // 2), seed)
    np.clip(share, 0.0, 1.0, out=share)
    ramp = 3 - 2 * share
    ramp *= share
    ramp *= share
    if known is not None:
        ramp[~known] = 1.0
    return ramp


def wander(shape: tuple[int, ...], width: int, seed: int) -> Change:
    """Smooth noise in [0, 1], float32 (H, W), whose hills are about `width` px wide."""
    rows, columns = shape[0] // width + 3, shape[1] // width + 3
    coarse = np.random.default_rng(seed).random((rows, columns), np.float32)
    large = cv2.resize(coarse, (columns * width, rows * width), interpolation=cv2.INTER_CUBIC)
    first = width // 2
    return np.asarray(np.clip(large[first : first + shape[0], first : first + shape[1]], 0.0, 1.0), np.float32)


def _within_band(share: Change, known: Known, band: int | None) -> Change:
    """The share limited to `band` px inside the original, and raised where it would not be complete at its border."""
    new = (~known).astype(np.uint8)
    border = known & (cv2.dilate(new, np.ones((3, 3), np.uint8)) > 0)
    at_border = float(share[border].min(initial=np.inf))
    if 0 < at_border < COMPLETE:
        share = share * np.float32(COMPLETE / at_border)
    if band is None:
        return share
    if band <= 0:
        return np.asarray(np.where(known, 0, share), np.float32)
    away = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_C, 3)
    narrowed = bool((share[away > band] > 0).any())
    np.subtract(band + 1, away, out=away)
    away *= np.float32((COMPLETE if narrowed else 1 / SETTLED) / band)
    return np.asarray(np.minimum(share, away, out=share), np.float32)
