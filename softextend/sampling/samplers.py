"""The samplers by name, each cut to a strength: timesteps, noise levels and an update rule, for one run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softextend import arrays, types
from softextend.errors import BadRequest
from softextend.plan.sizes import running_steps
from softextend.sampling import noise_levels, updates
from softextend.sampling.schedule import AnySchedule, EdmSchedule, FlowSchedule, Prediction, Schedule, Spacing

if TYPE_CHECKING:
    from torch import Generator, Tensor

CONTINUOUS = (EdmSchedule, FlowSchedule)
TRAINED_WITH = {EdmSchedule: "EDM's noise levels", FlowSchedule: "a rectified flow"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What makes a sampler: where its steps begin and end, a row of numbers for each, and its rule."""

    levels: Callable[[Any, int, bool], noise_levels.NoiseLevels]
    rows: Callable[[noise_levels.NoiseLevels], Sequence[Any]]
    step: updates.Step
    continuous: tuple[type, ...] = CONTINUOUS  # schedules that it takes beside those of discrete timesteps
    karras: bool | None = False  # at Karras' levels unless told otherwise; None: it has none but its own
    calls: int = 1  # of the denoiser in a step


SAMPLERS: dict[str, Kind] = {
    "euler": Kind(levels=noise_levels.single_step, rows=updates.euler_rows, step=updates.euler),
    "euler-a": Kind(
        levels=noise_levels.single_step,
        rows=updates.ancestral_rows,
        step=updates.euler,
        continuous=(EdmSchedule,),  # in a flow the signal would have to shrink where noise comes back
        karras=None,
    ),
    "heun": Kind(levels=noise_levels.single_step, rows=updates.heun_rows, step=updates.heun, calls=2),
    "dpmpp-2m": Kind(levels=noise_levels.multistep, rows=updates.dpmpp_rows, step=updates.dpmpp, karras=True),
    "dpmpp-2m-sde": Kind(levels=noise_levels.multistep, rows=updates.dpmpp_sde_rows, step=updates.dpmpp, karras=True),
    "unipc": Kind(levels=noise_levels.multistep, rows=updates.unipc_rows, step=updates.unipc),
    "deis": Kind(levels=noise_levels.multistep_to_least, rows=updates.deis_rows, step=updates.deis, continuous=()),
    "ddim": Kind(levels=noise_levels.ddim, rows=updates.ddim_rows, step=updates.renoise, continuous=(), karras=None),
    "lcm": Kind(levels=noise_levels.lcm, rows=updates.lcm_rows, step=updates.lcm, continuous=(), karras=None),
    "tcd": Kind(levels=noise_levels.tcd, rows=updates.tcd_rows, step=updates.renoise, continuous=(), karras=None),
}


class TableSampler:
    """`Sampler` of softextend.diffdiff over tables; made for one run, its steps taken once and in order.

    x is a torch tensor or a NumPy array (B, ...) of float32; a sampler that draws noise needs as many generators of the
    same library, one for each row.
    """

    def __init__(
        self,
        timesteps: Sequence[float],
        levels: Sequence[noise_levels.Level],
        rows: Sequence[Any],
        step: updates.Step,
        prediction: Prediction,
        generators: Sequence[Generator] | None = None,
        calls: int = 1,
    ) -> None:
        self.timesteps = tuple(timesteps)
        self.calls = calls  # of the denoiser in a step, but for the last
        self.levels = tuple(levels)
        self._rows, self._step, self._prediction = rows, step, prediction
        self._generators = generators
        self._past: Any = None
        self._output: updates.ModelOutput | None = None

    def scaled(self, x: Tensor, i: int) -> Tensor:
        """x float32 (B, C, h, w) -> what the denoiser expects at step i."""
        scale = self.levels[i].scale
        return x if scale == 1 else x / scale

    def noised(self, z0: Tensor, noise: Tensor, i: int) -> Tensor:
        """z0, noise: float32 (B, C, h, w) -> x at the level where step i begins."""
        level = self.levels[i]
        return level.signal * z0 + level.noise * noise

    def step(self, out: Tensor, i: int, x: Tensor) -> Tensor:
        """What the model returned for scaled x, and x, both float32 (B, C, h, w) -> x of the next step."""
        output = updates.ModelOutput(self._prediction, out, x, self.levels[i])
        self._output = output
        x, self._past = self._step(self._rows[i], output, self._past, self._fresh)
        return x

    def clean_of(self, out: Tensor, i: int, x: Tensor) -> Tensor:
        """What the model takes z0 for that returned `out` for scaled x at step i, float32 (B, C, h, w)."""
        return updates.ModelOutput(self._prediction, out, x, self.levels[i]).clean

    def clean(self) -> Tensor:
        """What the model took z0 for at the last step, float32 (B, C, h, w); RuntimeError before the first."""
        if self._output is None:
            raise RuntimeError("no step was taken yet")
        return self._output.clean

    def _fresh(self, x: Tensor) -> Tensor:
        """Noise of x's shape, a row from each generator, drawn on the generator's device."""
        if self._generators is None or len(self._generators) != len(x):
            given = len(self._generators or ())
            raise ValueError(f"{given} generators for {len(x)} rows: a sampler that draws noise needs one for each")
        fresh: Tensor = arrays.like(x, arrays.drawn(self._generators, x.shape[1:], x))
        return fresh


def make_sampler(
    name: str,
    schedule: types.Schedule,
    *,
    steps: int,
    strength: float,
    generators: Sequence[Generator] | None = None,
    trailing: bool = False,
    karras: bool | None = None,
) -> TableSampler:
    """A fresh sampler for the last int(steps * strength) of `steps` steps; strength in (0, 1].

    trailing: in place of the schedule's own spacing; lcm, tcd and continuous schedules have another. karras: in place
    of the sampler's habit. BadRequest when no step would run, and for what does not go together.
    """
    if not isinstance(schedule, AnySchedule):
        raise TypeError(f"{schedule!r}: must be a Schedule, EdmSchedule or FlowSchedule")
    kind, name = SAMPLERS[name], str.__str__(name)  # of an enum of strings: its value
    begin = (steps - min(running_steps(steps, strength), steps)) * kind.calls
    if isinstance(schedule, CONTINUOUS) and not isinstance(schedule, kind.continuous):
        others = ", ".join(each for each, other in SAMPLERS.items() if isinstance(schedule, other.continuous))
        raise BadRequest(f"--sampler {name}: the model was trained with {TRAINED_WITH[type(schedule)]}: use {others}")
    if karras and (kind.karras is None or isinstance(schedule, CONTINUOUS)):
        raise BadRequest(f"--sampler {name}: no Karras noise levels with this sampler and model: leave them out")
    if trailing and isinstance(schedule, Schedule):
        schedule = dataclasses.replace(schedule, spacing=Spacing.TRAILING)
    levels = kind.levels(schedule, steps, bool(kind.karras if karras is None else karras))
    timesteps, begins, rows = levels.times.tolist(), levels.begins(), kind.rows(levels)
    if kind.calls == 2:
        timesteps, begins = updates.twice(timesteps), updates.twice(begins)
    return TableSampler(
        timesteps[begin:], begins[begin:], rows[begin:], kind.step, schedule.prediction, generators, kind.calls
    )
