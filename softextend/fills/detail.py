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

from softextend.fills.base import Floats, summed

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.pyramid import Level

FINE = 1.5  # px, Gaussian sigma: detail is what this blur takes away
AROUND = 3.0  # px, Gaussian sigma over which its energy is measured
CHANGES = 1.0  # px, Gaussian sigma over which the gain changes
MOST = 1.5  # gain: copies that have nothing in common do not become noise
GRAIN = 1.0  # levels of 255 squared, energy of rounding
ROWS = 512  # of a picture at a time: bounds memory
MARGIN = 20  # px that the blurs reach beyond them


def fine(image: npt.NDArray[Any]) -> Floats:
    """The fine detail, float32 (h, w, 3), of an image (h, w, 3)."""
    whole = image.astype(np.float32, copy=False)
    blurred = cv2.GaussianBlur(whole, (0, 0), FINE)
    return np.asarray(np.subtract(whole, blurred, out=blurred), np.float32)


def energy(detail: Floats) -> Floats:
    """Mean square (h, w) of fine detail (h, w, 3), over the channels and about AROUND px."""
    return np.asarray(cv2.GaussianBlur(summed(detail * detail) / detail.shape[2], (0, 0), AROUND), np.float32)


def gain(own: Floats, meant: Floats, levels: float) -> Floats:
    """(h, w) in [1, MOST]: what fine detail must be multiplied by to have the energy that is meant; `levels` a unit."""
    grain = GRAIN / levels**2
    lacking = np.sqrt(np.clip((meant + grain) / (own + grain), 1, MOST**2))
    return np.asarray(cv2.GaussianBlur(lacking, (0, 0), CHANGES), np.float32)


def regain(level: Level, source: Ints) -> None:
    """Give the painted pixels of a level the fine detail of their sources (T,); changes its picture."""
    own = np.empty(level.trusted.shape, np.float32)
    for rows, detail in _details(level.image):
        own[rows] = _inner(energy(detail), rows)
    meant = own.copy()
    meant.ravel()[level.hole] = own.ravel()[source[level.slot.ravel()[level.hole]]]
    more = gain(own, meant, 1.0) - 1
    for rows, detail in _details(level.image.copy()):
        hole = ~level.trusted[rows]
        painted = level.image[rows][hole] + _inner(detail, rows)[hole] * more[rows][hole][:, None]
        level.image[rows][hole] = np.clip(np.rint(painted), 0, 255)


def _details(image: npt.NDArray[Any]) -> Iterator[tuple[slice, Floats]]:
    """Rows of an image (H, W, 3), and the fine detail there and up to MARGIN px beyond, float32 (h, W, 3)."""
    for first in range(0, len(image), ROWS):
        rows = slice(first, min(first + ROWS, len(image)))
        yield rows, fine(image[max(0, first - MARGIN) : rows.stop + MARGIN])


def _inner(part: Floats, rows: slice) -> Floats:
    """What of a part by `_details` lies in its rows."""
    first = min(rows.start, MARGIN)
    return part[first : first + rows.stop - rows.start]
