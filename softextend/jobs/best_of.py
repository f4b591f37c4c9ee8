"""Which of several results to keep: the best of some seeds, another try where a fault shows, a score to reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from softextend.errors import BadRequest, BrokenPromise
from softextend.types import OnNote, Spec

if TYPE_CHECKING:
    from softextend.extend import Result
    from softextend.finish.scores import Scores


LEFTOVER = 0.35  # correlation from which the fill can be seen in the result
SEAM = {"colour_step": 2.0, "gradient_step": 1.9, "line": 2.2}  # ratios from which the old border can be seen
STRONGER = 0.1  # by which a retry raises the strength


@dataclass(frozen=True, kw_only=True, slots=True)
class Choosing:
    """How many to make of each picture, and what to demand."""

    best_of: int = 1  # seeds, of which the best is kept
    retry: int = 0  # further tries where the fill or a seam shows
    min_score: float | None = None  # [0, 1]

    def __post_init__(self) -> None:
        if self.best_of < 1:
            raise BadRequest(f"--best-of {self.best_of}: must be 1 or more")
        if not 0 <= self.retry <= 20:
            raise BadRequest(f"--retry {self.retry}: must be from 0 to 20")
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise BadRequest(f"--min-score {self.min_score:g}: must be from 0 to 1")

    @property
    def most(self) -> int:
        """How many results one picture may take."""
        return self.best_of + self.retry


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Choice:
    """The result to keep, and all that were made, in order."""

    best: Result
    made: tuple[Result, ...]


def choose(make: Callable[[Spec], Result], spec: Spec, choosing: Choosing, on_note: OnNote) -> Choice:
    """Make as many results as asked, with seeds from the spec's on, and keep the one with the best total.

    A retry raises the strength where the fill is left over and takes another seed where a seam shows.
    """
    made: list[Result] = []
    for index in range(choosing.best_of):
        made.append(make(replace(spec, seed=spec.seed + index)))
        if choosing.best_of > 1:
            on_note(f"seed {made[-1].seed}: score {made[-1].scores.total:.2f}")
    best = max(made, key=_total)
    for index in range(choosing.retry):
        fault = visible_fault(best.scores)
        if fault is None:
            break
        another = remedy(best, replace(spec, seed=spec.seed + choosing.best_of + index))
        on_note(f"retry {index + 1} of {choosing.retry}: {fault}; now {_told(best, another)}")
        made.append(make(another))
        best = max(made, key=_total)
    if len(made) > 1:
        tries = [{"seed": each.seed, "strength": strongest(each), "score": _total(each)} for each in made]
        best = replace(best, recipe={**best.recipe, "tries": tries})
    return Choice(best=best, made=tuple(made))


def visible_fault(scores: Scores) -> str | None:
    """The fault that another try may mend, in words; None where there is none."""
    if scores.leftover > LEFTOVER:
        return f"the fill shows through (leftover {scores.leftover:.2f})"
    for name, most in SEAM.items():
        if getattr(scores, name) > most:
            return f"a seam shows ({name.replace('_', ' ')} {getattr(scores, name):.2f})"
    return None


def remedy(result: Result, spec: Spec) -> Spec:
    """What to try after a result with a fault; `spec` has a fresh seed."""
    strength = strongest(result)
    spec = replace(spec, strength=result_strength(result))
    if result.scores.leftover > LEFTOVER and 0 < strength < 1:
        return replace(spec, strength=round(min(1.0, strength + STRONGER), 3))
    return spec


def strongest(result: Result) -> float:
    """The largest strength of the stages that led to a result; 0 for the fill alone."""
    return max((float(stage["strength"]) for stage in result.recipe["plan"]["stages"]), default=0.0)


def result_strength(result: Result) -> float | None:
    """The strength that a result was asked with."""
    asked: float | None = result.recipe["spec"]["strength"]
    return asked


def demand(scores: Scores, choosing: Choosing) -> None:
    """BrokenPromise where a result scores below what was demanded."""
    if choosing.min_score is not None and scores.total < choosing.min_score:
        raise BrokenPromise(
            f"the score {scores.total:.2f} is below --min-score {choosing.min_score:g} ({scores}); "
            "nothing was written: try --best-of 4, --retry 2 or another --fill or --strength"
        )


def facts_of(result: Result) -> dict[str, Any]:
    """What `--json` says of the scores."""
    return {"score": round(result.scores.total, 3), "scores": result.scores.facts()}


def _total(result: Result) -> float:
    return round(result.scores.total, 4)


def _told(before: Result, spec: Spec) -> str:
    changed = [] if spec.strength == result_strength(before) else [f"strength {spec.strength:g}"]
    return ", ".join([*changed, f"seed {spec.seed}"])
