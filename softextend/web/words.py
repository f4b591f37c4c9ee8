"""What scores mean, in words that a person would use."""

from __future__ import annotations

from softextend.finish.measures import BROKEN, FLAT, LEFTOVER, ROUGH, SEAM, SMOOTH, TWINS, WRAP
from softextend.finish.scores import Scores

GOOD, FAIR = 0.8, 0.6  # totals from which a result is called so


def verdict(scores: Scores) -> str:
    """One sentence: how good the seam is, and what shows, if anything does."""
    total = "Good seam" if scores.total >= GOOD else "Fair seam" if scores.total >= FAIR else "Something shows"
    faults = list(_faults(scores))
    return f"{total} (seam score {scores.total:.2f} of 1): {', '.join(faults) if faults else 'no seam, no fill shows'}."


def _faults(scores: Scores) -> list[str]:
    found = []
    if any(getattr(scores, name) > most for name, most in SEAM.items()):
        found.append("the old border can be seen; another seed or a wider overlap may help")
    if scores.wrap is not None and scores.wrap > WRAP:
        found.append("a line shows where the edges join; another seed may help")
    if scores.leftover > LEFTOVER:
        found.append("the fill shows through; more strength may help")
    if scores.twins > TWINS:
        found.append("things that the photo shows once are there again; another seed or model may help")
    if scores.flat > FLAT:
        found.append("parts are flat; another fill or a trimmed border may help")
    if scores.texture > ROUGH:
        found.append("the new part is rougher than the photo")
    if scores.texture < SMOOTH:
        found.append("the new part is smoother than the photo")
    if scores.broken > BROKEN:
        found.append("parts are black")
    return found
