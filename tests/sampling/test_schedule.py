"""Noise schedules: the levels that diffusers has, timesteps and levels back and forth, numbers that are refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import diffusers
import numpy as np
import pytest
from reference import SDXL, schedule_of

from softextend.errors import BadModel
from softextend.sampling.noise_levels import karras_sigmas, spaced, spaced_between
from softextend.sampling.schedule import (
    EdmSchedule,
    FlowSchedule,
    Prediction,
    Schedule,
    Spacing,
    alphas_cumprod,
    log_sigmas,
    trained_sigmas,
)

BETAS = [("scaled_linear", 0.00085, 0.012), ("linear", 1e-4, 2e-2), ("linear", 0.00085, 0.012)]
SCHEDULE = schedule_of(SDXL)
EPS = float(np.finfo(np.float32).eps)


def config_of(betas: str, start: float, end: float, zero_snr: bool) -> dict[str, Any]:
    return {"beta_schedule": betas, "beta_start": start, "beta_end": end, "rescale_betas_zero_snr": zero_snr}


@pytest.mark.parametrize(("betas", "start", "end"), BETAS)
@pytest.mark.parametrize("zero_snr", [False, True])
def test_levels_are_those_of_diffusers(betas: str, start: float, end: float, zero_snr: bool) -> None:
    config = config_of(betas, start, end, zero_snr)
    theirs = diffusers.EulerDiscreteScheduler.from_config({**SDXL, **config}).alphas_cumprod.numpy()
    ours = alphas_cumprod(schedule_of({**SDXL, **config}))
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() <= (8 * EPS if zero_snr else 4 * EPS)  # its linspace varies with the processor
    assert np.all(np.diff(ours) <= 0)


@pytest.mark.parametrize(("betas", "start", "end"), BETAS)
@pytest.mark.parametrize("zero_snr", [False, True])
def test_full_precision_and_float32_agree(betas: str, start: float, end: float, zero_snr: bool) -> None:
    """abar as the levels have it; the least noise of float32 is what 1 - abar leaves of its digits."""
    schedule = schedule_of({**SDXL, **config_of(betas, start, end, zero_snr)})
    exact = 1 / (1 + np.exp(2 * log_sigmas(schedule)))
    assert np.abs(alphas_cumprod(schedule) - exact).max() < 100 * EPS  # of a thousand factors
    assert np.abs(trained_sigmas(schedule) / np.exp(log_sigmas(schedule)) - 1)[:-1].max() < 1e-2 * (1 + 9 * zero_snr)


def test_a_timestep_and_its_level_are_one() -> None:
    levels = np.exp(log_sigmas(SCHEDULE))
    for t in (0, 1, 500, 999):
        assert SCHEDULE.sigma_at(t) == pytest.approx(levels[t], rel=1e-12)
        assert SCHEDULE.time_at(levels[t]) == pytest.approx(t, abs=1e-9)
    assert SCHEDULE.sigma_at(500.5) == pytest.approx((levels[500] * levels[501]) ** 0.5, rel=1e-12)
    assert SCHEDULE.time_at(SCHEDULE.sigma_at(123.25)) == pytest.approx(123.25, abs=1e-9)
    assert SCHEDULE.sigma_at(1000) == SCHEDULE.sigma_at(999)
    assert SCHEDULE.time_at(1e-9) == 0
    edm = EdmSchedule(sigma_min=0.002, sigma_max=80.0, sigma_data=1.0, prediction=Prediction.V)
    flow = FlowSchedule(train_steps=1000)
    for sigma in (0.01, 1.0, 14.6):
        assert edm.sigma_at(edm.time_at(sigma)) == pytest.approx(sigma)
        assert flow.sigma_at(flow.time_at(sigma)) == pytest.approx(sigma)
    assert flow.sigma_at(500) == 1


def test_zero_snr_leaves_no_signal_and_the_first_level() -> None:
    plain, rescaled = SCHEDULE, dataclasses.replace(SCHEDULE, zero_snr=True)
    assert alphas_cumprod(rescaled)[-1] == 2.0**-24
    assert alphas_cumprod(rescaled)[0] == pytest.approx(alphas_cumprod(plain)[0], abs=4 * EPS)
    assert rescaled.sigma_at(999) == pytest.approx(4096, rel=1e-6)
    assert rescaled.time_at(plain.sigma_at(999)) < 999


def test_spacings_are_those_of_the_paper() -> None:
    """arXiv:2305.08891, Table 2, for ten of a thousand; timesteps from 0."""
    asked = {
        Spacing.LEADING: [901, 801, 701, 601, 501, 401, 301, 201, 101, 1],
        Spacing.TRAILING: [999, 899, 799, 699, 599, 499, 399, 299, 199, 99],
        Spacing.LINSPACE: [999, 888, 777, 666, 555, 444, 333, 222, 111, 0],
    }
    for spacing, times in asked.items():
        assert spaced(dataclasses.replace(SCHEDULE, spacing=spacing), 10).tolist() == times
    assert spaced_between(SCHEDULE, 9).tolist() == [901, 801, 701, 601, 501, 401, 301, 201, 101]


@pytest.mark.parametrize("spacing", Spacing)
def test_as_many_timesteps_as_steps(spacing: Spacing) -> None:
    """Of trailing ones a division that is a whisker off may yield one more, at -1."""
    schedule = dataclasses.replace(SCHEDULE, spacing=spacing)
    for steps in (*range(1, 70), 103, 333, 499):
        for times in (spaced(schedule, steps), spaced_between(schedule, steps)):
            assert len(times) == steps
            assert times.min() >= 0
            assert np.all(np.diff(times) < 0)


def test_karras_levels_span_the_range() -> None:
    levels = karras_sigmas(0.03, 14.6, 7)
    assert levels[[0, -1]] == pytest.approx([14.6, 0.03])
    assert np.diff(levels ** (1 / 7)) == pytest.approx(np.full(6, (0.03 ** (1 / 7) - 14.6 ** (1 / 7)) / 6))
    assert karras_sigmas(0.03, 14.6, 1) == pytest.approx([14.6])


def test_a_schedule_is_a_value() -> None:
    assert schedule_of(SDXL) == SCHEDULE
    assert len({SCHEDULE, schedule_of(SDXL), dataclasses.replace(SCHEDULE, prediction=Prediction.V)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        SCHEDULE.offset = 0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        alphas_cumprod(SCHEDULE)[0] = 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta_start": 0.0},
        {"beta_start": 0.5, "beta_end": 0.1},
        {"beta_end": 1.0},
        {"beta_end": float("nan")},
        {"train_steps": 1},
        {"offset": -1},
        {"prediction": Prediction.FLOW},
        {"prediction": Prediction.EDM},
    ],
)
def test_numbers_that_are_no_schedule_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadModel, match="the model"):
        dataclasses.replace(SCHEDULE, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"sigma_min": 0.0}, {"sigma_max": 0.001}, {"sigma_data": 0.0}, {"prediction": Prediction.FLOW}],
)
def test_numbers_that_are_no_edm_schedule_are_refused(wrong: dict[str, Any]) -> None:
    right = {"sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5, "prediction": Prediction.EDM}
    with pytest.raises(BadModel, match="the model"):
        EdmSchedule(**{**right, **wrong})


@pytest.mark.parametrize("wrong", [{"train_steps": 1}, {"train_steps": 1000, "shift": 0.0}])
def test_numbers_that_are_no_flow_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadModel, match="the model's flow"):
        FlowSchedule(**wrong)


def test_nothing_of_a_model_is_assumed() -> None:
    needed = [each.name for each in dataclasses.fields(Schedule) if each.default is dataclasses.MISSING]
    assert needed == ["betas", "beta_start", "beta_end", "train_steps", "prediction", "spacing"]
