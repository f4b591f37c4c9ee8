"""What holds for every sampler whatever it is compared with: levels, clean ends, batches, errors, no heavy imports."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from reference import DRAWING, SDXL, SHAPE, apart, generators, latents, run, schedule_of, toy
from tolerances import rounding
from torch import Tensor

from softextend.errors import BadRequest
from softextend.sampling.samplers import SAMPLERS, TableSampler, make_sampler
from softextend.sampling.schedule import AnySchedule, EdmSchedule, FlowSchedule, Prediction, alphas_cumprod
from softextend.types import SamplerName

SCHEDULE = schedule_of(SDXL)
EDM = EdmSchedule(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5, prediction=Prediction.EDM)
FLOW = FlowSchedule(train_steps=1000, shift=3.0)
TO_CLEAN = ("euler", "euler-a", "heun", "dpmpp-2m", "dpmpp-2m-sde", "unipc", "lcm")
PAIRS = [
    (name, schedule)
    for name, kind in SAMPLERS.items()
    for schedule in (SCHEDULE, EDM, FLOW)
    if isinstance(schedule, (type(SCHEDULE), *kind.continuous))
]


def sampler_of(name: str, schedule: AnySchedule = SCHEDULE, **more: Any) -> TableSampler:
    return make_sampler(name, schedule, **{"steps": 12, "strength": 1.0, "generators": generators(2), **more})


def ratio(sampler: TableSampler) -> list[float]:
    """Noise over signal of each step, as `noised` has it."""
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    return [float(sampler.noised(zero, one, i) / sampler.noised(one, zero, i)) for i in range(len(sampler.timesteps))]


@pytest.mark.parametrize(("name", "schedule"), PAIRS)
@pytest.mark.parametrize("strength", [1.0, 0.45])
def test_noise_falls_from_step_to_step(name: str, schedule: AnySchedule, strength: float) -> None:
    sampler = sampler_of(name, schedule, strength=strength)
    noise = ratio(sampler)
    assert noise == sorted(noise, reverse=True)
    assert list(sampler.timesteps) == sorted(sampler.timesteps, reverse=True)
    assert len(set(noise)) == -(-len(noise) // SAMPLERS[name].calls)  # Heun stands twice on all but the first


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_strength_cuts_the_beginning_off(name: str) -> None:
    whole, part = (sampler_of(name, steps=10, strength=strength) for strength in (1.0, 0.34))
    assert len(part.timesteps) == (5 if name == "heun" else 3)
    assert part.timesteps == whole.timesteps[-len(part.timesteps) :]
    assert part.levels == whole.levels[-len(part.timesteps) :]


@pytest.mark.parametrize("name", ["euler", "ddim", "deis", "unipc"])
@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_trailing_steps_land_where_a_distillation_was_trained(name: str, steps: int) -> None:
    sampler = sampler_of(name, steps=steps, trailing=True)
    assert list(sampler.timesteps) == [1000 * (steps - i) // steps - 1 for i in range(steps)]
    cut = sampler_of(name, steps=4, strength=0.85, trailing=True)
    assert list(cut.timesteps) == [749, 499, 249]


@pytest.mark.parametrize(("name", "schedule"), [pair for pair in PAIRS if pair[0] in TO_CLEAN])
@pytest.mark.parametrize("steps", [1, 2, 12])
def test_the_last_step_lands_on_the_clean_latents(name: str, schedule: AnySchedule, steps: int) -> None:
    """Of a denoiser that tells them: exactly what it told last, for LCM but for its boundary condition."""
    target = latents(4)
    sampler = sampler_of(name, schedule, steps=steps)
    x = run(sampler, latents(1), latents(2), Knowing(sampler, target, schedule.prediction))
    loose = sampler.levels[0].noise * 1e-6 + (1e-4 if name == "lcm" else 1e-5)
    assert apart(x, target) < loose


@pytest.mark.parametrize("name", ["deis", "ddim", "tcd"])
def test_others_land_on_the_least_noise_that_was_trained(name: str) -> None:
    target = latents(4)
    sampler = sampler_of(name, steps=12)
    x = run(sampler, latents(1), latents(2), Knowing(sampler, target, Prediction.EPSILON))
    abar = float(alphas_cumprod(SCHEDULE)[0])
    assert float((x - abar**0.5 * target).abs().max()) < 6 * (1 - abar) ** 0.5


class Knowing:
    """A denoiser that knows the clean latents and tells them as its model predicts."""

    def __init__(self, sampler: TableSampler, target: Tensor, prediction: Prediction) -> None:
        self.sampler, self.target, self.prediction = sampler, target, prediction
        self.i = -1

    def __call__(self, x: Tensor, t: float) -> Tensor:
        self.i += 1
        level = self.sampler.levels[self.i]
        x = x * level.scale
        if self.prediction is Prediction.EDM:
            return (self.target - level.skip * x) / level.turn
        eps = (x - level.signal * self.target) / level.noise
        return eps - self.target if self.prediction is Prediction.FLOW else eps


@pytest.mark.parametrize("name", SAMPLERS)
def test_rows_of_a_batch_are_single_runs(name: str) -> None:
    def rows(z0: Tensor, noise: Tensor, *seeds: int) -> Tensor:
        return run(sampler_of(name, steps=9, strength=0.8, generators=generators(*seeds)), z0, noise)

    z0, noise = latents(1, 3), latents(2, 3)
    together = rows(z0, noise, 7, 8, 9)
    bound = rounding("float32", size=float(noise.abs().max()) * sampler_of(name).levels[0].noise, terms=4 * 9)
    for row, seed in enumerate((7, 8, 9)):
        one = slice(row, row + 1)
        assert torch.allclose(together[one], rows(z0[one], noise[one], seed), atol=bound, rtol=0)


@pytest.mark.parametrize("name", DRAWING)
def test_a_seed_is_a_picture(name: str) -> None:
    first, again, other = (
        run(sampler_of(name, generators=generators(seed)), latents(1), latents(2)) for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.01)


@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("given", [None, (1, 2)])
def test_noise_without_a_generator_for_each_row_is_an_error(name: str, given: tuple[int, ...] | None) -> None:
    sampler = sampler_of(name, generators=given and generators(*given))
    with pytest.raises(ValueError, match="1 rows"):
        run(sampler, latents(1), latents(2))


@pytest.mark.parametrize(("name", "schedule"), PAIRS)
def test_numpy_arrays_do_as_well(name: str, schedule: AnySchedule) -> None:
    """The same numbers, and float32 throughout; noise is drawn by NumPy's own generators."""
    draws = name in DRAWING
    sampler = sampler_of(name, schedule, generators=[np.random.default_rng(3)] if draws else None)
    x = sampler.noised(latents(1).numpy(), latents(2).numpy(), 0)
    for i, t in enumerate(sampler.timesteps):
        x = sampler.step(toy(torch.from_numpy(sampler.scaled(x, i)), t).numpy(), i, x)
        assert isinstance(x, np.ndarray)
        assert x.dtype == np.float32
    if not draws:
        theirs = run(sampler_of(name, schedule), latents(1), latents(2))
        assert apart(torch.from_numpy(x), theirs) < rounding("float32", size=1 + sampler.levels[0].noise, terms=400)


@pytest.mark.parametrize("name", ["deis", "ddim", "lcm", "tcd"])
@pytest.mark.parametrize("schedule", [EDM, FLOW])
def test_a_sampler_of_trained_timesteps_refuses_a_continuous_model(name: str, schedule: AnySchedule) -> None:
    with pytest.raises(BadRequest, match=rf"--sampler {name}: .*: use euler, "):
        sampler_of(name, schedule)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"--sampler euler-a: .* rectified flow: use euler, heun, "):
        sampler_of(SamplerName.EULER_A, FLOW)
    with pytest.raises(BadRequest, match="no Karras noise levels"):
        sampler_of("ddim", karras=True)
    with pytest.raises(BadRequest, match="no Karras noise levels"):
        sampler_of("dpmpp-2m", FLOW, karras=True)
    with pytest.raises(BadRequest, match="runs no step: use --steps 4 or more"):
        sampler_of("euler", steps=3, strength=0.3)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in ("deis", "unipc")])
def test_a_thousand_steps_run(name: str) -> None:
    sampler = sampler_of(name, steps=1000, strength=0.02)
    assert torch.isfinite(run(sampler, latents(1), latents(2))).all()


@pytest.mark.parametrize("name", ["deis", "unipc"])
def test_steps_of_no_length_are_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="--steps 1000: too many for this sampler and model: use --steps 500 or fewer"):
        sampler_of(name, steps=1000)
    assert torch.isfinite(run(sampler_of(name, steps=500, strength=0.02), latents(1), latents(2))).all()


@pytest.mark.parametrize("name", ["euler", "ddim", "lcm", "tcd"])
def test_more_steps_than_levels_are_refused(name: str) -> None:
    schedule = schedule_of({**SDXL, "num_train_timesteps": 100})
    assert len(sampler_of(name, schedule, steps=100).timesteps) == 100
    with pytest.raises(BadRequest, match="--steps 101: the model was trained at 100 noise levels"):
        sampler_of(name, schedule, steps=101)


def test_the_samplers_import_neither_torch_nor_diffusers() -> None:
    script = (
        "import json, sys; import numpy as np; import softextend.sampling.samplers as s; "
        "from softextend.sampling.schedule import *; "
        "m = Schedule(betas=Betas.SCALED_LINEAR, beta_start=0.00085, beta_end=0.012, train_steps=1000, "
        "prediction=Prediction.EPSILON, spacing=Spacing.LEADING, offset=1); "
        "[s.make_sampler(n, m, steps=4, strength=1.0).noised(np.ones(3), np.ones(3), 0) for n in s.SAMPLERS]; "
        "print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"torch", "diffusers", "transformers", "scipy"} & set(json.loads(found.stdout))


def test_shapes_other_than_pictures_pass() -> None:
    sampler = sampler_of("dpmpp-2m")
    x = run(sampler, torch.zeros(1, *SHAPE[1:]), torch.ones(1, *SHAPE[1:]))
    assert x.shape == (1, *SHAPE[1:])
