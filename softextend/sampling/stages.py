"""The sampling of one picture: its stages from coarse to fine, each encode, differential diffusion, decode."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.mask import change_map, latent_levels
from softextend.plan.boxes import grown, moved
from softextend.plan.canvas import Prepared
from softextend.plan.plan import Plan, Work
from softextend.plan.windows import Region, margin
from softextend.sampling.latents import (
    Run,
    carry_up,
    carry_up_by_parts,
    decode_parts,
    fit,
    pad_edge,
    to_levels,
    to_tensor,
)
from softextend.sampling.memory import lightening
from softextend.sampling.multidiffusion import encode, make_parts, predict
from softextend.sampling.samplers import make_solver
from softextend.types import Model, OnNote, OnStep, Scene, Spec, Stage

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Known

    Picture = npt.NDArray[np.float32]


FEW_STEPS = 12  # at most this many steps blend continuously, so that a ramp keeps its levels
STAGE_SEEDS = 7919  # apart, so that stages of one run and runs of neighbouring seeds share no noise
REGION_SEEDS = 15_485_863  # apart, for the regions of one stage


@torch.inference_mode()
def sample(prepared: Prepared, spec: Spec, model: Model, on_step: OnStep, on_note: OnNote) -> Picture:
    """All stages of a prepared canvas -> float32 (H, W, 3) in about [0, 255], padding cropped away.

    BadModel for pictures that are not finite; OutOfMemory when even the leanest way does not fit.
    """
    plan = prepared.plan
    current = prepared.filled.astype(np.float32)
    if not plan.stages:
        return current
    amount = latent_levels(prepared.mask)
    embedding = lightening(functools.partial(model.embed, spec.prompt, spec.negative), model, on_note)
    run = Run(plan=plan, model=model, embedding=embedding, on_note=on_note)
    work = plan.work()
    steps = [each.steps * each.windows for each in work]
    for index, each in enumerate(work):
        progress = functools.partial(_progress, on_step, sum(steps[:index]), sum(steps))
        current = run_stage(current, amount, prepared.known, index, each, run, progress)
    return current


def _progress(on_step: OnStep, before: int, total: int, done: int, _: int) -> None:
    on_step(before + done, total)


def _ticks(on_step: OnStep, before: int, planned: int, done: int, timesteps: int) -> None:
    """Second-order samplers have more timesteps than steps: count the planned ones."""
    on_step(before + planned * done // timesteps, planned)


def run_stage(
    pixels: Picture, amount: Change, known: Known, index: int, work: Work, run: Run, on_step: OnStep
) -> Picture:
    """One stage at its own scale; pixels (H, W, 3) in [0, 255] -> the same, repainted where amount is above 0.

    Where the canvas is larger than a window, `pixels` is painted in place.
    """
    size = work.height, work.width
    canvas, levels = fit(pixels, size), fit(amount, size)
    kept = known if size == known.shape else fit(known.astype(np.float32), size) > 0.99
    done = np.zeros(size, np.bool_)
    before = 0
    for number, region in enumerate(work.regions):
        cut = region.box.cut
        free = np.minimum(levels[cut], handed_on(done[cut], run.plan, work.stage.scale))
        ticks = functools.partial(_ticks, on_step, before, work.steps * len(region.windows))
        paint = functools.partial(
            paint_region, canvas[cut], free, kept[cut] | done[cut], region, (index, number), work.stage, run, ticks
        )
        painted = lightening(paint, run.model, run.on_note)
        if run.plan.whole:
            return carry_up(pixels, painted, amount, size)
        np.copyto(canvas[cut], painted, where=(free > 0)[..., None])
        done[grown(region.box, -margin(run.plan.window), size).cut] = True
        before += work.steps * len(region.windows)
    if size != known.shape:
        carry_up_by_parts(pixels, canvas, amount, run.plan)
    return pixels


def handed_on(done: Known, plan: Plan, scale: float) -> Change:
    """How much a region may change of what those before it painted, (H, W) in [0, 1]: softly less and then nothing."""
    if not done.any():
        return np.ones(done.shape, np.float32)
    return latent_levels(change_map(done, round(plan.overlap * scale), round(plan.feather * scale)))


def paint_region(
    pixels: Picture,
    amount: Change,
    known: Known,
    region: Region,
    at: tuple[int, int],
    stage: Stage,
    run: Run,
    on_step: OnStep,
) -> Picture:
    """One region of a stage, its windows together; `at`: number of the stage and of the region in it."""
    plan, model = run.plan, run.model
    windows = [moved(each, region.box) for each in region.windows]
    parts = make_parts(windows, model.factor, 2 * margin(plan.window))
    z0 = encode(model, to_tensor(pixels, model.factor), parts)
    levels = F.interpolate(to_levels(amount, model.factor), z0.shape[-2:], mode="bilinear").to(z0.device)
    noise, generators = draw_noise([plan.seed + STAGE_SEEDS * at[0] + REGION_SEEDS * at[1]], z0.shape[1:])
    solver = make_solver(
        plan.solver, steps=stage.steps, strength=stage.strength, generators=generators, trailing=plan.trailing
    )
    scene = Scene(
        z0=z0,
        change=levels,
        known=pad_edge(known, model.factor),
        embedding=run.embedding,
        guidance=plan.guidance,
        stage=at[0],
        seed=plan.seed,
    )
    blend = Blend.CONTINUOUS if len(solver.timesteps) <= FEW_STEPS else Blend.HARD
    denoise = predict(model, scene, parts)
    x = diffdiff(denoise, solver, z0, noise.to(z0.device), levels, blend=blend, on_step=on_step)
    return decode_parts(restore(x, z0, levels), pixels, amount, windows, parts, run)
