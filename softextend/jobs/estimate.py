"""How long a plan will take and how much memory, by what this machine was measured at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from softextend.jobs.speed import NEVER_MEASURED, Speed, known_speed
from softextend.jobs.task import PictureTask
from softextend.plan.effort import all_work, calls_of, rows_of
from softextend.plan.plan import Plan, Work

UNET = {"sdxl": 6.76e12 / 1024**2, "sd1": 0.803e12 / 512**2, "sd2": 0.803e12 / 512**2}  # operations a px and row
VAE = (4.88e12 + 10.47e12) / 1024**2  # operations a px, there and back; all counted by torch's FlopCounterMode
ACTIVATION = 3000.0 / 2 / 2  # bytes a px of a window, row and byte of a number; device.ROW is of two rows in 16 bits
PATCH = "patch"  # the fill that was measured; the others take next to nothing beside it


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Seconds and bytes, None where nothing is known; `where`: whose memory; `loading`: s before the first picture."""

    seconds: float | None
    memory: float | None
    loading: float | None = 0.0  # None: of a model's files, which nobody measured
    where: str = ""

    def rows(self, *, alone: bool = True) -> list[tuple[str, str]]:
        """(name, value) as a table shows them; `alone`: with what comes before the only picture."""
        if self.seconds is None:
            return [("time", NEVER_MEASURED)]
        more = ", and loading the model" if alone and self.loading is None else ""
        said = [("time", about(self.seconds + (self.loading or 0.0) * alone) + more)]
        return said if self.memory is None else [*said, ("memory", f"about {self.memory / 1e9:.1f} GB{self.where}")]

    def as_dict(self, *, alone: bool = True) -> dict[str, Any]:
        """As JSON values; None each where this machine was not measured."""
        seconds = None if self.seconds is None else round(self.seconds + (self.loading or 0.0) * alone, 1)
        return {"seconds": seconds, "memory_bytes": self.memory and int(self.memory)}


@dataclass(frozen=True, kw_only=True)
class Estimator:
    """Of all pictures of one command."""

    task: PictureTask

    @cached_property
    def speed(self) -> Speed | None:
        """What this machine was measured at."""
        return known_speed()

    @cached_property
    def numbers(self) -> tuple[str, str, int]:
        """Device, data type and its bytes, as a run would choose them; imports torch."""
        from softextend.models.device import choose_device, choose_dtype

        device = choose_device(self.task.engine.device)
        dtype = choose_dtype(self.task.engine.dtype, device)
        return device.type, str(dtype).removeprefix("torch."), dtype.itemsize

    @cached_property
    def weights(self) -> float | None:
        """Bytes of the model's weights as they are loaded; None where the files are not here."""
        from softextend.models.load import count_weights

        count = count_weights(self.task.ref)
        return None if count is None else count * self.numbers[2]

    def of(self, plans: list[Plan], results: int = 1) -> Estimate:
        """What the plans take one after another, `results` times; the memory is the largest one's."""
        if self.speed is None:
            return Estimate(seconds=None, memory=None)
        results *= self.task.selection.best_of
        found = [self._one(self.speed, plan) for plan in plans]
        if self.task.ref.kind == "self":
            most = max((each for _, each in found), default=self.speed.memory)
            seconds = sum(each for each, _ in found) * results
            return Estimate(seconds=seconds, memory=most or None, loading=self.speed.start)
        name, dtype, _ = self.numbers
        rate = self.speed.flops.get(f"{name} {dtype}")
        if not rate:
            return Estimate(seconds=None, memory=None)
        where = "" if name == "cpu" else f" of {name}"
        memory = None if self.weights is None else self.weights + max((each for _, each in found), default=0.0)
        seconds = sum(operations for operations, _ in found) / rate * results
        return Estimate(seconds=seconds, memory=memory, loading=None, where=where)

    def _one(self, speed: Speed, plan: Plan) -> tuple[float, float]:
        """Of one plan: `self`'s seconds and bytes; of other models operations, and bytes beside the weights."""
        if self.task.ref.kind == "self":
            width, height = plan.canvas.size
            return self._self_seconds(speed, plan), speed.memory + speed.memory_per_pixel * width * height
        work = all_work(plan)
        largest, rows = max((self._window(each) for each in work), default=0), 2 if plan.guided else 1
        beside = ACTIVATION * largest * rows * self.numbers[2]
        return sum(self._operations(plan, each) for each in work), beside

    def _self_seconds(self, speed: Speed, plan: Plan) -> float:
        seconds = 0.0
        for part in plan.each_pass():
            new = self._new(part) / 1e6
            if part.fill.partition(":")[0] == PATCH and self.task.repaint is None:
                seconds += speed.fill_least + speed.fill * new
            for each in part.work():
                calls = sum(calls_of(plan, each.steps))
                seconds += speed.sample_least + speed.sample * new * each.stage.scale**2 * calls
        return seconds

    def _new(self, part: Plan) -> int:
        """Px that a pass paints."""
        if self.task.repaint is not None:
            return int((self.task.repaint > 0).sum())
        (width, height), canvas = part.canvas.size, part.canvas
        return max(0, width * height - canvas.width * canvas.height)

    def _window(self, work: Work) -> int:
        """Px of a window, at most."""
        return min(self.task.profile.window**2, work.height * work.width)

    def _operations(self, plan: Plan, work: Work) -> float:
        """Floating point operations of one stage: the UNet's rows, and its pictures through the VAE."""
        choice = self.task.ref.choice
        unet = UNET["sdxl" if choice is None else choice.family] * self._window(work)
        return work.windows * rows_of(plan, work.steps) * unet + VAE * work.height * work.width


def about(seconds: float) -> str:
    """`about 20 s`: no finer than an estimate is."""
    if seconds < 10:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
