"""The fill `perlin`: the picture's edge, warped by Perlin noise, under a coloured haze; SoftExtend."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.fills.base import Floats, Ranged, colours_at, is_full, nearest_known, param
from softextend.fills.perlin_noise import Field, Octaves, TiledOctaves, draw_octaves, look_up, span, table_field, tiles

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


# --- the stirred, noised edge ----------------------------------------------------------------------------------------

TWIN = (5.2, 1.3)  # px between the two components of the domain warp; I. Quilez, "domain warping", as SoftExtend
CHANNELS = (0.0, 100.0, 200.0)  # px along both axes between the colour channels; SoftExtend
REACH = 1.0  # |fractal noise| that the tabled field allows for, over 4 standard deviations at the default gain


@dataclass(frozen=True, kw_only=True, slots=True)
class Perlin(Ranged):
    """The picture's edge, stirred and mixed with colour noise: colours to start from, texture to work with."""

    opacity: float = param(0.5, "", 0, 1, "share of colour noise")
    scale: float = param(80.0, "px", 4, 2000, "largest detail of the colour noise")
    octaves: int = param(5, "", 1, 8, "layers of ever finer noise")
    lacunarity: float = param(2.0, "", 1.1, 4, "how much finer each layer is")
    gain: float = param(0.5, "", 0, 1, "how strong each layer is beside the one before")
    warp: float = param(80.0, "px", 0, 400, "how far the noise bends itself")
    saturation: float = param(1.5, "", 0, 4, "colour of the noise; 0 = grey")
    blur: float = param(2.0, "px", 0, 20, "softening of the noise (sigma)")
    stir: float = param(12.0, "px", 0, 200, "how far the edge's colours are moved")
    stir_scale: float = param(100.0, "px", 4, 2000, "largest swirl")
    stir_octaves: int = param(4, "", 1, 8, "layers of ever finer swirls")
    fade: float = param(40.0, "px", 0, 500, "distance from the picture over which stir and noise set in")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Replicate, stir, mix with noise; pixels beside the picture keep its colours so that no edge shows."""
        if is_full(known):
            return pixels.copy()
        swirl = TiledOctaves(draw_octaves(rng, self.stir_octaves, scale=self.stir_scale))
        color = draw_octaves(rng, self.octaves, scale=self.scale, lacunarity=self.lacunarity, gain=self.gain)
        source, distance = nearest_known(known)
        replicated = colours_at(pixels, source)
        tabled = self.table(color, ~known)
        fade = max(1.0, min(self.fade, float(distance.max()) / 2))  # narrow sides get their noise too
        painted = replicated.copy()
        for rows, columns in tiles(~known):
            empty = ~known[rows, columns]
            onset = smoothstep(distance[rows, columns] / fade)
            share = np.float32(self.opacity) * onset[..., None]
            stirred = look_up(replicated, *self.stirred(swirl, onset, rows, columns))
            mixed = stirred * (1 - share) + self.noised(tabled, rows, columns) * share
            np.copyto(painted[rows, columns], np.rint(mixed).astype(np.uint8), where=empty[..., None])
        return painted

    def stirred(self, swirl: TiledOctaves, onset: Floats, rows: slice, columns: slice) -> tuple[Floats, Floats]:
        """x, y (h, w) in px that each pixel of a tile takes its colour from; onset (h, w) in [0, 1] of `stir`."""
        x, y = span(columns), span(rows)
        angle = swirl.grid(columns, rows) * np.float32(2 * np.pi / swirl.octaves.amplitude)
        reach = np.float32(self.stir) * onset
        return (
            (x[None, :] + reach * np.cos(angle)).astype(np.float32),
            (y[:, None] + reach * np.sin(angle)).astype(np.float32),
        )

    def table(self, color: Octaves, empty: Known) -> Field:
        """Table the noise over the box around `empty` and all that blur, warp and channels reach from it."""
        rows, columns = np.flatnonzero(empty.any(axis=1)), np.flatnonzero(empty.any(axis=0))
        before = math.ceil(self.warp * REACH) + self.margin + 1
        after = before + math.ceil(max(CHANNELS) + max(TWIN)) + 1
        left, top = int(columns[0]) - before, int(rows[0]) - before
        return table_field(color, left, top, int(columns[-1]) + after, int(rows[-1]) + after)

    def noised(self, noise: Field, rows: slice, columns: slice) -> Floats:
        """Colour noise of one tile (h, w, 3), 0 to 255: noise bent by itself, saturated, blurred."""
        x, y = np.meshgrid(span(columns, self.margin), span(rows, self.margin))
        channels = []
        for shift in CHANNELS:
            u, v = (x + shift).astype(np.float32), (y + shift).astype(np.float32)
            twin = noise.at(u + np.float32(TWIN[0]), v + np.float32(TWIN[1]))
            bend = np.float32(self.warp)
            channels.append(noise.at(u + bend * noise.at(u, v), v + bend * twin))
        rgb = (np.stack(channels, axis=-1) + 1) / 2
        mean = ((rgb[..., 0] + rgb[..., 1] + rgb[..., 2]) / 3)[..., None]  # far quicker than over a last axis of three
        rgb = np.clip(mean + (rgb - mean) * np.float32(self.saturation), 0, 1) * 255
        if self.blur > 0:
            rgb = cv2.GaussianBlur(rgb, (2 * self.margin + 1,) * 2, self.blur)
        inside = slice(self.margin, -self.margin or None)
        return np.asarray(rgb[inside, inside])

    @property
    def margin(self) -> int:
        """px around a tile that its blur needs: three sigma."""
        return math.ceil(3 * self.blur)


def smoothstep(t: Floats) -> Floats:
    """t (...) -> 0 below 0, 1 above 1, level at both ends."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
