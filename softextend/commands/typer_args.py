"""From a value to a command: each field of a dataclass, and of the dataclasses in it, becomes one option."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum, EnumMeta
from functools import wraps
from inspect import Parameter
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from softextend.errors import BadRequest
from softextend.types import Range

Value = TypeVar("Value")


def command(function: Callable[[Any], None]) -> Callable[..., None]:
    """`function(asked: Extend)` as Typer wants it: one keyword parameter for every field of `Extend` and its groups."""
    (only,) = inspect.signature(function, eval_str=True).parameters.values()
    wanted = list(parameters(only.annotation))

    @wraps(function)
    def run(**given: Any) -> None:
        function(_built(only.annotation, given))

    run.__signature__ = inspect.Signature(wanted)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in wanted}
    del run.__dict__["__wrapped__"]  # or Typer would read the signature of `function`
    return run


def parameters(kind: Any, panel: str | None = None) -> Iterator[Parameter]:
    """One parameter per field; those of a group are shown in `--help` under its first line, the `panel`."""
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        hint = hints[field.name]
        if is_dataclass(hint):
            yield from parameters(hint, (hint.__doc__ or "").split("\n")[0].rstrip("."))
            continue
        default = Parameter.empty if field.default is MISSING else field.default
        typed, option, *limits = get_args(hint)
        option = copy(option)  # several commands share it
        option.rich_help_panel = option.rich_help_panel or panel
        option.show_default = default is not None and default is not False and default != ""
        (value, *_) = get_args(typed) or (typed,)  # of `X | None`
        if value is bool:
            option.metavar = ""
        elif value in (int, float) or isinstance(value, EnumMeta):
            option.parser = Reader(f"--{field.name.replace('_', '-')}", value, *limits)
            typed = str  # Typer hands the text to the reader, and does no more with what it makes of it
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, annotation=Annotated[typed, option], default=default)


def _built(kind: Callable[..., Value], given: dict[str, Any]) -> Value:
    """The value of this class from all its fields by name, groups and all."""
    hints = get_type_hints(kind)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    return kind(**{name: _built(groups[name], given) if name in groups else given[name] for name in hints})


@dataclass(frozen=True)
class Reader:
    """Reads the text of an option as a number or one of some names; BadRequest, in its own words, for another."""

    option: str
    kind: type
    range: Range | None = None

    @property
    def __name__(self) -> str:  # what Typer calls it
        return self.kind.__name__

    def __call__(self, given: Any) -> Any:
        try:
            return self.kind(given)
        except ValueError:
            raise BadRequest(f"{self.option} {given}: must be {self.allowed}") from None

    @property
    def allowed(self) -> str:
        """What the text may be."""
        if issubclass(self.kind, Enum):
            return f"one of {', '.join(each.value for each in self.kind)}"
        what = "a whole number" if self.kind is int else "a number"
        return what if self.range is None else f"{what} {self.range}"
