"""The posterior mean over a photo's own patches: the closed form of the best denoiser for pictures made of them.

With y = x0 + sigma * noise, the best guess of a pixel is the mean of all source patches' centres, each weighted by
how likely it is that the noisy patch around the pixel came from it (Kamb and Ganguli, arXiv:2412.20292):

    D(y)_p = sum_q softmax_q(-|P_p(y) - P_q|^2 / (2 sigma^2) - prior(p, q)) * centre_q

As attention: the query is the noisy patch, the key a clean patch, the value its centre colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from softextend import arrays

LAMBDA_ALONG = 80.0  # nats per (longer side)^2 between a source and the nearest known point, away from the border
LAMBDA_ACROSS = 800.0  # the same along the border: keeps horizons and shores level
FOUND = 10.0  # nats, what the place of a target's nearest source may cost: what a fill has copied stays likely
LOOSEN = 4.0  # the prior's width grows by this factor per longer side of distance from the known area
NARROW = 0.75  # standard deviation of the Gaussian patch weight, in patch radii
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def patch_weights(radius: int) -> Floats:
    """(2 r + 1, 2 r + 1) float32 Gaussian, 1 at the centre; r = 0 is a single 1."""
    if radius == 0:
        return np.ones((1, 1), np.float32)
    a = np.arange(-radius, radius + 1, dtype=np.float32)
    g = np.exp(-(a**2) / (2 * (NARROW * radius) ** 2))
    return np.asarray(g[:, None] * g[None, :], np.float32)


def source_centres(known: npt.NDArray[np.bool_], radius: int) -> tuple[Ints, int]:
    """Flat indices (M,) of pixels whose patch lies wholly in known (H, W); the radius that allowed any, <= radius."""
    for r in range(radius, -1, -1):
        kernel = np.ones((2 * r + 1, 2 * r + 1), np.uint8)
        inside = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        found = np.flatnonzero(inside)
        if found.size:
            return found, r
    return np.flatnonzero(known), 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """Where each target would like its source: nearest known point, the direction away from it, how sure."""

    near: Floats  # (N, 2) y, x of the nearest known pixel, in px
    out: Floats  # (N, 2) unit vector from there to the target; (0, 0) inside the known area
    along: Floats  # (N,) nats per px^2 along `out`
    across: Floats  # (N,) nats per px^2 across it

    def loosened(self, nearest: npt.NDArray[np.int32]) -> Prior:
        """The same with places so much less strict that those (N, 2), y and x, cost FOUND at most."""
        far = nearest - self.near
        along = (far * self.out).sum(1) ** 2
        cost = self.along * along + self.across * ((far**2).sum(1) - along)
        ease = np.minimum(1, FOUND / np.maximum(cost, 1e-6)).astype(np.float32)
        return replace(self, along=self.along * ease, across=self.across * ease)


def prior(known: npt.NDArray[np.bool_], targets: Ints) -> Prior:
    """The positional prior of targets (flat indices, (N,)): quadratic in the distance from the nearest known point."""
    height, width = known.shape
    unknown = (~known).astype(np.uint8)
    _, label = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    ys, xs = np.nonzero(known)
    of_label = np.zeros((int(label.max()) + 1, 2), np.float32)
    of_label[label[ys, xs]] = np.stack([ys, xs], 1)
    near = of_label[label.ravel()[targets]]
    away = np.stack([targets // width, targets % width], 1).astype(np.float32) - near
    far = np.hypot(away[:, 0], away[:, 1])
    longer = float(max(height, width))
    loose = 1 / (longer * (1 + LOOSEN * far / longer)) ** 2
    out = away / np.maximum(far, 1)[:, None]
    across = np.where(far > 0, LAMBDA_ACROSS, LAMBDA_ALONG) * loose
    return Prior(near=near, out=out, along=LAMBDA_ALONG * loose, across=across.astype(np.float32))


def projected(image: Any, radius: int, at: Any) -> Any:
    """image float32 (3, H, W), at (N,) flat indices -> weighted patches (N, 3 (2 r + 1)^2), mirrored at the border.

    Both torch tensors, or both NumPy arrays. Where the picture is too small to mirror, its edge is repeated.
    """
    height, width = image.shape[1:]
    mirror = min(height, width) > radius
    span = arrays.like(at, np.arange(-radius, radius + 1))
    rows = _inside((at // width)[:, None] + span, height, mirror)
    columns = _inside((at % width)[:, None] + span, width, mirror)
    places = (rows[:, :, None] * width + columns[:, None, :]).reshape(len(at), -1)
    weight = arrays.like(image, np.sqrt(patch_weights(radius)).reshape(1, 1, -1))
    return (image.reshape(3, -1)[:, places] * weight).swapaxes(0, 1).reshape(len(at), -1)


def _inside(index: Any, length: int, mirror: bool) -> Any:
    """Indices from beyond both ends of an axis: mirrored about its outermost pixels, or the outermost themselves."""
    if not mirror:
        return index.clip(0, length - 1)
    return length - 1 - abs(length - 1 - abs(index))


def attend(query: Any, key: Any, value: Any, precision: Any, bias: tuple[Any, Any]) -> Any:
    """Posterior mean of `value` (M, V) at `query` (N, D) over `key` (M, D) as one attention call -> float32 (N, V).

    precision (N,) = 1 / sigma^2 of each query. bias: prior terms (N, E), (M, E) whose product is added to the logits.
    All of them torch tensors, or all NumPy arrays.
    """
    half_norm = -(key**2).sum(1, keepdims=True) / 2
    q = arrays.joined([query * precision[:, None], precision[:, None], bias[0]], axis=1)
    k = arrays.joined([key, half_norm, bias[1]], axis=1)
    return arrays.attention(q, k, value)


def prior_terms(where: Prior, sources: Ints, width: int) -> tuple[Floats, Floats]:
    """The quadratic prior as an inner product: float32 (N, 5), (M, 5), equal to -prior up to a constant per target."""
    uy, ux = where.out[:, 0], where.out[:, 1]
    a, b = where.along, where.across
    yy, xx, yx = a * uy**2 + b * (1 - uy**2), a * ux**2 + b * (1 - ux**2), (a - b) * uy * ux
    ny, nx = where.near[:, 0], where.near[:, 1]
    left = np.stack([-yy, -xx, -2 * yx, 2 * (yy * ny + yx * nx), 2 * (xx * nx + yx * ny)], 1)
    sy, sx = (sources // width).astype(np.float32), (sources % width).astype(np.float32)
    right = np.stack([sy * sy, sx * sx, sy * sx, sy, sx], 1)
    scale = np.abs(right).max(0) + 1  # keeps both factors near one: the product stays exact in float32
    return (left * scale).astype(np.float32), (right / scale).astype(np.float32)
