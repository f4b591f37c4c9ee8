"""What an option is: a dataclass field that says its default, unit, range and help.

The command line, the checks, the Python interface, the page's form and the tables of options are made from such fields.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field
from functools import cache
from typing import Any, NamedTuple, get_type_hints

from softextend.errors import BadRequest


class Range(NamedTuple):
    """What a number may be, both ends included; `high` None: no limit; `above`: the low end itself is out."""

    low: float
    high: float | None = None
    above: bool = False

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int | float) or not value >= self.low or (self.above and value == self.low):
            return False
        return self.high is None or value <= self.high

    def __str__(self) -> str:
        low, high = _digits(self.low), None if self.high is None else _digits(self.high)
        if high is None:
            return f"{low} or more"
        return f"above {low} and at most {high}" if self.above else f"from {low} to {high}"


def _digits(value: float) -> str:
    """A whole number in full, another as short as it is exact to read."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields by name, not to be altered: finding them takes longer than a use of them."""
    return _hints_of(kind)


_hints_of = cache(get_type_hints)


class About(NamedTuple):
    """What a field says of its option; `default`: words for a default of None, False or nothing."""

    help: str
    unit: str = ""
    range: Range | None = None
    default: str = ""
    metavar: str = ""
    flags: tuple[str, ...] = ()  # where they are not just --name
    form: str = ""  # of its text, a name in plan/grammar.py; where empty, its type says how it is read
    panel: str = ""  # of the help, where it is not its group's
    argument: bool = False
    also: tuple[str, ...] = ()  # other spellings that are understood and not shown
    expert: bool = False  # shown by --help-all only
    blank: bool = False  # an empty text says something


def option(
    default: Any = dataclasses.MISSING,
    help: str = "",
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    above: bool = False,
    told: str = "",
    metavar: str = "",
    flags: tuple[str, ...] = (),
    form: str = "",
    panel: str = "",
    argument: bool = False,
    also: tuple[str, ...] = (),
    expert: bool = False,
    blank: bool = False,
) -> Any:
    """A dataclass field that users may set: its default, range (`low` to `high` of `unit`) and help; see `About`."""
    limits = None if low is None else Range(low, high, above)
    about = About(help, unit, limits, told, metavar, flags, form, panel, argument, also, expert, blank)
    return field(default=default, metadata={"about": about})


def like(kind: type[Checked], name: str, *, help: str = "", told: str = "") -> Any:
    """The option of another group once more, with other words where they are given."""
    (found,) = (each for each in dataclasses.fields(kind) if each.name == name)  # type: ignore[arg-type]
    said = about(found)
    changed = said._replace(help=help or said.help, default=told or said.default)
    return field(default=found.default, metadata={"about": changed})


def about(spec: dataclasses.Field[Any]) -> About:
    """What a field says of its option."""
    found: About = spec.metadata["about"]
    return found


def flag(name: str) -> str:
    """`refine_strength` -> `--refine-strength`."""
    return f"--{name.replace('_', '-')}"


def all_in(values: tuple[float, ...], limits: Range) -> bool:
    """Whether every number is in the range."""
    return all(value in limits for value in values)


def refuse(name: str, value: float, limits: Range, unit: str = "") -> None:
    """BadRequest where a number is not in its range (NaN is in none)."""
    if value not in limits:
        raise BadRequest(f"{name} {_digits(value)}: must be {limits} {unit}".rstrip())


class Checked:
    """Base of option groups: refuses a value outside the range that its field names."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):  # type: ignore[arg-type]
            value, said = getattr(self, spec.name), spec.metadata.get("about")
            if said is not None and said.range is not None and isinstance(value, int | float):
                refuse(flag(spec.name), value, said.range, said.unit)
