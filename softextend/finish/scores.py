"""How a result looks against its own photo: seam, texture, what is left of the fill, twins, flat areas; one total."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from softextend import interrupt
from softextend.arrays import percentiles
from softextend.finish.seam_profiles import SeamProfiles, lab, seam_profiles, segment_means
from softextend.finish.twins import twin_share
from softextend.pictures.wrap import middle_to_edge, turned
from softextend.types import Wrap

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known, Pixels

    Floats = npt.NDArray[np.float32]


STRIP = 6  # px, depth of the strips whose mean colours are compared
NEAR = 64  # px, how much of the photo beside the seam stands for the photo
FAR = 512  # px, how far into the new area the lines run
CLEAR = 4  # px beside the old border that belong to neither texture
WIDEST_GAP = 32  # px; colours farther apart than this say more about the scene than about the seam
COLOUR_FLOOR = 0.5  # Delta E (CIE76), added to both sides of a ratio; 2.3 is just noticeable (Mahy et al. 1994)
LEVEL_FLOOR = 0.5  # grey levels, the same for gradients and texture
ROWS = 512  # rows that are turned grey at a time
FLAT = 0.75  # grey levels, standard deviation in 9x9 px below which nothing is painted
MATERIAL_FILLS = ("patch",)  # fills made of the photo's own material: what is left of them is meant to stay
FRAME = 4.0  # Delta E of a line that runs parallel to the old border in four fifths of its segments


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Ratios to the photo's own statistics, where 1 is invisible; shares and correlations in [0, 1], 0 is best."""

    colour_step: float  # mean colour across the old border (CIE76) over the same between strips inside
    gradient_step: float  # gradient across the old border over the gradient inside
    line: float  # the strongest line along the seam over the strongest lines inside
    texture: float  # fine detail of the new area over that of the strip beside it
    leftover: float  # correlation with the fill, fine detail alone
    twins: float  # share of the new area that shows again what the photo shows only once
    flat: float  # share of the new area that is flat, or lies behind a painted frame
    broken: float  # share that is black or not finite
    wrap: float | None = None  # the worst of the first three between edges that join; None where none do
    total: float  # [0, 1], 1 is best

    def as_dict(self) -> dict[str, float]:
        """JSON values, rounded."""
        return {name: round(value, 3) for name, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in given.items())


def score(
    pixels: Pixels | Floats,
    known: Known | Mapping[str, int],
    filled: Pixels | None = None,
    *,
    band: int = 0,
    wrap: Wrap | None = None,
) -> Scores:
    """pixels (H, W, 3) RGB in [0, 255]; known bool (H, W), or the original's box (left, top, width, height).

    `filled`: the canvas before sampling, to look for in the result; `band`: px of the original that were repainted;
    `wrap`: which edges join: the seams are then those of the picture turned over them.
    """
    area = known_in(known, *pixels.shape[:2]) if isinstance(known, Mapping) else known
    if wrap is None:
        return _score(pixels, area, filled, band, None)
    across = wrap_step(pixels, area, wrap)
    turn = middle_to_edge(wrap, box_of(area))
    seen = None if filled is None else turned(filled, turn)
    return _score(turned(pixels, turn), turned(area, turn), seen, band, across)


def _score(pixels: Pixels | Floats, area: Known, filled: Pixels | None, band: int, across: float | None) -> Scores:
    """`score` of what is known in the `area`, with what was found `across` edges that join."""
    gap = min(band, WIDEST_GAP)
    lines = seam_profiles(area, inside=gap + NEAR, outside=FAR)
    broken = _broken(pixels, area)
    grey = _grey(pixels)
    interrupt.check()
    twins = twin_share(pixels, area)
    interrupt.check()
    if not lines.segment.size:
        return _scores(1.0, 1.0, 1.0, 1.0, 0.0, twins, _flat(grey, area), broken, across)
    means = segment_means(lab(_sound(pixels[lines.rows, lines.columns])), lines)
    return _scores(
        colour_step(means, lines),
        gradient_step(grey[lines.rows, lines.columns], lines, gap),
        line_strength(means, lines, band),
        texture_ratio(_fine(grey, 1.5)[lines.rows, lines.columns], lines, gap),
        0.0 if filled is None else leftover(grey, _grey(filled), lines),
        twins,
        min(1.0, _flat(grey, area) + frame_share(means, lines)),
        broken,
        across,
    )


def wrap_step(pixels: Pixels | Floats, known: Known, wrap: Wrap) -> float:
    """The worst of colour step and gradient step across the edges of (H, W, 3) that join, and of the lines beside them.

    A line counts wherever it lies in what is added between what is known (H, W) on both sides.
    """
    worst = 0.0
    left, top, width, height = box_of(known)
    for axis, (first, extent) in enumerate(((top, height), (left, width))):
        if not wrap.axes[axis]:
            continue
        near, whole = min(NEAR, extent // 2), pixels.shape[axis]
        before, after = whole - first - extent, first
        span = np.arange(-before - near, after + near)
        strip = np.take(pixels, span % whole, axis)
        half = np.zeros(strip.shape[:2], bool)
        half[(slice(None),) * axis + (slice(before + near),)] = True
        lines = seam_profiles(half, inside=before + near, outside=after + near)
        means = segment_means(lab(_sound(strip[lines.rows, lines.columns])), lines)
        steps = gradient_step(_grey(strip)[lines.rows, lines.columns], lines, before)
        worst = max(worst, colour_step(means, lines), steps, _line_between(_line_steps(means), near))
    return worst


def _line_between(steps: Floats, near: int) -> float:
    """The strongest of the steps (J - 1,) over strong ones among the `near` first and the `near` last."""
    usual = float(np.nanpercentile(np.concatenate([steps[: near - 1], steps[len(steps) - near + 1 :]]), 90))
    return (float(np.nanmax(steps[near - 1 : len(steps) - near + 1])) + COLOUR_FLOOR) / (usual + COLOUR_FLOOR)


def box_of(known: Known) -> tuple[int, int, int, int]:
    """Left, top, width, height (px) of the smallest box around what is known (H, W)."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if not rows.size:
        return 0, 0, 0, 0
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top


def known_in(box: Mapping[str, int], height: int, width: int) -> Known:
    """bool (height, width), True inside the box (left, top, width, height)."""
    known = np.zeros((height, width), bool)
    known[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]] = True
    return known


def colour_step(means: Floats, lines: SeamProfiles) -> float:
    """Delta E of the strips that touch at the old border over that of strips inside; means (G, J, 3), L*a*b*."""
    across = strip_steps(means, lines, 0)
    steps = np.concatenate(
        [strip_steps(means, lines, at) for at in range(-STRIP, STRIP - lines.inside, -STRIP)] or [across]
    )
    steps, across = steps[np.isfinite(steps)], across[np.isfinite(across)]
    usual = float(steps.mean()) if steps.size else 0.0
    return ((float(across.mean()) if across.size else usual) + COLOUR_FLOOR) / (usual + COLOUR_FLOOR)


def strip_steps(means: Floats, lines: SeamProfiles, at: int) -> Floats:
    """Delta E (CIE76) per segment, (G,), between the STRIP px from offset `at` on and the STRIP px before."""
    here = lines.inside + at
    steps = _mean(means[:, here : here + STRIP]) - _mean(means[:, max(0, here - STRIP) : here])
    return np.asarray(np.linalg.norm(steps, axis=1), np.float32)


def gradient_step(grey: Floats, lines: SeamProfiles, gap: int = 0) -> float:
    """Mean difference across the old border over that between neighbours inside, beyond the gap; grey (N, J)."""
    steps = np.abs(np.diff(grey, axis=1))
    both = lines.valid[:, 1:] & lines.valid[:, :-1]
    border = lines.inside - 1
    within = slice(0, max(1, border - gap))
    if not both[:, within].any():
        within = slice(0, border)
    usual = float(steps[:, within][both[:, within]].mean()) if both[:, within].any() else 0.0
    return float((steps[:, border].mean() + LEVEL_FLOOR) / (usual + LEVEL_FLOOR))


def line_strength(means: Floats, lines: SeamProfiles, band: int = 0) -> float:
    """The strongest step between neighbours in the band and at the border over strong ones inside; means (G, J, 3).

    Means over segments hide texture and show what runs along the border.
    """
    steps = _line_steps(means)
    border = lines.inside - 1
    first = max(0, border - band - 1)
    inside = steps[:first] if np.isfinite(steps[:first]).any() else steps[:border]
    seam = steps[first : border + 3]
    usual = float(np.nanpercentile(inside, 90)) if np.isfinite(inside).any() else COLOUR_FLOOR
    worst = float(np.nanmax(seam)) if np.isfinite(seam).any() else 0.0
    return (worst + COLOUR_FLOOR) / (usual + COLOUR_FLOOR)


def texture_ratio(fine: Floats, lines: SeamProfiles, gap: int = 0) -> float:
    """Fine detail of the new area over that of the strip beside it: geometric mean over segments; fine (N, J)."""
    valid = lines.valid[..., None]
    energy = segment_means(np.square(fine)[..., None], lines, least=0.2)[..., 0]
    new = energy[:, lines.inside + CLEAR :]
    old = energy[:, max(0, lines.inside - gap - NEAR) : max(1, lines.inside - gap - CLEAR)]
    if not (valid.any() and new.size and old.size):
        return 1.0
    ratios = (np.sqrt(_mean(new)) + LEVEL_FLOOR) / (np.sqrt(_mean(old)) + LEVEL_FLOOR)
    ratios = ratios[np.isfinite(ratios)]
    return float(np.exp(np.log(ratios).mean())) if ratios.size else 1.0


def leftover(grey: Floats, filled: Floats, lines: SeamProfiles) -> float:
    """Correlation in [0, 1] of the fine detail with the fill's, in the new area along the lines; both grey (H, W)."""
    new = lines.valid.copy()
    new[:, : lines.inside] = False
    rows, columns = lines.rows[new], lines.columns[new]
    ours = _fine(grey, 4.0)[rows, columns].astype(np.float64)
    fill = _fine(filled, 4.0)[rows, columns].astype(np.float64)
    if not ours.size:
        return 0.0
    quiet = ours.size * LEVEL_FLOOR**2
    both = float((ours * fill).sum() / np.sqrt(((ours**2).sum() + quiet) * ((fill**2).sum() + quiet)))
    return max(0.0, both)


def frame_share(means: Floats, lines: SeamProfiles) -> float:
    """Share in [0, 1] of the new parts that lies behind a line parallel to the old border; means (G, J, 3), L*a*b*."""
    hidden = whole = 0.0
    for side in np.unique(lines.side):
        steps = np.linalg.norm(np.diff(means[lines.side == side], axis=1), axis=2)[:, lines.inside + CLEAR :]
        some = np.isfinite(steps).sum(0) >= 3
        if not some.any():
            continue
        coherent = percentiles(steps[:, some].T, np.isfinite(steps[:, some]).sum(0), 20)
        frames = np.flatnonzero(coherent > FRAME)
        whole += coherent.size
        hidden += coherent.size - int(frames[0]) if frames.size else 0
    return hidden / whole if whole else 0.0


def _scores(
    colour: float,
    gradient: float,
    line: float,
    texture: float,
    left: float,
    twins: float,
    flat: float,
    broken: float,
    across: float | None,
) -> Scores:
    """All measures with their total: each fault lowers it by its own factor, ratios by their logarithm."""
    total = (
        _fall(np.log(colour), np.log(1.3), np.log(2.5))
        * _fall(np.log(gradient), np.log(1.3), np.log(2.5))
        * _fall(np.log(line), np.log(1.5), np.log(3.0))
        * _fall(np.log(across or 1.0), np.log(1.5), np.log(3.0))
        * _fall(abs(np.log(texture)), np.log(1.4), np.log(4.0))
        * _fall(left, 0.25, 0.75)
        * _fall(twins, 0.01, 0.2)
        * (1 - flat)
        * (1 - broken)
    )
    return Scores(
        colour_step=colour,
        gradient_step=gradient,
        line=line,
        texture=texture,
        leftover=left,
        twins=twins,
        flat=flat,
        broken=broken,
        wrap=across,
        total=float(np.clip(total, 0.0, 1.0)),
    )


def _fall(value: float, good: float, bad: float) -> float:
    """1 up to `good`, 1 / e at `bad`, on towards 0."""
    return float(np.exp(-max(0.0, value - good) / (bad - good)))


def _line_steps(means: Floats) -> Floats:
    """Delta E between neighbouring lines, (J - 1,): the mean over segments."""
    steps = np.linalg.norm(np.diff(means, axis=1), axis=2)
    count = np.isfinite(steps).sum(0)
    return np.asarray(np.where(count > 0, np.nansum(steps, 0) / np.maximum(count, 1), np.nan), np.float32)


def _mean(values: Floats) -> Floats:
    """Mean over offsets, (G, J, ...) -> (G, ...); NaN where a segment has none."""
    count = np.isfinite(values).sum(1)
    return np.asarray(np.where(count > 0, np.nansum(values, 1) / np.maximum(count, 1), np.nan), np.float32)


def _grey(pixels: Pixels | Floats) -> Floats:
    """(H, W, 3) -> (H, W) in [0, 255], some rows at a time: large pictures need no second copy in floats."""
    grey = np.empty(pixels.shape[:2], np.float32)
    for first in range(0, len(pixels), ROWS):
        rows = slice(first, first + ROWS)
        grey[rows] = cv2.cvtColor(_sound(pixels[rows]), cv2.COLOR_RGB2GRAY)
    return grey


def _sound(pixels: Pixels | Floats) -> Floats:
    """As float32, with 0 for what is no number."""
    return np.nan_to_num(np.asarray(pixels, np.float32), nan=0.0, posinf=255.0, neginf=0.0)


def _fine(grey: Floats, sigma: float) -> Floats:
    """What a Gaussian of `sigma` px takes away."""
    return _by_rows(grey, math.ceil(4 * sigma) + 1, lambda part: part - cv2.GaussianBlur(part, (0, 0), sigma))


def _by_rows(grey: Floats, reach: int, work: Callable[[Floats], Any]) -> npt.NDArray[Any]:
    """`work` of (H, W), whose pixels look no farther than `reach` px, some rows at a time: less memory."""
    parts = []
    for first in range(0, len(grey), ROWS):
        above = min(first, reach)
        found = work(grey[first - above : first + ROWS + reach])
        parts.append(found[above : above + ROWS].copy())
    return np.concatenate(parts)


def _flat(grey: Floats, known: Known) -> float:
    """Share of the new area that is flat beyond the share of the photo that is."""
    return _beyond(_by_rows(grey, 4, _is_flat), known)


def _is_flat(grey: Floats) -> Known:
    mean, square = cv2.blur(grey, (9, 9)), cv2.blur(cv2.multiply(grey, grey), (9, 9))
    return np.asarray(cv2.subtract(square, cv2.multiply(mean, mean)) < FLAT**2)


def _broken(pixels: Pixels | Floats, known: Known) -> float:
    """Share of the new area that is black or not finite, beyond the same share of the photo."""
    brightest = cv2.max(cv2.max(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    lost = brightest <= 0
    if pixels.dtype != np.uint8:
        lost |= ~np.isfinite(pixels).all(2)
    return _beyond(lost, known)


def _beyond(fault: Known, known: Known) -> float:
    """Share of the new area with a fault, less the share of the photo with it."""
    new = known.size - int(np.count_nonzero(known))
    old, of_photo = known.size - new, int(np.count_nonzero(fault & known))
    if not new:
        return 0.0
    return max(0.0, (int(np.count_nonzero(fault)) - of_photo) / new - (of_photo / old if old else 0.0))
