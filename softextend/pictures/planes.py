"""A picture's samples as its file has them, at its depth, grey or colour, beside the 8-bit RGB that a model sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from softextend.types import Box, Sides

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known, Pixels

    Samples = npt.NDArray[Any]


OPAQUE = 128  # of 255; alpha from here on counts as original
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: what grey of a colour is
ROWS = 512  # at a time, so that large pictures need no second copy in floats


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Planes:
    """`colour` (H, W) grey or (H, W, 3) RGB, uint8, uint16, uint32 or floating-point; `white`: the value of white.

    `alpha`, where it is kept: (H, W), of the same type, from 0 to what `opaque` says.
    """

    colour: Samples
    white: float
    alpha: Samples | None = None

    @property
    def bits(self) -> int:
        """Per sample."""
        return 8 * int(self.colour.dtype.itemsize)

    @property
    def grey(self) -> bool:
        """Whether there is one channel."""
        return self.colour.ndim == 2

    @property
    def is_float(self) -> bool:
        """Whether the samples are floating-point."""
        return bool(self.colour.dtype.kind == "f")

    @property
    def opaque(self) -> float:
        """The alpha of what hides all behind it."""
        return top_of(self.colour.dtype)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.colour.shape[:2]
        return height, width

    def __str__(self) -> str:
        kind = "bit floating-point" if self.is_float else "bit"
        return f"{self.bits} {kind} per channel, {'grey' if self.grey else 'RGB'}{' with alpha' * self.has_alpha}"

    @property
    def has_alpha(self) -> bool:
        """Whether the file's transparency is kept."""
        return self.alpha is not None

    def view(self) -> Pixels:
        """Rounded to 8 bits, RGB; what is no number is black. 8-bit RGB is returned itself."""
        eight = to_eight_bits(self.colour, self.white)
        return np.repeat(eight[..., None], 3, axis=2) if self.grey else eight

    def cut(self, box: Box) -> Planes:
        """A part."""
        return self._each(lambda array: np.ascontiguousarray(array[box.cut]))

    def grown(self, sides: Sides) -> Planes:
        """On a larger canvas, 0 and opaque where it is new."""
        margins = (sides.top, sides.bottom), (sides.left, sides.right)
        colour = np.pad(self.colour, (*margins, (0, 0))[: self.colour.ndim])
        full = None if self.alpha is None else np.pad(self.alpha, margins, constant_values=self.opaque)
        return replace(self, colour=colour, alpha=full)

    def scaled(self, width: int, height: int) -> Planes:
        """Resampled by Lanczos' filter; 8 bits and their alpha as Pillow does it, the others in float, clipped."""
        return self._each(lambda array: resized(array, width, height))

    def in_colour(self) -> Planes:
        """Three channels, equal where there was one."""
        return replace(self, colour=np.repeat(self.colour[..., None], 3, axis=2)) if self.grey else self

    def with_alpha(self) -> Planes:
        """With alpha, opaque where there was none."""
        full = np.full(self.size, self.opaque, self.colour.dtype)
        return self if self.has_alpha else replace(self, alpha=full)

    def as_deep_as(self, other: Planes) -> Planes:
        """The same shares of white and of opaque in another's type and range, rounded to integers."""
        kind = other.colour.dtype
        colour = self.colour.astype(np.float64) * (other.white / self.white)
        alpha = None if self.alpha is None else self.alpha.astype(np.float64) * (other.opaque / self.opaque)
        if kind.kind == "u":
            colour, alpha = np.rint(colour), None if alpha is None else np.rint(alpha)
        return Planes(
            colour=colour.astype(kind), white=other.white, alpha=None if alpha is None else alpha.astype(kind)
        )

    def _each(self, change: Any) -> Planes:
        alpha = None if self.alpha is None else change(self.alpha)
        return replace(self, colour=change(self.colour), alpha=alpha)


def eight_bit(pixels: Pixels) -> Planes:
    """(H, W, 3) RGB or (H, W) grey as they are."""
    return Planes(colour=pixels, white=255.0)


def top_of(dtype: np.dtype[Any]) -> float:
    """The largest value of an integer type; 1 for floating-point."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def to_eight_bits(samples: Samples, white: float) -> npt.NDArray[np.uint8]:
    """uint8, uint16 or float32 (H, W[, 3]) up to `white` -> rounded to 0..255; what is no number becomes 0."""
    if samples.dtype == np.uint8:
        return samples
    if samples.dtype == np.uint16 and white == 65535:
        return np.asarray(cv2.convertScaleAbs(np.ascontiguousarray(samples), alpha=1 / 257)).reshape(samples.shape)
    result = np.empty(samples.shape, np.uint8)
    for first in range(0, len(samples), ROWS):
        rows = slice(first, first + ROWS)
        share = np.nan_to_num(samples[rows].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0) * (255 / white)
        result[rows] = np.rint(share.clip(0, 255))
    return result


def rescaled(samples: Samples, white: float, dtype: type[np.generic]) -> Samples:
    """(H, W[, 3]) up to `white` -> another type of integers, rounded: uint8 or uint16."""
    if dtype == np.uint8:
        return to_eight_bits(samples, white)
    share = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0) / white
    return np.asarray(np.rint(share.clip(0, 1) * top_of(np.dtype(dtype))), dtype)


def resized(samples: Samples, width: int, height: int) -> Samples:
    """uint8, uint16, float32 (H, W[, 3]) at another size, by Lanczos' filter of three lobes, wider when smaller."""
    if samples.dtype == np.uint8:
        return np.array(Image.fromarray(np.ascontiguousarray(samples)).resize((width, height), LANCZOS))
    planes = samples[..., None] if samples.ndim == 2 else samples
    made = [
        np.array(Image.fromarray(np.ascontiguousarray(planes[..., i], np.float32)).resize((width, height), LANCZOS))
        for i in range(planes.shape[2])
    ]
    joined = made[0] if samples.ndim == 2 else np.stack(made, axis=2)
    if samples.dtype.kind == "u":
        joined = np.rint(joined.clip(0, top_of(samples.dtype)))
    return joined.astype(samples.dtype)


LANCZOS = Image.Resampling.LANCZOS


def finite(samples: Samples) -> Known | None:
    """Where float32 samples (H, W[, 3]) are numbers, (H, W); None: everywhere."""
    if samples.dtype.kind != "f":
        return None
    sound = np.isfinite(samples)
    whole: Known = np.asarray(sound.all(axis=2) if sound.ndim == 3 else sound)
    return None if whole.all() else whole


def white_of(samples: Samples, notes: list[str]) -> float:
    """(H, W[, 3]) -> white: the top of an integer type, for float32 1 or the largest sample; notes where it matters."""
    if samples.dtype.kind != "f":
        return top_of(samples.dtype)
    sound = np.isfinite(samples)
    top, bottom = (float(each(samples, where=sound, initial=0)) for each in (np.max, np.min))
    if top > 1:
        notes.append(f"floating-point samples reach {top:g}: scaled so that this is white")
    if bottom < 0:
        notes.append(f"floating-point samples reach down to {bottom:g}: what is below 0 becomes black")
    lost = int((~(sound.all(axis=2) if sound.ndim == 3 else sound)).sum())
    if lost:
        notes.append(f"{lost} pixels are no number and count as empty")
    return max(top, 1.0)


def opaque_where(alpha: Samples) -> Known:
    """Where alpha (H, W), uint8, uint16 or float32, rounds to half or more: these pixels are the original's."""
    least: float = OPAQUE if alpha.dtype == np.uint8 else top_of(alpha.dtype) * (OPAQUE - 0.5) / 255
    return np.asarray(alpha >= least)
