"""A part of the steps that run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from softextend.errors import BadRequest

TEXT = re.compile(r"(\d*\.?\d+)-(\d*\.?\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Of the steps that run, the share from `start` to `end`, both in [0, 1]."""

    start: float = 0.0
    end: float = 1.0

    def __str__(self) -> str:
        return f"{self.start:g}-{self.end:g}"

    def holds(self, step: int, steps: int) -> bool:
        """Whether step `step` of `steps` lies wholly within, as diffusers counts."""
        return step / steps >= self.start and (step + 1) / steps <= self.end


def parse_span(text: str, flag: str) -> Span:
    """`0.2-0.8`; BadRequest for anything else."""
    found = TEXT.fullmatch(text.strip())
    if found is None or not 0 <= float(found[1]) < float(found[2]) <= 1:
        raise BadRequest(f"{flag} {text!r}: write FROM-TO, shares of the steps from 0 to 1, such as 0.2-0.8")
    return Span(start=float(found[1]), end=float(found[2]))
