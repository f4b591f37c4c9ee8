"""Presets: a set of options under one name, as data; those of published systems ship with the package."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from softextend.errors import BadRequest
from softextend.models.config_file import config_file
from softextend.models.find import configured_text
from softextend.option_fields import flag
from softextend.options import HOW_MUCH

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = Path(str(files("softextend"))) / "data" / "presets"
OPTION = "--preset"
AMOUNTS = {flag(name) for name in HOW_MUCH}
PROMPTS = {"-p", "--prompt"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """`options` by name without dashes, as texts of a command line; `said`: what it reproduces, and from where."""

    name: str
    said: str
    path: Path
    options: dict[str, str]
    with_image_prompt: dict[str, str]  # in place of those, where a picture is the prompt


def expanded(arguments: Sequence[str], known: Mapping[str, set[str]]) -> list[str]:
    """A command line with the options of its `--preset` before the user's own, which therefore win.

    `known`: the flags of each command; what a command has not is left out, as are amounts beside the user's.
    """
    words = list(arguments)
    name = preset_name(words)
    if name is None or not words or words[0] not in known:
        return words
    preset = read_preset(name, presets_folder())
    given = {word.partition("=")[0] for word in words[1 : _end(words)]}
    options = dict(preset.options)
    if _shows_picture(given):
        options |= preset.with_image_prompt
    if given & AMOUNTS:
        options = {each: value for each, value in options.items() if f"--{each}" not in AMOUNTS}
    unknown = [each for each in options if not any(f"--{each}" in flags for flags in known.values())]
    if unknown:
        raise BadRequest(f"preset {preset.path}: {unknown[0]} is no option: correct it")
    own = [(each, value) for each, value in options.items() if f"--{each}" in known[words[0]]]
    return [words[0], *(word for each, value in own for word in _option(each, value)), *words[1:]]


def presets_folder() -> Path:
    """Where the user's own presets lie, whether or not the folder exists."""
    return config_file().parent / "presets"


def _shows_picture(given: set[str]) -> bool:
    """Whether a picture will be the prompt: as asked, or by the config file where no prompt is given."""
    return "--image-prompt" in given or (
        not given & PROMPTS and configured_text(config_file(), "image_adapter") is not None
    )


def _end(words: Sequence[str]) -> int:
    return words.index("--") if "--" in words else len(words)


def preset_name(words: Sequence[str]) -> str | None:
    """The last `--preset NAME` or `--preset=NAME`."""
    found = None
    for index, word in enumerate(words[: _end(words)]):
        if word == OPTION and index + 1 < len(words):
            found = words[index + 1]
        elif word.startswith(f"{OPTION}="):
            found = word.removeprefix(f"{OPTION}=")
    return found


def read_preset(name: str, home: Path) -> Preset:
    """A preset by its name: the user's own in `home`, else a shipped one. BadRequest for an unknown or damaged one."""
    found = {each.name: each for each in all_presets(home)}
    if name not in found:
        raise BadRequest(
            f"--preset {name}: must be one of {', '.join(found)}, or a file {home / name}.toml of your own"
        )
    return found[name]


def all_presets(home: Path) -> list[Preset]:
    """Every preset by name; the user's own, in `home`, in place of a shipped one of the same name."""
    paths = {path.stem: path for folder in (SHIPPED, home) for path in sorted(folder.glob("*.toml"))}
    return [_read(path) for _, path in sorted(paths.items())]


def _read(path: Path) -> Preset:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        options, others = (_texts(found.get(table, {})) for table in ("options", "with_image_prompt"))
        about = str(found.get("about", ""))
        return Preset(name=path.stem, said=about, path=path, options=options, with_image_prompt=others)
    except (OSError, ValueError, AttributeError) as error:
        raise BadRequest(f"preset {path}: cannot be read ({error}): correct or remove it") from error


def _texts(table: dict[str, object]) -> dict[str, str]:
    return {name.replace("_", "-"): _text(value) for name, value in table.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    raise ValueError(f"{value!r} is no text, number or truth value")


def _option(name: str, value: str) -> list[str]:
    if value in ("true", "false"):
        return [f"--{name}" if value == "true" else f"--no-{name}"]
    return [f"--{name}", value]
