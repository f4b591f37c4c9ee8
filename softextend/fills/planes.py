"""What repeats itself on a plane seen at a slant goes on there: a fence, a wall or a pavement that recedes.

Seen straight on, such a plane has one step everywhere (Huang, Kang, Ahuja, Kopf 2014, "Image completion using planar
structure guidance"). A plane is made straight by its vanishing line alone: upright through a vanishing point for a
wall, level through it for a floor or a ceiling, as a level camera sees them. Where the straightened picture repeats
itself at a steady step, and the photo does not, what is new is taken a number of steps further in, through the
perspective and from the photo at once; where it repeats itself both ways, on all sides (`tilings`). Elsewhere the
search completes the picture, as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.base import GRAIN, Floats, summed, variance
from softextend.fills.mirror import bounds
from softextend.fills.regular import ALIKE, NEAREST, SAME, STRUCTURED, WINDOW, offsets_of
from softextend.fills.straight import LARGER, Photo, Straight, mapped, seen_at, turned, ways_to_see
from softextend.fills.tilings import FADE, SMALLEST, SMOOTH, tiled
from softextend.fills.vanishing import vanishing_points

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

    Doubles = npt.NDArray[np.float64]
    Places = npt.NDArray[np.int64]  # (N, 2), x and y

LOOKED_AT = 192  # px, squared: size at which a straightened plane is looked at
FINER = 512  # px, squared: and at which its step is measured
LEVEL = 1  # px aside that a step may lead
TRIED = 3  # steps of a plane
FARTHEST = 0.12  # times the size at the border, the smallest that goes on
DEEP = 4  # steps from the border, where a plane must repeat itself
BAND = 1 / 8  # of the height, rows that are judged together
FILLED = 0.1  # part of a band whose windows must be comparable
LEAST = 0.25  # of the rows of a plane that must go on
GOES_ON = 0.75  # part of a row's windows that are alike a step away, for it to go on so
GROSS = 1.0  # px, Gaussian sigma: grain that does not repeat itself is left out
LIFT = 12.0  # levels of 255 by which things a step apart may differ as a whole
RING = 1 / 20  # of the longer side, width of the strip inside the border that a plane must foretell
MOST = 4  # steps at once
MOSTLY = 0.5  # part of what is new, in all that a plane repeats both ways, from which the search does the rest
BETTER = 1.5  # times as steady as the photo as it is
COMPARED = 0.6  # of its width, up to which steps are measured


def laid_on_planes(pixels: Pixels, known: Known, sure: float) -> tuple[Pixels, Known]:
    """uint8 (H, W, 3), bool (H, W) -> the picture in which planes go on, and where they do (H, W), False where known.

    sure: part of the windows of a plane that must repeat themselves at its step, in [0, 1]; 1: no plane goes on.
    """
    laid, painted = np.zeros_like(known), pixels
    points = vanishing_points(pixels, known) if sure < 1 else np.zeros((0, 2))
    views = [(turn, view) for turn in range(4) if len(points) and (view := _view(pixels, known, turn))]

    def meeting(turn: int) -> Doubles:
        return _turned_points(points, turn, known.shape)

    parts = [(turn, tiled(photo, meeting(turn), sure)) for turn, photo in views[:1]]
    if sum(len(at) for _, (at, _) in parts) <= MOSTLY * np.count_nonzero(~known):
        surest = [(turn, photo, _surest(photo, meeting(turn), sure)) for turn, photo in views]
        parts += [(turn, _laid(photo, plane, _measured(photo, plane))) for turn, photo, plane in surest if plane]
    for turn, (at, colours) in parts:
        new = ~turned(laid, turn)[at[:, 1], at[:, 0]]
        at, colours = at[new], colours[new]
        painted = painted.copy() if painted is pixels and len(at) else painted
        turned(painted, turn)[at[:, 1], at[:, 0]] = colours
        turned(laid, turn)[at[:, 1], at[:, 0]] = True
    return painted, laid


def _view(pixels: Pixels, known: Known, turn: int) -> Photo | None:
    """A picture as `turned`; None where it does not grow there."""
    inside = np.ascontiguousarray(turned(known, turn))
    box = bounds(inside)
    if box.right == inside.shape[1] - 1:
        return None
    return Photo(pixels=np.ascontiguousarray(turned(pixels, turn)), known=inside, box=box)


def _turned_points(points: Doubles, turn: int, shape: tuple[int, ...]) -> Doubles:
    """Points (K, 2), x and y, in a picture (H, W) that is seen as `turned`."""
    there = points[:, ::-1].copy() if turn > 1 else points.copy()
    if turn % 2:
        there[:, 0] = shape[0 if turn > 1 else 1] - 1 - there[:, 0]
    return there


# --- which plane --------------------------------------------------------------------------------------------------


def _surest(photo: Photo, points: Doubles, sure: float) -> _Plane | None:
    """The plane through one of the points (K, 2) that repeats itself most, None where none does so surely."""
    shape = photo.known.shape
    planes = [_repeating(photo, way, sure) for point in points for way in ways_to_see(point, photo.box, shape)]
    best = max((plane for plane in planes if plane), key=lambda plane: plane.steady, default=None)
    if best is None:
        return None
    level = Straight(matrix=np.eye(3), line=np.array([0, 0, 1.0]), size=(shape[1], shape[0]))
    plain = _repeating(photo, level, 0.0)
    return None if plain and BETTER * plain.steady > best.steady else best


# --- how a plane repeats itself -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """A plane that repeats itself, as seen with the border that grows on the right."""

    straight: Straight
    step: Doubles  # (2,) px right and down of the straightened picture, outwards
    rows: Known  # (h,) of it, at a size of its own, that go on so
    steady: float  # part of the windows in its best band of rows that repeat themselves, in [0, 1]


def _repeating(photo: Photo, straight: Straight, sure: float) -> _Plane | None:
    """How a straightened picture repeats itself along its rows; None if less than `sure` of a band does."""
    image, inside, scale = straight.seen(photo, LOOKED_AT)
    image = cv2.GaussianBlur(image, (0, 0), GROSS)
    longer = max(inside.shape)
    if min(inside.shape) < SMALLEST or not inside.any():
        return None
    steps = offsets_of(image, inside, max(2, round(NEAREST * longer)))
    steps = steps[np.abs(steps[:, 0]) <= LEVEL][:TRIED]
    best, found = max(sure, 1e-6), None
    for down, right in steps * np.sign(steps[:, 1:]):
        steady, rows = _judged(image, inside, (int(down), int(right)), round(WINDOW * longer) | 1, sure)
        if steady >= best and rows.mean() >= LEAST:
            step = np.array([right, down]) / scale
            best, found = steady, _Plane(straight=straight, step=step, rows=rows, steady=steady)
    return found


def _judged(image: Floats, inside: Known, step: tuple[int, int], side: int, sure: float) -> tuple[float, Known]:
    """Of a straightened picture (h, w): how steadily its best band repeats itself at a step, and which rows do (h,)."""
    forth, back, half = (
        _apart(image, inside, (round(part * step[0]), round(part * step[1])), side) for part in (1, -1, 0.5)
    )
    columns = np.arange(inside.shape[1])
    end = np.where(inside, columns, -1).max(1, keepdims=True)
    near = columns > end - DEEP * step[1]
    structured = variance(image, side) > STRUCTURED
    counted = near & structured & np.isfinite(forth) & np.isfinite(back)
    same = counted & (np.maximum(forth, back) < SAME) & (half > ALIKE)
    beside = columns > end - step[1]
    seen = beside & np.isfinite(back)
    fits = seen & (back < ALIKE)
    band = max(4, round(BAND * len(inside)))
    enough = FILLED * band * DEEP * step[1]
    all_of, all_same, all_seen, all_fit = (
        cv2.blur(each.sum(1, dtype=np.float32)[:, None], (1, band))[:, 0] * band for each in (counted, same, seen, fits)
    )
    steady = np.where(all_of >= enough, all_same / np.maximum(all_of, 1), 0)
    goes_on = all_fit >= np.maximum(GOES_ON * all_seen, 1)
    goes_on = cv2.dilate(goes_on.astype(np.uint8)[:, None], np.ones((side, 1)))
    _, part = cv2.connectedComponents(goes_on)
    part = part[:, 0]
    kept = np.unique(part[(steady >= max(sure, 1e-6)) & (part > 0)])
    return float(steady.max()), np.isin(part, kept)


def _apart(image: Floats, inside: Known, step: tuple[int, int], side: int) -> Floats:
    """(h, w): mean squared difference of the windows of `side` px a step apart over their variances; else infinity.

    A difference of their means of up to LIFT levels of 255 does not count.
    """
    height, width = inside.shape
    found = np.full(inside.shape, np.inf, np.float32)
    here = tuple(slice(max(0, -way), extent - max(0, way)) for way, extent in zip(step, (height, width), strict=True))
    there = tuple(slice(cut.start + way, cut.stop + way) for cut, way in zip(here, step, strict=True))
    if here[0].start >= here[0].stop or here[1].start >= here[1].stop:
        return found
    change = image[here] - image[there]
    mean = cv2.blur(summed(change * change), (side, side))
    mean = np.maximum(mean - summed(np.minimum(cv2.blur(change, (side, side)) ** 2, LIFT**2)), 0)
    both = (inside[here] & inside[there]).astype(np.uint8)
    whole = cv2.erode(both, np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    own = variance(image, side)
    found[here] = np.where(whole, mean / (own[here] + own[there]), np.inf)
    return found


def _measured(photo: Photo, plane: _Plane) -> Doubles:
    """(2,): the step of a plane, in fractions of a px, from as many steps as the photo shows."""
    image, inside, scale = plane.straight.seen(photo, FINER)
    rows = cv2.resize(plane.rows.astype(np.uint8)[:, None], (1, len(image)), interpolation=cv2.INTER_NEAREST)
    inside &= rows > 0
    step, reach = plane.step * scale, round(FINER / LOOKED_AT) + 1
    for times in range(1, MOST + 1):
        right, down = np.rint(times * step).astype(int)
        if right + reach + 1 > COMPARED * image.shape[1]:
            break
        places = [(down + y, right + x) for y in range(-1, 2) for x in range(-reach, reach + 1)]
        found = np.array([_differing(image, inside, place) for place in places]).reshape(3, -1)
        row, column = np.unravel_index(found.argmin(), found.shape)
        if not np.isfinite(found[row, column]):
            break
        line = found[row]
        part = 0.0
        if 0 < column < len(line) - 1 and np.isfinite(line[[column - 1, column + 1]]).all():
            before, here, after = line[column - 1 : column + 2]
            part = 0.5 * (before - after) / max(before - 2 * here + after, 1e-6)
        step = np.array([right + column - reach + part, down + row - 1]) / times
        reach = 2
    return step / scale


def _differing(image: Floats, inside: Known, step: tuple[int, int]) -> float:
    """Mean squared difference of a picture from itself a step away, where both are known; infinity if nowhere."""
    height, width = inside.shape
    down, right = step
    here = slice(max(0, -down), height - max(0, down)), slice(0, width - right)
    there = slice(max(0, down), height - max(0, -down)), slice(right, width)
    both = inside[here] & inside[there]
    if np.count_nonzero(both) < FILLED * np.count_nonzero(inside):
        return np.inf
    return float(((image[here] - image[there])[both] ** 2).mean())


# --- what goes on -------------------------------------------------------------------------------------------------


def _laid(photo: Photo, plane: _Plane, step: Doubles) -> tuple[Places, Pixels]:
    """The pixels beyond the border in which a plane goes on, (N, 2) x and y, and their colours, uint8 (N, 3)."""
    columns, right, longer = np.arange(photo.known.shape[1]), photo.box.right, max(photo.known.shape)
    at, colours = _taken(photo, ~photo.known & (columns > right), plane, step)
    missed, fits = _missed(photo, plane, step, max(2, round(RING * longer)), max(3, round(WINDOW * longer)))
    row = _border_rows(photo, plane, at)
    if np.count_nonzero(fits) < LEAST * len(fits):
        return at[:0], np.zeros((0, 3), np.uint8)
    at, colours, row = at[fits[row]], colours[fits[row]], row[fits[row]]
    colours = colours + missed[row] * np.exp((right - at[:, 0]) / (FADE * longer))[:, None]
    return at, np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def _missed(photo: Photo, plane: _Plane, step: Doubles, wide: int, tall: int) -> tuple[Floats, Known]:
    """What a plane misses the photo by along the border: levels of 255 (H, 3), and in which rows it is alike (H,).

    Judged on a strip of `wide` px inside the border, over `tall` px of it.
    """
    columns = np.arange(photo.known.shape[1])
    strip = photo.known & (columns > photo.box.right - wide) & (columns <= photo.box.right)
    at, seen = _taken(photo, strip, plane, step)
    shown = photo.pixels[at[:, 1], at[:, 0]].astype(np.float32)
    wrong, one = shown - seen, np.ones((len(at), 1), np.float32)
    alike = (np.abs(wrong).max(1, keepdims=True) <= 2 * LIFT).astype(np.float32)  # else it is an edge
    rows = np.zeros((len(photo.known), 17), np.float32)
    np.add.at(rows, at[:, 1], np.hstack([wrong * alike, alike, shown, shown**2, wrong, wrong**2, one]))
    lift = cv2.GaussianBlur(rows[:, None, :4], (0, 0), SMOOTH).reshape(-1, 4)
    total = cv2.blur(rows[:, None, 4:], (1, 2 * (tall // 2) + 1)).reshape(-1, 13)
    mean = total[:, :12] / np.maximum(total[:, 12:], 1e-6)
    spread = np.maximum(mean[:, 3:6] - mean[:, :3] ** 2, 0).sum(1)
    differs = (mean[:, 9:] - np.minimum(mean[:, 6:9] ** 2, LIFT**2)).sum(1) / (2 * spread + GRAIN)
    return lift[:, :3] / np.maximum(lift[:, 3:], 1e-3), (total[:, 12] > 0) & (differs < ALIKE)


def _border_rows(photo: Photo, plane: _Plane, at: Places) -> npt.NDArray[np.int64]:
    """The rows (N,) in which the lines of a plane through pixels (N, 2), x and y, meet the border."""
    border = np.stack(np.broadcast_arrays(photo.box.right, np.arange(len(photo.known))), 1)
    border = border[np.c_[border, np.ones(len(border))] @ plane.straight.line > FARTHEST]
    level = mapped(plane.straight.matrix, border)[:, 1] if len(border) else np.zeros(1)
    rows = border[:, 1] if len(border) else np.zeros(1)
    order = np.argsort(level, kind="stable")
    return np.rint(np.interp(mapped(plane.straight.matrix, at)[:, 1], level[order], rows[order])).astype(np.int64)


def _taken(photo: Photo, wanted: Known, plane: _Plane, step: Doubles) -> tuple[Places, Floats]:
    """The wanted pixels that lie on a plane, (N, 2) x and y, and the colours (N, 3) a number of steps further in."""
    height, width = photo.known.shape
    place = np.argwhere(wanted)[:, ::-1]
    large = np.c_[place, np.ones(len(place))] @ plane.straight.line
    place = place[(large > FARTHEST) & (large < LARGER)]
    there = mapped(plane.straight.matrix, place)
    row = np.floor((there[:, 1] + 0.5) * len(plane.rows) / plane.straight.size[1])
    usable = plane.rows[np.clip(row, 0, len(plane.rows) - 1).astype(int)]  # what is farther goes on as its nearest
    place, there = place[usable], there[usable]
    inner = cv2.erode(photo.known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    origin = np.full(place.shape, -1.0, np.float32)
    back = np.asarray(np.linalg.inv(plane.straight.matrix), np.float64)
    for times in _times(there, step, recedes=bool(plane.straight.line[0] <= 0)) if len(place) else ():
        left = np.flatnonzero(origin[:, 0] < 0)
        source = mapped(back, there[left] - times * step)
        u, v = np.rint(np.clip(source, -1, max(height, width))).astype(int).T
        inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
        inside[inside] = inner[v[inside], u[inside]]
        origin[left[inside]] = source[inside]
    found = origin[:, 0] >= 0
    return place[found], seen_at(photo.pixels, origin[found])


def _times(there: Doubles, step: Doubles, *, recedes: bool) -> list[int]:
    """How many steps back to look, in order: what comes nearer is taken from the nearest, as it is the largest.

    What recedes is taken from up to MOST steps away at first, so that what is not quite alike does not return soon.
    """
    far = int(np.ceil((there[:, 0].max() - there[:, 0].min()) / step[0])) + MOST
    ahead = list(range(1, far + 1))
    if not recedes:
        return ahead
    first = min(MOST, far)
    return [*(times for count in range(first, 0, -1) for times in range(count, far + 1, count))]
