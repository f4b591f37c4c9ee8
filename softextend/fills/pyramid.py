"""The sizes at which patch completion works: halved pictures, their targets, and where lines meet the old border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.base import Flat as Ints
from softextend.fills.base import Floats, nearest_known, summed

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


COARSEST = 32  # px, least short side of the coarsest level
SEARCHED = 2_500_000  # px, levels larger than this only follow the one below
SOURCES = 64  # patches that must lie in the known area before a level can be searched
TENSOR = 2.5  # px, spread of the structure tensor
TENSOR_GRAIN = 20.0  # levels squared, gradients that are noise
STEEP = 0.3  # how much a line that runs along the border rather than into it is distrusted


def sources(trusted: Known, radius: int) -> Known:
    """bool (H, W): centres of the patches that lie wholly in the trusted area (H, W) and inside the picture."""
    if min(trusted.shape) < 2 * radius + 1:
        return np.zeros_like(trusted)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    inside = cv2.erode(trusted.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(inside, dtype=bool)


def halved(image: npt.NDArray[Any], trusted: Known) -> tuple[npt.NDArray[Any], Known]:
    """Half the size, rounded up: means of the trusted pixels of each 2x2 cell; trusted where at least half of it is.

    image: uint8 or float32 (H, W, 3) in [0, 255]; trusted: bool (H, W).
    """
    edges = (0, image.shape[0] % 2, 0, image.shape[1] % 2)
    image = cv2.copyMakeBorder(image * trusted[..., None], *edges, cv2.BORDER_REPLICATE)
    size = (image.shape[1] // 2, image.shape[0] // 2)
    quarters = _quarters(trusted)
    mean = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    mixed = (quarters > 0) & (quarters < 4)
    mean[mixed] = np.minimum(mean[mixed] * (4.0 / quarters[mixed])[:, None], 255)
    return mean, quarters >= 2


def _quarters(trusted: Known) -> npt.NDArray[np.uint8]:
    """How many of each 2x2 cell of (H, W) are trusted, 0 to 4."""
    edges = (0, trusted.shape[0] % 2, 0, trusted.shape[1] % 2)
    part = cv2.copyMakeBorder(trusted.astype(np.uint8) * 4, *edges, cv2.BORDER_REPLICATE)
    halves = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(halves, dtype=np.uint8)


@dataclass(slots=True)
class Level:
    """One size of the picture and its field; shapes as in `patchmatch`."""

    image: npt.NDArray[Any]  # uint8 where the level is too large to be searched
    trusted: Known
    valid: Known
    place: Ints
    slot: Ints
    near: Ints  # (T,) the known pixel that the lines through a target come from
    distance: Floats  # (T,) px to the trusted area
    hole: Ints  # flat indices of the untrusted pixels
    lean: Floats  # (H, W) sideways shift of lines per px outwards


def outline(image: npt.NDArray[Any], trusted: Known, radius: int, source: Known | None = None) -> Level:
    """A level that is only painted, without what the search needs; image uint8 or float32 (H, W, 3) in [0, 255].

    trusted: bool (H, W), what stays as it is; source: what of it may be copied, all if left out.
    """
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    place = np.flatnonzero(cv2.dilate((~trusted).astype(np.uint8), kernel)).astype(np.int32)
    slot = np.full(trusted.shape, -1, np.int32)
    slot.ravel()[place] = np.arange(len(place), dtype=np.int32)
    return Level(
        image=image,
        trusted=trusted,
        valid=sources(trusted if source is None else source, radius),
        place=place,
        slot=slot,
        near=np.empty(0, np.int32),
        distance=np.empty(0, np.float32),
        hole=np.flatnonzero(~trusted).astype(np.int32),
        lean=np.empty((0, 0), np.float32),
    )


def searchable(sized: Sized, radius: int, lean: Floats | None = None) -> Level:
    """A level that can be searched; lean (H, W) at any size, found in this level's picture if left out."""
    image, trusted, _ = sized
    level = outline(image, trusted, radius, sized.trusted)
    near, distance = nearest_known(trusted)
    if lean is None:
        lean = leaning(np.take(image.reshape(-1, 3), near, axis=0), trusted)
    lean = cv2.resize(lean, trusted.shape[::-1], interpolation=cv2.INTER_LINEAR)
    flat = near.ravel()[level.place]
    level.near = near.ravel()[_traced(level.place, flat, lean.ravel()[level.place], trusted.shape)]
    level.distance = distance.ravel()[level.place]
    level.lean = lean
    return level


def _traced(place: Ints, near: Ints, lean: Floats, shape: tuple[int, ...]) -> Ints:
    """Where lines that lean so come from: the border point straight below each place, moved aside on the way back."""
    (y, x), (near_y, near_x) = np.divmod(place, shape[1]), np.divmod(near, shape[1])
    far_y, far_x = y - near_y, x - near_x
    v = np.clip(np.rint(near_y - far_x * lean), 0, shape[0] - 1)
    u = np.clip(np.rint(near_x + far_y * lean), 0, shape[1] - 1)
    return np.asarray(v * shape[1] + u, dtype=np.int32)


def leaning(image: Floats, trusted: Known) -> Floats:
    """(H, W): how far lines that meet the border shift sideways per px outwards, at each pixel's nearest border.

    Least squares on the structure tensor of the known area: the shift along which colours change least. Less where
    lines disagree or run along the border, 0 without lines.
    """
    inside = cv2.erode(trusted.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(np.float32)
    slope_y, slope_x = (cv2.Scharr(image, cv2.CV_32F, *order) / 32 for order in ((0, 1), (1, 0)))
    products = cv2.merge([summed(slope_y**2), summed(slope_y * slope_x), summed(slope_x**2), np.ones_like(inside)])
    tensor = cv2.GaussianBlur(products * inside[..., None], (0, 0), TENSOR)
    tensor = tensor[..., :3] / np.maximum(tensor[..., 3:], 1e-6)
    near = nearest_known(trusted)[0]
    places = np.arange(trusted.size, dtype=np.int32)
    (y, x), (near_y, near_x) = np.divmod(places, trusted.shape[1]), np.divmod(near.ravel(), trusted.shape[1])
    out_y, out_x = y - near_y, x - near_x
    length = np.maximum(np.hypot(out_y, out_x), 1e-6)
    out_y, out_x = out_y / length, out_x / length
    lean = np.zeros(trusted.size, np.float32)
    for _ in range(2):  # the second time where the line meets the border
        yy, yx, xx = tensor.reshape(-1, 3)[near.ravel()[_traced(places, near.ravel(), lean, trusted.shape)]].T
        outwards = out_y**2 * yy + 2 * out_y * out_x * yx + out_x**2 * xx
        sideways = out_x**2 * yy - 2 * out_y * out_x * yx + out_y**2 * xx
        mixed = out_x * out_y * (yy - xx) + (out_x**2 - out_y**2) * yx
        agree = ((outwards - sideways) ** 2 + 4 * mixed**2) / (outwards + sideways + TENSOR_GRAIN) ** 2
        lean = (-agree * mixed / (sideways + STEEP * outwards + TENSOR_GRAIN)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(lean.reshape(trusted.shape), (0, 0), 1.0), dtype=np.float32)


class Sized(NamedTuple):
    """The picture at one size of its pyramid."""

    image: Floats  # (h, w, 3) in [0, 255]
    shown: Known  # (h, w): what stays as it is
    trusted: Known  # (h, w): and what of it is the photo, the only source


def pyramid(pixels: Pixels, shown: Known, trusted: Known, radius: int) -> tuple[list[Sized], int]:
    """The levels to search, finest first, and how often the first of them was halved.

    Ends where the short side, the number of patches in the photo or what is to be painted would become too small.
    """
    halvings = 0
    image: npt.NDArray[Any] = pixels
    levels: list[Sized] = []
    while True:
        if levels or image.shape[0] * image.shape[1] <= SEARCHED:
            levels.append(Sized(image.astype(np.float32), shown, trusted))
        smaller, still_shown = halved(levels[-1].image if levels else image, shown)
        still_trusted = still_shown if trusted is shown else still_shown & (_quarters(trusted) >= 2)
        few = np.count_nonzero(sources(still_trusted, radius)) < SOURCES
        last = min(still_shown.shape) < COARSEST or few or bool(still_shown.all())
        if last and not levels:
            levels.append(Sized(image.astype(np.float32), shown, trusted))
        if last:
            return levels, halvings
        halvings += not levels
        image, shown, trusted = smaller, still_shown, still_trusted


def gauss(radius: int, spread: float) -> Floats:
    """(2 radius + 1,) Gaussian window of that spread in px, of sum 1."""
    line = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * spread**2))
    return np.asarray(line / line.sum(), dtype=np.float32)
