"""The noise levels that a model was trained at, and what its denoiser returns: its own numbers, no other model's.

`sigma` is noise over signal (0: clean), `t` the timestep that a denoiser is told. Tables are NumPy's, so that nothing
here needs torch; those in float32 are rounded step by step as torch rounds them, which keeps runs reproducible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import cache

import numpy as np
import numpy.typing as npt

from softextend.errors import BadModel

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

NO_SIGNAL = 2.0**-24  # the least abar of a zero-SNR schedule, in place of 0: sigma stays finite, 4096


class Prediction(str, Enum):
    """What a denoiser returns, for x = signal z0 + noise eps."""

    EPSILON = "epsilon"  # eps; arXiv:2006.11239
    V = "v"  # signal eps - noise z0, for x of unit variance; arXiv:2202.00512, App. D
    SAMPLE = "sample"  # z0
    FLOW = "flow"  # eps - z0; arXiv:2209.03003
    EDM = "edm"  # -v: F of arXiv:2206.00364, eq. 7


class Betas(str, Enum):
    """How the training's betas grow from the first to the last timestep."""

    LINEAR = "linear"
    SCALED_LINEAR = "scaled_linear"  # their roots grow linearly


class Spacing(str, Enum):
    """Where a run's timesteps lie among the trained ones; arXiv:2305.08891, Table 2."""

    LEADING = "leading"
    TRAILING = "trailing"
    LINSPACE = "linspace"


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Discrete timesteps 0 .. train_steps - 1, noisier upwards. Raises BadModel for impossible numbers."""

    betas: Betas
    beta_start: float
    beta_end: float
    train_steps: int
    prediction: Prediction
    spacing: Spacing
    offset: int = 0  # added to the timesteps of `leading`
    zero_snr: bool = False  # rescaled so that the last timestep has no signal; arXiv:2305.08891, Alg. 1
    distilled: tuple[int, ...] = ()  # falling timesteps that a few-step model learnt, in place of an even division

    def __post_init__(self) -> None:
        if not 0 < self.beta_start < self.beta_end < 1:
            raise BadModel(
                f"the model's noise schedule has betas from {self.beta_start:g} to {self.beta_end:g}: "
                "they must grow and lie between 0 and 1"
            )
        if self.train_steps < 2 or self.offset < 0:
            raise BadModel(
                f"the model's noise schedule has {self.train_steps} timesteps and offset {self.offset}: "
                "it must have 2 timesteps or more and an offset of 0 or more"
            )
        if any(not 0 <= each < self.train_steps for each in self.distilled):
            raise BadModel(f"the model was distilled at timesteps {self.distilled}: they must be trained ones")
        if self.prediction in (Prediction.FLOW, Prediction.EDM):
            raise BadModel(f"the model predicts {self.prediction.value!r}, which no schedule of betas goes with")

    def sigma_at(self, t: float) -> float:
        """The noise level of a timestep; between two, ln(sigma) is interpolated, beyond the last it stays."""
        levels = log_sigmas(self)
        return math.exp(float(np.interp(t, np.arange(len(levels)), levels)))

    def time_at(self, sigma: float) -> float:
        """The timestep of a noise level above 0: the inverse of `sigma_at`."""
        levels = log_sigmas(self)
        return float(np.interp(math.log(sigma), levels, np.arange(len(levels))))


@dataclass(frozen=True, kw_only=True, slots=True)
class EdmSchedule:
    """Continuous noise levels, t = ln(sigma) / 4; arXiv:2206.00364. Raises BadModel for impossible numbers."""

    sigma_min: float
    sigma_max: float
    sigma_data: float  # standard deviation of the clean latents as the model was trained
    prediction: Prediction
    exponential: bool = False  # a run's levels evenly in ln(sigma), not in sigma^(1/7)

    def __post_init__(self) -> None:
        if not (0 < self.sigma_min < self.sigma_max and self.sigma_data > 0):
            raise BadModel(
                f"the model's noise levels go from {self.sigma_min:g} to {self.sigma_max:g} over data of "
                f"{self.sigma_data:g}: they must grow and be above 0"
            )
        if self.prediction is Prediction.FLOW:
            raise BadModel("the model predicts 'flow', which no EDM schedule goes with")

    def sigma_at(self, t: float) -> float:
        """The noise level of a timestep."""
        return math.exp(4 * t)

    def time_at(self, sigma: float) -> float:
        """The timestep of a noise level above 0."""
        return math.log(sigma) / 4


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowSchedule:
    """Rectified flow: x = (1 - s) z0 + s eps, t = s train_steps; runs lean to noise by `shift`; arXiv:2403.03206."""

    train_steps: int
    shift: float = 1.0

    def __post_init__(self) -> None:
        if self.train_steps < 2 or self.shift <= 0:
            raise BadModel(
                f"the model's flow has {self.train_steps} timesteps and shift {self.shift:g}: "
                "it must have 2 timesteps or more and a shift above 0"
            )

    @property
    def prediction(self) -> Prediction:
        """Of a rectified flow it is always its velocity."""
        return Prediction.FLOW

    def sigma_at(self, t: float) -> float:
        """The noise level of a timestep below train_steps."""
        return t / (self.train_steps - t)

    def time_at(self, sigma: float) -> float:
        """The timestep of a noise level."""
        return self.train_steps * sigma / (1 + sigma)


AnySchedule = Schedule | EdmSchedule | FlowSchedule


@cache
def log_sigmas(schedule: Schedule) -> Doubles:
    """ln(sigma) of each timestep (train_steps,), rising, in full precision."""
    root = 0.5 if schedule.betas is Betas.SCALED_LINEAR else 1.0
    betas = np.linspace(schedule.beta_start**root, schedule.beta_end**root, schedule.train_steps) ** (1 / root)
    abar = np.cumprod(1 - betas)
    if schedule.zero_snr:
        signal = np.sqrt(abar)
        rescaled = (signal - signal[-1]) * (signal[0] / (signal[0] - signal[-1]))
        abar = np.maximum(rescaled**2, NO_SIGNAL)
    levels: Doubles = np.log((1 - abar) / abar) / 2
    levels.flags.writeable = False
    return levels


@cache
def alphas_cumprod(schedule: Schedule) -> Floats:
    """abar of each timestep (train_steps,), falling: the product of 1 - beta, rounded to float32 as in training."""
    root = 0.5 if schedule.betas is Betas.SCALED_LINEAR else 1.0
    betas = _linspace(schedule.beta_start**root, schedule.beta_end**root, schedule.train_steps)
    if schedule.betas is Betas.SCALED_LINEAR:
        betas = betas * betas
    abar = _cumprod(1 - betas)
    if schedule.zero_snr:
        signal = np.sqrt(abar)
        rescaled = (signal - signal[-1]) * (signal[:1] / (signal[:1] - signal[-1:]))
        abar = rescaled * rescaled
        betas = 1 - np.concatenate([abar[:1], abar[1:] / abar[:-1]])
        abar = np.maximum(_cumprod(1 - betas), np.float32(NO_SIGNAL))
    abar.flags.writeable = False
    return abar


@cache
def trained_sigmas(schedule: Schedule) -> Floats:
    """sigma of each timestep (train_steps,), rising, from `alphas_cumprod`."""
    abar = alphas_cumprod(schedule)
    sigmas: Floats = np.sqrt((1 - abar) / abar)
    sigmas.flags.writeable = False
    return sigmas


def _linspace(start: float, end: float, count: int) -> Floats:
    """float32, from both ends, each value rounded once: as torch.linspace where processors fuse multiply and add."""
    first, last = np.float32(start), np.float32(end)
    step = np.float64((last - first) / np.float32(count - 1))
    i = np.arange(count)
    return np.where(i < count // 2, first + step * i, last - step * (count - 1 - i)).astype(np.float32)


def _cumprod(factors: Floats) -> Floats:
    """float32, multiplied in float64, as torch.cumprod."""
    return np.cumprod(factors.astype(np.float64)).astype(np.float32)
