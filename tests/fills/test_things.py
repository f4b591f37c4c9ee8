"""Things are told from texture, are not copied, and no place without its like is copied whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from softextend.fills.patch import Patch
from softextend.fills.things import things
from softextend.finish.twins import twin_share


def stones(seed: int) -> np.ndarray:
    """192 x 192 px of one texture, no two places alike."""
    spots = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (192, 192)), (0, 0), 2)[..., None]
    return np.clip(120 + 30 * spots / spots.std() * np.ones(3), 0, 255).astype(np.float32)


def test_a_thing_stands_out_of_its_texture() -> None:
    image = stones(0)
    image[80:110, 80:110] = skimage.data.astronaut()[60:150:3, 180:270:3]
    found = things(image, np.ones((192, 192), bool))
    assert found.shape == (192, 192)
    assert found[85:105, 85:105].mean() > 0.6
    found[65:125, 65:125] = 0
    assert found.mean() < 0.1


def test_a_thing_that_stands_there_twice_is_none() -> None:
    image = stones(0)
    image[30:60, 30:60] = image[130:160, 130:160] = skimage.data.astronaut()[60:150:3, 180:270:3]
    assert things(image, np.ones((192, 192), bool))[35:55, 35:55].mean() < 0.3


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (90, 7)])
def test_things_of_any_size_are_in_range(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.float32)
    for trusted in (np.ones(size, bool), np.arange(size[0] * size[1]).reshape(size) % 3 == 0):
        found = things(image, trusted)
        assert found.shape == size
        assert found.min() >= 0
        assert found.max() <= 1


def extended(costs: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Grass, 256 px square, 96 px wider on the right."""
    grass = np.repeat(skimage.data.grass()[:256, :256, None], 3, 2)
    canvas = cv2.copyMakeBorder(grass, 0, 0, 0, 96, cv2.BORDER_CONSTANT)
    known = np.zeros(canvas.shape[:2], bool)
    known[:, :256] = True
    return costs.paint(canvas, known, np.random.default_rng(1)), known


def test_texture_goes_on_without_copies_of_whole_places() -> None:
    whole, known = extended(Patch(whole=1.0))
    cut, _ = extended(Patch())
    assert twin_share(cut, known) < 0.03
    assert twin_share(cut, known) < 0.5 * twin_share(whole, known)
    fine = [np.diff(each.astype(np.float32), axis=1)[:, 270:].std() for each in (whole, cut)]
    assert fine[1] > 0.85 * fine[0]
