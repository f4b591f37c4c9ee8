"""A recipe read back into a request: it comes from a file that anybody may have written, so every value is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, get_args

from softextend.errors import BadPicture, BadRequest
from softextend.option_fields import hints_of
from softextend.options import GROUP_OF, HOW_MUCH, Spec
from softextend.types import Amount, Method, SamplerName, Size, Span, Wrap

RENAMED = {"solver": "sampler", "refine": "refine_strength"}  # options of recipes that earlier versions wrote
LONGEST_TEXT = 100_000  # characters of a prompt
LARGEST_NUMBER = 2**63
LARGEST_PAIR = 10**6  # px, or parts of an aspect
NEVER = ("allow_large",)  # what only the person at the command line may allow


def spec_of(recipe: Mapping[str, Any]) -> Spec:
    """The request that a recipe was made from; BadPicture that names the value that cannot be."""
    given = recipe.get("spec")
    if not isinstance(given, dict):
        raise BadPicture("its recipe is damaged: spec is missing; name another result")
    given = {RENAMED.get(name, name): value for name, value in given.items()}
    target = given.pop("target", None)
    if isinstance(target, dict):
        given |= target  # as earlier versions grouped them
    unknown = [name for name in given if name not in GROUP_OF]
    if unknown:
        raise BadPicture(
            f"its recipe is damaged: spec.{ascii(unknown[0])[1:-1]:.40} is unknown here; name another result"
        )
    read = {name: _read(name, value) for name, value in given.items() if name not in NEVER}
    if any(read.get(name) is not None for name in HOW_MUCH[1:]):
        read["sides"] = None if not any(each.value for each in read.get("sides") or ()) else read["sides"]
    else:
        read["anchor"] = None
    try:
        return Spec.of(**read)
    except BadRequest as error:
        raise BadPicture(f"its recipe is damaged: {error}") from error


def command_of(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """How the result was asked for, unchecked values; {} where the recipe does not say; BadPicture for no table."""
    said = recipe.get("command")
    if said is not None and not isinstance(said, dict):
        raise damaged("command", said)
    return said or {}


def _read(name: str, value: Any) -> Any:
    """One option's value from JSON, of the type that its field has."""
    if value is None:
        if default_of(name) is not None:
            raise damaged(f"spec.{name}", value)
        return None
    if name in STRUCTURED:
        read = STRUCTURED[name](value)
        if read is None:
            raise damaged(f"spec.{name}", value)
        return read
    group: Any = getattr(Spec(), GROUP_OF[name])
    hint = hints_of(type(group))[name]
    kind = next((each for each in get_args(hint) if each is not type(None)), hint)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return value
    if (kind is int and is_whole(value)) or (kind is float and is_number(value)):
        return value
    raise damaged(f"spec.{name}", value)


def default_of(name: str) -> Any:
    """What an option is where nothing asks for it."""
    return Spec().options()[name]


def damaged(where: str, value: Any) -> BadPicture:
    """The error that names a value of a recipe that cannot be."""
    if value is None:
        return BadPicture(f"its recipe is damaged: {where} is missing; name another result")
    if isinstance(value, dict | list) and value:
        short = "a table" if isinstance(value, dict) else f"a list of {len(value)}"
    elif isinstance(value, int) and abs(value) >= LARGEST_NUMBER:
        short = "a number of that size"
    else:
        shown = ascii(value[:80] if isinstance(value, str) else value)
        short = shown if len(shown) <= 40 else f"{shown[:40]}..."
    return BadPicture(f"its recipe is damaged: {where} cannot be {short}; name another result")


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number of a size that a computation bears."""
    if isinstance(value, float):
        return math.isfinite(value)
    return is_whole(value)


def is_whole(value: Any) -> bool:
    """Whether a JSON value is a whole number of a size that a computation bears."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_NUMBER


def _amount(value: Any) -> Amount | None:
    if not isinstance(value, dict) or value.keys() != {"value", "percent"} or not isinstance(value["percent"], bool):
        return None
    number = value["value"]
    return Amount(value=number, percent=value["percent"]) if is_number(number) and number >= 0 else None


def _amounts(value: Any) -> tuple[Amount, ...] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    read = tuple(_amount(each) for each in value)
    return None if None in read else tuple(each for each in read if each is not None)


def _pair(kind: type[int] | type[float]) -> Callable[[Any], tuple[Any, Any] | None]:
    """Reads two numbers of a kind, up to LARGEST_PAIR."""

    def read(value: Any) -> tuple[Any, Any] | None:
        if not isinstance(value, list) or len(value) != 2:
            return None
        first, second = value
        kinds = (int, kind)
        good = all(is_number(each) and isinstance(each, kinds) for each in (first, second))
        return (first, second) if good and min(first, second) >= 0 and max(first, second) <= LARGEST_PAIR else None

    return read


def _sampler(value: Any) -> Enum | None:
    return next((each for each in SamplerName if each.value == value), None)


def _method(value: Any) -> Enum | None:
    return next((each for each in Method if each.value == value), None)


def _wrap(value: Any) -> Enum | None:
    return next((each for each in Wrap if each.value == value), None)


def _span(value: Any) -> Span | None:
    if not isinstance(value, dict) or value.keys() != {"start", "end"} or not all(map(is_number, value.values())):
        return None
    return Span(**value) if 0 <= value["start"] < value["end"] <= 1 else None


def _told_size(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"width", "height"}:
        sides = list(value.values())
        good = all(is_whole(each) and 0 < each < 10**5 for each in sides)
        return Size(**value) if good else None
    return value if value == "auto" else None


def _trim(value: Any) -> Any:
    return value if value == "auto" or is_whole(value) else None


STRUCTURED: Mapping[str, Callable[[Any], Any]] = {
    "sides": _amounts,
    "all": _amount,
    "aspect": _pair(int),
    "size": _pair(int),
    "anchor": _pair(float),
    "sampler": _sampler,
    "method": _method,
    "wrap": _wrap,
    "trim": _trim,
    "guidance_steps": _span,
    "told_size": _told_size,
}
