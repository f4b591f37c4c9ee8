"""Toys for canvases in windows: a model that counts, small photos, and what no pass may change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import torch
from making import extended, full, plan_of
from skimage import data
from toymodel import TOY_PROFILE, ToyModel

from softextend.extend import Result
from softextend.options import Spec
from softextend.plan.canvas import grow
from softextend.plan.grammar import parse_sides
from softextend.plan.plan import Plan
from softextend.types import Model, Predict, Profile, Scene

SMALL = dataclasses.replace(TOY_PROFILE, window=128)  # so that pictures of a few hundred px are big


class Toy(ToyModel):
    """A toy that counts, with any denoiser and a decoder that may lose something."""

    def __init__(
        self,
        profile: Profile = SMALL,
        denoise: Callable[[torch.Tensor], torch.Tensor] | None = None,
        spoil: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        self.profile = profile
        self.denoise = denoise or (lambda x: torch.tanh(x) * 0.8)
        self.spoil = spoil or (lambda pixels: pixels)
        self.scenes: list[Scene] = []
        self.met: list[torch.Tensor] = []
        self.called: list[int] = []  # latents of each call

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        self.met.append(pixels)
        return super().encode(pixels)

    def decode(self, z: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
        return self.spoil(super().decode(z))

    def predict(self, scene: Scene) -> Predict:
        self.scenes.append(scene)

        def noise(x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
            self.called.append(x.shape[-1] * x.shape[-2])
            return self.denoise(x)

        return noise


def spec(sides: str, **more: object) -> Spec:
    return Spec.of(**{"sides": parse_sides(sides), "seed": 5, "allow_large": True, **more})


def photo(height: int, width: int) -> np.ndarray:
    return np.ascontiguousarray(cv2.resize(data.astronaut(), (width, height), interpolation=cv2.INTER_AREA))


def run(pixels: np.ndarray, asked: Spec, model: Model) -> Result:
    return extended(pixels, full(pixels), asked, model)


def settled(known: np.ndarray, sides: str, fill: str = "edge") -> tuple[Plan, np.ndarray]:
    plan = plan_of(known, spec(sides, fill=fill), SMALL)
    return plan, grow(np.zeros((*known.shape, 3), np.uint8), known, plan.canvas.sides)[1]
