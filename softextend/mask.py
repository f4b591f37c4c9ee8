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


def latent_change(change: Change) -> Change:
    """float32 (H, W): change LOW..HIGH -> 0..1, so that a map's tails are exactly kept or new; SoftExtend."""
    stretched = np.subtract(change, np.float32(LOW), dtype=np.float32)
    stretched /= np.float32(HIGH - LOW)
    return np.clip(stretched, 0.0, 1.0, out=stretched)


def hard(change: Change) -> Change:
    """float32 (H, W) in [0, 1] -> 0 or 1: half and more is repainted whole, as masked inpainting takes a mask."""
    return np.asarray(change >= 0.5, np.float32)


def editable(latent: Change) -> Known:
    """bool (H, W): where `latent_change` lets a pixel change at all."""
    return np.asarray(latent > 0)
