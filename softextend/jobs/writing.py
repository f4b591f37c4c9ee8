"""Results written with their recipes, and what is told of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadRequest
from softextend.jobs.best_of import Choice, check_score, scores_as_dict
from softextend.jobs.command_line import recorded_command
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.reading import ReadPicture, format_of
from softextend.jobs.task import PictureTask
from softextend.pictures.address import Address, Place
from softextend.pictures.picture import Picture
from softextend.pictures.planes import eight_bit
from softextend.pictures.write import encode_picture, write_picture
from softextend.plan.input import mapping_of
from softextend.plan.prepared import Prepared, filled_planes
from softextend.plan.recipe import canvas_recipe
from softextend.types import Listener

if TYPE_CHECKING:
    from softextend.extend import Result
    from softextend.types import Change, Pixels


def write(
    task: PictureTask, read: ReadPicture, job: Job, target: Target, choice: Choice, listener: Listener
) -> Outcome:
    """What was chosen, written, and the others where they are kept too; BrokenPromise below the score asked for."""
    read, best = read.heard_by(listener), choice.best
    check_score(best.scores, task.selection)
    for each in choice.made if target.others else ():
        path = target.others[each.seed - target.seed]
        write_result(task, each, read, job, replace(target, path=path, extras=()))
    data = write_result(task, best, read, job, target)
    height, width = best.pixels.shape[:2]
    seconds = round(sum(each.seconds for each in choice.made), 2)
    model = best.recipe["model"]["name"]
    facts = {"width": width, "height": height, "seed": best.seed, "model": model, "seconds": seconds}
    changed = {name: value for name in ("trimmed", "scaled") if (value := best.recipe[name])}
    changed |= notes_as_dict((*read.remarks.lines, *best.notes))
    return Outcome(job=job, target=target, facts={**facts, **scores_as_dict(best), **changed}, data=data)


def write_result(task: PictureTask, result: Result, read: ReadPicture, job: Job, target: Target) -> bytes:
    """The result with its recipe, after its intermediates: where there is a result, all is there.

    The encoded picture, where it goes to stdout.
    """
    for path, pixels in zip(target.extras, (result.filled, grey(result.change), result.raw), strict=False):
        write_picture(path, pixels, format="PNG", overwrite=task.replacing)
    encode: dict[str, Any] = {
        "format": format_of(target),
        "metadata": read.picture.metadata,
        "mapping": mapping_of(result.recipe),
        "recipe": {**result.recipe, "command": command_of(task, read.picture, job, target)},
        "parameters": result.parameters,
        "quality": task.quality,
        "on_note": read.remarks.note,
    }
    if target.path is None:
        return encode_picture(result.planes, **encode)
    write_picture(target.path, result.planes, overwrite=task.overwrite, **encode)
    return b""


def write_canvas(
    task: PictureTask, read: ReadPicture, job: Job, target: Target, made: Prepared, listener: Listener
) -> Outcome:
    """`prepare`'s two files: the filled canvas and the mask."""
    read = read.heard_by(listener)
    (mask,) = target.extras
    write_picture(mask, grey(made.change), format="PNG", overwrite=task.replacing)
    if target.path is None:
        raise BadRequest("prepare makes two files: give --out-dir DIR")
    write_picture(
        target.path,
        filled_planes(made, read.input.planes or eight_bit(read.input.pixels)),
        format="PNG",
        metadata=read.picture.metadata,
        mapping=read.plan.mapping,
        recipe={**canvas_recipe(task.spec), "command": command_of(task, read.picture, job, target)},
        overwrite=task.overwrite,
        on_note=read.remarks.note,
    )
    height, width = made.filled.shape[:2]
    facts = {"mask": str(mask), "width": width, "height": height, "seed": target.seed}
    return Outcome(job=job, target=target, facts={**facts, **notes_as_dict(read.remarks.lines)})


def command_of(task: PictureTask, picture: Picture, job: Job, target: Target) -> dict[str, Any]:
    """What `redo` needs beside the spec; files by their way from the result, so that both can move together."""
    home = target.path.parent if target.path else Path()
    return recorded_command(
        name=task.command_name,
        input=relative_path(home, job.source),
        input_sha256=picture.sha256,
        mask=relative_path(home, task.mask),
        mask_sha256=task.mask_sha256,
        model=task.ref.name,
        engine=task.engine,
        conditions=task.configured.as_dict(),
        alpha="keep" if task.keep_alpha else None,
        quality=task.quality,
    )


def notes_as_dict(notes: Sequence[str]) -> dict[str, list[str]]:
    """What `--json` says of notes, each once; nothing where there are none."""
    return {"notes": list(dict.fromkeys(notes))} if notes else {}


def grey(change: Change) -> Pixels:
    """float32 (H, W) in [0, 1] -> 8-bit grey (H, W), white = repaint."""
    return np.rint(change * 255).astype(np.uint8)


def relative_path(home: Place, path: Place | None) -> str | None:
    """`path` as seen from the folder `home`; absolute where no way leads there (another drive), as it is for stores."""
    if path is None:
        return None
    if isinstance(path, Address) or isinstance(home, Address):
        return str(path)
    try:
        return Path(os.path.relpath(path, home)).as_posix()
    except ValueError:
        return str(path.resolve())


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return sha256(path.read_bytes())


def sha256(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()
