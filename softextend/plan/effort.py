"""What a plan costs: passes, regions, windows, calls of the denoiser, and the rows that a UNet computes in them."""

from __future__ import annotations

from softextend.plan.plan import Plan, Work
from softextend.types import SamplerName


def effort(plan: Plan) -> str:
    """Passes, regions, windows and calls of the denoiser, in words."""
    work = all_work(plan)
    regions, windows = sum(len(each.regions) for each in work), sum(each.windows for each in work)
    words = (
        f"{counted(len(plan.each_pass()), 'pass', 'passes')}, {counted(regions, 'region')}, "
        f"{counted(windows, 'window')}, {counted(denoiser_calls(plan), 'denoiser call')}"
    )
    return f"{words} of {counted(unet_rows(plan), 'UNet row')}" if plan.guided else words


def all_work(plan: Plan) -> list[Work]:
    """The stages of all passes."""
    return [each for part in plan.each_pass() for each in part.work()]


def denoiser_calls(plan: Plan) -> int:
    """Of all windows and steps."""
    return sum(each.windows * sum(calls_of(plan, each.steps)) for each in all_work(plan))


def unet_rows(plan: Plan) -> int:
    """Of all windows and steps: a guided call computes two rows, for the prompt and for what to keep away from."""
    return sum(each.windows * rows_of(plan, each.steps) for each in all_work(plan))


def rows_of(plan: Plan, steps: int) -> int:
    """Of all `steps` of one window."""
    span = plan.guidance_steps
    calls = calls_of(plan, steps)
    return sum(each * (2 if plan.guided and span.holds(step, steps) else 1) for step, each in enumerate(calls))


def calls_of(plan: Plan, steps: int) -> list[int]:
    """The denoiser's calls at the noise level of each step of a window, with those of resampling and thinking.

    A second-order sampler calls twice a step, but for the last: at the level that it leaves and at the next one.
    """
    more, twice = plan.resample + plan.think, plan.sampler is SamplerName.HEUN
    return [1 + more + (twice and step > 0) for step in range(steps)]


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 window`, `2 windows`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
