"""Shells: `--install-completion [SHELL]` and `--show-completion [SHELL]`, and the words that a shell asks about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from softextend.errors import BadRequest

INSTALL, SHOW = "--install-completion", "--show-completion"
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
PROGRAM, VARIABLE = "softextend", "_SOFTEXTEND_COMPLETE"


def asked_for_completion(words: Sequence[str]) -> bool:
    """Whether a command line asks for a shell's completion."""
    return words[:1] in ([INSTALL], [SHOW])


def complete_shell(words: Sequence[str]) -> str:
    """What makes a shell complete, or where it was installed; BadRequest for an unknown shell."""
    from typer._completion_shared import get_completion_script, install

    option, *rest = words
    if len(rest) > 1 or (rest and rest[0] not in SHELLS):
        raise BadRequest(f"{option} {' '.join(rest)}: takes one of {', '.join(SHELLS)}, or nothing: this shell")
    shell = rest[0] if rest else _this_shell(option)
    if option == SHOW:
        return get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell)
    home = Path("~").expanduser()
    if home == Path("/") or not home.is_dir():
        raise BadRequest(
            f"{option}: {home} is no home folder; set HOME to yours, or use {SHOW} and save what it prints"
        )
    _, path = install(shell=shell, prog_name=PROGRAM, complete_var=VARIABLE)
    return f"{path}: {shell} completes from its next start on"


def for_shell(text: str) -> str:
    """A description as the shell takes it that wants to complete: zsh's script would swallow straight apostrophes."""
    return text.replace("'", "\u2019") if os.environ.get(VARIABLE) == "complete_zsh" else text


def _this_shell(option: str) -> str:
    """The shell that runs the program."""
    from typer._completion_shared import _get_shell_name

    found = _get_shell_name()
    if found not in SHELLS:
        raise BadRequest(f"{option}: which shell runs this cannot be told; name it: {', '.join(SHELLS)}")
    return found


def words_to_complete() -> list[str]:
    """The command line that a shell wants completed, without the program; [] where none does.

    A description must then be one line: what stands on a second one would be offered as a word of its own.
    """
    if os.environ.get(VARIABLE):
        os.environ["COLUMNS"] = "10000"  # to which descriptions are wrapped
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return line.split()[1:] if os.environ.get(VARIABLE) else []
