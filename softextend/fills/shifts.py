"""The compiled loop of `regular`: which offset each empty pixel is copied from, so that pieces join without a seam.

`offsets`, int32 (K, 2), rows and columns in px; `label`, int32 (H, W): 0 = the pixel's own offset in `own`, int32
(H, W, 2), k = `offsets[k - 1]`; known pixels are their own source. A label costs how little its source repeats itself,
`irregular`, float32 (H, W), and how inexact its offset is, `inexact`, float32 (K,), both in [0, 1].
"""

from __future__ import annotations

import numpy as np

from softextend.fills.compiled import compiled

OUTSIDE = 2000.0  # levels squared: what an offset that leaves the picture counts as
BARRED = 1e9
OWN = 0.5  # what the pixel's own offset costs, against 0 to 1 for one of `offsets`


@compiled
def _step(image, y, x, a0, a1, b0, b1):  # type: ignore[no-untyped-def]
    """Squared difference of the colours that the offsets a and b bring to (y, x)."""
    height, width = image.shape[0], image.shape[1]
    ya, xa, yb, xb = y + a0, x + a1, y + b0, x + b1
    if not (0 <= ya < height and 0 <= xa < width and 0 <= yb < height and 0 <= xb < width):
        return np.float32(OUTSIDE)
    apart = np.float32(0.0)
    for c in range(3):
        apart += (image[ya, xa, c] - image[yb, xb, c]) ** 2
    return apart


@compiled
def _seam(image, known, y, x, a0, a1, v, u, b0, b1):  # type: ignore[no-untyped-def]
    """What it costs that the neighbours (y, x) and (v, u) come from offsets a and b (He and Sun 2012, eq. 4)."""
    if a0 == b0 and a1 == b1:
        return np.float32(0.0)
    if known[v, u]:
        return 2 * _step(image, v, u, a0, a1, 0, 0)
    return _step(image, y, x, a0, a1, b0, b1) + _step(image, v, u, a0, a1, b0, b1)


@compiled
def _alone(image, known, valid, own, offsets, label, irregular, inexact, weight, y, x, k, across):  # type: ignore[no-untyped-def]
    """The cost of label k at (y, x) beside all neighbours but the empty ones of its own line; BARRED if no source."""
    height, width = known.shape
    w0, w1 = (own[y, x, 0], own[y, x, 1]) if k == 0 else (offsets[k - 1, 0], offsets[k - 1, 1])
    v, u = y + w0, x + w1
    if k > 0 and not (0 <= v < height and 0 <= u < width and valid[v, u]):
        return np.float32(BARRED)
    total = irregular[v, u] + inexact[k - 1] if k > 0 else np.float32(OWN)
    for side in range(4):
        dy, dx = (1 - 2 * side, 0) if side < 2 else (0, 5 - 2 * side)
        ny, nx = y + dy, x + dx
        if not (0 <= ny < height and 0 <= nx < width) or ((dy != 0) == across and not known[ny, nx]):
            continue
        other = label[ny, nx]
        o0, o1 = (own[ny, nx, 0], own[ny, nx, 1]) if other == 0 else (offsets[other - 1, 0], offsets[other - 1, 1])
        total += weight * _seam(image, known, y, x, w0, w1, ny, nx, o0, o1)
    return total


@compiled
def _line(  # type: ignore[no-untyped-def]
    image, known, valid, own, offsets, label, irregular, inexact, weight, line, first, last, across, cost, back,
):  # fmt: skip
    """The best labels of the empty pixels [first, last) of a row or, `across`, a column: all others stay (Viterbi)."""
    many = offsets.shape[0] + 1
    for n in range(first, last):
        y, x = (n, line) if across else (line, n)
        py, px = (y - 1, x) if across else (y, x - 1)
        for k in range(many):
            cost[n, k] = _alone(image, known, valid, own, offsets, label, irregular, inexact, weight, y, x, k, across)
            if n == first or cost[n, k] >= BARRED:
                continue
            w0, w1 = (own[y, x, 0], own[y, x, 1]) if k == 0 else (offsets[k - 1, 0], offsets[k - 1, 1])
            best, back[n, k] = np.float32(BARRED), 0
            for j in range(many):
                if cost[n - 1, j] >= best:
                    continue
                b0, b1 = (own[py, px, 0], own[py, px, 1]) if j == 0 else (offsets[j - 1, 0], offsets[j - 1, 1])
                total = cost[n - 1, j] + weight * _seam(image, known, y, x, w0, w1, py, px, b0, b1)
                if total < best:
                    best, back[n, k] = total, j
            cost[n, k] += best
    k = int(np.argmin(cost[last - 1]))
    for n in range(last - 1, first - 1, -1):
        y, x = (n, line) if across else (line, n)
        label[y, x] = k
        k = back[n, k]


@compiled
def choose(image, known, valid, own, offsets, label, irregular, inexact, weight):  # type: ignore[no-untyped-def]
    """One sweep over all rows, then all columns: changes label.

    image: float32 (H, W, 3) in [0, 255]; known, valid: bool (H, W), what is given and what may be a source; weight:
    of a seam, per level squared.
    """
    height, width = known.shape
    many = offsets.shape[0] + 1
    cost = np.empty((max(height, width), many), np.float32)
    back = np.zeros((max(height, width), many), np.int32)
    for across in (False, True):
        lines, length = (width, height) if across else (height, width)
        for line in range(lines):
            first = 0
            while first < length:
                last = first
                while last < length and not (known[last, line] if across else known[line, last]):
                    last += 1
                if last > first:
                    _line(
                        image, known, valid, own, offsets, label, irregular, inexact, weight, line, first, last,
                        across, cost, back,
                    )  # fmt: skip
                first = last + 1
