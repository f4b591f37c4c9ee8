"""Every command's options, group by group; the first line of each is the command's help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from softextend.commands.options import (
    BatchOptions,
    BatchReport,
    ClusterOptions,
    DebugOptions,
    DoctorOptions,
    FilmOptions,
    InputOptions,
    OutputOptions,
    OutputPath,
    PageOptions,
    RedoOutput,
    ReportOptions,
    SheetOptions,
    ShowOptions,
    SourceOptions,
    TableOptions,
    WorkOptions,
)
from softextend.models.conditions.options import Conditions
from softextend.models.engine import Engine
from softextend.option_fields import Checked, like, option
from softextend.options import Growth, Mask, Prompt, Sampling, Selection
from softextend.plan.motion import Course
from softextend.types import Method, PredictionName, SamplerName, Size, Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Extend:
    """Extend pictures: softextend extend photo.jpg --sides 0 256 0 256"""

    inputs: InputOptions
    output: OutputOptions
    growth: Growth
    mask: Mask
    prompt: Prompt
    sampling: Sampling
    selection: Selection
    conditions: Conditions
    engine: Engine
    work: WorkOptions
    cluster: ClusterOptions
    debug: DebugOptions
    report: BatchReport


@dataclass(frozen=True, kw_only=True, slots=True)
class Painting(SourceOptions):
    """Where pictures come from."""

    image: str = option(
        help="the picture to repaint, such as a canvas of prepare; - for stdin", metavar="IMAGE", argument=True
    )
    mask: Path = option(
        help="a picture of the same size: white = repaint, black = keep, grey = in between",
        metavar="MASK",
        argument=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PaintSampling(Checked):
    """How the model paints."""

    strength: float | None = like(Sampling, "strength")
    steps: int | None = like(Sampling, "steps")
    guidance: float | None = like(Sampling, "guidance")
    sampler: SamplerName | None = like(Sampling, "sampler")
    guidance_rescale: float | None = like(Sampling, "guidance_rescale")
    guidance_steps: Span | None = like(Sampling, "guidance_steps")
    method: Method = like(Sampling, "method")
    resample: int = like(Sampling, "resample")
    think: int = like(Sampling, "think")
    told_size: Literal["auto"] | Size | None = like(Sampling, "told_size")
    seed: int | None = like(Sampling, "seed")
    refine_strength: float | None = like(Sampling, "refine_strength")
    color_match: bool = like(Sampling, "color_match")


@dataclass(frozen=True, kw_only=True, slots=True)
class Paint:
    """Repaint a picture by a mask: softextend paint canvas.png mask.png -o out.png"""

    painting: Painting
    output: OutputOptions
    prompt: Prompt
    sampling: PaintSampling
    selection: Selection
    conditions: Conditions
    engine: Engine
    work: BatchOptions
    debug: DebugOptions
    report: BatchReport


@dataclass(frozen=True, kw_only=True, slots=True)
class CanvasMask(Checked):
    """How the new area begins, and how it meets the picture."""

    fill: str | None = like(Mask, "fill")
    overlap: int | None = like(Mask, "overlap")
    feather: int | None = like(Mask, "feather")
    change: float = like(Mask, "change")


@dataclass(frozen=True, kw_only=True, slots=True)
class Canvas(Checked):
    """How the canvas is painted."""

    seed: int | None = like(Sampling, "seed")
    model: str | None = like(
        Engine,
        "model",
        help="the model that will paint: its fill and mask are the defaults",
        told="what a run would use",
    )
    profile: str | None = like(Engine, "profile")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepare:
    """Write the filled canvas and the mask of each picture, to paint on by hand; loads no model."""

    inputs: InputOptions
    output: OutputPath
    growth: Growth
    mask: CanvasMask
    canvas: Canvas
    report: BatchReport


@dataclass(frozen=True, kw_only=True, slots=True)
class Redoing(SourceOptions):
    """Where pictures come from."""

    result: Path = option(help="a picture made by softextend", metavar="RESULT", argument=True)
    input: Path | None = option(None, "the input, where it moved", told="as the recipe says", metavar="FILE")


@dataclass(frozen=True, kw_only=True, slots=True)
class SameEngine(Engine):
    """The model, and where it runs."""

    model: str | None = like(
        Engine,
        "model",
        help="another .safetensors file, diffusers folder, hub id, or 'self' (built in)",
        told="the recipe's",
    )
    profile: str | None = like(Engine, "profile", told="the recipe's")
    prediction: PredictionName | None = like(Engine, "prediction", told="the recipe's")
    vae: Path | None = like(Engine, "vae", help="another VAE", told="the recipe's")
    unet: Path | None = like(Engine, "unet", help="another UNet", told="the recipe's")


@dataclass(frozen=True, kw_only=True, slots=True)
class Redo:
    """Run the recipe of a result again."""

    redoing: Redoing
    engine: SameEngine
    output: RedoOutput
    report: ReportOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo(SourceOptions):
    """Where pictures come from."""

    image: str = option(help="the photo to zoom out of; - for stdin", metavar="IMAGE", argument=True)
    trim: Literal["auto"] | int | None = like(Growth, "trim")
    fill: str | None = like(Mask, "fill")


@dataclass(frozen=True, kw_only=True, slots=True)
class Zoom:
    """Zoom out of a photo, as a film: softextend zoom photo.jpg --factor 8 -o zoom.mp4"""

    photo: Photo
    course: Course
    prompt: Prompt
    sampling: Sampling
    conditions: Conditions
    engine: Engine
    film: FilmOptions
    report: ReportOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifying(SourceOptions):
    """What is compared."""

    result: Path = option(help="a picture made by softextend", metavar="RESULT", argument=True)
    original: Path = option(help="the picture it was made of", metavar="ORIGINAL", argument=True)
    mask: Path | None = option(None, "what a painted result was made with", told="as the recipe says", metavar="FILE")
    quiet: bool = like(ReportOptions, "quiet", help="print no verdict: the exit code tells it")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verify:
    """Check that a result has every original pixel beyond its band: exit code 0, or 1 and what differs."""

    verifying: Verifying
    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Scoring(SourceOptions):
    """What is compared."""

    result: Path = option(help="an extended picture, by whatever made it", metavar="RESULT", argument=True)
    original: Path = option(help="the picture it was made of", metavar="ORIGINAL", argument=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Score an extended picture against its original: seam, texture, flat areas."""

    scoring: Scoring
    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Sum up a table of --report: made, failed by kind, scores, the worst results, pictures a minute."""

    table: TableOptions
    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPhoto(SourceOptions):
    """What varies."""

    image: Path = option(help="the photo to try things on", metavar="IMAGE", argument=True)
    strengths: str = option(
        "0.6:1.0:0.1",
        "the strengths to try, 0 to 1: FROM:TO:STEP, or some values, such as 0.6,0.85",
        metavar="FROM:TO:STEP",
        flags=("--strength",),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepMask(Mask):
    """How the new area begins, and how it meets the picture."""

    fill: str | None = like(
        Mask, "fill", help="fills to try, one or several, such as perlin,telea; 'softextend fills' lists them"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepSampling(Checked):
    """How the model paints."""

    steps: int | None = like(Sampling, "steps")
    guidance: float | None = like(Sampling, "guidance")
    guidance_steps: Span | None = like(Sampling, "guidance_steps")
    sampler: SamplerName | None = like(Sampling, "sampler")
    resample: int = like(Sampling, "resample")
    think: int = like(Sampling, "think")
    told_size: Literal["auto"] | Size | None = like(Sampling, "told_size")
    seed: int | None = like(Sampling, "seed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """Try strengths and fills on a photo, on one sheet with scores: softextend sweep photo.jpg --fill perlin,telea"""

    photo: SweepPhoto
    growth: Growth
    mask: SweepMask
    prompt: Prompt
    sampling: SweepSampling
    conditions: Conditions
    engine: Engine
    sheet: SheetOptions
    report: ReportOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Which(Checked):
    """Which model."""

    model: str | None = like(Engine, "model")
    profile: str | None = like(Engine, "profile")
    prediction: PredictionName | None = like(Engine, "prediction")
    vae: Path | None = like(Engine, "vae")
    unet: Path | None = like(Engine, "unet")
    explain: bool = option(False, "say why it was taken for what it is, and whether it would load", told="off")


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """Say which model a run would use, its defaults, and which others are there."""

    which: Which
    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Fills:
    """List the fills with their parameters."""

    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Presets:
    """List the presets with their options, the user's own too."""

    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Doctor:
    """Show versions, devices, memory, and what 'auto' chooses here."""

    machines: DoctorOptions
    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking(Checked):
    """What is asked about."""

    words: list[str] | None = option(
        None,
        "a command, with options as you would give them: what would hold for that command line",
        told="all commands, with no option given",
        metavar="COMMAND [OPTIONS]",
        argument=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Show where the config file lies, and what holds for every option: its value and where that comes from."""

    asked: Asking
    report: ShowOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Ui:
    """Extend pictures on a page in the browser: softextend ui photos"""

    page: PageOptions
    report: ShowOptions


COMMANDS: tuple[tuple[type[Any], str], ...] = (  # the options of each, and what runs it: "module:function"
    (Extend, "extend:extend"),
    (Paint, "extend:paint"),
    (Prepare, "prepare:prepare"),
    (Redo, "redo:redo"),
    (Zoom, "zoom:zoom"),
    (Verify, "check:verify"),
    (Score, "check:score"),
    (Sweep, "sweep:sweep"),
    (Report, "table:summary"),
    (Models, "info:models"),
    (Fills, "info:fills"),
    (Presets, "info:presets"),
    (Doctor, "info:doctor"),
    (Config, "config:config"),
    (Ui, "ui:ui"),
)
