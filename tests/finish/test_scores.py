"""Scores move the right way: made-up faults on real photos whose continuation is known."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from marking import slow
from skimage import data

from softextend.arrays import percentiles
from softextend.finish.scores import Scores, known_in, score
from softextend.finish.seam_profiles import SEGMENT, seam_profiles, segment_means

PHOTOS = ("astronaut", "rocket", slow("coffee"), slow("chelsea"))
SIDE = 80  # px that count as new on the left and the right
Fault = Callable[[np.ndarray, np.ndarray], np.ndarray]


def photo(name: str) -> np.ndarray:
    return cv2.resize(getattr(data, name)(), (420, 300), interpolation=cv2.INTER_AREA)


def middle(pixels: np.ndarray, side: int = SIDE) -> np.ndarray:
    known = np.zeros(pixels.shape[:2], bool)
    known[:, side:-side] = True
    return known


def on_new(known: np.ndarray, pixels: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`other` in the new area, the photo elsewhere; uint8."""
    return np.clip(np.where(known[..., None], pixels, other), 0, 255).astype(np.uint8)


def drawn_line(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    edge = cv2.dilate(known.astype(np.uint8), np.ones((1, 3), np.uint8)).astype(bool) & ~known
    return on_new(~edge, pixels, pixels + 40.0)


def blur(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    return on_new(known, pixels, cv2.GaussianBlur(pixels, (0, 0), 3))


def brighter(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    return on_new(known, pixels, pixels + 14.0)


def grey(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    return on_new(known, pixels, np.full_like(pixels, 128))


def black(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    return on_new(known, pixels, pixels * 0)


def frame(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    framed = pixels.astype(np.float32)
    framed[:, : SIDE // 2] = framed[:, : SIDE // 2] * 0.1 + 225
    return on_new(known, pixels, framed)


def smear(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The fill `edge`, untouched."""
    inner = pixels[:, SIDE:-SIDE]
    return cv2.copyMakeBorder(inner, 0, 0, SIDE, SIDE, cv2.BORDER_REPLICATE)


UP = {
    "colour_step": (brighter, grey, black),
    "gradient_step": (drawn_line, brighter, grey),
    "line": (drawn_line, brighter, grey),
    "flat": (grey, frame),
    "broken": (black,),
}


@cache
def judged(name: str, fault: Fault | None) -> Scores:
    """A photo's scores where its sides count as new; with a fault there."""
    pixels = photo(name)
    known = middle(pixels)
    return score(pixels if fault is None else fault(pixels, known), known)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize(("measure", "fault"), [(each, fault) for each in UP for fault in UP[each]])
def test_each_fault_raises_its_measure_and_lowers_the_total(name: str, measure: str, fault: Fault) -> None:
    good, bad = judged(name, None), judged(name, fault)
    assert getattr(bad, measure) > getattr(good, measure)
    assert bad.total < good.total


@pytest.mark.parametrize("name", PHOTOS)
def test_blur_lowers_texture_step_by_step(name: str) -> None:
    pixels = photo(name)
    known = middle(pixels)
    found = [score(pixels, known)]
    found += [score(on_new(known, pixels, cv2.GaussianBlur(pixels, (0, 0), sigma)), known) for sigma in (0.7, 1.5, 4)]
    textures = [each.texture for each in found]
    assert textures == sorted(textures, reverse=True)
    assert found[-1].total < found[0].total
    noisy = on_new(known, pixels, pixels + np.random.default_rng(0).normal(0, 25, pixels.shape))
    assert score(noisy, known).texture > 1.3 * textures[0]


@pytest.mark.parametrize("name", PHOTOS)
def test_an_untouched_fill_is_left_over_and_a_painting_is_not(name: str) -> None:
    pixels = photo(name)
    known = middle(pixels)
    filled = smear(pixels, known)
    untouched, painted = score(filled, known, filled), score(pixels, known, filled)
    half = on_new(known, pixels, 0.5 * pixels + 0.5 * filled)
    assert untouched.leftover > 0.85
    assert painted.leftover < 0.15
    assert painted.leftover < score(half, known, filled).leftover < untouched.leftover
    assert untouched.total < 0.5 * painted.total
    assert score(filled, known).leftover == 0


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photos_own_continuation_scores_near_one(name: str) -> None:
    found = judged(name, None)
    assert 0.2 < found.colour_step < 1.6
    assert 0.2 < found.gradient_step < 1.6
    assert 0.2 < found.line < 1.6
    assert found.total > 0.4


def test_the_step_grows_with_the_fault() -> None:
    pixels = photo("coffee")
    known = middle(pixels)
    totals = [score(on_new(known, pixels, pixels + float(up)), known).total for up in (0, 4, 8, 16, 32)]
    assert totals == sorted(totals, reverse=True)


def test_any_known_area_is_judged_and_a_fault_in_it_found() -> None:
    pixels = photo("coffee")
    hole = np.ones(pixels.shape[:2], bool)
    cv2_hole = cv2.circle(hole.astype(np.uint8), (200, 150), 70, 0, -1)
    known = cv2_hole.astype(bool)
    good, bad = score(pixels, known), score(on_new(known, pixels, pixels + 25.0), known)
    assert bad.gradient_step > 1.3 * good.gradient_step
    assert bad.total < good.total
    corner = middle(pixels)
    corner[:90] = False
    assert score(on_new(corner, pixels, pixels + 25.0), corner).total < score(pixels, corner).total


def test_a_box_is_the_same_as_its_known_area() -> None:
    pixels = photo("rocket")
    box = {"left": SIDE, "top": 0, "width": 420 - 2 * SIDE, "height": 300}
    assert score(pixels, box) == score(pixels, middle(pixels))
    assert known_in(box, 300, 420).sum() == (420 - 2 * SIDE) * 300


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 3), (8, 8), (16, 5), (40, 33)])
@pytest.mark.parametrize("band", [0, 12, 120])
def test_small_pictures_have_scores_without_warnings(size: tuple[int, int], band: int) -> None:
    pixels = np.ascontiguousarray(photo("chelsea")[100 : 100 + size[0], 100 : 100 + size[1]])
    wide = cv2.copyMakeBorder(pixels, 2, 0, 5, 9, cv2.BORDER_REFLECT)
    known = np.pad(np.ones(size, bool), ((2, 0), (5, 9)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score(wide, known, wide, band=band)
    assert all(np.isfinite(value) for value in found.as_dict().values())
    assert 0 <= found.total <= 1


def test_nothing_new_and_nothing_known_have_scores() -> None:
    pixels = photo("chelsea")
    assert score(pixels, np.ones(pixels.shape[:2], bool)).total == 1
    assert 0 < score(pixels, np.zeros(pixels.shape[:2], bool)).total <= 1


def test_numbers_that_are_none_count_as_broken() -> None:
    pixels = photo("coffee").astype(np.float32)
    known = middle(pixels)
    pixels[:, :40] = np.nan
    found = score(pixels, known)
    assert 0.2 < found.broken < 0.3
    assert found.total < score(photo("coffee"), known).total


def test_input_is_not_mutated_and_scores_read_as_text_and_json() -> None:
    pixels = photo("coffee")
    before = pixels.copy()
    found = score(pixels, middle(pixels), pixels)
    assert np.array_equal(pixels, before)
    assert isinstance(found, Scores)
    assert set(found.as_dict()) == set(Scores.__slots__) - {"wrap"}  # which joins no edges
    assert "gradient step" in str(found)
    assert "total" in str(found)


def test_lines_cross_the_border_at_right_angles() -> None:
    known = np.zeros((70, 90), bool)
    known[:, 20:] = True
    lines = seam_profiles(known, inside=6, outside=30)
    assert len(lines.segment) == 70
    assert len(lines.side) == -(-70 // SEGMENT)
    assert (lines.columns[:, lines.inside] == 19).all()
    assert (lines.columns[:, lines.inside - 1] == 20).all()
    assert lines.valid[:, : lines.inside + 20].all()
    assert not lines.valid[:, lines.inside + 20 :].any()
    values = np.broadcast_to(lines.columns[..., None], (*lines.columns.shape, 1)).astype(np.float32)
    means = segment_means(values, lines)
    assert np.array_equal(means[0, : lines.inside + 20, 0], np.arange(25, -1, -1))
    assert np.isnan(means[:, lines.inside + 20 :]).all()


def test_a_percentile_of_what_is_there_is_numpys() -> None:
    values = np.random.default_rng(0).random((37, 200)).astype(np.float32)
    values[np.random.default_rng(1).random(values.shape) < 0.4] = np.nan
    values[1:, 0] = np.nan
    values[0, 0] = 3
    found = percentiles(values.T, np.isfinite(values).sum(0), 20)
    np.testing.assert_allclose(found, np.nanpercentile(values, 20, axis=0), rtol=1e-6)
