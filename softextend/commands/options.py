"""Options that only the command line has: where pictures come from, where results go, what is shown and reported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from softextend.errors import BadRequest
from softextend.option_fields import Checked, like, option
from softextend.pictures.address import Address
from softextend.pictures.formats import Alpha, Format

READING, WRITING, REPORTED = "Where pictures come from", "Where results go", "What is reported, and where"


class Skip(str, Enum):
    """Which results that exist are left out."""

    SAME = "same"
    ANY = "any"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceOptions(Checked):
    """Where pictures come from."""

    allow_huge: bool = option(
        False, "read pictures above 500 megapixels", told="off, they are refused", panel=READING, expert=True
    )
    allow_damaged: bool = option(
        False,
        "take JPEGs of which a part is missing, and paint that part too",
        told="off, they are refused",
        panel=READING,
        expert=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class InputOptions(SourceOptions):
    """Where pictures come from."""

    inputs: list[str] | None = option(
        None,
        "pictures, folders, quoted globs ('photos/**/*.jpg'), or - for stdin",
        told="none",
        metavar="INPUT",
        argument=True,
    )
    recursive: bool = option(
        False, "search folders with all folders in them", told="off", flags=("-r", "--recursive"), panel=READING
    )
    files_from: str | None = option(
        None, "a list of paths, one a line (or NUL-separated); - is stdin", told="none", metavar="FILE", panel=READING
    )
    keep_tree: bool | None = option(
        None,
        "mirror the inputs' folders in --out-dir",
        told="for globs with ** and with --recursive",
        flags=("--keep-tree/--no-keep-tree",),
        panel=WRITING,
        expert=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputPath(Checked):
    """Where results go."""

    output: str | None = option(
        None,
        "for one picture: the result, or - for PNG on stdout; DIR/ is --out-dir DIR; missing folders are made",
        told="as --out-dir",
        metavar="FILE|DIR/",
        flags=("-o", "--output"),
    )
    out_dir: Path | Address | None = option(
        None, "the folder for results, made if needed", told="beside each input", metavar="DIR", form="place"
    )
    overwrite: bool = option(
        False, "replace what exists", told="existing files are an error", also=("--force", "-y", "--yes")
    )
    skip_existing: Skip | None = option(
        None,
        "leave out results that exist and were made of this very input with the same options: resumes a batch, which "
        "several runs may share; =any: leave out any that exists",
        told="existing files are an error",
        metavar="[=any]",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions(OutputPath):
    """Where results go."""

    suffix: str | None = option(
        None,
        "what follows the input's name in the result's",
        told="-extended; -painted for paint",
        metavar="TEXT",
        expert=True,
        blank=True,
    )
    format: Format | None = option(
        None, "the results' format", told="what -o says, else the input's", metavar="NAME", expert=True
    )
    quality: int | None = option(
        None, "quality of JPEG, AVIF and WebP files", low=1, high=100, told="95; a WebP keeps its input's"
    )
    alpha: Alpha | None = option(
        None,
        "transparency: 'fill' paints what is more than half clear and makes the rest opaque, 'keep' writes the input's "
        "back; what is added is opaque",
        told="fill",
        metavar="fill|keep",
        expert=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RedoOutput(Checked):
    """Where the result goes."""

    output: str | None = like(
        OutputPath,
        "output",
        help="the result, or - for PNG on stdout; DIR/ is --out-dir DIR; missing folders are made",
        told="NAME-redo.EXT beside the result that is made again",
    )
    out_dir: Path | Address | None = like(
        OutputPath, "out_dir", help="the folder for NAME-redo.EXT, NAME being the input's, made if needed", told="none"
    )
    overwrite: bool = like(OutputPath, "overwrite")
    format: Format | None = like(OutputOptions, "format", told="as -o or the result before")
    quality: int | None = like(OutputOptions, "quality", told="the recipe's")
    alpha: Alpha | None = like(OutputOptions, "alpha", told="the recipe's")


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchOptions(Checked):
    """How the work is shared out."""

    batch: int = option(
        1,
        "how many pictures of one size, or seeds of one picture, go through the model together, 1 to 256; auto: by the "
        "GPU's memory, 1 on a processor; rows of one batch may differ from single runs by rounding",
        low=0,
        metavar="auto|N",
        form="batch",
        expert=True,
    )

    @property
    def rows(self) -> int | None:
        """That go together; None: as many as pay."""
        return self.batch or None


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkOptions(BatchOptions):
    """How the work is shared out."""

    batch: int = like(BatchOptions, "batch")
    workers: int = option(
        1,
        "processes that share the pictures, each with a model of its own; auto: one a GPU; without one, with self, one "
        "a core; 1 to 256; same bytes whatever N",
        low=0,
        metavar="auto|N",
        form="workers",
        expert=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class DebugOptions(Checked):
    """Seeing more than the result."""

    save_steps: Path | None = option(
        None,
        "save the filled canvas, the change map and the raw painting of each result here",
        told="none",
        metavar="DIR",
        expert=True,
    )
    dry_run: bool = option(False, "print the plan, load no model, write nothing", told="off", panel=REPORTED)
    plan_image: Path | None = option(
        None,
        "draw the canvas with the windows that the model will see, numbered; also with --dry-run",
        told="none",
        metavar="FILE.png",
        expert=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterOptions(Checked):
    """Many machines."""

    ray: str | None = option(
        None,
        "work on a Ray cluster: 'auto' (the one that runs here, else as 'local'), 'local' (one of this machine's "
        "processes), or the address of its head",
        told="in this process",
        metavar="auto|local|ADDRESS",
        expert=True,
    )
    max_retries: int | None = option(
        None,
        "with --ray: how often a picture whose worker died is given to another",
        low=0,
        high=100,
        told="2",
        expert=True,
    )
    num_gpus: float | None = option(
        None,
        "with --ray: GPUs that a worker takes, 0.25 for four on one",
        low=0,
        high=16,
        told="1 where there are any and the model uses them",
        expert=True,
    )

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if self.ray is None and (self.max_retries is not None or self.num_gpus is not None):
            raise BadRequest("--max-retries and --num-gpus: are of a cluster's workers; give --ray with them")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmOptions(Checked):
    """The film."""

    output: str | None = option(
        None,
        "NAME.mp4 (H.264), .gif, .webp, a folder for PNGs, or FOLDER/%04d.png; missing folders are made",
        told="NAME-zoom.mp4 beside the input",
        metavar="FILE",
        flags=("-o", "--output"),
    )
    frame_size: tuple[int, int] | None = option(
        None,
        "the frames' size in px; the photo is extended to another shape",
        told="its own, 3840 px at most",
        metavar="WxH",
        flags=("--size",),
        form="size",
    )
    overwrite: bool = like(OutputPath, "overwrite")
    dry_run: bool = like(DebugOptions, "dry_run")
    save_steps: Path | None = like(
        DebugOptions, "save_steps", help="save the pictures that the frames are cut from here"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SheetOptions(BatchOptions):
    """The contact sheet."""

    output: Path | None = option(
        None,
        "the contact sheet, a PNG; missing folders are made",
        told="NAME-sweep.png beside the input",
        metavar="FILE",
        flags=("-o", "--output"),
    )
    overwrite: bool = like(OutputPath, "overwrite")
    dry_run: bool = like(DebugOptions, "dry_run")
    batch: int = like(
        BatchOptions,
        "batch",
        help="how many cells of one strength go through the model together, 1 to 256; auto: by the GPU's memory, 1 on "
        "a processor; rows of one batch may differ from single runs by rounding",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ShowOptions(Checked):
    """What is reported, and where."""

    json: bool = option(False, "JSON lines on stdout instead of text", told="off")
    verbose: bool = option(False, "show tracebacks and libraries' warnings", told="off", flags=("-v", "--verbose"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportOptions(ShowOptions):
    """What is reported, and where."""

    json: bool = like(ShowOptions, "json", help="one JSON line per result on stdout instead of its path")
    quiet: bool = option(
        False, "print the results' paths and errors, and nothing else", told="off", flags=("-q", "--quiet")
    )
    verbose: bool = like(ShowOptions, "verbose", help="report more; show tracebacks and libraries' warnings")

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise BadRequest("-q and -v: one reports less, the other more; give one of them")


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchReport(ReportOptions):
    """What is reported, and where."""

    table: Path | None = option(
        None,
        "append a row for each result to this table, .jsonl, .csv or .parquet: 'softextend report' sums it up",
        told="none",
        metavar="FILE",
        flags=("--report",),
        expert=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TableOptions(Checked):
    """The table."""

    file: Path = option(help="what --report wrote: a .jsonl, .csv or .parquet", metavar="FILE", argument=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorOptions(Checked):
    """Which machines."""

    ray: str | None = option(
        None, "say what a Ray cluster has", told="this machine alone", metavar="auto|local|ADDRESS"
    )
    measure: bool = option(
        False, "measure this machine, some seconds, so that --dry-run can say how long a run takes", told="off"
    )

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if self.measure and self.ray is not None:
            raise BadRequest("--measure with --ray: measures this machine alone; leave one out")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageOptions(Checked):
    """The page, and who may reach it."""

    folder: Path | None = option(
        None,
        "photos to pick from on the page",
        told="none, the page takes any photo",
        metavar="[FOLDER]",
        argument=True,
    )
    host: str = option(
        "127.0.0.1", "the address to listen on; any other than this machine's own needs --auth", metavar="ADDRESS"
    )
    port: int | None = option(None, "the port", low=0, high=65535, told="the first free one from 7860 on")
    auth: str | None = option(
        None, "the name and password that everybody logs in with", told="none", metavar="USER:PASSWORD"
    )
    browser: bool = option(True, "open the page in a browser", flags=("--browser/--no-browser",))
    max_upload: int = option(64, "the largest file that the page takes", unit="MiB", low=1, high=4096)
    work_dir: Path | None = option(
        None,
        "where the pictures of sessions are kept, a week and 10 GiB at most",
        told="softextend/ui in the user's cache folder",
        metavar="DIR",
    )
