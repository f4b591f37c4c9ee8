"""Text to values: amounts, sides, aspects, sizes, anchors, trims."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import Enum
from fractions import Fraction
from typing import Any, Literal, TypeVar

from softextend.errors import BadRequest
from softextend.options import ANCHORS
from softextend.pictures.address import place
from softextend.types import MOST_ADDED, Amount, Amounts, Size, Span

CSS_ORDER = {1: (0, 0, 0, 0), 2: (0, 1, 0, 1), 3: (0, 1, 2, 1), 4: (0, 1, 2, 3)}  # for top, right, bottom and left
NUMBER = r"\d{1,6}(?:\.\d{1,6})?"
SPAN = re.compile(r"(\d*\.?\d+)-(\d*\.?\d+)")
ACROSS = {"left": 0.0, "west": 0.0, "right": 1.0, "east": 1.0}  # where the original lies, by words
DOWN = {"top": 0.0, "north": 0.0, "upper": 0.0, "bottom": 1.0, "south": 1.0, "lower": 1.0}
MIDDLE = ("center", "centre", "middle")
MOST_DIGITS = 20  # of a whole number that may be read at all
MOST_AT_ONCE = 256  # processes, or rows of a batch: more is a slip of the keyboard


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
    each = "each side" if option == "--sides" else "it"
    if not value >= 0:
        raise BadRequest(f"{option} {text}: {each} must be 0 or more")
    if value > MOST_ADDED:
        raise BadRequest(f"{option} {text}: {each} must be at most {MOST_ADDED}, which no picture reaches")
    return Amount(value=value, percent=percent)


def parse_sides(text: str) -> Amounts:
    """One to four amounts in CSS order -> top, right, bottom, left; BadRequest for another count."""
    texts = listed_amounts(text)
    if not 1 <= len(texts) <= 4:
        raise BadRequest(
            f"--sides {text}: give one value (all sides), two (vertical horizontal), three (top horizontal "
            "bottom) or four (top right bottom left), such as 0 256 0 256"
        )
    amounts = [parse_amount(text) for text in texts]
    top, right, bottom, left = (amounts[index] for index in CSS_ORDER[len(amounts)])
    return top, right, bottom, left


def listed_amounts(text: str) -> list[str]:
    """The amounts of a text, by spaces or by commas; `12,5%` stays one word, which is refused: a decimal comma."""
    words = text.split()
    parts = [part.strip() for part in text.split(",")]
    alike = len({part.endswith("%") for part in parts}) == 1
    return parts if "," in text and alike and all(parts) and " " not in "".join(parts) else words


def parse_aspect(text: str) -> tuple[int, int]:
    """`16:9`, `16x9`, `16/9`, `2.39:1`, `1.78` or `square` -> width to height in lowest terms."""
    words = "1:1" if text.strip().lower() == "square" else text.strip()
    parts = re.fullmatch(rf"({NUMBER})(?:\s*[:xX×/]\s*({NUMBER}))?", words)
    if parts is None or not float(parts[1]) or not float(parts[2] or 1):
        raise BadRequest(f"--aspect {text!r}: write width:height, both above 0, such as 16:9 or 2.39:1")
    ratio = Fraction(parts[1]) / Fraction(parts[2] or 1)
    return ratio.numerator, ratio.denominator


def parse_size(text: str) -> tuple[int, int]:
    """`1920x1080`, with any of x * , : or a space between -> width, height in px."""
    found = _width_height(text, 6)
    if found is None:
        raise BadRequest(f"--size {text!r}: write width x height in pixels, both above 0, such as 1920x1080")
    return found


def _width_height(text: str, digits: int) -> tuple[int, int] | None:
    """Two numbers above 0 of at most so many digits and what people write between them; None for anything else."""
    parts = re.fullmatch(rf"(\d{{1,{digits}}})(?:px)?(?:\s*[xX×*,:]\s*|\s+)(\d{{1,{digits}}})(?:px)?", text.strip())
    found = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    return found if all(found) else None


def parse_scale(text: str) -> float:
    """`1.5` or `1.5x` -> 1.5; a percent could mean what is added, and is refused."""
    body = text.strip().strip("xX×")
    if re.fullmatch(NUMBER, body) is None or float(body) <= 1:
        raise BadRequest(f"--scale {text!r}: write how many times as large, above 1, such as 1.5")
    return float(body)


def parse_anchor(text: str) -> tuple[float, float]:
    """`center`, `top-right`, `0.3,0.5`, ... -> where the original lies from left to right and from top to bottom."""
    parts = re.fullmatch(rf"({NUMBER})(%?),\s*({NUMBER})(%?)", text.strip())
    if parts is None:
        found = _by_words(text.strip())
    else:
        found = tuple(float(parts[i]) / (100 if parts[i + 1] else 1) for i in (1, 3))
        found = found if max(found) <= 1 else ()
    if not found:
        raise BadRequest(
            f"--anchor {text!r}: write one of {', '.join(ANCHORS)}, or two numbers from 0 (left, top) to 1 "
            "(right, bottom), such as 0.3,0.5"
        )
    return found[0], found[1]


def _by_words(text: str) -> tuple[float, ...]:
    """`topRight`, `left_top`, `northwest`, `top center`, ... -> the place; nothing for what is none."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=north)(?=[ew])|(?<=south)(?=[ew])", "-", text)
    words = re.split(r"[-_ ]+", parted.lower())
    across, down = ([table[word] for word in words if word in table] for table in (ACROSS, DOWN))
    middle = [word for word in words if word in MIDDLE]
    if len(words) > 2 or len(across) + len(down) + len(middle) != len(words) or max(len(across), len(down)) > 1:
        return ()
    return (*across, 0.5)[0], (*down, 0.5)[0]


def parse_trim(text: str) -> Literal["auto"] | int:
    """`auto` or px to take off every side."""
    if text == "auto":
        return "auto"
    number = text.strip().removesuffix("px")
    if not number.isascii() or not number.isdigit() or len(number) > MOST_DIGITS:
        raise BadRequest(f"--trim {text!r}: write auto, or the pixels to take off every side, 1 to 4096")
    return int(number)


def parse_passes(text: str) -> int | None:
    """`auto` (None) or a number of passes."""
    if text == "auto":
        return None
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise BadRequest(f"--passes {text}: write auto or a whole number from 1 to 64")
    return int(text)


def parse_workers(text: str) -> int:
    """`auto` (0) or a number of processes."""
    return _auto_or_number(text, "--workers")


def parse_batch(text: str) -> int:
    """`auto` (0) or a number of rows."""
    return _auto_or_number(text, "--batch")


def _auto_or_number(text: str, name: str) -> int:
    if text.strip() == "auto":
        return 0
    is_number = text.strip().isdecimal() and len(text.strip()) <= MOST_DIGITS
    if not is_number or not 1 <= int(text) <= MOST_AT_ONCE:
        raise BadRequest(f"{name} {text}: write auto or a whole number from 1 to {MOST_AT_ONCE}")
    return int(text)


def parse_all(text: str) -> Amount:
    """`20%` or `256` -> what is added on each side."""
    return parse_amount(text, "--all")


def parse_span(text: str, flag: str) -> Span:
    """`0.2-0.8`; BadRequest for anything else."""
    found = SPAN.fullmatch(text.strip())
    if found is None or not 0 <= float(found[1]) < float(found[2]) <= 1:
        raise BadRequest(f"{flag} {text!r}: write FROM-TO, shares of the steps from 0 to 1, such as 0.2-0.8")
    return Span(start=float(found[1]), end=float(found[2]))


def parse_guidance_steps(text: str) -> Span:
    """`0.1-0.8` -> the share of the steps that is guided."""
    return parse_span(text, "--guidance-steps")


def parse_told_size(text: str) -> Size | Literal["auto"]:
    """`auto`, or `1024x1024` -> width, height in px."""
    if text.strip() == "auto":
        return "auto"
    found = _width_height(text, 5)
    if found is None:
        raise BadRequest(f"--told-size {text!r}: write auto, or width x height in px, 1 to 99999, such as 1024x1024")
    return Size(width=found[0], height=found[1])


Named = TypeVar("Named", bound=Enum)


def parse_name(kind: type[Named], text: str, option: str) -> Named:
    """One of an option's names, in any case, also as other tools spell it (`DPM++ 2M`); BadRequest for another."""
    names = {str(each.value): each for each in kind}
    plain = re.sub(r"[\s_]+", "-", text.strip().lower().replace("++", "pp"))
    found = names.get(text, names.get(plain))
    if found is None:
        close = get_close_matches(plain, names, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise BadRequest(f"{option} {text}: must be one of {', '.join(names)}{hint}")
    return found


FORMS: Mapping[str, Callable[[str], Any]] = {  # by the form that an option's field names
    "sides": parse_sides,
    "aspect": parse_aspect,
    "size": parse_size,
    "scale": parse_scale,
    "all": parse_all,
    "anchor": parse_anchor,
    "trim": parse_trim,
    "passes": parse_passes,
    "workers": parse_workers,
    "batch": parse_batch,
    "guidance_steps": parse_guidance_steps,
    "told_size": parse_told_size,
    "place": place,
}
