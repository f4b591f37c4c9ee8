"""The sampling of one picture: its stages from coarse to fine, each encode, differential diffusion, decode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.mask import change_map, editable, latent_change
from softextend.plan.boxes import grown, moved
from softextend.plan.plan import Plan, Work
from softextend.plan.prepared import Prepared
from softextend.plan.windows import Region, margin
from softextend.sampling.latents import (
    Run,
    carry_up,
    carry_up_by_parts,
    decode_parts,
    fit,
    pad_edge,
    to_change,
    to_levels,
    to_tensor,
)
from softextend.sampling.memory import reducing_memory
from softextend.sampling.multidiffusion import encode, make_parts, predict
from softextend.sampling.progress import PartOf
from softextend.sampling.samplers import TableSampler, make_sampler
from softextend.types import Listener, Method, Model, Scene, Stage

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Known, Pixels

    Picture = npt.NDArray[np.float32]


FEW_STEPS = 12  # at most this many steps blend continuously, so that a ramp keeps its levels
STAGE_SEEDS = 7919  # apart, so that stages of one run and runs of neighbouring seeds share no noise
REGION_SEEDS = 15_485_863  # apart, for the regions of one stage


@torch.inference_mode()
def sample(prepared: Prepared, model: Model, listener: Listener) -> Picture:
    """All stages of a prepared canvas -> float32 (H, W, 3) in about [0, 255], padding cropped away.

    BadModel for pictures that are not finite; OutOfMemory when even the leanest way does not fit.
    """
    plan = prepared.plan
    current = prepared.filled.astype(np.float32)
    if not plan.stages:
        return current
    change, prompt = latent_change(prepared.change), plan.spec.prompt
    embed = functools.partial(model.embed, prompt.prompt, prompt.negative, prepared.photo)
    conditioning = reducing_memory(embed, model, listener)
    work = plan.work()
    steps = [each.steps * each.windows for each in work]
    for index, each in enumerate(work):
        heard = PartOf(listener, before=sum(steps[:index]), share=steps[index], total=sum(steps))
        run = Run(plan=plan, model=model, conditioning=conditioning, listener=heard)
        current = run_stage(current, change, prepared.known, index, each, run)
    return current


def run_stage(pixels: Picture, change: Change, known: Known, index: int, work: Work, run: Run) -> Picture:
    """One stage at its own scale; pixels (H, W, 3) in [0, 255] -> the same, repainted where change (H, W) is above 0.

    `pixels` is given away: it may be painted in place, and be the result.
    """
    size = work.height, work.width
    canvas, smaller = fit(pixels, size), fit(change, size)
    kept = known if size == known.shape else fit(known.astype(np.float32), size) > 0.99
    done = np.zeros(size, np.bool_)
    before, total = 0, work.steps * work.windows
    for number, region in enumerate(work.regions):
        cut, share = region.box.cut, work.steps * len(region.windows)
        part = Run(
            plan=run.plan,
            model=run.model,
            conditioning=run.conditioning,
            listener=PartOf(run.listener, before=before, share=share, total=total),
        )
        free = np.minimum(smaller[cut], handed_on(done[cut], run.plan, work.stage.scale))
        seen = kept[cut] | done[cut]
        at = index, number
        paint = functools.partial(paint_region, canvas[cut], free, seen, region, at, work.stage, part, canvas=size)
        painted = reducing_memory(paint, run.model, run.listener)
        if run.plan.canvas.whole:
            return carry_up(pixels, painted, change, size)
        np.copyto(canvas[cut], painted, where=editable(free)[..., None])
        done[grown(region.box, -margin(run.plan.canvas.window), size).cut] = True
        before += share
    if size == known.shape:
        return canvas
    return carry_up_by_parts(pixels, canvas, change, run.plan)


def handed_on(done: Known, plan: Plan, scale: float) -> Change:
    """How much a region may change of what those before it painted, (H, W) in [0, 1]: softly less and then nothing."""
    if not done.any():
        return np.ones(done.shape, np.float32)
    return latent_change(change_map(done, round(plan.overlap * scale), round(plan.feather * scale)))


def paint_region(
    pixels: Picture,
    change: Change,
    known: Known,
    region: Region,
    at: tuple[int, int],
    stage: Stage,
    run: Run,
    *,
    canvas: tuple[int, int] | None = None,
) -> Picture:
    """One region (h, w, 3) of a stage, its windows together; `at`: number of the stage and of the region in it.

    `canvas`: the stage's, height and width, where the region is a part of it.
    """
    plan, model = run.plan, run.model
    windows = [moved(each, region.box) for each in region.windows]
    parts = make_parts(windows, model.factor, 2 * margin(plan.canvas.window))
    filled = to_tensor(pixels, model.factor)
    z0 = encode(model, filled, parts)
    changing = latent_map(change, z0, model.factor, plan.method)
    noise, generators = draw_noise([plan.seed + STAGE_SEEDS * at[0] + REGION_SEEDS * at[1]], z0.shape[1:])
    sampler = make_sampler(
        plan.sampler.value,
        model.schedule,
        steps=stage.steps,
        strength=stage.strength,
        generators=generators,
        trailing=plan.trailing,
    )
    scene = Scene(
        z0=z0,
        change=changing,
        known=pad_edge(known, model.factor),
        filled=filled,
        conditioning=run.conditioning,
        guidance=plan.guidance,
        guidance_rescale=plan.guidance_rescale,
        stage=at[0],
        seed=plan.seed,
        guidance_steps=plan.guidance_steps,
        timesteps=sampler.timesteps[:: sampler.calls],
        box=region.box if canvas else None,
        canvas=canvas,
    )
    blend = Blend.CONTINUOUS if len(sampler.timesteps) <= FEW_STEPS else Blend.HARD
    watch = functools.partial(_watch, run, sampler)
    denoise = predict(model, scene, parts)
    x = diffdiff(denoise, sampler, z0, noise.to(z0.device), changing, blend=blend, on_step=watch)
    return decode_parts(restore(x, z0, changing), pixels, change, windows, parts, run)


def latent_map(change: Change, z0: Tensor, factor: int, method: Method) -> Tensor:
    """change (h, w) in [0, 1] -> float32 (1, 1, h', w') as z0 has it; classic: 0 or 1, as its first pixel is."""
    given = to_change(change, factor)
    if method is Method.CLASSIC:
        return (F.interpolate(given, z0.shape[-2:], mode="nearest") >= 0.5).float().to(z0.device)
    return F.interpolate(given, z0.shape[-2:], mode="bilinear").to(z0.device)


def _watch(run: Run, sampler: TableSampler, done: int, total: int) -> None:
    """Tell of a step, and offer a look at what the model takes the clean latents for."""
    run.listener.step(done, total)
    run.listener.preview(functools.partial(_look, run.model.preview, sampler))


def _look(preview: Callable[[Tensor], Tensor], sampler: TableSampler) -> Pixels:
    return to_levels(preview(sampler.clean()))
