"""The sampling of one picture: its stages from coarse to fine, each encode, differential diffusion, decode."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from softextend.canvas import Plan, Prepared, Work
from softextend.colour import match_colour
from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.errors import BadModel, OutOfMemory
from softextend.geometry import padding
from softextend.joint import Part, encode, make_parts, predict, weight
from softextend.mask import change_map, latent_levels
from softextend.solvers import make_solver
from softextend.types import Box, Model, OnNote, OnStep, Scene, Spec, Stage
from softextend.windows import Region, grown, margin, moved, scaled, tiles

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Known

    Picture = npt.NDArray[np.float32]  # (H, W, 3) in about [0, 255]

FEW_STEPS = 12  # at most this many steps blend continuously, so that a ramp keeps its levels
STAGE_SEEDS = 7919  # apart, so that stages of one run and runs of neighbouring seeds share no noise
REGION_SEEDS = 15_485_863  # apart, for the regions of one stage
AROUND = 4  # px of the small picture that enlarging a part of it reads around the part

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """What all regions of one pass share."""

    plan: Plan
    model: Model
    embedding: Any
    on_note: OnNote


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


def lightening(work: Callable[[], T], model: Model, on_note: OnNote) -> T:
    """Do the work; when memory runs out, at the model's next lighter way of running, until there is none."""
    while True:
        try:
            return work()
        except RuntimeError as error:
            if not _short_of_memory(error):
                raise
        lighter = model.lighten()  # outside the handler, whose traceback still holds what did not fit
        if lighter is None:
            raise OutOfMemory(
                f"{model.name} ran out of memory at its leanest setting: use a smaller picture, smaller --sides, "
                "or --device cpu"
            )
        on_note(lighter)


def _short_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it; Metal and the CPU's allocator only say so in words."""
    words = str(error).lower()
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in words or "allocate memory" in words


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


def decode_parts(
    z: Tensor, pixels: Picture, amount: Change, windows: Sequence[Box], parts: Sequence[Part], run: Run
) -> Picture:
    """Latents -> (H, W, 3), window by window, each matched to the colours that it was given; 0 where no window is."""
    if len(parts) == 1:
        return finished(decode(run.model, z, run.on_note), pixels, amount, run.plan)
    painted, total = np.zeros_like(pixels), np.full(amount.shape, 1e-12, np.float32)
    ramp = 2 * margin(run.plan.window)
    for box, part in zip(windows, parts, strict=True):
        decoded = decode(run.model, part.of(z), run.on_note)
        share = weight(box.height, box.width, ramp).numpy()
        painted[box.cut] += share[..., None] * finished(decoded, pixels[box.cut], amount[box.cut], run.plan)
        total[box.cut] += share
    painted /= total[..., None]
    return painted


def finished(decoded: Tensor, pixels: Picture, amount: Change, plan: Plan) -> Picture:
    """Decoded pixels without padding, with the decoder's colour error taken off."""
    painted = to_picture(decoded[..., : amount.shape[0], : amount.shape[1]])
    return match_colour(painted, pixels, amount) if plan.color_match else painted


def decode(model: Model, z: Tensor, on_note: OnNote) -> Tensor:
    """Latents -> finite float32 pixels (B, 3, H, W); a decoder that overflows is tried once more in float32."""
    if not torch.isfinite(z).all():
        raise BadModel(
            f"{model.name} returned latents that are not numbers: the checkpoint is damaged or --dtype too narrow; "
            "try --dtype float32"
        )
    pixels = model.decode(z)
    if not torch.isfinite(pixels).all():
        on_note("the VAE overflowed: decoded once more in float32")
        pixels = model.decode(z, exact=True)
    if not torch.isfinite(pixels).all():
        raise BadModel(
            f"the VAE of {model.name} decodes to pixels that are not numbers, even in float32: name one by --vae FILE"
        )
    return pixels


def carry_up(pixels: Picture, painted: Picture, amount: Change, small: tuple[int, int]) -> Picture:
    """A stage's picture at full size: painted wherever something may change, the given pixels elsewhere."""
    height, width = amount.shape
    if small != (height, width):
        painted = np.asarray(cv2.resize(painted, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.where((amount > 0)[..., None], painted, pixels)


def carry_up_by_parts(pixels: Picture, painted: Picture, amount: Change, plan: Plan) -> None:
    """As `carry_up`, in place, and enlarging no more than what may change."""
    full, small = amount.shape, painted.shape[:2]
    for tile in tiles(plan.new, plan.reach + 1, full):
        near = grown(scaled(tile, full, small), AROUND, small)
        y, x = small[0] / full[0], small[1] / full[1]
        shift = [(tile.left + 0.5) * x - 0.5 - near.left, (tile.top + 0.5) * y - 0.5 - near.top]
        large = cv2.warpAffine(
            np.ascontiguousarray(painted[near.cut]),
            np.array([[x, 0, shift[0]], [0, y, shift[1]]]),
            (tile.width, tile.height),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        np.copyto(pixels[tile.cut], large, where=(amount[tile.cut] > 0)[..., None])


def fit(array: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(H, W) or (H, W, 3) averaged down to size (h, w)."""
    if array.shape[:2] == size:
        return array
    return np.asarray(cv2.resize(array, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32)


def pad_edge(array: npt.NDArray[Any], multiple: int) -> npt.NDArray[Any]:
    """Repeat the last row and column until both sizes are multiples."""
    bottom, right = padding(array.shape[0], multiple), padding(array.shape[1], multiple)
    if not bottom and not right:
        return array
    return np.pad(array, ((0, bottom), (0, right)) + ((0, 0),) * (array.ndim - 2), mode="edge")


def to_picture(pixels: Tensor) -> Picture:
    """(1, 3, H, W) in [-1, 1] -> (H, W, 3) in [0, 255]."""
    return np.asarray((pixels[0].float().cpu().permute(1, 2, 0).numpy() + 1) * 127.5, np.float32)


def to_tensor(pixels: Picture, multiple: int) -> Tensor:
    """(H, W, 3) in [0, 255] -> (1, 3, H', W') in [-1, 1], padded to multiples."""
    return torch.from_numpy(pad_edge(pixels, multiple)).permute(2, 0, 1)[None].div(127.5).sub(1)


def to_levels(amount: Change, multiple: int) -> Tensor:
    """(H, W) in [0, 1] -> (1, 1, H', W'), padded to multiples."""
    return torch.from_numpy(np.ascontiguousarray(pad_edge(amount, multiple)))[None, None]
