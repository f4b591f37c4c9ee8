"""The stages of `extend`, `paint` and `prepare`: what the model begins with, what it makes of it, and the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Union

from softextend.environment import keeps_kernels
from softextend.jobs.best_of import Choice, best_of, note_score, retried, seeds_from
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.pieces import Piece
from softextend.jobs.reading import ReadPicture, read
from softextend.jobs.task import PictureTask
from softextend.jobs.writing import write, write_canvas
from softextend.models import load
from softextend.models.device import paying_rows
from softextend.options import Selection, Spec
from softextend.plan.plan import Plan, alike
from softextend.plan.prepared import Prepared, prepare_whole
from softextend.types import Listener, Model

if TYPE_CHECKING:
    from softextend.extend import Filled, Result, Sampled

Made = Union["list[Sampled]", Choice]


def load_model(task: PictureTask, listener: Listener) -> Model:
    """The model, once for all pictures; says what was chosen where the user named nothing."""
    if task.ref.kind != "self":
        listener.note(f"model: {task.ref.name} (loading)")
    model = load.load_for(task.ref, task.engine, task.found.conditions, listener)
    if task.ref.kind == "self" and not keeps_kernels():
        listener.note(
            "kernels: compiled anew at each run, some seconds: no folder keeps them; set NUMBA_CACHE_DIR to one"
        )
    if task.ref.origin == "default":
        listener.note("model: self (built in; continues what the photo shows)")
        listener.hint(
            "an SDXL checkpoint does better where new things shall appear or a prompt is given: "
            "--model FILE.safetensors"
        )
    for line in task.without_effect():
        listener.note(line)
    note_seed(task, listener)
    return model


def note_seed(task: PictureTask, listener: Listener) -> None:
    """A seed that nobody named is worth a line."""
    if task.random_seed:
        listener.note(f"seed: {task.spec.seed} (random; --seed {task.spec.seed} repeats this run)")


@dataclass(frozen=True, kw_only=True)
class PictureStages:
    """The stages of `extend` and `paint`; `batch`: rows that go through the model together, None: as many as pay."""

    task: PictureTask
    batch: int | None = 1

    def read(self, job: Job, listener: Listener) -> ReadPicture:
        """See `Stages`."""
        return read(self.task, job, listener)

    def pixels(self, read: ReadPicture) -> int:
        """See `Stages`."""
        width, height = read.plan.canvas.size
        return width * height * self.rows()

    def most_rows(self, read: ReadPicture) -> int:
        """See `Stages`."""
        return rows_that_pay(self.task, read.plan) if self.batch is None else self.batch

    def rows(self) -> int:
        """See `Stages`."""
        return self.task.selection.best_of

    def alike(self, one: ReadPicture, other: ReadPicture) -> bool:
        """See `Stages`."""
        return alike([one.plan, other.plan])

    def fill(self, read: ReadPicture, target: Target) -> list[Filled]:
        """See `Stages`; a canvas a seed."""
        first, *others = self.seeds(target)
        plans = [read.plan.seeded(first), *(read.plan.laid_out_otherwise(seed) for seed in others)]
        return [filled(self.task, read, plan) for plan in plans]

    def load(self, listener: Listener) -> Model:
        """See `Stages`."""
        return load_model(self.task, listener)

    def sample(self, pieces: Sequence[Piece], model: Model, listener: Listener) -> list[Made]:
        """See `Stages`; where a result may be tried again, it is finished and chosen here."""
        from softextend.extend import sample_filled  # imports torch

        waiting = [each for piece in pieces for each in piece.filled]
        most = self.most_rows(pieces[0].taken.read)
        parts = [waiting[index : index + most] for index in range(0, len(waiting), most)]
        made = [each for part in parts for each in sample_filled(part, model, listener)]
        rows = self.rows()
        found = [made[index : index + rows] for index in range(0, len(made), rows)]
        if not self.task.selection.retry:
            return list(found)
        return [self.tried(each, piece, model, listener) for each, piece in zip(found, pieces, strict=True)]

    def tried(self, made: Sequence[Sampled], piece: Piece, model: Model, listener: Listener) -> Choice:
        """The best of what was made and of the tries that its faults call for."""
        read, task = piece.taken.read, self.task
        spec = read.plan.spec.replaced(seed=self.seeds(piece.wanted)[0])
        results = finished(made, task.selection, listener)
        return retried(results, partial(once, task, read, model, listener), spec, task.selection, listener)

    def finish(self, piece: Piece, listener: Listener) -> Outcome:
        """See `Stages`."""
        selection, made, target = self.task.selection, piece.made, piece.wanted
        choice = made if isinstance(made, Choice) else best_of(finished(made, selection, listener))
        return write(self.task, piece.taken.read, piece.taken.job, target, choice, listener)

    def seeds(self, target: Target) -> range:
        """Of the rows that one target takes."""
        return seeds_from(target.seed, self.task.selection)


@dataclass(frozen=True, kw_only=True)
class CanvasStages:
    """The stages of `prepare`, which needs no model."""

    task: PictureTask

    def read(self, job: Job, listener: Listener) -> ReadPicture:
        """See `Stages`."""
        return read(self.task, job, listener)

    def pixels(self, read: ReadPicture) -> int:
        """See `Stages`."""
        width, height = read.plan.canvas.size
        return width * height

    def most_rows(self, read: ReadPicture) -> int:
        """See `Stages`."""
        return 1

    def rows(self) -> int:
        """See `Stages`."""
        return 1

    def alike(self, one: ReadPicture, other: ReadPicture) -> bool:
        """See `Stages`."""
        return False

    def fill(self, read: ReadPicture, target: Target) -> Prepared:
        """See `Stages`."""
        return prepare_whole(read.input.pixels, read.input.known, read.plan)

    def load(self, listener: Listener) -> None:
        """See `Stages`; canvas and mask are a model's, and another would want others."""
        ref = self.task.ref
        named = " (built in; --model NAME makes those of another)" if ref.origin == "default" else ""
        listener.note(f"canvas and mask: as {ref.name}{named} takes them")
        note_seed(self.task, listener)

    def sample(self, pieces: Sequence[Piece], model: None, listener: Listener) -> list[Prepared]:
        """See `Stages`."""
        return [each.filled for each in pieces]

    def finish(self, piece: Piece, listener: Listener) -> Outcome:
        """See `Stages`."""
        return write_canvas(self.task, piece.taken.read, piece.taken.job, piece.wanted, piece.made, listener)


def rows_that_pay(task: PictureTask, plan: Plan) -> int:
    """How many pictures like this one go through the model together: as many as pay."""
    return 1 if task.ref.kind == "self" else paying_rows(task.engine.device, *plan.canvas.size)


def filled(task: PictureTask, read: ReadPicture, plan: Plan) -> Filled:
    """What the model begins with."""
    from softextend.extend import fill_first, map_first  # imports torch

    if task.repaint is None:
        return fill_first(read.input, plan)
    return map_first(read.input, task.repaint, plan)


def finished(made: Sequence[Sampled], selection: Selection, listener: Listener) -> list[Result]:
    """Results of what was sampled, each told with its score where there are several."""
    from softextend.extend import finish  # imports torch

    results = []
    for each in made:
        results.append(finish(each))
        note_score(results[-1], selection, listener)
    return results


def once(task: PictureTask, read: ReadPicture, model: Model, listener: Listener, spec: Spec) -> Result:
    """One result, in memory; a request that differs from the plan's in its seed alone needs no new plan."""
    from softextend.extend import finish, sample_filled  # imports torch

    same = spec == read.plan.spec.replaced(seed=spec.seed)
    plan = read.plan.seeded(spec.seed) if same else task.plan(read.input, spec)
    return finish(sample_filled([filled(task, read, plan)], model, listener)[0])
