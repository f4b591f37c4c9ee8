"""Of every pixel that may change the nearest patch of the known area: what a fill copied is found again.

PatchMatch (Barnes, Shechtman, Finkelstein, Goldman 2009): a few sweeps come within a tenth of the exact search, because
a fill made of whole pieces is what their propagation is made for.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from softextend.fills.parts import PARTS, cuts_of, to_all
from softextend.models.selfmodel.posterior import patch_weights

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int32]


SWEEPS = 2
RADIUS = 3  # px, of the patches
LEVELS = 127.5  # of 255 per unit of a picture in [-1, 1]


def nearest_sources(picture: Floats, valid: Known, at: Ints, index: Ints, start: Ints, seed: int) -> Ints:
    """The nearest valid source (N, 2) of each target `at` (N, 2), y and x, searched from `start` (N, 2).

    picture (h, w, 3) in [-1, 1]; valid (h, w): where a source may lie; index (h, w): row of a target, -1 elsewhere.
    """
    from softextend.fills import patchmatch

    width = valid.shape[1]
    place, source = at[:, 0] * width + at[:, 1], start[:, 0] * width + start[:, 1]
    even, free, zero = np.ones(valid.shape, np.float32), np.zeros(len(place), np.float32), np.float32(0)
    level = to_all((picture + 1) * LEVELS, even, even / 2, index, place)
    found = to_all(free.copy(), np.zeros((len(place), 3), np.float32))
    barred = np.where(valid, zero, np.inf).astype(np.float32)
    priors = to_all(barred, place, np.zeros((*valid.shape, 1), np.float32), free, free, free, even, zero)
    line = patch_weights(RADIUS)[RADIUS]
    alone = to_all(line / line.sum(), zero, zero, max(valid.shape))
    cuts = cuts_of(len(place))
    with ThreadPoolExecutor(min(PARTS, os.cpu_count() or 1)) as pool:
        for sweep in range(SWEEPS):
            after = source.copy()
            turn = to_all(sweep % 2 == 1, seed + sweep)
            field = to_all(source, after)
            list(pool.map(patchmatch.improve, *level, cuts[:-1], cuts[1:], *field, *found, *priors, *alone, *turn))
            source = after
    return np.stack([source // width, source % width], 1).astype(np.int32)
