"""Photos and masks that every fill is tried on."""

from __future__ import annotations

import numpy as np
from skimage import data

from softextend.fills.base import Fill


def photo(height: int, width: int) -> np.ndarray:
    """A piece of a real photo."""
    return np.ascontiguousarray(data.astronaut()[60 : 60 + height, 180 : 180 + width])


def sides(height: int, width: int, *, top: int, right: int, bottom: int, left: int) -> np.ndarray:
    """Known area of a picture of this size on its larger canvas."""
    return np.pad(np.ones((height, width), np.bool_), ((top, bottom), (left, right)))


def masks() -> dict[str, np.ndarray]:
    """The shapes an empty area can have."""
    corner = np.ones((41, 53), np.bool_)
    corner[:17, 30:] = False
    hole = np.ones((41, 53), np.bool_)
    hole[10:30, 20:37] = False
    single = np.zeros((23, 31), np.bool_)
    single[5, 30] = True
    return {
        "left and right": sides(40, 30, top=0, right=13, bottom=0, left=21),
        "all sides": sides(20, 25, top=9, right=3, bottom=17, left=1),
        "top": sides(20, 25, top=30, right=0, bottom=0, left=0),
        "L": corner,
        "hole": hole,
        "one pixel known": single,
        "one pixel empty": ~single,
        "speckled": np.random.default_rng(5).random((37, 29)) < 0.4,
        "1x1 grown": sides(1, 1, top=4, right=4, bottom=4, left=4),
        "a row": sides(1, 9, top=0, right=12, bottom=0, left=0),
        "two tiles": sides(10, 150, top=0, right=140, bottom=6, left=0),
    }


def paint(fill: Fill, pixels: np.ndarray, known: np.ndarray, seed: int = 0) -> np.ndarray:
    return fill.paint(pixels, known, np.random.default_rng(seed))


# --- what every fill promises ----------------------------------------------------------------------------------------
