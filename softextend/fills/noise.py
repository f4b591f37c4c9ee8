"""The fills `spectral` and `noise`: noise shaped by the picture's own spectrum, or as a model's latents are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from softextend.errors import BadRequest
from softextend.fills.base import Doubles, Ranged, is_full, param, rounded

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


# --- noise -----------------------------------------------------------------------------------------------------------

PHASES = ("picture", "random")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spectral(Ranged):
    """Noise with the picture's own spectrum and histogram: its detail and its colours, as a texture."""

    falloff: float = param(1.0, "", 0, 4, "exponent of the picture's spectrum; lower = finer detail")
    variation: float = param(0.05, "", 0, 1, "colour of the noise; 0 = grey")
    phase: str = param("picture", "", None, None, "picture = its shapes shine through, random = none do")

    def __post_init__(self) -> None:
        Ranged.__post_init__(self)
        if self.phase not in PHASES:
            raise BadRequest(f"--fill spectral:phase={self.phase}: must be {' or '.join(PHASES)}")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Shape noise in the frequency domain, then match its histogram to the picture's, per channel.

        "Outpainting mk2" of github.com/AUTOMATIC1111/stable-diffusion-webui (scripts/outpainting_mk_2.py), from
        github.com/parlance-zz/g-diffuser-bot: |noise spectrum|^2 x |picture's spectrum|^falloff. Its phase is the
        picture's, so that faint copies of it show; `phase=random` keeps the noise's own. There the empty area is
        filled with a mean that counts it as black; here with the mean of what is known.
        """
        if is_full(known):
            return pixels.copy()
        noise = rng.random((*known.shape, 3))
        grey = noise.mean(axis=-1)
        painted = pixels.copy()
        for channel in range(3):
            tinted = self.variation * noise[..., channel] + (1 - self.variation) * grey
            levels = pixels[..., channel]
            scene = np.where(known, levels, levels[known].mean()) / 255
            painted[..., channel][~known] = match_histogram(self.shaped(tinted, scene)[~known], levels[known])
        return painted

    def shaped(self, noise: Doubles, scene: Doubles) -> Doubles:
        """Both (H, W) -> noise with the spectrum of `scene`, in arbitrary units."""
        drawn = np.fft.rfft2(noise) * spectral_window(noise.shape)
        seen = np.fft.rfft2(scene)
        size = np.abs(seen)
        turn, length = (seen, size) if self.phase == "picture" else (drawn, np.abs(drawn))
        phase = np.divide(turn, length, out=np.zeros_like(turn), where=length > 0)
        return np.fft.irfft2(np.abs(drawn) ** 2 * size**self.falloff * phase, noise.shape)


def spectral_window(shape: tuple[int, ...]) -> Doubles:
    """Weight in (0, 1] of mk2's noise, 1 / ((1 + u^2)(1 + v^2)), as `rfft2` lays it out: float64 (H, W // 2 + 1).

    u, v = +-1 at the shorter side's highest frequency and +-aspect ratio at the longer side's.
    """
    height, width = shape
    v = 2 * np.fft.fftfreq(height) * height / min(shape)
    u = 2 * np.fft.rfftfreq(width) * width / min(shape)
    return 1 / ((1 + u[None, :] ** 2) * (1 + v[:, None] ** 2))


def match_histogram(values: Doubles, levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """values (n,), levels (m,) -> (n,) levels in the order of the values, distributed as `levels` are."""
    rank = np.empty(len(values), np.intp)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return np.sort(levels)[(2 * rank + 1) * len(levels) // (2 * len(values))]


# T. A. Vass, "Explaining the SDXL latent space" (huggingface.co, 2023): 8-bit RGB of SDXL's four latents, linear.
LATENT_RGB = np.array([(60, 60, 60), (-60, -5, 10), (25, 15, -5), (-70, -50, -35)], np.float32)
LATENT_GREY = np.array((150, 140, 130), np.float32)  # of a latent of zeros


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise(Ranged):
    """Gaussian noise as SDXL's latents would show it: nothing to hold on to, the model starts from scratch."""

    spread: float = param(1.0, "", 0, 4, "standard deviation, in latents; 1 = what a sampler starts from")
    cell: int = param(8, "px", 1, 64, "side of the squares that share a value; 8 = one latent of SDXL")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Draw four values a cell, show them as RGB, clip to 0 to 255 ("latent noise" of stable-diffusion-webui).

        Before clipping the mean is `LATENT_GREY` and the standard deviation `spread` times the length of the columns
        of `LATENT_RGB`: 113, 80 and 70 levels in red, green and blue.
        """
        if is_full(known):
            return pixels.copy()
        height, width = known.shape
        cells = (-(-height // self.cell), -(-width // self.cell), len(LATENT_RGB))
        shown = rounded(LATENT_GREY + self.spread * rng.standard_normal(cells, np.float32) @ LATENT_RGB)
        squares = shown.repeat(self.cell, axis=0).repeat(self.cell, axis=1)
        return np.where(known[..., None], pixels, squares[:height, :width])
