"""The sampling of one picture: its stages from coarse to fine, each encode, differential diffusion, decode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from softextend.canvas import Plan, Prepared
from softextend.colour import match_colour
from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.errors import BadModel, OutOfMemory
from softextend.geometry import padding, running_steps
from softextend.mask import latent_levels
from softextend.solvers import make_solver
from softextend.types import Model, OnNote, OnStep, Scene, Spec

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Known

    Picture = npt.NDArray[np.float32]  # (H, W, 3) in about [0, 255]

FEW_STEPS = 12  # at most this many steps blend continuously, so that a ramp keeps its levels
STAGE_SEEDS = 7919  # apart, so that stages of one run and runs of neighbouring seeds share no noise

T = TypeVar("T")


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
    steps = [running_steps(stage.steps, stage.strength) for stage in plan.stages]
    for index in range(len(plan.stages)):
        progress = functools.partial(_progress, on_step, sum(steps[:index]), steps[index], sum(steps))
        stage = functools.partial(
            run_stage, current, amount, prepared.known, plan, index, embedding, model, progress, on_note
        )
        current = lightening(stage, model, on_note)
    return current


def _progress(on_step: OnStep, before: int, planned: int, total: int, done: int, timesteps: int) -> None:
    """Second-order samplers have more timesteps than steps: count the planned ones."""
    on_step(before + planned * done // timesteps, total)


def lightening(work: Callable[[], T], model: Model, on_note: OnNote) -> T:
    """Do the work; when memory runs out, at the model's next lighter way of running, until there is none."""
    while True:
        try:
            return work()
        except torch.cuda.OutOfMemoryError:
            lighter = model.lighten()
        if lighter is None:
            raise OutOfMemory(
                f"{model.name} ran out of memory at its leanest setting: use a smaller picture, smaller --sides, "
                "or --device cpu"
            )
        on_note(lighter)


def run_stage(
    pixels: Picture,
    amount: Change,
    known: Known,
    plan: Plan,
    index: int,
    embedding: Any,
    model: Model,
    on_step: OnStep,
    on_note: OnNote,
) -> Picture:
    """One stage at its own scale; pixels (H, W, 3) in [0, 255] -> the same, repainted where amount is above 0."""
    stage = plan.stages[index]
    height, width = known.shape
    small = max(1, round(height * stage.scale)), max(1, round(width * stage.scale))
    canvas = to_tensor(fit(pixels, small), model.factor)
    z0 = model.encode(canvas)
    levels = F.interpolate(to_levels(fit(amount, small), model.factor), z0.shape[-2:], mode="bilinear").to(z0.device)
    noise, generators = draw_noise([plan.seed + STAGE_SEEDS * index], z0.shape[1:])
    solver = make_solver(
        plan.solver, steps=stage.steps, strength=stage.strength, generators=generators, trailing=plan.trailing
    )
    scene = Scene(
        z0=z0,
        change=levels,
        known=pad_edge(fit(known.astype(np.float32), small) > 0.99, model.factor),
        embedding=embedding,
        guidance=plan.guidance,
        stage=index,
        seed=plan.seed,
    )
    blend = Blend.CONTINUOUS if len(solver.timesteps) <= FEW_STEPS else Blend.HARD
    x = diffdiff(model.predict(scene), solver, z0, noise.to(z0.device), levels, blend=blend, on_step=on_step)
    painted = to_picture(decode(model, restore(x, z0, levels), on_note)[..., : small[0], : small[1]])
    if plan.color_match:
        painted = match_colour(painted, fit(pixels, small), fit(amount, small))
    return carry_up(pixels, painted, amount, small)


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
