"""Long outlines that reach a photo's border: a horizon, a limb, a table's edge, the line between wall and floor.

Such an edge foretells its course beyond the border: it goes on as it leans and bends. Edges are found where the step of
colour along a line is the same from column to column, and followed inwards as long as they keep to one straight or
evenly bent course. The border lies on the right throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.base import summed
from softextend.fills.mirror import bounds
from softextend.fills.straight import turned

if TYPE_CHECKING:
    from softextend.fills.base import Flat as Ints
    from softextend.fills.base import Floats
    from softextend.fills.pyramid import Level, Sized
    from softextend.types import Known

    Doubles = npt.NDArray[np.float64]
    Bends = tuple[float, float, float]

LONGER = 192  # px, longer side of the least picture in which outlines are looked for
SMALLEST = 40  # px a side; smaller pictures tell nothing
STRIP = 0.06  # of the longer side, along the border, in which an outline begins
BLUR = 1.0  # px, Gaussian sigma
SKIPPED, CLOSE = 1, 4  # px at the border that may be blurred; next to them an outline must show
STEEPEST, SLOPES = 1.6, 33  # px aside per px outwards, at most; how many of them are tried
CLEAR = 3.0  # levels of 255 per px, over three channels: least mean gradient across an outline
GRAIN = 1.5  # the same, of what is noise
ALONG = 0.8  # part of the gradient that is the same from column to column
APART = 0.025, 0.06  # of the longer side, between two outlines that are followed, that are kept; the longer one counts
MOST, PATTERN = 8, 5  # beginnings that are followed; outlines from which they are a pattern
FARTHER = 1.4  # times as far as before an outline is followed
BESIDE = 3.0  # px, how far from where it should be an outline is looked for
KEEPS, OFTEN = 0.35, 0.8  # of its usual gradient that a column must show; part of the columns that must
OFF = 0.5  # px, root mean square by which it may be off its course
BENDS, BENT = 0.2, 1.5  # of the longer side over which it must be seen to bend; times as far that it is off a line then
LONG = 0.18  # of the longer side, over which an outline must be seen
HIDES = 5  # px around a place where an outline is hidden that are none of it
FADES = 1.5  # times the length over which it is seen, beyond which it bends no further
FORETELLS = 0.4  # times that length, within which its course is sure: a slope has its end
WIDE = 0.013, 2.0  # of the longer side, and px at least: how far from an outline places are told from it
REACH = 4.0  # times as far nothing is told any more
HIGHEST = 2.33  # that makes x * exp(-x^2) 1 where it is most
LEADS, LEAST = 0.08, 0.05  # of the longer side, beside an outline: what goes on as it does; what is too little of that
LARGEST = 640  # px, longer side of the largest level for which this is so: larger ones follow the one below


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """The course of an edge; `out` is px outwards from the last column of the photo."""

    turn: int  # which border, as in `turned`
    border: int  # px, the last column of the photo, so turned
    bends: tuple[float, float, float]  # its row there, px aside per px outwards, and per px squared
    shown: Known  # (N,) whether it is surely seen in the column n px inwards

    def row(self, out: Floats) -> Floats:
        """(...): rows of it, px, at `out` (...) px outwards; beyond the photo it bends less and less."""
        row, slope, bend = (np.float32(each) for each in self.bends)
        straight = row + slope * out
        if not bend:
            return straight
        fade = np.float32(FADES * len(self.shown))
        ahead = np.maximum(out, 0)
        beyond = 2 * fade * (ahead - fade * (1 - np.exp(-ahead / fade)))
        return np.asarray(straight + bend * np.where(out > 0, beyond, out**2), np.float32)

    def seen(self, out: Floats) -> Floats:
        """(...): how surely it is seen, or foretold, at `out` (...) px outwards, 0 to 1."""
        shown = np.append(self.shown, [False]).astype(np.uint8)  # where it ends may be something else
        clear = cv2.erode(shown, np.ones((HIDES, 1), np.uint8)).astype(np.float32).ravel()
        foretold = np.exp(-((out / np.float32(FORETELLS * len(self.shown))) ** 2))
        inside = clear[np.clip(np.rint(-out), 0, len(clear) - 1).astype(int)]
        return np.asarray(np.where(out > 0, foretold, inside), np.float32)


def outlines(image: Floats, trusted: Known) -> list[Outline]:
    """float32 (H, W, 3) in [0, 255], bool (H, W) -> the outlines at all borders beyond which is room."""
    box = bounds(trusted)
    inside = box.cut
    if min(trusted[inside].shape) < SMALLEST:
        return []
    found = []
    photo = cv2.GaussianBlur(np.where(trusted[..., None], image, 0)[inside], (0, 0), BLUR)
    whole = cv2.erode(trusted[inside].astype(np.uint8), np.ones((7, 7), np.uint8))[..., None]
    for turn in range(4):
        border = bounds(turned(trusted, turn)).right
        if border < turned(trusted, turn).shape[1] - 1:
            order = (0, 1) if turn < 2 else (1, 0)
            slope = turned(cv2.Scharr(photo, cv2.CV_32F, *order) / 32 * whole, turn)
            top = box.left if turn > 1 else box.top
            for (row, lean, bend), shown in _edges(np.ascontiguousarray(slope)):
                found.append(Outline(turn=turn, border=border, bends=(row + top, lean, bend), shown=shown))
    return found


def _edges(slope: Floats) -> list[tuple[Bends, Known]]:
    """Courses of edges that reach the right border, and in which columns they are seen.

    slope: (h, w, 3), gradients down. Many edges beside each other are a pattern, and none.
    """
    longer = max(slope.shape[:2])
    tried: list[float] = []
    found: list[tuple[float, Bends, Known]] = []
    for row, lean in _beginnings(slope, round(STRIP * longer)):
        if all(abs(row - other) >= APART[0] * longer for other in tried):
            tried.append(row)
            found += _followed(slope, row, lean, round(STRIP * longer), longer)
        if len(tried) == MOST:
            break
    if len(found) >= PATTERN:
        return []
    kept: list[tuple[Bends, Known]] = []
    for _, bends, shown in sorted(found, key=itemgetter(0), reverse=True):
        if all(abs(bends[0] - other[0]) >= APART[1] * longer for other, _ in kept):
            kept.append((bends, shown))
    return kept


def _beginnings(slope: Floats, deep: int) -> Iterator[tuple[float, float]]:
    """Where edges begin at the right border, the clearest first: rows, and px aside per px outwards."""
    height, width = slope.shape[:2]
    beside = np.sqrt((slope[:, width - 1 - SKIPPED - CLOSE : width - 1 - SKIPPED] ** 2).sum(2)).mean(1)
    start = np.flatnonzero((beside >= CLEAR) & (beside >= cv2.dilate(beside, np.ones((5, 1)))[:, 0]))
    leans, out = np.linspace(-STEEPEST, STEEPEST, SLOPES), -np.arange(SKIPPED, SKIPPED + deep)
    rows = np.rint(start + leans[:, None, None] * out[:, None]).astype(int)  # (M, D, N)
    inside = ((rows >= 0) & (rows < height)).all(1)
    seen = slope[np.clip(rows, 0, height - 1), (width - 1 + out)[:, None]]
    along = np.sqrt((seen.mean(1) ** 2).sum(2))
    usual = np.sqrt((seen**2).sum(3)).mean(1)
    along[~inside | (along < ALONG * (usual + GRAIN)) | (along < CLEAR)] = 0
    most = along.max(0) if len(start) else np.zeros(0)
    for place in np.argsort(-most):
        if most[place]:
            yield float(start[place]), float(leans[along[:, place].argmax()])


def _followed(slope: Floats, row: float, lean: float, deep: int, longer: int) -> list[tuple[float, Bends, Known]]:
    """An edge followed inwards from the border: how sure it is, its course, and in which columns it is seen.

    Nothing where those are few.
    """
    most = slope.shape[1] - 1 - SKIPPED
    bends, count, seen = np.array([lean, row]), deep, 0
    surely = np.zeros(0, np.bool_)
    out = -np.arange(SKIPPED, SKIPPED + deep)
    across = _sampled(slope, np.polyval(bends, out)[:, None], out)[:, 0].mean(0)
    usual = max(float(np.sqrt((across**2).sum())), 1e-6)
    across /= usual
    away = np.arange(-BESIDE, BESIDE + 0.25, 0.5)
    while seen < count:
        out = -np.arange(SKIPPED, SKIPPED + count)
        rows = np.polyval(bends, out)[:, None] + away
        shown = _sampled(slope, rows, out) @ across
        best, height = shown.argmax(1), shown.max(1)
        good = (height > KEEPS * usual) & (best > 0) & (best < len(away) - 1)
        if min(good.mean(), good[seen:].mean()) < OFTEN:
            break
        places, middle = out[good], rows[np.arange(count), best][good]
        fitted, off = _course(places, middle, count > BENDS * longer)
        if off > OFF:
            break
        bends, seen, usual, surely = fitted, count, float(np.median(height[good])), good
        count = min(round(FARTHER * count), most)
    if seen < LONG * longer:
        return []
    row, lean, bend = np.pad(bends[::-1], (0, 3 - len(bends)))
    return [(usual * seen, (float(row), float(lean), float(bend)), np.r_[surely[:1], surely])]


def _course(out: npt.NDArray[np.int64], middle: Doubles, may_bend: bool) -> tuple[Doubles, float]:
    """The polynomial, highest power first, through rows (N,) at `out` (N,), and the px that they are off it.

    It is a straight line unless one that bends is much nearer to them.
    """
    fits = [np.polyfit(out, middle, degree) for degree in ((1, 2) if may_bend else (1,))]
    off = [float(np.sqrt(((middle - np.polyval(fit, out)) ** 2).mean())) for fit in fits]
    bent = may_bend and off[0] > BENT * off[1]
    return fits[bent], off[bent]


def _sampled(slope: Floats, rows: Doubles, out: npt.NDArray[np.int64]) -> Floats:
    """(N, R, 3): the gradient at rows (N, R) of columns `out` (N,) px outwards."""
    x = np.broadcast_to((slope.shape[1] - 1 + out)[:, None], rows.shape).astype(np.float32)
    y = rows.astype(np.float32)
    return np.asarray(cv2.remap(slope, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


# --- at a size of the pyramid ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Courses:
    """Outlines of a picture, at the size (H, W) at which they were found."""

    found: list[Outline]
    shape: tuple[int, int]
    strict: float  # price of a place that lies on no outline, for a target that does

    @classmethod
    def of(cls, sized: Sized, strict: float) -> Courses:
        """The outlines of a picture at one size; none if strict is 0."""
        found = outlines(sized.image, sized.trusted) if strict else []
        return cls(found=found, shape=(sized.trusted.shape[0], sized.trusted.shape[1]), strict=strict)

    def led(self, level: Level) -> Level:
        """The level; what is to be painted there goes on from where outlines lead to, elsewhere as before."""
        if self._used(level.trusted):
            level.near = self._near(level.near, level.place, level.trusted)
        return level

    def told(self, level: Level) -> tuple[Floats, Floats]:
        """Kinds of places of a level, (H, W, K), and what copying them costs its targets, (T, K); K = 0 for nothing.

        A target beside an outline pays the square of how much nearer to it, or farther on which side, its source lies,
        w (s - t)^2, of which w t^2 is the same for all sources and left out.
        """
        if not self._used(level.trusted):
            return np.empty((*level.trusted.shape, 0), np.float32), np.empty((len(level.place), 0), np.float32)
        beside = self._beside(level.trusted)
        targets = beside.reshape(-1, 2)[level.place]
        weight = np.float32(self.strict) * np.minimum((targets**2).sum(1), 1)[:, None]
        squares = summed(beside * beside)[..., None]
        return np.concatenate([squares, beside], 2), np.concatenate([weight, -2 * weight * targets], 1)

    def _used(self, trusted: Known) -> bool:
        return bool(self.found) and max(trusted.shape) <= LARGEST

    def _near(self, near: Ints, place: Ints, trusted: Known) -> Ints:
        """The known pixels (T,) that places (T,) go on from, where no outline leads there `near` (T,)."""
        y, x = np.divmod(place, trusted.shape[1])
        led, total = np.zeros((2, len(place)), np.float32), np.zeros(len(place), np.float32)
        for outline in self.found:
            row, out = self._seen(outline, y, x, trusted)
            aside = row - outline.row(out)
            part = np.exp(-((aside / (LEADS * max(self.shape))) ** 2)) * (out > 0) * outline.seen(out)
            led += part * self._placed(outline, outline.bends[0] + aside, trusted)
            total += part
        share = np.minimum(total, 1)
        at = led / np.maximum(total, LEAST) * share + np.stack(np.divmod(near, trusted.shape[1])) * (1 - share)
        box = bounds(trusted)
        v = np.clip(np.rint(at[0]), box.top, box.bottom).astype(np.int32)
        u = np.clip(np.rint(at[1]), box.left, box.right).astype(np.int32)
        flat = v * np.int32(trusted.shape[1]) + u
        return np.where((total > LEAST) & trusted.ravel()[flat], flat, near)

    def _beside(self, trusted: Known) -> Floats:
        """(H, W, 2): how near a pixel of a level is to an outline, 0 to 1, and on which side of it, -1 to 1."""
        y, x = np.ogrid[: trusted.shape[0], : trusted.shape[1]]
        wide = np.float32(max(WIDE[0] * max(self.shape), WIDE[1] * float(self._size(trusted))))
        found = np.zeros((2, *trusted.shape), np.float32)
        for outline in self.found:
            row, out = self._seen(outline, y, x, trusted)
            course, seen = outline.row(out), outline.seen(out)
            shown = course[seen > 0]
            band = (row > shown.min() - REACH * wide) & (row < shown.max() + REACH * wide)
            first, stop = np.flatnonzero(band)[[0, -1]] if band.any() else (0, -1)
            upright = outline.turn > 1
            on, side = found[:, :, first : stop + 1] if upright else found[:, first : stop + 1]
            row = row[:, first : stop + 1] if upright else row[first : stop + 1]
            apart = (row - course) / wide
            part = np.exp(-(apart**2)) * seen
            np.maximum(on, part, out=on)
            part *= apart
            np.copyto(side, part, where=np.abs(part) > np.abs(side))
        found[1] *= HIGHEST
        return np.stack(list(found), -1)

    def _size(self, trusted: Known) -> np.float32:
        """px of the size at which outlines were found to a px of a level."""
        return np.float32(2.0 ** round(np.log2(max(self.shape) / max(trusted.shape))))

    def _seen(self, outline: Outline, y: Ints, x: Ints, trusted: Known) -> tuple[Floats, Floats]:
        """Rows and px outwards of pixels of a level, as an outline counts them."""
        size = self._size(trusted)
        row, out = ((at.astype(np.float32) + np.float32(0.5)) * size - np.float32(0.5) for at in (y, x))
        if outline.turn > 1:
            row, out = out, row
        if outline.turn % 2:
            out = self.shape[outline.turn < 2] - 1 - out
        return row, out - outline.border

    def _placed(self, outline: Outline, row: Floats, trusted: Known) -> Floats:
        """(2, ...): y and x in px of a level where rows (...) of an outline's border are."""
        size = self._size(trusted)
        border = self.shape[outline.turn < 2] - 1 - outline.border if outline.turn % 2 else outline.border
        at = np.stack([row, np.full_like(row, border)])
        return ((at[::-1] if outline.turn > 1 else at) + np.float32(0.5)) / size - np.float32(0.5)
