"""What the built-in model does badly with a photo, said before the work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from softextend.fills.cut_things import cut_things
from softextend.fills.slanted_lines import slanted_lines
from softextend.plan.advice import ADVICE
from softextend.plan.canvas import Canvas

if TYPE_CHECKING:
    from softextend.plan.input import Input
    from softextend.plan.plan import Plan
    from softextend.types import Known, Pixels

MUCH = 0.5  # of the photo's area; where more is added, `self` repeats what it has shown
SMALLEST = 64  # px a side; smaller pictures are no photos


def with_limits(plan: Plan, input: Input) -> Plan:
    """A plan of the built-in model, with what it does badly among its notes."""
    return replace(plan, notes=(*plan.notes, *limits(input.pixels, input.known, plan.canvas)))


def limits(pixels: Pixels, known: Known, canvas: Canvas) -> tuple[str, ...]:
    """One note: much is added, or a side that grows cuts a thing or slanted lines; pixels (H, W, 3), known (H, W)."""
    if min(known.shape) < SMALLEST:
        return ()
    width, height = canvas.size
    share = width * height / known.size - 1
    cut = cut_things(pixels, known, canvas.sides)
    found = []
    if share > MUCH:
        found.append(
            f"{share:.0%} of the photo's area is added" if share < 2 else f"{share:.1f} times the photo's area is added"
        )
    if cut:
        found.append(f"something stands on the {_listed(cut)} border{'s' if len(cut) > 1 else ''}")
    slanted = slanted_lines(pixels, known, canvas.sides)
    if slanted:
        found.append(f"lines run out at a slant on the {_listed(slanted)} (perspective)")
    if not found:
        return ()
    return (f"{_listed(tuple(found))}{ADVICE}",)


def _listed(names: tuple[str, ...]) -> str:
    """`top, left and right`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
