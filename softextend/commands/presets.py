"""`--preset NAME` on a command line: the preset's options before the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from softextend.errors import BadRequest
from softextend.jobs.presets import presets_folder, read_preset
from softextend.models.conditions.options import configured_adapter
from softextend.models.config_file import config_file
from softextend.option_fields import about, flag
from softextend.options import HOW_MUCH, Growth

OPTION = "--preset"
AMOUNTS = {
    spelling for each in fields(Growth) if each.name in HOW_MUCH for spelling in (flag(each.name), *about(each).also)
}
PROMPTS = {"-p", "--prompt"}


def expanded(arguments: Sequence[str], known: Mapping[str, set[str]]) -> list[str]:
    """A command line with the options of its `--preset` before the user's own, which therefore win.

    `known`: the flags of each command; what a command has not is left out, as are amounts beside the user's.
    """
    words = list(arguments)
    name = preset_name(words)
    if name is None or not words or words[0] not in known:
        return words
    preset = read_preset(name, presets_folder())
    given = _flags(words)
    options = preset.chosen(pictured=_shows_picture(given), sized=bool(given & AMOUNTS))
    unknown = [each for each in options if not any(f"--{each}" in flags for flags in known.values())]
    if unknown:
        raise BadRequest(f"preset {preset.path}: {unknown[0]} is no option: correct it")
    own = [(each, value) for each, value in options.items() if f"--{each}" in known[words[0]]]
    return [words[0], *(word for each, value in own for word in _option(each, value)), *words[1:]]


def preset_options(name: str, words: Sequence[str], *, sized: bool) -> dict[str, str]:
    """The options of a preset that the config file names; `sized`: without amounts, which are said already."""
    return read_preset(name, presets_folder()).chosen(pictured=_shows_picture(_flags(words)), sized=sized)


def _flags(words: Sequence[str]) -> set[str]:
    return {word.partition("=")[0] for word in words[1 : _end(words)]}


def set_by_preset(option: str, words: Sequence[str]) -> Path | None:
    """The file of a command line's preset, where that sets the option."""
    name = preset_name(words)
    preset = read_preset(name, presets_folder()) if name else None
    return preset.path if preset and option in preset.options | preset.with_image_prompt else None


def _shows_picture(given: set[str]) -> bool:
    """Whether a picture will be the prompt: as asked, or by the config file where no prompt is given."""
    return "--image-prompt" in given or (not given & PROMPTS and configured_adapter(config_file()) is not None)


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


def _option(name: str, value: str) -> list[str]:
    if value in ("true", "false"):
        return [f"--{name}" if value == "true" else f"--no-{name}"]
    return [f"--{name}", value]
