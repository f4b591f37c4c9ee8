"""A model for tests: the latents are 8x8 box means, the denoiser a squashing function. Fast, exact, no weights."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from softextend.models import find, load
from softextend.models.profiles import SELF_PROFILE
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.types import Conditioning, Encoded, Predict, Profile, SamplerName, Scene, Stage

if TYPE_CHECKING:
    import pytest

FACTOR = 8  # px per latent
LOAD_MODEL = load.load_model

TOY_PROFILE = Profile(
    name="toy",
    fill="edge",
    stages=(Stage(strength=0.8, steps=5),),
    guidance=1.0,
    sampler=SamplerName.EULER,
    window=1024,
    overlap=8,
    feather=16,
)


class ToyModel:
    """`encode` and `decode` are each other's inverse on latents; `predict` depends on the prompt and the noise."""

    name = "toy"
    profile = TOY_PROFILE
    schedule = STABLE_DIFFUSION
    factor = FACTOR

    def as_dict(self) -> dict[str, Any]:
        """What a recipe records."""
        return {"name": self.name, "hash": None, "device": "cpu", "dtype": "float32"}

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H / 8, W / 8)."""
        return F.avg_pool2d(pixels, FACTOR)

    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """(B, 3, h, w) -> (B, 3, 8 h, 8 w)."""
        return F.interpolate(z, scale_factor=FACTOR, mode="nearest")

    def preview(self, z: Tensor) -> Tensor:
        """The latents are small pixels."""
        return z

    def embed(self, prompt: str, negative: str, photo: object = None) -> Conditioning:
        """A number in [0.5, 1) that differs between prompts."""
        number = 0.5 + (sum(map(ord, prompt)) - sum(map(ord, negative))) % 97 / 194
        return Conditioning(prompt=Encoded(hidden=torch.full((1, 1, 1), number)))

    def predict(self, scene: Scene) -> Predict:
        """(x, t, keep) -> tanh(x), scaled by the prompt's number."""
        told = scene.conditioning.prompt
        assert told is not None
        number = float(told.hidden)

        def noise(x: Tensor, t: float, keep: Tensor) -> Tensor:
            return torch.tanh(x) * number

        return noise

    def reduce_memory(self) -> str | None:
        """There is nothing to offload."""
        return None


class Exact(ToyModel):
    """Latents are pixels, and the denoiser asks for what it was given: the fill comes back, decoded."""

    factor = 1
    profile = dataclasses.replace(TOY_PROFILE, fill="mirror", overlap=8, feather=16)

    def encode(self, pixels: Tensor) -> Tensor:
        return pixels

    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        return z

    def predict(self, scene: Scene) -> Predict:
        def noise(x: Tensor, t: float, keep: Tensor) -> Tensor:
            sigma = self.schedule.sigma_at(t)
            return (x * (1 + sigma**2) ** 0.5 - scene.z0) / sigma

        return noise


TOY_SELF = dataclasses.replace(SELF_PROFILE, fill=TOY_PROFILE.fill)


def put_toy(patched: pytest.MonkeyPatch, load_model: Callable[..., Any] | None = None) -> None:
    """The toy in place of every model, with its quick fill: `patch` takes four times the rest of a small picture."""
    patched.setattr(load, "load_model", load_model or load_toy)
    patched.setattr(find, "SELF_PROFILE", TOY_SELF)


def put_self(patched: pytest.MonkeyPatch) -> None:
    """The models themselves, after `put_toy`."""
    patched.setattr(load, "load_model", LOAD_MODEL)
    put_fill(patched)


def put_fill(patched: pytest.MonkeyPatch) -> None:
    """The built-in model's own fill, after `put_toy`."""
    patched.setattr(find, "SELF_PROFILE", SELF_PROFILE)


def load_toy(*_: Any, **__: Any) -> ToyModel:
    """In place of `softextend.models.load_model`; `TOY_DELAY` seconds per step let a test interrupt it."""
    delay = float(os.environ.get("TOY_DELAY", "0"))
    return SlowToy(delay) if delay else ToyModel()


class SlowToy(ToyModel):
    """A toy that takes its time."""

    def __init__(self, delay: float) -> None:
        self.delay = delay

    def predict(self, scene: Scene) -> Predict:
        """As the toy, `delay` seconds later."""
        quick = super().predict(scene)

        def slow(x: Tensor, t: float, keep: Tensor) -> Tensor:
            time.sleep(self.delay)
            return quick(x, t, keep)

        return slow


if __name__ == "__main__":  # the real command line, with the toy at the model seam: for tests that need a process
    from softextend import cli

    load.load_model, find.SELF_PROFILE = load_toy, TOY_SELF
    cli.main()
