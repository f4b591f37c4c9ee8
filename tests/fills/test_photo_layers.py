"""What stands below stays below: no ground in the sky, no sky under the ground, no tip at the canvas' edge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from marking import slow
from skimage import data

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
    assert ground_in_the_sky(landscape(2), 2, upside_down, layer=0, part=0) > 0.01  # the picture is one that needs it


def test_layers_are_those_of_the_borders_that_grow() -> None:
    picture = landscape(1)
    shown = np.zeros(picture.shape[:2], np.float32)
    everything = np.ones(picture.shape[:2], bool)
    assert layers(picture.astype(np.float32), everything, shown) is None
    pixels = np.pad(picture, ((40, 30), (0, 0), (0, 0))).astype(np.float32)
    known = np.pad(everything, ((40, 30), (0, 0)))
    found = layers(pixels, known, np.pad(shown, ((40, 30), (0, 0))))
    assert found is not None
    assert found.sides == ("top", "bottom")
    above, below = (cv2.resize(each, (128, 166)) for each in np.moveaxis(found.other, 2, 0))
    assert above[48, 64] < 0.1  # sky
    assert above[90, 64] == above[125, 64] == 1
    assert below[125, 64] < 0.1  # path
    assert below[48, 64] == below[90, 64] == 1
    beyond = found.beyond(np.array([0, 60 * 128, 160 * 128], np.int32), known)
    np.testing.assert_array_equal(beyond, [[1, 0], [0, 0], [0, 1]])


def shed() -> np.ndarray:
    """A red shed in the middle of a lawn under a sky; uint8 (120, 180, 3)."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:120, :180]
    sky = np.dstack([150 + 0.2 * y, 190 + 0.2 * y, 230 + 0.0 * y]) + rng.normal(0, 1.5, (120, 180, 3))
    lawn = np.array([90, 130, 60]) + rng.normal(0, 18, (120, 180, 1))
    wall = np.array([170, 60, 50]) + 25.0 * (x // 4 % 2)[..., None] + rng.normal(0, 4, (120, 180, 3))
    picture = np.where((y > 70)[..., None], lawn, sky)
    inside = (abs(x - 90) < 50) & (y > 30) & (y < 100)
    return np.clip(np.where(inside[..., None], wall, picture), 0, 255).astype(np.uint8)


def red_share(picture: np.ndarray, **costs: float) -> float:
    """Share of what `patch` adds left and right that is red."""
    margins = (0, 0), (60, 60)
    known = np.pad(np.ones(picture.shape[:2], bool), margins)
    made = Patch(**costs).paint(np.pad(picture, (*margins, (0, 0))), known, np.random.default_rng(0))
    new = made[~known].astype(int)
    return float((new[:, 0] - new[:, 1] > 50).mean())


def test_beside_a_picture_goes_on_what_stands_at_that_side() -> None:
    assert red_share(shed()) < 0.001
    assert red_share(shed(), side=0, part=0, outline=0) > 0.01  # the picture is one that needs it
    assert red_share(shed()[:, :120]) > 0.01  # cut by the right border the shed may go on there


def fur_share(**costs: float) -> float:
    """Share of fur in the right part of what `patch` adds to a photo of a cat, cut at its left border alone."""
    photo = cv2.resize(data.chelsea(), (226, 150), interpolation=cv2.INTER_AREA)
    margins = (0, 0), (37, 87)
    known = np.pad(np.ones(photo.shape[:2], bool), margins)
    made = Patch(**costs).paint(np.pad(photo, (*margins, (0, 0))), known, np.random.default_rng(0))[:, -80:].astype(int)
    return float((made[..., 0] - made[..., 2] > 45).mean())


def test_no_fur_behind_a_cat() -> None:
    assert fur_share() < 0.15  # the wall there is brownish too
    assert fur_share(side=0) > 0.3


def test_what_stands_left_and_right() -> None:
    cut = np.pad(shed()[:, :120], ((0, 0), (60, 60), (0, 0))).astype(np.float32)
    known = np.pad(np.ones((120, 120), bool), ((0, 0), (60, 60)))
    found = layers(cut, known, np.zeros((120, 240), np.float32))
    assert found is not None
    assert found.sides == ("right", "left")
    right, left = (cv2.resize(each, (240, 120)) for each in np.moveaxis(found.other, 2, 0))
    assert right[60, 150] < 0.1  # the shed
    assert left[60, 150] == 1
    assert left[15, 75] < 0.1  # the sky
    beyond = found.beyond(np.array([60 * 240, 60 * 240 + 100, 60 * 240 + 200], np.int32), known)
    np.testing.assert_array_equal(beyond, [[0, 1], [0, 0], [1, 0]])


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
