"""Copies that overlap are averaged, and a mean has less fine detail than what it is made of: it is given back.

As Heitz and Neyret 2018 ("High-performance by-example noise using a histogram-preserving blending operator") keep the
contrast of blended textures, here by energies: fine detail grows until it has that of its sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.fills.pyramid import Level

FINE = 1.5  # px, Gaussian sigma: detail is what this blur takes away
AROUND = 3.0  # px, Gaussian sigma over which its energy is measured
CHANGES = 1.0  # px, Gaussian sigma over which the gain changes
MOST = 1.5  # gain: copies that have nothing in common do not become noise
GRAIN = 1.0  # levels squared, energy of rounding
ROWS = 512  # of a picture at a time: bounds memory
MARGIN = 20  # px that the blurs reach beyond them


def regain(level: Level, source: Ints) -> None:
    """Give the painted pixels of a level the fine detail of their sources (T,); changes its picture."""
    energy = np.empty(level.trusted.shape, np.float32)
    for rows, detail in _details(level.image):
        blurred = cv2.GaussianBlur((detail**2).mean(2), (0, 0), AROUND)
        energy[rows] = _inner(blurred, rows)
    own, meant = energy.ravel()[level.hole], energy.ravel()[source[level.slot.ravel()[level.hole]]]
    energy[:] = 1
    energy.ravel()[level.hole] = np.sqrt(np.clip((meant + GRAIN) / (own + GRAIN), 1, MOST**2))
    gain = cv2.GaussianBlur(energy, (0, 0), CHANGES)
    for rows, detail in _details(level.image.copy()):
        hole = ~level.trusted[rows]
        more = _inner(detail, rows)[hole] * (gain[rows][hole] - 1)[:, None]
        level.image[rows][hole] = np.clip(np.rint(level.image[rows][hole] + more), 0, 255)


def _details(image: npt.NDArray[Any]) -> Iterator[tuple[slice, Floats]]:
    """Rows of an image (H, W, 3), and the fine detail there and up to MARGIN px beyond, float32 (h, W, 3)."""
    for first in range(0, len(image), ROWS):
        rows = slice(first, min(first + ROWS, len(image)))
        part = image[max(0, first - MARGIN) : rows.stop + MARGIN].astype(np.float32)
        yield rows, part - cv2.GaussianBlur(part, (0, 0), FINE)


def _inner(part: Floats, rows: slice) -> Floats:
    """What of a part by `_details` lies in its rows."""
    first = min(rows.start, MARGIN)
    return part[first : first + rows.stop - rows.start]
