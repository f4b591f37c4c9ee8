"""What scores mean, in words that a person would use."""

from __future__ import annotations

from softextend.finish.scores import Scores
from softextend.jobs.best_of import LEFTOVER, SEAM

GOOD, FAIR = 0.8, 0.6  # totals from which a result is called so
ROUGH, SMOOTH = 1.6, 0.6  # fine detail over the photo's own, from which it looks too rough, or too smooth
FLAT = 0.1  # share of the new area
TWINS = 0.05  # the same, of what repeats something single
BROKEN = 0.02  # the same; night skies have a few black pixels of their own


def verdict(scores: Scores) -> str:
    """One sentence: how good it is, and what shows, if anything does."""
    total = "Looks good" if scores.total >= GOOD else "Fair" if scores.total >= FAIR else "Something shows"
    faults = list(_faults(scores))
    return f"{total} ({scores.total:.2f} of 1): {', '.join(faults) if faults else 'no seam, no fill shows'}."


def _faults(scores: Scores) -> list[str]:
    found = []
    if any(getattr(scores, name) > most for name, most in SEAM.items()):
        found.append("the old border can be seen; another seed or a wider overlap may help")
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
