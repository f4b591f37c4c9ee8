"""`softextend prepare`: the filled canvas and the mask, to paint on by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from softextend.commands.run import gather, made_for, named, skipping, with_mask, work
from softextend.commands.spec import bordered, draw_seed
from softextend.jobs.outputs import plan_jobs
from softextend.jobs.task import Making
from softextend.models import find
from softextend.pictures.formats import Format
from softextend.types import Spec

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Prepare


def prepare(report: Report, given: Prepare) -> int:
    """`softextend prepare`: the exit code."""
    seed = draw_seed() if given.seed is None else given.seed
    spec = bordered(given.area, Spec(seed=seed))
    found = gather(given.inputs or [], given.files_from, report, given.placing.out_dir)
    naming = replace(named(given.placing, "-canvas", format=Format.PNG), tree=found.tree(given.keep_tree))
    jobs = [with_mask(job) for job in plan_jobs(found.sources, naming, [seed])]
    making = Making(
        report=report,
        spec=spec,
        ref=find.resolve_model(given.model),
        allow_huge=given.allow_huge,
        allow_damaged=given.allow_damaged,
        overwrite=given.placing.overwrite,
        skip_existing=skipping(given.skip_existing),
        drawn=given.seed is None,
        named="prepare",
        empty=found.empty,
    )
    making.check()
    return work(making, jobs, made_for(given.placing), load=making.say_seed, make=making.canvas)
