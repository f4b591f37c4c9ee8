"""The posterior mean over a photo's own patches: the closed form of the best denoiser for pictures made of them.

With y = x0 + sigma * noise, the best guess of a pixel is the mean of all source patches' centres, each weighted by
how likely it is that the noisy patch around the pixel came from it (Kamb and Ganguli, arXiv:2412.20292):

    D(y)_p = sum_q softmax_q(-|P_p(y) - P_q|^2 / (2 sigma^2) - prior(p, q)) * centre_q

As attention: the query is the noisy patch, the key a clean patch, the value its centre colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

LAMBDA_ALONG = 80.0  # nats per (longer side)^2 between a source and the nearest known point, away from the border
LAMBDA_ACROSS = 800.0  # the same along the border: keeps horizons and shores level
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
class PlacePrior:
    """Where each target would like its source: nearest known point, the direction away from it, how sure."""

    near: Floats  # (N, 2) y, x of the nearest known pixel, in px
    out: Floats  # (N, 2) unit vector from there to the target; (0, 0) inside the known area
    along: Floats  # (N,) nats per px^2 along `out`
    across: Floats  # (N,) nats per px^2 across it


def place_prior(known: npt.NDArray[np.bool_], targets: Ints) -> PlacePrior:
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
    return PlacePrior(near=near, out=out, along=LAMBDA_ALONG * loose, across=across.astype(np.float32))


def projected(image: Tensor, radius: int, at: Tensor) -> Tensor:
    """image float32 (3, H, W), at (N,) flat indices -> weighted patches (N, 3 (2 r + 1)^2), reflected at the border."""
    width = image.shape[2]
    padded = pad(image, radius)
    wide = width + 2 * radius
    first = torch.div(at, width, rounding_mode="floor") * wide + at % width
    span = torch.arange(2 * radius + 1, device=at.device)
    offsets = (span[:, None] * wide + span[None, :]).reshape(-1)
    taken = padded.reshape(3, -1)[:, first[:, None] + offsets[None, :]]
    weight = torch.from_numpy(patch_weights(radius)).to(image.device).sqrt().reshape(1, 1, -1)
    return (taken * weight).permute(1, 0, 2).reshape(len(at), -1)


def pad(image: Tensor, radius: int) -> Tensor:
    """image float32 (C, H, W) with a mirrored rim of `radius`; replicated where the picture is too small to mirror."""
    if radius == 0:
        return image
    mode = "reflect" if min(image.shape[1:]) > radius else "replicate"
    return F.pad(image[None], (radius,) * 4, mode=mode)[0]


def attend(query: Tensor, key: Tensor, value: Tensor, precision: Tensor, bias: tuple[Tensor, Tensor]) -> Tensor:
    """Posterior mean of `value` (M, 3) at `query` (N, D) over `key` (M, D) as one attention call -> float32 (N, 3).

    precision (N,) = 1 / sigma^2 of each query. bias: prior terms (N, E), (M, E) whose product is added to the logits.
    """
    half_norm = -(key**2).sum(1, keepdim=True) / 2
    q = torch.cat([query * precision[:, None], precision[:, None], bias[0]], 1)
    k = torch.cat([key, half_norm, bias[1]], 1)
    wide = math.ceil(q.shape[1] / 8) * 8  # whole vectors
    q, k = F.pad(q, (0, wide - q.shape[1])), F.pad(k, (0, wide - k.shape[1]))
    v = F.pad(value, (0, wide - value.shape[1]))
    mean = F.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None], scale=1.0)
    return mean[0, 0, :, : value.shape[1]]


def prior_terms(where: PlacePrior, sources: Ints, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The quadratic prior as an inner product: float32 (N, 5), (M, 5), equal to -prior up to a constant per target."""
    uy, ux = where.out[:, 0], where.out[:, 1]
    a, b = where.along, where.across
    yy, xx, yx = a * uy**2 + b * (1 - uy**2), a * ux**2 + b * (1 - ux**2), (a - b) * uy * ux
    ny, nx = where.near[:, 0], where.near[:, 1]
    left = np.stack([-yy, -xx, -2 * yx, 2 * (yy * ny + yx * nx), 2 * (xx * nx + yx * ny)], 1)
    sy, sx = (sources // width).astype(np.float32), (sources % width).astype(np.float32)
    right = np.stack([sy * sy, sx * sx, sy * sx, sy, sx], 1)
    scale = np.abs(right).max(0) + 1  # keeps both factors near one: the product stays exact in float32
    return (
        torch.from_numpy((left * scale).astype(np.float32)).to(device),
        torch.from_numpy((right / scale).astype(np.float32)).to(device),
    )
