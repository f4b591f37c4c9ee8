"""What a copy may cost: the parameters of the fill `patch`, apart from the code that pays, which loads longer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from softextend.errors import BadRequest
from softextend.fills.base import Ranged, param

SMALLEST = 3  # px, side of a patch
DRAWN = ((-1.0, 1.0), (-1.5, 0.5))  # powers of 4 that a seed multiplies `level` and `alike` by


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs(Ranged):
    """What a copy may cost: the parameters of the fill `patch`."""

    size: int = param(7, "px", SMALLEST, 15, "side of a patch, odd")
    level: float = param(60.0, "", 0, 1000, "how strictly sources lie near the border and level with the target")
    alike: float = param(2.0, "", 0, 20, "how much the surroundings of a source must look like those of the border")
    spacing: float = param(
        0.0, "", 0, 10, "what copying from close by costs; about 0.8 keeps things from standing in rows"
    )
    variety: float = param(0.05, "", 0, 1, "what using one source again costs")
    unique: float = param(0.3, "", 0, 10, "what copying a patch that exists only once costs")
    thing: float = param(4.0, "", 0, 100, "what copying a thing that exists only once costs, away from the border")
    layer: float = param(4.0, "", 0, 100, "what copying something of another layer costs above and below the picture")
    side: float = param(5.0, "", 0, 100, "what copying something costs left and right that does not stand at that side")
    part: float = param(
        0.6, "", 0, 1, "a piece that lies alone goes if it is less than this of what the photo shows; 0: none"
    )
    whole: float = param(0.6, "", 0.3, 1, "part of a small window that may come from one place without its like")
    planes: float = param(
        0.25,
        "",
        0.05,
        1,
        "part of a slanted wall, fence or floor that must repeat itself for it to go on so; 1 = never",
    )
    thin: float = param(
        0.1,
        "",
        0.05,
        1,
        "of the longer side, over which a cable or a pole must be seen for it to go on to the rim; 1 = never",
    )
    regular: float = param(1.0, "", 0, 10, "how strictly what repeats at the border goes on at its step")
    outline: float = param(4.0, "", 0, 100, "how strictly long edges that reach the border go on as they lean and bend")
    spread: float = param(
        0.0, "", 0, 2, "how far the seed draws level and alike apart; --best-of and --retry set 1 after the first"
    )

    def __post_init__(self) -> None:
        Ranged.__post_init__(self)
        if self.size % 2 == 0:
            raise BadRequest(f"--fill patch:size={self.size}: must be odd, from 3 to 15 px")

    def drawn(self, rng: np.random.Generator) -> Costs:
        """The same with weights of the layout that the seed drew: without, all seeds lead to one picture."""
        level, alike = (self.spread * rng.uniform(*powers) for powers in DRAWN)
        return replace(self, level=min(self.level * 4**level, 1000.0), alike=min(self.alike * 4**alike, 20.0))
