"""Plans of many pictures by their files' headers alone: decoding takes milliseconds each, and tells more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from softextend.jobs.job import Job
from softextend.jobs.reading import Remarks, check_results
from softextend.jobs.task import PictureTask
from softextend.pictures import exif
from softextend.pictures.memory import SMALL
from softextend.pictures.read import large_allowed, refuse_huge
from softextend.plan.input import Input, fitted
from softextend.plan.plan import Plan
from softextend.types import Box, Listener

MANY = 1000  # pictures of a dry run, from which on their headers have to do
PLAIN = {("JPEG", "L"), ("JPEG", "RGB"), ("PNG", "L"), ("PNG", "RGB"), ("BMP", "RGB"), ("WEBP", "RGB")}
SAID = (
    "planned by the files' headers alone, since they are more than {many}: damage, borders and what the photos show "
    "are found by the run, or by a --dry-run of fewer"
)
SAID_OF_ONE = "planned by the header alone, {:.0f} megapixels: damage, borders and what it shows are found by the run"


@dataclass(frozen=True, kw_only=True)
class Headers:
    """One plan for all pictures of a size; they show nothing that a plan would heed.

    `above`: px from which on a picture is planned so; smaller ones are decoded.
    """

    task: PictureTask
    above: int = SMALL
    plans: dict[tuple[int, int], tuple[Plan, list[str]]] = field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """Whether a picture's size is all that plans of this command heed."""
        task = self.task
        wants = task.spec.growth.trim is not None or task.repaint is not None or task.plan_image is not None
        return not wants and task.conditions.caption is None

    def plan(self, job: Job, listener: Listener) -> Plan | None:
        """The picture's plan; None where the file has to be decoded. Raises as `read` does."""
        size = size_of(job.source) if isinstance(job.source, Path) else None
        if size is None or size[0] * size[1] <= self.above:
            return None
        refuse_huge(job.name, *size, self.task.allow_huge)
        if size not in self.plans:
            self.plans[size] = self._planned(*size)
        plan, notes = self.plans[size]
        remarks = Remarks(name=job.name, listener=listener)
        said = SAID_OF_ONE.format(size[0] * size[1] / 1e6) if self.above else ""
        for line in filter(None, (said, *notes, *plan.notes)):
            remarks.note(line)
        check_results(self.task, job, plan, remarks, alpha=False)
        return plan

    def _planned(self, width: int, height: int) -> tuple[Plan, list[str]]:
        whole = Box(top=0, left=0, bottom=height, right=width)
        crop, notes = fitted(self.task.spec.growth, width, height, whole)
        shape = crop.size[::-1]
        input = Input(
            pixels=np.broadcast_to(np.zeros(3, np.uint8), (*shape, 3)),
            known=np.broadcast_to(np.True_, shape),
            crop=None if crop.whole else crop,
        )
        return self.task.plan(input, self.task.spec), notes


def size_of(path: Path) -> tuple[int, int] | None:
    """(width, height) in px, upright, of an opaque 8-bit picture; None where its header does not tell."""
    try:
        with large_allowed(), Image.open(path) as opened:
            if (opened.format, opened.mode) not in PLAIN or "transparency" in opened.info or "xmp" in opened.info:
                return None
            turned = "exif" in opened.info and opened.getexif().get(exif.ORIENTATION, 1) >= 5  # it lies on its side
            width, height = opened.size
    except Exception:  # `read` says what is wrong with it
        return None
    return (height, width) if turned else (width, height)
