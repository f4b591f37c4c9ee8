"""A photo that darkens towards its sides goes on as varied as it is, not in rows of the few places that are as dark."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from softextend.fills import light
from softextend.fills.light import falloff
from softextend.fills.patch import Patch

HEIGHT, WIDTH, ADDED = 200, 240, 60  # px
Y, X = np.meshgrid(np.linspace(-1, 1, HEIGHT), np.linspace(-1, 1, WIDTH), indexing="ij")
LIGHT = 1 / (1 + 0.8 * X**2 + 0.2 * Y**2)
SIDES = (0, 0), (ADDED, ADDED)


def lit(texture: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A grey texture in that light (H, W): uint8 (H, W, 3)."""
    small = texture[::2, ::2][:HEIGHT, :WIDTH]
    return np.repeat((small * light).astype(np.uint8)[..., None], 3, 2)


def canvas(picture: np.ndarray, margins: tuple[tuple[int, int], ...] = SIDES) -> tuple[np.ndarray, np.ndarray]:
    """A picture with margins, and what is known of that."""
    return np.pad(picture, (*margins, (0, 0))), np.pad(np.ones(picture.shape[:2], bool), margins)


def repeats(painted: np.ndarray) -> float:
    """How much alike what is new and its own copy some px aside are: the best correlation of strips, mean."""
    grey = painted.astype(np.float64).mean(2)
    grey -= cv2.GaussianBlur(grey, (0, 0), 6)
    found = []
    for part in (grey[:, :ADDED], grey[:, -ADDED:]):
        for strip in np.split(part, 10):
            lags = [(strip[:, :-lag].ravel(), strip[:, lag:].ravel()) for lag in range(8, ADDED // 2)]
            found.append(max(float(np.corrcoef(*pair)[0, 1]) for pair in lags))
    return float(np.mean(found))


@pytest.mark.parametrize("name", ["gravel", "grass"])
def test_it_is_measured(name: str) -> None:
    found = falloff(*canvas(lit(getattr(skimage.data, name)(), LIGHT)))
    assert found is not None
    truth = LIGHT.mean(0)
    assert found.max() / found[ADDED] == pytest.approx(truth.max() / truth[0], rel=0.15)
    assert found.max() / found[-1] == pytest.approx(truth.max() / truth[-1], rel=0.15)
    assert found.min() == 1


@pytest.mark.parametrize("name", ["gravel", "grass", "brick", "camera"])
def test_without_it_nothing_is_found(name: str) -> None:
    assert falloff(*canvas(lit(getattr(skimage.data, name)(), np.ones_like(LIGHT)))) is None


def test_it_is_left_alone_where_more_than_the_sides_grow() -> None:
    assert falloff(*canvas(lit(skimage.data.gravel(), LIGHT), ((30, 0), (30, 30)))) is None


@pytest.mark.parametrize("name", ["gravel", "grass"])
def test_what_is_new_repeats_itself_less(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, known = canvas(lit(getattr(skimage.data, name)(), LIGHT))
    now = Patch().paint(given, known, np.random.default_rng(0))
    monkeypatch.setattr(light, "falloff", lambda pixels, trusted: None)
    before = Patch().paint(given, known, np.random.default_rng(0))
    assert repeats(now) < 0.85 * repeats(before)
    assert np.array_equal(now[known], given[known])
    assert now[:, :ADDED].mean() == pytest.approx(given[:, ADDED : ADDED + 20].mean(), rel=0.2)
