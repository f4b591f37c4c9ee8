"""A picture read and planned, both once, and checked before a model is loaded for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace

from softextend.errors import BadPicture, BadRequest
from softextend.jobs.conditions import with_caption
from softextend.jobs.job import Job, Target
from softextend.jobs.room import check_room
from softextend.jobs.task import PictureTask
from softextend.pictures.address import Place
from softextend.pictures.formats import check_alpha, check_size, format_of_name, losses, quality_without_effect
from softextend.pictures.memory import check_memory
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_picture
from softextend.pictures.write import write_picture
from softextend.plan.describe import plan_rows
from softextend.plan.drawing import draw_plan
from softextend.plan.input import Input, prepare_input
from softextend.plan.limits import with_limits
from softextend.plan.plan import Plan
from softextend.types import Listener


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Remarks:
    """Notes on one picture: told at once with its name, and kept for --json."""

    name: str
    listener: Listener
    lines: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        """One line worth knowing."""
        self.listener.note(f"{self.name}: {line}")
        self.lines.append(line)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReadPicture:
    """A picture that is ready for a model: as it was read, what of it is extended, and the plan."""

    picture: Picture
    input: Input
    plan: Plan
    remarks: Remarks

    def heard_by(self, listener: Listener) -> ReadPicture:
        """The same with remarks of its own from here on, told to another listener: one result's are not another's."""
        return replace(self, remarks=replace(self.remarks, listener=listener, lines=[*self.remarks.lines]))


def read(task: PictureTask, job: Job, listener: Listener) -> ReadPicture:
    """The picture and its plan, both made once; BadPicture, BadRequest or DiskFull where it cannot be made."""
    remarks = Remarks(name=job.name, listener=listener)
    picture = read_picture(
        source_of(job),
        name=job.name,
        allow_huge=task.allow_huge,
        allow_damaged=task.allow_damaged,
        keep_alpha=task.keep_alpha,
    )
    for line in picture.notes:
        remarks.note(line)
    input = input_of(task, job, picture)
    for line in input.notes:
        remarks.note(line)
    plan = task.plan(input, task.spec)
    if task.conditions.caption is not None and task.ref.kind != "self":
        plan = _captioned(task, input, plan, remarks)
    if task.ref.kind == "self" and task.command_name == "extend":
        plan = with_limits(plan, input)
    for line in plan.notes:
        remarks.note(line)
    check_results(task, job, plan, remarks, alpha=picture.planes.has_alpha)
    for name, value in plan_rows(plan):
        listener.detail(f"  {name}: {value}")
    if task.plan_image is not None:
        write_picture(task.plan_image, draw_plan(plan, input.pixels), format="PNG", overwrite=task.overwrite)
    return ReadPicture(picture=picture, input=input, plan=plan, remarks=remarks)


def input_of(task: PictureTask, job: Job, picture: Picture) -> Input:
    """What of the picture is extended; of a picture to repaint all, as it is."""
    if task.repaint is None:
        return prepare_input(picture.pixels, picture.known, task.spec.growth, picture.planes)
    if task.repaint.shape != picture.known.shape:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (task.repaint.shape, picture.known.shape)]
        raise BadRequest(f"{task.mask}: the mask is {sizes[0]}, {job.name} is {sizes[1]}; make them one size")
    return Input(pixels=picture.pixels, planes=picture.planes, known=picture.known)


def _captioned(task: PictureTask, input: Input, plan: Plan, remarks: Remarks) -> Plan:
    """The plan with what a model says of the photo added to the prompt; a dry run loads no model."""
    if not task.captions:
        remarks.note(f"caption: will be made by {task.conditions.caption}")
        return plan
    spec, said = with_caption(task.spec, input.pixels, plan.canvas.sides, str(task.conditions.caption))
    remarks.note(f"caption: {said}")
    return task.plan(input, spec)


def check_results(task: PictureTask, job: Job, plan: Plan, remarks: Remarks, *, alpha: bool) -> None:
    """Whether what will be made can be written: formats, disk, memory; `alpha`: with transparency."""
    for format in sorted({format_of(target) for target in job.targets}):
        check_size(format, *plan.canvas.size)
        if alpha:
            check_alpha(format)
        for said in filter(None, (losses(format), quality_without_effect(format, task.quality))):
            remarks.note(said)
    check_room(job, plan.canvas.size)
    check_memory(f"{job.name}: the result", *plan.canvas.size, allow_huge=task.allow_huge)


def source_of(job: Job) -> Place | bytes:
    """The file, or what stdin holds; BadPicture for a terminal, or for none."""
    if job.source is not None:
        return job.source
    if sys.stdin is None or sys.stdin.isatty():
        what = "is closed" if sys.stdin is None else "is a terminal"
        raise BadPicture(f"stdin {what}: pipe a picture into it, or name a file")
    return sys.stdin.buffer.read()


def format_of(target: Target) -> str:
    """The format a result is written in."""
    return target.format or (format_of_name(target.path) if target.path else "PNG")
