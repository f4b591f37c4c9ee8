"""Between pixels and latents: encode, decode by parts, carry up a stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from softextend import arrays
from softextend.errors import BadModel
from softextend.finish.colour_match import match_colour
from softextend.mask import editable
from softextend.plan.boxes import grown, scaled, tiles
from softextend.plan.plan import Plan
from softextend.plan.sizes import padding
from softextend.plan.windows import margin
from softextend.sampling.multidiffusion import Part, weight
from softextend.types import Box, Conditioning, Listener, Model

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from softextend.types import Change, Pixels

    Picture = npt.NDArray[np.float32]


AROUND = 4  # px of the small picture that enlarging a part of it reads around the part


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """What all regions of one pass share."""

    plan: Plan
    model: Model
    conditioning: Conditioning
    listener: Listener


def decode_parts(
    z: Tensor, pixels: Picture, change: Change, windows: Sequence[Box], parts: Sequence[Part], run: Run
) -> Picture:
    """z float32 (1, C, h, w) -> (H, W, 3) in about [0, 255], window by window, matched; 0 where no window is."""
    if len(parts) == 1:
        return finished(decode(run.model, z, run.listener), z, pixels, change, run.plan)
    painted, total = np.zeros_like(pixels), np.full(change.shape, 1e-12, np.float32)
    ramp = 2 * margin(run.plan.canvas.window)
    for box, part in zip(windows, parts, strict=True):
        seen = part.of(z)
        decoded = decode(run.model, seen, run.listener)
        share = weight(box.height, box.width, ramp)
        painted[box.cut] += share[..., None] * finished(decoded, seen, pixels[box.cut], change[box.cut], run.plan)
        total[box.cut] += share
    painted /= total[..., None]
    return painted


def finished(decoded: Tensor, z: Tensor, pixels: Picture, change: Change, plan: Plan) -> Picture:
    """float32 (1, 3, H', W') in [-1, 1] -> (H, W, 3) in about [0, 255]: no padding, the decoder's colour error off."""
    painted = to_picture(decoded[..., : change.shape[0], : change.shape[1]])
    if decoded is z or not plan.color_match:
        return painted  # latents that are the pixels themselves lose no colour
    return match_colour(painted, pixels, change)


def decode(model: Model, z: Tensor, listener: Listener) -> Tensor:
    """Latents -> finite float32 pixels (B, 3, H, W); a decoder that overflows is tried once more in float32."""
    if not arrays.finite(z):
        raise BadModel(
            f"{model.name} returned latents with NaN or Inf: the checkpoint is damaged or --dtype too narrow; "
            "try --dtype float32"
        )
    pixels = model.decode(z)
    if not arrays.finite(pixels):
        listener.note("the VAE overflowed: decoded once more in float32")
        pixels = model.decode(z, exact=True)
    if not arrays.finite(pixels):
        raise BadModel(
            f"the VAE of {model.name} decodes to pixels with NaN or Inf, even in float32: name one by --vae FILE"
        )
    return pixels


def carry_up(pixels: Picture, painted: Picture, change: Change, small: tuple[int, int]) -> Picture:
    """A stage's picture (h, w, 3) at full size (H, W, 3): painted where something may change, the pixels elsewhere."""
    height, width = change.shape
    if small != (height, width):
        painted = np.asarray(cv2.resize(painted, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.where(editable(change)[..., None], painted, pixels)


def carry_up_by_parts(pixels: Picture, painted: Picture, change: Change, plan: Plan) -> Picture:
    """As `carry_up`, (H, W, 3), in place, and enlarging no more than what may change."""
    full, small = change.shape, painted.shape[:2]
    for tile in tiles(plan.canvas.new, plan.canvas.reach + 1, full):
        near = grown(scaled(tile, full, small), AROUND, small)
        y, x = small[0] / full[0], small[1] / full[1]
        shift = [(tile.left + 0.5) * x - 0.5 - near.left, (tile.top + 0.5) * y - 0.5 - near.top]
        large = cv2.warpAffine(
            np.ascontiguousarray(painted[near.cut]),
            np.array([[x, 0, shift[0]], [0, y, shift[1]]]),
            (tile.width, tile.height),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        np.copyto(pixels[tile.cut], large, where=editable(change[tile.cut])[..., None])
    return pixels


def fit(array: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(H, W) or (H, W, 3) averaged down to size (h, w)."""
    if array.shape[:2] == size:
        return array
    return np.asarray(cv2.resize(array, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32)


def pad_edge(array: npt.NDArray[Any], multiple: int) -> npt.NDArray[Any]:
    """(H, W, ...) of any dtype (float32, bool) -> last row and column repeated until both sizes are multiples."""
    bottom, right = padding(array.shape[0], multiple), padding(array.shape[1], multiple)
    if not bottom and not right:
        return array
    return np.pad(array, ((0, bottom), (0, right)) + ((0, 0),) * (array.ndim - 2), mode="edge")


def to_picture(pixels: Tensor) -> Picture:
    """float (1, 3, H, W) in [-1, 1] -> float32 (H, W, 3) in [0, 255]."""
    levels: Picture = np.add(arrays.in_numpy(pixels[0]).transpose(1, 2, 0), 1, dtype=np.float32)
    levels *= 127.5
    return levels


def to_latents(pixels: Picture, model: Model) -> Tensor:
    """(H, W, 3) in [0, 255] -> float32 (1, 3, H', W') in [-1, 1], as the model takes it, padded to its factor."""
    scaled = pad_edge(pixels, model.factor) / np.float32(127.5)
    scaled -= 1
    latents: Tensor = arrays.given_to(model, scaled.transpose(2, 0, 1)[None])
    return latents


def to_change(change: Change, model: Model) -> Tensor:
    """(H, W) in [0, 1] -> float32 (1, 1, H', W'), as the model takes it, padded to its factor."""
    latents: Tensor = arrays.given_to(model, pad_edge(change, model.factor)[None, None])
    return latents


def to_levels(pixels: Tensor) -> Pixels:
    """(1, 3, H, W) in about [-1, 1] -> uint8 (H, W, 3)."""
    return np.clip(np.rint(to_picture(pixels)), 0, 255).astype(np.uint8)
