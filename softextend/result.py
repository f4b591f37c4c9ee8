"""What `extend` and `paint` give back: a picture that knows what led to it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from softextend.errors import BadRequest
from softextend.finish.scores import Scores
from softextend.jobs.command_line import command_words, group_words, recorded_command
from softextend.jobs.ready import Recorded
from softextend.jobs.writing import digest, grey, relative_path
from softextend.options import Selection, Spec
from softextend.pictures.formats import format_of_name
from softextend.pictures.picture import Picture
from softextend.pictures.profiles import grey_as_rgb
from softextend.pictures.read import read_picture, read_recipe
from softextend.pictures.write import write_picture
from softextend.plan.input import mapping_of
from softextend.plan.recipe import parameters

if TYPE_CHECKING:
    from softextend.extend import Result as Made


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Result:
    """A finished picture; `made`: its arrays, `source`: the picture that it was made of."""

    made: Made
    source: Picture
    command: str  # the command line's, that does the same
    recorded: Recorded  # of the model
    said: tuple[str, ...] = ()  # of what has no effect
    spec: Spec
    selection: Selection
    origin: Path | None = None  # the input, where it was a file
    mask_origin: Path | None = None

    @property
    def image(self) -> Image.Image:
        """The picture, RGB, with the original's colour profile."""
        image = Image.fromarray(self.made.pixels)
        icc = self.source.metadata.icc
        if icc and (wide := grey_as_rgb(icc) if icc[16:20] == b"GRAY" else icc):
            image.info["icc_profile"] = wide
        return image

    @property
    def mask(self) -> Image.Image:
        """The change map, 8-bit grey, white = repainted."""
        return Image.fromarray(grey(self.made.change))

    @property
    def scores(self) -> Scores:
        """How it looks against its own photo."""
        return self.made.scores

    @property
    def seed(self) -> int:
        """The seed that makes it again."""
        return self.made.seed

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing of it, one line each."""
        return (*self.source.notes, *self.said, *self.made.notes)

    @property
    def recipe(self) -> dict[str, Any]:
        """What led to it, JSON values; `softextend redo` reads it from a saved file."""
        return self._recipe(Path())

    def save(self, path: str | PathLike[str], *, overwrite: bool = False, format: str | None = None) -> Path:
        """Write it with metadata and recipe, whole or not at all; `format`: as the name says. Raises OutputError."""
        target = Path(path)
        write_picture(
            target,
            self.made.planes,
            format=format.upper() if format else format_of_name(target),
            metadata=self.source.metadata,
            mapping=mapping_of(self.made.recipe),
            recipe=self._recipe(target.parent),
            parameters=self.made.parameters,
            overwrite=overwrite,
        )
        return target

    def command_line(self, output: str | PathLike[str], image: str | None = None, mask: str | None = None) -> str:
        """What makes the same file in a shell; `image`, `mask`: their names there, where not those they came from."""
        found = [image or _shown(self.origin), *([mask or _shown(self.mask_origin)] if self.command == "paint" else [])]
        engine = replace(self.recorded.engine, model=None)
        laid = replace(self.recorded.conditions, preset=None, caption=None)  # whose words are in the prompt
        words = [*command_words(self.spec), *group_words(self.selection), "--model", self.recorded.name]
        words += [*group_words(engine), *group_words(laid)]
        return shlex.join(["softextend", self.command, *found, *words, "-o", str(output)])

    def _recipe(self, home: Path) -> dict[str, Any]:
        """With the files by their way from the result, as the command line writes it, in its order too."""
        command = recorded_command(
            name=self.command,
            input=relative_path(home, self.origin),
            input_sha256=self.source.sha256 if self.origin else None,
            mask=relative_path(home, self.mask_origin),
            mask_sha256=digest(self.mask_origin) if self.mask_origin else None,
            model=self.recorded.name,
            engine=self.recorded.engine,
            conditions=self.recorded.conditions.as_dict(),
        )
        return {**self.made.recipe, "command": command}


def _shown(path: Path | None) -> str:
    """A file's way in a command line; BadRequest for a picture that was in memory only."""
    if path is None:
        raise BadRequest("a picture in memory has no name on a command line: give one, such as image='photo.png'")
    return str(path)


def convert(source: Path, target: Path) -> None:
    """A saved result once more in the format that the new name says, metadata and recipe with it; replaces `target`.

    Raises BadPicture for what carries no recipe, OutputError where it cannot be written.
    """
    picture, recipe = read_picture(source), read_recipe(source)
    write_picture(
        target,
        picture.pixels,
        format=format_of_name(target),
        metadata=picture.metadata,
        recipe=recipe,
        parameters=parameters(recipe),
        overwrite=True,
    )
