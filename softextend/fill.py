"""What the empty part of a canvas is painted with before a model sees it; the original is never altered."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from softextend.errors import BadRequest
from softextend.fieldfills import NS, Blur, Mirror, Mosaic, Noise, Spectral, Stretch
from softextend.fillparts import Floats, Ranged, check_range, inpaint, is_full, nearest_known, param, replicate, rounded
from softextend.noisefield import Field, Octaves, draw_octaves, look_up, span, table_field, tiles
from softextend.patch import Patch
from softextend.types import FillName

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


class Fill(Protocol):
    """One way to paint what is empty; its parameters are its fields."""

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Return a painted copy: equal to `pixels` where `known`; raise BadRequest where nothing is known."""

    def shortfall(self, known: Known) -> str | None:
        """What `paint` does in place of what it is for, where too little is `known` (H, W) for that; None if enough."""


# --- the edge ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge(Ranged):
    """The nearest pixel of the picture, repeated outward."""

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Replicate; draws nothing from `rng`."""
        return pixels.copy() if is_full(known) else replicate(pixels, known)


# --- one colour, and inpainting ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Gray(Ranged):
    """One colour, neutral grey unless told."""

    color: str = param("#808080", "", None, None, "colour as #rrggbb")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.color):
            raise BadRequest(f"--fill gray:color={self.color}: must be #rrggbb in hexadecimal, such as #808080")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Paint the colour; draws nothing from `rng`."""
        is_full(known)
        painted = pixels.copy()
        painted[~known] = np.frombuffer(bytes.fromhex(self.color[1:]), np.uint8)
        return painted


@dataclass(frozen=True, kw_only=True, slots=True)
class Telea(Ranged):
    """Smooth continuation by fast marching (Telea 2004); soft streaks where the empty area is wide."""

    radius: float = param(3.0, "px", 1.0, 20.0, "neighbourhood that each pixel is continued from")

    def paint(self, pixels: Pixels, known: Known, rng: np.random.Generator) -> Pixels:
        """Inpaint with OpenCV; draws nothing from `rng`; time grows with the empty area."""
        if is_full(known):
            return pixels.copy()
        return np.where(known[..., None], pixels, rounded(inpaint(pixels, known, self.radius, cv2.INPAINT_TELEA)))


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
        swirl = draw_octaves(rng, self.stir_octaves, scale=self.stir_scale)
        color = draw_octaves(rng, self.octaves, scale=self.scale, lacunarity=self.lacunarity, gain=self.gain)
        source, distance = nearest_known(known)
        replicated = pixels.reshape(-1, 3)[source]
        tabled = self.table(color, ~known)
        fade = max(1.0, min(self.fade, float(distance.max()) / 2))  # narrow sides get their noise too
        painted = replicated.copy()
        for rows, columns in tiles(~known):
            empty = ~known[rows, columns]
            onset = smoothstep(distance[rows, columns] / fade)
            share = np.float32(self.opacity) * onset[..., None]
            stirred = look_up(replicated, *self.stirred(swirl, onset, rows, columns))
            mixed = stirred * (1 - share) + self.noised(tabled, rows, columns) * share
            painted[rows, columns][empty] = np.rint(mixed[empty]).astype(np.uint8)
        return painted

    def stirred(self, swirl: Octaves, onset: Floats, rows: slice, columns: slice) -> tuple[Floats, Floats]:
        """Where each pixel of a tile takes its colour from, in px: `stir` px away at an angle that is noise."""
        x, y = span(columns), span(rows)
        angle = swirl.grid(x, y) * np.float32(2 * np.pi / swirl.amplitude)
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
        mean = rgb.mean(axis=-1, keepdims=True)
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
    """0 below 0, 1 above 1, level at both ends."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


# --- by name ---------------------------------------------------------------------------------------------------------

FILLS: dict[FillName, type[Fill]] = {
    FillName.PERLIN: Perlin,
    FillName.TELEA: Telea,
    FillName.GRAY: Gray,
    FillName.EDGE: Edge,
    FillName.PATCH: Patch,
    FillName.MIRROR: Mirror,
    FillName.BLUR: Blur,
    FillName.NS: NS,
    FillName.MOSAIC: Mosaic,
    FillName.SPECTRAL: Spectral,
    FillName.STRETCH: Stretch,
    FillName.NOISE: Noise,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ParameterRow:
    """One parameter of a fill, for a table."""

    name: str
    default: str
    unit: str
    range: str
    help: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FillRow:
    """One fill, for a table."""

    name: str
    meaning: str
    parameters: tuple[ParameterRow, ...]


def describe_fills() -> list[FillRow]:
    """Every fill with its parameters."""
    return [
        FillRow(
            name=name.value,
            meaning=(kind.__doc__ or "").splitlines()[0],
            parameters=tuple(_describe(spec) for spec in parameters(kind)),
        )
        for name, kind in FILLS.items()
    ]


def _describe(spec: dataclasses.Field[Any]) -> ParameterRow:
    low, high = spec.metadata.get("low"), spec.metadata.get("high")
    return ParameterRow(
        name=spec.name,
        default=_text(spec.default),
        unit=spec.metadata.get("unit", ""),
        range="" if low is None else f"{low:g} to {high:g}",
        help=spec.metadata.get("help", ""),
    )


def parameters(fill: type[Fill] | Fill) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a fill."""
    return dataclasses.fields(fill)  # type: ignore[arg-type]


def parse_fill(text: str) -> Fill:
    """Read "name" or "name:key=value,..."; raise BadRequest that lists what is valid."""
    name, options = (part.strip() for part in text.partition(":")[::2])
    valid = [fill.value for fill in FILLS]
    if name not in valid:
        raise BadRequest(f"--fill {name}: no such fill; there are {', '.join(valid)}")
    kind: Callable[..., Fill] = FILLS[FillName(name)]
    specs = {spec.name: spec for spec in parameters(FILLS[FillName(name)])}
    values: dict[str, Any] = {}
    for option in filter(None, (part.strip() for part in options.split(","))):
        key, equals, value = (part.strip() for part in option.partition("="))
        if key not in specs:
            listed = f"it takes {', '.join(specs)}" if specs else "it takes none"
            raise BadRequest(f"--fill {name}:{option}: {name} has no parameter {key!r}; {listed}")
        if key in values or not equals:
            raise BadRequest(f"--fill {name}:{option}: write each parameter once, as key=value")
        values[key] = _read(f"--fill {name}:{option}", specs[key], value)
    fill = kind(**values)
    for spec in specs.values():
        check_range(fill, spec)
    return fill


def _read(option: str, spec: dataclasses.Field[Any], value: str) -> Any:
    """Turn a value's text into the type of its field's default."""
    read: Callable[[str], Any] = type(spec.default)
    try:
        return read(value)
    except ValueError:
        kind = "a whole number" if isinstance(spec.default, int) else "a number"
        row = _describe(spec)
        raise BadRequest(f"{option}: must be {kind} from {row.range} {row.unit}".rstrip()) from None


def format_fill(fill: Fill) -> str:
    """Write a fill with all its parameters, as `parse_fill` reads it; raise BadRequest for one not in `FILLS`."""
    for name, kind in FILLS.items():
        if type(fill) is kind:
            options = ",".join(f"{spec.name}={_text(getattr(fill, spec.name))}" for spec in parameters(fill))
            return f"{name.value}:{options}" if options else name.value
    raise BadRequest(f"{fill!r}: no such fill; there are {', '.join(name.value for name in FILLS)}")


def _text(value: Any) -> str:
    """The shortest text that reads back as the same value."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
