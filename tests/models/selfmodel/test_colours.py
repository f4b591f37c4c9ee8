"""Where the built-in model's colours lie: in the hull of its sources, and of the fill's share."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from patchsums import LEVELS, RADII, SEEN, Array, centres, clean_of, there_and_back, ways
from smallscene import noise_of, scene_of, small_picture
from tolerances import rounding

from softextend.fills import detail
from softextend.models.selfmodel import candidates
from softextend.models.selfmodel import model as selfmodel
from softextend.models.selfmodel.dense import Dense
from softextend.models.selfmodel.model import SelfModel


def reach(colours: Array, directions: Array) -> Array:
    """How far colours (N, 3) reach in each direction (D, 3): the support of their convex hull, (D,)."""
    return np.asarray((colours.astype(np.float64) @ directions.T).max(0))


def directions(count: int = 4000) -> Array:
    """Unit vectors (D, 3), those along the axes and the diagonals among them."""
    drawn = np.random.default_rng(0).standard_normal((count, 3))
    grid = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3)
    every = np.concatenate([drawn, grid[np.any(grid, axis=1)]])
    return every / np.linalg.norm(every, axis=1, keepdims=True)


def hull(count: int) -> float:
    """How far a float32 mean of so many colours in [-1, 1] may lie outside their hull, in a unit direction."""
    return rounding("float32", size=math.sqrt(3), terms=count)


def test_the_test_of_hulls_finds_what_lies_outside() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    for inside, colour in ((True, [0.3, 0.3, 0.3]), (False, [0.34, 0.34, 0.34]), (False, [-0.001, 0.2, 0.2])):
        over = reach(np.array([colour]), directions()) - reach(square, directions())
        assert (over.max() <= hull(len(square))) == inside


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("sigma", [1e-3, 0.05, 0.3, 1.0, 15.0, 1e4])
def test_the_denoisers_colours_lie_in_the_hull_of_its_sources(sigma: float, radius: int) -> None:
    z0, known = small_picture(40, 46, 10)
    targets = np.flatnonzero(~known)
    y = -1.5 * z0 + sigma * noise_of(np.random.default_rng(2), z0.shape)
    precision = np.full(len(targets), sigma**-2, np.float32)
    for denoise in ways(z0, known, targets):
        sources = centres(known, radius if isinstance(denoise, Dense) else candidates.WIDEST)
        colours = z0.numpy()[:, [y for y, _ in sources], [x for _, x in sources]].T
        got = denoise(y.numpy(), precision, radius)
        assert np.isfinite(got).all()
        over = reach(got, directions()) - reach(colours, directions())
        assert over.max() <= hull(len(colours)), type(denoise).__name__


@pytest.mark.parametrize("dense", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("t", LEVELS)
@pytest.mark.parametrize("lift", [0.0, selfmodel.LIFT], ids=["plain", "lifted"])
def test_predicts_colours_lie_in_the_hull_widened_by_the_lift(
    dense: float, t: int, lift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lift adds at most LIFT to each channel, so that the hull reaches LIFT |d|_1 farther in a direction d.

    That is the sources' part of the answer, here all of it.
    """
    monkeypatch.setattr(selfmodel, "INEXACT", 1e-9)
    monkeypatch.setattr(selfmodel, "MISSED", 0.0)
    monkeypatch.setattr(detail, "MOST", 1.0)  # what `detail` gives back comes on top
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    monkeypatch.setattr(selfmodel, "LIFT", lift)
    z0, known = small_picture(40, 46, 10)
    z0[:, ~known] = 1.0  # whiter than any source: the lift is wanted as high as it may be
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    sigma = SelfModel.schedule.sigma_at(t)
    y = z0 + sigma * noise_of(np.random.default_rng(t), z0.shape)
    got = clean_of(scene, y, t)[:, ~known].T
    over = reach(got, directions()) - reach(z0.numpy()[:, known].T, directions())
    assert (over - lift * np.abs(directions()).sum(1)).max() <= hull(known.sum()) + there_and_back(y)
    if lift and t <= LEVELS[2]:
        assert over.max() > lift / 2  # and it is not idle


@pytest.mark.parametrize("missed", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("tau", [0.005, selfmodel.INEXACT, 0.5])
def test_a_sure_fill_keeps_its_share_of_the_answer(tau: float, missed: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two Gaussian errors join by their precisions: half and half where the fill is as sure as a source is right.

    Which it is the less, the farther it lies from the fill; `missed`: root mean square distance.
    """
    sure, distance = np.full((24, 30), tau**-2, np.float32), np.full((24, 30), missed**2, np.float32)
    share = selfmodel._kept(sure, distance, np.ones((24, 30), np.bool_))
    inexact = max(selfmodel.INEXACT**2, selfmodel.MISSED * missed**2)
    assert share == pytest.approx(np.full_like(share, 1 / (1 + tau**2 / inexact)), rel=1e-5)
    z0, known = small_picture(24, 30, 6)
    z0[:, ~known] = 0.9  # no source has it
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    row = selfmodel._Row.of(z0.numpy(), scene, "cpu")
    monkeypatch.setattr(detail, "MOST", 1.0)  # what `detail` gives back comes on top
    y = (z0 + 0.3 * noise_of(np.random.default_rng(0), z0.shape)).numpy()
    got, source = (
        dataclasses.replace(row, confidence=sure, kept=each).denoised(y, 0.3)[:, ~known]
        for each in (share, np.zeros_like(share))
    )
    fill = z0.numpy()[:, ~known]
    assert np.abs(fill - source).max() > SEEN
    assert np.allclose(got, source + share[~known] * (fill - source), atol=rounding("float32", terms=4), rtol=0)


@pytest.mark.parametrize("dense", [selfmodel.DENSE, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("t", LEVELS)
def test_with_the_fills_share_colours_lie_in_the_hull_of_sources_and_fill(
    dense: float, t: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mean of both, however sure: no farther than the sources, widened by the lift, or the fill's own colours."""
    sure = [np.full((40, 46), each**-2, np.float32) for each in (selfmodel.INEXACT / 3, 1.0)]
    monkeypatch.setattr(selfmodel, "precision", lambda *_: tuple(sure))
    monkeypatch.setattr(selfmodel, "MISSED", 0.0)
    monkeypatch.setattr(detail, "MOST", 1.0)
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    z0, known = small_picture(40, 46, 10)
    z0[:, ~known] = 1.0  # whiter than any source
    scene = scene_of(z0[None], known, change=(~known).astype(np.float32))
    sigma = SelfModel.schedule.sigma_at(t)
    y = z0 + sigma * noise_of(np.random.default_rng(t), z0.shape)
    toward = directions()
    sources = reach(z0.numpy()[:, known].T, toward) + selfmodel.LIFT * np.abs(toward).sum(1)
    fill = reach(z0.numpy()[:, ~known].T, toward)
    over = reach(clean_of(scene, y, t)[:, ~known].T, toward) - np.maximum(sources, fill)
    assert over.max() <= hull(known.sum()) + there_and_back(y)
    assert np.abs(clean_of(scene, y, t) - z0.numpy())[:, ~known].max() > SEEN  # the sources have a share


def test_the_photos_own_rim_is_neither_kept_nor_sharpened() -> None:
    """A scanner's light row, which lies where the photo is blended over, is like no source: that makes it no better."""
    z0, known = small_picture(40, 46, 10)
    z0[:, :, 35] = 1.0
    z0[:, :, 38:] *= -1  # like nothing either, but no photo
    change = (~known).astype(np.float32)
    change[:, 30:36] = 0.8
    row = selfmodel._Row.of(z0.numpy(), scene_of(z0[None], known, change=change), "cpu")
    plain = row.confidence * selfmodel.INEXACT**2
    assert row.kept[known] == pytest.approx((plain / (1 + plain))[known], rel=1e-5)
    assert (row.kept[~known] > (plain / (1 + plain))[~known] + 0.01).any()
    assert (row.energy[:, :40] == 0).all()
