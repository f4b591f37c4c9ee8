"""The twins figure sees a thing that stands there twice, and lets texture, periods and new things be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from softextend.finish.scores import score
from softextend.finish.twins import Like, twin_share

SIZE = (256, 384)
NEW = 128  # px, new on the right


def thing(seed: int) -> np.ndarray:
    """Spots of many colours, 96 x 96 px."""
    spots = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (96, 96, 3)), (0, 0), 4)
    return np.clip(120 + 60 * spots / spots.std(), 0, 255).astype(np.uint8)


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Faint noise with one thing on it at rows 30 to 126, columns 30 to 126; the right NEW columns are new."""
    pixels = np.clip(np.random.default_rng(seed).normal(120, 2, (*SIZE, 3)), 0, 255).astype(np.uint8)
    pixels[30:126, 30:126] = thing(1)
    known = np.ones(SIZE, bool)
    known[:, -NEW:] = False
    return pixels, known


def test_nothing_new_and_nothing_to_compare() -> None:
    pixels, known = scene()
    assert twin_share(pixels, np.ones_like(known)) == 0
    assert twin_share(pixels, known) == 0  # the new area is plain
    assert twin_share(pixels[:4, :4], known[:4, :4]) == 0
    narrow = np.zeros_like(known)
    narrow[:, :6] = True  # no whole window is known
    assert twin_share(pixels, narrow) == 0


@pytest.mark.parametrize("shift", [(0, 240), (37, 233), (-21, 246)])
def test_a_second_copy_is_a_twin_wherever_it_stands(shift: tuple[int, int]) -> None:
    pixels, known = scene()
    down, right = shift
    pixels[30 + down : 126 + down, 30 + right : 126 + right] = pixels[30:126, 30:126]
    found = twin_share(pixels, known)
    assert found > 0.5
    assert score(pixels, known).twins == found


def test_a_thing_that_the_photo_shows_twice_may_come_again() -> None:
    pixels, known = scene()
    pixels[131:227, 134:230] = pixels[30:126, 30:126]
    pixels[30:126, 270:366] = pixels[30:126, 30:126]
    assert twin_share(pixels, known) < 0.05


def test_a_new_thing_is_no_twin() -> None:
    pixels, known = scene()
    pixels[30:126, 270:366] = thing(2)
    assert twin_share(pixels, known) == 0


def test_what_repeats_itself_may_go_on() -> None:
    period = np.kron(np.indices((2, 2)).sum(0) % 2, np.ones((8, 8))) * 120 + 60
    pixels = np.repeat(np.tile(period, (SIZE[0] // 16, SIZE[1] // 16))[..., None], 3, 2).astype(np.uint8)
    known = scene()[1]
    assert twin_share(pixels, known) == 0


def test_twins_lower_the_total() -> None:
    pixels, known = scene()
    other = pixels.copy()
    other[30:126, 270:366] = thing(2)
    pixels[30:126, 270:366] = pixels[30:126, 30:126]
    assert score(pixels, known).total < score(other, known).total


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_a_photos_own_continuation_has_hardly_any(name: str) -> None:
    pixels = getattr(data, name)()
    known = np.zeros(pixels.shape[:2], bool)
    known[:, pixels.shape[1] // 5 : -pixels.shape[1] // 5] = True
    assert twin_share(pixels, known) < 0.005


def test_found_and_alone_agree_with_an_exhaustive_search() -> None:
    """Against correlations computed in float64, window by window."""
    image = data.chelsea()[::3, ::3].astype(np.float32)
    known = np.ones(image.shape[:2], bool)
    known[:, 100:] = False
    side = 16
    like = Like.of(image, known, side)
    corner = np.argwhere(like.inside)[::37]
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), (side, side), axis=(0, 1))
    windows = windows[:, : 100 - side + 1]
    flat = windows.reshape(*windows.shape[:2], 3, -1)
    flat = (flat - flat.mean(3, keepdims=True)).reshape(*windows.shape[:2], -1)
    flat /= np.linalg.norm(flat, axis=2, keepdims=True)
    lonely = like.alone(corner)
    at, close = like.found(corner)
    assert (at == corner).all(1).mean() > 0.97  # a known window is most like itself
    assert (close > 0.99).mean() > 0.97
    agree = 0
    for index, (row, column) in enumerate(corner):
        exact = flat @ flat[row, column]
        exact[max(0, row - side + 1) : row + side, max(0, column - side + 1) : column + side] = -1
        agree += lonely[index] == (exact.max() < 0.6)
        assert not (exact.max() < 0.6 and not lonely[index])  # "not alone" is always true
    assert agree > 0.85 * len(corner)
