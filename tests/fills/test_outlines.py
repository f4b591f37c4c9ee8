"""A horizon, a limb or a table's edge that reaches the border goes on as it leans and bends; texture has none."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from softextend.fills.outlines import Outline, outlines
from softextend.fills.patch import Patch

HEIGHT, WIDTH, ADDED = 160, 240, 60  # px of the drawings, and of what is cut off on the right
DARK, PALE = np.array([30.0, 34, 60]), np.array([170.0, 165, 150])
Y, X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
LIMB = 60 + (X[0] - 80) ** 2 / 700  # rows of the edge, px, column by column
TABLE = 120 - 0.35 * X[0]
HORIZON = np.full(WIDTH, 88.0) + 0.03 * X[0]


def drawn(edge: np.ndarray, light: np.ndarray, blur: float = 1.0) -> np.ndarray:
    """Dark above an edge (W,) and pale below it, in a light (H, W), with soft patches and grain: uint8 (H, W, 3)."""
    below = 1 / (1 + np.exp(-(Y - edge) / blur))
    patches = 12 * np.sin(X / 17 + Y / 11) * np.sin(X / 29 - Y / 7) * below
    picture = DARK + (PALE - DARK) * below[..., None] + patches[..., None]
    grain = np.random.default_rng(0).normal(0, 2, picture.shape)
    return np.clip(picture * light[..., None] + grain, 0, 255).astype(np.uint8)


def vignette() -> np.ndarray:
    """Light that falls off towards the border that is cut, as a lens has it: (H, W)."""
    away = np.hypot((X - (WIDTH - ADDED) / 2) / (WIDTH - ADDED), (Y - HEIGHT / 2) / HEIGHT)
    return 1 / (1 + 1.5 * away**2)


def edge_of(picture: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """The row, (W,), at which the steepest rise of lightness lies within 30 px of the guess (W,)."""
    light = picture.astype(np.float64).mean(2)
    light = np.apply_along_axis(np.convolve, 0, light, np.ones(5) / 5, "same")
    rise = np.diff(light, axis=0)
    rise[np.abs(Y[:-1] - guess) > 30] = -np.inf
    return rise.argmax(0).astype(np.float64)


def gone_on(picture: np.ndarray, strict: float) -> np.ndarray:
    """A picture whose right part is painted anew."""
    known = np.ones(picture.shape[:2], bool)
    known[:, WIDTH - ADDED :] = False
    given = np.where(known[..., None], picture, 0).astype(np.uint8)
    return Patch(outline=strict).paint(given, known, np.random.default_rng(0))


@pytest.mark.parametrize(("edge", "light"), [(LIMB, vignette()), (TABLE, vignette()), (HORIZON, 0.5 + X / WIDTH)])
def test_goes_on(edge: np.ndarray, light: np.ndarray) -> None:
    painted = gone_on(drawn(edge, light), Patch().outline)
    off = np.abs(edge_of(painted, edge) - edge)[WIDTH - ADDED :]
    assert np.median(off) < 2.5
    assert off.max() < 6


def test_bends_too_early_without() -> None:
    picture = drawn(LIMB, vignette())
    off = [np.abs(edge_of(gone_on(picture, strict), LIMB) - LIMB)[WIDTH - ADDED :].max() for strict in (0.0, 4.0)]
    assert off[1] < off[0] / 2


@pytest.mark.parametrize("turn", range(4))
def test_found_on_every_side(turn: int) -> None:
    picture = np.rot90(drawn(TABLE, np.ones((HEIGHT, WIDTH))), turn)
    canvas = np.pad(picture, ((40, 40), (40, 40), (0, 0))).astype(np.float32)
    known = np.pad(np.ones(picture.shape[:2], bool), 40)
    assert len(outlines(canvas, known)) == 2  # it meets two borders


def test_texture_has_none() -> None:
    for picture in (skimage.data.grass(), skimage.data.gravel(), skimage.data.brick()):
        canvas = np.pad(np.repeat(picture[::2, ::2, None], 3, 2), ((0, 0), (40, 40), (0, 0))).astype(np.float32)
        known = np.pad(np.ones((256, 256), bool), ((0, 0), (40, 40)))
        assert not outlines(canvas, known)


def test_an_outline_foretells_no_farther_than_it_is_seen() -> None:
    short, long = (
        Outline(turn=1, border=100, bends=(50.0, -0.4, 0.0), shown=np.ones(length, bool)) for length in (40, 160)
    )
    out = np.array([1, 20, 40, 80], np.float32)
    assert np.all(np.diff(short.seen(out)) < 0)
    assert short.seen(out)[0] > 0.98
    assert short.seen(out)[2] < 0.01
    assert long.seen(out)[2] > 0.6
