"""Presets: a set of options under one name, as data; those of published systems ship with the package."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from softextend.errors import BadRequest
from softextend.models.config_file import config_file, read_config
from softextend.options import HOW_MUCH

if sys.version_info >= (3, 11):
    pass
else:
    pass

WITH_THEM = ("fit", "anchor")  # options that go with some amounts alone
SHIPPED = Path(str(files("softextend"))) / "data" / "presets"
NEVER = ("allow-large", "allow-huge", "allow-damaged", "overwrite")  # a file of anybody's lifts no limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """`options` by name without dashes, as texts of a command line; `said`: what it reproduces, and from where."""

    name: str
    said: str
    path: Path
    options: dict[str, str]
    with_image_prompt: dict[str, str]  # in place of those, where a picture is the prompt

    def chosen(self, *, pictured: bool, sized: bool) -> dict[str, str]:
        """Its options; `pictured`: where a picture is the prompt, `sized`: without amounts, which are said already."""
        found = self.options | (self.with_image_prompt if pictured else {})
        return {name: value for name, value in found.items() if not (sized and name in (*HOW_MUCH, *WITH_THEM))}


def presets_folder() -> Path:
    """Where the user's own presets lie, whether or not the folder exists."""
    return config_file().parent / "presets"


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
        found = read_config(path, "preset")
        options, others = (_texts(found.get(table, {})) for table in ("options", "with_image_prompt"))
        about = str(found.get("about", ""))
        if barred := [name for name in (*options, *others) if name in NEVER]:
            raise BadRequest(f"preset {path}: {barred[0]} is for the command line alone: take it out and give it there")
        return Preset(name=path.stem, said=about, path=path, options=options, with_image_prompt=others)
    except AttributeError as error:
        raise BadRequest(f"preset {path}: cannot be read ({error}): correct or remove it") from error


def _texts(table: dict[str, object]) -> dict[str, str]:
    return {name.replace("_", "-"): _text(value) for name, value in table.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    raise ValueError(f"{value!r} is no text, number or truth value")
