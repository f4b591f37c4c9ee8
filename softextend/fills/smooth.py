"""Fills without texture of their own: edge, one colour, inpainting, blur, tiles of the strip beside the border."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.errors import BadRequest
from softextend.fills.base import Floats, Ranged, inpaint, is_full, nearest_known, param, replicate, rounded, within
from softextend.fills.mirror import Bounds, bounds, reflect

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


# --- the edge ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge(Ranged):
    """The nearest pixel of the picture, repeated outward."""

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Replicate; draws nothing from `rng`."""
        return pixels.copy() if is_full(known) else replicate(pixels, known)


# --- one colour, and inpainting ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Gray(Ranged):
    """One colour, neutral grey unless told."""

    color: str = param("#808080", "", None, None, "colour as #rrggbb")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.color):
            raise BadRequest(f"--fill gray:color={self.color}: must be #rrggbb in hexadecimal, such as #808080")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Paint the colour; draws nothing from `rng`."""
        is_full(known)
        painted = pixels.copy()
        painted[~known] = np.frombuffer(bytes.fromhex(self.color[1:]), np.uint8)
        return painted


@dataclass(frozen=True, kw_only=True, slots=True)
class Telea(Ranged):
    """Smooth continuation by fast marching (Telea 2004); soft streaks where the empty area is wide."""

    radius: float = param(3.0, "px", 1.0, 20.0, "neighbourhood that each pixel is continued from")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Inpaint with OpenCV; draws nothing from `rng`; time grows with the empty area."""
        if is_full(known):
            return pixels.copy()
        return np.where(known[..., None], pixels, rounded(inpaint(pixels, known, self.radius, cv2.INPAINT_TELEA)))


Whole = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mosaic(Ranged):
    """The stretched strip as square tiles, fine beside the picture and coarse far from it."""

    fine: int = param(3, "px", 1, 64, "tiles beside the picture")
    coarse: int = param(24, "px", 1, 256, "largest tiles; sizes double from `fine` on")
    factor: float = param(2.0, "", 1, 16, "how much larger the strip beside the border is shown")

    def __post_init__(self) -> None:
        Ranged.__post_init__(self)
        if self.coarse < self.fine:
            raise BadRequest(f"--fill mosaic:fine={self.fine},coarse={self.coarse}: coarse must be at least fine")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Average the stretched strip over tiles; draws nothing from `rng`.

        After github.com/Haoming02/sd-webui-mosaic-outpaint and the post on r/StableDiffusion that it names ("Using
        mosaic tiles to outpaint"); there the tiles have one size. Tiles begin at the border, so none is cut by it.
        """
        if is_full(known):
            return pixels.copy()
        painted = reflect(pixels, known, self.factor)
        distance = np.where(known, np.float32(np.inf), nearest_known(known)[1])
        box = bounds(known)
        tiled = painted.copy()
        size = self.fine
        while size <= self.coarse:
            rows, columns = tile_starts(box, known.shape, size)
            mean, nearest = tile_means(painted, known, distance, rows, columns)
            inner = size == self.fine or nearest > 2 * size  # two tiles of a size, then the next size
            np.copyto(tiled, mean, where=np.broadcast_to(np.asarray(inner)[..., None], mean.shape))
            size *= 2
        return within(pixels, known, tiled)


def tile_starts(box: Bounds, shape: tuple[int, ...], size: int) -> tuple[Whole, Whole]:
    """First rows (n,) and columns (m,), px, of tiles of `size` px that begin at the border of `box` on every side."""
    return axis_starts(box.top, box.bottom, shape[0], size), axis_starts(box.left, box.right, shape[1], size)


def axis_starts(low: int, high: int, length: int, size: int) -> Whole:
    """(n,) the same along one axis of `length` px; from `low` to `high` tiles are counted from `low`."""
    before = np.arange(low - size, -1, -size)
    inside = np.arange(low, high + 1, size)
    after = np.arange(high + 1, length, size)
    return np.unique(np.concatenate([[0], before, inside, after])).astype(np.intp)


def tile_means(
    painted: Floats, known: Known, distance: Floats, rows: Whole, columns: Whole
) -> tuple[Floats, npt.NDArray[np.float32]]:
    """Mean colour (H, W, 3) and least distance (H, W) of the empty pixels of the tile that each pixel lies in."""
    empty = (~known).astype(np.float32)
    total = np.add.reduceat(np.add.reduceat(painted * empty[..., None], rows, axis=0), columns, axis=1)
    count = np.add.reduceat(np.add.reduceat(empty, rows, axis=0), columns, axis=1)
    nearest = np.minimum.reduceat(np.minimum.reduceat(distance, rows, axis=0), columns, axis=1)
    high = np.diff(np.append(rows, known.shape[0]))
    wide = np.diff(np.append(columns, known.shape[1]))
    mean = total / np.maximum(count, 1)[..., None]
    return (
        mean.repeat(high, axis=0).repeat(wide, axis=1).astype(np.float32),
        nearest.repeat(high, axis=0).repeat(wide, axis=1),
    )


# --- the edge, smoothed ----------------------------------------------------------------------------------------------

LADDER = (1, 1 / 2, 1 / 4, 1 / 16, 1 / 32)  # box radii as parts of the largest: 64, 32, 16, 4, 2 px; Fooocus


@dataclass(frozen=True, kw_only=True, slots=True)
class Blur(Ranged):
    """The edge repeated, then blurred ever finer with the picture put back: its colours flow outward."""

    radius: int = param(64, "px", 1, 512, "radius of the widest box")
    repeats: int = param(4, "", 1, 16, "blurs with each box")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Replicate, then a pyramid of box blurs; draws nothing from `rng`.

        As github.com/lllyasviel/Fooocus does (modules/inpaint_worker.py); in float32, so that 20 blurs do not round
        20 times. Known pixels farther than `radius` from the empty ones are never read, so they are left out.
        """
        if is_full(known):
            return pixels.copy()
        box = bounds(~known)
        rows = slice(max(0, box.top - self.radius), box.bottom + self.radius + 1)
        columns = slice(max(0, box.left - self.radius), box.right + self.radius + 1)
        kept = known[rows, columns][..., None]
        original = replicate(pixels, known)[rows, columns].astype(np.float32)
        flowing = original.copy()
        for part in LADDER:
            side = 2 * max(1, round(self.radius * part)) + 1
            for _ in range(self.repeats):
                flowing = cv2.blur(flowing, (side, side), borderType=cv2.BORDER_REPLICATE)
                np.copyto(flowing, original, where=kept)
        painted = pixels.copy()
        painted[rows, columns] = within(pixels[rows, columns], known[rows, columns], flowing)
        return painted


FLIPS = (np.s_[:, :], np.s_[::-1, :], np.s_[:, ::-1], np.s_[::-1, ::-1])  # of rows and columns; each undoes itself


@dataclass(frozen=True, kw_only=True, slots=True)
class NS(Ranged):
    """Smooth continuation along the lines of equal brightness (Navier-Stokes), then blurred."""

    radius: float = param(3.0, "px", 1, 20, "neighbourhood that each pixel is continued from")
    blur: int = param(65, "px", 1, 513, "window of the blur, odd; 1 = none")

    def __post_init__(self) -> None:
        Ranged.__post_init__(self)
        if self.blur % 2 == 0:
            raise BadRequest(f"--fill ns:blur={self.blur}: must be an odd number from 1 to 513 px")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Inpaint (Bertalmio, Bertozzi, Sapiro 2001), blur the empty area; draws nothing from `rng`.

        The fill "border" of github.com/Acly/krita-ai-diffusion; `blur` and its sigma are those of its node
        INPAINT_MaskedBlur in github.com/Acly/comfyui-inpaint-nodes. OpenCV's form draws straight lines to the right and
        downward and bends them to the left and upward, so the mean over all four flips is taken.
        """
        if is_full(known):
            return pixels.copy()
        painted = np.zeros(pixels.shape, np.float32)
        for flip in FLIPS:
            painted += inpaint(pixels[flip], known[flip], self.radius, cv2.INPAINT_NS)[flip] / len(FLIPS)
        if self.blur > 1:
            sigma = 0.3 * (self.blur - 1) + 0.8  # px; a window cut at 1.6 sigma
            painted = cv2.GaussianBlur(painted, (self.blur, self.blur), sigma, borderType=cv2.BORDER_REFLECT_101)
        return within(pixels, known, painted)
