"""A plane seen at a slant made straight by its vanishing line: a step of it is then the same everywhere.

Lines through the vanishing point become level. The border that grows lies on the right throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from softextend.fills.base import Floats
    from softextend.fills.mirror import Bounds
    from softextend.types import Known, Pixels

    Doubles = npt.NDArray[np.float64]

TOO_CLOSE = 0.08  # of the width, least distance of a vanishing line from the border
SMALLER, LARGER = 0.3, 3.0  # how much smaller or larger than at the border a plane may appear where it is used
WIDEST = 2.5  # times as wide a straightened picture may get
ROW = 1024  # px, of the list that colours are looked up by
KNOWN = 0.999  # weight from which a straightened pixel is made of known ones


def turned(values: npt.NDArray[Any], turn: int) -> npt.NDArray[Any]:
    """A view of uint8 or bool (H, W, ...) with its right (0), left (1), lower (2) or upper (3) border on the right."""
    upright = values.swapaxes(0, 1) if turn > 1 else values
    return upright[:, ::-1] if turn % 2 else upright


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photo as seen with the border that grows on the right."""

    pixels: Pixels
    known: Known
    box: Bounds

    def sized(self, scale: float) -> tuple[Pixels, Known]:
        """The photo `scale` times as large, and what of it is known."""
        height, width = self.known.shape
        size = max(1, round(width * scale)), max(1, round(height * scale))
        known = cv2.resize(self.known.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) == 255
        return np.asarray(cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), known


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """How a plane is made straight: its vanishing line goes to infinity, lines through its point become level."""

    matrix: Doubles  # (3, 3): px of the photo -> px of the straightened picture
    line: Doubles  # (3,) so that line @ (x, y, 1) is the size of things at a pixel, 1 at the border
    size: tuple[int, int]  # px, width and height of the straightened picture

    def seen(self, photo: Photo, side: float) -> tuple[Floats, Known, float]:
        """The straightened picture, (h, w, 3), at most `side` px squared, what is known of it, and how much smaller.

        Known is what appears of a usable size.
        """
        scale = min(1.0, side / float(np.sqrt(self.size[0] * self.size[1])))
        pixels, known = photo.sized(scale)
        smaller = scaling(scale)
        larger = np.linalg.inv(smaller)
        y, x = np.mgrid[: known.shape[0], : known.shape[1]]
        large = np.stack([x, y, np.ones_like(x)], 2) @ (self.line @ larger)
        usable = (known & (large > SMALLER) & (large < LARGER)).astype(np.float32)
        size = max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale))
        matrix = smaller @ self.matrix @ larger
        image = cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_LINEAR).astype(np.float32)
        return image, cv2.warpPerspective(usable, matrix, size, flags=cv2.INTER_LINEAR) > KNOWN, scale


def ways_to_see(point: Doubles, box: Bounds, shape: tuple[int, ...]) -> Iterator[Straight]:
    """How planes through a point (2,), x and y, are made straight: by an upright line, as of a wall, or a level one."""
    (x, y), (height, width) = point, shape
    near = box.right - x
    if abs(near) >= TOO_CLOSE * width:
        first, line = box.right + near, np.array([1, 0, -x]) / near
        matrix = np.array([[first, 0, -first * x - near**2], [y, near, -x * y - near * y], [1, 0, -x]])
        yield _fitted(matrix, line, box, shape)
    at = max(box.top, box.bottom, key=lambda border: abs(border - y))
    near = at - y
    if abs(near) >= TOO_CLOSE * height:
        first, line = at + near, np.array([0, 1, -y]) / near
        matrix = np.array([[near, x, -x * y - near * x], [0, first, -first * y - near**2], [0, 1, -y]])
        yield _fitted(matrix, line, box, shape)


def _fitted(matrix: Doubles, line: Doubles, box: Bounds, shape: tuple[int, ...]) -> Straight:
    """The straightened picture moved and cut to what of the known area is of a usable size."""
    y, x = (np.linspace(low, high, 64) for low, high in ((box.top, box.bottom), (box.left, box.right)))
    grid = np.stack(np.broadcast_arrays(x, y[:, None], 1.0), 2).reshape(-1, 3)
    large = grid @ line
    usable = grid[(large > SMALLER) & (large < LARGER)]
    across, down = mapped(matrix, usable[:, :2]).T if len(usable) else (np.zeros(1), np.zeros(1))
    right, bottom, top = across.max(), min(down.max(), shape[0] - 1), max(down.min(), 0)
    left = max(across.min(), right - WIDEST * shape[1])
    away = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
    return Straight(matrix=away @ matrix, line=line, size=(int(right - left) + 1, max(1, int(bottom - top) + 1)))


def scaling(scale: float) -> Doubles:
    """(3, 3): px of a picture -> px of one `scale` times as large."""
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]])


def mapped(matrix: Doubles, points: npt.NDArray[Any]) -> Doubles:
    """Points (N, 2), x and y in px, through a matrix (3, 3) -> float64 (N, 2)."""
    there = np.c_[points, np.ones(len(points))] @ matrix.T
    depth = np.where(np.abs(there[:, 2:]) > 1e-12, there[:, 2:], 1e-12)  # on the vanishing line: far away
    return np.asarray(there[:, :2] / depth)


def seen_at(picture: Pixels, places: Floats) -> Floats:
    """(N, 3): what a picture shows at places (N, 2), x and y in px."""
    count = -(-max(len(places), 1) // ROW)
    x, y = np.zeros((count, ROW), np.float32), np.zeros((count, ROW), np.float32)
    x.ravel()[: len(places)], y.ravel()[: len(places)] = places.T
    found = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, 3)[: len(places)], dtype=np.float32)
