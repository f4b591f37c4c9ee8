"""Defaults of any option, by command or for all, as the config file says them: read, named right, and as texts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field
from pathlib import Path
from typing import Any, NamedTuple

from softextend.commands.help_page import leaves
from softextend.commands.presets import preset_options
from softextend.commands.signatures import COMMANDS
from softextend.commands.typer_args import option_names, value_type
from softextend.environment import at_home, said
from softextend.errors import BadRequest
from softextend.models.conditions.options import PICTURE, names_adapter
from softextend.models.config_file import config_file, read_config
from softextend.models.find import configured_text
from softextend.option_fields import about
from softextend.options import HOW_MUCH

Leaves = dict[str, tuple[Field[Any], Any]]  # an option's field and type by its name

EXCLUSIVE = (  # options of which one rules the others out
    (*HOW_MUCH, "anchor", "fit"),
    ("output", "out_dir"),
    ("overwrite", "skip_existing"),
    ("quiet", "verbose"),
    ("ray", "workers"),
    ("ray", "batch"),
    ("ray", "measure"),
    ("output", "format"),
    *(("num", each) for each in ("best_of", "retry", "keep_all")),
)
ONLY_HERE = ("models_folder",)  # no option
READ_ELSEWHERE = (  # where a name's way begins at the config file
    "model",
    "image_adapter",
    "image_encoder",
    "caption",  # which model, not whether
)
OPTIONAL = {"skip_existing": "same", "caption": "auto"}  # what these say where no value follows


def options_of(kind: type[Any]) -> Leaves:
    """What may have a default, of one command."""
    return {field.name: (field, hint) for field, hint, _ in leaves(kind) if not about(field).argument}


def configured(words: Sequence[str] = (), faults: list[BadRequest] | None = None) -> dict[str, Any]:
    """What the config file says, as Typer's map of defaults: command -> option -> value. BadRequest for a wrong one.

    A default gives way where the words of the command line hold an option that it cannot go with. What cannot be read
    as its option's value is added to `faults`, where they are given.
    """
    path = config_file()
    given = read_config(path)
    if not given:
        return {}
    own = {kind.__name__.lower(): options_of(kind) for kind, _ in COMMANDS}
    sections = {key: value for key, value in given.items() if isinstance(value, dict)}
    if unknown := [key for key in sections if key not in own]:
        raise BadRequest(f"config file {path}: [{unknown[0]}] is no command; there are {', '.join(own)}")
    everywhere = {name for options in own.values() for name in spellings(options)} | {*ONLY_HERE}
    general = {plain(key): value for key, value in given.items() if key not in sections}
    _check_names(path, general, everywhere, "")
    for name in ONLY_HERE:
        configured_text(path, name)
    return {
        command: _of_command(Said(path, command, general, sections.get(command, {})), options, words, faults)
        for command, options in own.items()
    }


class Said(NamedTuple):
    """What the config file says of one command: for all, and for it alone."""

    path: Path
    command: str
    general: dict[str, Any]
    section: dict[str, Any]


def _of_command(here: Said, options: Leaves, words: Sequence[str], faults: list[BadRequest] | None) -> dict[str, Any]:
    """The defaults of one command; its own section goes before what is said for all."""
    path, command, general, section = here
    names = spellings(options)
    local = {plain(key): value for key, value in section.items()}
    _check_names(path, local, {*names}, f" of [{command}]")
    local = {names[key]: value for key, value in local.items()}
    typed = {name for name, (field, _) in options.items() if is_given(field, words)}
    shared = {names[key]: value for key, value in general.items() if key in names and key not in READ_ELSEWHERE}
    found = {**_without(shared, typed | {*local}), **_without(local, typed)}
    if names_adapter(path) and PICTURE not in local:
        found.pop(PICTURE, None)
    if "caption" in local:
        raise BadRequest(f"config file {path}: caption of [{command}] must stand above all sections: it names a model")
    if said("SOFTEXTEND_MODEL"):
        found.pop("model", None)
    texts = {}
    for name, value in found.items():
        try:
            texts[name] = as_text(value, *options[name])
        except BadRequest as error:
            if faults is None and command in words[:1]:
                raise
            (faults if faults is not None else []).append(error)
    for name in {*texts} & {*READ_ELSEWHERE}:
        beside = path.parent / str(texts[name])
        texts[name] = str(beside) if beside.exists() else texts[name]
    if "preset" in texts:
        sized = bool({*HOW_MUCH} & (typed | {*texts}))
        chosen = preset_options(texts["preset"], words, sized=sized)
        chosen = {names[plain(key)]: value for key, value in chosen.items() if plain(key) in names}
        texts = {**_without(chosen, typed | {*texts}), **texts}
    return {name: text for name, text in texts.items() if text is not None}


def _without(found: Mapping[str, Any], stronger: Iterable[str]) -> dict[str, Any]:
    """Without the options that these stand in place of, or rule out."""
    barred = {*stronger}
    for name in stronger:
        barred.update(each for group in EXCLUSIVE if name in group for each in group)
    return {name: value for name, value in found.items() if name not in barred}


def spellings(options: Leaves) -> dict[str, str]:
    """Each way to write an option in the file -> its name; `report` and `negative_prompt` as `table` and `negative`."""
    found = {name: name for name in options}
    for name, (field, _) in options.items():
        for written in (*option_names(field), *about(field).also):
            for each in written.split("/"):
                if each.startswith("--") and not each.startswith("--no-"):
                    found[plain(each[2:])] = name
    return found


def plain(key: str) -> str:
    return key.replace("-", "_")


def is_given(field: Field[Any], words: Sequence[str]) -> bool:
    """Whether one of an option's spellings is among the words."""
    names = {name for each in (*option_names(field), *about(field).also) for name in each.split("/")}
    return any(word.partition("=")[0] in names for word in words)


def _check_names(path: Path, given: Iterable[str], known: set[str], where: str) -> None:
    """BadRequest that names the nearest known option for an unknown one."""
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
            remedy = f"did you mean {close[0]}?" if close else "its names are those of the options, such as strength"
            raise BadRequest(f"config file {path}: {name}{where} is no option; {remedy}")


def as_text(value: Any, field: Field[Any], hint: Any) -> Any:
    """As a command line's parser wants it: a truth value, a text (~ as the home folder), or a list of texts.

    None where an option is said to be off that is off without a value. Options of one value take lists too: sides by
    spaces, others by commas.
    """
    kind, many = value_type(hint)
    if many:
        return [word(each) for each in (value if isinstance(value, list) else [value])]
    if kind is bool:
        return _truth(value, field)
    if isinstance(value, bool) and field.name in OPTIONAL:
        return OPTIONAL[field.name] if value else None
    if isinstance(value, list):
        return (" " if field.name == "sides" else ",").join(map(word, value))
    return word(value)


def _truth(value: Any, field: Field[Any]) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    found = words.get(str(value).lower())
    if found is None:
        raise BadRequest(f"{option_names(field)[-1].split('/')[0]} {value}: must be true or false")
    return found


def word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return str(at_home(text)) if text.startswith("~") else text
