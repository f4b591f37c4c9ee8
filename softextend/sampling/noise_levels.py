"""The timesteps and noise levels of one run: where between noise and clean each step of a sampler begins and ends.

Samplers write x = signal z0 + noise eps in one of three ways. Exploding: signal 1, noise sigma. Preserving: signal^2 +
noise^2 = 1. Flow: signal + noise = 1. Levels are rounded to float32, as those that models were trained with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from softextend.errors import BadRequest
from softextend.sampling.schedule import (
    AnySchedule,
    Doubles,
    EdmSchedule,
    Floats,
    FlowSchedule,
    Schedule,
    Spacing,
    alphas_cumprod,
    trained_sigmas,
)

RHO = 7.0  # arXiv:2206.00364, eq. 5
NEAR_NOISE = 1 - 1e-6  # share of noise that a flow's multistep run begins with: at 1 its signal has no logarithm
DISTILLED_STEPS = 50  # of the run that LCM and TCD were distilled from; arXiv:2310.04378, arXiv:2402.19159
TCD_ETA = 0.3  # how much of the next timestep TCD goes too far, to come back with fresh noise; its paper's gamma

Pair = tuple[Floats, Floats]  # signal and noise, (n,) each


class Level(NamedTuple):
    """One noise level: x = signal z0 + noise eps, the denoiser gets x / scale, and z0 = skip x - turn v."""

    signal: float
    noise: float
    scale: float
    skip: float
    turn: float


@dataclass(frozen=True, slots=True, eq=False)
class NoiseLevels:
    """Of n steps (n,): what the denoiser is told, the level where each begins, and the level where it ends."""

    times: Doubles
    signal: Doubles
    noise: Doubles
    to_signal: Doubles
    to_noise: Doubles
    scale: Doubles
    skip: Doubles
    turn: Doubles

    def begins(self) -> list[Level]:
        """The level where each step begins."""
        columns = (self.signal, self.noise, self.scale, self.skip, self.turn)
        return [Level(*row) for row in zip(*(each.tolist() for each in columns), strict=True)]


def exploding(times: Doubles, sigmas: Doubles, data: float = 1.0) -> NoiseLevels:
    """sigmas (n + 1,), the last where the run ends; data: deviation of the clean latents; arXiv:2206.00364, eq. 7."""
    sigma = sigmas.astype(np.float32)
    ones = np.ones(len(times), np.float32)
    power = sigma[:-1] * sigma[:-1] + data**2
    scale = np.sqrt(power)
    skip, turn = data**2 / power, data * sigma[:-1] / scale
    return _levels(times, (ones, sigma[:-1]), (ones, sigma[1:]), scale, (skip, turn))


def preserving(times: Doubles, sigmas: Doubles) -> NoiseLevels:
    """sigmas (n + 1,), the last where the run ends."""
    sigma = sigmas.astype(np.float32)
    signal = 1 / np.sqrt(sigma * sigma + 1)
    noise = sigma * signal
    return _unscaled(times, (signal[:-1], noise[:-1]), (signal[1:], noise[1:]))


def flowing(times: Doubles, shares: Doubles) -> NoiseLevels:
    """shares (n + 1,) of noise in [0, 1], the last where the run ends."""
    noise = shares.astype(np.float32)
    return _unscaled(times, (1 - noise[:-1], noise[:-1]), (1 - noise[1:], noise[1:]))


def trained(schedule: Schedule, times: Doubles, to: Doubles) -> NoiseLevels:
    """Preserving, from timesteps (n,) to others (n,); in place of one that was not trained, the nearest."""
    abar = alphas_cumprod(schedule)
    here, there = (abar[each.clip(0, len(abar) - 1).astype(np.int64)] for each in (times, to))
    return _unscaled(times, (np.sqrt(here), np.sqrt(1 - here)), (np.sqrt(there), np.sqrt(1 - there)))


def _unscaled(times: Doubles, here: Pair, to: Pair) -> NoiseLevels:
    """The denoiser gets x as it is."""
    return _levels(times, here, to, np.ones_like(here[0]), here)


def _levels(times: Doubles, here: Pair, to: Pair, scale: Floats, mix: Pair) -> NoiseLevels:
    columns = (each.astype(np.float64) for each in (times.astype(np.float32), *here, *to, scale, *mix))
    return NoiseLevels(*columns)


# --- of each kind of sampler: (schedule, steps, whether at Karras' levels) -> NoiseLevels ----------------------------


def single_step(schedule: AnySchedule, steps: int, karras: bool) -> NoiseLevels:
    """Of samplers that look at one level at a time: to clean, exploding (a flow stays one)."""
    if isinstance(schedule, FlowSchedule):
        return _flow(schedule, steps, most=1.0)
    if isinstance(schedule, EdmSchedule):
        return _edm(schedule, steps)
    times, known = spaced(schedule, steps), trained_sigmas(schedule)
    sigmas = np.interp(times, np.arange(len(known)), known)
    if karras:
        sigmas = karras_sigmas(float(sigmas[-1]), float(sigmas[0]), steps)
        times = _times_of(sigmas, known)
    return exploding(times, np.append(sigmas, 0.0))


def multistep(schedule: AnySchedule, steps: int, karras: bool) -> NoiseLevels:
    """Of samplers that look back: to clean, preserving (EDM stays exploding, a flow a flow)."""
    if isinstance(schedule, FlowSchedule):
        return _flow(schedule, steps, most=NEAR_NOISE)
    if isinstance(schedule, EdmSchedule):
        return _edm(schedule, steps)
    times, sigmas = _multistep_sigmas(schedule, steps, karras)
    return preserving(times, np.append(sigmas, 0.0))


def multistep_to_least(schedule: Schedule, steps: int, karras: bool) -> NoiseLevels:
    """As `multistep`, but to the least noise that was trained, or of Karras' levels, where its logarithm is finite."""
    times, sigmas = _multistep_sigmas(schedule, steps, karras)
    last = sigmas[-1] if karras else trained_sigmas(schedule)[0]
    return preserving(times, np.append(sigmas, last))


def ddim(schedule: Schedule, steps: int, karras: bool) -> NoiseLevels:
    """Each step as long as the others; to the least noise that was trained."""
    times = spaced(schedule, steps).round()
    return trained(schedule, times, times - schedule.train_steps // steps)


def lcm(schedule: Schedule, steps: int, karras: bool) -> NoiseLevels:
    """Each step to the next timestep; the last one, which needs no level, stays."""
    times = distilled(schedule, steps)
    return trained(schedule, times, np.append(times[1:], times[-1:]))


def tcd(schedule: Schedule, steps: int, karras: bool) -> NoiseLevels:
    """Each step beyond the next timestep, by TCD_ETA of it; to the least noise that was trained."""
    times = distilled(schedule, steps)
    then = np.append(times[1:], 0).astype(np.float32)
    beyond = np.floor(np.float32(1 - TCD_ETA) * then)  # in float64, 0.7 of 170 is a whisker below 119
    return trained(schedule, times, beyond.astype(np.float64))


def _multistep_sigmas(schedule: Schedule, steps: int, karras: bool) -> tuple[Doubles, Doubles]:
    known = trained_sigmas(schedule)
    if karras:
        sigmas = karras_sigmas(float(known[0]), float(known[-1]), steps)
        return _times_of(sigmas, known).round(), sigmas
    times = spaced_between(schedule, steps)
    return times, np.interp(times, np.arange(len(known)), known)


def _edm(schedule: EdmSchedule, steps: int) -> NoiseLevels:
    if schedule.exponential:
        sigmas = np.exp(np.linspace(np.log(schedule.sigma_max), np.log(schedule.sigma_min), steps))
    else:
        sigmas = karras_sigmas(schedule.sigma_min, schedule.sigma_max, steps)
    return exploding(np.log(sigmas) / 4, np.append(sigmas, 0.0), schedule.sigma_data)


def _flow(schedule: FlowSchedule, steps: int, most: float) -> NoiseLevels:
    """From pure noise, or `most`, to clean; the last step begins at the least noise that was trained, shifted twice."""
    least = _shifted(np.array([1 / schedule.train_steps]), schedule.shift)
    shares = _shifted(np.linspace(1, least[0], steps), schedule.shift).clip(max=most)
    return flowing(shares * schedule.train_steps, np.append(shares, 0.0))


def _shifted(shares: Doubles, shift: float) -> Doubles:
    """arXiv:2403.03206, eq. 23."""
    return np.asarray(shift * shares / (1 + (shift - 1) * shares))


# --- timesteps --------------------------------------------------------------------------------------------------------


def karras_sigmas(low: float, high: float, steps: int) -> Doubles:
    """(steps,) from high to low, evenly in sigma^(1/7); arXiv:2206.00364, eq. 5."""
    start, end = high ** (1 / RHO), low ** (1 / RHO)
    return np.asarray((start + np.linspace(0, 1, steps) * (end - start)) ** RHO)


def _times_of(sigmas: Doubles, known: Floats) -> Doubles:
    return np.interp(np.log(sigmas), np.log(known), np.arange(len(known)))


def spaced(schedule: Schedule, steps: int) -> Doubles:
    """(steps,) falling timesteps; arXiv:2305.08891, Table 2. BadRequest for more than were trained."""
    count = schedule.train_steps
    _check(steps, count)
    if schedule.spacing is Spacing.LEADING:
        return np.asarray(np.arange(steps)[::-1] * float(count // steps) + schedule.offset)
    if schedule.spacing is Spacing.TRAILING:
        return _trailing(count, steps)
    return np.linspace(0, count - 1, steps, dtype=np.float32)[::-1].astype(np.float64)


def spaced_between(schedule: Schedule, steps: int) -> Doubles:
    """(steps,) falling timesteps: of one step more, all but the last. BadRequest where two would be the same."""
    count = schedule.train_steps
    if schedule.spacing is Spacing.LEADING:
        times = np.asarray(np.arange(steps + 1)[:0:-1] * float(count // (steps + 1)) + schedule.offset)
    elif schedule.spacing is Spacing.TRAILING:
        times = _trailing(count, steps)
    else:
        times = np.linspace(0, count - 1, steps + 1).round()[:0:-1]
    if not (np.diff(times.clip(max=count - 1)) < 0).all():
        raise BadRequest(f"--steps {steps}: too many for this sampler and model: use --steps {count // 2} or fewer")
    return times


def distilled(schedule: Schedule, steps: int) -> Doubles:
    """(steps,) falling timesteps of the run that a model was distilled from. BadRequest for more than were trained."""
    trained_steps = schedule.train_steps
    _check(steps, trained_steps)
    if 0 < steps <= len(schedule.distilled):
        own = np.asarray(schedule.distilled, np.float64)
    else:
        count = min(max(DISTILLED_STEPS, steps), trained_steps)
        own = np.asarray(np.arange(count, 0, -1) * float(trained_steps // count) - 1, np.float64)
    count = len(own)
    return np.asarray(own[np.floor(np.linspace(0, count, steps, endpoint=False)).astype(np.int64)])


def _trailing(count: int, steps: int) -> Doubles:
    return np.asarray(np.arange(count, 0, -count / steps)[:steps].round() - 1)


def _check(steps: int, count: int) -> None:
    if steps > count:
        raise BadRequest(
            f"--steps {steps}: the model was trained at {count} noise levels: use --steps {count} or fewer"
        )
