"""Painted pixels have as much fine detail as what they were copied from."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from softextend.fills import detail
from softextend.fills.detail import MOST, regain
from softextend.fills.pyramid import Level, outline

SIZE, EDGE = 96, 48


def averaged(dtype: Any, copies: int = 2) -> tuple[Level, np.ndarray]:
    """A picture whose right half is the mean of shifted copies of its left one, its level, and one of their sources."""
    rng = np.random.default_rng(5)
    picture = np.clip(rng.normal(128, 25, (SIZE, SIZE, 3)), 0, 255).astype(np.float32)
    left = picture[:, :EDGE].copy()
    picture[:, EDGE:] = np.mean([np.roll(left, (9 * n, 7 * n), (0, 1)) for n in range(copies)], axis=0)
    known = np.arange(SIZE)[None] < np.full((SIZE, 1), EDGE)
    level = outline(picture.astype(dtype), known, 3)
    y, x = np.divmod(level.place, SIZE)
    return level, (y * SIZE + x % EDGE).astype(np.int32)


def energy(image: np.ndarray) -> float:
    fine = image - cv2.GaussianBlur(image, (0, 0), 1.5)
    return float((fine[8:-8, 8:-8] ** 2).mean())


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_mean_of_copies_gets_the_detail_of_its_sources_back(dtype: Any) -> None:
    level, source = averaged(dtype)
    before = level.image.copy().astype(np.float32)
    assert energy(before[:, EDGE:]) < 0.6 * energy(before[:, :EDGE])  # two copies: half of it
    regain(level, source)
    after = level.image.astype(np.float32)
    assert energy(after[:, EDGE:]) == pytest.approx(energy(after[:, :EDGE]), rel=0.12)
    assert (after[:, :EDGE] == before[:, :EDGE]).all()
    blur = [cv2.GaussianBlur(each[:, EDGE:], (0, 0), 4) for each in (before, after)]
    assert np.abs(blur[0] - blur[1]).mean() < 1  # colours and layout stay


def test_a_whole_copy_and_a_flat_area_stay_as_they_are() -> None:
    level, source = averaged(np.float32, copies=1)
    level.image[:, :, 1:] = 90
    before = level.image.copy()
    regain(level, source)
    inside = np.s_[:, EDGE + 12 : -12]
    assert np.abs(level.image[inside] - before[inside]).mean() < 1.5
    assert (level.image[inside][..., 1:] == 90).all()


def test_detail_grows_by_a_bounded_factor() -> None:
    level, source = averaged(np.float32, copies=16)
    before = energy(level.image[:, EDGE:])
    regain(level, source)
    assert energy(level.image[:, EDGE:]) < MOST**2 * before * 1.05


def test_rows_at_a_time_give_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, source = averaged(np.uint8)
    parts, _ = averaged(np.uint8)
    regain(whole, source)
    monkeypatch.setattr(detail, "ROWS", 30)
    regain(parts, source)
    assert (whole.image == parts.image).all()
