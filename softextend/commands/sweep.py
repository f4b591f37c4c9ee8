"""`softextend sweep`: strengths and fills on one contact sheet."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend.commands.options import Sampling
from softextend.commands.spec import asked, bordered
from softextend.errors import BadRequest
from softextend.jobs import sweep as jobs_sweep
from softextend.jobs.job import Job, Target
from softextend.jobs.outputs import settle
from softextend.jobs.task import Making
from softextend.models import find
from softextend.pictures.write import write_picture

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Sweep
    from softextend.types import Spec


SHEET = "-sweep.png"


def sweep(report: Report, given: Sweep) -> None:
    """`softextend sweep`: the sheet's path and the best cell's command line on stdout, or both as a JSON line."""
    image, border, engine = given.image, given.border, given.engine
    fills, strengths = jobs_sweep.parse_fills(border.fill), jobs_sweep.parse_strengths(given.sweeping.strength)
    spec = bordered(replace(border, fill=fills[0]), asked(given.prompting))
    specs = jobs_sweep.grid(spec, fills, strengths)
    path = given.sweeping.output or image.with_name(image.stem + SHEET)
    job = Job(source=image, targets=(Target(path=path, format="PNG", seed=spec.seed),))
    _, faults = settle([job], overwrite=given.sweeping.overwrite, skip_existing=None, will_be_made=[path.parent])
    for fault in faults:
        raise fault.error or BadRequest(f"{path}: cannot be written")
    making = Making(
        report=report,
        spec=spec,
        ref=find.resolve_model(engine.model),
        engine=engine,
        allow_huge=given.allow_huge,
        allow_damaged=given.allow_damaged,
        overwrite=given.sweeping.overwrite,
        drawn=given.prompting.seed is None,
        variations=True,
    )
    cells = swept(making, job, specs)
    best = jobs_sweep.best_of(cells).spec
    write_picture(path, jobs_sweep.sheet(cells, len(strengths)), format="PNG", overwrite=given.sweeping.overwrite)
    same = {each.name: getattr(given.prompting, each.name) for each in fields(given.prompting)}
    chosen = Sampling(**{**same, "strength": best.strength, "seed": best.seed})
    line = command_line(image, replace(border, fill=best.fill), chosen, engine)
    if not report.talk.json:
        report.print(str(path))
        report.print(line)
        return
    found = [{"fill": each.spec.fill, "strength": each.spec.strength, **each.scores.facts()} for each in cells]
    report.print(json.dumps({"input": str(image), "output": str(path), "best": line, "cells": found}))


def swept(making: Making, job: Job, specs: Sequence[Spec]) -> list[jobs_sweep.Cell]:
    """All cells, told one by one; every plan is checked before a model is loaded."""
    report = making.report
    making.check()
    picture, _ = making.read(job)
    for each in specs:
        replace(making, spec=each).plan(picture, None)
    model = making.load()
    report.total = len(specs)
    report.begin(job.name)
    cells = []
    for cell in jobs_sweep.sweep(partial(making.once, picture, None, model), specs):
        cells.append(cell)
        report.done += 1
        report.note(cell.caption[0])
        if report.done < report.total:
            report.begin(job.name)
    report.close()
    return cells


def command_line(image: Path, *groups: Any) -> str:
    """The command that makes one picture with these options, as a shell reads it."""
    words = ["softextend", "extend", str(image)]
    for group in groups:
        for each in fields(group):
            value = getattr(group, each.name)
            if each.default is MISSING or value != each.default:
                words += _words(each.name.replace("_", "-"), value)
    return shlex.join(words)


def _words(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    values = value if isinstance(value, tuple | list) else (value,)
    return [f"--{name}", *(each.value if isinstance(each, Enum) else f"{each}" for each in values)]
