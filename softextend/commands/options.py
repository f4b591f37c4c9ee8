"""The options of every command, in groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from softextend.types import Range, SolverName

Result = Annotated[Path, Argument(metavar="RESULT", help="A picture made by softextend.")]
Original = Annotated[Path, Argument(metavar="ORIGINAL", help="The picture it was made of.")]
# --- what several groups or commands take --------------------------------------------------------------------------

READING, WRITING = "Where pictures come from", "Where results go"
Inputs = Annotated[
    list[str] | None,
    Argument(metavar="INPUT", help="Pictures, folders, quoted globs ('photos/**/*.jpg'), or - for stdin."),
]
Seed = Annotated[
    int | None,
    Option(
        metavar="N",
        help="Start of the random numbers, 0 or more; the same seed repeats a result. Default: drawn, and said.",
    ),
    Range(0),
]
Fill = Annotated[
    str | None,
    Option(
        metavar="NAME[:KEY=VALUE,...]",
        help="What the empty area is painted with first; 'softextend fills' lists them. Default: the model's.",
    ),
]
Trim = Annotated[
    str | None,
    Option(
        metavar="auto|PX",
        help="Shave borders first: auto finds bars, frames, a scanner's edge, rounded or transparent corners; "
        "1 to 4096 px: off every side. Default: nothing is shaved, a suspicious edge is said.",
    ),
]
Passes = Annotated[
    str,
    Option(
        metavar="auto|N",
        help="In how many passes much is added, 1 to 64; auto: as few as see enough of what is known.",
        rich_help_panel="How the model paints",
    ),
]
FilesFrom = Annotated[
    str | None,
    Option(
        metavar="FILE",
        help="A list of paths, one a line (or NUL-separated); - is stdin. Default: none.",
        rich_help_panel=READING,
    ),
]
AllowHuge = Annotated[
    bool,
    Option(
        "--allow-huge",
        help="Read pictures above 500 megapixels. Default: off, they are refused.",
        rich_help_panel=READING,
    ),
]
AllowDamaged = Annotated[
    bool,
    Option(
        "--allow-damaged",
        help="Take JPEGs of which a part is missing, and paint that part too. Default: off, they are refused.",
        rich_help_panel=READING,
    ),
]
Overwrite = Annotated[
    bool,
    Option("--overwrite", help="Replace what exists. Default: off, that is an error."),
]
SkipExisting = Annotated[
    str | None,
    Option(
        metavar="[=any]",
        help="Leave out results that exist and were made of this very input with these options: resumes a batch, and "
        "several runs may share a folder; =any: leave out whatever exists. Default: what exists is an error.",
        rich_help_panel=WRITING,
    ),
]
KeepTree = Annotated[
    bool | None,
    Option(
        "--keep-tree/--no-keep-tree",
        help="Mirror the inputs' folders in --out-dir. Default: for globs with **.",
        rich_help_panel=WRITING,
    ),
]
DryRun = Annotated[
    bool,
    Option("--dry-run", help="Print the plan, load no model, write nothing. Default: off."),
]


# --- what is made --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
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
        bool,
        Option("--fit", help="With --size: scale a larger photo down, never up. Default: off, that is an error."),
    ] = False
    trim: Trim = None
    fill: Fill = None
    overlap: Annotated[
        int | None,
        Option(metavar="PX", help="How far into the original is repainted, 0 to 4096 px. Default: the model's."),
        Range(0, 4096),
    ] = None
    feather: Annotated[
        int | None,
        Option(metavar="PX", help="Width of the blur from new to original, 0 to 4096 px. Default: the model's."),
        Range(0, 4096),
    ] = None
    change: Annotated[
        float,
        Option(metavar="X", help="How much of the new area may change, above 0, up to 1; below 1 the fill shows."),
        Range(0, 1, above=True),
    ] = 1.0
    allow_large: Annotated[
        bool,
        Option("--allow-large", help="Allow more than 4 times the picture's size on a side. Default: off."),
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Border(Area):
    """The new area, and how it meets the picture."""

    band: Annotated[
        int | None,
        Option(
            metavar="PX",
            help="How far into the original pixels are replaced at most, 0 (keep all of it) to 8192 px. "
            "Default: as far as overlap and feather reach.",
        ),
        Range(0, 8192),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept(Border):
    """The new area, and how it meets the picture."""

    fill: Annotated[
        str | None,
        Option(
            metavar="NAME[:KEY=VALUE,...],...",
            help="Fills to try, one or several, such as perlin,telea; 'softextend fills' lists them. "
            "Default: the model's.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompting:
    """How the model paints."""

    prompt: Annotated[
        str, Option("-p", "--prompt", metavar="TEXT", help="What to paint. Default: nothing, which works well.")
    ] = ""
    negative: Annotated[str, Option("-n", "--negative", metavar="TEXT", help="What to keep out. Default: nothing.")] = (
        ""
    )
    steps: Annotated[
        int | None,
        Option(metavar="N", help="Steps of the full schedule, 1 to 1000. Default: the model's."),
        Range(1, 1000),
    ] = None
    guidance: Annotated[
        float | None,
        Option(metavar="X", help="Weight of the prompt, 0 to 50; 1 = none. Default: the model's."),
        Range(0, 50),
    ] = None
    sampler: Annotated[
        SolverName | None,
        Option(
            metavar="NAME",
            help=f"The solver: {', '.join(each.value for each in SolverName)}. Default: the model's.",
        ),
    ] = None
    seed: Seed = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling(Prompting):
    """How the model paints."""

    strength: Annotated[
        float | None,
        Option(metavar="X", help="How far from the fill the model goes, 0 (fill alone) to 1. Default: the model's."),
        Range(0, 1),
    ] = None
    refine_strength: Annotated[
        float | None,
        Option(
            metavar="X",
            help="Strength of the windows that refine a big picture after a pass over the scene, 0.01 to 1. "
            "Default: the model's.",
        ),
        Range(0.01, 1),
    ] = None
    color_match: Annotated[
        bool,
        Option(
            "--color-match/--no-color-match",
            help="Measure the decoder's colour error on what is kept and take it off the rest.",
        ),
    ] = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """How many, and how good they must be."""

    num: Annotated[
        int,
        Option(metavar="K", help="Variations per picture, 1 or more, with seeds N, N+1, ... in their names."),
        Range(1),
    ] = 1
    best_of: Annotated[
        int,
        Option(metavar="K", help="Make K seeds of each picture, 1 or more, and keep the one that scores best."),
        Range(1),
    ] = 1
    keep_all: Annotated[
        bool,
        Option(
            "--keep-all",
            help="With --best-of or --retry: keep the others too, the seed in their names. Default: off.",
        ),
    ] = False
    retry: Annotated[
        int,
        Option(
            metavar="N",
            help="Try up to N times more, 0 to 20, where the fill shows (more strength) or a seam (another seed).",
        ),
        Range(0, 20),
    ] = 0
    min_score: Annotated[
        float | None,
        Option(
            metavar="X", help="A result that scores below X, 0 to 1, is an error and is not written. Default: none."
        ),
        Range(0, 1),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweeping:
    """What varies, and the sheet."""

    strength: Annotated[
        str,
        Option(metavar="FROM:TO:STEP", help="The strengths to try, 0 to 1; or some values, such as 0.6,0.85."),
    ] = "0.6:1.0:0.1"
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The sheet, a PNG; missing folders are made. Default: NAME-sweep.png beside the input.",
        ),
    ] = None
    overwrite: Overwrite = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Zooming:
    """The zoom."""

    factor: Annotated[
        float,
        Option(metavar="X", help="How much more the widest frame shows in each direction, 1.1 to 64."),
        Range(1.1, 64),
    ] = 4.0
    seconds: Annotated[float, Option(metavar="S", help="How long the film lasts, 0.1 to 600 s."), Range(0.1, 600)] = 6.0
    fps: Annotated[
        float, Option(metavar="N", help="Frames a second, 1 to 120; a GIF has 50 at most."), Range(1, 120)
    ] = 30.0
    anchor: Annotated[
        str,
        Option(
            metavar="PLACE",
            help="Where the photo ends up: center, top, bottom-left, ... or X,Y from 0,0 (top left) to 1,1.",
        ),
    ] = "center"
    reverse: Annotated[
        bool, Option("--reverse", help="Zoom in: the photo comes last. Default: off, it comes first.")
    ] = False
    trim: Trim = None
    ease: Annotated[bool, Option("--ease", help="Start and end slowly. Default: off, the speed never changes.")] = False
    fill: Fill = None
