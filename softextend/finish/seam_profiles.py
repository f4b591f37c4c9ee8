"""Lines that cross the old border of a picture at right angles, for measuring there; any shape of known area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known

    Floats = npt.NDArray[np.float32]
    Indices = npt.NDArray[np.int64]


SEGMENT = 32  # px of border that are taken together
MOST = 160  # segments; more tell nothing new
WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # (dy, dx) from the known into the new area


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeamProfiles:
    """N lines of J pixels, offsets -inside..outside - 1; offset 0 is the first new pixel; sorted by segment."""

    rows: Indices  # (N, J)
    columns: Indices  # (N, J)
    valid: npt.NDArray[np.bool_]  # (N, J): on the canvas, and on the right side of the border
    segment: Indices  # (N,), ascending, 0..G - 1
    side: Indices  # (G,), index into WAYS
    inside: int  # offsets below 0


def seam_profiles(known: Known, *, inside: int, outside: int) -> SeamProfiles:
    """Lines from `inside` px within the known area (H, W) to `outside` px beyond it, at up to MOST border segments."""
    height, width = known.shape
    inside, outside = min(inside, max(height, width)), min(outside, max(height, width))
    starts = np.concatenate([_border(known, way) for way in range(len(WAYS))])
    keys = np.stack([starts[:, 2], starts[:, 0] // SEGMENT, starts[:, 1] // SEGMENT], 1)
    unique, segment = np.unique(keys, axis=0, return_inverse=True)
    segment = segment.reshape(-1)
    if len(unique) > MOST:
        taken = np.unique(np.linspace(0, len(unique) - 1, MOST).round().astype(np.int64))
        chosen = np.isin(segment, taken)
        starts, segment, unique = starts[chosen], np.searchsorted(taken, segment[chosen]), unique[taken]
    order = np.argsort(segment, kind="stable")
    starts, segment = starts[order], segment[order]
    steps = np.array(WAYS)[starts[:, 2]]
    offsets = np.arange(-inside, outside)
    rows = starts[:, :1] + (offsets + 1) * steps[:, :1]
    columns = starts[:, 1:2] + (offsets + 1) * steps[:, 1:]
    on = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    valid = on & (known[rows, columns] == (offsets < 0))
    before, after = valid[:, :inside][:, ::-1], valid[:, inside:]
    valid = np.hstack([np.logical_and.accumulate(before, 1)[:, ::-1], np.logical_and.accumulate(after, 1)])
    return SeamProfiles(rows=rows, columns=columns, valid=valid, segment=segment, side=unique[:, 0], inside=inside)


def segment_means(values: Floats, lines: SeamProfiles, *, least: float = 0.5) -> Floats:
    """values (N, J, C) -> means (G, J, C) over each segment's lines; NaN where fewer than the share `least` reach."""
    if not len(values):
        return np.zeros((0, *values.shape[1:]), np.float32)
    firsts = np.flatnonzero(np.diff(lines.segment, prepend=-1))
    sums = np.add.reduceat(np.where(lines.valid[..., None], values, 0).astype(np.float64), firsts)
    count = np.add.reduceat(lines.valid.astype(np.int64), firsts)
    lines_in = np.diff(np.append(firsts, len(values)))
    enough = (count > 0) & (count >= least * lines_in[:, None])
    return np.asarray(np.where(enough[..., None], sums / np.maximum(count, 1)[..., None], np.nan), np.float32)


def lab(pixels: npt.NDArray[np.uint8] | Floats) -> Floats:
    """sRGB in [0, 255], (..., 3) -> CIE L*a*b* (D65)."""
    flat = np.asarray(pixels, np.float32).reshape(-1, 1, 3) / np.float32(255)
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2LAB), np.float32).reshape(pixels.shape)


def _border(known: Known, way: int) -> Indices:
    """(row, column, way) of the known pixels whose neighbour that way is new."""
    dy, dx = WAYS[way]
    height, width = known.shape
    here = known[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    there = known[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
    rows, columns = np.nonzero(here & ~there)
    return np.stack([rows + max(0, -dy), columns + max(0, -dx), np.full(rows.size, way)], 1)
