"""Every sampler against diffusers' scheduler of it: the same latents, whatever the model predicts."""

from __future__ import annotations

from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from reference import (
    CLASSES,
    DRAWING,
    PREDICTIONS,
    SDXL,
    apart,
    generators,
    latents,
    run,
    run_scheduler,
    running,
    schedule_of,
    scheduler_of,
)
from tolerances import rounding
from torch import Tensor

from softextend.sampling import noise_levels, updates
from softextend.sampling.samplers import SAMPLERS, TableSampler, make_sampler
from softextend.sampling.schedule import EdmSchedule, FlowSchedule, Prediction

RUNS = running((1, 2, 4, 12, 30), (1.0, 0.6, 0.3))
RUN = rounding("float32", terms=400)  # of the largest value: some ten roundings a step
LIMIT = dict.fromkeys(CLASSES, RUN) | {"deis": 5 * RUN}  # DEIS takes 15 x from 15 eps in a long step: digits cancel
ROUNDED = 1e-4  # where the schedule is rescaled in float32: a digit of abar at t = 0 is 4e-5 of the least sigma
SPACINGS = ("leading", "trailing", "linspace")
KARRAS = {"euler": True, "heun": True, "unipc": True, "deis": True, "dpmpp-2m": False, "dpmpp-2m-sde": False}

CASES = [
    (name, spacing, prediction)
    for name in SAMPLERS
    for spacing in (SPACINGS if name not in ("lcm", "tcd") else SPACINGS[:1])  # these have timesteps of their own
    for prediction in PREDICTIONS
    if (name, prediction) != ("euler-a", "sample")  # diffusers has not implemented it
]


def test_every_sampler_has_its_reference() -> None:
    assert CLASSES.keys() == SAMPLERS.keys()


def limit_of(name: str, sampler: TableSampler) -> float:
    """x as large as its noise is rounded as coarsely, and so is the clean picture in it."""
    return max(LIMIT[name], rounding("float32", size=sampler.levels[0].noise, terms=4))


def check(name: str, config: dict[str, Any], karras: bool | None = None, limit: float = 0.0) -> None:
    """All RUNS of a sampler; what diffusers' class is told lies in `config`."""
    schedule = schedule_of({**SDXL, **config})
    for steps, strength in RUNS:
        scheduler = scheduler_of(name, steps, config)
        seed = 3 if name in DRAWING else None
        theirs = run_scheduler(scheduler, strength, seed=seed)
        ours = make_sampler(name, schedule, steps=steps, strength=strength, generators=generators(3), karras=karras)
        told = scheduler.timesteps[-len(ours.timesteps) :].double()
        assert np.allclose(ours.timesteps, told, rtol=0, atol=1e-3), (steps, strength)
        assert apart(run(ours, latents(1), latents(2)), theirs) < max(limit, limit_of(name, ours)), (steps, strength)


@pytest.mark.parametrize(("name", "spacing", "prediction"), CASES)
def test_a_run_is_that_of_diffusers(name: str, spacing: str, prediction: str) -> None:
    check(name, {"timestep_spacing": spacing, "prediction_type": prediction})


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("name", KARRAS)
def test_karras_levels_are_those_of_diffusers(name: str, prediction: str) -> None:
    """What is no habit of the sampler, on demand."""
    check(name, {"use_karras_sigmas": KARRAS[name], "prediction_type": prediction}, karras=KARRAS[name])


@pytest.mark.parametrize("name", ["euler", "euler-a", "dpmpp-2m", "dpmpp-2m-sde", "unipc"])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_a_schedule_of_zero_snr_is_that_of_diffusers(name: str, spacing: str) -> None:
    config = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": spacing}
    check(name, config, limit=ROUNDED)


@pytest.mark.parametrize("name", ["ddim", "lcm", "tcd"])
def test_zero_snr_on_trained_timesteps(name: str) -> None:
    """diffusers leaves these without any signal at the last timestep; ours have next to none."""
    config = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
    schedule = schedule_of({**SDXL, **config})
    for steps, strength in RUNS:
        scheduler = scheduler_of(name, steps, config)
        scheduler.alphas_cumprod[-1] = 2.0**-24
        theirs = run_scheduler(scheduler, strength, seed=3 if name in DRAWING else None)
        ours = make_sampler(name, schedule, steps=steps, strength=strength, generators=generators(3))
        assert apart(run(ours, latents(1), latents(2)), theirs) < ROUNDED, (steps, strength)


@pytest.mark.parametrize("beta_schedule", ["linear", "scaled_linear"])
def test_another_models_betas(beta_schedule: str) -> None:
    check("ddim", {"beta_schedule": beta_schedule, "beta_start": 1e-4, "beta_end": 2e-2, "steps_offset": 0})


@pytest.mark.parametrize("name", ["lcm", "tcd"])
@pytest.mark.parametrize("steps", [52, 66])
def test_more_steps_than_a_model_was_distilled_from(name: str, steps: int) -> None:
    scheduler = scheduler_of(name, steps, {"original_inference_steps": steps})
    theirs = run_scheduler(scheduler, 1.0, seed=3)
    ours = make_sampler(name, schedule_of(SDXL), steps=steps, strength=1.0, generators=generators(3))
    assert ours.timesteps == tuple(scheduler.timesteps.tolist())
    assert apart(run(ours, latents(1), latents(2)), theirs) < LIMIT[name]


def test_the_boundary_condition_of_lcm() -> None:
    scheduler = scheduler_of("lcm", 50, {})
    rows = updates.lcm_rows(noise_levels.lcm(schedule_of(SDXL), 50, False))
    for row, t in zip(rows, scheduler.timesteps, strict=True):
        theirs = [float(each) for each in scheduler.get_scalings_for_boundary_condition_discrete(t)]
        assert [row.skip, row.out] == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("steps", [14, 15])
def test_a_short_run_of_deis_ends_in_first_order(steps: int) -> None:
    ours = run(make_sampler("deis", schedule_of(SDXL), steps=steps, strength=1.0), latents(1), latents(2))
    assert apart(ours, run_scheduler(scheduler_of("deis", steps, {}), 1.0)) < LIMIT["deis"]


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_the_same_levels_give_the_same_bits(name: str) -> None:
    """Same operations in the same order: what differs between us and diffusers is how a root is rounded."""
    scheduler = scheduler_of(name, 9, {})
    sigmas = scheduler.sigmas.double().numpy()
    if name == "heun":
        sigmas = np.append(sigmas[::2], sigmas[-1])
        sigmas = np.concatenate([scheduler.sigmas[:1], scheduler.sigmas[1:-1:2], scheduler.sigmas[-1:]]).astype(float)
    levels = noise_levels.exploding(np.zeros(len(sigmas) - 1), sigmas)
    kind = SAMPLERS[name]
    rows, begins = kind.rows(levels), levels.begins()
    begins = updates.twice(begins) if name == "heun" else begins
    ours = theirs = latents(1)
    past = None
    for i, t in enumerate(scheduler.timesteps):
        scheduler.scale_model_input(theirs, t)
        theirs = scheduler.step(latents(i), t, theirs, return_dict=False)[0]
        output = updates.ModelOutput(Prediction.EPSILON, latents(i), ours, begins[i])
        ours, past = kind.step(rows[i], output, past, lambda x: x)
    assert torch.equal(ours, theirs)


# --- continuous schedules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponential", [False, True])
@pytest.mark.parametrize(("prediction", "data"), [("epsilon", 0.5), ("v_prediction", 1.0)])
@pytest.mark.parametrize("name", ["euler", "dpmpp-2m", "dpmpp-2m-sde"])
def test_edm_is_that_of_diffusers(name: str, prediction: str, data: float, exponential: bool) -> None:
    """Playground predicts F of data of half the spread, CosXL v of data of unit spread."""
    schedule = EdmSchedule(
        sigma_min=0.002,
        sigma_max=80.0,
        sigma_data=data,
        prediction=Prediction.EDM if prediction == "epsilon" else Prediction.V,
        exponential=exponential,
    )
    kind = diffusers.EDMEulerScheduler if name == "euler" else diffusers.EDMDPMSolverMultistepScheduler
    own = {"algorithm_type": "sde-dpmsolver++"} if name == "dpmpp-2m-sde" else {}
    for steps, strength in RUNS[1:]:  # diffusers begins a single exponential step at the least noise
        scheduler = kind(
            sigma_min=0.002,
            sigma_max=80.0,
            sigma_data=data,
            prediction_type=prediction,
            sigma_schedule="exponential" if exponential else "karras",
            **own,
        )
        scheduler.set_timesteps(steps)
        theirs = run_scheduler(scheduler, strength, seed=3 if own else None)
        ours = make_sampler(name, schedule, steps=steps, strength=strength, generators=generators(3))
        assert np.allclose(ours.timesteps, scheduler.timesteps[-len(ours.timesteps) :], atol=1e-5)
        assert apart(run(ours, latents(1), latents(2)), theirs) < limit_of(name, ours), (steps, strength)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_a_flow_is_that_of_diffusers(shift: float) -> None:
    for steps, strength in RUNS:
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
        scheduler.set_timesteps(steps)
        ours = make_sampler("euler", FlowSchedule(train_steps=1000, shift=shift), steps=steps, strength=strength)
        assert np.allclose(ours.timesteps, scheduler.timesteps[-len(ours.timesteps) :], rtol=1e-6)
        theirs = run_scheduler(scheduler, strength)
        assert apart(run(ours, latents(1), latents(2)), theirs) < LIMIT["euler"], (steps, strength)


@pytest.mark.parametrize("name", ["dpmpp-2m", "dpmpp-2m-sde", "unipc"])
def test_multistep_on_a_flow_is_that_of_diffusers(name: str) -> None:
    """diffusers' classes have other levels for a flow than its own flow scheduler; they are given ours."""
    for steps, strength in RUNS:
        ours = make_sampler(
            name, FlowSchedule(train_steps=1000, shift=3.0), steps=steps, strength=1.0, generators=generators(3)
        )
        config = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "use_karras_sigmas": False}
        scheduler = scheduler_of(name, steps, config)
        scheduler.sigmas = torch.tensor([*(level.noise for level in ours.levels), 0.0])
        scheduler.timesteps = torch.tensor(ours.timesteps)
        theirs = run_scheduler(scheduler, strength, seed=3 if name in DRAWING else None)
        ours = make_sampler(
            name, FlowSchedule(train_steps=1000, shift=3.0), steps=steps, strength=strength, generators=generators(3)
        )
        assert apart(run(ours, latents(1), latents(2)), theirs) < RUN, (steps, strength)


# --- what a denoiser predicts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_a_model_predicts_makes_no_difference(name: str) -> None:
    """One denoiser, its knowledge told as noise, as v or as the clean latents: the same picture."""
    found = []
    for prediction in (Prediction.EPSILON, Prediction.V, Prediction.SAMPLE):
        schedule = schedule_of({**SDXL, "prediction_type": next(k for k, v in PREDICTIONS.items() if v is prediction)})
        sampler = make_sampler(name, schedule, steps=10, strength=0.8, generators=generators(3))
        x = sampler.noised(latents(1), latents(2), 0)
        for i, level in enumerate(sampler.levels):
            unit = (level.signal**2 + level.noise**2) ** 0.5
            x = sampler.step(told(x / unit, level.noise / level.signal, prediction), i, x)
        found.append(x)
    for x in found[1:]:
        assert apart(x, found[0]) < LIMIT[name]


def told(x: Tensor, sigma: float, prediction: Prediction) -> Tensor:
    """x of unit variance at exactly this level."""
    signal, noise = (1 + sigma**2) ** -0.5, sigma * (1 + sigma**2) ** -0.5
    eps = (torch.tanh(x) * 0.8 + 0.2 * x).double()
    clean = (x.double() - noise * eps) / signal
    kinds = {Prediction.EPSILON: eps, Prediction.SAMPLE: clean, Prediction.V: signal * eps - noise * clean}
    return kinds[prediction].float()
