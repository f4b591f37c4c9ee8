"""Where a wrong value came from, when nobody typed it: the config file or a preset."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar

from softextend.commands.defaults import plain, word
from softextend.commands.presets import set_by_preset
from softextend.errors import BadRequest
from softextend.models.config_file import config_file, read_config

TYPED: ContextVar[Sequence[str]] = ContextVar("TYPED", default=())  # the command line that is run
OPTION = re.compile(r"(?:^|: )(--[a-z][a-z-]*)(:| )(.*)", re.DOTALL)  # "--trim 90: ...", "photo.jpg: --trim 90: ..."


def blamed(message: str) -> str:
    """` (set in config file ...)`, or preset, where an error's option, and its value, come from there; else nothing."""
    found, words = OPTION.search(message), TYPED.get()
    if found is None or not words or "(set in " in message or any(each.partition("=")[0] == found[1] for each in words):
        return ""
    key, alone, rest = found[1][2:], found[2] == ":", found[3]
    path = config_file()
    try:
        if preset := set_by_preset(key, words):
            return f" (set in preset {preset})"
        given = read_config(path)
        tables = [each for each in (given, given.get(words[0])) if isinstance(each, dict)]
        values = [table[name] for table in tables for name in (plain(key), key) if name in table]
        shown = [" ".join(map(str, each)) if isinstance(each, list) else word(each) for each in values]
        if any(alone or each in rest for each in shown):
            return f" (set in config file {path})"
        named = [str(table["preset"]) for table in tables if "preset" in table]
        if named and (preset := set_by_preset(key, ["", "--preset", named[-1]])):
            return f" (set in preset {preset}, which config file {path} names)"
    except BadRequest:
        pass  # the error came before the file was read
    return ""
