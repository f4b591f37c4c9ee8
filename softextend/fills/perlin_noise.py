"""Perlin noise as whole fields: what `noise.pnoise2` computes point by point, as products of small matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Axis = npt.NDArray[np.float64]  # one axis of a regular grid
Whole = npt.NDArray[np.int64]
PERIOD = 256  # lattice cells until the permutation table, and so the noise, repeats
TILE = 256  # px; narrow interpolation matrices: linear cost, and products that BLAS runs fastest on one thread
# K. Perlin, "Improving noise" (2002): the permutation, and the sixteen directions of `noise.pnoise2`. The table is
# written out because the copy in `noise.perlin` has one entry wrong, unlike the compiled one.
PERMUTATION: Whole = np.frombuffer(
    bytes.fromhex(
        "97a0895b5a0f830dc95f6035c2e907e18c24671e458e086325f0150a17be0694f778ea4b001ac53e5efcdbcb75230b2039b12158"
        "ed953857ae147d88aba844af4aa547868b301ba64d929ee7536fe57a3cd385e6dc695c29372ef528f4668f3641193fa101d85049"
        "d14c84bbd05912a9c8c4878274bc9f56a4646dc6adba034034d9e2fa7c7b05ca2693767eff5255d4cfce3be32f103a11b6bd1c2a"
        "dfb7aad577f898022c9aa346dd99659ba72bac09811627fd13626c6e4f71e0e8b2b97068daf661e4fb22f2c1eed2900cbfb3a2f1"
        "513391ebf90eef6b31c0d61fb5c76a9db854ccb07379322d7f0496fe8aeccd5dde72431d1848f38d80c34e42d73d9cb4"
    ),
    dtype=np.uint8,
).astype(np.int64)
GRADIENTS: Floats = np.array(
    [(1, 1), (-1, 1), (1, -1), (-1, -1)]
    + 2 * [(1, 0), (-1, 0)]
    + 2 * [(0, 1), (0, -1)]
    + [(1, 0), (-1, 0), (0, -1), (0, 1)],
    dtype=np.float32,
)


AxisWeights = tuple[Whole, Floats, Floats]


def axis_weights(u: Axis) -> AxisWeights:
    """u (n,) rising, in lattice cells -> lattice indices (m,) and two (n, m) matrices.

    The first matrix holds the quintic fade weights of the two lattice points beside each u, the second the same
    weights times the signed distance from those points to u.
    """
    cell = np.floor(u).astype(np.int64)
    t = u - cell
    fade = t**3 * (t * (t * 6 - 15) + 10)
    lattice = np.arange(cell[0], cell[-1] + 2)
    row, column = np.arange(len(u)), cell - cell[0]
    weight = np.zeros((len(u), len(lattice)), np.float32)
    slope = np.zeros_like(weight)
    weight[row, column], weight[row, column + 1] = 1 - fade, fade
    slope[row, column], slope[row, column + 1] = (1 - fade) * t, fade * (t - 1)
    return lattice, weight, slope


def perlin_grid(u: Axis, v: Axis) -> Floats:
    """`noise.pnoise2(u, v)` at all points of a regular grid, in lattice cells -> (len(v), len(u)).

    On a grid each fade weight is a product of one factor per axis, so the noise is a bilinear form of the lattice
    gradients G: `Wv Gx Su' + Sv Gy Wu'`. That is two matrix products instead of a call per pixel.
    """
    return lattice_noise(axis_weights(u), axis_weights(v))


def lattice_noise(columns: AxisWeights, rows: AxisWeights) -> Floats:
    """`perlin_grid` (len(v), len(u)) from the weights of u and v."""
    (i, wu, su), (j, wv, sv) = columns, rows
    corner = PERMUTATION[PERMUTATION[(PERMUTATION[i % PERIOD][None, :] + j[:, None]) % PERIOD]]
    gradient = GRADIENTS[corner % len(GRADIENTS)]
    value: Floats = wv @ gradient[..., 0] @ su.T + sv @ gradient[..., 1] @ wu.T
    return value


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Octaves:
    """Fractal noise: octave k has cells of scale / lacunarity^k px, amplitude gain^k and a phase of its own."""

    scale: float  # px
    lacunarity: float
    gain: float
    phases: npt.NDArray[np.float64]  # (octaves, 2) in lattice cells; apart, or every octave is 0 where the first is

    @property
    def amplitude(self) -> float:
        """The sum of the amplitudes, by which `noise.pnoise2(octaves=)` divides."""
        return sum(self.gain**k for k in range(len(self.phases)))

    def grid(self, x: Axis, y: Axis) -> Floats:
        """The sum at all (x, y) of a regular grid in px; octaves with cells below 1 px are left out, being unseen."""
        return self.between(self.along(x, 0), self.along(y, 1))

    def along(self, axis: Axis, direction: int) -> list[AxisWeights]:
        """What a grid's columns (direction 0) or rows (1) at px, float64 (N,), have in common, by octave."""
        frequencies = [self.lacunarity**k / self.scale for k in range(len(self.phases))]
        seen = zip(frequencies, self.phases[:, direction], strict=True)
        return [axis_weights(axis * frequency + phase) for frequency, phase in seen if frequency <= 1]

    def between(self, columns: list[AxisWeights], rows: list[AxisWeights]) -> Floats:
        """`grid`, float32 (rows, columns), from what `along` gave."""
        total = lattice_noise(columns[0], rows[0])  # the first is always seen
        for k in range(1, len(columns)):
            total += np.float32(self.gain**k) * lattice_noise(columns[k], rows[k])
        return total


class TiledOctaves:
    """Fractal noise by tiles: what the tiles of one column or row have in common is worked out once."""

    def __init__(self, octaves: Octaves) -> None:
        self.octaves = octaves
        self._along: dict[tuple[int, int, int], list[AxisWeights]] = {}

    def grid(self, columns: slice, rows: slice) -> Floats:
        """`Octaves.grid` at every pixel of a tile, canvas coordinates; float32 (rows, columns)."""
        return self.octaves.between(self._of(columns, 0), self._of(rows, 1))

    def _of(self, part: slice, direction: int) -> list[AxisWeights]:
        key = part.start, part.stop, direction
        if key not in self._along:
            self._along[key] = self.octaves.along(span(part), direction)
        return self._along[key]


def draw_octaves(
    rng: np.random.Generator, octaves: int, *, scale: float, lacunarity: float = 2.0, gain: float = 0.5
) -> Octaves:
    """Draw the phases of fractal noise; the defaults are those of `noise.pnoise2(octaves=)`."""
    phases = rng.uniform(0, PERIOD, (octaves, 2))
    return Octaves(scale=scale, lacunarity=lacunarity, gain=gain, phases=phases)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Field:
    """Fractal noise tabled at every pixel of a box of the canvas, to be looked up between pixels."""

    values: Floats
    left: int  # canvas coordinate of column 0
    top: int  # canvas coordinate of row 0

    def at(self, x: Floats, y: Floats) -> Floats:
        """Values at canvas coordinates (h, w), within 0.004 of exact for cells of 5 px; mirrored beyond the box."""
        return look_up(self.values, x - self.left, y - self.top)


def table_field(octaves: Octaves, left: int, top: int, right: int, bottom: int) -> Field:
    """Evaluate fractal noise at every pixel of the half-open box, tile by tile: cost is linear in its area."""
    values, tiled = np.empty((bottom - top, right - left), np.float32), TiledOctaves(octaves)
    for rows, columns in tiles(np.ones(values.shape, np.bool_)):
        across = slice(columns.start + left, columns.stop + left)
        values[rows, columns] = tiled.grid(across, slice(rows.start + top, rows.stop + top))
    return Field(values=values, left=left, top=top)


def tiles(empty: npt.NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Slices (rows, columns), TILE px or less on a side, that together hold all of `empty` (H, W)."""
    for top in range(0, empty.shape[0], TILE):
        for left in range(0, empty.shape[1], TILE):
            tile = empty[top : top + TILE, left : left + TILE]
            if tile.any():
                rows, columns = np.flatnonzero(tile.any(axis=1)), np.flatnonzero(tile.any(axis=0))
                yield slice(top + rows[0], top + rows[-1] + 1), slice(left + columns[0], left + columns[-1] + 1)


def span(of: slice, margin: int = 0) -> Axis:
    """Coordinates float64 (n,) of a slice and `margin` px on both sides, px."""
    return np.arange(of.start - margin, of.stop + margin, dtype=np.float64)


def look_up(image: npt.NDArray[np.generic], x: Floats, y: Floats) -> Floats:
    """Bilinear float32 values of an image (H, W[, C]) at (x, y) in px, both (h, w); mirrored beyond its border."""
    height, width = image.shape[:2]
    left, right = (int(np.clip(edge, 0, width)) for edge in (np.floor(x.min()), np.ceil(x.max()) + 1))
    top, bottom = (int(np.clip(edge, 0, height)) for edge in (np.floor(y.min()), np.ceil(y.max()) + 1))
    left, top = min(left, width - 1), min(top, height - 1)
    part = image[top : max(bottom, top + 1), left : max(right, left + 1)].astype(np.float32)
    found: Floats = cv2.remap(
        part,
        (x - left).astype(np.float32),
        (y - top).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return found
