"""`softextend sweep`: strengths and fills on one contact sheet."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from softextend.commands.spec import spec_of_sweep
from softextend.errors import BadRequest
from softextend.finish.measures import seen
from softextend.jobs import sweep as jobs_sweep
from softextend.jobs.command_line import command_words, group_words
from softextend.jobs.estimate import Estimator
from softextend.jobs.job import Job, Target
from softextend.jobs.making import filled, load_model, rows_that_pay
from softextend.jobs.outputs import existing, settle
from softextend.jobs.reading import ReadPicture, read
from softextend.jobs.sweep import Cell
from softextend.jobs.task import PictureTask
from softextend.models import find
from softextend.models.load import foresee
from softextend.pictures.write import write_picture
from softextend.plan.describe import plan_as_dict
from softextend.plan.effort import denoiser_calls

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Sweep
    from softextend.options import Spec
    from softextend.plan.plan import Plan

SHEET = "-sweep.png"


def sweep(report: Report, given: Sweep) -> None:
    """`softextend sweep`: the sheet's path and the best cell's command line on stdout, or both as a JSON line."""
    image, overwrite, dry = given.photo.image, given.sheet.overwrite, given.sheet.dry_run
    fills, strengths = jobs_sweep.parse_fills(given.mask.fill), jobs_sweep.parse_strengths(given.photo.strengths)
    spec = spec_of_sweep(given).replaced(fill=fills[0])
    specs = jobs_sweep.grid(spec, fills, strengths)
    path = given.sheet.output or image.with_name(image.stem + SHEET)
    job = Job(source=image, targets=(Target(path=path, format="PNG", seed=spec.seed),))
    task = task_of(given, spec)
    skip, folders = None, [path.parent]
    _, faults = settle([job], overwrite=overwrite or dry, skip_existing=skip, will_be_made=folders, reads=task.reads)
    for fault in faults:
        raise fault.error or BadRequest(f"{path}: cannot be written")
    if dry:
        dry_run(report, task, job, specs)
        return
    cells = swept(report, task, job, specs, given.sheet.rows)
    write_picture(path, jobs_sweep.sheet(cells, len(strengths)), format="PNG", overwrite=overwrite)
    best = jobs_sweep.winner_of(cells)
    line = None if best is None else command_line(task, image, best.spec)
    report.note(verdict(best, len(cells)))
    if not report.options.json:
        for each in filter(None, (str(path), line)):
            report.print(each)
        return
    found = [
        {"fill": each.spec.mask.fill, "strength": each.spec.sampling.strength, **each.scores.as_dict()}
        for each in cells
    ]
    report.print(json.dumps({"input": str(image), "output": str(path), "best": line, "cells": found}))


def dry_run(report: Report, task: PictureTask, job: Job, specs: Sequence[Spec]) -> None:
    """What would be tried, and what it takes; nothing is written, no model is loaded."""
    if not task.overwrite and (said := existing([job])):
        report.note(said)
    for line in task.without_effect():
        report.note(line)
    task = replace(task, captions=False)
    picture, plans = planned(task, job, specs, report)
    foresee(task.ref, task.engine, task.found.conditions, report)
    cost = Estimator(task=task).of(plans)
    cells = [(str(each.mask.fill), str(each.sampling.strength)) for each in specs]
    tried = [", ".join(dict.fromkeys(column)) for column in zip(*cells, strict=True)]
    facts = {**plan_as_dict(picture.plan), "conditions": task.found.conditions.as_dict(), "estimate": cost.as_dict()}
    facts["cells"] = [{"fill": each.mask.fill, "strength": each.sampling.strength} for each in specs]
    rows = [("pictures", str(len(specs))), ("fills", tried[0]), ("strengths", tried[1])]
    rows += [("denoiser calls of all", str(sum(map(denoiser_calls, plans)))), *cost.rows()]
    report.plan(job, task.ref.name, facts, [*task.found.conditions.rows(), *rows])


def planned(task: PictureTask, job: Job, specs: Sequence[Spec], report: Report) -> tuple[ReadPicture, list[Plan]]:
    """The photo, and the plan of each cell: checked before a model is loaded."""
    task.check()
    picture = read(task, job, report)
    prompt = picture.plan.spec.prompt.prompt  # with the caption
    return picture, [task.plan(picture.input, each.replaced(prompt=prompt)) for each in specs]


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


def verdict(best: Cell | None, count: int) -> str:
    """Which cell is the best, and whether it is good."""
    if best is None:
        return f"best: none, a seam shows in all {count}; try other fills and strengths, or another --model"
    bad = seen(best.scores.as_dict())
    return f"best: {best.caption[0]}{f': {bad}' if bad else ''}"


def command_line(task: PictureTask, image: Path, best: Spec) -> str:
    """What makes a cell's picture at its full size, by the model that made it, whoever named that."""
    engine = replace(task.engine, model=task.ref.name)
    laid = replace(task.configured, preset=None, caption=None)  # what they say is in the request
    options = [*command_words(best), *group_words(laid), *group_words(engine)]
    return shlex.join(["softextend", "extend", str(image), *options])


def swept(report: Report, task: PictureTask, job: Job, specs: Sequence[Spec], batch: int | None) -> list[Cell]:
    """All cells, told one by one; every plan is checked before the model is loaded; `batch` None: as pays."""
    from softextend.extend import finish, sample_filled  # imports torch

    picture, plans = planned(task, job, specs, report)
    model = load_model(task, report)
    report.total = len(plans)
    cells: dict[int, Cell] = {}  # by the plan's place
    for places in jobs_sweep.together(plans, batch or rows_that_pay(task, picture.plan)):
        report.begin(job.name)
        begun = [filled(task, picture, plans[place]) for place in places]
        for place, made in zip(places, sample_filled(begun, model, report), strict=True):
            cell = cells[place] = Cell.of(plans[place].spec, finish(made))
            report.done += 1
            report.note(cell.caption[0])
    report.close()
    return [cells[place] for place in range(len(plans))]
