"""How a photo repeats itself at its borders: the steps at which windows, bricks, tiles and posts go on.

A few offsets explain most of a regular photo (He and Sun 2012, "Statistics of patch offsets for image completion").
Here they are looked for where they are needed, in strips along each border that grows: a strip that looks the same one
step and two steps further in, and otherwise in between, repeats itself. What is merely level, as a horizon, does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.mirror import Bounds, bounds

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.types import Known

LONGEST = 1100  # px, longer side up to which periods are measured
DEEP, TALL = 1 / 4, 1 / 5  # of the known width and height: the strips that are compared
OVERLAP = 3  # strips that cover a row
SHORTEST = 6  # px, a step
COARSE = 4.0  # px at a level, a step too short to be kept there
SLANT = 2  # px that a step may shift sideways, while it is looked for
ALIKE, BETWEEN = 0.5, 0.4  # correlation of a strip one step further in, and how much lower it must be on the way
SURE = 0.75  # correlation from which the step is certain
ONCE = 0.6  # of the way that can be compared: a step longer than that may be a pair of things
LESS = 0.15  # correlation that may be lost from one step to two
LEVEL = 0.02  # correlation that a shift aside must gain a px
FLAT = 5.0  # levels of 255, standard deviation below which a strip shows nothing
SAME = 0.2  # part by which the steps of two strips may differ and be one that perspective changes
WAYS = {"left": (0, 1), "right": (0, -1), "top": (1, 0), "bottom": (-1, 0)}  # inwards: down, right


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """For each of the canvas' rows and columns the step at the side beside it, and how certain that is."""

    shape: tuple[int, int]  # of the picture that they were measured in
    box: Bounds  # of the known area there
    steps: dict[str, Floats]  # of sides that repeat: (H or W, 3) px inwards, px aside, certainty in [0, 1]

    def at(self, place: Ints, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Flat places (T,) of a level -> two steps (T, 4), px down and right each, 0 = none; certainty (T,)."""
        scale = shape[1] / self.shape[1]
        y, x = ((each + 0.5) / scale - 0.5 for each in np.divmod(place, shape[1]))
        box, found, certain = self.box, np.zeros((len(place), 4), np.float32), np.zeros((2, len(place)), np.float32)
        beside = {"left": x < box.left, "right": x > box.right, "top": y < box.top, "bottom": y > box.bottom}
        for side, lines in self.steps.items():
            down, right = WAYS[side]
            at, low, high = (x, box.left, box.right) if down else (y, box.top, box.bottom)
            inwards, aside, sure = lines[np.clip(np.rint(at), low, high).astype(int)].T
            step = np.stack([down * inwards, aside] if down else [aside, right * inwards], axis=1) * scale
            here = beside[side] & (np.hypot(*step.T) >= COARSE)
            first = 0 if down else 1
            found[here, 2 * first : 2 * first + 2] = step[here]
            certain[first, here] = sure[here]
        corner = (beside["left"] | beside["right"]) & (beside["top"] | beside["bottom"])
        return found, np.where(corner, certain.min(0), certain.max(0))


def stepping(found: Periods | None, place: Ints, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """As `Periods.at`, for flat places (T,): steps (T, 4) and certainty (T,), zeros where nothing repeats."""
    if found is None:
        return np.zeros((len(place), 4), np.float32), np.zeros(len(place), np.float32)
    return found.at(place, shape)


def periods(image: Floats, trusted: Known) -> Periods | None:
    """image: float32 (H, W, 3) in [0, 255]; trusted: bool (H, W) -> how it repeats at its sides; None if nowhere."""
    box = bounds(trusted)
    grey = image.mean(2)
    steps = {}
    for side, (down, right) in WAYS.items():
        turned, known = (each.T if down else each for each in (grey, trusted))
        turned, known = (each[:, ::-1] if -1 in (down, right) else each for each in (turned, known))
        inner = bounds(known)
        if inner.left == 0:
            continue
        part = inner.cut
        found = _along(np.ascontiguousarray(turned[part]), known[part])
        if found[:, 2].any():
            steps[side] = np.zeros((len(turned), 3), np.float32)
            steps[side][part[0]] = found
    return Periods(shape=trusted.shape, box=box, steps=steps) if steps else None


def _along(grey: Floats, known: Known) -> Floats:
    """The known area (h, w), the border on its left -> (h, 3): px inwards, px aside, certainty of each row's step."""
    height, width = grey.shape
    deep, tall = round(DEEP * width), max(round(TALL * height), 12)
    found = np.zeros((height, 3), np.float32)
    if deep < 2 * SHORTEST or height < tall + 2 * SLANT:
        return found
    fine = grey - cv2.blur(grey, (deep | 1, 1), borderType=cv2.BORDER_REFLECT)
    tops = np.linspace(SLANT, height - tall - SLANT, OVERLAP * height // tall).astype(int)
    rows = []
    for top in tops:
        strip = slice(top, top + tall)
        if fine[strip, :deep].std() < FLAT:
            continue
        whole = known[top - SLANT : top + tall + SLANT].all()
        rows.append((top + tall / 2, *(_step(fine, top, tall, deep) if whole else (0.0, 0.0, 0.0))))
    if not rows:
        return found
    return _spread(np.array(rows), height)


def _spread(rows: npt.NDArray[np.float64], height: int) -> Floats:
    """Strips (N, 4), middle and step, to all rows (height, 3): steps that are nearly the same change smoothly.

    What overlapping strips do not agree on came by chance, and is left out.
    """
    same = np.abs(rows[:, None, 1] - rows[None, :, 1]) <= SAME * rows[:, None, 1]
    number = np.arange(len(rows))
    near = np.abs(number[:, None] - number) < OVERLAP
    rows[(same & near & (rows[:, 3] > 0)).sum(1) < OVERLAP, 1:] = 0  # by chance
    at = np.arange(height)
    after = np.clip(np.searchsorted(rows[:, 0], at), 1, len(rows) - 1) if len(rows) > 1 else np.zeros(height, int)
    before = np.maximum(after - 1, 0)
    share = np.clip((at - rows[before, 0]) / np.maximum(rows[after, 0] - rows[before, 0], 1), 0, 1)
    one, other = rows[before, 1], rows[after, 1]
    share[:] = np.where(np.abs(one - other) <= SAME * np.minimum(one, other), share, np.rint(share))
    spread = rows[before, 1:] * (1 - share)[:, None] + rows[after, 1:] * share[:, None]
    return np.asarray(spread, dtype=np.float32)


def _step(fine: Floats, top: int, tall: int, deep: int) -> tuple[float, float, float]:
    """Px inwards and aside after which the strip at the left looks the same, and how certain that is; zeros if none."""
    area = fine[top - SLANT : top + tall + SLANT]
    match = cv2.matchTemplate(area, fine[top : top + tall, :deep], cv2.TM_CCOEFF_NORMED)
    match[~np.isfinite(match)] = 0  # of what is quite flat
    curve = match.max(0)
    lowest = np.minimum.accumulate(curve)
    inner = curve[1:-1]
    peak = 1 + np.flatnonzero((inner >= curve[:-2]) & (inner >= curve[2:]))
    peak = peak[(peak >= SHORTEST) & (curve[peak] >= ALIKE) & (curve[peak] - lowest[peak] >= BETWEEN)]
    if not len(peak):
        return 0.0, 0.0, 0.0
    first = int(peak[curve[peak] >= curve[peak].max() - LESS][0])
    step, times, least = _top(curve, first), 1, float(curve[first])
    while round((times + 1) * step) + 3 < len(curve):
        near = round((times + 1) * step)
        best = near - 2 + int(curve[near - 2 : near + 3].argmax())
        if curve[best] < curve[first] - LESS:
            break
        times, least = times + 1, min(least, float(curve[best]))
        step = _top(curve, best) / times
    if times == 1 and (first > ONCE * len(curve) or 2 * first + 3 < len(curve) or least < SURE):
        return 0.0, 0.0, 0.0
    across = match[:, min(round(times * step), len(curve) - 1)] - LEVEL * np.abs(np.arange(-SLANT, SLANT + 1))
    aside = (int(across.argmax()) - SLANT) / times
    return step, aside, float(np.clip((least - ALIKE + LESS) / (SURE - ALIKE + LESS), 0.05, 1))


def _top(curve: Floats, at: int) -> float:
    """Where a parabola through a maximum and its neighbours is highest, px; on a slope, one away at most."""
    before, here, after = (float(each) for each in curve[at - 1 : at + 2])
    bend = before - 2 * here + after
    return at + (float(np.clip(0.5 * (before - after) / bend, -1, 1)) if bend < 0 else 0.0)
