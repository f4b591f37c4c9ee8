"""The samplers by name, as diffusers' schedulers, and a schedule cut to a strength."""

from __future__ import annotations

import copy
from typing import Any

import diffusers
import torch
from torch import Tensor

from softextend.plan.sizes import running_steps
from softextend.types import SolverName

SCHEDULE = {  # SDXL's training schedule (Podell et al., arXiv:2307.01952; the released scheduler_config.json)
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
SOLVERS: dict[SolverName, tuple[str, dict[str, Any]]] = {
    SolverName.EULER: ("EulerDiscreteScheduler", {}),
    SolverName.EULER_A: ("EulerAncestralDiscreteScheduler", {}),
    SolverName.DDIM: ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
    SolverName.DPMPP_2M: ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    SolverName.DPMPP_2M_SDE: (
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
    ),
    SolverName.DEIS: ("DEISMultistepScheduler", {}),
    SolverName.UNIPC: ("UniPCMultistepScheduler", {}),
    SolverName.HEUN: ("HeunDiscreteScheduler", {}),
    SolverName.LCM: ("LCMScheduler", {"original_inference_steps": 50}),
}
TAKES_GENERATOR = (SolverName.EULER_A, SolverName.DPMPP_2M_SDE, SolverName.LCM)


class Solver:
    """One run of a scheduler: made for one schedule, used once, never shared."""

    def __init__(self, scheduler: Any, timesteps: Tensor, begin: int, generators: list[torch.Generator] | None = None):
        self.timesteps = timesteps
        self._levels = [_level(scheduler, t) for t in timesteps]  # before a begin index makes them all alike
        self._scheduler = copy.deepcopy(scheduler)
        if hasattr(self._scheduler, "set_begin_index"):
            self._scheduler.set_begin_index(begin)
        self._extra = {} if generators is None else {"generator": generators}

    def scaled(self, x: Tensor, i: int) -> Tensor:
        """x: (B, C, h, w) -> what the denoiser expects at step i."""
        scaled: Tensor = self._scheduler.scale_model_input(x, self.timesteps[i])
        return scaled

    def noised(self, z0: Tensor, noise: Tensor, i: int) -> Tensor:
        """z0, noise: (B, C, h, w) -> signal * z0 + sigma * noise at step i's level."""
        signal, sigma = self._levels[i]
        return signal * z0 + sigma * noise

    def step(self, eps: Tensor, i: int, x: Tensor) -> Tensor:
        """eps, x: (B, C, h, w) -> the latents of the next step."""
        moved: Tensor = self._scheduler.step(eps, self.timesteps[i], x, return_dict=False, **self._extra)[0]
        return moved


def _level(scheduler: Any, t: Tensor) -> tuple[float, float]:
    """Signal and noise of add_noise at t, read off by noising one and zero."""
    one, zero, at = torch.ones(1, 1), torch.zeros(1, 1), t.reshape(1)
    return float(scheduler.add_noise(one, zero, at)), float(scheduler.add_noise(zero, one, at))


def cut(scheduler: Any, steps: int, strength: float) -> tuple[Tensor, int]:
    """The last int(steps * strength) steps of the schedule: their timesteps (2 a step in second order), first index."""
    begin = (steps - min(int(steps * strength), steps)) * int(scheduler.order)
    return scheduler.timesteps[begin:], begin


def make_solver(
    name: SolverName,
    *,
    steps: int,
    strength: float,
    generators: list[torch.Generator] | None = None,
    trailing: bool = False,
) -> Solver:
    """A fresh solver for `steps` in the full schedule and strength in (0, 1]; BadRequest when no step would run."""
    running_steps(steps, strength)
    kind, overrides = SOLVERS[name]
    spacing = {"timestep_spacing": "trailing"} if trailing else {}
    if name is SolverName.LCM:
        overrides = {"original_inference_steps": max(50, steps)}
        spacing = {}
    scheduler = getattr(diffusers, kind).from_config({**SCHEDULE, **overrides, **spacing})
    scheduler.set_timesteps(steps)
    timesteps, begin = cut(scheduler, steps, strength)
    return Solver(scheduler, timesteps, begin, generators if name in TAKES_GENERATOR else None)
