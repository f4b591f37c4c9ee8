"""What a recipe says of the command that made a result: files, model and choices, read with care."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_origin

from softextend.environment import at_home
from softextend.errors import BadModel, BadPicture, BadRequest
from softextend.jobs.claims import digest_of
from softextend.models.conditions.options import Conditions
from softextend.models.profiles import profile_names
from softextend.option_fields import hints_of
from softextend.pictures.address import is_address, without_secrets
from softextend.pictures.formats import Alpha
from softextend.pictures.read import read_recipe
from softextend.plan.read_recipe import command_of, damaged, is_number, is_whole
from softextend.types import PredictionName

LONGEST_PATH = 4096  # bytes, as Linux has it
LONGEST_NAME = 200  # characters of a hash, a version, the name of a command
MOST_FILES = 64  # that one option of a recipe may list


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """As `recorded_command` wrote it; `hash`: the model's, `files`: those of what was laid over it."""

    name: str | None
    input: str | None
    input_sha256: str | None
    mask: str | None
    mask_sha256: str | None
    model: str
    vae: Path | None
    preview_vae: Path | None
    unet: Path | None
    conditions: Conditions
    profile: str | None
    prediction: PredictionName | None
    alpha: Alpha
    quality: int | None
    hash: str | None
    files: frozenset[str]
    version: str


def recorded(recipe: Mapping[str, Any], result: Path) -> Recorded:
    """What a recipe records; BadPicture that names the value that cannot be."""
    try:
        return _recorded(recipe)
    except BadPicture as error:
        raise BadPicture(f"{result}: {error}") from error


def _quality(found: Any) -> int | None:
    """Of a lossy file, 1 to 100, None where none was named; BadPicture for another."""
    if found is None or (type(found) is int and 1 <= found <= 100):
        return found
    raise damaged("command.quality", found)


def _recorded(recipe: Mapping[str, Any]) -> Recorded:
    command = _table(recipe, "command", "command")
    model = _table(recipe, "model", "model")
    laid_over = model.get("conditions") or []
    if not isinstance(laid_over, list) or not all(isinstance(each, dict) for each in laid_over):
        raise damaged("model.conditions", laid_over)
    return Recorded(
        name=_name(command, "name"),
        input=_path(command, "input"),
        input_sha256=_name(command, "input_sha256"),
        mask=_path(command, "mask"),
        mask_sha256=_name(command, "mask_sha256"),
        model=_path(command, "model") or _missing("model"),
        vae=_file(command, "vae"),
        preview_vae=_file(command, "preview_vae"),
        unet=_file(command, "unet"),
        conditions=conditions_of(command.get("conditions") or {}),
        profile=_one_of(command, "profile", profile_names()),
        prediction=_prediction(command),
        alpha=Alpha(_one_of(command, "alpha", [each.value for each in Alpha]) or Alpha.FILL.value),
        quality=_quality(command.get("quality")),
        hash=_name(model, "hash", "model"),
        files=frozenset(each["hash"] for each in laid_over if isinstance(each.get("hash"), str)),
        version=version_of(recipe),
    )


def version_of(recipe: Mapping[str, Any]) -> str:
    """Which version wrote a recipe, in words where it does not say."""
    said = recipe.get("softextend")
    return said if isinstance(said, str) and len(said) <= LONGEST_NAME else "an unknown version"


def found_again(result: Path, recorded: str | None, sha256: str | None, what: str, remedy: str) -> Path:
    """A file that a recipe names by its way from the result, opened only where it still is what the recipe tells of.

    BadRequest where it is gone, or is another file by its digest: a recipe may name any file of this machine.
    """
    if recorded is None:
        raise BadRequest(f"{result}: its {what} was no file; give it with {remedy}")
    if is_address(recorded):
        raise BadRequest(
            f"{result}: its {what} lies at {without_secrets(recorded)}; fetch it, and name it with {remedy}"
        )
    path = result.parent / recorded
    if not path.is_file():
        raise BadRequest(f"{result}: its {what} {path} is not there; give it with {remedy}")
    try:
        same = sha256 is not None and digest_of(path) == sha256
    except OSError as error:
        raise BadRequest(f"{path}: cannot be read ({error.strerror}); give the {what} with {remedy}") from error
    if not same:
        raise BadRequest(f"{path}: differs from the {what} that {result} was made with; name it with {remedy}")
    return path


def known_model(result: Path, name: str) -> str:
    """The model that a recipe names, where it lies on this machine; BadModel for a hub id and for devices and pipes."""
    path = at_home(name)
    if name == "self" or path.is_file() or path.is_dir():
        return name
    if path.exists():
        raise BadModel(f"{result}: its model {name} is neither a file nor a folder; name the model with --model")
    raise BadModel(f"{result}: its model {name} is not on this machine; name it with --model, also to look on the hub")


def conditions_of(given: Any) -> Conditions:
    """What was laid over the model of a recipe; nothing in recipes of earlier versions."""
    if not isinstance(given, dict):
        raise damaged("command.conditions", given)
    hints, values = hints_of(Conditions), {}
    for each in fields(Conditions):
        if each.name in given and each.name != "caption":  # whose words are in the recipe's prompt
            values[each.name] = _condition(each.name, hints[each.name], given[each.name])
    try:
        return Conditions(**values)
    except BadRequest as error:
        raise BadPicture(f"its recipe is damaged: {error}") from error


def _condition(name: str, hint: Any, value: Any) -> Any:
    """One value of the type of its field."""
    where = f"command.conditions.{name}"
    kinds = [each for each in get_args(hint) if each is not type(None)] or [hint]
    kind = kinds[0]
    if get_origin(kind) is list:
        if isinstance(value, list) and len(value) <= MOST_FILES:
            return [_text(each, where, LONGEST_PATH) for each in value]
    elif kind in (str, Path):
        return kind(_text(value, where, LONGEST_PATH))
    elif (kind is int and is_whole(value)) or (kind is float and is_number(value)):
        return value
    raise damaged(where, value)


def _table(recipe: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    found = recipe.get(name)
    if not isinstance(found, dict):
        raise damaged(where, found)
    return found


def _missing(name: str) -> str:
    raise damaged(f"command.{name}", None)


def _text(value: Any, where: str, longest: int) -> str:
    """A text that can be the name of a file here."""
    if not isinstance(value, str) or "\0" in value:
        raise damaged(where, value)
    try:
        length = len(os.fsencode(value))
    except UnicodeEncodeError:
        raise damaged(where, value) from None
    if not 0 < length <= longest:
        raise damaged(where, value)
    return value


def _name(table: Mapping[str, Any], name: str, of: str = "command") -> str | None:
    value = table.get(name)
    return None if value is None else _text(value, f"{of}.{name}", LONGEST_NAME)


def _path(command: Mapping[str, Any], name: str) -> str | None:
    value = command.get(name)
    return None if value is None else _text(value, f"command.{name}", LONGEST_PATH)


def _file(command: Mapping[str, Any], name: str) -> Path | None:
    said = _path(command, name)
    return None if said is None else Path(said)


def _one_of(command: Mapping[str, Any], name: str, allowed: Any) -> str | None:
    value = command.get(name)
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise damaged(f"command.{name}", value)


def _prediction(command: Mapping[str, Any]) -> PredictionName | None:
    said = _one_of(command, "prediction", [each.value for each in PredictionName])
    return None if said is None else PredictionName(said)


def prepared_for(picture: Path) -> str | None:
    """The model that a canvas of `prepare` was made for; None for what is none, and for what is no regular file."""
    if not picture.is_file():  # a pipe can be read but once
        return None
    try:
        command = command_of(read_recipe(picture))
        return _path(command, "model") if command.get("name") == "prepare" else None
    except BadPicture:
        return None
