"""Thin things that a photo's border cuts go on to the canvas' rim as they lean and bend, as wide as they are.

They are taken out of the photo before the rest is completed, so that no piece of them is copied elsewhere, and laid
over what was completed, made of themselves: their own ground is taken off their edges, and the new one shows through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.base import runs
from softextend.fills.mirror import bounds
from softextend.fills.straight import turned
from softextend.fills.thin import MARGIN, Course, thin_things

if TYPE_CHECKING:
    from softextend.fills.base import Floats
    from softextend.types import Known, Pixels

    Doubles = npt.NDArray[np.float64]
    Places = npt.NDArray[np.int64]

GROUND = 3  # px beside a thing that its ground is taken from
WHOLE, NOTHING = 0.85, 0.1  # share of its colour from which a pixel is all of a thing, up to which it is its ground
CORE = 0.5  # of half its height, that is surely of its colour
JOINED = 1.0  # widths over which copies are compared and blended where they join
AGAIN = 0.5  # of the stretch that is copied, least period
FITS = 1.25, 1.0  # times, and levels of 255, by which a longer period may fit worse than the best
ODD = 2.5, 6.0  # times the usual, and levels of 255, from which a column is not copied
LIFT, FADE = 20.0, 4.0  # levels of 255 that a copy is lifted by at the border, at most; blends until that has faded
LAST = 5  # columns of the photo that it is lifted to
ROWS = 8192  # of a list that colours are looked up by


@dataclass(frozen=True, slots=True, eq=False)
class Thin:
    """A thin thing that one of a photo's borders cuts."""

    turn: int  # which border, as in `turned`
    border: int  # px, the last column of the photo, so turned
    course: Course


def cut_thin(pixels: Pixels, known: Known, taken: Known, least: float) -> list[Thin]:
    """uint8 (H, W, 3), bool (H, W), bool (H, W) -> the thin things that go on, at all borders beyond which is room.

    taken: where something else goes on; least: of the longer side, over which a thing must be seen; 1: none.
    """
    found = []
    for turn in range(4) if least < 1 else ():
        inside = np.ascontiguousarray(turned(known, turn))
        border = bounds(inside).right
        if border < inside.shape[1] - 1 and not turned(taken, turn)[:, border + 1 :].any():
            courses = thin_things(np.ascontiguousarray(turned(pixels, turn)), inside, least)
            found += [Thin(turn=turn, border=border, course=course) for course in courses]
    return found


def without_thin(pixels: Pixels, known: Known, things: list[Thin]) -> tuple[Pixels, Known]:
    """The picture in which the ground goes on under things, uint8 (H, W, 3), and what is left of `known` (H, W)."""
    pixels, left = pixels.copy(), known.copy()
    for thing in things:
        view = _View.of(pixels, known, thing)
        out = -np.arange(len(thing.course.shown))
        rows, away, near = view.rows(out)
        place = rows[near], np.broadcast_to(out[:, None] + thing.border, rows.shape)[near]
        turned(pixels, thing.turn)[place] = np.clip(np.rint(view.ground(out, away)[near]), 0, 255)
        turned(left, thing.turn)[place] = False
    return pixels, left


def with_thin(painted: Pixels, pixels: Pixels, known: Known, things: list[Thin]) -> Pixels:
    """The painted canvas, uint8 (H, W, 3), and over what is not known of it (H, W) the things of the photo `pixels`."""
    painted = painted.copy()
    for thing in things:
        view, canvas, inside = _View.of(pixels, known, thing), turned(painted, thing.turn), turned(known, thing.turn)
        out = np.arange(1, inside.shape[1] - thing.border)
        rows, away, near = view.rows(out)
        colour, opaque = _gone_on(view, out, away / thing.course.halves(out)[:, None])
        column = np.broadcast_to(out[:, None] + thing.border, rows.shape)
        drawn = near & (opaque > 0)
        drawn[drawn] = ~inside[rows[drawn], column[drawn]]
        place = rows[drawn], column[drawn]
        behind = canvas[place] * (1 - opaque[drawn][:, None])
        canvas[place] = np.clip(np.rint(behind + colour[drawn]), 0, 255)
    return painted


# --- a thing and its ground ---------------------------------------------------------------------------------------


def _beyond(half: Any) -> Any:
    """px beyond half a thing's height that its edges may reach."""
    return np.maximum(MARGIN[0], MARGIN[1] * half) + 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A photo as seen with the border that cuts a thing on the right; columns are px outwards from the border."""

    photo: Pixels
    top: int  # px, the first and the last row of the photo
    bottom: int
    border: int
    course: Course

    @classmethod
    def of(cls, pixels: Pixels, known: Known, thing: Thin) -> _View:
        """pixels: uint8 (H, W, 3), known: bool (H, W), as they are."""
        box = bounds(turned(known, thing.turn))
        photo = np.ascontiguousarray(turned(pixels, thing.turn))
        return cls(photo=photo, top=box.top, bottom=box.bottom, border=thing.border, course=thing.course)

    def rows(self, out: Places) -> tuple[Places, Doubles, Known]:
        """Rows (N, R) about the thing in N columns, how far they are from its middle, px, and which are part of it."""
        middle, half = self.course.middle(out)[:, None], self.course.halves(out)[:, None]
        reach = half + _beyond(half)
        across = int(np.ceil(reach.max())) + 1
        rows = np.rint(middle).astype(np.int64) + np.arange(-across, across + 1)
        away = rows - middle
        return rows, away, (np.abs(away) <= reach) & (rows >= 0) & (rows < len(self.photo))

    def colours(self, out: Places, away: Doubles) -> Floats:
        """(N, R, 3): what the photo shows so far `away` (N, R) from the middle of the thing, px."""
        y = np.clip(self.course.middle(out)[:, None] + away, self.top, self.bottom).astype(np.float32)
        x = np.ascontiguousarray(np.broadcast_to((out[:, None] + self.border).astype(np.float32), y.shape))
        parts = [slice(first, first + ROWS) for first in range(0, len(y), ROWS)]
        found = [cv2.remap(self.photo, x[part], y[part], cv2.INTER_CUBIC) for part in parts]
        return np.concatenate(found).astype(np.float32)

    def ground(self, out: Places, away: Doubles) -> Floats:
        """(N, R, 3): what would lie behind the thing there: the ground on the one side turns into that on the other."""
        middle, half = self.course.middle(out)[:, None], self.course.halves(out)[:, None]
        edge = half + _beyond(half)
        colours, seen = [], []
        for side in (-1, 1):
            beside = side * (edge + 0.5 + np.arange(GROUND))
            inside = (middle + beside >= self.top) & (middle + beside <= self.bottom)
            total = (self.colours(out, beside) * inside[..., None]).sum(1)
            colours.append(total[:, None] / np.maximum(inside.sum(1), 1)[:, None, None])
            seen.append(inside.any(1)[:, None])
        part = np.where(seen[0], np.where(seen[1], np.clip((away / edge + 1) / 2, 0, 1), 0), 1)[..., None]
        return np.asarray(colours[0] * (1 - part) + colours[1] * part, np.float32)

    def own(self, out: Places, level: Doubles, opaque: Doubles) -> Floats:
        """(N, R, 3): the thing without its ground, at levels (N, R) of half its height; opaque: (N, R) in [0, 1]."""
        away = level * self.course.halves(out)[:, None]
        return self.colours(out, away) - self.ground(out, away) * (1 - opaque[..., None]).astype(np.float32)


def _opacity(view: _View) -> tuple[Doubles, Doubles]:
    """How much a thing hides of its ground across it: levels of half its height (S,), and shares (S,) in [0, 1]."""
    half, out = view.course.half[0], -np.flatnonzero(view.course.shown)
    reach = 1 + float(_beyond(half) / half)
    level = np.linspace(-reach, reach, 2 * int(np.ceil(2 * reach * half)) + 1)
    away = level * view.course.halves(out)[:, None]
    colour, ground = view.colours(out, away), view.ground(out, away)
    core = np.abs(level) <= CORE
    apart = np.median(colour[:, core].reshape(-1, 3), 0) - ground
    share = np.median(((colour - ground) * apart).sum(2) / np.maximum((apart**2).sum(2), 1), 0)
    whole = np.flatnonzero((share >= WHOLE) | core)
    first, last = whole[0], whole[-1] + 1
    share = np.clip((share - NOTHING) / (1 - NOTHING), 0, 1)
    share[:first], share[last:] = (
        np.minimum.accumulate(share[:first][::-1])[::-1],
        np.minimum.accumulate(share[last:]),
    )
    share[first:last], share[[0, -1]] = 1, 0
    return level, share


# --- what it is made of beyond the border -------------------------------------------------------------------------


def _gone_on(view: _View, out: Places, level: Doubles) -> tuple[Floats, Doubles]:
    """The thing's own colours (N, R, 3) beyond the border, less its ground, and how opaque it is there (N, R).

    It is copied from the longest stretch that is surely seen, again and again, blended where copies join, and lifted
    to the colours that it has at the border.
    """
    levels, shares = _opacity(view)
    opaque = np.interp(level, levels, shares)
    first, last, period, blend = _stretch(view, levels, shares)
    left = (period - 1) - (out - 1) % period
    now = view.own(-(first + left), level, opaque)
    then = view.own(-np.minimum(first + left + period, last), level, opaque)
    part = np.clip(1 - (left + 1) / (blend + 1), 0, 1)[:, None, None]
    begins = np.arange(min(LAST, blend))
    border, copied = (
        view.own(-columns, *(np.broadcast_to(each, (len(begins), len(levels))) for each in (levels, shares)))
        for columns in (begins, first + period + begins)
    )
    missed = np.clip((border - copied).mean(0), -LIFT, LIFT)
    lift = np.stack([np.interp(level, levels, missed[:, channel]) for channel in range(3)], 2)
    fading = np.exp(-out / (FADE * blend))[:, None, None]
    return np.asarray(now * (1 - part) + then * part + lift * fading, np.float32), opaque


def _stretch(view: _View, levels: Doubles, shares: Doubles) -> tuple[int, int, int, int]:
    """What is copied: its first and last column, px inwards, the period of the copies, and over how many they blend.

    What is on it once, a joint or a gleam, is left out.
    """
    count = len(view.course.shown)
    across = np.broadcast_to(levels, (count, len(levels)))
    columns = view.own(-np.arange(count), across, np.broadcast_to(shares, across.shape))
    shown = view.course.shown
    odd = np.abs(columns - np.median(columns[shown], 0)).mean((1, 2))
    first, stop = _longest(shown & (odd <= max(ODD[0] * float(np.median(odd[shown])), ODD[1])))
    wide = round(JOINED * 2 * view.course.half[0])
    if stop - first < 2 * wide:
        first, stop = _longest(shown)
    count = stop - first
    blend = int(np.clip(wide, 1, max(1, count // 4)))
    columns = columns[first:stop]
    least = max(blend, round(AGAIN * count))
    ends = range(least, count - blend + 1)
    apart = np.array([np.abs(columns[:blend] - columns[end : end + blend]).mean() for end in ends])
    period = least + int(np.flatnonzero(apart <= FITS[0] * apart.min() + FITS[1])[-1])
    return first, stop - 1, period, blend


def _longest(where: Known) -> tuple[int, int]:
    """The first place of the longest run of places (N,) that holds, and the one after it; (0, 0) without any."""
    longest = max(runs(where), key=lambda run: int(run.stop - run.start), default=slice(0, 0))
    return longest.start, longest.stop
