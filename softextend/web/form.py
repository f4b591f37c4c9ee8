"""The form: what may be set, from the same fields as the command line; and settings that come back, read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from softextend.errors import BadRequest
from softextend.fill import FILLS, parameters
from softextend.jobs.presets import preset_paths, presets_folder
from softextend.models.conditions.groups import OFF, SELF
from softextend.models.conditions.options import Conditions
from softextend.option_fields import About, about, flag, hints_of
from softextend.options import Growth, Mask, Prompt, Sampling, Selection
from softextend.types import FillName
from softextend.web import here
from softextend.web.sessions import Session

GROUPS = (Growth, Mask, Prompt, Sampling, Selection, Conditions)
SEED_OPTIONS = ("num", "seed")
NOT_OFFERED = ("keep_all",)  # every result stays in the session anyway
LAID = ("lora", "embedding", "control")  # several files of the models folder
ONE_FILE = ("refiner", "image_adapter", "image_encoder")  # of the models folder
PICTURES = ("image_prompt", "control_image")  # of the session, by their ids
SWITCHES = ("caption",)  # texts that are on or off here: what they name may be anywhere
DRAWN = ("sides", "aspect", "size", "scale", "all", "anchor", "fit", "trim")  # on the canvas and beside it
OFTEN = ("fill", "prompt", "negative", "strength", "seed", "num")  # the others are folded away
PAINTING = (Prompt, Sampling, Selection, Conditions)
NOT_PAINTING = ("passes",)
MOST_FILES = 8  # laid over one model
LONGEST_TEXT = 20_000  # characters of a prompt; models read a few hundred
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def options() -> Iterator[tuple[type[Any], Field[Any], Any]]:
    """All that may be set: (group, field, type hint). What names a file is chosen from what is here, never typed."""
    for group in GROUPS:
        hints = hints_of(group)
        for field in fields(group):
            file = Path in kinds_of(hints[field.name]) and field.name not in (*ONE_FILE, *PICTURES)
            if field.name not in NOT_OFFERED and not file:
                yield group, field, hints[field.name]


def kinds_of(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have, without None."""
    return tuple(each for each in get_args(hint) or (hint,) if each is not NoneType)


def is_enum(kind: Any) -> bool:
    """Whether a type is one of named values."""
    return isinstance(kind, type) and not get_args(kind) and issubclass(kind, Enum)


def describe() -> list[dict[str, Any]]:
    """The options as JSON values, in the order of the form."""
    return [_described(group, field, hint) for group, field, hint in options()]


def _described(group: type[Any], field: Field[Any], hint: Any) -> dict[str, Any]:
    said, kinds = about(field), kinds_of(hint)
    enum = kinds[0] if is_enum(kinds[0]) else None
    default = None if field.default is MISSING or isinstance(field.default, Enum) else field.default
    return {
        "name": field.name,
        "flag": flag(field.name),
        "group": (group.__doc__ or "").splitlines()[0].rstrip("."),
        "kind": _kind(field, kinds),
        "choices": [each.value for each in enum] if enum else list(choices(field.name) or ()),
        "default": default,
        "help": f"{said.help[:1].upper()}{said.help[1:]}",
        "default_words": said.default,
        "unit": said.unit,
        "range": said.range and str(said.range),
        "low": said.range and said.range.low,
        "high": said.range and said.range.high,
        "drawn": field.name in DRAWN,
        "often": field.name in OFTEN,
        "laid": group is Conditions,
        "paints": group in PAINTING and field.name not in NOT_PAINTING,
    }


def _kind(field: Field[Any], kinds: tuple[Any, ...]) -> str:
    """How the page asks for it: bool, int, float, str (long text), text, choice, files or picture."""
    if field.name in LAID:
        return "files"
    if field.name in PICTURES:
        return "picture"
    if field.name in SWITCHES:
        return "bool"
    if choices(field.name) is not None or is_enum(kinds[0]):
        return "choice"
    return "text" if about(field).form else str(kinds[0].__name__)


def choices(name: str) -> tuple[str, ...] | None:
    """What there is to choose from here for an option that would name a file elsewhere; None for any other option."""
    if name in (*LAID, *ONE_FILE):
        return here.files(name)
    if name == "preset":
        return tuple(preset_paths(presets_folder()))
    return (SELF, OFF) if name == "image_prompt" else None


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
    return [each.as_dict() for each in here.models()]


def read_settings(given: Any, session: Session | None = None, *, painting: bool = False) -> dict[str, Any]:
    """Settings from JSON as `softextend.extend` takes them, `model` among them; BadRequest for what is none.

    `session`: whose pictures an image prompt and a control image may be.
    """
    if not isinstance(given, Mapping):
        raise BadRequest('settings: must be a JSON object, such as {"sides": "0 256 0 256"}')
    known = {field.name: (field, hint) for group, field, hint in options() if not painting or _paints(group, field)}
    unknown = [str(name) for name in given if name not in known and name != "model"]
    if unknown:
        raise BadRequest(f"{unknown[0][:40]}: no such option here; there are {', '.join((*known, 'model'))}")
    names = [each.name for each in here.models()]
    model = given.get("model") or names[0]
    if model not in names:
        raise BadRequest(f"model {str(model)[:80]}: is not among those that are here: {', '.join(names)}")
    read = {
        name: _picture(known[name][0], value, session) if name in PICTURES else _read(*known[name], value)
        for name, value in given.items()
        if name != "model"
    }
    return {**{name: value for name, value in read.items() if value is not None}, "model": model}


def _paints(group: type[Any], field: Field[Any]) -> bool:
    return group in PAINTING and field.name not in NOT_PAINTING


def _read(field: Field[Any], hint: Any, value: Any) -> Any:
    """One value of the right type; texts are read by their option's form later, as on the command line."""
    said, kinds = about(field), kinds_of(hint)
    if value is None or (value == "" and str not in kinds):
        return None
    if field.name in SWITCHES:
        return _number(field, said, bool, value) or None
    if choices(field.name) is not None:
        return _chosen(field, value)
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise BadRequest(f"{flag(field.name)}: {len(value)} characters: at most {LONGEST_TEXT} are taken")
    if said.form or str in kinds or is_enum(kinds[0]):
        if isinstance(value, str):
            return value
        if said.form and isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value}"
        raise BadRequest(f"{flag(field.name)} {value!r:.40}: must be text")
    return _number(field, said, kinds[0], value)


def _picture(field: Field[Any], value: Any, session: Session | None) -> str | None:
    """The file of one of the session's pictures, or a word that stands for one; BadRequest for any other text."""
    if value in (None, ""):
        return None
    words = choices(field.name) or ()
    if value in words:
        return str(value)
    if session is None or not isinstance(value, str) or value not in session.nodes:
        others = f", or give {' or '.join(words)}" if words else ""
        raise BadRequest(
            f"{flag(field.name)} {str(value)[:80]}: is no picture of this session: upload it, and give its id{others}"
        )
    return str(session.path(session.nodes[value]))


def _chosen(field: Field[Any], value: Any) -> Any:
    """One of the choices, or several files of them, each NAME, NAME:WEIGHT or NAME=FILE; BadRequest for another."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found) or len(found) > MOST_FILES:
        raise BadRequest(f"{flag(field.name)} {value!r:.40}: must be text, or a list of at most {MOST_FILES} texts")
    known, many = choices(field.name) or (), field.name in LAID
    for each in found:
        file = each.rpartition("=")[2].partition(":")[0] if many else each
        if file not in known:
            listed = f"there are {', '.join(known)}" if known else "there is none in the models folder"
            raise BadRequest(f"{flag(field.name)} {each[:80]}: is not among those that are here: {listed}")
    return found if many else found[0]


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
