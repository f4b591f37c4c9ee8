"""Windows denoised together: where they overlap, their predictions are averaged (MultiDiffusion, arXiv:2302.08113).

The sampler sees one large latent and one denoiser. Encoding and decoding go window by window with the same weights, so
that a VAE never holds more than one window.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend import arrays
from softextend.sampling.together import predict_rows
from softextend.types import Box, Model, Predict, Scene

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Part:
    """A window of a latent: what cuts it out of (B, C, h, w), and its share of each latent, (h, w) in (0, 1]."""

    cut: tuple[slice, slice]
    share: Any

    def of(self, latents: Tensor) -> Tensor:
        """float32 (B, C, h, w) -> the window's part, a view."""
        return latents[..., self.cut[0], self.cut[1]]


def taper(length: int, ramp: float) -> Floats:
    """(length,) float32: sin^2 from nearly 0 to 1 over `ramp` at both ends, above 0; two that overlap so sum to 1."""
    at = np.arange(length) + 0.5
    rise = np.minimum(np.minimum(at, length - at), ramp) / max(ramp, 1)
    return np.asarray(np.sin(rise * math.pi / 2) ** 2, np.float32)


def weight(height: int, width: int, ramp: float) -> Floats:
    """(height, width) float32: how much a window counts, most in its middle."""
    return taper(height, ramp)[:, None] * taper(width, ramp)[None, :]


def make_parts(windows: Sequence[Box], factor: int, ramp: float) -> tuple[Part, ...]:
    """Windows in px of their region, `ramp` px of each blended -> parts of its latent; shares sum to 1."""
    boxes = [
        Box(
            top=each.top // factor,
            left=each.left // factor,
            bottom=-(-each.bottom // factor),
            right=-(-each.right // factor),
        )
        for each in windows
    ]
    total = np.zeros((max(each.bottom for each in boxes), max(each.right for each in boxes)), np.float32)
    for box in boxes:
        total[box.cut] += weight(box.height, box.width, ramp / factor)
    return tuple(
        Part(cut=box.cut, share=weight(box.height, box.width, ramp / factor) / total[box.cut]) for box in boxes
    )


def encode(model: Model, pixels: Tensor, parts: Sequence[Part]) -> Tensor:
    """pixels float32 (1, 3, H, W) in [-1, 1] -> latents (1, C, h, w), 0 where no window is."""
    if len(parts) == 1:
        return model.encode(pixels)
    z0: Any = None
    for part in parts:
        rows, columns = (slice(each.start * model.factor, each.stop * model.factor) for each in part.cut)
        z = model.encode(pixels[..., rows, columns])
        if z0 is None:
            size = [extent // model.factor for extent in pixels.shape[-2:]]
            z0 = arrays.zeros((*z.shape[:2], *size), z)
        part.of(z0)[...] += z * arrays.like(z, part.share)
    encoded: Tensor = z0
    return encoded


def predict(model: Model, scenes: Sequence[Scene], parts: Sequence[Part]) -> Predict:
    """The denoiser of scenes, a row each, as the mean of their windows' own, each of which sees its part alone."""
    if len(parts) == 1:
        return predict_rows(model, scenes)
    z0 = scenes[0].z0
    parts = [replace(each, share=arrays.like(z0, each.share)) for each in parts]  # once, not at every step
    shown = [[part_of(each, part, model.factor) for each in scenes] for part in parts]
    return functools.partial(_mean, parts, [predict_rows(model, each) for each in shown])


def part_of(scene: Scene, part: Part, factor: int) -> Scene:
    """What a window shows of a scene."""
    rows, columns = (slice(each.start * factor, each.stop * factor) for each in part.cut)
    return replace(
        scene,
        z0=part.of(scene.z0),
        change=part.of(scene.change),
        known=scene.known[rows, columns],
        filled=scene.filled[..., rows, columns],
        box=None if scene.box is None else shifted(scene.box, rows, columns),
    )


def shifted(box: Box, rows: slice, columns: slice) -> Box:
    """A window's box on the canvas, of one whose rows and columns count within a region's box."""
    return Box(
        top=box.top + rows.start,
        left=box.left + columns.start,
        bottom=box.top + rows.stop,
        right=box.left + columns.stop,
    )


def _mean(parts: Sequence[Part], denoisers: Sequence[Predict], x: Tensor, t: float, keep: Tensor) -> Tensor:
    mean: Tensor = arrays.zeros(x.shape, x)
    for part, denoise in zip(parts, denoisers, strict=True):
        part.of(mean)[...] += denoise(part.of(x), t, part.of(keep)) * part.share
    return mean
