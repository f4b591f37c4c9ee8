"""Text to values: amounts, sides, aspects, sizes, anchors, trims."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

from softextend.errors import BadRequest
from softextend.types import Amount, Target

CSS_ORDER = {1: (0, 0, 0, 0), 2: (0, 1, 0, 1), 3: (0, 1, 2, 1), 4: (0, 1, 2, 3)}  # for top, right, bottom and left
ANCHORS = {  # where the original lies, from left to right and from top to bottom
    "center": (0.5, 0.5),
    "top": (0.5, 0.0),
    "top-right": (1.0, 0.0),
    "right": (1.0, 0.5),
    "bottom-right": (1.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom-left": (0.0, 1.0),
    "left": (0.0, 0.5),
    "top-left": (0.0, 0.0),
}
NUMBER = r"\d{1,6}(?:\.\d{1,6})?"


def parse_amount(text: str, option: str = "--sides") -> Amount:
    """`256`, `256px` or `25%` -> Amount; BadRequest for anything else."""
    body, percent = text.strip(), False
    if body.endswith("%"):
        body, percent = body[:-1], True
    elif body.endswith("px"):
        body = body[:-2]
    try:
        value = float(body) if percent else int(body)
    except ValueError:
        raise BadRequest(f"{option} {text!r}: write pixels (256) or percent (25%)") from None
    if not 0 <= value < float("inf"):
        each = "each side" if option == "--sides" else "it"
        raise BadRequest(f"{option} {text}: {each} must be 0 or more")
    return Amount(value=value, percent=percent)


def parse_sides(texts: Sequence[str]) -> tuple[Amount, Amount, Amount, Amount]:
    """One to four amounts in CSS order -> top, right, bottom, left; BadRequest for another count."""
    if not 1 <= len(texts) <= 4:
        raise BadRequest(
            f"--sides {' '.join(texts)}: give one value (all sides), two (vertical horizontal), three (top horizontal "
            "bottom) or four (top right bottom left), such as 0 256 0 256"
        )
    amounts = [parse_amount(text) for text in texts]
    top, right, bottom, left = (amounts[index] for index in CSS_ORDER[len(amounts)])
    return top, right, bottom, left


def parse_growth(
    given: Mapping[str, str | None], *, anchor: str | None = None, fit: bool = False
) -> tuple[tuple[Amount, Amount, Amount, Amount], Target | None]:
    """What the options sides, aspect, size, scale and all say -> amounts, or a target and amounts of 0.

    BadRequest unless exactly one is given, and for an anchor or `fit` that goes with none.
    """
    options = ", ".join(f"--{name}" for name in given)
    chosen = {name: text for name, text in given.items() if text is not None}
    if not chosen:
        raise BadRequest(f"nothing says how much to add: give one of {options}, such as --sides 0 256 0 256")
    if len(chosen) > 1:
        came = " and ".join(f"--{name} {text}" for name, text in chosen.items())
        raise BadRequest(f"{came}: each says how much to add; give exactly one of {options}")
    ((name, text),) = chosen.items()
    if name != "sides":
        return (Amount(value=0),) * 4, parse_target(name, text, anchor=anchor, fit=fit)
    if anchor is not None or fit:
        extra = "--fit" if anchor is None else f"--anchor {anchor}"
        raise BadRequest(f"{extra}: --sides says already what is added where; leave one of them out")
    return parse_sides(text.split()), None


def parse_target(name: str, text: str, *, anchor: str | None = None, fit: bool = False) -> Target:
    """`aspect` 16:9, `size` 1920x1080, `scale` 1.5 or `all` 20% -> Target; BadRequest for anything else."""
    where = (0.5, 0.5) if anchor is None else parse_anchor(anchor)
    if name == "aspect":
        return Target(aspect=parse_aspect(text), anchor=where, fit=fit)
    if name == "size":
        return Target(size=parse_size(text), anchor=where, fit=fit)
    if name == "scale":
        return Target(scale=parse_scale(text), anchor=where, fit=fit)
    return Target(all=parse_amount(text, "--all"), anchor=where, fit=fit)


def parse_aspect(text: str) -> tuple[int, int]:
    """`16:9` or `2.39:1` -> width to height in lowest terms."""
    parts = re.fullmatch(rf"({NUMBER}):({NUMBER})", text.strip())
    if parts is None or not float(parts[1]) or not float(parts[2]):
        raise BadRequest(f"--aspect {text!r}: write width:height, both above 0, such as 16:9 or 2.39:1")
    ratio = Fraction(parts[1]) / Fraction(parts[2])
    return ratio.numerator, ratio.denominator


def parse_size(text: str) -> tuple[int, int]:
    """`1920x1080` -> width, height in px."""
    parts = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", text.strip())
    if parts is None or not int(parts[1]) or not int(parts[2]):
        raise BadRequest(f"--size {text!r}: write width x height in pixels, both above 0, such as 1920x1080")
    return int(parts[1]), int(parts[2])


def parse_scale(text: str) -> float:
    """`1.5` -> 1.5."""
    if re.fullmatch(NUMBER, text.strip()) is None or float(text) <= 1:
        raise BadRequest(f"--scale {text!r}: write how many times as large, above 1, such as 1.5")
    return float(text)


def parse_anchor(text: str) -> tuple[float, float]:
    """`center`, `top-right`, ... or `0.3,0.5` -> where the original lies from left to right and from top to bottom."""
    if text in ANCHORS:
        return ANCHORS[text]
    parts = re.fullmatch(rf"({NUMBER}),\s*({NUMBER})", text.strip())
    if parts is None or max(float(parts[1]), float(parts[2])) > 1:
        raise BadRequest(
            f"--anchor {text!r}: write one of {', '.join(ANCHORS)}, or two numbers from 0 (left, top) to 1 "
            "(right, bottom), such as 0.3,0.5"
        )
    return float(parts[1]), float(parts[2])


def parse_trim(text: str) -> Literal["auto"] | int:
    """`auto` or px to take off every side."""
    if text == "auto":
        return "auto"
    number = text.strip().removesuffix("px")
    if not number.isascii() or not number.isdigit():
        raise BadRequest(f"--trim {text!r}: write auto, or the pixels to take off every side, 1 to 4096")
    return int(number)
