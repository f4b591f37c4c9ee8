"""Which of several results to keep: the best of some seeds, another try where a fault shows, a score to reach."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from softextend.errors import BrokenPromise
from softextend.fill import other_layouts
from softextend.finish.measures import LEFTOVER, SEAM, WRAP
from softextend.options import Selection, Spec
from softextend.types import Listener

if TYPE_CHECKING:
    from softextend.extend import Result
    from softextend.finish.scores import Scores


RANDOM_SEEDS = 2**32  # random seeds lie below: the range that other tools take
STRONGER = 0.1  # by which a retry raises the strength


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Choice:
    """The result to keep, and all that were made, in order."""

    best: Result
    made: tuple[Result, ...]


def with_seed(spec: Spec) -> Spec:
    """The request with a seed, random where none is given."""
    return spec if spec.sampling.seed is not None else spec.replaced(seed=secrets.randbelow(RANDOM_SEEDS))


def choose(make: Callable[[Spec], Result], spec: Spec, selection: Selection, listener: Listener) -> Choice:
    """Make as many results as asked, with seeds from the spec's on, and keep the one with the best total.

    A retry raises the strength where the fill is left over and takes another seed where a seam shows.
    """
    made: list[Result] = []
    for seed in seeds_from(spec.seed, selection):
        made.append(make(_another(spec, made, seed)))
        note_score(made[-1], selection, listener)
    return retried(made, make, spec, selection, listener)


def seeds_from(seed: int, selection: Selection) -> range:
    """The seeds that are made at once."""
    return range(seed, seed + selection.best_of)


def note_score(result: Result, selection: Selection, listener: Listener) -> None:
    """What one of several seeds scores."""
    if selection.best_of > 1:
        listener.note(f"seed {result.seed}: seam score {result.scores.total:.2f} of 1")


def retried(
    made: Sequence[Result], make: Callable[[Spec], Result], spec: Spec, selection: Selection, listener: Listener
) -> Choice:
    """The best of what was made, after as many further tries as its faults call for."""
    made = list(made)
    best = max(made, key=_total)
    for index in range(selection.retry):
        fault = visible_fault(best.scores)
        if fault is None:
            break
        another = remedy(best, _another(spec, made, spec.seed + selection.best_of + index))
        listener.note(f"retry {index + 1} of {selection.retry}: {fault}; now {_told(best, another)}")
        made.append(make(another))
        best = max(made, key=_total)
    return best_of(made)


def best_of(made: Sequence[Result]) -> Choice:
    """The one with the best total, whose recipe names all tries."""
    best = max(made, key=_total)
    if len(made) > 1:
        tries = [{"seed": each.seed, "strength": strongest(each), "score": _total(each)} for each in made]
        best = replace(best, recipe={**best.recipe, "tries": tries})
    return Choice(best=best, made=tuple(made))


def _another(spec: Spec, made: Sequence[Result], seed: int) -> Spec:
    """The request with the seed of one more try; after the first a fill lays the picture out otherwise if it can."""
    if not made:
        return spec
    fill = other_layouts(made[0].recipe["plan"]["fill"])
    return spec.replaced(seed=seed, **({} if fill is None else {"fill": fill}))


def visible_fault(scores: Scores) -> str | None:
    """The fault that another try may mend, in words; None where there is none."""
    if scores.leftover > LEFTOVER:
        return f"the fill shows through (leftover {scores.leftover:.2f})"
    for name, most in SEAM.items():
        if getattr(scores, name) > most:
            return f"a seam shows ({name.replace('_', ' ')} {getattr(scores, name):.2f})"
    if scores.wrap is not None and scores.wrap > WRAP:
        return f"a seam shows where edges join (wrap {scores.wrap:.2f})"
    return None


def remedy(result: Result, spec: Spec) -> Spec:
    """What to try after a result with a fault; `spec` has a fresh seed."""
    strength = strongest(result)
    spec = spec.replaced(strength=result_strength(result))
    if result.scores.leftover > LEFTOVER and 0 < strength < 1:
        return spec.replaced(strength=round(min(1.0, strength + STRONGER), 3))
    return spec


def strongest(result: Result) -> float:
    """The largest strength of the stages that led to a result; 0 for the fill alone."""
    return max((float(stage["strength"]) for stage in result.recipe["plan"]["stages"]), default=0.0)


def result_strength(result: Result) -> float | None:
    """The strength that a result was asked with."""
    asked: float | None = result.recipe["spec"]["strength"]
    return asked


def check_score(scores: Scores, selection: Selection) -> None:
    """BrokenPromise where a result scores below what was demanded."""
    if selection.min_score is not None and scores.total < selection.min_score:
        raise BrokenPromise(
            f"the seam score {scores.total:.2f} is below --min-score {selection.min_score:g} ({scores}); "
            "nothing was written: try --best-of 4, --retry 2 or another --fill or --strength"
        )


def scores_as_dict(result: Result) -> dict[str, Any]:
    """What `--json` says of the scores."""
    return {"score": round(result.scores.total, 3), "scores": result.scores.as_dict()}


def _total(result: Result) -> float:
    return round(result.scores.total, 4)


def _told(before: Result, spec: Spec) -> str:
    strength = spec.sampling.strength
    changed = [] if strength == result_strength(before) else [f"strength {strength:g}"]
    return ", ".join([*changed, f"seed {spec.seed}"])
