"""A round thing that all but ends at the border is closed where its outline leads, and does not grow a nub there.

On an even ground, a disc, a ball or a fruit that a tight crop shaves: what is missing of it is a few px, less than a
patch. Its half width inside the border, squared, goes down to nothing as that of a circle or an ellipse does, by which
the rest is foretold; a straight side never comes to an end, and is left to the patches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial

from softextend.fills.base import runs
from softextend.fills.mirror import bounds

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known, Pixels

    Doubles = npt.NDArray[np.float64]

APART, GRAIN = 10.0, 2.0  # levels of 255 from the ground that make a thing; and the ground's own deviation
SOFT, BESIDE = 3, 6  # px at the border on both sides of it: of its soft edge, and of ground at least
DEPTH = 0.25  # of the picture's extent that way: how far inwards its outline is followed
SHALLOWEST, DEEPEST = 8, 400  # px of that
LONGEST = 0.6  # of the border
MISSING, OF_DEPTH = 0.1, 0.5  # of the picture's extent, and of the depth followed: what may be missing of it at most
EXACT = 0.7  # px by which its outline may be off the curve, root mean square
AROUND = 12  # px of ground that are laid beyond it


class _Closing(NamedTuple):
    """What is missing of a thing at the right border of a picture; both curves by the px inwards from there."""

    square: Polynomial  # of half its height
    middle: Polynomial  # its row
    end: float  # px beyond the border
    ground: Doubles  # (3,)


def closed(pixels: Pixels, laid: Pixels, on: Known, trusted: Known) -> tuple[Pixels, Known]:
    """`laid` (H, W, 3) with the ends of round things and the ground beyond them, and where it is laid then, (H, W).

    pixels: uint8 (H, W, 3), trusted: bool (H, W), what of it is the photo; on: bool (H, W), where it was laid before.
    """
    box = bounds(trusted).cut
    if not trusted[box].all():
        return laid, on
    found: list[tuple[int, _Closing]] = []
    grows = (box[1].stop < trusted.shape[1], box[0].stop < len(trusted), box[1].start > 0, box[0].start > 0)
    for turns in range(4):  # that bring the right, lower, left and upper side to the right
        if grows[turns]:
            found += [(turns, each) for each in _closings(np.rot90(pixels[box], turns))]
    if found:
        laid, on = laid.copy(), on.copy()
    for turns, each in found:
        _lay(np.rot90(laid, turns), np.rot90(on, turns), np.rot90(trusted, turns), each)
    return laid, on


def _closings(photo: Pixels) -> Iterator[_Closing]:
    """The things at the right border of a photo (H, W, 3) that end right beyond it."""
    height, width = photo.shape[:2]
    deep = min(width, DEEPEST, max(SHALLOWEST, round(DEPTH * width)))
    border = photo[:, -1].astype(np.float64)
    ground = np.median(border, axis=0)
    thing = np.abs(border - ground).max(1) > APART
    for run in runs(thing):
        start, stop = run.start, run.stop
        if start < SOFT + BESIDE or stop + SOFT + BESIDE > height or stop - start > LONGEST * height:
            continue
        above, below = start - SOFT, stop + SOFT
        beside = np.concatenate([border[above - BESIDE : above], border[below : below + BESIDE]])
        if np.abs(beside - ground).max() > APART or beside.std(0).max() > GRAIN:
            continue
        apart = np.abs(photo[:, : -deep - 1 : -1].astype(np.float32) - beside.mean(0)).max(2)  # from the border inwards
        edge = max(APART, float(np.median(apart[start:stop, 0])) / 2)
        found = _end(*_followed(apart > edge, (start + stop) / 2), width, beside.mean(0))
        if found:
            yield found


def _followed(thing: Known, middle: float) -> tuple[Doubles, Doubles]:
    """First and last rows (N,) of a thing (H, W) at a row, column by column as long as it does not get narrower."""
    first: list[float] = []
    last: list[float] = []
    for column in thing.T:
        outside = np.flatnonzero(~column)
        above, below = outside[outside < middle], outside[outside > middle]
        if not column[round(middle)] or not len(above) or not len(below):
            break
        if first and (above[-1] > first[-1] or below[0] < last[-1]):
            break
        first.append(above[-1] + 1.0)
        last.append(below[0] - 1.0)
        middle = (first[-1] + last[-1]) / 2
    return np.array(first), np.array(last)


def _end(first: Doubles, last: Doubles, width: int, ground: Doubles) -> _Closing | None:
    """How a thing ends that has these first and last rows (D,) inside the border; None if not right beyond it."""
    half, inwards = (last - first + 1) / 2, np.arange(len(first)) + 0.5
    if len(first) < SHALLOWEST or half[-1] < half[0] + 1:
        return None
    square = Polynomial.fit(inwards, half**2, 2).convert()
    if np.sqrt(np.mean((np.sqrt(np.maximum(square(inwards), 0)) - half) ** 2)) > EXACT:
        return None
    roots = np.asarray(square.roots(), np.complex128)
    ends = -roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real < 0)]
    if not len(ends) or ends.min() > min(max(2.0, MISSING * width), OF_DEPTH * len(first)):
        return None
    return _Closing(square, Polynomial.fit(inwards, (first + last) / 2, 1).convert(), float(ends.min()), ground)


def _lay(picture: Pixels, on: Known, shown: Known, thing: _Closing) -> None:
    """Paint an end and the ground around it into a picture (H, W, 3), and tell where; shown: (H, W), the photo."""
    box = bounds(shown)
    top, left = box.top, box.right + 1
    reach = np.sqrt(max(thing.square(0.0), 0)) + AROUND
    middle = top + thing.middle(0.0)
    rows = np.arange(max(0, round(middle - reach)), min(len(picture), round(middle + reach) + 1))
    columns = np.arange(left, min(picture.shape[1], left + int(np.ceil(thing.end)) + AROUND))
    inwards = left - columns - 0.5
    aside = rows[:, None] - top - thing.middle(inwards)
    slope = np.hypot(thing.square.deriv()(inwards), 2 * aside)
    part = np.clip(0.5 + (thing.square(inwards) - aside**2) / np.maximum(slope, 1e-6), 0, 1)
    part[:, -inwards > thing.end + 1] = 0
    colour = part[..., None] * picture[rows, None, left - 1] + (1 - part[..., None]) * thing.ground
    wanted = ~shown[rows][:, columns] & ~on[rows][:, columns]
    y, x = np.nonzero(wanted)
    picture[rows[y], columns[x]] = np.rint(colour[y, x]).astype(np.uint8)
    on[rows[y], columns[x]] = True
