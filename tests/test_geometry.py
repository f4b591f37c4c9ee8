"""Whole pixels: sides, percent, limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softextend.errors import BadRequest
from softextend.geometry import padding, parse_sides, resolve_sides, running_steps
from softextend.types import Amount, Sides, Spec


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["0", "256", "0", "256"], Sides(right=256, left=256)),
        (["0", "25%", "0", "256"], Sides(right=200, left=256)),
        (["10%", "0", "12.5%", "0"], Sides(top=60, bottom=75)),
        (["1px", "2px", "3px", "4px"], Sides(top=1, right=2, bottom=3, left=4)),
    ],
)
def test_sides_of_an_800x600_picture(texts: list[str], expected: Sides) -> None:
    assert resolve_sides(parse_sides(texts), width=800, height=600) == expected


@pytest.mark.parametrize("text", ["", "x", "1.5", "%", "5 %%", "nan%", "inf%", "1e3", "0x10"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(BadRequest, match="--sides"):
        parse_sides(["0", text, "0", "0"])


@pytest.mark.parametrize("text", ["-4", "-4px", "-4%"])
def test_negative_sides(text: str) -> None:
    with pytest.raises(BadRequest, match=r"--sides -4.*0 or more"):
        parse_sides([text, "0", "0", "0"])


def test_all_zero_and_percent_that_rounds_to_zero() -> None:
    for texts in (["0"] * 4, ["1%", "0", "0", "0"]):
        with pytest.raises(BadRequest, match="at least one side"):
            resolve_sides(parse_sides(texts), width=10, height=10)


def test_the_limit_of_four_times_the_picture() -> None:
    amounts = parse_sides(["0", "401", "0", "0"])
    with pytest.raises(BadRequest, match=r"401.*400 at most.*--allow-large"):
        resolve_sides(amounts, width=100, height=1000)
    assert resolve_sides(amounts, width=100, height=1000, allow_large=True) == Sides(right=401)
    assert resolve_sides(parse_sides(["0", "400", "0", "0"]), width=100, height=10) == Sides(right=400)


@given(st.integers(1, 5000), st.integers(1, 5000), st.lists(st.integers(0, 400), min_size=4, max_size=4))
def test_percent_is_rounded_to_the_nearest_pixel(width: int, height: int, percents: list[int]) -> None:
    amounts = tuple(Amount(value=percent, percent=True) for percent in percents)
    try:
        sides = resolve_sides(amounts, width=width, height=height)
    except BadRequest:
        assert all(p * e < 50 for p, e in zip(percents, (height, width) * 2, strict=True))
        return
    for side, percent, extent in zip(
        (sides.top, sides.right, sides.bottom, sides.left), percents, (height, width) * 2, strict=True
    ):
        assert abs(side - percent * extent / 100) <= 0.5


@given(st.integers(1, 10_000), st.integers(1, 128))
def test_padding_reaches_the_next_multiple(size: int, multiple: int) -> None:
    assert (size + padding(size, multiple)) % multiple == 0
    assert 0 <= padding(size, multiple) < multiple


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
            Spec(**{"seed": 0, **wrong})
