"""Options around a picture: where results go, what is shown and reported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from softextend.commands.options import DryRun, Overwrite
from softextend.errors import BadRequest
from softextend.models.engine import Engine
from softextend.pictures.formats import Format


@dataclass(frozen=True, kw_only=True, slots=True)
class SameEngine(Engine):
    """The model, and where it runs."""

    model: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="Another .safetensors file, diffusers folder, hub id, or 'self' (built in). Default: the recipe's.",
        ),
    ] = None
    vae: Annotated[Path | None, Option(metavar="FILE", help="Another VAE. Default: the recipe's.")] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Placing:
    """Where results go."""

    output: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help="For one picture: the result, or - for PNG on stdout; missing folders are made. "
            "Default: as --out-dir.",
        ),
    ] = None
    out_dir: Annotated[
        Path | None,
        Option(metavar="DIR", help="The folder for results, made if needed. Default: beside each input."),
    ] = None
    overwrite: Overwrite = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Writing(Placing):
    """Where results go."""

    format: Annotated[
        Format | None,
        Option(
            metavar="NAME",
            help=f"The results' format: {', '.join(each.value for each in Format)}. "
            "Default: what -o says, else the input's.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewriting(Writing):
    """Where results go."""

    output: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The result, or - for PNG on stdout; missing folders are made. "
            "Default: NAME-redo.EXT beside the result that is made again.",
        ),
    ] = None
    out_dir: Annotated[
        Path | None,
        Option(
            metavar="DIR", help="The folder for NAME-redo.EXT, NAME being the input's, made if needed. Default: none."
        ),
    ] = None
    format: Annotated[
        Format | None,
        Option(
            metavar="NAME",
            help=f"The result's format: {', '.join(each.value for each in Format)}. "
            "Default: as -o or the result before.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Filming:
    """The film."""

    output: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help="NAME.mp4 (H.264), .gif, .webp, a folder for PNGs, or FOLDER/%04d.png; missing folders are made. "
            "Default: NAME-zoom.mp4 beside the input.",
        ),
    ] = None
    size: Annotated[
        str | None,
        Option(
            metavar="WxH",
            help="The frames' size in px; the photo is extended to another shape. Default: its own, 3840 px at most.",
        ),
    ] = None
    overwrite: Overwrite = False
    dry_run: DryRun = False
    save_steps: Annotated[
        Path | None, Option(metavar="DIR", help="Save the pictures that the frames are cut from here. Default: not.")
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Looking:
    """Seeing more than the result."""

    save_steps: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Save the filled canvas, the change map and the raw painting of each result here. Default: not.",
        ),
    ] = None
    dry_run: DryRun = False
    plan_image: Annotated[
        Path | None,
        Option(
            metavar="FILE.png",
            help="Draw the canvas with the windows that the model will see, numbered; also with --dry-run. "
            "Default: not.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """What is said, and where."""

    json: Annotated[bool, Option("--json", help="JSON lines on stdout instead of text. Default: off.")] = False
    verbose: Annotated[
        bool, Option("-v", "--verbose", help="Show tracebacks and libraries' warnings. Default: off.")
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk(Telling):
    """What is said, and where."""

    json: Annotated[
        bool, Option("--json", help="One JSON line per result on stdout instead of its path. Default: off.")
    ] = False
    quiet: Annotated[bool, Option("-q", "--quiet", help="Say nothing but errors. Default: off.")] = False
    verbose: Annotated[
        bool,
        Option("-v", "--verbose", help="Say more; show tracebacks and libraries' warnings. Default: off."),
    ] = False

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise BadRequest("-q and -v: one says less, the other more; give one of them")
