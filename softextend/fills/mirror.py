"""The fills `mirror` and `stretch`: the strip beside the border, reflected or drawn out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from softextend.fills.base import Flat, Floats, Ranged, colours_at, is_full, nearest_known, param, within
from softextend.fills.perlin_noise import Axis, look_up, span, tiles

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


CROSSINGS = 8  # reflections until a pixel that still finds no known one takes its nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The smallest box around all that is known, px, both ends included."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def cut(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.bottom + 1), slice(self.left, self.right + 1)


def bounds(known: Known) -> Bounds:
    """The box around `known` (H, W), of which some pixel must be True."""
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    return Bounds(top=int(rows[0]), bottom=int(rows[-1]), left=int(columns[0]), right=int(columns[-1]))


def folded(at: Axis, low: int, high: int, stretch: float) -> Axis:
    """Coordinates in px -> their mirror images in [low, high]: there and back as often as it takes.

    The mirror lies on the outer edge of the last pixel, as in cv2.BORDER_REFLECT; what is beyond it is `stretch`
    times as large as what it shows.
    """
    start, size = low - 0.5, high - low + 1.0
    nearest = np.clip(at, start, high + 0.5)
    turn = np.mod(nearest + (at - nearest) / stretch - start, 2 * size)
    return np.clip(start + size - np.abs(size - turn), low, high)


def across(at: Axis, border: Axis, stretch: float) -> Axis:
    """Mirror coordinates over the outer edge of the pixels `border`, per axis; a pixel level with its border stays."""
    side = np.sign(np.rint(at - border))
    edge = border + side / 2
    return np.where(side == 0, at, edge - (at - edge) / stretch)


def mirrored(
    known: Known, nearest: Flat, box: Bounds, rows: slice, columns: slice, stretch: float
) -> tuple[Floats, Floats]:
    """Coordinates (x, y), each (h, w), in px of the mirror image of every pixel of a tile."""
    width = known.shape[1]
    x, y = np.meshgrid(
        folded(span(columns), box.left, box.right, stretch), folded(span(rows), box.top, box.bottom, stretch)
    )
    for crossing in range(CROSSINGS + 1):
        cell = np.rint(y).astype(np.intp) * width + np.rint(x).astype(np.intp)
        lost = ~known.ravel()[cell]
        if not lost.any():
            break
        border_y, border_x = np.divmod(nearest.ravel()[cell[lost]], width)
        if crossing < CROSSINGS:
            x[lost] = folded(across(x[lost], border_x, stretch), box.left, box.right, 1.0)
            y[lost] = folded(across(y[lost], border_y, stretch), box.top, box.bottom, 1.0)
        else:
            x[lost], y[lost] = border_x, border_y
    return x.astype(np.float32), y.astype(np.float32)


def reflect(pixels: Pixels, known: Known, stretch: float) -> Floats:
    """The picture and around it its mirror image, `stretch` times as large -> (H, W, 3), 0 to 255."""
    nearest, _ = nearest_known(known)
    replicated = colours_at(pixels, nearest)
    box = bounds(known)
    painted = pixels.astype(np.float32)
    for rows, columns in tiles(~known):
        empty = ~known[rows, columns]
        image = look_up(replicated, *mirrored(known, nearest, box, rows, columns, stretch))
        painted[rows, columns][empty] = image[empty]
    return painted


# --- the picture, mirrored -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror(Ranged):
    """The picture mirrored at its border, again and again where the new area is wider than the picture."""

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Reflect as cv2.BORDER_REFLECT does, holes over their nearest border; draws nothing from `rng`."""
        return pixels.copy() if is_full(known) else within(pixels, known, reflect(pixels, known, 1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch(Ranged):
    """The strip beside the border mirrored and stretched: colours go on, and no detail looks twice the same."""

    factor: float = param(2.0, "", 1, 16, "how much larger the strip is shown")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Mirror and stretch away from the border, bilinear; draws nothing from `rng`.

        The method "stretch" of github.com/Haoming02/sd-webui-mosaic-outpaint, with its default ratio, before its tiles.
        """
        return pixels.copy() if is_full(known) else within(pixels, known, reflect(pixels, known, self.factor))
