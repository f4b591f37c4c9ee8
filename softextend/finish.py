"""Pixel space after sampling: the repainted picture joins the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Pixels


def composite(original: Pixels, painted: npt.NDArray[np.float32], ramp: Change) -> Pixels:
    """original uint8 and painted float32 in [0, 255], (H, W, 3); ramp (H, W) in [0, 1]: bytes stay where it is 0."""
    result = original.copy()
    touched = ramp > 0
    share = ramp[touched][:, None]
    mixed = original[touched] * (1 - share) + painted[touched] * share
    result[touched] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result
