"""Borders that are not picture: transparent rims, bars and frames, a scanner's edge, rounded corners.

Each finder looks at the top of a picture; the other sides are seen by turning it. Nothing here changes a pixel.
`find_border` is for shaving: it must not take a photo's own lines for a border. `rims` is for fills, and for the band
that is painted over anyway. A row too many costs them little: it does without the proof that the opposite side gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.arrays import percentiles
from softextend.types import Box, Sides

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known, Pixels

    Floats = npt.NDArray[np.float64]


NAMES = ("top", "right", "bottom", "left")  # as np.rot90 brings them up, turn by turn
SMALLEST = 16  # px a side; a smaller picture shows no difference between a border and itself
FULL = 0.5  # of an edge's columns must be known from there inwards for its rim to be looked for
ROUNDS = 4  # borders inside borders: a frame around bars around a scanner's edge
MOST = 2, 5  # a border is at most this share of the picture, per side
SAMPLES = 512  # rows or columns that are looked at; more tell nothing new
# Bars and frames: one colour, ending on one straight line, on both opposite sides.
STEPS = (40, 24, 12, 6, 3)  # levels of 255 by which the picture leaves the bar's colour, the clearest first
RINGING = 7  # px beside its end in which a JPEG's bar is not uniform: one block
SEEN = 0.4  # of the columns must leave the bar's colour at all
STRAIGHT = 0.5  # of those do so on one line
STRAIGHT_AGAIN = 0.25  # of those, where the opposite bar is clear and as wide: the picture may be as dark as its bars
SAME_WIDTH = 2  # px
PLAIN, NOISY = 98, 50  # percent of a bar's pixels that are of its colour; the same where a JPEG's noise covers it
NARROW = 12  # px, of a frame that lies in a JPEG's outermost blocks
WITHIN = 45  # rows in which such a frame is looked for
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as JPEG has it
SAME_COLOUR = 16  # levels between the bars of opposite sides
BLENDED = 0.8  # of the way from the bar to the picture: a row below that is still a mixture
MIXED_ROWS = 4  # px, most that are a mixture
# A scanner's edge: a few rows that are darker, or lighter, than what follows, column by column.
EDGE = 8  # px
DARKER = 0.9  # of what follows two rows on, in nearly every column; measured on photos, their own rows stay near 1
NEARLY_ALL = 85  # percent of the columns
CLEAR = 16  # levels: where the picture itself is closer to black (or white), nothing is seen
ENOUGH = 0.25  # of the columns must not be that close
INTERIOR = 64  # rows behind the edge in which no line half as clear may lie: it would be the picture's own
# Rounded corners, of one colour.
ROUNDEST = 1, 3  # of the shorter side, the largest radius
LEAST_RADIUS = 6  # px
LARGE_RADIUS = 12  # px
CORNER_AREA = 1 - math.pi / 4  # of radius^2: what a rounded corner leaves of its square
CORNER_INSET = 1 - 1 / math.sqrt(2)  # of the radius: the largest rectangle inside
OFF = 1.5, 0.03  # px, and share of the radius, by which a corner may differ from that of a circle
NOTHING = Sides()
A_BORDER, BARS = "border", "bars"


@dataclass(frozen=True, kw_only=True, slots=True)
class Border:
    """What is not picture: px per side, and what it is, in words, outermost first."""

    sides: Sides = NOTHING
    what: tuple[str, ...] = ()


def find_border(pixels: Pixels, known: Known) -> Border:
    """pixels uint8 (H, W, 3), known bool (H, W) -> the border to shave, all 0 where the picture reaches its edge."""
    height, width = known.shape
    box, what = Box(top=0, left=0, bottom=height, right=width), []
    for _ in range(ROUNDS):
        found = None
        for name, find in FINDERS.items():
            if min(box.height, box.width) < SMALLEST:
                break
            amounts = find(pixels[box.cut], known[box.cut])
            if any(amounts):
                what.append(f"{_called(name, pixels[box.cut], amounts)} ({described(amounts)})")
                box = shrunk(box, amounts)
                found = name
        if found is None:
            break
    sides = Sides(top=box.top, right=width - box.right, bottom=height - box.bottom, left=box.left)
    return Border(sides=sides, what=tuple(what))


def _called(name: str, pixels: Pixels, amounts: Sequence[int]) -> str:
    """What a border is called: one bar, and a scanner's edge by its lightness where all its sides are alike."""
    if name == BARS:
        return name if sum(map(bool, amounts)) > 1 else "bar"
    if name != A_BORDER:
        return name
    inside = pixels[shrunk(Box(top=0, left=0, bottom=pixels.shape[0], right=pixels.shape[1]), amounts).cut].mean()
    darker = {
        bool(turn[:amount].mean() < inside) for turn, amount in zip(_turns(pixels), amounts, strict=True) if amount
    }
    return name if len(darker) > 1 else f"{'dark' if True in darker else 'light'} {name}"


def rims(pixels: Pixels, known: Known) -> Known:
    """Thin borders along the edges of the known area, (H, W): what must not be copied along; one colour or an edge.

    known bool (H, W), of any shape; a wide bar is none: what lies beside it goes on as a bar.
    """
    found = np.zeros_like(known)
    if not known.any():
        return found
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    cut = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    for inside, area, view in zip(_turns(pixels[cut]), _turns(known[cut]), _turns(found[cut]), strict=True):
        width = _rim(inside, area)
        view[: width + bool(width)] = True  # one more: the row that blends into the picture
    return found


def _rim(pixels: Pixels, known: Known) -> int:
    """Rows from the top that form a thin border; columns that are not known halfway through tell nothing."""
    whole = known[: len(known) // 2].all(0)
    if min(len(known), whole.sum()) < SMALLEST or whole.mean() < FULL:
        return 0
    inside = pixels if whole.all() else pixels[:, whole]
    bar = _bar(inside)
    return max(_edge(inside), bar if bar <= EDGE + MIXED_ROWS else 0)


def shrunk(box: Box, amounts: Sequence[int]) -> Box:
    """The box without so many px on the top, right, bottom and left."""
    top, right, bottom, left = amounts
    return Box(top=box.top + top, left=box.left + left, bottom=box.bottom - bottom, right=box.right - right)


def described(amounts: Sequence[int]) -> str:
    """`top 3 px, left 2 px`."""
    return ", ".join(f"{name} {amount} px" for name, amount in zip(NAMES, amounts, strict=True) if amount)


def _transparent(pixels: Pixels, known: Known) -> tuple[int, ...]:
    """A rim of which nothing is known, and rounded corners of which nothing is known."""
    height, width = known.shape
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if not rows.size:
        return (0, 0, 0, 0)
    rim = int(rows[0]), int(width - 1 - columns[-1]), int(height - 1 - rows[-1]), int(columns[0])
    if any(rim) or known.all():
        return rim
    return _inset([_reach(~_corner(turned)) for turned in _turns(known)])


def _bars(pixels: Pixels, known: Known) -> tuple[int, ...]:
    """Bars of one colour at the top and bottom, at the left and right, or both."""
    if not known.all():
        return (0, 0, 0, 0)
    views = _turns(pixels)
    amounts = [0, 0, 0, 0]
    for side in (0, 1):
        if np.abs(_first_colour(views[side]) - _first_colour(views[side + 2])).max() > SAME_COLOUR:
            continue
        here, there = _bar(views[side]), _bar(views[side + 2])
        if bool(here) != bool(there):  # one of them is hard to see
            weak = _bar(views[side if there else side + 2], STRAIGHT_AGAIN)
            weak = weak if abs(weak - max(here, there)) <= SAME_WIDTH else 0
            here, there = here or weak, there or weak
        if here and there:
            amounts[side], amounts[side + 2] = here, there
    return tuple(amounts) if all(amounts) else _noisy_frame(views) or tuple(amounts)


def _noisy_frame(views: Sequence[Pixels]) -> tuple[int, ...] | None:
    """A narrow frame that a JPEG's noise hides from `_bar`: by lightness, where all four sides tell the same."""
    if np.ptp([_first_colour(_lightness(view[:1])) for view in views], axis=0).max() > SAME_COLOUR:
        return None
    widths: list[int] = []
    for view in views:
        widths.append(_bar(_lightness(view[:WITHIN]), STRAIGHT_AGAIN, NOISY))
        if not 0 < widths[-1] <= NARROW:
            return None
    return tuple(widths) if max(widths) - min(widths) <= SAME_WIDTH else None


def _lightness(pixels: Pixels) -> Pixels:
    """As grey RGB: colours of a JPEG run over the frame's end, its lightness does not."""
    return np.repeat(np.rint(pixels @ LUMA).astype(np.uint8)[..., None], 3, axis=2)


def _first_colour(pixels: Pixels) -> npt.NDArray[np.int16]:
    """The colour (3,) that a bar at the top has, if there is one."""
    return np.asarray(np.rint(np.median(_thinned(pixels[:1])[0].astype(np.int16), axis=0)), np.int16)


def _bar(pixels: Pixels, straight: float = STRAIGHT, percent: float = PLAIN) -> int:
    """Rows from the top that form a bar of one colour, mixed rows behind it included; 0 if there are none."""
    deep = pixels.shape[0] * MOST[0] // MOST[1]
    part = _thinned(pixels[:deep]).astype(np.int16)
    colour = _first_colour(pixels)
    apart = np.abs(part[..., 0] - colour[0])
    for channel in (1, 2):  # far quicker than a maximum over a last axis of three
        np.maximum(apart, np.abs(part[..., channel] - colour[channel]), out=apart)
    for step in STEPS:
        away = apart > step
        crossed = away.any(0)
        if crossed.mean() < SEEN:
            continue
        first = np.bincount(away.argmax(0)[crossed], minlength=deep)
        near = first[:-1] + first[1:]
        end = int(near.argmax())
        if near[end] < straight * crossed.sum():
            continue
        end += int(first[end] < near[end] // 5)
        if not 0 < end < deep - MIXED_ROWS - 1:
            continue
        plain = np.percentile(apart[: end - RINGING if end > 2 * RINGING else end], percent)
        if np.median(apart[end + 1, crossed]) >= 5 + 4 * plain and np.mean(apart[0] > step) < 0.3:
            return end + _mixed(apart[end:, crossed])
    return 0


def _mixed(apart: npt.NDArray[np.int16]) -> int:
    """How many rows are a mixture of bar and picture; apart: (rows, columns), levels from the bar's colour."""
    for row in range(MIXED_ROWS):
        here, after = apart[row], apart[row + 1]
        clear = after > STEPS[2]
        if clear.mean() < SEEN or np.median(here[clear] / after[clear]) > BLENDED:
            return row
    return MIXED_ROWS


def _edges(pixels: Pixels, known: Known) -> tuple[int, ...]:
    """A scanner's edge on any side, dark or light."""
    if not known.all():
        return (0, 0, 0, 0)
    return tuple(_edge(turned) for turned in _turns(pixels))


def _edge(pixels: Pixels) -> int:
    """Rows from the top that are darker or lighter than what follows, in nearly every column; 0 if there are none."""
    deep = min(EDGE + 4 + INTERIOR, pixels.shape[0] // 2)
    if deep < EDGE + 6:
        return 0
    part = _thinned(pixels[:deep])
    level = (part[..., 0].astype(np.float64) + part[..., 1] + part[..., 2]) / 3  # far quicker than their mean
    return max(_darker(level), _darker(255 - level))


def _darker(level: Floats) -> int:
    """How many of the first rows of (N, W) levels are an edge that is darker than what follows."""
    deep = len(level)
    shares = _shares(level[: EDGE + 1], level[2 : EDGE + 3])
    last = int(np.flatnonzero(shares <= DARKER).max(initial=-1))
    if last < 0:
        return 0
    if _shares(level[EDGE + 2 : deep - 2], level[EDGE + 4 : deep]).min() ** 2 <= shares[: last + 1].min():
        return 0
    behind = np.broadcast_to(level[last + 2], level[: last + 1].shape)
    if (_shares(level[: last + 1], behind) > DARKER).any():
        return 0
    return last + 1


def _shares(rows: Floats, after: Floats) -> Floats:
    """How bright rows (N, W) are beside other ones, in nearly every column (N,); 1 where too little is bright."""
    clear = after >= CLEAR
    ratios = np.where(clear, rows / np.maximum(after, CLEAR), 2.0**60)  # what does not count, last
    found = percentiles(ratios, np.maximum(clear.sum(1), 1), NEARLY_ALL)
    return np.where(clear.mean(1) < ENOUGH, 1.0, found)


def _corners(pixels: Pixels, known: Known) -> tuple[int, ...]:
    """Rounded corners of one colour."""
    if not known.all():
        return (0, 0, 0, 0)
    tips = np.array([turned[0, 0] for turned in _turns(pixels)], np.int16)
    if np.ptp(tips, axis=0).max() > SAME_COLOUR:
        return (0, 0, 0, 0)
    corners = [_corner(turned).astype(np.int16) for turned in _turns(pixels)]
    return _inset([_reach(np.abs(corner - corner[0, 0]).max(2) <= STEPS[2]) for corner in corners])


def _corner(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The square at the top left in which a rounded corner may lie."""
    side = min(array.shape[:2]) * ROUNDEST[0] // ROUNDEST[1] + 1
    return array[:side, :side]


def _reach(outside: Known) -> npt.NDArray[np.int64]:
    """How far the outside at the top left reaches into each row, px, down to the first row that it does not reach."""
    runs = np.logical_and.accumulate(outside, 1).sum(1)
    return np.asarray(runs * np.logical_and.accumulate(runs > 0), np.int64)


def _inset(corners: Sequence[npt.NDArray[np.int64]]) -> tuple[int, ...]:
    """Px off every side that leave a rectangle without rounded corners; all 0 where there are none.

    Where the picture at a corner is of the corner's own colour its arc is lost: half of the four suffice if they are
    large and the others are of that colour too.
    """
    radii = [_radius(runs) for runs in corners]
    found = [radius for radius in radii if radius]
    largest = max(found, default=0.0)
    if len(found) < (2 if largest >= LARGE_RADIUS else 3) or largest - min(found) > 2 * OFF[0] + OFF[1] * largest:
        return (0, 0, 0, 0)
    lost = [runs for runs, radius in zip(corners, radii, strict=True) if not radius]
    if any((runs + OFF[0] + OFF[1] * largest < _arc(min(found), len(runs))).any() for runs in lost):
        return (0, 0, 0, 0)
    return (math.ceil(CORNER_INSET * largest),) * 4


def _radius(runs: npt.NDArray[np.int64]) -> float:
    """The radius of a rounded corner from how far it reaches into each row; 0 where it is no arc of a circle.

    A row's smoothed last pixel counts as picture or not, so that a corner may look smaller than it is.
    """
    least = math.sqrt(runs.sum() / CORNER_AREA)
    radii = least + np.arange(0, 4, 0.25)
    off = [np.abs(runs + 0.5 * (runs > 0) - _arc(radius, len(runs))).max() for radius in radii]
    best = int(np.argmin(off))
    radius = float(radii[best])
    fits = LEAST_RADIUS <= radius < len(runs) and off[best] <= OFF[0] + OFF[1] * radius
    return radius if fits else 0.0


def _arc(radius: float, rows: int) -> Floats:
    """How far a rounded corner reaches into each of so many rows, px."""
    inside = (radius - np.arange(rows) - 0.5).clip(0)
    return np.asarray(np.where(inside > 0, radius - np.sqrt(np.maximum(radius**2 - inside**2, 0)), 0))


def _turns(array: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """The array with its top, right, bottom and left side up."""
    return [np.rot90(array, turn) for turn in range(4)]


def _thinned(pixels: Pixels) -> Pixels:
    """At most SAMPLES columns, evenly spaced."""
    if pixels.shape[1] <= SAMPLES:
        return pixels
    columns = np.unique(np.linspace(0, pixels.shape[1] - 1, SAMPLES).round().astype(int))
    return pixels[:, columns]


FINDERS: dict[str, Callable[[Pixels, Known], tuple[int, ...]]] = {
    "transparent border": _transparent,
    BARS: _bars,
    A_BORDER: _edges,
    "rounded corners": _corners,
}
