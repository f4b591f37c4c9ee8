"""What is asked for from Python: options by name, as text or as values, checked as on the command line."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Any

from softextend.errors import BadRequest
from softextend.jobs.best_of import with_seed
from softextend.jobs.presets import presets_folder, read_preset
from softextend.models.conditions.caption import AUTO
from softextend.models.conditions.options import Conditions, configured_adapter
from softextend.models.config_file import config_file
from softextend.models.engine import Engine
from softextend.option_fields import about, flag
from softextend.options import GROUP_OF, HOW_MUCH, Selection, Spec
from softextend.plan.grammar import FORMS, parse_name
from softextend.types import Amount, Method, Offload, PredictionName, SamplerName, Wrap

ENUMS: Mapping[str, type[Enum]] = {
    "sampler": SamplerName,
    "offload": Offload,
    "method": Method,
    "wrap": Wrap,
    "prediction": PredictionName,
}
OTHERS = {  # groups beside those of a Spec
    each.name: kind for kind in (Selection, Conditions, Engine) for each in dataclasses.fields(kind)
}
SWITCHES = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request, in the command line's groups."""

    spec: Spec
    selection: Selection
    conditions: Conditions
    engine: Engine


def read_request(given: Mapping[str, Any]) -> Asked:
    """All groups from options by name, a preset's below them; BadRequest as on the command line."""
    unknown = [name for name in given if name not in GROUP_OF and name not in OTHERS]
    if unknown:
        raise BadRequest(f"{unknown[0]}: no such option; there are {', '.join((*GROUP_OF, *sorted(OTHERS)))}")
    asked = {**preset_options(given), **given}
    spec = Spec.of(**{name: _spec_value(name, value) for name, value in asked.items() if name in GROUP_OF})
    own: dict[Any, dict[str, Any]] = {Selection: {}, Conditions: {}, Engine: {}}
    for name, value in asked.items():
        if name in OTHERS:
            own[OTHERS[name]][name] = value
    selection, conditions, engine = (kind(**read_group(kind, values)) for kind, values in own.items())
    spec = with_seed(spec)
    selection.check_seeds(spec.seed)
    return Asked(spec=spec, selection=selection, conditions=conditions, engine=engine)


def preset_options(given: Mapping[str, Any]) -> dict[str, str]:
    """What a request's preset says, as texts by name; nothing without one. BadRequest for an unknown preset."""
    if given.get("preset") is None:
        return {}
    preset = read_preset(str(given["preset"]), presets_folder())
    shown = given.get("image_prompt") is not None or (
        not given.get("prompt") and configured_adapter(config_file()) is not None
    )
    sized = any(given.get(name) is not None for name in HOW_MUCH)
    options = preset.chosen(pictured=shown, sized=sized)
    found = {name.replace("-", "_"): value for name, value in options.items()}
    unknown = [name for name in found if name not in GROUP_OF and name not in OTHERS]
    if unknown:
        raise BadRequest(f"preset {preset.path}: {unknown[0]} is no option: correct it")
    return found


def _spec_value(name: str, value: Any) -> Any:
    """One option as its group holds it, from what Python users write."""
    if name == "sides" and value is not None and not isinstance(value, str):
        value = str(value) if isinstance(value, int) else " ".join(map(str, value))
    if name == "all" and isinstance(value, int):
        return Amount(value=value)
    if name == "aspect" and isinstance(value, int | float):
        value = f"{value:.6f}"
    group: Any = getattr(Spec(), GROUP_OF[name])
    return read_group(type(group), {name: value})[name]


def read_group(group: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Texts as the command line reads them, other values as they are. BadRequest for what is none of the kind."""
    return {each.name: _value(each, given[each.name]) for each in dataclasses.fields(group) if each.name in given}


def _value(field: dataclasses.Field[Any], value: Any) -> Any:
    """One option's value, from text where it is text."""
    kind, name = str(field.type), field.name
    if name == "caption" and value is True:
        return AUTO
    if kind.startswith("list[str]") and value is not None:
        return _texts(name, value)
    if kind.startswith(("Path", "str")) and isinstance(value, PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or isinstance(value, Enum):
        if kind.startswith(("Path", "str")) and value is not None:
            raise BadRequest(f"{flag(name)} {value!r}: must be text")
        return value
    form = about(field).form
    return FORMS[form](value) if form else _from_text(kind, name, value)


def _from_text(kind: str, name: str, text: str) -> Any:
    if name in ENUMS:
        return parse_name(ENUMS[name], text, flag(name))
    if kind.startswith("Path"):
        return Path(text)
    try:
        if kind.startswith("bool"):
            return SWITCHES[text]
        return int(text) if kind.startswith("int") else float(text) if kind.startswith("float") else text
    except (ValueError, KeyError):
        what = {"b": "true or false", "i": "a whole number", "f": "a number"}[kind[0]]
        raise BadRequest(f"{flag(name)} {text}: must be {what}") from None


def _texts(name: str, value: Any) -> list[str]:
    """One text, or several."""
    each = [value] if isinstance(value, str | PathLike) else value
    try:
        return [os.fspath(one) for one in each]
    except TypeError:
        raise BadRequest(f"{flag(name)} {value!r}: must be text, or a list of texts") from None
