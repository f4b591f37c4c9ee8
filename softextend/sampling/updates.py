"""The samplers' update rules as pure functions: a row of numbers and the model's output at a step -> the next x.

They only add, multiply and divide, so that x may be a torch tensor or a NumPy array of any shape. What a rule remembers
of the step before comes in as `past`, None at the first step, and goes out beside the next x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from softextend.sampling.noise_levels import Level, NoiseLevels
from softextend.sampling.schedule import Doubles, Prediction

if TYPE_CHECKING:
    from torch import Tensor

Draw = Callable[["Tensor"], "Tensor"]  # x -> fresh noise of its shape
Step = Callable[[Any, "ModelOutput", Any, Draw], tuple["Tensor", Any]]  # row, output, past, draw -> next x, next past

SIGMA_DATA = 0.5  # of the boundary condition of consistency models; arXiv:2310.04378, App. C
TIME_SCALE = 10.0  # of its timesteps
CAUTIOUS = 15  # steps below which DEIS takes its last one in first order


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutput:
    """What a denoiser returned for x at a level, as the clean latents and as the noise that it means."""

    prediction: Prediction
    out: Tensor
    x: Tensor
    level: Level

    @property
    def clean(self) -> Tensor:
        """z0 of x = signal z0 + noise eps, float32 (B, C, h, w)."""
        x, out, level = self.x, self.out, self.level
        if self.prediction is Prediction.SAMPLE:
            return out
        if self.prediction is Prediction.V:
            return level.skip * x - level.turn * out
        if self.prediction is Prediction.EDM:
            return level.skip * x + level.turn * out
        left = x - level.noise * out
        return left if level.signal == 1 or self.prediction is Prediction.FLOW else left / level.signal

    @property
    def noise(self) -> Tensor:
        """eps of x, float32 (B, C, h, w), where signal^2 + noise^2 = 1."""
        if self.prediction is Prediction.EPSILON:
            return self.out
        if self.prediction is Prediction.V:
            return self.level.signal * self.out + self.level.noise * self.x
        return (self.x - self.level.signal * self.clean) / self.level.noise


# --- Euler and Heun: along dx / dnoise = (x - z0) / noise -------------------------------------------------------------


class EulerRow(NamedTuple):
    """x moves by dt along its slope, then by `fresh` times new noise."""

    noise: float
    dt: float
    fresh: float = 0.0


def euler_rows(levels: NoiseLevels) -> list[EulerRow]:
    """To the next level; arXiv:2206.00364, Alg. 1 without its second order."""
    return [EulerRow(*row) for row in _rows(levels.noise, levels.to_noise - levels.noise)]


def ancestral_rows(levels: NoiseLevels) -> list[EulerRow]:
    """Below the next level, and back up to it with fresh noise: variances as in DDPM, arXiv:2006.11239."""
    here, to = levels.noise, levels.to_noise
    up = np.sqrt(to**2 * (here**2 - to**2) / here**2)
    down = np.sqrt(to**2 - up**2)
    return [EulerRow(*row) for row in _rows(here, down - here, up)]


def euler(row: EulerRow, output: ModelOutput, past: None, draw: Draw) -> tuple[Tensor, None]:
    """x float32 (B, C, h, w) at the next level, as if the slope stayed the same."""
    x = output.x + (output.x - output.clean) / row.noise * row.dt
    return (x + draw(x) * row.fresh if row.fresh else x), None


def heun_rows(levels: NoiseLevels) -> list[EulerRow]:
    """As Euler's, two for each level but the first: one that arrives there, one that leaves it."""
    return twice(euler_rows(levels))


def heun(row: EulerRow, output: ModelOutput, past: Any, draw: Draw) -> tuple[Tensor, Any]:
    """x float32 (B, C, h, w) by a step as Euler's; then, from the same x, one along the mean of both ends' slopes.

    arXiv:2206.00364, Alg. 1.
    """
    slope = (output.x - output.clean) / row.noise
    if past is None:
        return output.x + slope * row.dt, (output.x, slope, row.dt)
    x, before, dt = past
    return x + (before + slope) / 2 * dt, None


def twice(values: list[Any]) -> list[Any]:
    """Each but the first twice: n -> 2 n - 1."""
    return values[:1] + [value for value in values[1:] for _ in range(2)]


# --- multistep: in h, the step's length in lambda = ln(signal / noise), infinite to clean -----------------------------


class DpmppRow(NamedTuple):
    """x -> keep x + pull (z0 + bend (z0 - last z0) / 2) + fresh times new noise; bend 0: first order."""

    keep: float
    pull: float
    bend: float
    fresh: float


def dpmpp_rows(levels: NoiseLevels) -> list[DpmppRow]:
    """DPM-Solver++(2M), arXiv:2211.01095, Alg. 2; its last step in first order."""
    h = _lengths(levels)
    pull = -levels.to_signal * np.expm1(-h)
    return _dpmpp_rows(h, levels.to_noise / levels.noise, pull, np.zeros_like(h))


def dpmpp_sde_rows(levels: NoiseLevels) -> list[DpmppRow]:
    """SDE-DPM-Solver++(2M), arXiv:2211.01095, App. B; its last step in first order."""
    h = _lengths(levels)
    lost = -np.expm1(-2 * h)
    keep = levels.to_noise / levels.noise * np.exp(-h)
    return _dpmpp_rows(h, keep, levels.to_signal * lost, levels.to_noise * np.sqrt(lost))


def _dpmpp_rows(h: Doubles, keep: Doubles, pull: Doubles, fresh: Doubles) -> list[DpmppRow]:
    bend = np.zeros_like(h)
    bend[1:-1] = h[1:-1] / h[:-2]
    return [DpmppRow(*row) for row in _rows(keep, pull, bend, fresh)]


def dpmpp(row: DpmppRow, output: ModelOutput, past: Any, draw: Draw) -> tuple[Tensor, Tensor]:
    """x float32 (B, C, h, w) at the next level: towards z0, and on as z0 has been changing; and z0."""
    clean = output.clean
    x = row.keep * output.x + row.pull * clean
    if past is not None and row.bend:
        x = x + 0.5 * row.pull * (row.bend * (clean - past))
    return (x + row.fresh * draw(x) if row.fresh else x), clean


class DeisRow(NamedTuple):
    """x -> keep x + own eps + last times the last eps; in first order keep x + only eps."""

    keep: float
    only: float
    own: float
    last: float  # 0: first order


def deis_rows(levels: NoiseLevels) -> list[DeisRow]:
    """DEIS of second order, eps taken as a line in ln(rho), rho = noise / signal; arXiv:2204.13902, App. B."""
    here, to = levels.noise / levels.signal, levels.to_noise / levels.to_signal
    own, last = np.zeros_like(here), np.zeros_like(here)
    second = np.arange(1, len(here) - (len(here) < CAUTIOUS))
    before = here[second - 1]
    own[second] = _line(to[second], here[second], before) - _line(here[second], here[second], before)
    last[second] = _line(to[second], before, here[second]) - _line(here[second], before, here[second])
    signal = levels.to_signal
    return [DeisRow(*row) for row in _rows(signal / levels.signal, signal * (to - here), signal * own, signal * last)]


def _line(rho: Doubles, one: Doubles, zero: Doubles) -> Doubles:
    """The integral up to rho of the line in ln(rho) that is 1 at `one` and 0 at `zero`."""
    return np.asarray(rho * (np.log(rho) - np.log(zero) - 1) / (np.log(one) - np.log(zero)))


def deis(row: DeisRow, output: ModelOutput, past: Any, draw: Draw) -> tuple[Tensor, Tensor]:
    """x float32 (B, C, h, w) at the next level by the integral of eps, a line through the last one; and eps."""
    eps = output.noise
    if past is None or not row.last:
        return row.keep * output.x + row.only * eps, eps
    return row.keep * output.x + row.own * eps + row.last * past, eps


class UnipcRow(NamedTuple):
    """x -> keep x - pull (z0 + rise / 2), a rise being (last z0 - z0) / reach; in first order without it.

    Corrected: x -> keep x - pull (z0 + old rise + new (next z0 - z0)); in first order z0 + (next z0 - z0) / 2.
    """

    keep: float
    pull: float
    reach: float  # 0: first order
    old: float
    new: float


def unipc_rows(levels: NoiseLevels) -> list[UnipcRow]:
    """UniPC-2 of B2(h) = e^h - 1; arXiv:2302.04867, Alg. 1 and 2; its last step in first order."""
    h = _lengths(levels)
    pull = np.expm1(-h)
    reach = np.zeros_like(h)
    reach[1:-1] = -h[:-2] / h[1:-1]
    phi = pull / -h - 1
    new = ((phi / -h - 0.5) * 2 - reach * phi) / pull / (1 - reach)
    columns = levels.to_noise / levels.noise, levels.to_signal * pull, reach, phi / pull - new, new
    return [UnipcRow(*row) for row in _rows(*columns)]


def unipc(row: UnipcRow, output: ModelOutput, past: Any, draw: Draw) -> tuple[Tensor, Any]:
    """x float32 (B, C, h, w): the step before once more, now that z0 at its end is known; then the step from there."""
    clean, x, rise = output.clean, output.x, None
    if past is not None:
        last, start, before, risen = past
        change = clean - before
        bend = 0.5 * change if risen is None else last.old * risen + last.new * change
        x = last.keep * start - last.pull * before - last.pull * bend
        rise = (before - clean) / row.reach if row.reach else None
    ahead = row.keep * x - row.pull * clean
    return (ahead if rise is None else ahead - row.pull * (0.5 * rise)), (row, x, clean, rise)


def _lengths(levels: NoiseLevels) -> Doubles:
    """h of each step (n,)."""
    with np.errstate(divide="ignore"):
        to = np.log(levels.to_signal) - np.log(levels.to_noise)
    return np.asarray(to - (np.log(levels.signal) - np.log(levels.noise)))


# --- by way of the clean latents: noised again to the next level ------------------------------------------------------


class RenoiseRow(NamedTuple):
    """x -> keep (signal z0 + noise eps) + fresh times new noise."""

    signal: float
    noise: float
    keep: float = 1.0
    fresh: float = 0.0


def ddim_rows(levels: NoiseLevels) -> list[RenoiseRow]:
    """With the noise that was found; arXiv:2010.02502, eq. 12 with eta = 0."""
    return [RenoiseRow(*row) for row in _rows(levels.to_signal, levels.to_noise)]


def tcd_rows(levels: NoiseLevels) -> list[RenoiseRow]:
    """With the noise that was found, too far, and back to the next level with fresh noise; arXiv:2402.19159, Alg. 4."""
    keep, fresh = np.ones(len(levels.times)), np.zeros(len(levels.times))
    keep[:-1] = levels.signal[1:] / levels.to_signal[:-1]
    fresh[:-1] = np.sqrt(1 - keep[:-1] ** 2)
    return [RenoiseRow(*row) for row in _rows(levels.to_signal, levels.to_noise, keep, fresh)]


def renoise(row: RenoiseRow, output: ModelOutput, past: None, draw: Draw) -> tuple[Tensor, None]:
    """DDIM's and TCD's step: x float32 (B, C, h, w) at the next level."""
    x = row.signal * output.clean + row.noise * output.noise
    return (row.keep * x + row.fresh * draw(x) if row.fresh else x), None


class LcmRow(NamedTuple):
    """z0 -> z = out z0 + skip x -> signal z + fresh times new noise; fresh 0: z is the end."""

    out: float
    skip: float
    signal: float
    fresh: float


def lcm_rows(levels: NoiseLevels) -> list[LcmRow]:
    """Latent consistency, with its boundary condition; arXiv:2310.04378, Alg. 3 and App. C."""
    time = levels.times * TIME_SCALE
    power = time**2 + SIGMA_DATA**2
    fresh = levels.to_noise.copy()
    fresh[-1] = 0
    return [LcmRow(*row) for row in _rows(time / np.sqrt(power), SIGMA_DATA**2 / power, levels.to_signal, fresh)]


def lcm(row: LcmRow, output: ModelOutput, past: None, draw: Draw) -> tuple[Tensor, None]:
    """The clean latents, float32 (B, C, h, w), noised anew to the next level."""
    clean = row.out * output.clean + row.skip * output.x
    return (row.signal * clean + row.fresh * draw(clean) if row.fresh else clean), None


def _rows(*columns: Doubles) -> list[tuple[float, ...]]:
    return list(zip(*(each.tolist() for each in columns), strict=True))
