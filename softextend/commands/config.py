"""The config file: defaults of any option, by command or for all; and `softextend config`, which shows them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import Field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend.commands.help_page import leaves
from softextend.commands.presets import set_by_preset
from softextend.commands.signatures import COMMANDS
from softextend.commands.typer_args import option_names
from softextend.environment import at_home, said
from softextend.errors import BadRequest
from softextend.models.conditions.options import PICTURE, names_adapter
from softextend.models.config_file import config_file, read_config
from softextend.option_fields import about, flag
from softextend.options import HOW_MUCH

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Config

EXCLUSIVE = (  # options of which one rules the others out
    (*HOW_MUCH, "anchor", "fit"),
    ("output", "out_dir"),
    ("overwrite", "skip_existing"),
    ("quiet", "verbose"),
)
ONLY_HERE = ("models_folder",)  # no option
READ_ELSEWHERE = (  # where a name's way begins at the config file
    "model",
    "image_adapter",
    "image_encoder",
    "caption",  # which model, not whether
)


def configured(words: Sequence[str] = ()) -> dict[str, Any]:
    """What the config file says, as Typer's map of defaults: command -> option -> value. BadRequest for a wrong one.

    A default gives way where the words of the command line hold an option that it cannot go with.
    """
    path = config_file()
    given = read_config(path)
    if not given:
        return {}
    own = {kind.__name__.lower(): {field.name: field for field, _, _ in leaves(kind)} for kind, _ in COMMANDS}
    everywhere = {name for options in own.values() for name in options} | {*ONLY_HERE}
    general = {key.replace("-", "_"): value for key, value in given.items() if not isinstance(value, dict)}
    _check_names(path, general, everywhere, "")
    defaults: dict[str, Any] = {}
    for command, options in own.items():
        section = {key.replace("-", "_"): value for key, value in given.get(command, {}).items()}
        _check_names(path, section, set(options), f" of [{command}]")
        given_here = {name for name, field in options.items() if _is_given(field, words)}
        barred = {name for group in EXCLUSIVE if given_here & {*group} for name in group}
        found = {
            name: value for name, value in {**general, **section}.items() if name in options and name not in barred
        }
        if names_adapter(path):
            found.pop(PICTURE, None)
        texts = {name: _text(value) for name, value in found.items() if name not in READ_ELSEWHERE}
        defaults[command] = {name: text for name, text in texts.items() if not about(options[name]).argument}
    unknown = [key for key, value in given.items() if isinstance(value, dict) and key not in own]
    if unknown:
        raise BadRequest(f"config file {path}: [{unknown[0]}] is no command; there are {', '.join(own)}")
    return defaults


def blamed(message: str, words: Sequence[str]) -> str:
    """` (set in config file ...)`, or preset, where an error's option, and its value, come from there; else nothing."""
    option, _, rest = message.partition(" ")
    if not option.startswith("--") or any(word.partition("=")[0] == option for word in words):
        return ""
    path, name = config_file(), option[2:].replace("-", "_")
    try:
        if preset := set_by_preset(option[2:], words):
            return f" (set in preset {preset})"
        given = read_config(path)
    except BadRequest:
        return ""  # the error came before the file was read
    tables = [each for each in (given, given.get(words[0]) if words else None) if isinstance(each, dict)]
    values = [table[key] for table in tables for key in (name, option[2:]) if key in table]
    return f" (set in config file {path})" if any(str(each) in rest for each in values) else ""


def _is_given(field: Field[Any], words: Sequence[str]) -> bool:
    """Whether one of an option's spellings is among the words."""
    names = {name for each in (*option_names(field), *about(field).also) for name in each.split("/")}
    return any(word.partition("=")[0] in names for word in words)


def _check_names(path: Path, given: dict[str, Any], known: set[str], where: str) -> None:
    """BadRequest that names the nearest known option for an unknown one."""
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
            remedy = f"did you mean {close[0]}?" if close else "its names are those of the options, such as strength"
            raise BadRequest(f"config file {path}: {name}{where} is no option; {remedy}")


def _text(value: Any) -> Any:
    """As on a command line; lists such as sides by spaces, ~ as the home folder."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return " ".join(map(str, value))
    text = str(value)
    return str(at_home(text)) if text.startswith("~") else text


def config(report: Report, given: Config) -> None:
    """`softextend config`: where the file lies, and what holds in place of the program's own defaults."""
    path = config_file()
    defaults = configured()
    model = said("SOFTEXTEND_MODEL")
    named = read_config(path).get("model")
    rows = [("file", f"{path}{'' if path.exists() else ' (not there)'}")]
    if model or named:
        rows.append(("model", f"{model} ($SOFTEXTEND_MODEL)" if model else f"{named} (config file)"))
    facts: dict[str, Any] = {"file": str(path), "exists": path.exists(), "model": model or named, "defaults": {}}
    for command, options in defaults.items():
        for name, value in options.items():
            rows.append((f"{command} {flag(name)}", f"{value} (config file)"))
            facts["defaults"].setdefault(command, {})[name] = value
    report.show(facts, rows, title="config")
