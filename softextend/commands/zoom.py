"""`softextend zoom`: a film that zooms out of a photo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from softextend.commands.spec import spec_of_zoom
from softextend.errors import BadRequest
from softextend.jobs.conditions import with_caption
from softextend.jobs.estimate import Estimator
from softextend.jobs.film import Shoot, keyframe_files, largest, remarks
from softextend.jobs.job import STDIN, Job, Outcome, Target
from softextend.jobs.reading import source_of
from softextend.jobs.task import PictureTask
from softextend.jobs.zoom import plans
from softextend.models import find
from softextend.models.load import foresee
from softextend.pictures import video
from softextend.pictures.address import Address
from softextend.pictures.read import read_picture
from softextend.plan.input import Input, prepare_input
from softextend.plan.motion import Motion, fit
from softextend.types import Sides

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Zoom


def zoom(report: Report, given: Zoom) -> int:
    """`softextend zoom`: the exit code."""
    task = PictureTask(
        spec=spec_of_zoom(given),
        ref=find.model_of(given.engine),
        engine=given.engine,
        conditions=given.conditions,
        allow_huge=given.photo.allow_huge,
        allow_damaged=given.photo.allow_damaged,
        overwrite=given.film.overwrite,
        random_seed=given.sampling.seed is None,
    )
    task.check()
    if given.conditions.control_image is not None:
        raise BadRequest("--control-image: shows one result, and a zoom makes several pictures: leave it out")
    source = None if given.photo.image == "-" else Path(given.photo.image)
    name = given.film.output or f"{source.with_suffix('') if source else STDIN}-zoom.mp4"
    path, form = video.form_of_name(name)
    job = Job(source=source, targets=(Target(path=path, format=form, seed=task.spec.seed),))
    shoot = planned(report, task, job, given)
    if given.film.dry_run:
        for line in task.without_effect():
            report.note(line)
        foresee(task.ref, task.engine, task.found.conditions, report)
        cost = Estimator(task=task).of(plans(shoot.input, shoot.motion, task.spec, task.profile))
        facts = {**shoot.as_dict(), "conditions": task.found.conditions.as_dict(), "estimate": cost.as_dict()}
        report.plan(job, task.ref.name, facts, [*task.found.conditions.rows(), *shoot.rows(), *cost.rows()])
        return 0
    for row, value in shoot.rows():
        report.detail(f"  {row}: {value}")
    report.outcome(Outcome(job=job, target=job.targets[0], facts=shoot.run()))
    return 0


def planned(report: Report, task: PictureTask, job: Job, given: Zoom) -> Shoot:
    """The photo read and everything checked that can be before a model is loaded."""
    (target,) = job.targets
    report.begin(job.name)
    picture = read_picture(source_of(job), name=job.name, allow_huge=task.allow_huge, allow_damaged=task.allow_damaged)
    input = prepare_input(picture.pixels, picture.known, task.spec.growth)
    task = captioned(report, replace(task, captions=not given.film.dry_run), job, input)
    height, width = input.known.shape
    wanted = given.film.frame_size or largest(width, height)
    form, path = str(target.format), target.path or Path()
    if isinstance(path, Address):
        raise BadRequest(f"-o {path}: a film is written on this machine; copy it into the store")
    size = video.even(form, *wanted)
    motion = Motion.of(given.course, size)
    film = video.Film(path=path, form=form, count=motion.count, fps=motion.fps, width=size[0], height=size[1])
    shoot = Shoot(
        task=task,
        listener=report,
        job=job,
        input=input,
        icc=picture.metadata.icc,
        sha256=picture.sha256,
        motion=motion,
        film=film,
        entry=fit(width, height, motion),
        saved=keyframe_files(given.film.save_steps, job, motion, overwrite=task.overwrite),
    )
    video.check(film, overwrite=task.overwrite)
    read = [path for path in (job.source, *task.reads) if isinstance(path, Path)]
    refuse_inputs((*film.files, *shoot.saved), read)
    chosen = given.film.frame_size is not None
    for note in (
        *picture.notes,
        *input.notes,
        *remarks(shoot.entry, wanted, size, width, height, chosen=chosen),
    ):
        report.note(f"{job.name}: {note}")
    return shoot


def refuse_inputs(written: Iterable[Path], read: Sequence[Path]) -> None:
    """BadRequest where a file that will be written is one of those that are read."""
    standing = [path for path in read if path.exists()]
    for path in written:
        if path.exists() and any(path.samefile(each) for each in standing):
            raise BadRequest(f"{path}: the output is an input; give another name with -o")


def captioned(report: Report, task: PictureTask, job: Job, input: Input) -> PictureTask:
    """The task with a caption of the photo in its prompt, where one is asked for; a dry run loads no model."""
    model = task.conditions.caption
    if model is None or task.ref.kind == "self":
        return task
    if not task.captions:
        report.note(f"{job.name}: caption: will be made by {model}")
        return task
    spec, said = with_caption(task.spec, input.pixels, Sides(), model)
    report.note(f"{job.name}: caption: {said}")
    return replace(task, spec=spec, conditions=task.configured)
