"""What goes on at each side is what stands there: sky above sky, what stands below below, the wall beside the wall.

A place belongs to what stands at a border where its surroundings, as in `things`, have their like along that border,
and where such places lead there without a gap. Above and below these are layers; a thing that the border cuts is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.fills.mirror import bounds
from softextend.fills.things import EVERY, shrunk, statistics

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.types import Known

DEEP = 0.08  # of the known height or width: what lies that near to a border stands at it
ALIKE, OTHER = 4.0, 12.0  # distances of statistics (L*a*b* units) up to which, from which a place is of another layer
ASIDE_DEEP = 0.03  # of the known width, left and right
ASIDE_ALIKE, ASIDE_OTHER = 8.0, 16.0  # the same left and right, where more kinds of things stand beside each other
THING = 0.5  # of what `things` tells: a thing that the border cuts is not what goes on there
MOST = 0.5  # part of a border that must be left without its things; else they are what it shows


UPRIGHT = ("top", "bottom")  # the sides at which layers lie


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """For each side to which a picture grows, what does not stand at that border."""

    other: Floats  # (H, W, K) in [0, 1], at a size of its own
    sides: tuple[str, ...]  # K names

    def beyond(self, place: Ints, trusted: Known) -> Floats:
        """Flat places (T,) of a level, trusted (H, W) -> (T, K), 1 where that border lies between place and picture.

        In the corners what lies above or below goes on.
        """
        box, (y, x) = bounds(trusted), np.divmod(place, trusted.shape[1])
        beyond = {"top": y < box.top, "bottom": y > box.bottom}
        level = ~(beyond["top"] | beyond["bottom"])
        beyond |= {"left": level & (x < box.left), "right": level & (x > box.right)}
        return np.stack([beyond[side] for side in self.sides], 1).astype(np.float32)


def layers(image: Floats, trusted: Known, things: Floats) -> Layers | None:
    """What stands at the sides to which a picture grows, from its image, float32 (H, W, 3) in [0, 255].

    trusted: (H, W), what of it is; things: (H, W), as `things` tells. None where it grows nowhere.
    """
    small, known, reach = shrunk(image, trusted)
    if not known.any():
        return None
    box = bounds(known)
    room = {"top": box.top, "right": known.shape[1] - 1 - box.right, "bottom": len(known) - 1 - box.bottom}
    room["left"] = box.left
    if not any(room.values()):
        return None
    grid = slice(None, None, EVERY), slice(None, None, EVERY)
    traits = statistics(small, known, reach)[grid]
    alone = cv2.resize(things, known.shape[::-1], interpolation=cv2.INTER_AREA)[grid] > THING
    high = max(2, round(DEEP * (box.bottom - box.top + 1)))
    wide = max(2, round(ASIDE_DEEP * (box.right - box.left + 1)))
    y, x = np.mgrid[: len(known), : known.shape[1]][:, ::EVERY, ::EVERY]
    border = {"top": y < box.top + high, "bottom": y > box.bottom - high}
    border |= {"left": x < box.left + wide, "right": x > box.right - wide}
    sides = tuple(side for side in room if room[side])
    found = [_other(traits, known[grid], alone if side in UPRIGHT else None, border[side]) for side in sides]
    return Layers(other=np.dstack(found), sides=sides)


def _other(traits: Floats, known: Known, alone: Known | None, border: Known) -> Floats:
    """(H, W) in [0, 1]: how far the traits (H, W, C) are from those at the border (H, W); 1 if unknown.

    alone: (H, W), the things that do not count above and below; None left and right, where all count.
    """
    y, x = np.nonzero(known)
    at = border[y, x]
    if not at.any():
        return np.zeros(known.shape, np.float32)
    least, most = (ASIDE_ALIKE, ASIDE_OTHER) if alone is None else (ALIKE, OTHER)
    without = at if alone is None else at & ~alone[y, x]
    rows, shown = traits[y, x], without if without.sum() > MOST * at.sum() else at
    apart = (rows**2).sum(1)[:, None] + (rows[shown] ** 2).sum(1)[None] - 2 * rows @ rows[shown].T
    found = np.ones(known.shape, np.float32)
    found[y, x] = np.clip((np.sqrt(np.maximum(apart.min(1), 0)) - least) / (most - least), 0, 1)
    _, part = cv2.connectedComponents((found < 1).astype(np.uint8), connectivity=4)
    return np.where(np.isin(part, part[y[shown], x[shown]]), found, np.float32(1))
