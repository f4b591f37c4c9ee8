"""The samplers as diffusers has them, driven step by step over a toy denoiser, to hold ours against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import diffusers
import torch
from torch import Tensor

from softextend.sampling.samplers import TableSampler
from softextend.sampling.schedule import Betas, Prediction, Schedule, Spacing

SHAPE = (4, 9, 13)
SDXL: dict[str, Any] = {  # arXiv:2307.01952; the released scheduler_config.json
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
PREDICTIONS = {
    "epsilon": Prediction.EPSILON,
    "v_prediction": Prediction.V,
    "sample": Prediction.SAMPLE,
}
CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpmpp-2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpmpp-2m-sde": (
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
    ),
    "unipc": ("UniPCMultistepScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
    "lcm": ("LCMScheduler", {"original_inference_steps": 50}),
    "tcd": ("TCDScheduler", {"original_inference_steps": 50}),
}
DRAWING = ("euler-a", "dpmpp-2m-sde", "lcm", "tcd")


def schedule_of(config: dict[str, Any]) -> Schedule:
    """A diffusers configuration as a schedule."""
    return Schedule(
        betas=Betas(config["beta_schedule"]),
        beta_start=config["beta_start"],
        beta_end=config["beta_end"],
        train_steps=config["num_train_timesteps"],
        prediction=PREDICTIONS[config.get("prediction_type", "epsilon")],
        spacing=Spacing(config["timestep_spacing"]),
        offset=config["steps_offset"],
        zero_snr=config.get("rescale_betas_zero_snr", False),
    )


def latents(seed: int, batch: int = 1) -> Tensor:
    return torch.randn((batch, *SHAPE), generator=torch.Generator().manual_seed(100 + seed))


def toy(x: Tensor, t: float | Tensor) -> Tensor:
    """A denoiser that depends on place and, a little, on time."""
    return torch.tanh(x) * 0.8 + 0.05 * torch.roll(x, 1, -1) + 1e-4 * float(t)


def scheduler_of(name: str, steps: int, config: dict[str, Any]) -> Any:
    """diffusers' scheduler of a sampler, its timesteps set."""
    kind, own = CLASSES[name]
    scheduler = getattr(diffusers, kind).from_config({**SDXL, **own, **config})
    scheduler.set_timesteps(steps)
    return scheduler


def run_scheduler(
    scheduler: Any, strength: float, *, seed: int | None = None, denoise: Callable[..., Tensor] = toy
) -> Tensor:
    """diffusers' scheduler over its last int(steps * strength) steps; `seed` for those that draw."""
    order = int(scheduler.order)
    steps = (len(scheduler.timesteps) + order - 1) // order
    begin = (steps - int(steps * strength)) * order
    timesteps = scheduler.timesteps[begin:]
    noise = getattr(scheduler, "add_noise", None) or (lambda z, n, t: scheduler.scale_noise(z, t, n))
    x = noise(latents(1), latents(2), timesteps[:1])
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    drawing = {} if seed is None else {"generator": torch.Generator().manual_seed(seed)}
    for t in timesteps:
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(denoise(scaled, t), t, x, return_dict=False, **drawing)[0]
    return x


def run(sampler: TableSampler, z0: Tensor, noise: Tensor, denoise: Callable[..., Tensor] = toy) -> Tensor:
    """Our sampler over all its steps."""
    x = sampler.noised(z0, noise, 0)
    for i, t in enumerate(sampler.timesteps):
        x = sampler.step(denoise(sampler.scaled(x, i), t), i, x)
    return x


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def apart(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, over the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


def running(steps: Sequence[int], strengths: Sequence[float]) -> list[tuple[int, float]]:
    """Those of which at least one step runs."""
    return [(n, strength) for n in steps for strength in strengths if int(n * strength) >= 1]
