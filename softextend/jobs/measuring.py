"""Measures this machine: small pictures through the built-in model, and a small piece of a UNet's work."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from softextend.errors import OutputError
from softextend.extend import fill_first, finish, sample_filled
from softextend.jobs.request import read_request
from softextend.jobs.speed import Speed
from softextend.models.device import choose_device, choose_dtype, present_devices
from softextend.models.profiles import SELF_PROFILE
from softextend.models.selfmodel.model import SelfModel
from softextend.models.workload import operations_a_second
from softextend.plan.effort import denoiser_calls
from softextend.plan.input import Input
from softextend.plan.plan import plan_extension

TINY, SMALL, LARGE = (64, 16), (192, 48), (448, 160)  # px: a square's side, and what is added to it
SEED = 1
START = "from softextend.jobs.measuring import TINY, timed; timed(*TINY)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """One picture of `self`: seconds, and what they were for."""

    new: float  # megapixels
    calls: int
    fill: float  # s
    sample: float  # s, all that comes after the fill
    canvas: int  # px
    memory: float  # bytes that the process has taken at most so far


def measure() -> Speed:
    """Some seconds of work; OutputError where no process can be started."""
    timed(*TINY)  # compiles what has to be
    small, large = timed(*SMALL), timed(*LARGE)
    fill = max(0.0, (large.fill - small.fill) / (large.new - small.new))
    work = [each.new * each.calls for each in (small, large)]
    sample = max(0.0, (large.sample - small.sample) / (work[1] - work[0]))
    per_pixel = max(0.0, (large.memory - small.memory) / (large.canvas - small.canvas))
    return Speed(
        start=started(),
        fill=fill,
        fill_least=max(0.0, small.fill - fill * small.new),
        sample=sample,
        sample_least=max(0.0, small.sample - sample * work[0]),
        memory=max(0.0, small.memory - per_pixel * small.canvas),
        memory_per_pixel=per_pixel,
        flops=flops(),
    )


def timed(side: int, added: int) -> Timed:
    """A square of noise of `side` px, extended by `added` px with the built-in model."""
    pixels = np.random.default_rng(SEED).integers(0, 256, (side, side, 3), np.uint8)
    photo = Input(pixels=pixels, known=np.ones((side, side), np.bool_))
    plan = plan_extension(photo, read_request({"sides": (0, added, 0, 0), "seed": SEED}).spec, SELF_PROFILE)
    began = time.perf_counter()
    filled = fill_first(photo, plan)
    between = time.perf_counter()
    finish(sample_filled([filled], SelfModel())[0])
    return Timed(
        new=side * added / 1e6,
        calls=denoiser_calls(plan),
        fill=between - began,
        sample=time.perf_counter() - between,
        canvas=side * (side + added),
        memory=most_memory(),
    )


def most_memory() -> float:
    """Bytes that this process has taken at most; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most) if sys.platform == "darwin" else most * 1024.0


def started() -> float:
    """Seconds of a new process until a tiny picture is made."""
    began = time.perf_counter()
    try:
        subprocess.run([sys.executable, "-c", START], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OutputError(
            f"doctor --measure: a process of its own cannot be started ({error}); close other programs and try again"
        ) from error
    return time.perf_counter() - began


def flops() -> dict[str, float]:
    """Operations a second of each kind of device, in the numbers that it computes fast, and in float32."""
    import torch

    found: dict[str, float] = {}
    for name in present_devices():
        device = choose_device(name)
        for dtype in (choose_dtype("auto", device), torch.float32):
            key = f"{device.type} {str(dtype).removeprefix('torch.')}"
            if key not in found:
                found[key] = operations_a_second(device, dtype)
    return found
