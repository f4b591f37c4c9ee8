"""The pages of `--help`: plain text, words over most of the width, output first, the rare only on demand."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from typing import Any

from softextend.commands.typer_args import help_text, option_names, value_metavar, value_type
from softextend.option_fields import about, hints_of

NARROWEST, WIDEST = 60, 100  # columns
INDENT = 6  # columns before an option's words
QUOTED = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")  # a word of a shell's line
SELF_EVIDENT = re.compile(r" Default: (none|off|nothing|the model's)\.$")
UNSAID = "Where no default is named, there is none, or the model's own."
OUTPUT_FIRST = ("Where results go", "Where the result goes", "The film", "The contact sheet")
ABOUT_ALL = (
    ("-h, --help", "This page; softextend COMMAND --help has a command's options."),
    ("-V, --version", "Print the version and exit."),
    ("--install-completion [SHELL]", "Let bash, zsh, fish or PowerShell complete options and their values."),
    ("--show-completion [SHELL]", "Print what it would install."),
)
EXAMPLES: dict[str, tuple[str, ...]] = {
    "extend": (
        "softextend extend photo.jpg --sides 0 256 0 256",
        "softextend extend photo.jpg --aspect 16:9 -o wide.jpg",
        "softextend extend 'photos/*.jpg' --all 10% --out-dir wide --skip-existing",
        'softextend extend photo.jpg --left 30% --model xl.safetensors -p "a harbour"',
    ),
    "paint": ("softextend paint canvas.png mask.png -o finished.png",),
    "prepare": ("softextend prepare photo.jpg --sides 0 128 0 128 --out-dir work",),
    "redo": ("softextend redo photo-extended.jpg --seed 7",),
    "zoom": ("softextend zoom photo.jpg --factor 8 --seconds 10 -o zoom.mp4",),
    "sweep": ("softextend sweep photo.jpg --sides 0 256 0 0 --strength 0.6:1.0:0.1 --fill perlin,telea",),
    "verify": ("softextend verify photo-extended.png photo.png",),
    "ui": ("softextend ui", "softextend ui photos --no-browser"),
    "report": ("softextend report results.jsonl",),
    "score": ("softextend score photo-extended.png photo.png",),
}


def page(name: str, kind: type[Any], *, everything: bool, columns: int | None = None) -> str:
    """The help of one command; `everything`: the options for experts too."""
    width = max(NARROWEST, min(WIDEST, columns or shutil.get_terminal_size((80, 24)).columns))
    groups, hidden = _groups(kind, everything=everything)
    arguments = [each for _, found in groups for each in found if about(each[0]).argument]
    words = " ".join(f"[{about(each).metavar}]..." if _many(hint) else about(each).metavar for each, hint in arguments)
    lines = [f"Usage: softextend {name} {words}".rstrip() + " [OPTIONS]", ""]
    lines += _wrapped((inspect.getdoc(kind) or "").split(": softextend ")[0].rstrip(".") + ".", width)
    if name in EXAMPLES:
        lines += ["", "Examples:", *(line for each in EXAMPLES[name] for line in example(each, width))]
    for title, found in groups:
        lines += ["", f"{title}:"]
        for each, hint in found:
            lines += _entry(each, hint, width)
    lines += ["", "Help:", "  -h, --help        This page."]
    if hidden:
        lines.append(f"  --help-all        {hidden} more options, for experts.")
    lines += _wrapped(UNSAID, width, "  ")
    return "\n".join(lines)


def _entry(field: Field[Any], hint: Any, width: int) -> Iterator[str]:
    """One option: how it is written, and below it what it means."""
    said, (value, _) = about(field), value_type(hint)
    written = said.metavar if said.argument else ", ".join(option_names(field))
    if not said.argument and value is not bool:
        metavar = value_metavar(said, value)
        written += metavar if metavar.startswith("[=") else f" {metavar}"
    yield f"  {written}"
    yield from _wrapped(SELF_EVIDENT.sub("", help_text(field, value)), width, " " * INDENT)


def _wrapped(words: str, width: int, pad: str = "", first: str | None = None) -> list[str]:
    """Lines within the width; names such as few-step-lcm and NAME-sweep.png stay whole."""
    return textwrap.wrap(
        words, width, initial_indent=pad if first is None else first, subsequent_indent=pad, break_on_hyphens=False
    )


def example(line: str, width: int) -> Iterator[str]:
    """A command line within the width, to be copied as it is: a backslash ends each line but the last."""
    written = ""
    for word in QUOTED.findall(line):
        if written and len(f"{written} {word} \\") > width:
            yield f"{written} \\"
            written = " " * INDENT + word
        else:
            written = f"{written} {word}" if written else f"  {word}"
    yield written


def _groups(kind: type[Any], *, everything: bool) -> tuple[list[tuple[str, list[tuple[Field[Any], Any]]]], int]:
    """(title, fields with their types) in order, and how many options are left out."""
    groups: dict[str, list[tuple[Field[Any], Any]]] = {}
    hidden = 0
    for field, hint, group in leaves(kind):
        if about(field).expert and not everything:
            hidden += 1
        else:
            groups.setdefault(about(field).panel or group, []).append((field, hint))
    return sorted(groups.items(), key=lambda each: each[0] not in OUTPUT_FIRST), hidden


def leaves(kind: type[Any], group: str = "Options") -> Iterator[tuple[Field[Any], Any, str]]:
    """Every option of a command: its field, its type, its group's title."""
    hints = hints_of(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if is_dataclass(hint):
            yield from leaves(hint, (hint.__doc__ or "").split("\n")[0].rstrip("."))  # type: ignore[arg-type]
        else:
            yield field, hint, group


def _many(hint: Any) -> bool:
    return value_type(hint)[1]


def overview(purpose: str, commands: dict[str, type[Any]]) -> str:
    """The first page: what the program is for, and each command in a line."""
    width = max(NARROWEST, min(WIDEST, shutil.get_terminal_size((80, 24)).columns))
    lines = ["Usage: softextend COMMAND ... [OPTIONS]", "", purpose, "", "Commands:"]
    for name, kind in commands.items():
        words = (inspect.getdoc(kind) or "").split(": softextend ")[0].rstrip(".")
        pad = f"  {name:<10}"
        lines += _wrapped(words, width, " " * len(pad), pad)
    lines += [
        "",
        "Options:",
        *(line for option, words in ABOUT_ALL for line in _wrapped(words, width, " " * 33, f"  {option:<31}")),
        "",
        "Examples:",
        *(line for each in EXAMPLES["extend"][:2] for line in example(each, width)),
    ]
    return "\n".join(lines)
