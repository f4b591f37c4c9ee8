"""Windows, regions, scales and passes as plain integers, for thousands of made-up canvases."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import rounding

from softextend.options import Spec
from softextend.plan.boxes import common, connected, grown, inside, scaled
from softextend.plan.canvas import blocks
from softextend.plan.plan import Plan, resolve
from softextend.plan.windows import (
    GRID,
    ROUNDING,
    fits,
    margin,
    new_boxes,
    scene_scales,
    split_passes,
    stage_regions,
    starts,
)
from softextend.types import Amount, Box, Profile, SamplerName, Sides, Stage

WINDOW = 128
PROFILE = Profile(
    name="toy",
    fill="edge",
    stages=(Stage(strength=0.85, steps=30),),
    guidance=1.0,
    sampler=SamplerName.EULER,
    window=WINDOW,
    overlap=7,
    feather=14,
)
SDXL = Profile(
    name="sdxl",
    fill="edge",
    stages=(Stage(strength=0.85, steps=30),),
    guidance=1.0,
    sampler=SamplerName.EULER,
    window=1024,
    overlap=60,
    feather=120,
)

LENGTHS = st.integers(WINDOW, 7 * WINDOW)
ADDED = st.one_of(st.just(0), st.integers(1, 2 * WINDOW))
MANY = settings(max_examples=200, deadline=None)


def settled(height: int, width: int, added: tuple[int, ...], profile: Profile = PROFILE, **more: object) -> Plan:
    top, right, bottom, left = (Amount(value=each) for each in added)
    spec = Spec.of(sides=(top, right, bottom, left), seed=0, allow_large=True, **more)
    return resolve(spec, profile, width=width, height=height)


def calls(each: Plan) -> int:
    return sum(part.steps for part in each.each_pass())


@given(LENGTHS, LENGTHS, st.tuples(ADDED, ADDED, ADDED, ADDED).filter(any))
@MANY
def test_every_changed_pixel_lies_deep_in_a_window(height: int, width: int, added: tuple[int, ...]) -> None:
    """Deep: a margin from every edge of a window inside the canvas, so that no pixel shows where windows end."""
    for part in settled(height, width, added).each_pass():
        full = part.canvas.shape
        for work in part.work():
            size = (work.height, work.width)
            changed, deep = np.zeros(size, bool), np.zeros(size, bool)
            reach = math.ceil(part.canvas.reach * work.stage.scale) + 2
            for box in part.canvas.new:
                changed[grown(scaled(box, full, size), reach, size).cut] = True
            for region in work.regions:
                for window in region.windows:
                    deep[grown(window, -(margin(WINDOW) - GRID), size).cut] = True
                    assert inside(window, region.box)
            assert not (changed & ~deep).any()


@given(LENGTHS, LENGTHS, st.tuples(ADDED, ADDED, ADDED, ADDED).filter(any))
@MANY
def test_windows_lie_on_the_grid_and_hold_enough_of_the_picture(
    height: int, width: int, added: tuple[int, ...]
) -> None:
    for part in settled(height, width, added).each_pass():
        if part.canvas.whole:
            continue
        sides, canvas = part.canvas.sides, part.canvas
        picture = Box(
            top=sides.top,
            left=sides.left,
            bottom=sides.top + canvas.height,
            right=sides.left + canvas.width,
        )
        for work in part.work():
            size = (work.height, work.width)
            kept = scaled(picture, part.canvas.shape, size)
            for window in (each for region in work.regions for each in region.windows):
                assert window.top % GRID == window.left % GRID == 0
                assert window.height == min(WINDOW, size[0] - window.top)
                assert window.width == min(WINDOW, size[1] - window.left)
                assert window.height % GRID == 0 or window.bottom == size[0]
                assert window.width % GRID == 0 or window.right == size[1]
                assert window.height > WINDOW - GRID or window.height == size[0]
                assert window.width > WINDOW - GRID or window.width == size[1]
                if work.stage.scale == 1:
                    assert common(window, kept) * 2 >= window.area
                    assert min(window.height, window.width) >= WINDOW // 4


@pytest.mark.parametrize("added", [(0, 512, 0, 0), (0, 300, 0, 700), (256, 256, 256, 256), (1000, 10, 0, 0)])
@pytest.mark.parametrize("size", [(3000, 4000), (1024, 1024), (4096, 1500), (1300, 6000)])
def test_sdxl_sees_at_least_256_known_pixels_in_every_window(size: tuple[int, int], added: tuple[int, ...]) -> None:
    for part in settled(*size, added, SDXL).each_pass():
        known = np.zeros(part.canvas.shape, np.uint8)
        known[part.canvas.sides.top :, part.canvas.sides.left :][: part.canvas.height, : part.canvas.width] = 1
        if part.canvas.whole:
            continue
        for region in part.work()[-1].regions:
            for window in region.windows:
                view = known[window.cut]
                assert view.mean() >= 0.5
                rows, columns = view.any(1).sum(), view.any(0).sum()
                assert min(rows, columns) >= 256


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.tuples(*[st.integers(0, 2000)] * 4),
    st.sampled_from([64, 256, 1024]),
    st.one_of(st.none(), st.integers(1, 64)),
)
@MANY
def test_passes_add_up_and_none_adds_more_than_half_a_window(
    height: int, width: int, added: tuple[int, int, int, int], window: int, count: int | None
) -> None:
    sides = Sides(top=added[0], right=added[1], bottom=added[2], left=added[3])
    parts = split_passes(sides, width=width, height=height, window=window, count=count)
    for name in ("top", "right", "bottom", "left"):
        assert sum(getattr(part, name) for part in parts) == getattr(sides, name)
        each = [getattr(part, name) for part in parts]
        assert max(each) - min(each) <= 1
    down, across = height + sides.top + sides.bottom, width + sides.left + sides.right
    if count is None and fits(down, across, window):
        assert parts == (sides,)
    elif count is None:
        assert max(max(part.top, part.right, part.bottom, part.left) for part in parts) <= window // 2
    else:
        assert len(parts) == max(1, min(count, max(added)))


@given(st.integers(2 * 1024, 9000), st.integers(2 * 1024, 9000), st.integers(1, 500), st.integers(1, 4))
@MANY
def test_calls_do_not_depend_on_how_deep_the_picture_is(side: int, depth: int, added: int, times: int) -> None:
    amounts = (0, added, 0, 0)
    assert calls(settled(side, depth, amounts, SDXL)) == calls(settled(side, times * depth, amounts, SDXL))
    turned = (0, 0, added, 0)
    assert calls(settled(depth, side, turned, SDXL)) == calls(settled(times * depth, side, turned, SDXL))


def test_calls_grow_with_the_side() -> None:
    counts = [calls(settled(side, 3000, (0, 256, 0, 0), SDXL)) for side in (2000, 4000, 8000, 16000)]
    assert all(later <= 2.3 * earlier for earlier, later in itertools.pairwise(counts))
    assert counts == sorted(counts)


def test_opposite_sides_are_regions_of_their_own_and_a_frame_is_one() -> None:
    both = settled(3000, 5000, (0, 256, 0, 256), SDXL).work()[-1]
    assert len(both.regions) == 2
    assert common(both.regions[0].box, both.regions[1].box) == 0
    frame = settled(6000, 8000, (256, 256, 256, 256), SDXL).work()[-1]
    assert len(frame.regions) == 1
    assert frame.windows == len(set(frame.regions[0].windows))
    assert frame.windows * 1024**2 < 0.7 * 6512 * 8512


@given(LENGTHS, LENGTHS, st.tuples(ADDED, ADDED, ADDED, ADDED).filter(any))
@MANY
def test_a_scene_is_laid_out_in_one_window_and_then_at_most_doubled(
    height: int, width: int, added: tuple[int, ...]
) -> None:
    part = settled(height, width, added, passes=1)
    work = part.work()
    scales = [each.stage.scale for each in work]
    assert scales[-1] == 1
    assert scales == sorted(scales)
    assert all(
        later / earlier <= 2 * (1 + rounding("float64", terms=4)) for earlier, later in itertools.pairwise(scales)
    )
    assert work[0].stage.strength == 0.85
    assert all(each.stage.strength == 0.4 for each in work[1:])
    first = work[0]
    for group in connected(part.canvas.new):
        box = scaled(
            Box(
                top=min(each.top for each in group),
                left=min(each.left for each in group),
                bottom=max(each.bottom for each in group),
                right=max(each.right for each in group),
            ),
            part.canvas.shape,
            (first.height, first.width),
        )
        assert any(inside(box, window) for region in first.regions for window in region.windows)


@given(st.integers(2, 4000), st.integers(1, 4000))
@MANY
def test_a_canvas_that_fits_is_one_window(height: int, width: int) -> None:
    if not fits(height, width, 1024):
        return
    whole = Box(top=0, left=0, bottom=height, right=width)
    new = (Box(top=0, left=0, bottom=1, right=width),)
    (region,) = stage_regions(new, band=0, full=(height, width), size=(height, width), window=1024)
    assert region.windows == (whole,)
    each = settled(height - 1, width, (1, 0, 0, 0), SDXL)
    assert [work.stage for work in each.work()] == list(SDXL.stages)
    assert each.passes == (each.canvas.sides,)


@given(st.integers(0, 5000), st.integers(1, 3000), st.integers(0, 3000), st.sampled_from([64, 256, 1024]))
@MANY
def test_windows_along_an_axis_overlap_by_a_quarter(first: int, extent: int, more: int, window: int) -> None:
    length = first + extent + more
    found = starts(first, first + extent, length, window)
    assert found == sorted(set(found))
    assert all(start % GRID == 0 for start in found)
    assert found[0] <= first
    assert min(found[-1] + window, length) >= first + extent
    assert found[-1] + window < length + GRID or found == [0]
    for before, after in itertools.pairwise(found):
        assert before + window - after >= 2 * margin(window) - GRID


def test_holes_become_tight_blocks_that_windows_hold() -> None:
    rng = np.random.default_rng(0)
    empty = np.zeros((900, 700), bool)
    for _ in range(12):
        top, left = rng.integers(0, (850, 650))
        empty[top : top + rng.integers(1, 50), left : left + rng.integers(1, 50)] = True
    empty[200:600, 300:420] = True
    found = blocks(empty, WINDOW)
    seen = np.zeros_like(empty)
    for box in found:
        seen[box.cut] = True
        assert empty[box.cut].any(1)[[0, -1]].all()
        assert empty[box.cut].any(0)[[0, -1]].all()
        assert max(box.height, box.width) <= WINDOW
    assert not (empty & ~seen).any()
    regions = stage_regions(found, band=3, full=empty.shape, size=empty.shape, window=WINDOW)
    deep = np.zeros_like(empty)
    for region in regions:
        for window in region.windows:
            deep[grown(window, GRID - margin(WINDOW), empty.shape).cut] = True
    assert not (empty & ~deep).any()


def test_new_boxes_are_all_that_is_added() -> None:
    sides = Sides(top=3, right=0, bottom=5, left=7)
    hole = Box(top=1, left=2, bottom=4, right=6)
    new = np.ones((10 + 8, 20 + 7), bool)
    new[3:13, 7:27] = False
    new[3 + 1 : 3 + 4, 7 + 2 : 7 + 6] = True
    seen = np.zeros_like(new)
    for box in new_boxes(sides, 20, 10, (hole,)):
        seen[box.cut] = True
    assert np.array_equal(seen, new)


def test_a_side_that_one_native_window_holds_needs_no_scene() -> None:
    strip = new_boxes(Sides(right=300), 5000, 900)
    assert scene_scales(strip, height=900, width=5300, window=1024) == ()
    assert scene_scales(new_boxes(Sides(right=300), 5000, 2048), height=2048, width=5300, window=1024) == (0.5,)


def test_rounding_covers_what_resizing_widens() -> None:
    """A map averaged down and read between latents reaches at most a latent and a pixel farther."""
    assert ROUNDING >= GRID + 2
