"""The vote of the exemplar fill: a pixel's colour as the patches that cover it see it; compiled, as `patchmatch` is."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.fills.compiled import compiled
from softextend.fills.parts import in_parts

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats


def vote(
    pixel: Ints,
    *,
    image: npt.NDArray[Any],
    slot: Ints,
    source: Ints,
    weight: Floats,
    raised: Floats,
    gauss: Floats,
    sharp: float,
    pool: Executor,
) -> Floats:
    """(N, 3) colour of each listed pixel (N,), as the patches that cover it see it: their mean, weight (T,) each.

    image: uint8 or float32 (H, W, 3). sharp > 0: a second mean counts opinions by their distance from the first,
    `1 / (1 + sharp * |c - mean|^2)^2`, so that two textures that disagree do not blur into a third.
    """
    out = np.empty((len(pixel), 3), np.float32)
    part = partial(
        vote_part,
        image=image.reshape(-1, 3),
        slot=slot,
        pixel=pixel,
        source=source,
        weight=weight,
        raised=raised,
        gauss=gauss,
        sharp=np.float32(sharp),
        out=out,
    )
    in_parts(part, len(pixel), pool)
    return out


@compiled
def vote_part(start, stop, image, slot, pixel, source, weight, raised, gauss, sharp, out):  # type: ignore[no-untyped-def]
    """`vote` of pixels [start, stop), into out (N, 3); image: (H * W, 3)."""
    height, width = slot.shape
    r = gauss.size // 2
    seen = np.empty((gauss.size * gauss.size, 4), np.float32)  # colours and weights of a pixel's patches
    for i in range(start, stop):
        y, x = pixel[i] // width, pixel[i] % width
        count = np.uint64(0)
        for dy in range(max(-r, y - height + 1), min(r, y) + 1):
            for dx in range(max(-r, x - width + 1), min(r, x) + 1):
                found = slot[np.uint64(y - dy), np.uint64(x - dx)]
                if found < 0:
                    continue
                j = np.uint64(found)  # unsigned: no index counts from the end
                at = np.uint64(source[j] + dy * width + dx)
                for c in range(3):
                    seen[count, c] = image[at, c] + raised[j, c]
                seen[count, 3] = weight[j] * gauss[np.uint64(dy + r)] * gauss[np.uint64(dx + r)]
                count += np.uint64(1)
        m0, m1, m2 = _mean(seen, count, np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0))
        if sharp > 0:
            m0, m1, m2 = _mean(seen, count, m0, m1, m2, sharp)
        out[i, 0] = m0
        out[i, 1] = m1
        out[i, 2] = m2


@compiled
def _mean(seen, count, m0, m1, m2, sharp):  # type: ignore[no-untyped-def]
    """Weighted mean of the first `count` colours; `sharp` > 0: each counts less the farther it is from (m0, m1, m2)."""
    mass = np.float32(1e-30)
    s0 = np.float32(0.0)
    s1 = np.float32(0.0)
    s2 = np.float32(0.0)
    for n in range(count):
        c0, c1, c2, g = seen[n, 0], seen[n, 1], seen[n, 2], seen[n, 3]
        apart = (c0 - m0) ** 2 + (c1 - m1) ** 2 + (c2 - m2) ** 2
        g /= (np.float32(1.0) + sharp * apart) ** 2
        mass += g
        s0 += g * c0
        s1 += g * c1
        s2 += g * c2
    return s0 / mass, s1 / mass, s2 / mass
