"""How much of what was added repeats a thing that the photo shows once: a second face, a third lighthouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

    Corners = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

LONGER = 384  # px, longer side of the picture that is looked at: a twin is seen from afar
WINDOW = 1 / 16  # of the longer side, side of the windows that are compared
STEP = 1 / 3  # of a window, from one to the next
STRUCTURED = 10.0  # levels of 255, standard deviation below which a window shows nothing to repeat
SAME = 0.9  # correlation from which two windows show the same
ALIKE = 0.6  # correlation from which the photo shows something like it again
NEW = 0.75  # share of a window that must be new
HALVED = 16  # px, side from which windows are sought at half size first
PROMISING = 0.45  # rough correlation below which nothing is looked at closer
PROPOSED = 8  # places found roughly that are looked at closer
ABOUT = 2  # px around each of them
SMALLEST = 6  # px, side of a window below which everything looks alike
PART = 256  # windows sought at a time


@dataclass(frozen=True, slots=True, eq=False)
class Like:
    """The known windows of a picture, to be searched by correlation: roughly in grey, then around the best."""

    image: Floats  # (H, W, 3)
    inside: Known  # (H - side + 1, W - side + 1): windows by their top left corner that are wholly known
    side: int  # px, even
    every: int  # px: windows are sought roughly at half size where that leaves them enough to tell
    place: Corners  # (N, 2) corners of the windows in `rows`
    rows: Floats  # (N, (side / every) ** 2) grey windows, mean 0, length 1

    @classmethod
    def of(cls, image: Floats, known: Known, side: int) -> Like:
        """image: float32 (H, W, 3); known: bool (H, W); windows of `side` px, an even number."""
        inside = corners(known, side)
        every = 2 if side >= HALVED else 1
        place = np.argwhere(inside[::every, ::every]) * every
        rows = _rows(image, place, side, every)
        return cls(image=image, inside=inside, side=side, every=every, place=place, rows=rows)

    def found(self, corner: Corners) -> tuple[Corners, Floats]:
        """For windows by their corners (N, 2), anywhere in the picture: the known ones most like them, and how like.

        Correlations in [-1, 1]; -1 where nothing comes near.
        """
        at, close = np.zeros_like(corner), np.full(len(corner), -1, np.float32)
        for index, rough in self._roughly(corner):
            which = int(rough.argmax())
            if rough[which] > PROMISING:
                at[index], close[index] = self._closely(corner[index], self.place[which])
        return at, close

    def alone(self, corner: Corners) -> Known:
        """For known windows by their corners (N, 2): whether nothing that does not overlap them looks like them."""
        alone = np.ones(len(corner), np.bool_)
        for index, rough in self._roughly(corner):
            rough[self._around(corner[index], self.side)] = -1
            for _ in range(PROPOSED):
                which = int(rough.argmax())
                if rough[which] < PROMISING:
                    break
                if self._closely(corner[index], self.place[which])[1] >= ALIKE:
                    alone[index] = False
                    break
                rough[self._around(self.place[which], 2 * ABOUT)] = -1
        return alone

    def _roughly(self, corner: Corners) -> Iterator[tuple[int, Floats]]:
        """Each index of (N, 2) corners, and the rough correlation of its window with all of `rows`."""
        for first in range(0, len(corner) if len(self.place) else 0, PART):
            values = _rows(self.image, corner[first : first + PART], self.side, self.every) @ self.rows.T
            for index, rough in enumerate(values):
                yield first + index, rough

    def _around(self, corner: Any, reach: int) -> Known:
        """Which of `place` lie less than `reach` px from a corner on both axes."""
        return np.asarray((np.abs(self.place - corner) < reach).all(1), dtype=np.bool_)

    def _closely(self, corner: Any, place: Any) -> tuple[Any, float]:
        """The known window most like that at `corner` within ABOUT px of `place`, and the correlation."""
        top, left = np.maximum(place - ABOUT, 0)
        inside = self.inside[top : place[0] + ABOUT + 1, left : place[1] + ABOUT + 1]
        region = self.image[top : top + len(inside) + self.side - 1, left : left + inside.shape[1] + self.side - 1]
        values = self._correlated(corner, region, inside)
        row, column = divmod(int(values.argmax()), values.shape[1])
        return (top + row, left + column), float(values[row, column])

    def _correlated(self, corner: Any, region: Floats, inside: Known) -> Floats:
        """Correlation of the window at `corner` with every window of a region, -1 where that is not wholly known."""
        row, column = corner
        window = np.ascontiguousarray(self.image[row : row + self.side, column : column + self.side])
        values = cv2.matchTemplate(np.ascontiguousarray(region), window, cv2.TM_CCOEFF_NORMED)
        return np.asarray(np.where(inside & np.isfinite(values), values, -1), dtype=np.float32)


def _rows(image: Floats, corner: Corners, side: int, every: int) -> Floats:
    """(N, (side / every) ** 2): grey windows of an image (H, W, 3) by their corners (N, 2); mean 0, length 1."""
    count = side // every
    if not len(corner):
        return np.zeros((0, count * count), np.float32)
    grey = image.mean(2)
    if every == 2:
        grey = (grey[1:, 1:] + grey[:-1, 1:] + grey[1:, :-1] + grey[:-1, :-1]) / 4
    reach = side - every + 1
    view = np.lib.stride_tricks.sliding_window_view(grey, (reach, reach))[..., ::every, ::every]
    rows = view[corner[:, 0], corner[:, 1]].reshape(len(corner), -1)
    rows = rows - rows.mean(1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-3), dtype=np.float32)


def corners(area: Known, side: int) -> Known:
    """Where a window of `side` px lies wholly in the area (H, W), by its top left corner."""
    height, width = area.shape
    if min(height, width) < side:
        return np.zeros((0, 0), np.bool_)
    kernel = np.ones((side, side), np.uint8)
    whole = cv2.erode(area.astype(np.uint8), kernel, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(whole[: height - side + 1, : width - side + 1], dtype=np.bool_)


def twin_share(pixels: Pixels | Floats, known: Known) -> float:
    """Share in [0, 1] of the new area's structured windows that show again what the known area shows only once.

    pixels: (H, W, 3) in [0, 255]; known: bool (H, W). 0 where there is nothing to compare.
    """
    scale = min(1.0, LONGER / max(known.shape))
    size = (max(1, round(known.shape[1] * scale)), max(1, round(known.shape[0] * scale)))
    side = round(WINDOW * max(size)) // 2 * 2
    if side < SMALLEST or min(size) < side or known.all():
        return 0.0
    small = cv2.resize(np.asarray(pixels), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    image = np.nan_to_num(small, nan=0.0, posinf=255.0, neginf=0.0)
    part = cv2.resize(known.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    new = _structured(image, part < 128, side)
    if not len(new):
        return 0.0
    like = Like.of(image, part >= 128, side)
    at, close = like.found(new)
    places, count = np.unique(at[close > SAME], axis=0, return_counts=True)
    return float(count[like.alone(places)].sum()) / len(new)


def _structured(image: Floats, new: Known, side: int) -> Corners:
    """(N, 2): corners of a grid of windows that lie mostly in the new area (H, W) and are not plain."""
    step = max(1, round(STEP * side))
    share = cv2.blur(new.astype(np.float32), (side, side), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    grey = image.mean(2)
    mean, square = (cv2.blur(each, (side, side), anchor=(0, 0)) for each in (grey, grey**2))
    wanted = (share >= NEW) & (square - mean**2 >= STRUCTURED**2)
    height, width = new.shape
    return np.argwhere(wanted[: height - side + 1 : step, : width - side + 1 : step]) * step
