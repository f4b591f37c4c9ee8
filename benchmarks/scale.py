"""What big pictures cost: denoiser calls and pixels with SDXL's profile, CPU seconds with `self`, and memory.

usage: python benchmarks/scale.py [--parts calls,seconds,memory] [--memory-size 8000x6000] [--sides "0 512 0 0"]

Calls and pixels are counted with a toy in the model's place, so that they are exact and the time is all outside the
model. Memory is measured in a process of its own: its peak above what is taken once the modules are imported.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import resource
import subprocess
import sys
import time
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from softextend.extend import Result, extend
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.selfmodel.model import SelfModel
from softextend.options import Spec
from softextend.plan.describe import effort
from softextend.plan.grammar import parse_sides
from softextend.plan.input import Input
from softextend.plan.plan import plan_extension, resolve
from softextend.types import Conditioning, Model, Predict, Profile, Scene

ADDED = "0 256 0 0"
COUNTED = [
    (1500, 1500),
    (1500, 3000),
    (1500, 6000),
    (3000, 1500),
    (3000, 3000),
    (3000, 6000),
    (6000, 4000),
    (6000, 8000),
]
TIMED = [(1200, 2400), (1200, 4800), (2400, 2400), (2400, 4800)]


class Counting:
    """SDXL's shapes with nothing behind them: 8x8 means as latents, and a denoiser that counts."""

    name = "counting"
    factor = 8
    schedule = STABLE_DIFFUSION

    def __init__(self, profile: Profile = SDXL_PROFILE) -> None:
        self.profile, self.calls, self.pixels = profile, 0, 0

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name}

    def encode(self, pixels: Tensor) -> Tensor:
        return F.avg_pool2d(pixels, self.factor)

    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        return F.interpolate(z, scale_factor=self.factor, mode="nearest")

    def preview(self, z: Tensor) -> Tensor:
        return z[:, :3]

    def embed(self, prompt: str, negative: str, photo: Any = None) -> Conditioning:
        return Conditioning()

    def reduce_memory(self) -> None:
        return None

    def predict(self, scene: Scene) -> Predict:
        return self.noise

    def noise(self, x: Tensor, t: float, keep: Tensor) -> Tensor:
        self.calls += 1
        self.pixels += x.shape[-1] * x.shape[-2] * self.factor**2
        return torch.tanh(x)


def picture(height: int, width: int) -> np.ndarray:
    """A made-up photo: clouds of all sizes, the same for the same size."""
    rng = np.random.default_rng(0)
    total = np.zeros((height, width, 3), np.uint8)
    for cell, weight in ((400, 110), (60, 80), (8, 40), (1, 25)):
        small = rng.integers(0, weight, (height // cell + 2, width // cell + 2, 3), np.uint8)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return total


def extended(pixels: np.ndarray, spec: Spec, model: Model) -> Result:
    """The whole story of one picture, all of which is known."""
    photo = Input(pixels=pixels, known=np.ones(pixels.shape[:2], bool))
    return extend(photo, plan_extension(photo, spec, model.profile), model)


def run(height: int, width: int, sides: str, model: Model) -> tuple[float, Result]:
    """Processor seconds of all threads, which a busy machine disturbs least, and the result."""
    pixels = picture(height, width)
    spec = Spec.of(sides=parse_sides(sides), seed=1, allow_large=True)
    began = time.process_time()
    result = extended(pixels, spec, model)
    return time.process_time() - began, result


def count() -> None:
    print(f"SDXL's profile, --sides {ADDED}: what is added grows with the height")
    print(f"{'picture':>12}{'calls':>8}{'megapixels':>12}{'per 1000 px of side':>21}{'CPU s beside':>14}")
    for height, width in COUNTED:
        model = Counting()
        seconds, _ = run(height, width, ADDED, model)
        shown = f"{width}x{height}"
        share = model.calls / height * 1000
        print(f"{shown:>12}{model.calls:>8}{model.pixels / 1e6:>12.1f}{share:>21.1f}{seconds:>14.2f}", flush=True)


def seconds() -> None:
    print(f"\nself, --sides {ADDED}")
    print(f"{'picture':>12}{'CPU s':>9}  work")
    run(64, 64, "0 16 0 0", SelfModel())  # compiles what is compiled when first used
    for height, width in TIMED:
        model = SelfModel()
        taken, _ = run(height, width, ADDED, model)
        spec = Spec.of(sides=parse_sides(ADDED), seed=1)
        work = effort(resolve(spec, model.profile, width=width, height=height))
        shown = f"{width}x{height}"
        print(f"{shown:>12}{taken:>9.1f}  {work}", flush=True)


def peak() -> float:
    """Most resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory_here(name: str, height: int, width: int, sides: str) -> None:
    """One measured run, in its own process; the small run first compiles what is compiled when first used."""
    model: Any = SelfModel() if name == "self" else Counting()
    extended(picture(64, 64), Spec.of(sides=parse_sides("0 16 0 0"), seed=1), model)
    before = peak()
    taken, result = run(height, width, sides, model)
    out = f"{result.pixels.shape[1]}x{result.pixels.shape[0]}"
    print(f"{name:>12}{out:>12}{before:>14.0f}{peak() - before:>14.0f}{taken:>9.1f}", flush=True)


def memory(size: str, sides: str, names: list[str]) -> None:
    print(f"\nmemory, {size} with --sides {sides}, MiB")
    print(f"{'model':>12}{'result':>12}{'before':>14}{'peak above':>14}{'CPU s':>9}", flush=True)
    for name in names:
        subprocess.run([sys.executable, __file__, "--here", name, "--memory-size", size, "--sides", sides], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="calls,seconds,memory")
    parser.add_argument("--memory-size", default="8000x6000", help="width x height of the picture")
    parser.add_argument("--sides", default="0 512 0 0", help="what the memory run adds")
    parser.add_argument("--models", default="counting,self", help="which models the memory run measures")
    parser.add_argument("--here", choices=["counting", "self"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    width, height = map(int, options.memory_size.split("x"))
    if options.here:
        memory_here(options.here, height, width, options.sides)
        return
    parts = options.parts.split(",")
    if "calls" in parts:
        count()
    if "seconds" in parts:
        seconds()
    if "memory" in parts:
        memory(options.memory_size, options.sides, options.models.split(","))


if __name__ == "__main__":
    main()
