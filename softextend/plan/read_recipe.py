"""A recipe read back into a request: it comes from a file that anybody may have written, so every value is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, get_args, get_type_hints

from softextend.errors import BadPicture, BadRequest
from softextend.options import GROUP_OF, HOW_MUCH, Spec
from softextend.types import Amount, Method, SamplerName, Size, Span

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
        raise BadPicture(f"its recipe is damaged: spec.{ascii(unknown[0])[1:-1]:.40} is no option of this version")
    read = {name: _read(name, value) for name, value in given.items() if name not in NEVER}
    if any(read.get(name) is not None for name in HOW_MUCH[1:]):
        read["sides"] = None if not any(each.value for each in read.get("sides") or ()) else read["sides"]
    else:
        read["anchor"] = None
    try:
        return Spec.of(**read)
    except BadRequest as error:
        raise BadPicture(f"its recipe is damaged: {error}") from error


def _read(name: str, value: Any) -> Any:
    """One option's value from JSON, of the type that its field has."""
    if value is None:
        if default_of(name) is not None:
            raise _damaged(name, value)
        return None
    if name in STRUCTURED:
        read = STRUCTURED[name](value)
        if read is None:
            raise _damaged(name, value)
        return read
    group: Any = getattr(Spec(), GROUP_OF[name])
    hint = get_type_hints(type(group))[name]
    kind = next((each for each in get_args(hint) if each is not type(None)), hint)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_NUMBER:
        return value
    if kind is float and _is_number(value):
        return value
    raise _damaged(name, value)


def default_of(name: str) -> Any:
    """What an option is where nothing asks for it."""
    return Spec().options()[name]


def _damaged(name: str, value: Any) -> BadPicture:
    shown = ascii(value)
    short = shown if len(shown) <= 40 else f"{shown[:40]}..."
    return BadPicture(f"its recipe is damaged: spec.{name} cannot be {short}; name another result")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _amount(value: Any) -> Amount | None:
    if not isinstance(value, dict) or value.keys() != {"value", "percent"} or not isinstance(value["percent"], bool):
        return None
    number = value["value"]
    return Amount(value=number, percent=value["percent"]) if _is_number(number) and number >= 0 else None


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
        good = all(_is_number(each) and isinstance(each, kinds) for each in (first, second))
        return (first, second) if good and min(first, second) >= 0 and max(first, second) <= LARGEST_PAIR else None

    return read


def _sampler(value: Any) -> Enum | None:
    return next((each for each in SamplerName if each.value == value), None)


def _method(value: Any) -> Enum | None:
    return next((each for each in Method if each.value == value), None)


def _span(value: Any) -> Span | None:
    if not isinstance(value, dict) or value.keys() != {"start", "end"} or not all(map(_is_number, value.values())):
        return None
    return Span(**value) if 0 <= value["start"] < value["end"] <= 1 else None


def _told_size(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"width", "height"}:
        sides = list(value.values())
        good = all(isinstance(each, int) and not isinstance(each, bool) and 0 < each < 10**5 for each in sides)
        return Size(**value) if good else None
    return value if value == "auto" else None


def _trim(value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if value == "auto" or whole else None


STRUCTURED: Mapping[str, Callable[[Any], Any]] = {
    "sides": _amounts,
    "all": _amount,
    "aspect": _pair(int),
    "size": _pair(int),
    "anchor": _pair(float),
    "sampler": _sampler,
    "method": _method,
    "trim": _trim,
    "guidance_steps": _span,
    "told_size": _told_size,
}
