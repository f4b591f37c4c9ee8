"""A small picture with an empty side as the built-in model meets it, for tests that compare with plain sums."""

from __future__ import annotations

import numpy as np
import torch
from skimage import data
from torch import Tensor

from softextend.types import Conditioning, Scene


def noise_of(rng: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise, float32."""
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def small_picture(height: int = 20, width: int = 24, new: int = 6) -> tuple[Tensor, np.ndarray]:
    """A crop of a real photo in [-1, 1], (3, h, w), the last `new` columns unknown."""
    photo = data.astronaut()[100 : 100 + height, 180 : 180 + width]
    z0 = torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1).div(127.5).sub(1).contiguous()
    known = np.ones((height, width), np.bool_)
    known[:, width - new :] = False
    return z0, known


def scene_of(z0: Tensor, known: np.ndarray, seed: int = 1, change: np.ndarray | None = None) -> Scene:
    """z0 (B, 3, h, w) and a map that is 1 on the new area and fades inside the known one."""
    if change is None:
        near = np.stack([np.roll(~known, shift, 1) for shift in range(-3, 4)]).mean(0)
        change = np.where(known, near, 1).astype(np.float32)
    return Scene(
        z0=z0,
        change=torch.from_numpy(change)[None, None],
        known=known,
        filled=z0[:1],
        conditioning=Conditioning(),
        guidance=1.0,
        stage=0,
        seed=seed,
    )
