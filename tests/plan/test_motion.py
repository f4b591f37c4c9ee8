"""The geometry of a zoom-out as plain numbers: steps, frames, anchors, and the photo fitted into a frame."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from filming import APART, moving
from hypothesis import given, settings
from hypothesis import strategies as st

from softextend.errors import BadRequest
from softextend.plan import motion
from softextend.types import Box, Sides


@settings(deadline=None)
@given(factor=st.floats(1.1, 64))
def test_pictures_are_equal_steps_apart(factor: float) -> None:
    zooms = motion.keyframe_zooms(factor)
    assert zooms[0] == 1
    assert zooms[-1] == factor
    steps = [after / before for before, after in itertools.pairwise(zooms)]
    assert max(steps) <= motion.STEP * (1 + APART)
    assert max(steps) == pytest.approx(min(steps), rel=APART)


def test_no_more_pictures_than_needed() -> None:
    assert [len(motion.keyframe_zooms(factor)) for factor in (1.1, 2.0, 8.0, 64.0)] == [2, 3, 7, 13]


@settings(deadline=None)
@given(factor=st.floats(1.1, 64), count=st.integers(2, 200))
def test_frames_are_a_constant_ratio_apart(factor: float, count: int) -> None:
    zooms = motion.frame_zooms(moving(factor=factor, seconds=count / 10))
    assert len(zooms) == count
    assert (zooms[0], zooms[-1]) == (1.0, factor)
    ratios = [after / before for before, after in itertools.pairwise(zooms)]
    assert max(ratios) == pytest.approx(min(ratios), rel=APART)
    assert motion.frame_zooms(moving(factor=factor, seconds=count / 10, reverse=True)) == zooms[::-1]


def test_easing_starts_and_ends_slowly() -> None:
    zooms = motion.frame_zooms(moving(factor=8.0, seconds=4.0, ease=True))
    speeds = np.diff(np.log(zooms))
    assert (zooms[0], zooms[-1]) == (1.0, 8.0)
    assert speeds.min() > 0
    assert max(speeds[0], speeds[-1]) < 0.1 * speeds.max()


@settings(deadline=None)
@given(
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    scale=st.floats(1.0, 1.42),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_the_anchor_stays_where_it_is(width: int, height: int, scale: float, x: float, y: float) -> None:
    left, top, right, bottom = motion.placed((width, height), scale, (x, y))
    assert left + x * (right - left) == pytest.approx(x * width, abs=APART * width)
    assert top + y * (bottom - top) == pytest.approx(y * height, abs=APART * height)
    assert (right - left, bottom - top) == tuple(
        pytest.approx(extent / scale, rel=APART, abs=APART * extent) for extent in (width, height)
    )
    box = motion.inside((left, top, right, bottom))
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    sides = motion.around(box, (width, height))
    assert box.width + sides.left + sides.right == width
    source = motion.part_of((left, top, right, bottom), box, (width, height))
    assert 0 <= source[0] < source[2] <= width
    assert (source[2] - source[0]) / box.width == pytest.approx(scale, rel=1e-3)


@settings(deadline=None)
@given(
    width=st.integers(16, 6000), height=st.integers(16, 6000), wide=st.integers(16, 4000), high=st.integers(16, 4000)
)
def test_the_photo_fits_into_any_frame(width: int, height: int, wide: int, high: int) -> None:
    shape = max(width * high / (height * wide), height * wide / (width * high))
    shown = min(width, height) * min(wide / width, high / height)
    if shape > motion.WIDEST or shown < motion.SMALLEST / 2:
        with pytest.raises(BadRequest, match="nearer"):
            motion.fit(width, height, moving(wide, high))
        return
    entry = motion.fit(width, height, moving(wide, high))
    left, top, right, bottom = entry.source
    assert 0 <= left < right <= width * (1 + APART)
    assert 0 <= top < bottom <= height * (1 + APART)
    across, down = entry.box.width / (right - left), entry.box.height / (bottom - top)
    assert across == pytest.approx(down, rel=1e-3)  # nothing is squeezed
    if entry.crops:
        cut = max(width - (right - left), height - (bottom - top))
        assert cut <= max(motion.CROP * max(width, height), 1) + APART * max(width, height)
    else:
        assert entry.sides == motion.around(entry.box, (wide, high))
        assert right - left > width - 2 / across
        assert bottom - top > height - 2 / down


def test_an_odd_photo_loses_one_line_and_is_not_resampled() -> None:
    entry = motion.fit(65, 49, moving(64, 48))
    assert entry.source == (0, 0, 64, 48)
    assert entry.crops


def test_rates() -> None:
    assert motion.Course(fps=23.976).rate == Fraction(24000, 1001)
    assert motion.Course(fps=29.97).rate == Fraction(30000, 1001)
    assert [motion.Course(fps=rate).rate for rate in (24.0, 30.0, 12.5)] == [24, 30, Fraction(25, 2)]
    with pytest.raises(BadRequest, match="--fps"):
        motion.Course(fps=math.inf)


def test_sides_and_boxes_are_whole() -> None:
    assert motion.inside((1.2, 2.0, 5.9, 7.0)) == Box(left=2, top=2, right=5, bottom=7)
    assert motion.around(Box(left=2, top=1, right=5, bottom=7), (8, 8)) == Sides(top=1, right=3, bottom=1, left=2)
