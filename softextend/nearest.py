"""Of every pixel that may change the nearest patch of the known area: what a fill copied is found again.

PatchMatch (Barnes, Shechtman, Finkelstein, Goldman 2009): a few sweeps come within a tenth of the exact search, because
a fill made of whole pieces is what their propagation is made for.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from softextend.posterior import patch_weights

if TYPE_CHECKING:
    from softextend.types import Known

    Ints = npt.NDArray[np.int32]
    Floats = npt.NDArray[np.float32]

PARTS = 8  # pieces the targets are cut into, whatever the number of threads
SWEEPS = 2
RADIUS = 3  # px, of the patches
LEVELS = 127.5  # of 255 per unit of a picture in [-1, 1]


def nearest_sources(picture: Floats, valid: Known, at: Ints, start: Ints, seed: int) -> Ints:
    """The nearest valid source (N, 2) of each target `at` (N, 2), y and x, searched from `start` (N, 2).

    picture (h, w, 3) in [-1, 1]; valid (h, w): where a source may lie.
    """
    from softextend import patchmatch

    height, width = valid.shape
    place = at[:, 0] * width + at[:, 1]
    source = start[:, 0] * width + start[:, 1]
    slot = np.full(valid.shape, -1, np.int32)
    slot.ravel()[place] = np.arange(len(place), dtype=np.int32)
    even, free = np.ones(valid.shape, np.float32), np.zeros(len(place), np.float32)
    line = patch_weights(RADIUS)[RADIUS]
    zero = np.float32(0)
    cost, lift = free.copy(), np.zeros((len(place), 3), np.float32)
    cuts = [len(place) * part // PARTS for part in range(PARTS + 1)]
    with ThreadPoolExecutor(min(PARTS, os.cpu_count() or 1)) as pool:
        for sweep in range(SWEEPS):
            after = source.copy()
            before = ((picture + 1) * LEVELS, even, even / 2, slot, place)
            behind = (source, after, cost, lift, np.where(valid, zero, np.inf).astype(np.float32))
            priors = (place, np.zeros((height, width, 1), np.float32), free, free, free, even, zero)
            rest = (line / line.sum(), zero, zero, max(valid.shape), sweep % 2 == 1, seed + sweep)
            list(
                pool.map(
                    patchmatch.improve,
                    *map(repeat, before),
                    cuts[:-1],
                    cuts[1:],
                    *map(repeat, (*behind, *priors, *rest)),
                )
            )
            source = after
    return np.stack([source // width, source % width], 1).astype(np.int32)
