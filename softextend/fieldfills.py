"""The fills that other outpainting tools use, each from its published description, for empty areas of any shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from softextend.errors import BadRequest
from softextend.fillparts import Floats, Ranged, inpaint, is_full, nearest_known, param, replicate, rounded
from softextend.reflection import Bounds, bounds, reflect

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]


def within(pixels: Pixels, known: Known, painted: npt.NDArray[np.floating[Any]]) -> Pixels:
    """The picture where it is known, and the levels `painted` (H, W, 3), 0 to 255, elsewhere."""
    return np.where(known[..., None], pixels, rounded(painted))


# --- the picture, mirrored -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror(Ranged):
    """The picture mirrored at its border, again and again where the new area is wider than the picture."""

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Reflect as cv2.BORDER_REFLECT does, holes over their nearest border; draws nothing from `rng`."""
        return pixels.copy() if is_full(known) else within(pixels, known, reflect(pixels, known, 1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch(Ranged):
    """The strip beside the border mirrored and stretched: colours go on, and no detail looks twice the same."""

    factor: float = param(2.0, "", 1, 16, "how much larger the strip is shown")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Mirror and stretch away from the border, bilinear; draws nothing from `rng`.

        The method "stretch" of github.com/Haoming02/sd-webui-mosaic-outpaint, with its default ratio, before its tiles.
        """
        return pixels.copy() if is_full(known) else within(pixels, known, reflect(pixels, known, self.factor))


@dataclass(frozen=True, kw_only=True, slots=True)
class Mosaic(Ranged):
    """The stretched strip as square tiles, fine beside the picture and coarse far from it."""

    fine: int = param(3, "px", 1, 64, "tiles beside the picture")
    coarse: int = param(24, "px", 1, 256, "largest tiles; sizes double from `fine` on")
    factor: float = param(2.0, "", 1, 16, "how much larger the strip beside the border is shown")

    def __post_init__(self) -> None:
        Ranged.__post_init__(self)
        if self.coarse < self.fine:
            raise BadRequest(f"--fill mosaic:fine={self.fine},coarse={self.coarse}: coarse must be at least fine")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Average the stretched strip over tiles; draws nothing from `rng`.

        After github.com/Haoming02/sd-webui-mosaic-outpaint and the post on r/StableDiffusion that it names ("Using
        mosaic tiles to outpaint"); there the tiles have one size. Tiles begin at the border, so none is cut by it.
        """
        if is_full(known):
            return pixels.copy()
        painted = reflect(pixels, known, self.factor)
        distance = np.where(known, np.float32(np.inf), nearest_known(known)[1])
        box = bounds(known)
        tiled = painted.copy()
        size = self.fine
        while size <= self.coarse:
            rows, columns = tile_starts(box, known.shape, size)
            mean, nearest = tile_means(painted, known, distance, rows, columns)
            inner = size == self.fine or nearest > 2 * size  # two tiles of a size, then the next size
            np.copyto(tiled, mean, where=np.broadcast_to(np.asarray(inner)[..., None], mean.shape))
            size *= 2
        return within(pixels, known, tiled)


def tile_starts(box: Bounds, shape: tuple[int, ...], size: int) -> tuple[Whole, Whole]:
    """First rows and first columns of tiles of `size` px that begin at the border of `box` on every side."""
    return axis_starts(box.top, box.bottom, shape[0], size), axis_starts(box.left, box.right, shape[1], size)


def axis_starts(low: int, high: int, length: int, size: int) -> Whole:
    """The same along one axis of `length` px; from `low` to `high` tiles are counted from `low`."""
    before = np.arange(low - size, -1, -size)
    inside = np.arange(low, high + 1, size)
    after = np.arange(high + 1, length, size)
    return np.unique(np.concatenate([[0], before, inside, after])).astype(np.intp)


def tile_means(
    painted: Floats, known: Known, distance: Floats, rows: Whole, columns: Whole
) -> tuple[Floats, npt.NDArray[np.float32]]:
    """Mean colour (H, W, 3) and least distance (H, W) of the empty pixels of the tile that each pixel lies in."""
    empty = (~known).astype(np.float32)
    total = np.add.reduceat(np.add.reduceat(painted * empty[..., None], rows, axis=0), columns, axis=1)
    count = np.add.reduceat(np.add.reduceat(empty, rows, axis=0), columns, axis=1)
    nearest = np.minimum.reduceat(np.minimum.reduceat(distance, rows, axis=0), columns, axis=1)
    high = np.diff(np.append(rows, known.shape[0]))
    wide = np.diff(np.append(columns, known.shape[1]))
    mean = total / np.maximum(count, 1)[..., None]
    return (
        mean.repeat(high, axis=0).repeat(wide, axis=1).astype(np.float32),
        nearest.repeat(high, axis=0).repeat(wide, axis=1),
    )


# --- the edge, smoothed ----------------------------------------------------------------------------------------------

LADDER = (1, 1 / 2, 1 / 4, 1 / 16, 1 / 32)  # box radii as parts of the largest: 64, 32, 16, 4, 2 px; Fooocus


@dataclass(frozen=True, kw_only=True, slots=True)
class Blur(Ranged):
    """The edge repeated, then blurred ever finer with the picture put back: its colours flow outward."""

    radius: int = param(64, "px", 1, 512, "radius of the widest box")
    repeats: int = param(4, "", 1, 16, "blurs with each box")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Replicate, then a pyramid of box blurs; draws nothing from `rng`.

        As github.com/lllyasviel/Fooocus does (modules/inpaint_worker.py); in float32, so that 20 blurs do not round
        20 times. Known pixels farther than `radius` from the empty ones are never read, so they are left out.
        """
        if is_full(known):
            return pixels.copy()
        box = bounds(~known)
        rows = slice(max(0, box.top - self.radius), box.bottom + self.radius + 1)
        columns = slice(max(0, box.left - self.radius), box.right + self.radius + 1)
        kept = known[rows, columns][..., None]
        original = replicate(pixels, known)[rows, columns].astype(np.float32)
        flowing = original.copy()
        for part in LADDER:
            side = 2 * max(1, round(self.radius * part)) + 1
            for _ in range(self.repeats):
                flowing = cv2.blur(flowing, (side, side), borderType=cv2.BORDER_REPLICATE)
                np.copyto(flowing, original, where=kept)
        painted = pixels.copy()
        painted[rows, columns] = within(pixels[rows, columns], known[rows, columns], flowing)
        return painted


FLIPS = (np.s_[:, :], np.s_[::-1, :], np.s_[:, ::-1], np.s_[::-1, ::-1])  # of rows and columns; each undoes itself


@dataclass(frozen=True, kw_only=True, slots=True)
class NS(Ranged):
    """Smooth continuation along the lines of equal brightness (Navier-Stokes), then blurred."""

    radius: float = param(3.0, "px", 1, 20, "neighbourhood that each pixel is continued from")
    blur: int = param(65, "px", 1, 513, "window of the blur, odd; 1 = none")

    def __post_init__(self) -> None:
        Ranged.__post_init__(self)
        if self.blur % 2 == 0:
            raise BadRequest(f"--fill ns:blur={self.blur}: must be an odd number from 1 to 513 px")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Inpaint (Bertalmio, Bertozzi, Sapiro 2001), blur the empty area; draws nothing from `rng`.

        The fill "border" of github.com/Acly/krita-ai-diffusion; `blur` and its sigma are those of its node
        INPAINT_MaskedBlur in github.com/Acly/comfyui-inpaint-nodes. OpenCV's form draws straight lines to the right and
        downward and bends them to the left and upward, so the mean over all four flips is taken.
        """
        if is_full(known):
            return pixels.copy()
        painted = np.zeros(pixels.shape, np.float32)
        for flip in FLIPS:
            painted += inpaint(pixels[flip], known[flip], self.radius, cv2.INPAINT_NS)[flip] / len(FLIPS)
        if self.blur > 1:
            sigma = 0.3 * (self.blur - 1) + 0.8  # px; a window cut at 1.6 sigma
            painted = cv2.GaussianBlur(painted, (self.blur, self.blur), sigma, borderType=cv2.BORDER_REFLECT_101)
        return within(pixels, known, painted)


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
    """1 / ((1 + u^2)(1 + v^2)), the weight of mk2's noise, as `rfft2` lays it out; u, v = +-1 at the shorter side's
    highest frequency and +-aspect ratio at the longer side's."""
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
