"""What stands below stays below: no ground in the sky, no sky under the ground, no tip at the canvas' edge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from marking import slow

from softextend.fills import patchmatch
from softextend.fills.layers import layers
from softextend.fills.patch import Patch
from softextend.fills.pyramid import gauss, outline


def landscape(seed: int) -> np.ndarray:
    """Sky, bushes that reach up to the photo's upper corners, and a path below; uint8 (96, 128, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :128]
    sky = np.dstack([110 + 0.6 * y, 170 + 0.4 * y, 230 + 0.1 * y]) + rng.normal(0, 1.5, (96, 128, 3))
    leaves = cv2.GaussianBlur(rng.normal(0, 1, (96, 128)).astype(np.float32), (0, 0), 1.5)[..., None] * 110
    bushes = np.array([80, 120, 40]) + leaves + rng.normal(0, 8, (96, 128, 3))
    skyline = 34 - 30 * np.abs(x[0] / 64 - 1) ** 2 + rng.normal(0, 3, 128)
    path = np.array([170, 160, 150]) + rng.normal(0, 25, (96, 128, 1))
    picture = np.where((y >= skyline)[..., None], bushes, sky)
    return np.clip(np.where((y > 70)[..., None], path, picture), 0, 255).astype(np.uint8)


def ground_in_the_sky(picture: np.ndarray, seed: int, upside_down: bool, **costs: float) -> float:
    """Share of what is not blue in the far half of what `patch` adds on the side of the sky."""
    margins = ((110, 0), (70, 70))
    known = np.pad(np.ones(picture.shape[:2], bool), margins)
    pixels = np.pad(picture, (*margins, (0, 0)))
    if upside_down:
        pixels, known = pixels[::-1].copy(), known[::-1].copy()
    made = Patch(**costs).paint(pixels, known, np.random.default_rng(seed))
    far = (made[::-1] if upside_down else made)[:60].astype(float)
    return float((far[..., 2] - far[..., 0] < 40).mean())


@pytest.mark.parametrize(("upside_down", "seeds"), [(False, (0, 2, 3)), (True, (2,)), slow(True, (0, 3))])
def test_no_ground_in_the_sky(upside_down: bool, seeds: tuple[int, ...]) -> None:
    shares = [ground_in_the_sky(landscape(seed), seed, upside_down) for seed in seeds]
    assert max(shares) < 0.001
    assert ground_in_the_sky(landscape(2), 2, upside_down, layer=0) > 0.01  # the picture is one that needs it


def test_layers_are_those_of_the_borders_that_grow() -> None:
    picture = landscape(1)
    shown = np.zeros(picture.shape[:2], np.float32)
    everything = np.ones(picture.shape[:2], bool)
    assert layers(picture.astype(np.float32), everything, shown) is None
    pixels = np.pad(picture, ((40, 30), (0, 0), (0, 0))).astype(np.float32)
    known = np.pad(everything, ((40, 30), (0, 0)))
    found = layers(pixels, known, np.pad(shown, ((40, 30), (0, 0))))
    assert found is not None
    assert found.down == (-1, 1)
    above, below = (cv2.resize(each, (128, 166)) for each in np.moveaxis(found.other, 2, 0))
    assert above[48, 64] < 0.1  # sky
    assert above[90, 64] == above[125, 64] == 1
    assert below[125, 64] < 0.1  # path
    assert below[48, 64] == below[90, 64] == 1
    beyond = found.beyond(np.array([0, 60 * 128, 160 * 128], np.int32), known)
    np.testing.assert_array_equal(beyond, [[1, 0], [0, 0], [0, 1]])


def test_what_a_source_shows_outside_the_canvas_does_not_make_it_cheap() -> None:
    rng = np.random.default_rng(0)
    image = (100 + rng.normal(0, 3, (60, 60, 3))).astype(np.float32)
    known = np.ones((60, 60), bool)
    known[:4] = False
    image[20:23] = rng.uniform(0, 255, (3, 60, 3))  # above the row 23, which shows 15 levels more than the rest
    image[23:27] += 15
    level = outline(image, known, 3)
    edge = level.place < 60
    count = len(level.place)
    none, nowhere = np.zeros(count, np.float32), np.zeros((60, 60), np.float32)
    prices = patchmatch.Prices(
        penalty=np.where(level.valid, np.float32(0), np.float32(np.inf)), near=level.place, look=nowhere[..., None],
        across=none, along=none, alike=none, close=nowhere, nearby=0.0, kinds=nowhere[..., None], shuns=none[:, None],
        steps=np.zeros((count, 4), np.float32), regular=none,
    )  # fmt: skip
    source = np.where(edge, 23 * 60 + 30, 40 * 60 + 30).astype(np.int32)
    square = np.maximum(cv2.blur(image**2, (7, 7)) - cv2.blur(image, (7, 7)) ** 2, 0).sum(2) + 50
    with ThreadPoolExecutor(1) as pool:
        found = patchmatch.improve(
            source, np.zeros(count, np.float32), np.zeros((count, 3), np.float32), image=image,
            confidence=known.astype(np.float32) + np.float32(0.15), variance=square, slot=level.slot,
            place=level.place, prices=prices, gauss=gauss(3, 2.4), lift=0.0, ease=0.5, reach=16, reverse=False, seed=1,
            pool=pool,
        )  # fmt: skip
    assert (found[edge] // 60 > 26).mean() > 0.9
