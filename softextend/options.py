"""The options of the command line, in groups: each field is one option, and `command` turns groups into a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from typer import Argument, Option

from softextend.types import Offload, SolverName

Inputs = Annotated[
    list[str] | None,
    Argument(metavar="INPUT", help="Pictures, folders, quoted globs ('photos/**/*.jpg'), or - for stdin."),
]
ModelName = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="A .safetensors file, a diffusers folder, a hub id, or 'self' (built in). "
        "Default: $SOFTEXTEND_MODEL, else the config file, else self.",
    ),
]
Seed = Annotated[
    int | None, Option(metavar="N", help="0 or more; the same seed repeats a result. Default: drawn, and said.")
]


class Format(str, Enum):
    """The file formats that `--format` offers."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    TIFF = "tiff"
    BMP = "bmp"
    AVIF = "avif"


@dataclass(frozen=True, kw_only=True, slots=True)
class Border:
    """The new area, and how it meets the picture."""

    sides: Annotated[
        str | None,
        Option(
            metavar="TOP RIGHT BOTTOM LEFT",
            help="How much to add: pixels (256) or percent of that dimension (25%), each 0 or more. One value: all "
            "sides; two: vertical, horizontal; three: top, horizontal, bottom. Default: none; exactly one of this and "
            "the next four is needed.",
        ),
    ] = None
    aspect: Annotated[
        str | None,
        Option(
            metavar="W:H",
            help="Width to height of the result, such as 16:9 or 2.39:1, both above 0; the dimension that is short "
            "grows. Default: none.",
        ),
    ] = None
    size: Annotated[
        str | None,
        Option(
            metavar="WxH",
            help="Width and height of the result in px, such as 1920x1080; no smaller than the photo, but with --fit. "
            "Default: none.",
        ),
    ] = None
    scale: Annotated[
        str | None,
        Option(metavar="X", help="Times the photo's width and height, above 1, such as 1.5. Default: none."),
    ] = None
    all: Annotated[
        str | None,
        Option(metavar="AMOUNT", help="Pixels (256) or percent (20%) on each side, 0 or more. Default: none."),
    ] = None
    anchor: Annotated[
        str | None,
        Option(
            metavar="PLACE",
            help="Where the photo lies in the result: center, top, top-right, right, ... or X,Y from 0,0 (top left) to "
            "1,1; with --aspect, --size, --scale and --all. Default: center.",
        ),
    ] = None
    fit: Annotated[
        bool, Option("--fit", help="With --size: scale a photo down that is larger, never up. Else that is an error.")
    ] = False
    trim: Annotated[
        str | None,
        Option(
            metavar="auto|PX",
            help="Shave borders first: auto finds bars, frames, a scanner's edge, rounded or transparent corners; "
            "1 to 4096 px: off every side. Default: nothing is shaved, a suspicious edge is said.",
        ),
    ] = None
    fill: Annotated[
        str | None,
        Option(
            metavar="NAME[:KEY=VALUE,...]",
            help="What the empty area is painted with first; 'softextend fills' lists them. Default: the model's.",
        ),
    ] = None
    overlap: Annotated[
        int | None,
        Option(metavar="PX", help="How far into the original is repainted, 0 to 4096 px. Default: the model's."),
    ] = None
    feather: Annotated[
        int | None,
        Option(metavar="PX", help="Width of the blur from new to original, 0 to 4096 px. Default: the model's."),
    ] = None
    band: Annotated[
        int | None,
        Option(
            metavar="PX",
            help="How far into the original pixels are replaced at most; 0 keeps all of it. "
            "Default: as far as overlap and feather reach.",
        ),
    ] = None
    change: Annotated[
        float, Option(metavar="X", help="How much of the new area may change, above 0 to 1; below 1 the fill shows.")
    ] = 1.0
    allow_large: Annotated[
        bool, Option("--allow-large", help="Lift the limit of 4 times the picture's size per side.")
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How the model paints."""

    prompt: Annotated[
        str, Option("-p", "--prompt", metavar="TEXT", help="What to paint. Default: nothing, which works well.")
    ] = ""
    negative: Annotated[str, Option("-n", "--negative", metavar="TEXT", help="What to keep out. Default: nothing.")] = (
        ""
    )
    strength: Annotated[
        float | None,
        Option(metavar="X", help="How far from the fill the model goes, 0 (fill alone) to 1. Default: the model's."),
    ] = None
    steps: Annotated[
        int | None, Option(metavar="N", help="Steps of the full schedule, 1 to 1000. Default: the model's.")
    ] = None
    guidance: Annotated[
        float | None,
        Option(metavar="X", help="Weight of the prompt, 0 to 50; 1 = none. Default: the model's."),
    ] = None
    sampler: Annotated[SolverName | None, Option(help="The solver. Default: the model's.")] = None
    refine_strength: Annotated[
        float | None,
        Option(
            metavar="X",
            help="Strength of the windows that refine a big picture after a pass over the scene, 0.01 to 1. "
            "Default: the model's.",
        ),
    ] = None
    passes: Annotated[
        str,
        Option(
            metavar="auto|N", help="In how many passes much is added, 1 to 64. Default: as few as see enough known."
        ),
    ] = "auto"
    color_match: Annotated[
        bool,
        Option(
            "--color-match/--no-color-match",
            help="Measure the decoder's colour error on what is kept and take it off the rest.",
        ),
    ] = True
    seed: Seed = None
    num: Annotated[
        int, Option(metavar="K", help="Variations per picture, 1 or more, with seeds N, N+1, ... in their names.")
    ] = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """How good it must be."""

    best_of: Annotated[
        int, Option(metavar="K", help="Make K seeds of each picture, 1 or more, and keep the one that scores best.")
    ] = 1
    keep_all: Annotated[
        bool, Option("--keep-all", help="With --best-of or --retry: keep the others too, the seed in their names.")
    ] = False
    retry: Annotated[
        int,
        Option(
            metavar="N",
            help="Try up to N times more, 0 to 20, where the fill shows (more strength) or a seam (another seed).",
        ),
    ] = 0
    min_score: Annotated[
        float | None,
        Option(
            metavar="X", help="A result that scores below X, 0 to 1, is an error and is not written. Default: none."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweeping:
    """What varies, and what does not."""

    strength: Annotated[
        str, Option(metavar="FROM:TO:STEP", help="The strengths to try; or some values, such as 0.6,0.85.")
    ] = "0.6:1.0:0.1"
    prompt: Annotated[str, Option("-p", "--prompt", metavar="TEXT", help="What to paint; empty works well.")] = ""
    negative: Annotated[str, Option("-n", "--negative", metavar="TEXT", help="What to keep out.")] = ""
    steps: Annotated[
        int | None, Option(metavar="N", help="Steps of the full schedule, 1 to 1000. Default: the model's.")
    ] = None
    guidance: Annotated[
        float | None, Option(metavar="X", help="Weight of the prompt, 0 to 50; 1 = none. Default: the model's.")
    ] = None
    sampler: Annotated[SolverName | None, Option(help="The solver. Default: the model's.")] = None
    seed: Seed = None
    output: Annotated[
        Path | None,
        Option("-o", "--output", metavar="FILE", help="The sheet. Default: NAME-sweep.png beside the input."),
    ] = None
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a sheet that exists.")] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """The model, and where it runs."""

    model: ModelName = None
    device: Annotated[str, Option(metavar="NAME", help="auto (cuda, then mps, then cpu), cpu, cuda, cuda:1, mps.")] = (
        "auto"
    )
    dtype: Annotated[str, Option(metavar="NAME", help="auto (what the device computes fast), float32, bf16, fp16.")] = (
        "auto"
    )
    offload: Annotated[
        Offload | None,
        Option(help="What leaves the device's memory while idle: nothing, whole models, layers. Default: what fits."),
    ] = None
    vae: Annotated[
        Path | None, Option(metavar="FILE", help="A VAE to use instead of the model's own. Default: the model's.")
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Where pictures come from, beside the arguments."""

    files_from: Annotated[
        str | None,
        Option(metavar="FILE", help="A list of paths, one a line (or NUL-separated); - is stdin. Default: none."),
    ] = None
    allow_huge: Annotated[bool, Option("--allow-huge", help="Read pictures above 500 megapixels.")] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Writing:
    """Where results go."""

    output: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help="For one picture: the result, or - for PNG on stdout. Default: as --out-dir.",
        ),
    ] = None
    out_dir: Annotated[
        Path | None,
        Option(metavar="DIR", help="The folder for results, made if needed. Default: beside each input."),
    ] = None
    format: Annotated[
        Format | None, Option(help="The results' file format. Default: what -o says, else the input's.")
    ] = None
    overwrite: Annotated[bool, Option("--overwrite", help="Replace results that exist.")] = False
    skip_existing: Annotated[
        bool, Option("--skip-existing", help="Leave out pictures whose result exists: resumes a batch.")
    ] = False


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
    dry_run: Annotated[bool, Option("--dry-run", help="Print the plan, load no model, write nothing.")] = False
    plan_image: Annotated[
        Path | None,
        Option(
            metavar="FILE.png",
            help="Draw the canvas with the windows that the model will see, numbered; also with --dry-run. "
            "Default: not.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Zooming:
    """The zoom."""

    factor: Annotated[
        float, Option(metavar="X", help="How much more the widest frame shows in each direction, 1.1 to 64.")
    ] = 4.0
    seconds: Annotated[float, Option(metavar="S", help="How long the film lasts, 0.1 to 600 s.")] = 6.0
    fps: Annotated[float, Option(metavar="N", help="Frames a second, 1 to 120; a GIF has 50 at most.")] = 30.0
    anchor: Annotated[
        str,
        Option(
            metavar="PLACE",
            help="Where the photo ends up: center, top, bottom-left, ... or X,Y from 0,0 (top left) to 1,1.",
        ),
    ] = "center"
    reverse: Annotated[bool, Option("--reverse", help="Zoom in: the photo comes last.")] = False
    trim: Annotated[
        str | None,
        Option(
            metavar="auto|PX",
            help="Shave borders first: auto finds bars, frames, a scanner's edge; 1 to 4096 px: off every side. "
            "Default: nothing is shaved, a suspicious edge is said.",
        ),
    ] = None
    ease: Annotated[bool, Option("--ease", help="Start and end slowly; else the speed never changes.")] = False
    fill: Annotated[
        str | None,
        Option(metavar="NAME[:KEY=VALUE,...]", help="What empty areas are painted with first. Default: the model's."),
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
            help="NAME.mp4 (H.264), .gif, .webp, a folder for PNGs, or FOLDER/%04d.png. Default: NAME-zoom.mp4.",
        ),
    ] = None
    size: Annotated[
        str | None,
        Option(
            metavar="WxH",
            help="The frames' size in px; the photo is extended to another shape. Default: its own, 3840 px at most.",
        ),
    ] = None
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a film that exists.")] = False
    allow_huge: Annotated[bool, Option("--allow-huge", help="Read pictures above 500 megapixels.")] = False
    save_steps: Annotated[
        Path | None, Option(metavar="DIR", help="Save the pictures that the frames are cut from here. Default: not.")
    ] = None
    dry_run: Annotated[bool, Option("--dry-run", help="Print the plan, load no model, write nothing.")] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """What is said, and where."""

    json: Annotated[bool, Option("--json", help="One JSON line per result on stdout instead of its path.")] = False
    quiet: Annotated[bool, Option("-q", "--quiet", help="Say nothing but errors.")] = False
    verbose: Annotated[bool, Option("-v", "--verbose", help="Say more; show tracebacks and libraries' warnings.")] = (
        False
    )


def command(function: Callable[..., None]) -> Callable[..., None]:
    """`function(inputs, border: Border, ...)` as Typer wants it: the fields of each group as options of their own."""
    given_as = inspect.signature(function, eval_str=True).parameters  # get_type_hints would wrap `= None` on 3.10
    groups: dict[str, Any] = {name: each.annotation for name, each in given_as.items() if is_dataclass(each.annotation)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in given_as.items():
        if name in groups:
            parameters += _options(groups[name])
        else:
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY))

    @wraps(function)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        function(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__dict__["__wrapped__"]  # or Typer would read the ungrouped signature
    return run


def _options(group: Any) -> list[inspect.Parameter]:
    """One keyword parameter per field, shown in `--help` under the group's first line."""
    hints = get_type_hints(group, include_extras=True)
    parameters = []
    for field in fields(group):
        kind, option = get_args(hints[field.name])
        option.rich_help_panel = (group.__doc__ or "").split("\n")[0].rstrip(".")
        option.show_default = field.default is not None
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        parameters.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option], default=default
            )
        )
    return parameters
