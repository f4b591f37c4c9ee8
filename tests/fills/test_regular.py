"""What repeats itself at steady steps goes on at these steps; what does not is left to the search."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from marking import slow

from softextend.fills import regular
from softextend.fills.patch import Patch


def windows(height: int, width: int, across: int, down: int) -> np.ndarray:
    """A wall with panes of differing colours, a window every `across` and `down` px."""
    rng = np.random.default_rng(1)
    wall = np.full((height, width, 3), (200, 180, 150), np.float32)
    for top in range(8, height, down):
        for left in range(9, width, across):
            pane = wall[top : top + down * 3 // 5, left : left + across // 2]
            pane[:] = np.array([70, 80, 100]) + rng.normal(0, 10, 3)
            pane[:, across // 4 : across // 4 + 2] = 230
    return wall + rng.normal(0, 4, wall.shape)


def bricks(height: int, width: int, across: int, down: int) -> np.ndarray:
    """Courses of `down` px, every other moved by half of a brick of `across` px."""
    rng = np.random.default_rng(0)
    wall = np.full((height, width, 3), (190, 185, 175), np.float32)
    for course in range(height // down + 1):
        for left in range(-(course % 2) * (across // 2), width, across):
            brick = wall[course * down + 2 : (course + 1) * down, max(0, left + 2) : left + across]
            brick[:] = np.array([150, 70, 50]) + rng.normal(0, 10, 3)
    return wall + rng.normal(0, 4, wall.shape)


def filled(picture: np.ndarray, turns: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture and what `patch` makes of it without a fifth on two opposite sides, both turned back, grey."""
    truth = np.clip(np.rot90(picture, turns), 0, 255).astype(np.uint8)
    known = np.zeros(picture.shape[:2], bool)
    cut = picture.shape[1] // 5
    known[:, cut:-cut] = True
    known = np.ascontiguousarray(np.rot90(known, turns))
    made = Patch().paint(np.where(known[..., None], truth, 0), known, np.random.default_rng(0))
    return tuple(np.rot90(each, -turns).mean(2).astype(np.float32) for each in (truth, made))


def displaced(truth: np.ndarray, made: np.ndarray, reach: int) -> tuple[int, int, float]:
    """Rows and columns by which a part of what was made is off the truth, up to `reach`, and its correlation there."""
    inner = np.ascontiguousarray(made[reach:-reach, reach:-reach])
    values = cv2.matchTemplate(np.ascontiguousarray(truth), inner, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(values.argmax(), values.shape)
    return int(row) - reach, int(column) - reach, float(values.max())


@pytest.mark.parametrize(
    ("picture", "turns"),
    [(windows(150, 240, 33, 38), 0), (windows(150, 240, 26, 31), 1), (bricks(150, 240, 34, 16), 0)],
    ids=["windows", "windows above and below", "bricks"],
)
def test_what_is_regular_goes_on_at_its_period(picture: np.ndarray, turns: int) -> None:
    truth, made = filled(picture, turns)
    for side in (slice(0, 48), slice(-48, None)):
        row, column, alike = displaced(truth[:, side], made[:, side], 12)
        assert abs(row) <= 1
        assert abs(column) <= 1
        assert alike > 0.85


@pytest.mark.parametrize("photo", [slow("chelsea"), "coffee", "grass"])
def test_a_photo_without_steady_steps_is_left_to_the_search(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = getattr(skimage.data, photo)()[:200, :300]
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3))
    known = np.zeros(pixels.shape[:2], bool)
    known[:, 60:-60] = True
    made = Patch().paint(pixels, known, np.random.default_rng(0))
    monkeypatch.setattr("softextend.fills.completion.go_on", lambda level, source: np.zeros((1, 1), bool))
    assert np.array_equal(made, Patch().paint(pixels, known, np.random.default_rng(0)))


def test_one_step_is_not_a_pattern() -> None:
    """Two of a kind, or a level edge, do not repeat: only what goes on both ways does."""
    rng = np.random.default_rng(2)
    picture = np.full((160, 240, 3), 120, np.float32) + rng.normal(0, 3, (160, 240, 3))
    picture[100:] += 60
    picture[30:70, 40:70] = picture[30:70, 150:180] = rng.uniform(0, 255, (4, 3, 3)).repeat(10, 0).repeat(10, 1)
    known = np.ones((160, 240), bool)
    peaks = regular.offsets_of(picture.astype(np.float32), known, 8)
    steady, _, _ = regular.repeated(picture.astype(np.float32), known, peaks, 15)
    assert not len(steady)
