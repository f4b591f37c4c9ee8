"""What goes through the stages: a picture that was taken up, and each result to make of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from softextend.jobs.job import Job, Outcome, Target
from softextend.sampling.progress import Silent
from softextend.types import Listener


class Stages(Protocol):
    """What is done to a picture, stage by stage, while other pictures may be in the other stages."""

    def read(self, job: Job, listener: Listener) -> Any:
        """The picture and what is planned for it; nothing of it depends on the target."""

    def pixels(self, read: Any) -> int:
        """Of the canvases that one target takes."""

    def most_rows(self, read: Any) -> int:
        """How many rows the model's batch may have of pictures like this one."""

    def rows(self) -> int:
        """How many rows one target takes."""

    def alike(self, one: Any, other: Any) -> bool:
        """Whether two pictures that were read may be rows of one batch."""

    def fill(self, read: Any, target: Target) -> Any:
        """What the model begins with."""

    def load(self, listener: Listener) -> Any:
        """The model."""

    def sample(self, pieces: Sequence[Piece], model: Any, listener: Listener) -> list[Any]:
        """What the model makes of each piece's `filled`; they are alike, or one alone."""

    def finish(self, piece: Piece, listener: Listener) -> Outcome:
        """The piece's `made`, written."""


class Kept(Silent):
    """A listener that keeps what is said, to be told when the picture's turn comes."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def note(self, line: str) -> None:
        """See `Listener`."""
        self.lines.append(("note", line))

    def detail(self, line: str) -> None:
        """See `Listener`."""
        self.lines.append(("detail", line))

    def hint(self, line: str) -> None:
        """See `Listener`."""
        self.lines.append(("hint", line))

    def tell(self, listener: Listener) -> None:
        """All of it, once."""
        lines, self.lines = self.lines, []
        for kind, line in lines:
            getattr(listener, kind)(line)


@dataclass(kw_only=True, eq=False)
class Taken:
    """A picture that was taken up: `held`, its claims, is let go when the last of its `left` results is done."""

    job: Job
    held: ExitStack
    heard: Listener
    read: Any = None
    left: int = 0


@dataclass(kw_only=True, eq=False)
class Piece:
    """One result on its way: `filled` is what the model begins with, `made` what it made.

    `settled`: what became of it where there is nothing to sample; without a target, of its picture.
    """

    taken: Taken
    target: Target | None = None
    pixels: int = 0
    filled: Any = None
    made: Any = None
    settled: list[Outcome] = field(default_factory=list)

    @property
    def wanted(self) -> Target:
        """Its target, which all have that come to the model."""
        if self.target is None:
            raise RuntimeError(f"{self.taken.job.name}: has no target")
        return self.target

    @property
    def name(self) -> str:
        """What messages call it: its picture, with its seed where there are several."""
        job = self.taken.job
        several = self.target is not None and len(job.targets) > 1
        return f"{job.name} (seed {self.target.seed})" if several and self.target else job.name

    @property
    def count(self) -> int:
        """Of how many results it is."""
        return sum(each.count for each in self.settled) if self.settled else 1
