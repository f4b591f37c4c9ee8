"""What repeats itself on a plane seen at a slant goes on at the right sizes; elsewhere nothing changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from softextend.fills.patch import Patch
from softextend.fills.planes import laid_on_planes
from softextend.fills.vanishing import vanishing_points

SIZE = (320, 240)  # px, width and height of the views


def fence() -> np.ndarray:
    """Posts every 60 px and two rails, on grass under a sky."""
    flat = np.full((600, 1200, 3), (110, 150, 80), np.float32)
    flat[:250] = (150, 190, 230)
    for left in range(0, 1200, 60):
        flat[125:500, left + 20 : left + 38] = (120, 80, 50)
    flat[175:195] = flat[400:420] = (130, 90, 60)
    return flat


def tiles() -> np.ndarray:
    """Dark and light tiles of 40 px, in turns."""
    y, x = np.mgrid[:600, :1200] // 40
    return np.where(((y + x) % 2)[..., None], (200, 200, 195), (90, 90, 95)).astype(np.float32)


def seen(flat: np.ndarray, corners: list[tuple[float, float]]) -> np.ndarray:
    """A flat thing as seen at a slant: its corners lie there, in parts of the view, before an even ground."""
    height, width = flat.shape[:2]
    whole = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    there = np.array(corners, np.float32) * 2 * np.array(SIZE, np.float32)
    large = np.full((2 * SIZE[1], 2 * SIZE[0], 3), (215, 215, 240), np.float32)
    matrix = cv2.getPerspectiveTransform(whole, there)
    cv2.warpPerspective(
        flat, matrix, large.shape[1::-1], dst=large, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
    )
    view = cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)
    return np.clip(view + np.random.default_rng(0).normal(0, 3, view.shape), 0, 255).astype(np.uint8)


RECEDING = [(-0.1, -0.2), (1.05, 0.25), (1.05, 0.66), (-0.1, 1.15)]
FLOOR = [(0.3, 0.35), (0.75, 0.35), (1.9, 1.02), (-0.9, 1.02)]
FENCE, TILES = seen(fence(), RECEDING), seen(tiles(), FLOOR)


def without(view: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """A view without a fifth on one side, and what is known of it."""
    known = np.ones(view.shape[:2], bool)
    height, width = known.shape
    left_out = {
        "right": np.s_[:, -width // 5 :],
        "left": np.s_[:, : width // 5],
        "bottom": np.s_[-height // 5 :],
        "top": np.s_[: height // 5],
    }
    known[left_out[side]] = False
    return np.where(known[..., None], view, 0), known


def wrong(made: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """The share of pixels that are more than 25 levels off."""
    return float((np.abs(made[where].astype(int) - truth[where]).max(1) > 25).mean())


@pytest.mark.parametrize(
    ("view", "side"),
    [
        (FENCE, "right"),  # its step shrinks outwards
        (FENCE[:, ::-1], "right"),  # and grows
        (FENCE, "left"),
        (np.ascontiguousarray(FENCE.transpose(1, 0, 2)), "bottom"),
        (np.ascontiguousarray(FENCE.transpose(1, 0, 2)[::-1]), "top"),
        (TILES, "bottom"),
    ],
    ids=["receding", "coming nearer", "nearer on the left", "downwards", "upwards", "floor"],
)
def test_what_repeats_itself_at_a_slant_goes_on_at_the_right_sizes(view: np.ndarray, side: str) -> None:
    given, known = without(view, side)
    made, laid = laid_on_planes(given, known, Patch().planes)
    assert laid[~known].mean() > 0.4
    assert not laid[known].any()
    assert np.array_equal(made[~laid], given[~laid])
    assert wrong(made, view, laid) < (0.2 if view is TILES else 0.1)  # edges of tiles so near are 1 px off


def test_the_fill_goes_on_from_the_plane_and_keeps_it() -> None:
    given, known = without(FENCE, "right")
    made, plain = (fill.paint(given, known, np.random.default_rng(0)) for fill in (Patch(), Patch(planes=1.0)))
    painted, laid = laid_on_planes(given, known, Patch().planes)
    assert np.array_equal(made[laid], painted[laid])
    assert wrong(made, FENCE, ~known) < 0.06
    assert wrong(plain, FENCE, ~known) > 0.12


def test_a_plane_that_fills_all_that_is_new_leaves_nothing_to_search() -> None:
    given, known = without(TILES, "bottom")
    made = Patch().paint(given, known, np.random.default_rng(0))
    assert wrong(made, TILES, ~known) < 0.2


@pytest.mark.parametrize("photo", ["astronaut", "coffee", "rocket", "camera", "text"])
def test_a_photo_without_such_a_plane_stays_as_it_was(photo: str) -> None:
    pixels = getattr(skimage.data, photo)()
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3))
    known = np.zeros(pixels.shape[:2], bool)
    known[pixels.shape[0] // 5 : -(pixels.shape[0] // 5), pixels.shape[1] // 5 : -(pixels.shape[1] // 5)] = True
    made, laid = laid_on_planes(pixels, known, Patch().planes)
    assert not laid.any()
    assert made is pixels


def test_lines_that_meet_are_found_where_they_meet() -> None:
    given, known = without(FENCE, "right")
    points = vanishing_points(given, known)
    upper, lower = (np.array(RECEDING)[pair] * SIZE for pair in ([0, 1], [3, 2]))
    ways = np.stack([upper[1] - upper[0], lower[0] - lower[1]], 1)
    truth = upper[0] + np.linalg.solve(ways, lower[0] - upper[0])[0] * (upper[1] - upper[0])
    assert np.hypot(*(points[0] - truth)) < 0.05 * SIZE[0]


def test_noise_has_no_vanishing_points() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert not len(vanishing_points(noise, np.ones((200, 300), bool)))


@pytest.mark.parametrize("shape", [(8, 8), (3, 60), (60, 3), (30, 31)])
def test_small_pictures_have_no_planes(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    known = np.ones(shape, bool)
    known[:, -1] = False
    made, laid = laid_on_planes(pixels, known, 0.05)
    assert np.array_equal(made, pixels)
    assert not laid.any()
