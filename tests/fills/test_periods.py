"""What repeats at the border goes on at its own step; what does not repeat is left as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from marking import slow

from softextend.fills.patch import Patch
from softextend.fills.periods import _top, periods

WALL, GLASS = 190.0, 60.0  # levels of 255


def windows(height: int, width: int, down: int, right: int) -> np.ndarray:
    """uint8 (H, W, 3): a noisy wall of windows, one every `down` and `right` px."""
    y, x = np.mgrid[:height, :width]
    glass = (x % right > right // 3) & (y % down > down // 3)
    grain = np.random.default_rng(2).normal(0, 4, glass.shape)
    level = np.clip(np.where(glass, GLASS, WALL) + grain, 0, 255)
    return np.dstack([level, level * 0.9, level * 0.8]).astype(np.uint8)


def cropped(truth: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture with black on so many rows and columns along each edge, and what is left."""
    height, width = truth.shape[:2]
    known = np.zeros((height, width), bool)
    known[rows : height - rows, columns : width - columns] = True
    return np.where(known[..., None], truth, 0).astype(np.uint8), known


def shift(result: np.ndarray, truth: np.ndarray, area: tuple[slice, slice], most: int = 8) -> tuple[int, int]:
    """By how many px down and right the area of the result lies off the truth: where both agree best."""
    rows, columns = (slice(max(each.start, most), each.stop) for each in area)
    rows = slice(rows.start, min(rows.stop, truth.shape[0] - most))
    columns = slice(columns.start, min(columns.stop, truth.shape[1] - most))
    wide = truth[rows.start - most : rows.stop + most, columns.start - most : columns.stop + most]
    match = cv2.matchTemplate(wide.astype(np.float32), result[rows, columns].astype(np.float32), cv2.TM_CCOEFF_NORMED)
    down, right = np.unravel_index(match.argmax(), match.shape)
    return int(down) - most, int(right) - most


@pytest.mark.parametrize(("rows", "columns"), [(0, 50), slow(40, 0), (40, 50)])
def test_windows_go_on_at_their_step(rows: int, columns: int) -> None:
    truth = windows(200, 280, 26, 31)
    pixels, known = cropped(truth, rows, columns)
    result = Patch().paint(pixels, known, np.random.default_rng(1))
    height, width = known.shape
    upper, middle, lower = slice(0, rows), slice(rows, height - rows), slice(height - rows, height)
    left, centre, right = slice(0, columns), slice(columns, width - columns), slice(width - columns, width)
    for area in [(y, x) for y in (upper, middle, lower) for x in (left, centre, right)]:
        if known[area].size and not known[area].any():
            assert np.abs(shift(result, truth, area)).max() <= 1, area
            wrong = np.abs(cv2.blur(result, (3, 3))[area].astype(int) - cv2.blur(truth, (3, 3))[area]).mean(2) > 50
            assert wrong.mean() < 0.15, area  # half of it where the step is missed


def test_without_the_price_the_step_is_lost() -> None:
    """That the test above can fail: the same wall with `regular` 0."""
    truth = windows(200, 280, 26, 31)
    pixels, known = cropped(truth, 40, 50)
    wrong = [
        (np.abs(Patch(regular=regular).paint(pixels, known, np.random.default_rng(1)).astype(int) - truth) > 50).mean()
        for regular in (0.0, 1.0)
    ]
    assert wrong[1] < wrong[0] / 2


def test_steps_are_measured_to_a_tenth_of_a_pixel() -> None:
    height, width, step = 160, 300, 23.4
    x = np.arange(width)
    bars = np.where((x / step) % 1 < 0.4, 60.0, 200.0)
    image = np.repeat(np.repeat(bars[None, :, None], height, axis=0), 3, axis=2).astype(np.float32)
    known = np.zeros((height, width), bool)
    known[:, 50:250] = True
    found = periods(image, known)
    assert found is not None
    assert set(found.steps) == {"left", "right"}
    for lines in found.steps.values():
        assert np.abs(lines[:, 0] - step).max() < 0.1
        assert np.abs(lines[:, 1]).max() == 0


def test_a_coarser_level_has_the_same_steps_in_its_own_px() -> None:
    pixels, known = cropped(windows(200, 280, 26, 31), 40, 50)
    found = periods(pixels.astype(np.float32), known)
    assert found is not None
    steps, certain = found.at(np.array([0, 50 * 140, 70], np.int32), (100, 140))  # a corner, the left, the top
    assert (certain > 0.5).all()
    np.testing.assert_allclose(steps[0], [13, 0, 0, 15.5], atol=0.1)
    np.testing.assert_allclose(steps[1], [0, 0, 0, 15.5], atol=0.1)
    np.testing.assert_allclose(steps[2], [13, 0, 0, 0], atol=0.1)


@pytest.mark.parametrize("photo", ["astronaut", "coffee", "chelsea", "camera", "grass", "gravel", "page"])
def test_photos_without_a_pattern_have_no_step(photo: str) -> None:
    picture = getattr(skimage.data, photo)()
    picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else picture
    height, width = picture.shape[:2]
    for rows, columns in ((height // 5, 0), (0, width // 5)):
        pixels, known = cropped(picture, rows, columns)
        assert periods(pixels.astype(np.float32), known) is None


def test_a_horizon_is_no_pattern_and_stays_level() -> None:
    y = np.mgrid[:160, :240][0]
    grain = np.random.default_rng(3).normal(0, 8, y.shape)
    level = np.where(y < 70, 190 + 0.2 * y, 70 + grain)
    truth = np.clip(np.dstack([level * 0.7, level * 0.85, level]), 0, 255).astype(np.uint8)
    pixels, known = cropped(truth, 0, 45)
    assert periods(pixels.astype(np.float32), known) is None
    result = Patch().paint(pixels, known, np.random.default_rng(1))
    edge = (result[:, ~known[0]].mean(2) < 130).argmax(0)  # the first row of water
    assert np.abs(edge - 70).max() <= 2
    assert np.median(np.abs(edge - 70)) <= 1


@pytest.mark.parametrize("slope", [[1.0, 0.5, -1e-5], [-1e-5, 0.5, 1.0], [0.5, 0.5, 0.5]])
def test_a_slope_has_its_top_beside_it(slope: list[float]) -> None:
    """A parabola through three points that are nearly in line has its top far off: a step led outside the picture."""
    assert abs(_top(np.array(slope, np.float32), 1) - 1) <= 1


def test_a_top_between_two_columns_is_found() -> None:
    at = np.arange(9.0)
    assert _top(np.asarray(1 - 0.01 * (at - 4.3) ** 2, np.float32), 4) == pytest.approx(4.3, abs=1e-3)
