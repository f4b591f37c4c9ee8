"""How a PNG's rows are packed: looking for repeats takes long, and in photos finds next to none."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from softextend.pictures.planes import Samples


LEVEL = 6  # zlib's own
STRIPS, DEEP, WIDE = 4, 16, 1024  # of so many rows and columns, evenly from top to bottom; DEFLATE sees 32 kB at most
LARGER = 1.06  # of the smaller one's bytes, for a fifth of the time; 32 photos became 0.1 % smaller, one 4 % larger


def packing(samples: Samples, encode: Callable[[Samples, int], bytes]) -> int:
    """zlib's strategy for samples (H, W, ...): Z_RLE for photos, the default where it finds what repeats (tiles).

    `encode` makes a PNG by a strategy; it is tried on a few strips.
    """
    strips = samples
    if len(samples) > STRIPS * DEEP:
        starts = np.linspace(0, len(samples) - DEEP, STRIPS).astype(int)
        first = max(0, samples.shape[1] - WIDE) // 2
        strips = np.concatenate([samples[start : start + DEEP, first : first + WIDE] for start in starts])
    runs, repeats = (len(encode(strips, each)) for each in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY))
    return zlib.Z_RLE if runs <= LARGER * repeats else zlib.Z_DEFAULT_STRATEGY
