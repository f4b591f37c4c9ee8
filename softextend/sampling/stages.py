"""The sampling of one picture: its stages from coarse to fine, each encode, differential diffusion, decode."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from softextend import arrays
from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.mask import change_map, editable, latent_change
from softextend.plan.boxes import grown, moved
from softextend.plan.plan import Plan, Work
from softextend.plan.prepared import Prepared
from softextend.plan.windows import Region, margin
from softextend.sampling.harmony import Harmony
from softextend.sampling.latents import (
    Run,
    carry_up,
    carry_up_by_parts,
    decode_parts,
    fit,
    pad_edge,
    to_change,
    to_latents,
    to_levels,
)
from softextend.sampling.memory import out_of_memory, reducing_memory
from softextend.sampling.multidiffusion import Part, encode, make_parts, predict
from softextend.sampling.progress import PartOf
from softextend.sampling.samplers import TableSampler, make_sampler
from softextend.sampling.together import embed_together
from softextend.types import Box, Listener, Method, Model, Predict, Scene, Stage

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from softextend.types import Change, Known, Pixels

    Picture = npt.NDArray[np.float32]


FEW_STEPS = 12  # at most this many steps blend continuously, so that a ramp keeps its levels
STAGE_SEEDS = 7919  # apart, so that stages of one run and runs of neighbouring seeds share no noise
REGION_SEEDS = 15_485_863  # apart, for the regions of one stage
HARMONY_SEEDS = 32_452_843  # apart, for what is drawn within the steps


@runtime_checkable
class Near(Protocol):
    """A `Model` that reads x only where something changes and `reads` latents around: nothing else need be computed."""

    reads: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spot:
    """One region of one picture at a stage: pixels (h, w, 3) in [0, 255], change (h, w) in [0, 1], known (h, w)."""

    pixels: Picture
    change: Change
    known: Known
    run: Run


def sample(prepared: Prepared, model: Model, listener: Listener) -> Picture:
    """All stages of a prepared canvas -> float32 (H, W, 3) in about [0, 255], padding cropped away.

    BadModel for pictures that are not finite; OutOfMemory when even the leanest way does not fit.
    """
    return sample_together([prepared], model, listener)[0]


def sample_together(prepared: Sequence[Prepared], model: Model, listener: Listener) -> list[Picture]:
    """As `sample`, (H, W, 3) each: canvases whose plans are alike, as rows of one batch; each as it comes out alone."""
    with arrays.without_gradients(model):
        return _all_stages(prepared, model, listener)


def _all_stages(prepared: Sequence[Prepared], model: Model, listener: Listener) -> list[Picture]:
    plan = prepared[0].plan
    current = [each.filled.astype(np.float32) for each in prepared]
    if not plan.stages:
        return current
    change = [latent_change(each.change) for each in prepared]
    told = reducing_memory(functools.partial(embed_together, model, prepared), model, listener)
    work = plan.work()
    steps = [each.steps * each.windows for each in work]
    for index, each in enumerate(work):
        heard = PartOf(listener, before=sum(steps[:index]), share=steps[index], total=sum(steps))
        runs = [
            Run(plan=own.plan, model=model, conditioning=conditioning, listener=heard)
            for own, conditioning in zip(prepared, told, strict=True)
        ]
        current = run_stage(current, change, [own.known for own in prepared], index, each, runs)
    return current


def run_stage(
    pixels: Sequence[Picture],
    change: Sequence[Change],
    known: Sequence[Known],
    index: int,
    work: Work,
    runs: Sequence[Run],
) -> list[Picture]:
    """One stage at its own scale; pixels (H, W, 3) in [0, 255] -> the same, repainted where change (H, W) is above 0.

    `pixels` are given away: they may be painted in place, and be the result.
    """
    size, shape, plan = (work.height, work.width), known[0].shape, runs[0].plan
    canvas, smaller = [fit(each, size) for each in pixels], [fit(each, size) for each in change]
    kept = [each if size == shape else fit(each.astype(np.float32), size) > 0.99 for each in known]
    done = np.zeros(size, np.bool_)
    before, total = 0, work.steps * work.windows
    for number, region in enumerate(work.regions):
        cut, share = region.box.cut, work.steps * len(region.windows)
        heard = PartOf(runs[0].listener, before=before, share=share, total=total)
        handed = handed_on(done[cut], plan, work.stage.scale)
        spots = [
            Spot(
                pixels=canvas[row][cut],
                change=np.minimum(smaller[row][cut], handed),
                known=kept[row][cut] | done[cut],
                run=replace(run, listener=heard),
            )
            for row, run in enumerate(runs)
        ]
        painted = painted_together(spots, region, (index, number), work.stage, size)
        if plan.canvas.whole:
            return [carry_up(*each, size) for each in zip(pixels, painted, change, strict=True)]
        for row, spot in enumerate(spots):
            np.copyto(canvas[row][cut], painted[row], where=editable(spot.change)[..., None])
        done[grown(region.box, -margin(plan.canvas.window), size).cut] = True
        before += share
    if size == shape:
        return canvas
    return [carry_up_by_parts(*each, plan) for each in zip(pixels, canvas, change, strict=True)]


def handed_on(done: Known, plan: Plan, scale: float) -> Change:
    """How much a region may change of what those before it painted, (H, W) in [0, 1]: softly less and then nothing."""
    if not done.any():
        return np.ones(done.shape, np.float32)
    return latent_change(change_map(done, round(plan.overlap * scale), round(plan.feather * scale)))


def painted_together(
    spots: Sequence[Spot], region: Region, at: tuple[int, int], stage: Stage, size: tuple[int, int]
) -> list[Picture]:
    """`paint_spots`, (h, w, 3) each; where memory is short for all at once, one by one, as lean as need be."""
    model, listener = spots[0].run.model, spots[0].run.listener
    if len(spots) > 1:
        try:
            return paint_spots(spots, region, at, stage, canvas=size)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        listener.note(f"out of memory: {len(spots)} pictures one after the other, no longer together")
    paint = functools.partial(paint_spots, region=region, at=at, stage=stage, canvas=size)
    return [reducing_memory(functools.partial(paint, [each]), model, listener)[0] for each in spots]


def paint_region(
    pixels: Picture, change: Change, known: Known, region: Region, at: tuple[int, int], stage: Stage, run: Run
) -> Picture:
    """One region (h, w, 3) of a stage, change and known (h, w); `at`: number of the stage and of the region in it."""
    return paint_spots([Spot(pixels=pixels, change=change, known=known, run=run)], region, at, stage)[0]


def paint_spots(
    spots: Sequence[Spot],
    region: Region,
    at: tuple[int, int],
    stage: Stage,
    *,
    canvas: tuple[int, int] | None = None,
) -> list[Picture]:
    """One region of a stage, (h, w, 3) of each picture, its windows and all rows together; `at` as `paint_region`.

    `canvas`: the stage's, height and width, where the region is a part of it.
    """
    plan, model = spots[0].run.plan, spots[0].run.model
    windows = [moved(each, region.box) for each in region.windows]
    parts = make_parts(windows, model.factor, 2 * margin(plan.canvas.window))
    seeds = [each.run.plan.seed + STAGE_SEEDS * at[0] + REGION_SEEDS * at[1] for each in spots]
    box = region.box if canvas else None
    scenes = [scene_of(each, parts, stage=at[0], box=box, canvas=canvas) for each in spots]
    whole, changing = (arrays.joined([getattr(each, name) for each in scenes]) for name in ("z0", "change"))
    part = read_part(model, changing) if len(parts) == 1 else None
    cut = ... if part is None else (..., *part.cut)
    scenes, z0, changing = [replace(each, part=part) for each in scenes], arrays.contiguous(whole[cut]), changing[cut]
    noise, generators = draw_noise(seeds, z0.shape[1:], z0)
    sampler = sampler_of(plan, stage, model, generators)
    denoise = predict(model, [replace(each, timesteps=steps_of(sampler)) for each in scenes], parts)
    blend = Blend.CONTINUOUS if len(sampler.timesteps) <= FEW_STEPS else Blend.HARD
    x = diffdiff(
        denoise,
        sampler,
        z0,
        arrays.like(z0, noise),
        changing,
        blend=blend,
        settle=harmony(plan, denoise, sampler, z0, seeds),
        on_step=functools.partial(_watch, spots[0].run, sampler, whole, cut),
    )
    whole[cut] = restore(x, z0, changing)
    rows = zip(arrays.split(whole), spots, strict=True)
    return [decode_parts(z, each.pixels, each.change, windows, parts, each.run) for z, each in rows]


def read_part(model: Model, change: Tensor) -> Box | None:
    """What a model reads that sees only what lies around a change, float32 (B, 1, h, w); None: all of the latents."""
    if not isinstance(model, Near):
        return None
    free = arrays.in_numpy(change).max((0, 1)) > 0
    rows, columns = np.flatnonzero(free.any(1)), np.flatnonzero(free.any(0))
    if not rows.size:
        return None
    box = Box(top=int(rows[0]), left=int(columns[0]), bottom=int(rows[-1]) + 1, right=int(columns[-1]) + 1)
    return grown(box, model.reads, (free.shape[0], free.shape[1]))


def scene_of(
    spot: Spot, parts: Sequence[Part], *, stage: int, box: Box | None, canvas: tuple[int, int] | None
) -> Scene:
    """What a denoiser is told of a region, but for the timesteps."""
    plan, model = spot.run.plan, spot.run.model
    filled = to_latents(spot.pixels, model)
    z0 = encode(model, filled, parts)
    return Scene(
        z0=z0,
        change=latent_map(spot.change, z0, model, plan.method),
        known=pad_edge(spot.known, model.factor),
        filled=filled,
        conditioning=spot.run.conditioning,
        guidance=plan.guidance,
        guidance_rescale=plan.guidance_rescale,
        guidance_steps=plan.guidance_steps,
        told_size=plan.told_size,
        stage=stage,
        seed=plan.seed,
        box=box,
        canvas=canvas,
    )


def sampler_of(plan: Plan, stage: Stage, model: Model, generators: Sequence[Any]) -> TableSampler:
    """The plan's sampler for one run of a stage; a generator for each row."""
    return make_sampler(
        plan.sampler.value,
        model.schedule,
        steps=stage.steps,
        strength=stage.strength,
        generators=generators,
        trailing=plan.trailing,
    )


def steps_of(sampler: TableSampler) -> tuple[float, ...]:
    """The timestep of each step, whose second call has the next one's."""
    return sampler.timesteps[:: sampler.calls]


def harmony(plan: Plan, predict: Predict, sampler: TableSampler, z0: Tensor, seeds: Sequence[int]) -> Harmony | None:
    """What the plan has the loop do within its steps; None: nothing. z0 float32 (B, C, h, w), a seed a row."""
    if not plan.resample and not plan.think:
        return None
    generators = arrays.generators([seed + HARMONY_SEEDS for seed in seeds], z0)
    return Harmony(
        predict=predict, sampler=sampler, z0=z0, generators=generators, resample=plan.resample, think=plan.think
    )


def latent_map(change: Change, z0: Tensor, model: Model, method: Method) -> Tensor:
    """change (h, w) in [0, 1] -> float32 (1, 1, h', w') as z0 has it; classic: 0 or 1, as its first pixel is."""
    given = arrays.resized(to_change(change, model), z0.shape[-2:], nearest=method is Method.CLASSIC)
    if method is Method.CLASSIC:
        given = arrays.as_share(given >= 0.5, given)
    levels: Tensor = arrays.like(z0, given)
    return levels


def _watch(run: Run, sampler: TableSampler, whole: Tensor, cut: Any, done: int, total: int) -> None:
    """Tell of a step, and offer a look at what the model takes the clean latents for."""
    run.listener.step(done, total)
    run.listener.preview(functools.partial(_look, run.model.preview, sampler, whole, cut))


def _look(preview: Callable[[Tensor], Tensor], sampler: TableSampler, whole: Tensor, cut: Any) -> Pixels:
    shown: Tensor = arrays.zeros(whole[:1].shape, whole)
    shown[...] = whole[:1]
    shown[cut] = sampler.clean()[:1]
    return to_levels(preview(shown))
