"""What stands below stays below: above a photo goes on what lies at its upper border, below it what lies at its lower.

A place belongs to the layer at a border where its surroundings, as in `things`, have their like along that border, and
where such places lead there without a gap.
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

DEEP = 0.08  # of the known height: what lies that near to a border stands at it
ALIKE, OTHER = 4.0, 12.0  # distances of statistics (L*a*b* units) up to which, from which a place is of another layer
THING = 0.5  # of what `things` tells: a thing that the border cuts is not what goes on there
MOST = 0.5  # part of a border that must be left without its things; else they are what it shows


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """For the upper and the lower border of a picture, as far as it grows there, what is not of the layer at it."""

    other: Floats  # (H, W, K) in [0, 1], at a size of its own
    down: tuple[int, ...]  # K numbers: -1 above the picture, 1 below it

    def beyond(self, place: Ints, trusted: Known) -> Floats:
        """Flat places (T,) of a level, trusted (H, W) -> (T, K), 1 where that border lies between place and picture."""
        box, y = bounds(trusted), place // trusted.shape[1]
        return np.stack([y < box.top if way < 0 else y > box.bottom for way in self.down], 1).astype(np.float32)


def layers(image: Floats, trusted: Known, things: Floats) -> Layers | None:
    """How a picture lies in layers, from its image, float32 (H, W, 3) in [0, 255], and what of it is trusted, (H, W).

    things: (H, W), as `things` tells. None where it grows to the sides alone.
    """
    small, known, reach = shrunk(image, trusted)
    if not known.any():
        return None
    box = bounds(known)
    down = (*((-1,) if box.top else ()), *((1,) if box.bottom < len(known) - 1 else ()))
    if not down:
        return None
    grid = slice(None, None, EVERY), slice(None, None, EVERY)
    traits = statistics(small, known, reach)[grid]
    alone = cv2.resize(things, known.shape[::-1], interpolation=cv2.INTER_AREA)[grid] > THING
    deep = max(2, round(DEEP * (box.bottom - box.top + 1)))
    y = np.arange(0, len(known), EVERY)
    found = [
        _other(traits, known[grid], alone, y < box.top + deep if way < 0 else y > box.bottom - deep) for way in down
    ]
    return Layers(other=np.dstack(found), down=down)


def _other(traits: Floats, known: Known, alone: Known, border: Known) -> Floats:
    """(H, W) in [0, 1]: how far the traits (H, W, C) are from those in the rows of the border (H,); 1 if unknown."""
    y, x = np.nonzero(known)
    at = border[y]
    if not at.any():
        return np.zeros(known.shape, np.float32)
    without = at & ~alone[y, x]
    rows, shown = traits[y, x], without if without.sum() > MOST * at.sum() else at
    apart = (rows**2).sum(1)[:, None] + (rows[shown] ** 2).sum(1)[None] - 2 * rows @ rows[shown].T
    found = np.ones(known.shape, np.float32)
    found[y, x] = np.clip((np.sqrt(np.maximum(apart.min(1), 0)) - ALIKE) / (OTHER - ALIKE), 0, 1)
    _, part = cv2.connectedComponents((found < 1).astype(np.uint8), connectivity=4)
    return np.where(np.isin(part, part[y[shown], x[shown]]), found, np.float32(1))
