"""A picture that was read, made by the model: one result, or the best of several."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from softextend.environment import keeps_kernels
from softextend.jobs.best_of import Choice, choose
from softextend.jobs.job import Target
from softextend.jobs.reading import ReadPicture
from softextend.jobs.task import PictureTask
from softextend.models import load
from softextend.options import Spec
from softextend.types import Listener, Model

if TYPE_CHECKING:
    from softextend.extend import Result


def load_model(task: PictureTask, listener: Listener) -> Model:
    """The model, once for all pictures; says what was chosen where the user named nothing."""
    engine = task.engine
    if task.ref.kind != "self":
        listener.note(f"model: {task.ref.name} (loading)")
    model = load.load_model(
        task.ref,
        device=engine.device,
        dtype=engine.dtype,
        offload=engine.offload,
        vae=engine.vae,
        preview_vae=engine.preview_vae,
        compile=engine.compile,
        conditions=task.found.conditions,
        listener=listener,
    )
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


def sample(task: PictureTask, read: ReadPicture, target: Target, model: Model, listener: Listener) -> Choice:
    """The result to keep of one target of `extend` or `paint`, in memory."""
    spec = read.plan.spec.replaced(seed=target.seed)
    return choose(partial(once, task, read, model, listener), spec, task.selection, listener)


def once(task: PictureTask, read: ReadPicture, model: Model, listener: Listener, spec: Spec) -> Result:
    """One result, in memory; a request that differs from the plan's in its seed alone needs no new plan."""
    from softextend.extend import extend, paint  # imports torch

    same = spec == read.plan.spec.replaced(seed=spec.seed)
    plan = read.plan.seeded(spec.seed) if same else task.plan(read.input, spec)
    if task.repaint is None:
        return extend(read.input, plan, model, listener)
    return paint(read.input, task.repaint, plan, model, listener)
