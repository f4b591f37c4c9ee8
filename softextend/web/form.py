"""The form: what may be set, from the same fields as the command line; and settings that come back, read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from softextend.errors import BadRequest
from softextend.fill import FILLS, parameters
from softextend.models import find
from softextend.option_fields import About, about, flag
from softextend.options import Growth, Mask, Prompt, Sampling, Selection
from softextend.types import FillName

GROUPS = (Growth, Mask, Prompt, Sampling, Selection)
SEED_OPTIONS = ("num", "seed")
NOT_OFFERED = ("keep_all",)  # every result stays in the session anyway
DRAWN = ("sides", "aspect", "size", "scale", "all", "anchor", "fit", "trim")  # on the canvas and beside it
OFTEN = ("fill", "prompt", "negative", "strength", "seed", "num")  # the others are folded away
PAINTING = (Prompt, Sampling, Selection)
NOT_PAINTING = ("passes",)
LONGEST_TEXT = 20_000  # characters of a prompt; models read a few hundred
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def options() -> Iterator[tuple[type[Any], Field[Any], Any]]:
    """All that may be set: (group, field, type hint). Options that name files of this machine are none of them."""
    for group in GROUPS:
        hints = get_type_hints(group)
        for field in fields(group):
            if field.name not in NOT_OFFERED and Path not in kinds_of(hints[field.name]):
                yield group, field, hints[field.name]


def kinds_of(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have, without None."""
    return tuple(each for each in get_args(hint) or (hint,) if each is not NoneType)


def describe() -> list[dict[str, Any]]:
    """The options as JSON values, in the order of the form."""
    return [_described(group, field, hint) for group, field, hint in options()]


def _described(group: type[Any], field: Field[Any], hint: Any) -> dict[str, Any]:
    said, kinds = about(field), kinds_of(hint)
    enum = kinds[0] if isinstance(kinds[0], type) and issubclass(kinds[0], Enum) else None
    default = None if field.default is MISSING or isinstance(field.default, Enum) else field.default
    return {
        "name": field.name,
        "flag": flag(field.name),
        "group": (group.__doc__ or "").splitlines()[0].rstrip("."),
        "kind": "choice" if enum else "text" if said.form else kinds[0].__name__,
        "choices": [each.value for each in enum] if enum else [],
        "default": default,
        "help": f"{said.help[:1].upper()}{said.help[1:]}",
        "default_words": said.default,
        "unit": said.unit,
        "range": said.range and str(said.range),
        "low": said.range and said.range.low,
        "high": said.range and said.range.high,
        "drawn": field.name in DRAWN,
        "often": field.name in OFTEN,
        "paints": group in PAINTING and field.name not in NOT_PAINTING,
    }


def describe_fills() -> list[dict[str, Any]]:
    """Every fill with its parameters, JSON values."""
    return [
        {
            "name": name.value,
            "meaning": (kind.__doc__ or "").splitlines()[0],
            "parameters": [_parameter(each) for each in parameters(kind)],
        }
        for name, kind in FILLS.items()
        if isinstance(name, FillName)
    ]


def _parameter(field: Field[Any]) -> dict[str, Any]:
    said = about(field)
    return {
        "name": field.name,
        "default": field.default,
        "help": said.help,
        "unit": said.unit,
        "low": said.range and said.range.low,
        "high": said.range and said.range.high,
        "kind": type(field.default).__name__,
    }


def describe_models() -> list[dict[str, Any]]:
    """The models that are here, the one that a run would use first; paths stay on the server."""
    return [
        {
            "name": each.ref.name,
            "label": _label(each),
            "used": each.used,
            "fill": each.profile.fill,
            "overlap": each.profile.overlap,
            "feather": each.profile.feather,
            "takes_prompt": each.ref.kind != "self",
        }
        for each in find.installed_models()
    ]


def _label(found: find.Installed) -> str:
    if found.ref.kind == "self":
        return "self (built in)"
    return Path(found.ref.name).stem if found.ref.kind == "file" else found.ref.name


def read_settings(given: Any, *, painting: bool = False) -> dict[str, Any]:
    """Settings from JSON as `softextend.extend` takes them, `model` among them; BadRequest for what is none."""
    if not isinstance(given, Mapping):
        raise BadRequest('settings: must be a JSON object, such as {"sides": "0 256 0 256"}')
    known = {field.name: (field, hint) for group, field, hint in options() if not painting or _paints(group, field)}
    unknown = [str(name) for name in given if name not in known and name != "model"]
    if unknown:
        raise BadRequest(f"{unknown[0][:40]}: no such option here; there are {', '.join((*known, 'model'))}")
    model = given.get("model") or find.installed_models()[0].ref.name
    names = [each["name"] for each in describe_models()]
    if model not in names:
        raise BadRequest(f"model {str(model)[:80]}: is not among those that are here: {', '.join(names)}")
    read = {name: _read(*known[name], value) for name, value in given.items() if name != "model"}
    return {**{name: value for name, value in read.items() if value is not None}, "model": model}


def _paints(group: type[Any], field: Field[Any]) -> bool:
    return group in PAINTING and field.name not in NOT_PAINTING


def _read(field: Field[Any], hint: Any, value: Any) -> Any:
    """One value of the right type; texts are read by their option's form later, as on the command line."""
    said, kinds = about(field), kinds_of(hint)
    if value is None or (value == "" and str not in kinds):
        return None
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise BadRequest(f"{flag(field.name)}: {len(value)} characters: at most {LONGEST_TEXT} are taken")
    if said.form or str in kinds or (isinstance(kinds[0], type) and issubclass(kinds[0], Enum)):
        if isinstance(value, str):
            return value
        if said.form and isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value}"
        raise BadRequest(f"{flag(field.name)} {value!r:.40}: must be text")
    return _number(field, said, kinds[0], value)


def _number(field: Field[Any], said: About, kind: Any, value: Any) -> Any:
    """A bool, int or float, also from text."""
    if kind is bool:
        if isinstance(value, bool):
            return value
    elif not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            number = kind(value)
        except (ValueError, OverflowError):
            number = None
        if number is not None and (isinstance(value, str) or number == value):
            return number
    limits = f" {said.range}" if said.range else ""
    raise BadRequest(f"{flag(field.name)} {value!r:.40}: must be {KINDS[kind]}{limits}")
