"""Many pictures: which ones, what their results are called, what exists already, and one failure among many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from softextend.errors import AlreadyExists, BadPicture, BadRequest, DiskFull
from softextend.finish.measures import SEEN
from softextend.jobs.claims import Claims, Free
from softextend.jobs.job import Job, Outcome, Target

Picture = TypeVar("Picture")
Engine = TypeVar("Engine")


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


def run(
    jobs: Iterable[Job | Outcome],
    *,
    read: Callable[[Job], Picture],
    load: Callable[[], Engine],
    make: Callable[[Picture, Job, Target, Engine], Outcome],
    gate: Claims | Free | None = None,
) -> Iterator[Outcome]:
    """Every job in turn, and outcomes as they stand; an error in `read` or `make` is one, in `load` it ends the batch.

    `load` runs once, when the first picture has been read well. `gate` is asked right before each picture. A full
    disk ends the batch too, after its outcome: no other result would find room.
    """
    gate = gate or Free()
    engine: list[Engine] = []
    for job in jobs:
        if isinstance(job, Outcome):
            yield job
            continue
        with gate.open(job) as (todo, others):
            yield from others
            if todo is None:
                continue
            try:
                picture = read(todo)
            except Exception as error:
                yield Outcome(job=todo, target=None, error=error)
                if isinstance(error, DiskFull):
                    return
                continue
            if not engine:
                engine.append(load())
            for target in todo.targets:
                outcome = _made(make, picture, todo, target, engine[0], shared=isinstance(gate, Claims))
                yield outcome
                if isinstance(outcome.error, DiskFull):
                    return


def _made(
    make: Callable[[Picture, Job, Target, Engine], Outcome],
    picture: Picture,
    job: Job,
    target: Target,
    engine: Engine,
    *,
    shared: bool,
) -> Outcome:
    """What becomes of one target; in a `shared` folder a result that another run made meanwhile is as good."""
    try:
        return make(picture, job, target, engine)
    except BrokenPipeError:
        raise  # nobody reads the results any more
    except AlreadyExists as error:
        if shared:
            return Outcome(job=job, target=target, skipped="another run made it meanwhile")
        return Outcome(job=job, target=target, error=error)
    except Exception as error:
        return Outcome(job=job, target=target, error=error)
