"""Light that falls off towards the left and right of a photo, as a lens or a lamp in the middle has it.

Copies of what lies farther in would be too light for what they are put beside. Where the whole photo falls off alike,
at every height and on both sides, that is taken off before it goes on, and given back; beyond the border it stays as it
is there. Above and below nothing tells it from a sky that is lighter than the ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.fills.mirror import bounds

if TYPE_CHECKING:
    from softextend.fills.base import Floats
    from softextend.types import Known, Pixels

SMALLEST = 40  # px a side; smaller pictures tell nothing
RIM = 12  # px, the widest thin border: what is not trusted above and below is no more than that
SEEN = 0.98  # part of the photo's rectangle that must be known
BANDS, COLUMNS = 16, 96  # heights that are compared, and columns of each
DARK = 8.0  # levels that are added before logarithms are taken: black tells nothing
FALLS = 0.12  # of the logarithm, least fall on either side
ALIKE, MOSTLY = 0.4, 0.65  # of that fall that a band must show; part of the bands that must
OFF, LESS = 0.2, 0.75  # of the logarithm that bands may be off the fall, and over what they vary by without it


def falloff(pixels: Pixels, trusted: Known) -> Floats | None:
    """uint8 (H, W, 3), bool (H, W) -> float32 (W,): how much lighter each column is lit than the darkest, 1 and more.

    None where no such light is sure, or something grows above or below too.
    """
    box = bounds(trusted)
    left, right = box.left, trusted.shape[1] - 1 - box.right
    inside = box.cut
    upright = box.top > RIM or len(trusted) - 1 - box.bottom > RIM
    if upright or min(trusted[inside].shape) < SMALLEST or trusted[inside].mean() < SEEN:
        return None
    bands = cv2.resize(pixels[inside], (COLUMNS, BANDS), interpolation=cv2.INTER_AREA).astype(np.float64).mean(2)
    levels = np.log(bands + DARK)
    levels -= levels.mean(1, keepdims=True)
    x = np.linspace(-1, 1, COLUMNS)
    light = np.polyfit(x, np.median(levels, 0), 2)
    off, varied = np.sqrt(((levels - np.polyval(light, x)) ** 2).mean()), np.sqrt((levels**2).mean())
    if light[0] >= 0 or off > min(OFF, LESS * varied):
        return None
    middle = np.clip(-light[1] / (2 * light[0]), -1, 1)
    falls = np.polyval(light, middle) - np.polyval(light, [-1, 1])
    each = np.stack([np.polyval(band, middle) - np.polyval(band, [-1, 1]) for band in np.polyfit(x, levels.T, 2).T])
    if falls.min() < FALLS or (each >= ALIKE * falls).mean(0).min() < MOSTLY:
        return None
    lit = np.exp(np.polyval(light, np.linspace(-1, 1, box.right - box.left + 1)))
    return np.asarray(np.pad(lit / lit.min(), (left, right), mode="edge"), np.float32)
