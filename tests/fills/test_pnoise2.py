"""The colour noise against Caseman's `noise`, the scalar package of the published fill: the same numbers, sooner."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tolerances import rounding

from softextend.fills.perlin import Perlin
from softextend.fills.perlin_noise import PERMUTATION, draw_octaves, perlin_grid

pnoise2 = pytest.importorskip("noise", reason="needs the package noise (pip install '.[reference]')").pnoise2


def float32_noise(farthest: float) -> float:
    """What pnoise2 is off by, since it takes its places, up to `farthest` cells, in float32; slopes are about 1."""
    return rounding("float32", size=farthest, condition=2)


def test_grid_noise_is_pnoise2() -> None:
    assert sorted(PERMUTATION) == list(range(256))
    u, v = np.arange(0, 520, 1.37), np.arange(200, 330, 1.73)
    expected = [[pnoise2(a, b) for a in u] for b in v]
    np.testing.assert_allclose(perlin_grid(u, v), expected, atol=float32_noise(u.max()), rtol=0)


def test_octaves_are_those_of_pnoise2() -> None:
    octaves = dataclasses.replace(draw_octaves(np.random.default_rng(0), 4, scale=100), phases=np.zeros((4, 2)))
    x, y = np.arange(0, 400, 7.0), np.arange(90, 300, 11.0)
    expected = [[pnoise2(a / 100, b / 100, octaves=4) for a in x] for b in y]
    np.testing.assert_allclose(octaves.grid(x, y) / octaves.amplitude, expected, atol=float32_noise(8 * 4), rtol=0)


def scalar_fbm(x: float, y: float, phases: np.ndarray) -> float:
    return sum(pnoise2(x * 2**k / 80 + du, y * 2**k / 80 + dv) / 2**k for k, (du, dv) in enumerate(phases))


def scalar_noise(phases: np.ndarray, height: int, width: int) -> np.ndarray:
    """The colour noise before its blur, 0 to 255, one call per pixel and octave."""
    noise = np.empty((height, width, 3))
    for y, x, channel in np.ndindex(noise.shape):
        u, v = x + 100 * channel, y + 100 * channel
        bent = u + 80 * scalar_fbm(u, v, phases), v + 80 * scalar_fbm(u + 5.2, v + 1.3, phases)
        noise[y, x, channel] = scalar_fbm(*bent, phases)
    rgb = (noise + 1) / 2
    mean = rgb.mean(axis=-1, keepdims=True)
    return np.clip(mean + (rgb - mean) * 1.5, 0, 1) * 255


def test_perlin_looks_like_its_scalar_form() -> None:
    rng = np.random.default_rng(7)
    rng.uniform(size=(4, 2))  # the swirl is drawn first
    expected = scalar_noise(rng.uniform(0, 256, (5, 2)), 64, 96)
    known = np.zeros((64, 96), np.bool_)
    known[0, 0] = True
    painted = Perlin(opacity=1, blur=0, fade=0, stir=0).paint(
        np.zeros((64, 96, 3), np.uint8), known, np.random.default_rng(7)
    )
    apart = np.abs(painted[~known] - expected[~known])
    assert apart.mean() < 0.5
    assert apart.max() < 6  # of 255 levels: interpolation, then rounding
    assert painted.std() == pytest.approx(expected.std(), rel=0.02)
