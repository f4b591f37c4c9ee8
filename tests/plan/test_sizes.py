"""Whole pixels: sides, percent, targets, anchors, limits."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from softextend.errors import BadRequest
from softextend.options import Growth, Spec
from softextend.plan.grammar import ANCHORS, FORMS, parse_amount, parse_anchor, parse_sides, parse_trim
from softextend.plan.sizes import fitted_size, padding, resolve_sides, running_steps, target_size
from softextend.types import Amount, Sides

EXTENTS = st.integers(1, 5000)
SHARES = st.one_of(st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.floats(0, 1))
ANCHORED = st.tuples(SHARES, SHARES)


def by_sides(text: str, **more: Any) -> Growth:
    return Growth(sides=parse_sides(text), **more)


def written(name: str, text: str, **more: Any) -> Growth:
    """An option with its text, as on the command line."""
    return Growth(**{name: FORMS[name](text), **more})


def unlimited(growth: Growth, *, width: int, height: int) -> Sides:
    """The sides, however large and be it none; BadRequest where the result would be smaller than the picture."""
    return resolve_sides(dataclasses.replace(growth, allow_large=True), width=width, height=height, gaps=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 256 0 256", Sides(right=256, left=256)),
        ("0 25% 0 256", Sides(right=200, left=256)),
        ("10% 0 12.5% 0", Sides(top=60, bottom=75)),
        ("1px 2px 3px 4px", Sides(top=1, right=2, bottom=3, left=4)),
        ("256", Sides(top=256, right=256, bottom=256, left=256)),
        ("10%", Sides(top=60, right=80, bottom=60, left=80)),
        ("0 256px", Sides(right=256, left=256)),
        ("1 25% 3", Sides(top=1, right=200, bottom=3, left=200)),
    ],
)
def test_sides_of_an_800x600_picture(text: str, expected: Sides) -> None:
    assert resolve_sides(by_sides(text), width=800, height=600) == expected


@pytest.mark.parametrize("text", ["", "x", "1.5", "%", "5 %%", "nan%", "inf%", "1e3", "0x10"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(BadRequest, match="--sides"):
        parse_amount(text)


@pytest.mark.parametrize("text", ["-4", "-4px", "-4%"])
def test_negative_sides(text: str) -> None:
    with pytest.raises(BadRequest, match=r"--sides -4.*0 or more"):
        parse_sides(f"{text} 0 0 0")


def test_all_zero_and_percent_that_rounds_to_zero() -> None:
    for text in ("0 0 0 0", "1% 0 0 0"):
        with pytest.raises(BadRequest, match="at least one side"):
            resolve_sides(by_sides(text), width=10, height=10)


def test_the_limit_of_four_times_the_picture() -> None:
    with pytest.raises(BadRequest, match=r"401.*400 at most.*--allow-large"):
        resolve_sides(by_sides("0 401 0 0"), width=100, height=1000)
    assert resolve_sides(by_sides("0 401 0 0", allow_large=True), width=100, height=1000) == Sides(right=401)
    assert resolve_sides(by_sides("0 400 0 0"), width=100, height=10) == Sides(right=400)


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.lists(st.integers(0, 400), min_size=4, max_size=4))
def test_percent_is_rounded_to_the_nearest_pixel(width: int, height: int, percents: list[int]) -> None:
    amounts = tuple(Amount(value=percent, percent=True) for percent in percents)
    try:
        sides = resolve_sides(Growth(sides=amounts), width=width, height=height)
    except BadRequest:
        assert all(p * e < 50 for p, e in zip(percents, (height, width) * 2, strict=True))
        return
    for side, percent, extent in zip(
        (sides.top, sides.right, sides.bottom, sides.left), percents, (height, width) * 2, strict=True
    ):
        assert abs(side - percent * extent / 100) <= 0.5


@pytest.mark.parametrize("text", ["", "1 1 1 1 1"])
def test_how_many_values(text: str) -> None:
    with pytest.raises(BadRequest, match=r"one value.*two.*three.*four"):
        parse_sides(text)


# --- targets -------------------------------------------------------------------------------------------------------


@st.composite
def targets(draw: st.DrawFn) -> Growth:
    """Any target that lifts no limit of the grammar."""
    anchor = draw(ANCHORED)
    kind = draw(st.sampled_from(["aspect", "size", "scale", "all"]))
    if kind == "aspect":
        return Growth(aspect=(draw(st.integers(1, 4000)), draw(st.integers(1, 4000))), anchor=anchor)
    if kind == "size":
        return Growth(size=(draw(EXTENTS), draw(EXTENTS)), anchor=anchor, fit=draw(st.booleans()))
    if kind == "scale":
        return Growth(scale=draw(st.floats(1, 9, exclude_min=True)), anchor=anchor)
    return Growth(all=Amount(value=draw(st.integers(0, 400)), percent=draw(st.booleans())), anchor=anchor)


@settings(max_examples=500, deadline=None)
@given(targets(), EXTENTS, EXTENTS)
def test_the_result_is_the_input_plus_its_sides_anchored_as_asked(target: Growth, width: int, height: int) -> None:
    if target.fit:
        width, height = fitted_size(target, width=width, height=height)
    across, down = target_size(target, width=width, height=height)
    if across < width or down < height:
        assert target.size
        with pytest.raises(BadRequest, match="would hold it, or --fit"):
            unlimited(target, width=width, height=height)
        return
    sides = unlimited(target, width=width, height=height)
    assert (width + sides.left + sides.right, height + sides.top + sides.bottom) == (across, down)
    assert target.anchor is not None
    x, y = target.anchor
    assert abs(sides.left - (across - width) * x) <= 0.5
    assert abs(sides.top - (down - height) * y) <= 0.5
    for share, near, far in ((x, sides.left, sides.right), (y, sides.top, sides.bottom)):
        assert share > 0 or near == 0
        assert share < 1 or far == 0
        assert share != 0.5 or abs(near - far) <= 1


@settings(max_examples=300, deadline=None)
@given(EXTENTS, EXTENTS, st.integers(1, 400), st.integers(1, 400), ANCHORED)
def test_an_aspect_is_met_within_a_pixel_and_crops_nothing(
    width: int, height: int, across: int, down: int, anchor: tuple[float, float]
) -> None:
    target = Growth(aspect=(across, down), anchor=anchor)
    wide, tall = target_size(target, width=width, height=height)
    assert wide == width or tall == height
    assert wide >= width
    assert tall >= height
    assert abs(wide - tall * across / down) <= 1 or abs(tall - wide * down / across) <= 1
    assert target_size(target, width=wide, height=tall) == (wide, tall)


@settings(max_examples=300, deadline=None)
@given(EXTENTS, EXTENTS, EXTENTS, EXTENTS)
def test_fitting_scales_down_never_up_and_touches_the_frame(width: int, height: int, across: int, down: int) -> None:
    target = Growth(size=(across, down), fit=True)
    wide, tall = fitted_size(target, width=width, height=height)
    assert 1 <= wide <= min(width, across)
    assert 1 <= tall <= min(height, down)
    if width <= across and height <= down:
        assert (wide, tall) == (width, height)
        return
    assert wide == across or tall == down
    assert abs(wide * height - tall * width) <= max(width, height)  # the shape, within a rounded pixel
    sides = unlimited(target, width=wide, height=tall)
    assert (wide + sides.left + sides.right, tall + sides.top + sides.bottom) == (across, down)


@settings(deadline=None)
@given(EXTENTS, EXTENTS, st.floats(1, 9, exclude_min=True))
def test_scale_is_rounded_to_the_nearest_pixel(width: int, height: int, scale: float) -> None:
    wide, tall = target_size(Growth(scale=scale), width=width, height=height)
    assert abs(wide - width * scale) <= 0.5001
    assert abs(tall - height * scale) <= 0.5001


@settings(deadline=None)
@given(EXTENTS, EXTENTS, st.integers(1, 400))
def test_all_in_the_centre_is_the_same_as_four_sides(width: int, height: int, percent: int) -> None:
    for text in (f"{percent}", f"{percent}%"):
        target = written("all", text)
        sides = unlimited(target, width=width, height=height)
        assume(sides != Sides())
        expected = resolve_sides(by_sides(text, allow_large=True), width=width, height=height)
        assert sides == expected


@settings(max_examples=500, deadline=None)
@given(targets(), st.integers(1, 300), st.integers(1, 300))
def test_no_side_is_more_than_four_times_the_picture(target: Growth, width: int, height: int) -> None:
    if target.size and (target.size[0] < width or target.size[1] < height):
        return
    sides = unlimited(target, width=width, height=height)
    large = max(sides.left, sides.right) > 4 * width or max(sides.top, sides.bottom) > 4 * height
    if sides == Sides():
        with pytest.raises(BadRequest, match="nothing to add"):
            resolve_sides(target, width=width, height=height)
        assert resolve_sides(target, width=width, height=height, gaps=True) == sides
    elif large:
        with pytest.raises(BadRequest, match=r"more than 4 times.*--allow-large"):
            resolve_sides(target, width=width, height=height)
    else:
        assert resolve_sides(target, width=width, height=height) == sides
    if sides != Sides():
        lifted = dataclasses.replace(target, allow_large=True)
        assert resolve_sides(lifted, width=width, height=height) == sides


def test_an_error_says_what_would_fit() -> None:
    with pytest.raises(BadRequest, match=r"--size 1920x700: the picture is 1000x800; 1920x800 would.*--fit.* 875x700"):
        unlimited(written("size", "1920x700"), width=1000, height=800)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("aspect", "16:9", Growth(aspect=(16, 9))),
        ("aspect", "2.39:1", Growth(aspect=(239, 100))),
        ("aspect", "16x9", Growth(aspect=(16, 9))),
        ("aspect", "16/9", Growth(aspect=(16, 9))),
        ("aspect", "1.5", Growth(aspect=(3, 2))),
        ("aspect", "32:18", Growth(aspect=(16, 9))),
        ("size", "1920x1080", Growth(size=(1920, 1080))),
        ("size", "10X20", Growth(size=(10, 20))),
        ("scale", "1.5", Growth(scale=1.5)),
        ("all", "20%", Growth(all=Amount(value=20, percent=True))),
        ("all", "256px", Growth(all=Amount(value=256))),
    ],
)
def test_how_targets_are_written(name: str, text: str, expected: Growth) -> None:
    assert written(name, text) == expected
    assert str(written(name, text)).startswith(f"--{name} ")


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("aspect", ["", "0", "16:0", "0:9", "a:b", "16-9", "-16:9", "nan:1", "1e9:1", "16:9:1"]),
        ("size", ["", "1920", "0x10", "10x0", "axb", "-5x5", "1.5x2", "10x10x10"]),
        ("scale", ["", "1", "0.5", "-2", "nan", "inf", "x", "150%"]),
        ("all", ["", "-1", "x", "nan%"]),
    ],
)
def test_what_is_no_target(name: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(BadRequest, match=f"--{name}"):
            FORMS[name](text)


def test_anchors() -> None:
    picture = {"width": 100, "height": 50}
    expected = {
        "center": Sides(top=10, right=20, bottom=10, left=20),
        "top": Sides(right=20, bottom=20, left=20),
        "top-right": Sides(bottom=20, left=40),
        "right": Sides(top=10, bottom=10, left=40),
        "bottom-right": Sides(top=20, left=40),
        "bottom": Sides(top=20, right=20, left=20),
        "bottom-left": Sides(top=20, right=40),
        "left": Sides(top=10, right=40, bottom=10),
        "top-left": Sides(right=40, bottom=20),
        "0.25,0.5": Sides(top=10, right=30, bottom=10, left=10),
        "1, 0": Sides(bottom=20, left=40),
    }
    assert expected.keys() >= ANCHORS.keys()
    for text, sides in expected.items():
        assert unlimited(written("size", "140x70", anchor=parse_anchor(text)), **picture) == sides
    for text in ("", "below", "2,0", "0.5", "0.5;0.5", "-0.1,0", "nan,0"):
        with pytest.raises(BadRequest, match="--anchor"):
            parse_anchor(text)


def test_exactly_one_option_says_how_much() -> None:
    with pytest.raises(BadRequest, match="--sides, --aspect, --size, --scale, --all"):
        Growth().demanded()
    with pytest.raises(BadRequest, match=r"--aspect 16:9 and --scale 2: .*exactly one"):
        Growth(aspect=(16, 9), scale=2.0)
    with pytest.raises(BadRequest, match=r"--anchor top: --sides"):
        by_sides("5", anchor=parse_anchor("top"))
    with pytest.raises(BadRequest, match="--fit: --sides"):
        by_sides("5", fit=True)
    with pytest.raises(BadRequest, match="--fit: only --size"):
        Growth(aspect=(16, 9), fit=True)
    with pytest.raises(BadRequest, match="exactly one"):
        Growth(size=(1, 1), scale=2.0)
    with pytest.raises(BadRequest, match="exactly one"):
        Spec.of(seed=0, sides=parse_sides("5"), scale=2.0)


def test_trim() -> None:
    assert parse_trim("auto") == "auto"
    assert parse_trim("8") == parse_trim("8px") == 8
    for text in ("", "Auto", "-1", "1.5", "5%", "٣"):
        with pytest.raises(BadRequest, match="--trim"):
            parse_trim(text)
    for wrong in (0, 5000):
        with pytest.raises(BadRequest, match=r"--trim.*1 to 4096"):
            Spec.of(seed=0, trim=wrong)


# --- the rest ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 10_000), st.integers(1, 128))
def test_padding_reaches_the_next_multiple(size: int, multiple: int) -> None:
    assert (size + padding(size, multiple)) % multiple == 0
    assert 0 <= padding(size, multiple) < multiple


@settings(deadline=None)
@given(st.integers(1, 200), st.floats(0.001, 1.0))
def test_steps_that_run_or_the_steps_that_would(steps: int, strength: float) -> None:
    try:
        assert running_steps(steps, strength) == int(steps * strength) >= 1
    except BadRequest as error:
        assert int(steps * strength) == 0
        least = int(str(error).split("use --steps ")[1].split()[0])
        assert running_steps(least, strength) >= 1
        with pytest.raises(BadRequest):
            running_steps(least - 1, strength)


def test_values_are_checked_at_birth() -> None:
    with pytest.raises(BadRequest):
        Sides(top=-1)
    for wrong in ({"strength": 1.2}, {"steps": 0}, {"guidance": -1.0}, {"overlap": -1}, {"change": 0.0}, {"seed": -1}):
        with pytest.raises(BadRequest, match="must be"):
            Spec.of(**{"seed": 0, **wrong})
