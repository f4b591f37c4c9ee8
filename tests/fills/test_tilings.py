"""A plane seen at a slant that repeats itself both ways goes on on all sides and in the corners, in perspective."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from softextend.fills.patch import Patch
from softextend.fills.planes import laid_on_planes
from softextend.fills.regular import repeated

SIZE = (320, 240)  # px, width and height of the views
GROUND = [(0.05, -0.3), (0.95, -0.3), (1.6, 1.3), (-0.6, 1.3)]  # corners, in parts of a view that it fills


def bricks() -> np.ndarray:
    """Courses of 60 px that lead away, four bricks with joints at four places beside each other, over and over."""
    rng = np.random.default_rng(3)
    flat = np.full((1100, 1800, 3), (200, 195, 185), np.float32)
    for number, left in enumerate(range(0, 1800, 60)):
        for top in range((0, 75, 30, 110)[number % 4] - 150, 1100, 150):
            flat[max(0, top + 6) : max(0, top + 150), left + 6 : left + 60] = rng.normal((140, 70, 55), 8)
    return flat


def tiles() -> np.ndarray:
    """Dark and light tiles of 55 px, in turns."""
    y, x = np.mgrid[:1100, :1800] // 55
    return np.where(((y + x) % 2)[..., None], (200, 200, 195), (90, 90, 95)).astype(np.float32)


def seen(flat: np.ndarray) -> np.ndarray:
    """A ground that fills the view, as seen at a slant."""
    height, width = flat.shape[:2]
    whole = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    size = (2 * SIZE[0], 2 * SIZE[1])
    matrix = cv2.getPerspectiveTransform(whole, np.array(GROUND, np.float32) * np.array(size, np.float32))
    view = cv2.resize(cv2.warpPerspective(flat, matrix, size, flags=cv2.INTER_AREA), SIZE, interpolation=cv2.INTER_AREA)
    return np.clip(view + np.random.default_rng(0).normal(0, 3, view.shape), 0, 255).astype(np.uint8)


def within(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A view without a sixth on all four sides, and what is known of it."""
    height, width = view.shape[:2]
    known = np.zeros((height, width), bool)
    known[height // 6 : -(height // 6), width // 6 : -(width // 6)] = True
    return np.where(known[..., None], view, 0).astype(np.uint8), known


def wrong(made: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """The share of pixels that are more than 25 levels off."""
    return float((np.abs(made[where].astype(int) - truth[where]).max(1) > 25).mean())


@pytest.mark.parametrize(("flat", "most"), [(bricks(), 0.14), (tiles(), 0.12)], ids=["bricks", "tiles"])
def test_a_ground_goes_on_on_all_sides_and_in_the_corners(flat: np.ndarray, most: float) -> None:
    view = seen(flat)
    given, known = within(view)
    made, laid = laid_on_planes(given, known, Patch().planes)
    assert laid[~known].mean() > 0.9
    assert not laid[known].any()
    for rows in (slice(40), slice(-40, None)):
        for columns in (slice(53), slice(-53, None)):
            assert laid[rows, columns].mean() > 0.7
    painted = Patch().paint(given, known, np.random.default_rng(0))
    assert np.array_equal(painted[laid], made[laid])
    assert wrong(painted, view, ~known) < most
    assert wrong(Patch(planes=1.0).paint(given, known, np.random.default_rng(0)), view, ~known) > 0.2


def test_the_courses_of_a_photographed_wall_go_on_to_the_corners() -> None:
    wall = np.dstack([skimage.data.brick()] * 3)
    known = np.zeros((512, 512), bool)
    known[80:-80, 80:-80] = True
    _, laid = laid_on_planes(np.where(known[..., None], wall, 0).astype(np.uint8), known, Patch().planes)
    assert laid[~known].mean() > 0.8


def test_what_is_new_meets_the_border_without_a_step() -> None:
    view = seen(bricks()).astype(np.float32)
    view[:, :, :] += np.linspace(-30, 30, SIZE[0])[None, :, None]  # light from the right
    view = np.clip(view, 0, 255).astype(np.uint8)
    given, known = within(view)
    made, laid = laid_on_planes(given, known, Patch().planes)
    assert laid[~known].mean() > 0.8
    for inside, outside in ((53, 52), (-54, -53)):
        step = made[60:-60, outside].astype(np.float32) - made[60:-60, inside]
        assert abs(np.median(step)) < 5


def test_rails_alone_are_no_tiling() -> None:
    """What repeats itself one way only, as a fence does, has nothing to say of the other."""
    flat = np.full((1100, 1800, 3), (110, 150, 80), np.float32)
    for left in range(0, 1800, 60):
        flat[:, left + 20 : left + 38] = (120, 80, 50)
    given, known = within(seen(flat))
    _, laid = laid_on_planes(given, known, Patch().planes)
    assert laid[~known].mean() < 0.6


def test_how_steady_a_step_must_be_is_for_the_caller_to_say() -> None:
    y, x = np.mgrid[:96, :96]
    picture = np.repeat((((x // 8 + y // 8) % 2) * 100.0 + 60)[..., None], 3, 2).astype(np.float32)
    known = np.ones((96, 96), bool)
    offsets = np.array([[0, 16], [16, 0]])
    assert len(repeated(picture, known, offsets, 9)[0]) == 2
    assert not len(repeated(picture, known, offsets, 9, 1.01)[0])
