"""`softextend config`: where the config file lies, and what holds for every option, from which source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from softextend.commands.argv import understood
from softextend.commands.defaults import READ_ELSEWHERE, configured, is_given, options_of
from softextend.commands.presets import expanded, preset_name
from softextend.commands.signatures import COMMANDS, Sweep
from softextend.commands.typer_args import built, command, default_words, flags_of, option_names
from softextend.environment import said
from softextend.errors import BadRequest, SoftExtendError
from softextend.fill import parse_fill
from softextend.jobs.sweep import parse_fills, parse_strengths
from softextend.models.conditions.options import configured_adapter
from softextend.models.config_file import config_file, read_config
from softextend.models.find import models_folder, resolve_model
from softextend.option_fields import about, refuse

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Config

TYPED, FILE, OWN = "command line", "config file", "built in"
TEXTS = {"fill": parse_fill, "strengths": parse_strengths}  # read later than the options are


class Held(NamedTuple):
    """What holds for an option: a JSON value (None: nothing), as it is shown, and from where."""

    value: Any
    shown: str
    source: str

    @property
    def cell(self) -> str:
        """As a table has it."""
        return f"{self.shown} ({self.source})"


class Holding(NamedTuple):
    """What holds for one command's options, by name, and what is wrong with defaults of the config file."""

    options: dict[str, Held]
    faults: list[SoftExtendError]

    @classmethod
    def of(cls, kind: type[Any], words: Sequence[str], defaults: dict[str, Any]) -> Holding:
        """For this command line, which may hold no more than the command's name; BadRequest where that is wrong."""
        typed, line = understood(words), _line(words)
        options, parser = options_of(kind), _parser(kind)
        faults = list(filter(None, (_fault(parser, kind, key, value) for key, value in defaults.items())))
        sound = {} if faults else defaults
        context = parser.make_context(words[0], list(line[1:]), default_map=sound)
        raw = {**defaults, **parser.make_parser(context).parse_args(list(line[1:]))[0]}
        faults += [] if faults else _contradictions(kind, context.params)
        preset = f"preset {preset_name(typed)}"
        sources = {"COMMANDLINE": TYPED, "DEFAULT_MAP": FILE}
        held = {}
        for key, (field, _) in options.items():
            source = FILE if key in defaults else sources.get(context.get_parameter_source(key).name, OWN)
            source = preset if source == TYPED and not is_given(field, typed) else source
            value = raw.get(key) if source != OWN else None
            held[key] = (
                _own(key, field) if source == OWN else Held(_plain(context.params[key], value), _shown(value), source)
            )
        return cls(held, faults + _model_fault(held))


def _line(words: Sequence[str]) -> list[str]:
    """A command line as it is parsed, with the options of its preset."""
    typed = understood(words)
    kinds = {kind.__name__.lower(): kind for kind, _ in COMMANDS}
    return expanded(typed, {words[0]: flags_of(kinds[words[0]])}) if preset_name(typed) else typed


def _parser(kind: type[Any]) -> Any:
    """A command's options as Click reads them; no picture need be named."""
    app = typer.Typer()
    app.command(kind.__name__.lower())(command(kind, lambda given: None))
    found = typer.main.get_command(app)
    for each in found.params:
        each.required = each.required and each.param_type_name != "argument"
    return found


def _fault(parser: Any, kind: type[Any], key: str, value: Any) -> SoftExtendError | None:
    """What is wrong with one default, as an error that names the file."""
    field, _ = options_of(kind)[key]
    try:
        params = parser.make_context("", [], default_map={key: value}).params
        if (limits := about(field).range) is not None and isinstance(params[key], int | float):
            refuse(option_names(field)[-1], params[key], limits, about(field).unit)
        if key in TEXTS:
            (parse_fills if key == "fill" and kind is Sweep else TEXTS[key])(value)
    except SoftExtendError as error:
        return _in_file(error)
    return None


def _contradictions(kind: type[Any], params: dict[str, Any]) -> list[SoftExtendError]:
    """What options say against each other."""
    try:
        built(kind, params)
    except SoftExtendError as error:
        return [_in_file(error)]
    return []


def _in_file(error: SoftExtendError) -> SoftExtendError:
    return type(error)(f"{error} (set in config file {config_file()})")


def _model_fault(held: dict[str, Held]) -> list[SoftExtendError]:
    """What is wrong with the model that holds."""
    if "model" not in held:
        return []
    each = held["model"]
    above = each.source not in (TYPED, FILE) or each.value == read_config(config_file()).get("model")
    try:
        resolve_model(None if above else each.value)
    except SoftExtendError as error:
        return [error if each.source != FILE or above else _in_file(error)]
    return []


def _own(key: str, field: Field[Any]) -> Held:
    """What holds where neither the command line nor its part of the file says anything."""
    model, config = said("SOFTEXTEND_MODEL"), config_file()
    if key == "model" and model:
        return Held(model, model, "environment: SOFTEXTEND_MODEL")
    named = configured_adapter(config) if key == "image_adapter" else read_config(config).get(key)
    if key in READ_ELSEWHERE and key != "caption" and named:
        return Held(str(named), str(named), FILE)
    if key == "caption" and named:
        return Held(None, f"off; without MODEL {named}", FILE)
    if key == "model":
        return Held("self", "self", OWN)
    value = None if field.default is MISSING else field.default
    return Held(_plain(value, str(value)), default_words(field) or "none", OWN)


def _plain(value: Any, text: Any) -> Any:
    """A JSON value: numbers, truth values and texts as they are, names of a list, else as it is typed."""
    value = value.value if isinstance(value, Enum) else value
    return value if value is None or isinstance(value, bool | int | float | str | list) else text


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _show(report: Report, asked: dict[str, type[Any]], found: dict[str, Holding]) -> None:
    """All of it: as one JSON object; or a table, where options that hold for all commands alike have one row."""
    path, folder, told = config_file(), models_folder(), said("SOFTEXTEND_MODELS")
    facts = {
        "file": str(path),
        "exists": path.exists(),
        "models_folder": folder and str(folder),
        "options": {
            name: {
                key: {"value": each.value, "default": each.shown if each.source == OWN else None, "source": each.source}
                for key, each in held.options.items()
            }
            for name, held in found.items()
        },
    }
    source = OWN if folder is None else "environment: SOFTEXTEND_MODELS" if told else FILE
    rows = [
        ("file", f"{path}{'' if path.exists() else ' (not there)'}"),
        ("models_folder", f"{folder or 'none'} ({source})"),
    ]
    report.show(facts, [*rows, *_rows(asked, found)], title="config")


def _rows(asked: dict[str, type[Any]], found: dict[str, Holding]) -> Iterator[tuple[str, str]]:
    """First what somebody set, then the rest."""
    cells: dict[tuple[str, str], list[str]] = {}  # (flag, cell) -> the commands where it holds
    set_by_somebody = set()
    for name, kind in asked.items():
        for key, (field, _) in options_of(kind).items():
            each = found[name].options[key]
            row = (", ".join(option_names(field)), each.cell)
            cells.setdefault(row, []).append(name)
            if each.source != OWN:
                set_by_somebody.add(row)
    several = {flag for flag, _ in cells if sum(flag == other for other, _ in cells) > 1}
    for row, commands in sorted(cells.items(), key=lambda each: each[0] not in set_by_somebody):
        yield (f"{row[0]} [{' '.join(commands)}]" if row[0] in several else row[0]), row[1]


def config(report: Report, given: Config) -> int:
    """`softextend config [COMMAND [OPTIONS]]`: the file, then every option's value and its source."""
    words = list(given.asked.words or ())
    kinds = {kind.__name__.lower(): kind for kind, _ in COMMANDS}
    if words and words[0] not in kinds:
        raise BadRequest(f"config {words[0]}: no such command; there are {', '.join(kinds)}")
    unread: list[BadRequest] = []
    defaults = configured(_line(words), unread)
    asked = {words[0]: kinds[words[0]]} if words else kinds
    found = {name: Holding.of(kind, [name, *words[1:]], defaults.get(name, {})) for name, kind in asked.items()}
    faults = {str(each): each for each in map(_in_file, unread)}
    faults |= {str(each): each for held in found.values() for each in held.faults}  # what is wrong for all is said once
    _show(report, asked, found)
    for error in faults.values():
        report.failed(error)
    return max((each.exit_code for each in faults.values()), default=0)
