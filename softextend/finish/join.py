"""What is painted joins the original at the original's own depth, which is held against the contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from softextend.finish.composite import composite, join
from softextend.finish.contract import check_original, kept_area
from softextend.pictures.planes import Planes
from softextend.pictures.wrap import STRAIGHT, Turn
from softextend.types import Sides

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Change, Known, Pixels

    Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Join:
    """The canvas at the file's depth before a pass: `original` alone, `current` with what earlier passes painted.

    `known`: where the original is, False where it is transparent; `inside`: all of its rectangle.
    """

    original: Planes
    current: Planes
    known: Known
    inside: Known

    @classmethod
    def of(cls, planes: Planes, known: Known) -> Join:
        """Of a picture that nothing is added to yet."""
        return cls(original=planes, current=planes, known=known, inside=np.ones_like(known))

    def grown(self, sides: Sides) -> Join:
        """On a larger canvas."""
        margins = (sides.top, sides.bottom), (sides.left, sides.right)
        current = self.current.grown(sides)
        return Join(
            original=current if self.current is self.original else self.original.grown(sides),
            current=current,
            known=np.pad(self.known, margins),
            inside=np.pad(self.inside, margins),
        )

    def kept(self, band: int, turn: Turn = STRAIGHT) -> Known:
        """What must stay: beyond the band all that is known, with its alpha all of the original; see `kept_area`."""
        return kept_area(self.inside if self.original.has_alpha else self.known, band, turn)

    def painted(self, planes: Planes) -> Join:
        """After a pass."""
        return replace(self, current=planes)

    def finished(self, filled: Pixels, painted: Floats, ramp: Change, kept: Known) -> tuple[Planes, Pixels]:
        """The joined canvas, and what the next pass and the scores see of it: (H, W, 3) uint8, opaque.

        `painted`: float32 (H, W, 3) in about [0, 255]; `ramp`: its share, (H, W). BrokenPromise where the original is
        changed although it is `kept`.
        """
        joined = join(self.current, painted, ramp)
        check_original(joined.colour, self.original.colour, kept)
        if not joined.has_alpha:
            return joined, joined.view()
        return joined, composite(filled, painted, ramp)  # what is clear keeps a colour that nobody shall see
