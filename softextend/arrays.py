"""Latents are torch tensors or NumPy arrays, as the model takes them: what the loop needs of both beside operators.

Torch takes longer to import than a small picture to make. A model that does without it says so by `in_numpy`.
`percentiles` are of NumPy arrays alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

ROWS = 512  # queries whose shares are computed at once: what fits into a cache
LANES = 8  # numbers that a processor takes at once


@runtime_checkable
class InNumPy(Protocol):
    """A `Model` whose latents, pixels and scenes are NumPy arrays where others have torch tensors."""

    in_numpy: bool


def takes_numpy(model: object) -> bool:
    """Whether a model's latents are NumPy arrays."""
    return isinstance(model, InNumPy) and model.in_numpy


def without_gradients(model: object) -> AbstractContextManager[Any]:
    """Within it torch remembers nothing of what it computes; nothing to do where the model takes NumPy arrays."""
    if takes_numpy(model):
        return nullcontext()
    import torch

    return torch.inference_mode()


def given_to(model: object, array: npt.NDArray[Any]) -> Any:
    """An array (...) as the model takes it, sharing its memory."""
    if takes_numpy(model):
        return array
    import torch

    return torch.from_numpy(array)


def like(x: Any, array: Any) -> Any:
    """An array (...) of either kind in x's, on x's device; to a GPU from pinned memory, while it goes on working."""
    if isinstance(x, np.ndarray):
        return in_numpy(array)
    import torch

    tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
    if x.device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(x.device, non_blocking=True)
    return tensor.to(x.device)


def in_numpy(x: Any) -> npt.NDArray[Any]:
    """An array (...) of either kind as NumPy's, on the host."""
    return x if isinstance(x, np.ndarray) else x.detach().cpu().numpy()


def contiguous(x: Any) -> Any:
    """The same numbers one after the other, the last axis fastest; a copy where they are not."""
    return np.ascontiguousarray(x) if isinstance(x, np.ndarray) else x.contiguous()


def joined(parts: Sequence[Any], axis: int = 0) -> Any:
    """Arrays as one along an axis, such as the rows of a batch (1, ...) -> (B, ...)."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis)
    import torch

    return torch.cat(list(parts), axis)


def split(x: Any) -> list[Any]:
    """(B, ...) -> its rows (1, ...)."""
    return [x[row : row + 1] for row in range(len(x))]


def where(chosen: Any, x: Any, other: Any) -> Any:
    """x where `chosen`, the other elsewhere."""
    if isinstance(x, np.ndarray):
        return np.where(chosen, x, other)
    import torch

    return torch.where(chosen, x, other)


def lerp(x: Any, other: Any, share: Any) -> Any:
    """From x to the other by a share in [0, 1]: exactly either at its ends."""
    if isinstance(x, np.ndarray):
        mixed = share * other
        mixed += (1 - share) * x
        return mixed
    import torch

    return torch.lerp(x, other, share)


def percentiles(rows: Any, count: Any, percent: float) -> Any:
    """(N,): of the `count` (N,) smallest of each row (N, W), 1 at least, the percentile as NumPy interpolates it."""
    ordered = np.sort(rows, axis=1)  # NaN last; np.nanpercentile goes row by row, slowly
    at = (count - 1) * (percent / 100)
    each, lower = np.arange(len(rows)), np.floor(at).astype(int)
    low, high = ordered[each, lower], ordered[each, np.minimum(lower + 1, count - 1)]
    part = at - lower
    return np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))


def as_share(chosen: Any, change: Any) -> Any:
    """1 where `chosen`, 0 elsewhere, in the type of `change`."""
    return chosen.astype(change.dtype) if isinstance(change, np.ndarray) else chosen.to(change.dtype)


def resized(x: Any, size: Sequence[int], *, nearest: bool) -> Any:
    """(1, 1, H, W) at another size (h, w), by the nearest pixel or bilinearly."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    if isinstance(x, np.ndarray):
        import cv2

        way = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
        return cv2.resize(x[0, 0], tuple(size)[::-1], interpolation=way)[None, None]
    import torch.nn.functional

    return torch.nn.functional.interpolate(x, tuple(size), mode="nearest" if nearest else "bilinear")


def attention(query: Any, key: Any, value: Any) -> Any:
    """query (N, D), key (M, D), value (M, V) -> float32 (N, V): softmax(query key^T) value, its scale 1."""
    if isinstance(query, np.ndarray):
        means = np.empty((len(query), value.shape[1]), np.float32)
        for first in range(0, len(query), ROWS):
            share = query[first : first + ROWS] @ key.T
            share -= share.max(1, keepdims=True)
            np.exp(share, out=share)
            total = np.einsum("nm,mv->nv", share, value)  # BLAS would sum in an order that follows the threads
            means[first : first + ROWS] = total / share.sum(1, keepdims=True)
        return means
    import torch.nn.functional as functional

    wide = -(-query.shape[1] // LANES) * LANES
    q, k, v = (functional.pad(each, (0, wide - each.shape[1]))[None, None] for each in (query, key, value))
    return functional.scaled_dot_product_attention(q, k, v, scale=1.0)[0, 0, :, : value.shape[1]]


def finite(x: Any) -> bool:
    """Whether no number is NaN or Inf."""
    if isinstance(x, np.ndarray):
        return bool(np.isfinite(x).all())
    import torch

    return bool(torch.isfinite(x).all())


def zeros(shape: Sequence[int], x: Any) -> Any:
    """Zeros float32 of a shape, of x's kind, on its device."""
    if isinstance(x, np.ndarray):
        return np.zeros(tuple(shape), np.float32)
    import torch

    return torch.zeros(tuple(shape), device=x.device)


def generators(seeds: Sequence[int], x: Any) -> list[Any]:
    """A generator for each row, that of x's library, on the host."""
    if isinstance(x, np.ndarray):
        return [np.random.default_rng(seed) for seed in seeds]
    import torch

    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def drawn(own: Sequence[Any], shape: Sequence[int], x: Any) -> Any:
    """Standard normal noise float32 (len(own), *shape) of x's kind, a row from each generator, on its device."""
    if isinstance(x, np.ndarray):
        return np.stack([each.standard_normal(tuple(shape), np.float32) for each in own])
    import torch

    return torch.stack([torch.randn(tuple(shape), generator=each, device=each.device) for each in own])
