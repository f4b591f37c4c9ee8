"""What each score means: which way is good, from where on it is bad, and what then shows, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

SEEN = 0.3  # seam score below which people saw where the photo ended
SEAM = {"colour_step": 2.0, "gradient_step": 1.9, "line": 2.2}  # ratios from which the old border can be seen
WRAP = 2.2  # the same where edges join
LEFTOVER = 0.35  # correlation from which the fill can be seen in the result
ROUGH, SMOOTH = 1.6, 0.6  # fine detail over the photo's own, from which it looks too rough, or too smooth
TWINS = 0.05  # share of the new area that repeats something single
FLAT = 0.1  # share of the new area
BROKEN = 0.02  # the same; night skies have a few black pixels of their own


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One score: bad from `high` on, and below `low` where it has one; `best` is the value of a perfect result."""

    name: str
    best: float
    way: str  # which way is good
    high: float | None = None
    low: float | None = None
    shows: str = "the old border shows"  # what can be seen where it is too high
    lacks: str = ""  # the same where it is too low

    @property
    def words(self) -> str:
        """Its name as people read it."""
        return "seam score" if self.name == "total" else self.name.replace("_", " ")

    @property
    def meaning(self) -> str:
        """Which way is good, and from where on it is bad."""
        bad = [f"below {self.low:g}"] if self.low is not None else []
        bad += [f"from {self.high:g} on"] if self.high is not None else []
        return f"{self.way}, bad {' and '.join(bad)}"

    def fault(self, value: float) -> str | None:
        """What shows at this value; None where nothing does."""
        if self.high is not None and value >= self.high:
            return self.shows
        return self.lacks if self.low is not None and value < self.low else None

    def way_to_bad(self, value: float) -> float:
        """0 at the best value, 1 where it becomes bad, on beyond that."""
        ends = [each for each in (self.high, self.low) if each is not None]
        if self.best == 0:
            return value / ends[0]
        off = math.log(max(value, 1e-6) / self.best)
        return max(off / math.log(end / self.best) for end in ends)


MEASURES = (
    Measure(name="colour_step", best=1, way="1 or less is good", high=SEAM["colour_step"]),
    Measure(name="gradient_step", best=1, way="1 or less is good", high=SEAM["gradient_step"]),
    Measure(name="line", best=1, way="1 or less is good", high=SEAM["line"], shows="a line runs along the old border"),
    Measure(name="wrap", best=1, way="1 or less is good", high=WRAP, shows="a line shows where edges join"),
    Measure(
        name="texture",
        best=1,
        way="about 1 is good",
        high=ROUGH,
        low=SMOOTH,
        shows="the new part is rougher than the photo",
        lacks="the new part is smoother than the photo",
    ),
    Measure(name="leftover", best=0, way="0 is best", high=LEFTOVER, shows="the fill shows through"),
    Measure(name="twins", best=0, way="0 is best", high=TWINS, shows="single things are there twice"),
    Measure(name="flat", best=0, way="0 is best", high=FLAT, shows="parts are flat"),
    Measure(name="broken", best=0, way="0 is best", high=BROKEN, shows="parts are black"),
)
TOTAL = Measure(name="total", best=1, way="1 is best", low=SEEN, lacks="a seam shows")


def faults(scores: Mapping[str, float]) -> list[tuple[Measure, str]]:
    """The measures that are bad, with what shows, in the table's order; scores by name."""
    return [(each, found) for each in made(scores) if (found := each.fault(scores[each.name])) is not None]


def made(scores: Mapping[str, float]) -> list[Measure]:
    """The measures that were made, in the table's order: one is only where edges join."""
    return [each for each in MEASURES if each.name in scores]


def seen(scores: Mapping[str, float]) -> str | None:
    """What is to be seen of a result with a low seam score, and by which measure; None for one that is not low."""
    if scores["total"] >= SEEN:
        return None
    worst = max(made(scores), key=lambda each: each.way_to_bad(scores[each.name]))
    what = worst.fault(scores[worst.name])
    because = f"{worst.words} {scores[worst.name]:.2f}, {worst.meaning}"
    if what is None or what == MEASURES[0].shows:
        return f"{TOTAL.lacks} ({because})"
    return f"{TOTAL.lacks}: {what} ({because})"
