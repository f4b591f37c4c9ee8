"""`softextend extend` and `paint`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from softextend.commands.afar import refuse_beside_ray, work_afar
from softextend.commands.dry_run import dry_run
from softextend.commands.options import InputOptions
from softextend.commands.run import (
    STEPS,
    check_selection,
    folders_of,
    gather,
    naming,
    plan_image_path,
    skipping,
    with_others,
    work,
)
from softextend.commands.signatures import Extend
from softextend.commands.spec import spec_of_extend, spec_of_paint
from softextend.jobs.inputs import Found, refuse_missing
from softextend.jobs.making import PictureStages
from softextend.jobs.outputs import check_drawing, plan_jobs
from softextend.jobs.recorded import prepared_for
from softextend.jobs.task import PictureTask
from softextend.jobs.writing import sha256
from softextend.models import find
from softextend.options import Spec
from softextend.pictures.formats import Alpha
from softextend.pictures.read import file_bytes, read_mask

if TYPE_CHECKING:
    from softextend.commands.options import SourceOptions
    from softextend.commands.report import Report
    from softextend.commands.signatures import Paint


def extend(report: Report, given: Extend) -> int:
    """`softextend extend`: the exit code."""
    spec = spec_of_extend(given)
    found = gather(given.inputs, given.output, report)
    task = task_of(given, spec, given.inputs)
    return variations(report, task, found, "-extended", given)


def paint(report: Report, given: Paint) -> int:
    """`softextend paint`: the exit code."""
    spec, painting = spec_of_paint(given), given.painting
    refuse_missing([painting.image, str(painting.mask)])
    found = gather(InputOptions(inputs=[painting.image]), given.output, report)
    drawn = file_bytes(painting.mask)
    repaint = read_mask(drawn, name=str(painting.mask), allow_huge=painting.allow_huge)
    task = task_of(given, spec, painting)
    task = replace(task, mask=painting.mask, repaint=repaint, mask_sha256=sha256(drawn))
    if said := made_for_another(Path(painting.image), task.ref.name):
        report.note(said)
    return variations(report, task, found, "-painted", given)


def made_for_another(canvas: Path, model: str) -> str | None:
    """What there is to say where a canvas of `prepare` was made for another model than this run's."""
    other = prepared_for(canvas)
    if other is None or Path(other).name == Path(model).name:
        return None
    return (
        f"{canvas}: was prepared for {other}, and {model} paints it: fill and mask are not what {model} likes best; "
        f"give --model {other} here, or --model {model} to prepare"
    )


def task_of(given: Extend | Paint, spec: Spec, source: SourceOptions) -> PictureTask:
    """What the pictures of `extend` and `paint` share."""
    check_selection(given.selection, spec.seed)
    return PictureTask(
        spec=spec,
        ref=find.model_of(given.engine),
        engine=given.engine,
        conditions=given.conditions,
        selection=given.selection,
        allow_huge=source.allow_huge,
        allow_damaged=source.allow_damaged,
        overwrite=given.output.overwrite,
        skip_existing=skipping(given.output.skip_existing),
        random_seed=given.sampling.seed is None,
        keep_alpha=given.output.alpha is Alpha.KEEP,
        quality=given.output.quality,
    )


def variations(report: Report, task: PictureTask, found: Found, suffix: str, given: Extend | Paint) -> int:
    """All pictures with all their seeds; the exit code."""
    debug, num, steps = given.debug, given.selection.num, given.debug.save_steps
    names = naming(given.output, suffix, extras_dir=steps, extras=STEPS if steps else ())
    if isinstance(given, Extend):
        names = replace(names, tree=found.sources.mirror(given.inputs.keep_tree))
    task.check()
    if debug.plan_image is not None:
        task = replace(task, plan_image=plan_image_path(Path(debug.plan_image), len(found.sources)))
    first = task.spec.seed
    jobs = plan_jobs(found.sources, names, range(first, first + num))
    if given.selection.keep_all:
        jobs = jobs.finished(partial(with_others, most=given.selection.most))
    if task.plan_image is not None:
        check_drawing("--plan-image", task.plan_image, jobs, task.reads)
    folders = folders_of(given.output, steps)
    cluster = given.cluster if isinstance(given, Extend) and given.cluster.ray else None
    sharing = given.work.workers if isinstance(given, Extend) else 1
    if cluster:
        refuse_beside_ray(jobs, str(cluster.ray), alone=(sharing, given.work.batch) == (1, 1))
    if debug.dry_run:
        return dry_run(report, task, jobs, folders, empty=found.empty, workers=1 if cluster else sharing)
    if cluster:
        return work_afar(report, task, jobs, folders, cluster, empty=found.empty)
    stages = PictureStages(task=task, batch=given.work.rows)
    return work(report, task, jobs, folders, stages=stages, empty=found.empty, workers=sharing)
