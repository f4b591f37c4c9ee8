"""Presets: a set of options under one name, as data; those of published systems ship with the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from softextend.errors import BadRequest
from softextend.models.config_file import config_file, read_config
from softextend.options import HOW_MUCH

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
    paths = preset_paths(home)
    if name not in paths:
        raise BadRequest(
            f"--preset {name}: must be one of {', '.join(paths)}, or a file {home / name}.toml of your own"
        )
    return preset_in(paths[name])


def preset_paths(home: Path) -> dict[str, Path]:
    """The file of every preset by name, unread; the user's own, in `home`, in place of a shipped one of that name."""
    paths = {path.stem: path for folder in (SHIPPED, home) for path in sorted(folder.glob("*.toml"))}
    return dict(sorted(paths.items()))


def preset_in(path: Path) -> Preset:
    """The preset of a file; BadRequest, which names the file, for a damaged one."""
    found = read_config(path, "preset")
    tables = {table: found.get(table, {}) for table in ("options", "with_image_prompt")}
    if unknown := [name for name in found if name not in (*tables, "about")]:
        raise BadRequest(f"preset {path}: {unknown[0]} is unknown: options stand below a line [options]")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise BadRequest(f"preset {path}: {name} must be a table: options stand below a line [{name}]")
    try:
        options, others = map(_texts, tables.values())
    except ValueError as error:
        raise BadRequest(f"preset {path}: {error}: correct it") from error
    if barred := [name for name in (*options, *others) if name in NEVER]:
        raise BadRequest(f"preset {path}: {barred[0]} is for the command line alone: take it out and give it there")
    about = str(found.get("about", ""))
    return Preset(name=path.stem, said=about, path=path, options=options, with_image_prompt=others)


def _texts(table: dict[str, object]) -> dict[str, str]:
    return {name.replace("_", "-"): _text(name, value) for name, value in table.items()}


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(_text(name, each) for each in value)
    if isinstance(value, int | float | str):
        return str(value)
    raise ValueError(f"{name} = {value!r} must be a text, a number, true, false or a list of these")
