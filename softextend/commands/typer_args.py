"""From a value to a command: each field of a dataclass, and of the dataclasses in it, becomes one option."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin

from typer import Argument, Option

from softextend.commands.completion import for_shell
from softextend.errors import BadRequest
from softextend.option_fields import About, about, flag, hints_of
from softextend.options import ANCHORS
from softextend.pictures.address import is_address, without_secrets
from softextend.plan.grammar import FORMS, parse_name
from softextend.types import FillName

Value = TypeVar("Value")
SUFFIX = "--suffix"  # which begins with a dash
FLAG = re.compile(r"--[a-z][a-z-]*(=.*)?|-[hnopqrvyV]")  # what stands where a value was forgotten
KINDS = {int: "a whole number", float: "a number"}
FIXED = {  # what a shell offers for options of other kinds
    "device": ["auto", "cpu", "cuda", "mps"],
    "dtype": ["auto", "float32", "bf16", "fp16"],
    "anchor": list(ANCHORS),
    "trim": ["auto"],
    "passes": ["auto"],
    "workers": ["auto"],
    "told_size": ["auto"],
    "image_prompt": ["self", "off"],
    "caption": ["auto"],
    "offload": ["none", "model", "sequential"],
    "ray": ["auto", "local"],
    "batch": ["auto"],
    "aspect": ["1:1", "4:3", "3:2", "16:9", "21:9", "9:16"],
}


def command(kind: type[Value], run: Callable[[Value], None]) -> Callable[..., None]:
    """A function as Typer wants it: one keyword parameter for every field of `kind` and its groups."""
    wanted = list(parameters(kind))

    def function(**given: Any) -> None:
        run(built(kind, given))

    function.__doc__ = for_shell(inspect.getdoc(kind) or "")
    function.__signature__ = inspect.Signature(wanted)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in wanted}
    return function


def parameters(kind: Any, panel: str | None = None) -> Iterator[inspect.Parameter]:
    """One parameter per field; those of a group are shown in `--help` under its first line, the `panel`."""
    hints = hints_of(kind)
    for field in fields(kind):
        if is_dataclass(hints[field.name]):
            group = hints[field.name]
            yield from parameters(group, (group.__doc__ or "").split("\n")[0].rstrip("."))
            continue
        default = inspect.Parameter.empty if field.default is MISSING else shown_default(field)
        typed, option = typer_option(field, hints[field.name], about(field), panel)
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[typed, option], default=default
        )


def flags_of(kind: Any, *, hidden: bool = False) -> set[str]:
    """Every flag of a command, its groups' too; `hidden`: with the spellings that no help shows."""
    hints, found = hints_of(kind), set()
    for field in fields(kind):
        if is_dataclass(hints[field.name]):
            found |= flags_of(hints[field.name], hidden=hidden)
        elif not about(field).argument:
            names = (*option_names(field), *(about(field).also if hidden else ()))
            found |= {each for said in names for each in said.split("/")}
    return found


def typer_option(field: Field[Any], hint: Any, said: About, panel: str | None) -> tuple[Any, Any]:
    """What Typer is told of one field: the type that it hands over, and the option or argument."""
    value, many = value_type(hint)
    more: dict[str, Any] = {
        "help": for_shell(help_text(field, value)),
        "rich_help_panel": said.panel or panel,
        "show_default": False,  # the help says it, in words where the default is none
    }
    if many and said.argument:
        offer = completer(field.name, value) if field.name == "words" else None
        return list[str] | None, Argument(metavar=said.metavar, autocompletion=offer, **more)
    names = (*option_names(field), *said.also)
    if many:
        return list[str] | None, Option(*names, metavar=said.metavar, **more)
    if value is bool:
        return bool, Option(*names, metavar="", **more)
    written = next((name for name in names if name.startswith("--")), flag(field.name))
    reader = Reader(said.metavar if said.argument else written.partition("/")[0], value, said)
    more |= {"metavar": value_metavar(said, value), "parser": reader}
    if said.argument:
        return str, Argument(**more)
    return str, Option(*names, autocompletion=completer(field.name, value), **more)


def option_names(field: Field[Any]) -> tuple[str, ...]:
    """How an option is written, as it is shown."""
    return about(field).flags or (flag(field.name),)


def completer(name: str, value: Any) -> Callable[[str], list[str]]:
    """What Typer asks for the completions of an option."""

    def offer(incomplete: str) -> list[str]:
        return completions(name, value, incomplete)

    return offer


def completions(name: str, value: Any, incomplete: str) -> list[str]:
    """What a shell offers for the beginning of an option's value; nothing: files."""
    if isinstance(value, type) and issubclass(value, Enum):
        offered = [each.value for each in value]
    elif name == "fill":
        offered = [each.value for each in FillName]
    elif name == "model":
        from softextend.models.find import installed_models

        offered = [each.ref.name for each in installed_models()]
    elif name == "words":
        from softextend.commands.signatures import COMMANDS

        offered = [kind.__name__.lower() for kind, _ in COMMANDS]
    elif name == "preset":
        from softextend.jobs.presets import preset_paths, presets_folder

        offered = [*preset_paths(presets_folder())]
    else:
        offered = FIXED.get(name, [])
    return [each for each in offered if each.startswith(incomplete)]


def value_type(hint: Any) -> tuple[Any, bool]:
    """The type of a field without its None, and whether it takes many."""
    choices = [each for each in get_args(hint) if each is not NoneType] if isinstance(hint, UnionType) else [hint]
    return choices[0], get_origin(choices[0]) is list


def value_metavar(said: About, value: Any) -> str:
    """What stands for a value in the help."""
    if said.metavar:
        return said.metavar
    if isinstance(value, type) and issubclass(value, Enum):
        return "NAME"
    return {int: "N", float: "X", Path: "FILE"}.get(value, "NAME")


def shown_default(field: Field[Any]) -> Any:
    """Typer's default: none where the text of an option is read by a form."""
    return None if about(field).form else field.default


def help_text(field: Field[Any], value: Any) -> str:
    """The help of a field of this type: what it is, the names it offers or its range with the unit, its default."""
    said = about(field)
    words = f"{said.help[:1].upper()}{said.help[1:]}"
    names = [each.value for each in value] if isinstance(value, type) and issubclass(value, Enum) else []
    if names and names[0] not in said.help:
        words += f": {', '.join(names)}"
    if said.range is not None and not said.form:
        words += f"; {said.range} {said.unit}".rstrip()
    default = default_words(field)
    return f"{words}." + (f" Default: {default}." if default else "")


def default_words(field: Field[Any]) -> str:
    """The default as the help says it; nothing for an argument that must be given."""
    said = about(field)
    if said.default or field.default is MISSING:
        return said.default
    if isinstance(field.default, bool):
        return "on" if field.default else "off"
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def built(kind: Callable[..., Value], given: dict[str, Any]) -> Value:
    """The value of this class from all its fields by name, groups and all; a form's text left out is its default."""
    values: dict[str, Any] = {}
    hints = hints_of(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        if is_dataclass(hints[field.name]):
            values[field.name] = built(hints[field.name], given)
        elif given[field.name] is not None or not about(field).form:
            values[field.name] = given[field.name]
    return kind(**values)


@dataclass(frozen=True)
class Reader:
    """Reads the text of an option as its field wants it; BadRequest, in its own words, for another."""

    option: str
    kind: Any
    said: About

    @property
    def __name__(self) -> str:  # what Typer calls it
        return self.option.lstrip("-")

    def __call__(self, given: Any) -> Any:
        if not isinstance(given, str):
            return given  # a default, which needs no reading
        if FLAG.fullmatch(given) and not self.said.argument and self.option != SUFFIX:
            raise BadRequest(f"{self.option}: give a value before {given}, which is an option")
        if not given and not self.said.blank:
            raise BadRequest(f"{self.option}: is empty (an unset variable?): give a value, or leave it out")
        if self.kind is Path and not self.said.form and is_address(given):
            raise BadRequest(f"{self.option} {without_secrets(given)}: must lie on this machine, not in a store")
        if self.said.form:
            return FORMS[self.said.form](given)
        if issubclass(self.kind, Enum):
            return parse_name(self.kind, given, self.option)
        try:
            value = self.kind(given)
        except ValueError:
            raise BadRequest(f"{self.option} {given}: must be {self.allowed}") from None
        return value

    @property
    def allowed(self) -> str:
        """What the text may be."""
        what, limits = KINDS[self.kind], self.said.range
        if limits is None:
            return what
        return f"{what} of {limits}" if limits.high is None else f"{what} {limits}"
