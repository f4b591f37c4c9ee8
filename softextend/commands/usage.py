"""What the parser says of a wrong command line, in plain words: what came, what is taken, what to do."""

from __future__ import annotations

import re
from typing import Any

from softextend.commands.defaults import options_of
from softextend.commands.help_page import leaves
from softextend.commands.typer_args import option_names, value_metavar, value_type
from softextend.option_fields import about

UNEXPECTED = re.compile(r"unexpected extra arguments?(?:\(s\))? \((.*)\)")


def plain(error: Any, command: str, kind: type[Any] | None) -> str:
    """Click's usage error as one line without its full stop; `kind`: the options of the command, where it is known."""
    said = " ".join(str(error.format_message()).split()).rstrip(".")
    name, option = type(error).__name__, str(getattr(error, "option_name", None))
    if name == "BadOptionUsage" and "does not take a value" in said:
        return f"{option}: takes no value; leave out the = and what follows it"
    if name == "BadOptionUsage" and "requires an argument" in said:
        return f"{option}: give a value, as in {option} {metavar(kind, option)}"
    if name == "MissingParameter" and error.param is not None and kind is not None:
        return f"no {error.param.metavar} is named: {usage(command, kind)}"
    if (found := UNEXPECTED.search(said)) and kind is not None:
        return f"{found[1]}: one name too many, or a part of a name without its quotes; {usage(command, kind)}"
    return said


def usage(command: str, kind: type[Any]) -> str:
    """How the command is called: its name and what has to be named."""
    names = [about(field).metavar for field, _, _ in leaves(kind) if about(field).argument]
    return " ".join([command, *filter(None, names)])


def metavar(kind: type[Any] | None, option: str) -> str:
    """What stands for an option's value in the help."""
    for field, hint in options_of(kind).values() if kind else ():
        if option in (*option_names(field), *about(field).also):
            return value_metavar(about(field), value_type(hint)[0])
    return "VALUE"
