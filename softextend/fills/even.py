"""Where copies of sky or wall meet, their colours differ by a few levels: that step is spread until nobody sees it.

Only in even areas, where nothing else hides it; their grain stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from softextend.fills.base import Floats
    from softextend.fills.pyramid import Level

REACH, SMALLEST = 0.03, 2.0  # of the longer side, and px: Gaussian sigma over which a step is spread
GRAIN = 2.0  # px, Gaussian sigma: what is finer stays
EVEN, UNEVEN = (
    60.0,
    150.0,
)  # variance of a patch (levels squared) up to which it is even, from which it is not
MOST = 3.0  # levels of 255, half a step: a greater one is no fault of the copies


def evened(level: Level, variance: Floats) -> Floats:
    """(T, 3): levels of 255 that take the steps between copies off; variance: (H, W) of the colours in a patch."""
    even = np.clip((UNEVEN - variance) / (UNEVEN - EVEN), 0, 1).astype(np.float32)
    even = cv2.erode(even, np.ones((5, 5)))
    weighed = cv2.merge([*cv2.split(level.image * even[..., None]), even])
    reach = max(REACH * max(even.shape), SMALLEST)
    wide, narrow = _blurred(weighed, reach), _blurred(weighed, GRAIN)
    step = wide - narrow
    most = np.max(cv2.split(np.abs(step)), 0)
    step *= (1 / np.maximum(most / MOST, 1) ** 4 * even)[..., None]
    near = np.clip(level.distance / reach, 0, 1)
    return np.asarray(step.reshape(-1, 3)[level.place] * near[:, None], dtype=np.float32)


def _blurred(weighed: Floats, reach: float) -> Floats:
    """(H, W, 3): means of the colours within `reach` px (Gaussian sigma), by the weight in the fourth channel."""
    step = max(1, int(reach / 3))
    height, width = weighed.shape[:2]
    small = cv2.resize(weighed, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), reach / step)
    mean = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
    sized: Floats = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    return sized
