"""What has colours of its own does not go on at a side where they are not seen: no scraps of a suit beside a flag.

In `layers` surroundings decide, an eighth of the picture: near its edge a thing looks as what it stands before. Here
colours do, place by place: large parts of the photo, all of whose colours are missing at a side, are strange there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.fills.mirror import bounds

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.fills.base import Floats
    from softextend.fills.layers import Layers
    from softextend.types import Known

DEEP = 0.025  # of the known width: what lies that near to a border stands at it
BINS, BIN = 32, np.array((8, 6, 6), np.float32)  # of each of L*a*b*, and the units of one
NEAR = 1.0  # bins, Gaussian sigma: how far a colour counts for those beside it
SEEN = 0.002  # part of a border of exactly that colour that makes it one of the border's
SMOOTH, MOST = 0.02, 0.5  # of the longer side; and the part of the places within that must be strange
LARGE = 0.01  # part of the photo: smaller parts are texture
HOLE = 0.15  # part of the photo up to which what lies within strange parts belongs to them
PRICE = 8.0  # times what other places cost: else their matching edges are still worth it


def strange(image: Floats, trusted: Known, stands: Layers | None) -> Known | None:
    """image: float32 (H, W, 3) in [0, 255]; trusted: (H, W) -> bool (H, W, K) for the K sides of `stands`.

    Nothing is strange above and below, where layers lie. None if nothing is at any side.
    """
    if stands is None:
        return None
    lab = cv2.cvtColor(np.clip(image / 255, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
    middle = np.array((0, BINS // 2, BINS // 2), np.int32)
    place = np.clip(np.rint(lab / BIN).astype(np.int32) + middle, 0, BINS - 1)
    colour = (place[..., 0] * BINS + place[..., 1]) * BINS + place[..., 2]
    box = bounds(trusted)
    wide = max(2, round(DEEP * (box.right - box.left + 1)))
    strips = {"left": slice(box.left, box.left + wide), "right": slice(box.right + 1 - wide, box.right + 1)}
    found = np.zeros((*trusted.shape, len(stands.sides)), np.bool_)
    for index, side in enumerate(stands.sides):
        if side in strips:
            border = np.zeros_like(trusted)
            border[:, strips[side]] = trusted[:, strips[side]]
            found[..., index] = _parts(~_palette(colour[border])[colour] & trusted, trusted, border)
    return found if found.any() else None


def priced(parts: Known, shape: tuple[int, ...], radius: int) -> Floats:
    """bool (h, w, K) -> (H, W, K) of a level: PRICE where a patch of that radius shows something of them, else 0."""
    height, width = shape
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    shrinks = width < parts.shape[1]
    sized = []
    for part in np.moveaxis(parts, 2, 0).astype(np.float32):
        same = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        sized.append(cv2.dilate((same > 0.25).astype(np.uint8), kernel))
    return np.dstack(sized) * np.float32(PRICE)


def _palette(colours: npt.NDArray[np.int32]) -> Known:
    """(BINS ** 3,): which colours are like those of a border (N,)."""
    if not len(colours):
        return np.ones(BINS**3, np.bool_)
    share = np.bincount(colours, minlength=BINS**3).astype(np.float32).reshape(BINS, BINS, BINS) / len(colours)
    steps = np.arange(-4, 5)
    line = np.exp(-(steps**2) / (2 * NEAR**2)).astype(np.float32)
    for _ in range(3):
        share = cv2.sepFilter2D(
            share.reshape(BINS, -1), -1, np.ones(1, np.float32), line, borderType=cv2.BORDER_CONSTANT
        )
        share = np.moveaxis(share.reshape(BINS, BINS, BINS), 0, 2).copy()
    return np.asarray(share.ravel() > SEEN, dtype=np.bool_)


def _parts(other: Known, trusted: Known, border: Known) -> Known:
    """The large parts of the photo in which most places are `other`, and their holes; all (H, W)."""
    side = max(3, round(SMOOTH * max(trusted.shape))) | 1
    share = cv2.blur(other.astype(np.float32), (side, side))
    share /= np.maximum(cv2.blur(trusted.astype(np.float32), (side, side)), 1e-3)
    total = np.count_nonzero(trusted)
    label, area = _labelled((share > MOST) & trusted)
    large = area >= LARGE * total
    large[0] = False
    found = large[label]
    kernel = np.ones((2 * side + 1, 2 * side + 1), np.uint8)
    wide = cv2.erode((~found).astype(np.uint8), kernel)  # what reaches it through a narrow gap is within them, too
    label, _ = _labelled(wide > 0)
    reached = np.isin(label, np.setdiff1d(label[cv2.dilate(border.astype(np.uint8), kernel) > 0], 0))
    label, area = _labelled(~found & trusted & (cv2.dilate(reached.astype(np.uint8), kernel) == 0))
    hole = area < HOLE * total
    hole[0] = False
    hole[label[border]] = False
    return np.asarray(found | hole[label], dtype=np.bool_)


def _labelled(mask: Known) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The number of each place's part in a mask (H, W), 0 outside it, and the area of each number, px."""
    _, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return label, stats[:, cv2.CC_STAT_AREA]
