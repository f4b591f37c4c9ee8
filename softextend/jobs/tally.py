"""What has become of a batch so far, and its exit code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from softextend.errors import BadPicture, BadRequest
from softextend.finish.measures import SEEN
from softextend.jobs.job import Outcome

NAMED = 10  # pictures that failed, whose names are kept


@dataclass(kw_only=True, slots=True)
class Tally:
    """A batch so far; it keeps no outcome, whose error would hold the picture in memory."""

    made: int = 0
    skipped: int = 0
    misused: int = 0  # failures that are wrong usage
    failures: int = 0
    failed: list[str] = field(default_factory=list)  # names of the first pictures that did
    scored: int = 0
    low: int = 0  # of those, how many show a seam
    lowest: tuple[float, str] = (math.inf, "")  # score of a result, and the name of its picture
    highest: tuple[float, str] = (-math.inf, "")

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        if outcome.skipped is not None:
            self.skipped += 1
        elif outcome.error is None:
            self.made += 1
            if "score" in outcome.facts:
                self.scored += 1
                self.low += outcome.facts["score"] < SEEN
                scored = outcome.facts["score"], outcome.job.name
                self.lowest, self.highest = min(self.lowest, scored), max(self.highest, scored)
        else:
            self.misused += isinstance(outcome.error, BadRequest)
            self.failures += 1
            if len(self.failed) < NAMED:
                self.failed.append(outcome.job.name)

    @property
    def exit_code(self) -> int:
        """0 when all went well; 2 when all of it was wrong usage, so that nothing was made; else 1."""
        if not self.failures:
            return 0
        return BadRequest.exit_code if self.misused == self.failures and not self.made else BadPicture.exit_code
