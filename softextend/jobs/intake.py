"""The first stages: pictures are taken up, read and filled, and those that go together are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from softextend.errors import DiskFull
from softextend.jobs.claims import Gate
from softextend.jobs.job import Job, Outcome
from softextend.jobs.lanes import Room
from softextend.jobs.pieces import Kept, Piece, Stages, Taken
from softextend.types import Listener

TOGETHER = 100  # outcomes that need no work and are handed on as one
GROUP = 16_000_000  # px of one batch of the model: half of the room, so that the next one can be filled meanwhile


@dataclass(kw_only=True, eq=False)
class Intake:
    """What is taken up; `begin` is told of each picture before it is read, None where its turn is told later."""

    stages: Stages
    gate: Gate
    room: Room
    listener: Listener
    begin: Callable[[str], None] | None
    open: set[Taken] = field(default_factory=set)

    def read(self, jobs: Iterable[Job | Outcome]) -> Iterator[Taken | Piece]:
        """Every job in turn, read; a piece for what needs no work or failed. A full disk ends it all."""
        settled: list[Outcome] = []
        for job in jobs:
            if isinstance(job, Outcome):
                settled.append(job)
            if settled and (len(settled) == TOGETHER or isinstance(job, Job)):
                yield self.as_they_stand(settled)
                settled = []
            if isinstance(job, Outcome):
                continue
            held = ExitStack()
            todo, others = held.enter_context(self.gate.open(job))
            taken = Taken(job=todo or job, held=held, heard=Kept() if self.begin is None else self.listener)
            self.open.add(taken)
            if others:
                yield Piece(taken=taken, settled=others)
            failed = None if todo is None else self.failed(taken)
            if failed is not None:
                yield Piece(taken=taken, settled=[failed])
            if todo is None or failed is not None:
                self.let_go(taken)
            else:
                yield taken
            if failed is not None and isinstance(failed.error, DiskFull):
                return
        if settled:
            yield self.as_they_stand(settled)

    def as_they_stand(self, outcomes: list[Outcome]) -> Piece:
        """Outcomes that need no work, as one piece: a hundred thousand missing names would keep the lanes busy."""
        return Piece(taken=Taken(job=outcomes[0].job, held=ExitStack(), heard=self.listener), settled=outcomes)

    def failed(self, taken: Taken) -> Outcome | None:
        """Read one; what became of it where it cannot be."""
        try:
            if self.begin and len(taken.job.targets) == 1:
                self.begin(taken.job.name)
            taken.read, taken.left = self.stages.read(taken.job, taken.heard), len(taken.job.targets)
        except BrokenPipeError:
            raise  # nobody reads what is said any more
        except Exception as error:
            return Outcome(job=taken.job, target=None, error=error)
        return None

    def groups(self, found: Iterable[Taken | Piece]) -> Iterator[list[Piece]]:
        """Pieces that go through the model together, with what needs no model, in order; each filled."""
        group: list[Piece] = []
        for each in found:
            if isinstance(each, Piece):
                group.append(each)
            else:
                for target in each.job.targets:
                    piece = Piece(taken=each, target=target, pixels=self.stages.pixels(each.read))
                    if not self.goes_with(group, piece):
                        yield group
                        group = []
                    self.fill(piece, group)
                    group.append(piece)
                    if self.is_full(group):
                        yield group
                        group = []
            if group and not sampled(group):  # nothing to wait for
                yield group
                group = []
        if group:
            yield group

    def fill(self, piece: Piece, group: list[Piece]) -> None:
        """The piece's canvas, as soon as there is room for it beside those that wait with it."""
        target = piece.target
        if target is None:
            return
        self.room.take(piece.pixels, own=sum(each.pixels for each in group))
        try:
            piece.filled = self.stages.fill(piece.taken.read, target)
        except Exception as error:
            piece.settled.append(Outcome(job=piece.taken.job, target=target, error=error))

    def goes_with(self, group: list[Piece], piece: Piece) -> bool:
        """Whether a piece may join a group, which holds no more than what the model takes at once."""
        others = sampled(group)
        if not others:
            return True
        fits = sum(each.pixels for each in others) + piece.pixels <= GROUP
        return fits and self.stages.alike(others[0].taken.read, piece.taken.read)

    def is_full(self, group: list[Piece]) -> bool:
        """Whether no further piece fits into the model's batch."""
        others = sampled(group)
        return bool(others) and (len(others) + 1) * self.stages.rows() > self.stages.most_rows(others[0].taken.read)

    def done(self, piece: Piece) -> None:
        """A piece needs no room any more, and after the last one its picture no claim."""
        if piece.target is None:
            return
        self.room.give(piece.pixels)
        piece.taken.left -= 1
        if not piece.taken.left:
            self.let_go(piece.taken)

    def let_go(self, taken: Taken) -> None:
        """Its claims."""
        self.open.discard(taken)
        taken.held.close()

    def readable_found(self) -> bool:
        """Whether a picture that was read waits for the model."""
        return any(each.read is not None for each in list(self.open))


def sampled(group: Sequence[Piece]) -> list[Piece]:
    """The pieces of a group that the model has to do with."""
    return [each for each in group if not each.settled]
