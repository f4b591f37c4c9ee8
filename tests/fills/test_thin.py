"""A cable, a wire or a pole that the border cuts goes on to the canvas' rim; without one nothing changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from softextend.fills.patch import Patch
from softextend.fills.thin_laid import cut_thin, with_thin, without_thin

SIZE = (320, 240)  # px, width and height of the drawings
FINER = 4  # times as large they are drawn
LEAST = Patch().thin


def ground() -> np.ndarray:
    """A sky that is lighter below."""
    y = np.linspace(0, 1, SIZE[1] * FINER)[:, None, None]
    sky = (1 - y) * np.array([90, 130, 200]) + y * np.array([225, 225, 235])
    return np.broadcast_to(sky, (SIZE[1] * FINER, SIZE[0] * FINER, 3)).astype(np.uint8).copy()


def drawn(*lines: tuple[list[tuple[float, float]], float, tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lines of points (x, y), width and colour, px and levels, before a sky with grain: uint8, and where they are."""
    large, there = ground(), np.zeros((SIZE[1] * FINER, SIZE[0] * FINER), np.uint8)
    for points, wide, colour in lines:
        at = np.rint(np.array(points) * FINER).astype(np.int32)
        cv2.polylines(large, [at], False, colour, round(wide * FINER))
        cv2.polylines(there, [at], False, 255, round(wide * FINER))
    small = cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA).astype(np.float64)
    grain = np.random.default_rng(0).normal(0, 2, small.shape)
    return (
        np.clip(small + grain, 0, 255).astype(np.uint8),
        cv2.resize(there, SIZE, interpolation=cv2.INTER_AREA) > 127,
    )


def curve(middle: float, bend: float) -> list[tuple[float, float]]:
    """A cable that hangs: lowest in the middle of the drawing."""
    return [(x, middle - bend * (x - 160) ** 2) for x in np.linspace(-5, 325, 200)]


DARK, PALE, RED = (35, 32, 40), (250, 250, 245), (150, 45, 40)
CABLE = drawn((curve(150, 0.0016), 5, DARK))
POLE = drawn(([(150, -5), (168, 245)], 8, PALE))
WIRE = drawn(([(-5, 190), (325, 60)], 2, DARK))
CROSSING = drawn(([(-5, 40), (325, 200)], 4, DARK), ([(-5, 185), (325, 95)], 6, RED))


def cropped(view: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """A view without a quarter on one side, and what is known of it."""
    known = np.ones(view.shape[:2], bool)
    height, width = known.shape
    left_out = {
        "right": np.s_[:, -width // 4 :],
        "left": np.s_[:, : width // 4],
        "bottom": np.s_[-height // 4 :],
        "top": np.s_[: height // 4],
    }
    known[left_out[side]] = False
    return np.where(known[..., None], view, 0), known


def missed(made: np.ndarray, drawing: tuple[np.ndarray, np.ndarray], new: np.ndarray) -> tuple[float, float]:
    """The shares of the thing's new pixels, and of the others, that are more than 40 levels off."""
    truth, there = drawing
    wrong = np.abs(made.astype(int) - truth).max(2) > 40
    return float(wrong[new & there].mean()), float(wrong[new & ~there].mean())


@pytest.mark.parametrize(
    ("drawing", "side", "count"),
    [
        (CABLE, "right", 1),
        (CABLE, "left", 1),
        (POLE, "bottom", 1),
        (POLE, "top", 1),
        (WIRE, "right", 1),
        (CROSSING, "left", 2),
        (CROSSING, "right", 2),
    ],
    ids=["cable right", "cable left", "pole down", "pole up", "wire", "two left", "two right"],
)
def test_a_thin_thing_goes_on_where_it_went(drawing: tuple[np.ndarray, np.ndarray], side: str, count: int) -> None:
    given, known = cropped(drawing[0], side)
    assert len(cut_thin(given, known, ~known & known, LEAST)) == count
    made = Patch().paint(given, known, np.random.default_rng(0))
    off, beside = missed(made, drawing, ~known)
    assert off < (0.17 if drawing is CABLE else 0.05)  # beyond the photo a bend is less sure
    assert beside < 0.02
    assert np.array_equal(made[known], given[known])


def test_without_it_the_cable_ends_in_mid_air() -> None:
    given, known = cropped(CABLE[0], "right")
    made = Patch(thin=1.0, outline=0.0).paint(given, known, np.random.default_rng(0))
    assert missed(made, CABLE, ~known)[0] > 0.4


def test_the_old_ground_does_not_come_along() -> None:
    """A pole that leaves the sky for the dark: no pale rim is left on its edges."""
    truth, there = POLE
    given, known = cropped(truth, "bottom")
    things = cut_thin(given, known, ~known & known, LEAST)
    night = np.where(known[..., None], given, np.uint8(20))
    made = with_thin(night, given, known, things)
    beside = ~known & ~cv2.dilate(there.astype(np.uint8), np.ones((1, 5))).astype(bool)
    assert (made[beside] == 20).all()
    rim = ~known & cv2.dilate(there.astype(np.uint8), np.ones((1, 5))).astype(bool) & ~there
    assert made[rim].mean() < 90  # as half covered at most; the sky there is above 200


def test_what_is_taken_out_shows_its_ground() -> None:
    given, known = cropped(CABLE[0], "right")
    things = cut_thin(given, known, ~known & known, LEAST)
    without, left = without_thin(given, known, things)
    course = CABLE[1] & known
    seen = course[:, -SIZE[0] // 2 : -SIZE[0] // 4].sum()
    assert (course & ~left).sum() > seen
    sky = drawn()[0]
    assert np.abs(without[course & ~left].astype(int) - sky[course & ~left]).mean() < 5
    assert np.array_equal(without[left], given[left])


def test_stalks_are_no_thin_things() -> None:
    rng = np.random.default_rng(0)
    stalks = [
        ([(x, 245), (x + rng.normal(0, 12), 245 - rng.uniform(60, 200))], rng.uniform(1.5, 4), (40, 90, 40))
        for x in np.arange(0, 320, 5.0)
    ]
    given, known = cropped(drawn(*stalks)[0], "bottom")
    fills = (Patch(), Patch(thin=1.0))
    made, plain = (fill.paint(given, known, np.random.default_rng(0)) for fill in fills)
    assert np.array_equal(made, plain)


@pytest.mark.parametrize("photo", ["astronaut", "rocket", "camera", "grass", "gravel", "coins", "moon"])
def test_photos_without_one_show_none(photo: str) -> None:
    pixels = getattr(skimage.data, photo)()
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3))
    known = np.zeros(pixels.shape[:2], bool)
    known[pixels.shape[0] // 5 : -(pixels.shape[0] // 5), pixels.shape[1] // 5 : -(pixels.shape[1] // 5)] = True
    assert not cut_thin(pixels, known, np.zeros_like(known), LEAST)


def test_a_large_picture_is_measured_smaller_and_laid_at_its_own_size() -> None:
    truth, there = (cv2.resize(each.astype(np.uint8), None, fx=5, fy=5) for each in CABLE)
    given, known = cropped(truth, "right")
    things = cut_thin(given, known, ~known & known, LEAST)
    made = with_thin(cv2.resize(drawn()[0], None, fx=5, fy=5), given, known, things)
    assert missed(made, (truth, there > 0), ~known)[0] < 0.17
