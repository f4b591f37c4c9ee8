"""Looking at results: `verify`, `score` and `sweep`, once their options are values."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend import batch, images, judge, models
from softextend import sweep as sweeps
from softextend import verify as contract
from softextend.batch import Job, Target
from softextend.commands import asked, bordered, found_again, recorded
from softextend.making import Making
from softextend.options import Sampling

if TYPE_CHECKING:
    from softextend import signatures
    from softextend.report import Report
    from softextend.types import Spec

SHEET = "-sweep.png"


def verify(report: Report, given: signatures.Verify) -> int:
    """`softextend verify`: the exit code, 0 where every pixel that must be kept is."""
    result, original, mask = given.result, given.original, given.mask
    recipe = images.read_recipe(result)
    if mask is None and (recipe.get("command") or {}).get("name") == "paint":
        mask = found_again(result, recorded(recipe, "mask", result), "mask", "--mask FILE")
    verdict = contract.verify(result, original, mask, allow_huge=given.allow_huge)
    if given.quiet:
        return 0 if verdict.holds else 1
    if report.talk.json:
        facts: dict[str, Any] = {"result": str(result), "original": str(original), "holds": verdict.holds}
        facts |= {"kept": verdict.kept, "band": verdict.band, "lossy": verdict.lossy}
        found = verdict.difference
        report.print(json.dumps({**facts, "difference": None if found is None else _facts(found)}))
    else:
        report.print(f"{result}: {verdict}")
    return 0 if verdict.holds else 1


def score(report: Report, given: signatures.Score) -> None:
    """`softextend score`: a table, or a JSON line."""
    result, original = given.result, given.original
    scores, box = judge.score_files(result, original, allow_huge=given.allow_huge)
    facts = scores.facts()
    said = {"result": str(result), "original": str(original), "box": box, "scores": facts}
    rows = [(name.replace("_", " "), f"{value:.3f}") for name, value in facts.items()]
    report.show(said, rows, title=str(result))


def sweep(report: Report, given: signatures.Sweep) -> None:
    """`softextend sweep`: the sheet's path and the best cell's command line on stdout, or both as a JSON line."""
    image, border, engine = given.image, given.border, given.engine
    fills, strengths = sweeps.parse_fills(border.fill), sweeps.parse_strengths(given.sweeping.strength)
    spec = bordered(replace(border, fill=fills[0]), asked(given.prompting))
    specs = sweeps.grid(spec, fills, strengths)
    path = given.sweeping.output or image.with_name(image.stem + SHEET)
    job = Job(source=image, targets=(Target(path=path, format="PNG", seed=spec.seed),))
    batch.settle([job], overwrite=given.sweeping.overwrite, skip_existing=False, will_be_made=[path.parent])
    making = Making(
        report=report,
        spec=spec,
        ref=models.resolve_model(engine.model),
        engine=engine,
        allow_huge=given.allow_huge,
        overwrite=given.sweeping.overwrite,
        drawn=given.prompting.seed is None,
        variations=True,
    )
    cells = swept(making, job, specs)
    best = sweeps.best_of(cells).spec
    images.write_picture(path, sweeps.sheet(cells, len(strengths)), format="PNG", overwrite=given.sweeping.overwrite)
    same = {each.name: getattr(given.prompting, each.name) for each in fields(given.prompting)}
    chosen = Sampling(**{**same, "strength": best.strength, "seed": best.seed})
    line = command_line(image, replace(border, fill=best.fill), chosen, engine)
    if not report.talk.json:
        report.print(str(path))
        report.print(line)
        return
    found = [{"fill": each.spec.fill, "strength": each.spec.strength, **each.scores.facts()} for each in cells]
    report.print(json.dumps({"input": str(image), "output": str(path), "best": line, "cells": found}))


def swept(making: Making, job: Job, specs: Sequence[Spec]) -> list[sweeps.Cell]:
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
    for cell in sweeps.sweep(partial(making.once, picture, None, model), specs):
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


def _facts(found: contract.Difference) -> dict[str, Any]:
    return {each.name: getattr(found, each.name) for each in fields(found)}
