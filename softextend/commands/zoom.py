"""`softextend zoom`: a film that zooms out of a photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from softextend.commands.options import Zooming
from softextend.commands.output_options import Filming
from softextend.commands.spec import parse_passes, strengthened
from softextend.jobs.film import Shoot, keyframe_files, largest, remarks
from softextend.jobs.job import STDIN, Job, Outcome, Target
from softextend.jobs.task import Making, source_of
from softextend.models import find
from softextend.pictures import video
from softextend.pictures.read import read_picture
from softextend.plan import motion as plan_motion
from softextend.plan.grammar import parse_anchor, parse_size, parse_trim
from softextend.plan.input import make_ready
from softextend.plan.motion import Motion, parse_rate

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Zoom


def make_film(report: Report, given: Zoom) -> int:
    """`softextend zoom`: the exit code."""
    passes = parse_passes(given.passes)
    making = Making(
        report=report,
        spec=replace(strengthened(given.sampling), fill=given.zooming.fill, passes=passes),
        ref=find.resolve_model(given.engine.model),
        engine=given.engine,
        allow_huge=given.allow_huge,
        allow_damaged=given.allow_damaged,
        overwrite=given.filming.overwrite,
        drawn=given.sampling.seed is None,
    )
    making.check()
    source = None if given.image == "-" else Path(given.image)
    path, form = video.form_of_name(given.filming.output or f"{source.with_suffix('') if source else STDIN}-zoom.mp4")
    job = Job(source=source, targets=(Target(path=path, format=form, seed=making.spec.seed),))
    shoot = planned(making, job, given.zooming, given.filming)
    if given.filming.dry_run:
        report.plan(job, making.ref.name, shoot.facts(), shoot.rows())
        return 0
    for name, value in shoot.rows():
        report.detail(f"  {name}: {value}")
    report.tell(Outcome(job=job, target=job.targets[0], facts=shoot.run()))
    return 0


def planned(making: Making, job: Job, zooming: Zooming, filming: Filming) -> Shoot:
    """The photo read and everything checked that can be before a model is loaded."""
    report, (target,) = making.report, job.targets
    report.begin(job.name)
    picture = read_picture(
        source_of(job), name=job.name, allow_huge=making.allow_huge, allow_damaged=making.allow_damaged
    )
    trim = None if zooming.trim is None else parse_trim(zooming.trim)
    ready = make_ready(picture.pixels, picture.known, replace(making.spec, trim=trim))
    height, width = ready.known.shape
    wanted = largest(width, height) if filming.size is None else parse_size(filming.size)
    form, path = str(target.format), target.path or Path()
    size = video.even(form, *wanted)
    motion = Motion(
        width=size[0],
        height=size[1],
        factor=zooming.factor,
        seconds=zooming.seconds,
        fps=parse_rate(zooming.fps),
        anchor=parse_anchor(zooming.anchor),
        reverse=zooming.reverse,
        ease=zooming.ease,
    )
    film = video.Film(path=path, form=form, count=motion.count, fps=motion.fps, width=size[0], height=size[1])
    shoot = Shoot(
        making=making,
        job=job,
        ready=ready,
        icc=picture.metadata.icc,
        sha256=picture.sha256,
        motion=motion,
        film=film,
        entry=plan_motion.fit(width, height, motion),
        saved=keyframe_files(filming.save_steps, job, motion, overwrite=making.overwrite),
    )
    video.check(film, overwrite=making.overwrite)
    notes = (
        *picture.notes,
        *ready.notes,
        *remarks(shoot.entry, wanted, size, width, height, chosen=filming.size is not None),
    )
    for note in notes:
        report.note(f"{job.name}: {note}")
    return shoot
