"""Time the fill `patch`, and its compiled loops against the same steps in plain NumPy.

    python benchmarks/patch.py                      # 768x512 plus 154 px left and right
    python benchmarks/patch.py --size 6000x4000 --sides 0 600 0 600 --plain none

Both forms run the same levels, sweeps and votes. The plain one tries the same candidates for all targets at once, so
that a good match travels one step a sweep instead of across the picture: its pictures are close, not equal.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any
from unittest import mock

import cv2
import numpy as np
import skimage.data

from softextend.fills import patchmatch
from softextend.fills.patch import Patch

Array = np.ndarray[Any, Any]
JUMPS = ((1, 0), (0, 1), (-1, 0), (0, -1), (4, 0), (0, 4))  # px, as `patchmatch.improve_part`


def plain_compare(
    image: Array, confidence: Array, target: Array, source: Array, gauss: Array, lift: float, ease: float
) -> tuple[Array, Array]:
    """Differences (N,) and lifts (N, 3) of the patches at flat places `target` and `source`."""
    radius, (height, width) = len(gauss) // 2, confidence.shape
    (y, x), (v, u) = np.divmod(target, width), np.divmod(source, width)
    mass, first, second = np.zeros(len(y), np.float32), np.zeros((len(y), 3), np.float32), np.zeros(len(y), np.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            inside = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
            row, column = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
            weight = inside * confidence[row, column] * gauss[dy + radius] * gauss[dx + radius]
            apart = image[row, column] - image[v + dy, u + dx]
            mass += weight
            first += weight[:, None] * apart
            second += weight * (apart**2).sum(1)
    mean = first / mass[:, None]
    raised = np.clip(mean, -lift, lift)
    return second / mass - (mean**2 - (mean - raised) ** 2 - ease * raised**2).sum(1), raised


def plain_prior(
    target: Array, source: Array, near: Array, look: Array, across: Array, along: Array, alike: Array
) -> Array:
    """What the place of each source costs."""
    width = look.shape[1]
    (y, x), (v, u), (b, a) = np.divmod(target, width), np.divmod(source, width), np.divmod(near, width)
    out_y, out_x, to_y, to_x = (
        (y - b).astype(float),
        (x - a).astype(float),
        (v - b).astype(float),
        (u - a).astype(float),
    )
    apart, length = to_y**2 + to_x**2, out_y**2 + out_x**2
    forward = np.where(length > 0, (to_y * out_y + to_x * out_x) ** 2 / np.maximum(length, 1e-9), 0)
    unlike = ((look.reshape(-1, look.shape[2])[source] - look.reshape(-1, look.shape[2])[near]) ** 2).sum(1)
    return (
        np.where(length > 0, along * forward + across * (apart - forward), along * 0 + across * apart) + alike * unlike
    )


def plain_improve(
    start: int, stop: int, image: Array, confidence: Array, variance: Array, slot: Array, place: Array, before: Array,
    after: Array, cost: Array, raised: Array, penalty: Array, near: Array, look: Array, across: Array, along: Array,
    alike: Array, close: Array, nearby: float, gauss: Array, lift: float, ease: float, reach: int, reverse: bool,
    seed: int,
) -> None:  # fmt: skip
    """`patchmatch.improve_part` for all targets of the part at once."""
    part, (height, width) = slice(start, stop), slot.shape
    rng = np.random.default_rng([seed, start])
    target, best, flat = place[part], before[part].copy(), variance.ravel()
    y, x = np.divmod(target, width)
    terms = (near[part], look, across[part], along[part], alike[part])

    def price(source: Array, which: Array) -> tuple[Array, Array]:
        apart, rise = plain_compare(image, confidence, target[which], source, gauss, lift, ease)
        prior = plain_prior(target[which], source, terms[0][which], look, *(term[which] for term in terms[2:]))
        (y, x), (v, u) = (np.divmod(each, width) for each in (target[which], source))
        beside = close.ravel()[source] * np.maximum(1 - np.hypot(y - v, x - u) / nearby, 0)
        return apart / (flat[target[which]] + flat[source]) + prior + beside + penalty.ravel()[source], rise

    least, rises = price(best, np.arange(len(best)))
    radius, moves = reach, list(JUMPS)
    while moves or radius >= 1:
        if moves:
            dy, dx = moves.pop(0)
            row, column = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
            other = np.where(slot[row, column] >= 0, before[slot[row, column]], best)
            v, u = other // width - (row - y), other % width - (column - x)
        else:
            v = best // width + rng.integers(-radius, radius + 1, len(best))
            u = best % width + rng.integers(-radius, radius + 1, len(best))
            radius //= 2
        fits = (v >= 0) & (v < height) & (u >= 0) & (u < width)
        source = np.where(fits, v * width + u, best)
        which = np.flatnonzero(np.isfinite(penalty.ravel()[source]) & (source != best))
        found, rise = price(source[which], which)
        better = found < least[which]
        chosen = which[better]
        best[chosen], least[chosen], rises[chosen] = source[chosen], found[better], rise[better]
    after[part], cost[part], raised[part] = best, least, rises


def plain_vote(
    start: int, stop: int, image: Array, slot: Array, pixel: Array, source: Array, weight: Array, raised: Array,
    gauss: Array, sharp: float, out: Array,
) -> None:  # fmt: skip
    """`patchmatch.vote_part` for all pixels of the part at once."""
    radius, (height, width) = len(gauss) // 2, slot.shape
    y, x = np.divmod(pixel[start:stop], width)
    mean = np.zeros((len(y), 3), np.float32)
    for again in range(2 if sharp > 0 else 1):
        mass, total = np.full(len(y), 1e-30, np.float32), np.zeros((len(y), 3), np.float32)
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                row, column = y - dy, x - dx
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                rank = np.where(inside, slot[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)], -1)
                which = np.flatnonzero(rank >= 0)
                rank = rank[which]
                colour = image[source[rank] + dy * width + dx] + raised[rank]
                share = weight[rank] * gauss[dy + radius] * gauss[dx + radius]
                if again:
                    share = share / (1 + sharp * ((colour - mean[which]) ** 2).sum(1)) ** 2
                mass[which] += share
                total[which] += share[:, None] * colour
        mean = total / mass[:, None]
    out[start:stop] = mean


def canvas(size: str, sides: list[int]) -> tuple[Array, Array]:
    """A photo of `size` WxH on its larger canvas, and the known area."""
    width, height = (int(number) for number in size.split("x"))
    top, right, bottom, left = sides
    photo = cv2.resize(skimage.data.coffee(), (width, height), interpolation=cv2.INTER_CUBIC)
    known = np.zeros((height + top + bottom, width + left + right), bool)
    known[top : top + height, left : left + width] = True
    pixels = np.zeros((*known.shape, 3), np.uint8)
    pixels[known] = photo.reshape(-1, 3)
    return pixels, known


def seconds(pixels: Array, known: Array) -> tuple[float, Array]:
    """Time of one run, and its picture."""
    start = time.perf_counter()
    painted = Patch().paint(pixels, known, np.random.default_rng(0))
    return time.perf_counter() - start, painted


def main() -> None:
    """Print the first run (which compiles or loads the compiled loops), the best of three, and the plain form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="768x512", help="of the photo, WxH px")
    parser.add_argument("--sides", type=int, nargs=4, default=[0, 154, 0, 154], metavar=("T", "R", "B", "L"))
    parser.add_argument("--plain", choices=("once", "none"), default="once", help="whether to run plain NumPy too")
    options = parser.parse_args()
    pixels, known = canvas(options.size, options.sides)
    first, _ = seconds(pixels, known)
    spent = time.process_time()
    best, painted = min((seconds(pixels, known) for _ in range(3)), key=lambda run: run[0])
    spent = (time.process_time() - spent) / 3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.size} plus {options.sides}: first {first:.2f} s, then {best:.2f} s ({spent:.2f} s of processor)")
    print(f"process peak {peak:.0f} MiB")
    if options.plain == "once":
        with mock.patch.multiple(patchmatch, improve_part=plain_improve, vote_part=plain_vote):
            plain, same = seconds(pixels, known)
        apart = np.abs(cv2.blur(painted, (15, 15)).astype(int) - cv2.blur(same, (15, 15)))[~known].mean()
        print(
            f"plain NumPy {plain:.1f} s: {plain / best:.0f} times as long; mean difference of 15 px means {apart:.1f}"
        )


if __name__ == "__main__":
    main()
