"""Vanishing points: where the images of parallel lines meet, found among the line segments of what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

    Segments = npt.NDArray[np.float64]  # (N, 4) x, y of both ends, px

LONGER = 512  # px, longer side of the picture in which lines are looked for
SHORTEST = 0.03  # of the longer side, a segment
MARGIN = 2  # px around what is unknown, where segments are its edges
MOST = 2  # points
DRAWS = 1000  # pairs of segments
MISSES = (1.5, 1.0, 0.6)  # degrees by which a segment may miss the point, as it is found more closely
NEAR = 4.0  # degrees by which segments may miss it that are not looked at for another point
FEWEST, SHARE = 8, 0.15  # segments that lead to a point, and their part of all by length
FAR = 4.0  # picture sizes from the middle: farther is parallel


def vanishing_points(pixels: Pixels, known: Known) -> Segments:
    """uint8 (H, W, 3), bool (H, W) -> (K, 2) x and y in px of up to MOST points, that of most lines first."""
    lines = _segments(pixels, known)
    start, end = lines[:, :2], lines[:, 2:]
    length = np.hypot(*(end - start).T)
    through = np.cross(np.c_[start, np.ones(len(lines))], np.c_[end, np.ones(len(lines))])
    free, found = np.ones(len(lines), np.bool_), []
    for _ in range(MOST):
        index = np.flatnonzero(free)
        if len(index) < FEWEST:
            break
        point, inside = _meeting(lines[index], through[index], length[index], known.shape)
        if np.count_nonzero(inside) < FEWEST or length[index][inside].sum() < SHARE * length.sum():
            break
        found.append(point)
        free[index[_leading(point[None], lines[index], length[index], NEAR)[0]]] = False
    return np.array(found, np.float64).reshape(-1, 2)


def _segments(pixels: Pixels, known: Known) -> Segments:
    """Line segments of the known area (von Gioi et al. 2010, LSD)."""
    scale = min(1.0, LONGER / max(known.shape))
    size = max(1, round(known.shape[1] * scale)), max(1, round(known.shape[0] * scale))
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(known.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    inside = cv2.erode(inside, np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8))
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    if found is None:
        return np.zeros((0, 4))
    lines = found.reshape(-1, 4).astype(np.float64)
    x, y = np.rint((lines[:, :2] + lines[:, 2:]) / 2).astype(int).T
    lasting = np.hypot(*(lines[:, 2:] - lines[:, :2]).T) >= SHORTEST * max(size)
    kept = lasting & (inside[np.clip(y, 0, size[1] - 1), np.clip(x, 0, size[0] - 1)] > 0)
    return np.asarray((lines[kept] + 0.5) / scale - 0.5)


def _meeting(
    lines: Segments, through: Segments, length: Segments, shape: tuple[int, ...]
) -> tuple[Segments, npt.NDArray[np.bool_]]:
    """The point (2,) that the longest segments lead to, of those where two meet, and which do: (N,)."""
    rng = np.random.default_rng(0)
    pairs = rng.choice(len(lines), (DRAWS, 2), p=length / length.sum())
    meet = np.cross(through[pairs[:, 0]], through[pairs[:, 1]])
    meet = meet[np.abs(meet[:, 2]) > 1e-9 * np.abs(meet).max()]
    points = meet[:, :2] / meet[:, 2:]
    middle = np.array(shape[::-1]) / 2
    points = points[(np.abs(points - middle) < FAR * 2 * middle).all(1)]
    if not len(points):
        return middle, np.zeros(len(lines), np.bool_)
    reached = _leading(points, lines, length, MISSES[0])
    point = points[int((reached * length).sum(1).argmax())]
    rows = through / np.hypot(through[:, 0], through[:, 1])[:, None] * length[:, None]
    for misses in MISSES:
        inside = _leading(point[None], lines, length, misses)[0]
        if np.count_nonzero(inside) < FEWEST:
            break
        point = np.linalg.lstsq(rows[inside, :2], -rows[inside, 2], rcond=None)[0]
    return point, _leading(point[None], lines, length, MISSES[0])[0]


def _leading(points: Segments, lines: Segments, length: Segments, misses: float) -> npt.NDArray[np.bool_]:
    """(K, N): which segments lead to which points, within so many degrees."""
    middle, way = (lines[:, :2] + lines[:, 2:]) / 2, (lines[:, 2:] - lines[:, :2]) / length[:, None]
    to = points[:, None] - middle
    return np.asarray(np.abs((to * way).sum(2)) > np.cos(np.radians(misses)) * np.hypot(to[..., 0], to[..., 1]))
