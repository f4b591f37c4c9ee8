"""Steps of a few levels between copies of sky or wall are spread; grain, edges and texture stay."""

from __future__ import annotations

import numpy as np

from softextend.fills.base import variance
from softextend.fills.even import evened
from softextend.fills.pyramid import outline


def lifted(step: float, grain: float) -> tuple[np.ndarray, np.ndarray, float]:
    """A copy with a step over 8 px, before and after it is evened, and the most that was lifted, levels."""
    image = (150 + np.random.default_rng(1).normal(0, grain, (160, 300, 3))).astype(np.float32)
    image += step * np.clip((np.arange(300) - 146) / 8, 0, 1).astype(np.float32)[:, None]  # as votes blend it
    known = np.zeros((160, 300), bool)
    known[100:] = True
    level = outline(image, known, 3)
    level.distance = np.maximum(100.0 - level.place // 300, 0).astype(np.float32)
    change = evened(level, variance(image, 7))
    made = image.copy()
    made.reshape(-1, 3)[level.place] += change
    np.testing.assert_array_equal(made[104:], image[104:])  # what is known and no target
    return image, made, float(np.abs(change).max())


def test_a_step_of_a_few_levels_is_spread_and_grain_stays() -> None:
    before, after, _ = lifted(4, 1)
    steps = [each[10:80, 156:160].mean() - each[10:80, 140:144].mean() for each in (before, after)]
    assert steps[0] > 3.9
    assert steps[1] < 2.9
    fine = [np.diff(each[10:80, :90], axis=0).std() for each in (before, after)]
    assert abs(fine[1] - fine[0]) < 0.05 * fine[0]


def test_edges_and_texture_stay() -> None:
    _, after, most = lifted(60, 1)
    assert most <= 3
    assert after[30, 160:].mean() - after[30, :140].mean() > 58
    assert lifted(4, 12)[2] == 0
