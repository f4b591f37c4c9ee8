"""On which sides of a photo straight lines run out at a slant: perspective, which copies at one size cannot follow.

Line segments by LSD (Grompone von Gioi, Jakubowicz, Morel, Randall 2010). Lines level or upright go on as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from softextend.types import Known, Pixels, Sides

LONGER = 384  # px, longer side at which lines are looked for
SMALLEST = 32  # px a side; smaller pictures tell nothing
BLUR = 0.8  # px, Gaussian sigma: texture makes no lines
LONG = 0.06  # of the longer side: a line shorter than this is a twig
BORDER = 0.1  # of the longer side: from a border that near a line runs out
FLATTEST, STEEPEST = 0.12, 4.0  # px aside per px outwards between which a line is slanted
MUCH, SEVERAL = 0.5, 3  # length of all such lines over the longer side, and their number, from which it is perspective


def slanted_lines(pixels: Pixels, known: Known, sides: Sides) -> tuple[str, ...]:
    """pixels uint8 (H, W, 3), known bool (H, W) -> from which of the sides that grow slanted lines run out, by name."""
    height, width = known.shape
    scale = min(1.0, LONGER / max(height, width))
    size = round(width * scale), round(height * scale)
    if min(size) < SMALLEST or not known.all():
        return ()
    grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    found = cv2.createLineSegmentDetector().detect(cv2.GaussianBlur(grey, (0, 0), BLUR))[0]
    if found is None:
        return ()
    ends = np.asarray(found, np.float64).reshape(-1, 2, 2)  # of each segment: two points (x, y)
    away = np.abs(ends[:, 1] - ends[:, 0])
    length = np.hypot(*away.T) / max(size)
    right, bottom = size[0] - 1 - ends[..., 0], size[1] - 1 - ends[..., 1]
    distance = {"top": ends[..., 1], "right": right, "bottom": bottom, "left": ends[..., 0]}
    named = []
    for name in (each for each in distance if getattr(sides, each)):
        out, aside = away.T if name in ("left", "right") else away.T[::-1]
        slant = aside / np.maximum(out, 1e-6)
        near = distance[name].min(1) < BORDER * max(size)
        mine = near & (length > LONG) & (slant > FLATTEST) & (slant < STEEPEST)
        if np.count_nonzero(mine) >= SEVERAL and length[mine].sum() >= MUCH:
            named.append(name)
    return tuple(named)
