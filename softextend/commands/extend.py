"""`softextend extend` and `paint`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from softextend.commands.run import (
    STEPS,
    chosen,
    drawing,
    dry_run,
    gather,
    made_for,
    named,
    skipping,
    with_others,
    work,
)
from softextend.commands.spec import bordered, parse_passes, sampled
from softextend.jobs.inputs import refuse_missing
from softextend.jobs.outputs import plan_jobs
from softextend.jobs.task import Making, sha256
from softextend.models import find
from softextend.pictures.read import file_bytes, read_mask
from softextend.types import Spec

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Extend, Paint
    from softextend.jobs.inputs import Found


def extend(report: Report, given: Extend) -> int:
    """`softextend extend`: the exit code."""
    spec = replace(bordered(given.border, sampled(given)), passes=parse_passes(given.passes))
    found = gather(given.inputs or [], given.files_from, report, given.writing.out_dir)
    return variations(making_of(report, given, spec, found), found, "-extended", given)


def paint(report: Report, given: Paint) -> int:
    """`softextend paint`: the exit code."""
    spec = sampled(given)
    refuse_missing([given.image, str(given.mask)])
    found = gather([given.image], None, report)
    drawn = file_bytes(given.mask)
    repaint = read_mask(drawn, name=str(given.mask), allow_huge=given.allow_huge)
    making = replace(making_of(report, given, spec, found), mask=given.mask, repaint=repaint, mask_sha256=sha256(drawn))
    return variations(making, found, "-painted", given)


def variations(making: Making, found: Found, suffix: str, given: Extend | Paint) -> int:
    """All pictures with all their seeds; the exit code."""
    looking, num = given.looking, given.demand.num
    choosing = chosen(given.demand)
    steps = looking.save_steps
    naming = named(given.writing, suffix, extras_dir=steps, extras=STEPS if steps else ())
    naming = replace(naming, tree=found.tree(getattr(given, "keep_tree", None)))
    making.check()
    if looking.plan_image is not None:
        making = replace(making, plan_image=drawing(looking.plan_image, len(found.sources)))
    first = making.spec.seed
    jobs = plan_jobs(found.sources, naming, range(first, first + num))
    if given.demand.keep_all:
        jobs = [with_others(job, choosing.most) for job in jobs]
    making = replace(making, drawn=given.sampling.seed is None, variations=num > 1, choosing=choosing)
    folders = made_for(given.writing, steps)
    return dry_run(making, jobs, folders) if looking.dry_run else work(making, jobs, folders)


def making_of(report: Report, given: Extend | Paint, spec: Spec, found: Found) -> Making:
    """What the pictures of `extend` and `paint` share."""
    return Making(
        report=report,
        spec=spec,
        ref=find.resolve_model(given.engine.model),
        engine=given.engine,
        allow_huge=given.allow_huge,
        allow_damaged=given.allow_damaged,
        overwrite=given.writing.overwrite,
        skip_existing=skipping(given.skip_existing),
        empty=found.empty,
    )
