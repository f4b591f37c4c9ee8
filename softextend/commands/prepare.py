"""`softextend prepare`: the filled canvas and the mask, to paint on by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from softextend.commands.run import folders_of, gather, naming, skipping, with_mask, work
from softextend.commands.spec import spec_of_prepare
from softextend.jobs.making import CanvasStages
from softextend.jobs.outputs import plan_jobs
from softextend.jobs.task import PictureTask
from softextend.models import find
from softextend.pictures.formats import Format

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Prepare


def prepare(report: Report, given: Prepare) -> int:
    """`softextend prepare`: the exit code."""
    spec = spec_of_prepare(given)
    found = gather(given.inputs, given.output, report)
    names = naming(given.output, "-canvas", format=Format.PNG)
    names = replace(names, tree=found.sources.mirror(given.inputs.keep_tree))
    jobs = plan_jobs(found.sources, names, [spec.seed]).finished(with_mask)
    task = PictureTask(
        spec=spec,
        ref=find.resolve_model(given.canvas.model, profile=given.canvas.profile),
        allow_huge=given.inputs.allow_huge,
        allow_damaged=given.inputs.allow_damaged,
        overwrite=given.output.overwrite,
        skip_existing=skipping(given.output.skip_existing),
        name="prepare",
        random_seed=given.canvas.seed is None,
    )
    task.check()
    return work(report, task, jobs, folders_of(given.output), stages=CanvasStages(task=task), empty=found.empty)
