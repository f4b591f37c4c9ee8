"""The options of every command, by command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from softextend.commands.options import (
    AllowDamaged,
    AllowHuge,
    Area,
    Border,
    Demand,
    FilesFrom,
    Inputs,
    KeepTree,
    Original,
    Passes,
    Prompting,
    Result,
    Sampling,
    Seed,
    SkipExisting,
    Sweeping,
    Swept,
    Zooming,
)
from softextend.commands.output_options import Filming, Looking, Placing, Rewriting, SameEngine, Talk, Telling, Writing
from softextend.models.engine import Engine, ModelName


@dataclass(frozen=True, kw_only=True, slots=True)
class Extend:
    """`softextend extend`."""

    inputs: Inputs = None
    border: Border
    sampling: Sampling
    passes: Passes = "auto"
    demand: Demand
    engine: Engine
    files_from: FilesFrom = None
    allow_huge: AllowHuge = False
    allow_damaged: AllowDamaged = False
    writing: Writing
    skip_existing: SkipExisting = None
    keep_tree: KeepTree = None
    looking: Looking
    talk: Talk


@dataclass(frozen=True, kw_only=True, slots=True)
class Paint:
    """`softextend paint`."""

    image: Annotated[str, Argument(metavar="IMAGE", help="Already extended and painted; - for stdin.")]
    mask: Annotated[Path, Argument(metavar="MASK", help="As large; white = repaint, grey = in between.")]
    sampling: Sampling
    demand: Demand
    engine: Engine
    allow_huge: AllowHuge = False
    allow_damaged: AllowDamaged = False
    writing: Writing
    skip_existing: SkipExisting = None
    looking: Looking
    talk: Talk


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepare:
    """`softextend prepare`."""

    inputs: Inputs = None
    area: Area
    seed: Seed = None
    model: ModelName = None
    files_from: FilesFrom = None
    allow_huge: AllowHuge = False
    allow_damaged: AllowDamaged = False
    placing: Placing
    skip_existing: SkipExisting = None
    keep_tree: KeepTree = None
    talk: Talk


@dataclass(frozen=True, kw_only=True, slots=True)
class Redo:
    """`softextend redo`."""

    result: Result
    input: Annotated[
        Path | None, Option(metavar="FILE", help="The input, where it moved. Default: as the recipe says.")
    ] = None
    engine: SameEngine
    allow_huge: AllowHuge = False
    writing: Rewriting
    talk: Talk


@dataclass(frozen=True, kw_only=True, slots=True)
class Zoom:
    """`softextend zoom`."""

    image: Annotated[str, Argument(metavar="IMAGE", help="The photo to zoom out of; - for stdin.")]
    zooming: Zooming
    sampling: Sampling
    passes: Passes = "auto"
    engine: Engine
    allow_huge: AllowHuge = False
    allow_damaged: AllowDamaged = False
    filming: Filming
    talk: Talk


@dataclass(frozen=True, kw_only=True, slots=True)
class Verify:
    """`softextend verify`."""

    result: Result
    original: Original
    mask: Annotated[
        Path | None,
        Option(metavar="FILE", help="What a painted result was made with. Default: as the recipe says."),
    ] = None
    allow_huge: AllowHuge = False
    quiet: Annotated[bool, Option("-q", "--quiet", help="Print no verdict: the exit code tells it. Default: off.")] = (
        False
    )
    telling: Telling


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """`softextend score`."""

    result: Annotated[Path, Argument(metavar="RESULT", help="An extended picture, by whatever made it.")]
    original: Original
    allow_huge: AllowHuge = False
    telling: Telling


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """`softextend sweep`."""

    image: Annotated[Path, Argument(metavar="IMAGE", help="The photo to try things on.")]
    border: Swept
    sweeping: Sweeping
    prompting: Prompting
    engine: Engine
    allow_huge: AllowHuge = False
    allow_damaged: AllowDamaged = False
    talk: Talk


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """`softextend models`."""

    model: ModelName = None
    telling: Telling


@dataclass(frozen=True, kw_only=True, slots=True)
class Tell:
    """`softextend fills` and `softextend doctor`."""

    telling: Telling
