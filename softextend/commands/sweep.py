"""`softextend sweep`: strengths and fills on one contact sheet."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from softextend.commands.spec import spec_of_sweep
from softextend.errors import BadRequest
from softextend.jobs import sweep as jobs_sweep
from softextend.jobs.command_line import command_words, group_words
from softextend.jobs.job import Job, Target
from softextend.jobs.making import load_model, once
from softextend.jobs.outputs import settle
from softextend.jobs.reading import read
from softextend.jobs.sweep import Cell
from softextend.jobs.task import PictureTask
from softextend.models import find
from softextend.pictures.write import write_picture

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Sweep
    from softextend.options import Spec

SHEET = "-sweep.png"


def sweep(report: Report, given: Sweep) -> None:
    """`softextend sweep`: the sheet's path and the best cell's command line on stdout, or both as a JSON line."""
    image, overwrite = given.photo.image, given.sheet.overwrite
    fills, strengths = jobs_sweep.parse_fills(given.mask.fill), jobs_sweep.parse_strengths(given.photo.strengths)
    spec = spec_of_sweep(given).replaced(fill=fills[0])
    specs = jobs_sweep.grid(spec, fills, strengths)
    path = given.sheet.output or image.with_name(image.stem + SHEET)
    job = Job(source=image, targets=(Target(path=path, format="PNG", seed=spec.seed),))
    _, faults = settle([job], overwrite=overwrite, skip_existing=None, will_be_made=[path.parent])
    for fault in faults:
        raise fault.error or BadRequest(f"{path}: cannot be written")
    cells = swept(report, task_of(given, spec), job, specs)
    write_picture(path, jobs_sweep.sheet(cells, len(strengths)), format="PNG", overwrite=overwrite)
    line = command_line(given, jobs_sweep.best_of(cells).spec)
    if not report.options.json:
        report.print(str(path))
        report.print(line)
        return
    found = [
        {"fill": each.spec.mask.fill, "strength": each.spec.sampling.strength, **each.scores.as_dict()}
        for each in cells
    ]
    report.print(json.dumps({"input": str(image), "output": str(path), "best": line, "cells": found}))


def task_of(given: Sweep, spec: Spec) -> PictureTask:
    """What all cells share."""
    return PictureTask(
        spec=spec,
        ref=find.model_of(given.engine),
        engine=given.engine,
        conditions=given.conditions,
        allow_huge=given.photo.allow_huge,
        allow_damaged=given.photo.allow_damaged,
        overwrite=given.sheet.overwrite,
        random_seed=given.sampling.seed is None,
    )


def command_line(given: Sweep, best: Spec) -> str:
    """What makes a cell's picture at its full size."""
    options = [*command_words(best), *group_words(given.conditions), *group_words(given.engine)]
    return shlex.join(["softextend", "extend", str(given.photo.image), *options])


def swept(report: Report, task: PictureTask, job: Job, specs: Sequence[Spec]) -> list[Cell]:
    """All cells, told one by one; every plan is checked before a model is loaded."""
    task.check()
    picture = read(task, job, report)
    for each in specs:
        task.plan(picture.input, each)
    model = load_model(task, report)
    report.total = len(specs)
    report.begin(job.name)
    cells = []
    for cell in jobs_sweep.sweep(partial(once, task, picture, model, report), specs):
        cells.append(cell)
        report.done += 1
        report.note(cell.caption[0])
        if report.done < report.total:
            report.begin(job.name)
    report.close()
    return cells
