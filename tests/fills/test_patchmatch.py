"""The compiled search: what lies in memory beside a picture is none of it."""

from __future__ import annotations

import numpy as np

from softextend.fills import patchmatch
from softextend.fills.parts import threads

HEIGHT, WIDTH, RADIUS = 24, 32, 3


def found(beside: float) -> np.ndarray:
    """Sources of all pixels of the lower half, of which the ones at the picture's border are patches cut off there."""
    memory = np.full((HEIGHT + 2 * RADIUS, WIDTH, 3), beside, np.float32)
    image = memory[RADIUS:-RADIUS]
    image[:] = np.random.default_rng(3).uniform(0, 255, image.shape)
    valid = np.zeros((HEIGHT, WIDTH), np.bool_)
    valid[: HEIGHT // 2] = True
    place = np.flatnonzero(~valid).astype(np.int32)
    slot = np.full((HEIGHT, WIDTH), -1, np.int32)
    slot.ravel()[place] = np.arange(len(place), dtype=np.int32)
    line = np.ones(2 * RADIUS + 1, np.float32) / (2 * RADIUS + 1)
    with threads() as pool:
        return patchmatch.improve(
            (place % WIDTH).astype(np.int32),  # the topmost row
            np.zeros(len(place), np.float32),
            np.zeros((len(place), 3), np.float32),
            image=image,
            confidence=np.ones((HEIGHT, WIDTH), np.float32),
            variance=np.full((HEIGHT, WIDTH), 0.5, np.float32),
            slot=slot,
            place=place,
            prices=patchmatch.Prices.free(valid, place),
            gauss=line,
            lift=0,
            ease=0,
            reach=HEIGHT,
            reverse=False,
            seed=1,
            pool=pool,
        )


def test_patches_at_the_border_end_there() -> None:
    assert np.array_equal(found(0.0), found(1e6))
    assert np.array_equal(found(0.0), found(float("nan")))
