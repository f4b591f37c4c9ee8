"""A photo's own thin border goes on along edges that do not grow: no line may end in the middle of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known, Pixels, Sides

    Floats = npt.NDArray[np.float32]

NAMES = ("top", "right", "bottom", "left")  # as np.rot90 brings them up, turn by turn
LINE = 0.5  # of what is known along an edge must belong to its border
BEHIND = 2  # px behind it that it is compared with
NEAR = 64  # px of it, nearest to what is new, that are looked at
EVEN = 25.0  # levels squared: a picture as even as that does not tell whether the border shows it through


def rims_gone_on(decoded: Floats, filled: Pixels, known: Known, rim: Known, sides: Sides) -> Floats:
    """The decoded canvas, float32 (H, W, 3) in about [0, 255], with the photo's thin borders drawn on over what is new.

    filled: uint8 (H, W, 3), the photo where `known` (H, W); rim: (H, W), its borders; sides: those that grow.
    """
    if not rim.any():
        return decoded
    drawn = decoded.copy()
    for turns, name in enumerate(NAMES):
        if not getattr(sides, name):
            _gone_on(np.rot90(drawn, turns), np.rot90(filled, turns), np.rot90(known, turns), np.rot90(rim, turns))
    return drawn


def _gone_on(drawn: Floats, filled: Pixels, known: Known, rim: Known) -> None:
    """The same for the upper edge; changes `drawn`."""
    deep = int((rim.sum(1) > LINE * known[len(rim) // 2].sum()).argmin())
    shown = np.flatnonzero(known[: deep + BEHIND].all(0) & rim[:deep].all(0))
    if not deep or not len(shown):
        return
    behind = drawn[deep : deep + BEHIND].mean(0)
    there = filled[deep : deep + BEHIND].astype(np.float32).mean(0)
    for new, near in ((slice(0, shown[0]), shown[:NEAR]), (slice(shown[-1] + 1, None), shown[-NEAR:])):
        for row in range(deep):
            share, level = _line(there[near], filled[row, near].astype(np.float32))
            drawn[row, new] = behind[new] * share + level


def _line(behind: Floats, border: Floats) -> tuple[Floats, Floats]:
    """How much of what is behind a border (N, 3) shows through it, 0 to 1, and what it adds to that, (3,) each."""
    apart = behind - behind.mean(0)
    share = np.clip(((apart * (border - border.mean(0))).mean(0) + EVEN) / ((apart**2).mean(0) + EVEN), 0, 1)
    return share, np.median(border - share * behind, 0)
