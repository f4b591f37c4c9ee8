"""Resampling and thinking: nearer to the true conditional the more there is of it, and nothing else moved by it."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import mixture
import numpy as np
import pytest
import torch
from making import full, planned
from marking import slow
from running import Run, photo
from toymodel import TOY_PROFILE, ToyModel

from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.errors import BadRequest
from softextend.extend import extend
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.options import Spec
from softextend.plan.effort import denoiser_calls
from softextend.plan.grammar import parse_sides
from softextend.plan.plan import check_spec
from softextend.sampling import stages
from softextend.sampling.harmony import HOLD, Harmony
from softextend.sampling.samplers import make_sampler
from softextend.types import Predict, SamplerName, Scene

KNOWN = (-1.2, -0.6, 0.1, 0.8)  # values of the known pixel, over all components of the mixture
ROWS = 600  # of each: their draw alone puts two samples 0.03 apart, mean over KNOWN (see the first test)
CLEAR = 0.04  # a difference of distances that no draw of so many rows makes
ASKED: dict[str, Any] = {"sides": parse_sides("0 24 0 8"), "seed": 5}


@cache
def apart(sampler: str, resample: int = 0, think: int = 0) -> float:
    """Mean distance of what is painted beside each known pixel from the true conditional."""
    pairs = [
        (mixture.painted(known, ROWS, sampler, resample=resample, think=think), mixture.conditional(known, ROWS, 1))
        for known in KNOWN
    ]
    return sum(mixture.distance(*pair) for pair in pairs) / len(pairs)


def test_two_samples_of_the_truth_lie_near() -> None:
    found = [
        sum(mixture.distance(mixture.conditional(y, ROWS, seed), mixture.conditional(y, ROWS, 1)) for y in KNOWN) / 4
        for seed in range(2, 10)
    ]
    assert max(found) < CLEAR


@pytest.mark.parametrize("sampler", ["euler", *map(slow, ("dpmpp-2m", "lcm", "heun"))])
def test_more_resampling_comes_nearer(sampler: str) -> None:
    """With bounds that chance does not reach: from 0.38-0.52 to 0.27-0.33 by four times."""
    assert apart(sampler, resample=4) < apart(sampler, resample=1) < apart(sampler)
    assert apart(sampler, resample=4) < apart(sampler) - 2 * CLEAR


@pytest.mark.parametrize("sampler", ["euler", *map(slow, ("dpmpp-2m", "lcm", "heun"))])
def test_more_thinking_comes_nearer(sampler: str) -> None:
    """From 0.38-0.52 to 0.15-0.18 by four moves."""
    assert apart(sampler, think=4) < apart(sampler, think=1) - CLEAR < apart(sampler) - 3 * CLEAR
    assert apart(sampler, think=4) < apart(sampler, resample=4) - CLEAR


def test_both_together_come_nearer_than_one() -> None:
    assert apart("euler", resample=2, think=2) < apart("euler", resample=2) - CLEAR


# --- with graded maps ------------------------------------------------------------------------------------------------


class Watched:
    """A denoiser that remembers what it met."""

    def __init__(self) -> None:
        self.met: list[tuple[torch.Tensor, float, torch.Tensor]] = []

    def __call__(self, x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
        self.met.append((x, t, keep))
        return torch.tanh(x) * 0.3


@pytest.mark.parametrize("blend", list(Blend))
@pytest.mark.parametrize(("resample", "think"), [(3, 0), (0, 3), (2, 2)])
def test_what_is_not_yet_free_is_the_noised_original_at_every_call(blend: Blend, resample: int, think: int) -> None:
    """With resampling its noise is pure and as strong as the level; thinking may draw it nearer to the original."""
    change = torch.linspace(0, 1, 9).repeat_interleave(32).expand(1, 1, 128, 288)
    z0 = torch.randn(1, 2, 128, 288, generator=torch.Generator().manual_seed(1)) * 0.5
    noise, _ = draw_noise([2], z0.shape[1:])
    sampler = make_sampler("euler", STABLE_DIFFUSION, steps=8, strength=1.0)
    watched = Watched()
    settle = mixture.harmonised(watched, sampler, z0, resample, think)
    x = diffdiff(watched, sampler, z0, noise, change, blend=blend, settle=settle)
    calls = 1 + resample + think
    assert len(watched.met) == 8 * calls
    for step, level in enumerate(sampler.levels):
        for scaled, _, keep in watched.met[step * calls : (step + 1) * calls]:
            assert torch.equal(keep, watched.met[step * calls][2]), "within a step nothing is freed"
            kept = keep[0, 0] == 1
            assert kept.any()
            left = ((scaled * level.scale - level.signal * z0) / level.noise)[..., kept]
            near = 8 / left.numel() ** 0.5  # eight standard errors, for one independent number a latent
            assert abs(float(left.mean())) < near
            least = 1 / math.sqrt(1 + HOLD) if think else 1.0  # as narrow as HOLD alone would have it
            assert least - near < float(left.std()) < 1 + near
    kept = restore(x, z0, change)[..., :32]
    assert torch.equal(kept, z0[..., :32]), "where nothing may change, nothing does"


# --- what it costs, and that it can be left out ----------------------------------------------------------------------


class Counting(ToyModel):
    """A toy that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, scene: Scene) -> Predict:
        denoise = super().predict(scene)

        def counted(x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return denoise(x, t, keep)

        return counted


@pytest.mark.parametrize("sampler", [each for each in SamplerName if each is not SamplerName.UNIPC])
@pytest.mark.parametrize(("resample", "think"), [(0, 0), (2, 0), (0, 3), (1, 2)])
def test_the_plan_counts_the_calls(sampler: SamplerName, resample: int, think: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    asked = Spec.of(**ASKED, sampler=sampler, resample=resample, think=think)
    input, plan = planned(pixels, full(pixels), asked, TOY_PROFILE)
    model = Counting()
    extend(input, plan, model)
    once = 2 * 4 - 1 if sampler is SamplerName.HEUN else 4  # of five steps at strength 0.8
    assert model.calls == denoiser_calls(plan) == once + 4 * (resample + think)


def test_without_both_the_loop_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn and nothing is asked: an empty harmony gives the bits of none."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    input, plan = planned(pixels, full(pixels), Spec.of(**ASKED, sampler=SamplerName.EULER_A), TOY_PROFILE)
    plain = extend(input, plan, ToyModel())
    made: list[Harmony] = []

    def empty(plan: Any, predict: Any, sampler: Any, z0: Any, seeds: Any) -> Harmony:
        made.append(mixture.harmonised(predict, sampler, z0, 0, 0))
        return made[-1]

    assert stages.harmony(plan, ToyModel().predict, None, None, ()) is None  # type: ignore[arg-type]
    monkeypatch.setattr(stages, "harmony", empty)
    assert extend(input, plan, ToyModel()).raw.tobytes() == plain.raw.tobytes()
    assert made


@pytest.mark.parametrize("name", ["resample", "think"])
def test_a_sampler_that_takes_it_back_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match=f"--{name}: the sampler unipc .* use another --sampler"):
        check_spec(Spec.of(seed=1, sampler=SamplerName.UNIPC, **{name: 1}), TOY_PROFILE)


def test_the_recipe_knows_it(run: Run) -> None:
    photo("a.png")
    words = "--all 8 --seed 5 --resample 1 --think 2"
    assert run("extend", "a.png", *words.split(), "-o", "b.png").code == 0
    assert run("redo", "b.png", "-o", "c.png").code == 0
    assert run("extend", "a.png", "--all", 8, "--seed", 5, "-o", "d.png").code == 0
    first, again, without = (Path(name).read_bytes() for name in ("b.png", "c.png", "d.png"))
    assert first == again != without
