"""What fills are made of: parameters with ranges, the nearest known pixel, replication, smooth continuation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from softextend.errors import BadRequest
from softextend.option_fields import about, option

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


class Fill(Protocol):
    """One way to paint what is empty; its parameters are its fields."""

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """pixels uint8 (H, W, 3), known bool (H, W) -> a painted copy, equal where known; BadRequest if nothing is."""

    def shortfall(self, known: Known) -> str | None:
        """What `paint` does in place of what it is for, where too little is `known` (H, W) for that; None if enough."""


def param(default: float | str, unit: str, low: float | None, high: float | None, help: str) -> Any:
    """A field of a fill that users may set; `low` and `high` are inclusive, None for a text."""
    return option(default, help, unit=unit, low=low, high=high)


class Ranged:
    """Base of the fills: refuses a parameter outside the range that its field names; paints whatever is known."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):  # type: ignore[arg-type]
            check_range(self, spec)

    def shortfall(self, known: Known) -> str | None:
        """See `Fill`: most fills need one pixel and no more."""
        return None


def check_range(fill: object, spec: dataclasses.Field[Any]) -> None:
    """Raise BadRequest where the value of the field `spec` of `fill` is out of its range (NaN included)."""
    value, said = getattr(fill, spec.name), about(spec)
    if said.range is not None and value not in said.range:
        name = type(fill).__name__.lower()
        raise BadRequest(f"--fill {name}:{spec.name}={value:g}: must be {said.range} {said.unit}".rstrip())


GRAIN = 100.0  # levels squared over three channels: differences below it are noise
Floats = npt.NDArray[np.float32]
Flat = npt.NDArray[np.int32]  # indices into a flattened (H, W)


def summed(image: Floats) -> Floats:
    """float32 (H, W): the sum over the channels of (H, W, C); NumPy takes 20 times as long for a short axis."""
    return np.asarray(cv2.transform(image, np.ones((1, image.shape[2]), np.float32)), np.float32)


def variance(image: Floats, side: int) -> Floats:
    """float32 (H, W): that of the colours (H, W, 3) in windows of `side` px, over all channels, plus half the GRAIN."""
    apart = cv2.blur(image * image, (side, side)) - cv2.blur(image, (side, side)) ** 2
    return summed(np.maximum(apart, 0)) + np.float32(GRAIN / 2)


def runs(where: Known) -> list[slice]:
    """Where a line of places, bool (N,), holds: run by run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def is_full(known: Known) -> bool:
    """True where nothing is empty; raise BadRequest where everything is: there is nothing to continue."""
    if not known.any():
        raise BadRequest("the picture is wholly empty or transparent: a fill needs at least one opaque pixel")
    return bool(known.all())


def nearest_known(known: Known) -> tuple[Flat, Floats]:
    """known (H, W) -> flat index int32 of the nearest known pixel, distance to it float32 in px, both (H, W).

    Outside a known rectangle this is replication as in cv2.BORDER_REPLICATE, corners included; elsewhere nearest in
    the 5x5 chamfer metric of OpenCV, the only one for which it names the pixel.
    """
    empty = np.ascontiguousarray(~known, dtype=np.uint8)
    distance, label = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    source = np.zeros(int(label.max()) + 1, np.int32)
    source[label[known]] = np.flatnonzero(known)
    return source[label], distance


def replicate(pixels: Pixels, known: Known) -> Pixels:
    """pixels uint8 (H, W, 3), known bool (H, W) -> every empty pixel in the colour of the nearest known one."""
    source, _ = nearest_known(known)
    return colours_at(pixels, source)


def colours_at(pixels: Pixels, places: Flat) -> Pixels:
    """pixels uint8 (H, W, 3), flat places (...) -> (..., 3); np.take is several times as fast as an index here."""
    return np.take(pixels.reshape(-1, 3), places, axis=0)


DEPTH = 256  # 16-bit levels per 8-bit level
MARGIN = 2  # px of frame that keeps OpenCV's inpainting off the canvas border


def inpaint(pixels: Pixels, known: Known, radius: float, method: int) -> Floats:
    """Continue the picture smoothly with `cv2.inpaint`, channel by channel -> (H, W, 3), 0 to 255; `radius` in px.

    In 8 bits OpenCV rounds each pixel and passes that on: Telea lifts a flat 200 to 240 at 256 px from the picture,
    Navier-Stokes drifts by 10 levels on average 150 px from a photo; in 16 bits nothing is seen of it. Both read
    pixels that are still to be painted and, at the canvas border, beyond it (opencv/opencv#6065, #16852, #25404,
    #28648): there they meet the replicated edge.
    """
    empty = cv2.copyMakeBorder(np.where(known, 0, 255).astype(np.uint8), *(MARGIN,) * 4, cv2.BORDER_REPLICATE)
    framed = cv2.copyMakeBorder(replicate(pixels, known), *(MARGIN,) * 4, cv2.BORDER_REPLICATE)
    inside = slice(MARGIN, -MARGIN)
    painted = np.empty(pixels.shape, np.float32)
    for channel in range(3):
        sixteen_bit = framed[..., channel].astype(np.uint16) * DEPTH
        painted[..., channel] = cv2.inpaint(sixteen_bit, empty, radius, method)[inside, inside]
    painted /= DEPTH
    return painted


def rounded(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Levels (...), float -> the nearest 8-bit ones, uint8 in [0, 255]."""
    levels: npt.NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels


Doubles = npt.NDArray[np.float64]


def within(pixels: Pixels, known: Known, painted: npt.NDArray[np.floating[Any]]) -> Pixels:
    """The picture where it is known, and the levels `painted`, float32 or float64 (H, W, 3) in [0, 255], elsewhere."""
    return np.where(known[..., None], pixels, rounded(painted))
