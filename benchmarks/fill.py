"""Time the fills, and hold `perlin` against a plain scalar transcription of it: the same look, how much sooner?

    python benchmarks/fill.py                       # 768x1024 plus 256 px left and right
    python benchmarks/fill.py --fills perlin patch --size 512x512 --sides 0 128 0 128 --scalar none

The scalar form calls `noise.pnoise2` per pixel and octave, on the whole canvas as SoftExtend's published code does
and, for a fairer figure, on the empty pixels alone. Both forms draw the same phases, so their pictures are compared
directly.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from noise import pnoise2
from PIL import Image

from softextend.fill import FILLS, format_fill, parse_fill
from softextend.fills.base import Fill, nearest_known
from softextend.fills.perlin import Perlin
from softextend.fills.perlin_noise import Octaves, draw_octaves

Array = np.ndarray[Any, Any]


def scalar_fbm(x: float, y: float, octaves: Octaves) -> float:
    """Fractal noise at one point, px: one call per octave."""
    total, amplitude, frequency = 0.0, 1.0, 1.0 / octaves.scale
    for du, dv in octaves.phases.tolist():
        total += amplitude * pnoise2(x * frequency + du, y * frequency + dv)
        amplitude *= octaves.gain
        frequency *= octaves.lacunarity
    return total


def scalar_pattern(x: float, y: float, octaves: Octaves, warp: float) -> float:
    """Noise bent by itself at one point."""
    u = scalar_fbm(x, y, octaves)
    v = scalar_fbm(x + 5.2, y + 1.3, octaves)
    return scalar_fbm(x + warp * u, y + warp * v, octaves)


def scalar_fields(fill: Perlin, where: Array, seed: int) -> tuple[Array, Array]:
    """Angles (H, W) and raw colour noise (H, W, 3) at the pixels of `where` (H, W) bool; 0 elsewhere."""
    rng = np.random.default_rng(seed)
    swirl = draw_octaves(rng, fill.stir_octaves, scale=fill.stir_scale)
    color = draw_octaves(rng, fill.octaves, scale=fill.scale, lacunarity=fill.lacunarity, gain=fill.gain)
    angle, noise = np.zeros(where.shape), np.zeros((*where.shape, 3))
    for y, x in np.argwhere(where).tolist():
        angle[y, x] = scalar_fbm(x, y, swirl) / swirl.amplitude * 2 * math.pi
        for channel, shift in enumerate((0, 100, 200)):
            noise[y, x, channel] = scalar_pattern(x + shift, y + shift, color, fill.warp)
    return angle, noise


def scalar_perlin(fill: Perlin, pixels: Array, known: Array, where: Array, seed: int) -> Array:
    """The whole fill, noise evaluated point by point at `where`, everything else on whole arrays."""
    angle, noise = scalar_fields(fill, where, seed)
    source, distance = nearest_known(known)
    replicated = pixels.reshape(-1, 3)[source]
    t = np.clip(distance / max(1.0, min(fill.fade, float(distance.max()) / 2)), 0, 1)
    onset = t * t * (3 - 2 * t)
    y, x = np.mgrid[: known.shape[0], : known.shape[1]]
    from_x = (x + fill.stir * onset * np.cos(angle)).astype(np.float32)
    from_y = (y + fill.stir * onset * np.sin(angle)).astype(np.float32)
    stirred = cv2.remap(replicated, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    rgb = (noise + 1) / 2
    mean = rgb.mean(axis=-1, keepdims=True)
    rgb = np.clip(mean + (rgb - mean) * fill.saturation, 0, 1) * 255
    rgb = cv2.GaussianBlur(rgb, (0, 0), fill.blur)
    share = (fill.opacity * onset)[..., None]
    painted = np.rint(stirred * (1 - share) + rgb * share).astype(np.uint8)
    return np.where(known[..., None], pixels, painted)


def timed(call: Callable[[], Array], repeats: int) -> tuple[Array, list[float], list[float]]:
    """The last result, and wall-clock and process seconds of every run."""
    wall, process = [], []
    for _ in range(repeats):
        started, busy = time.perf_counter(), time.process_time()
        result = call()
        wall.append(time.perf_counter() - started)
        process.append(time.process_time() - busy)
    return result, wall, process


def paint(fill: Fill, pixels: Array, known: Array, seed: int) -> Array:
    """Paint with a generator of its own, so that every repeat does the same."""
    return fill.paint(pixels, known, np.random.default_rng(seed))


def canvas(photo: Path | None, width: int, height: int, sides: tuple[int, int, int, int]) -> tuple[Array, Array]:
    """A photo of this size on its larger canvas, and where it lies; scikit-image's astronaut unless told."""
    if photo is None:
        from skimage import data

        picture = Image.fromarray(data.astronaut())
    else:
        picture = Image.open(photo).convert("RGB")
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))
    top, right, bottom, left = sides
    known = np.pad(np.ones((height, width), np.bool_), ((top, bottom), (left, right)))
    return np.pad(pixels, ((top, bottom), (left, right), (0, 0))), known


def row(name: str, wall: list[float], process: list[float]) -> None:
    """Print one line of the table."""
    median, busy = statistics.median(wall), statistics.median(process)
    print(f"| {name:34} | {wall[0]:9.3f} | {median:9.3f} | {min(wall):9.3f} | {busy:9.3f} |", flush=True)


def compare_scalar(pixels: Array, known: Array, seed: int, kind: str, repeats: int) -> None:
    """Print seconds of both forms of `perlin`, their ratio and the distance between their pictures."""
    fill = Perlin()
    fast, wall, busy = timed(partial(paint, fill, pixels, known, seed), repeats)
    row("perlin, beside its scalar form", wall, busy)
    wheres = {"whole": np.ones_like(known), "empty": ~known}
    for name in ("whole", "empty") if kind == "both" else (kind,):
        where = wheres[name]
        slow, slow_wall, slow_busy = timed(partial(scalar_perlin, fill, pixels, known, where, seed), 1)
        row(f"perlin, scalar pnoise2, {name}", slow_wall, slow_busy)
        ratio, ratio_busy = slow_wall[0] / statistics.median(wall), slow_busy[0] / statistics.median(busy)
        print(f"  {ratio:.0f} times faster by the clock, {ratio_busy:.0f} times in process time")
        print(f"  same seed: {apart(fast, slow, known, math.ceil(3 * fill.blur))}")


def apart(a: Array, b: Array, known: Array, margin: int) -> str:
    """Say how far two fills lie apart; `margin` px at the canvas border are left out: there only one sees beyond."""
    inner = np.zeros_like(known)
    inner[margin:-margin, margin:-margin] = ~known[margin:-margin, margin:-margin]
    levels = np.abs(a[inner].astype(float) - b[inner])
    return f"mean |difference| {levels.mean():.3f}, most {levels.max():.0f} of 255 levels"


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description="Time the fills.", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--fills", nargs="+", default=[name.value for name in FILLS], help="name or name:key=value,...")
    parser.add_argument("--photo", type=Path, help="picture to extend; scaled to --size")
    parser.add_argument("--size", default="768x1024", help="WIDTHxHEIGHT of the picture before it is extended")
    parser.add_argument("--sides", nargs=4, type=int, default=[0, 256, 0, 256], metavar=tuple("TRBL"), help="px")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--scalar",
        choices=("whole", "empty", "both", "none"),
        default="both",
        help="where the scalar form is evaluated",
    )
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = arguments()
    width, height = (int(side) for side in options.size.split("x"))
    pixels, known = canvas(options.photo, width, height, tuple(options.sides))
    print(f"canvas {known.shape[1]}x{known.shape[0]}, {(~known).mean():.0%} empty, {options.repeats} repeats, seconds")
    print(f"| {'fill':34} | first     | median    | least     | process   |")
    print(f"|{'-' * 36}|----------:|----------:|----------:|----------:|")
    for text in options.fills:
        fill = parse_fill(text)
        _, wall, process = timed(partial(paint, fill, pixels, known, options.seed), options.repeats)
        row(text if ":" in text else format_fill(fill).partition(":")[0], wall, process)
    if options.scalar != "none":
        compare_scalar(pixels, known, options.seed, options.scalar, options.repeats)


if __name__ == "__main__":
    main()
