"""Many pictures through the stages, of different pictures at once; and one failure among many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from softextend.compiling import telling
from softextend.errors import AlreadyExists, DiskFull
from softextend.jobs.claims import Claims, Free, Gate
from softextend.jobs.intake import Intake, sampled
from softextend.jobs.job import Job, Outcome
from softextend.jobs.lanes import AtOnce, Finisher, Lane, Room, Stopped
from softextend.jobs.pieces import Kept, Piece, Stages
from softextend.sampling.progress import Relay
from softextend.types import Listener

ROOM = 32_000_000  # px of canvases under way, each about 30 bytes from its fill to its file
AHEAD = 2  # groups that wait for the model, results that wait to be written
LEAVING = 10.0  # s in which what is being written when the work is stopped may be finished

Told = tuple[Piece, list[Outcome], Kept | None]


class Ended(BaseException):
    """Nothing more can be made, such as on a full disk."""


class Undelivered(BaseException):
    """An outcome could not be told, which is no picture's fault; its cause says why."""


def run(
    jobs: Iterable[Job | Outcome],
    stages: Stages,
    *,
    deliver: Callable[[Outcome], None],
    begin: Callable[[str, int], None],
    listener: Listener,
    gate: Gate | None = None,
    overlap: bool = False,
) -> None:
    """Every job, and outcomes as they stand, told in order. An error in a stage becomes one, in `load` it ends all.

    `load` runs once, when the first picture has been read well. `gate` is asked right before each picture. A full disk
    ends the batch too, after its outcome: no other result would find room. `begin` is told of each picture, and how
    many results came before it. `overlap`: other stages go on in other threads while the model has this one.
    """
    work = Work(stages, deliver, begin, listener, gate or Free(), overlap=overlap)
    try:
        with telling(listener.note):
            work.run(jobs)
    except Ended:
        pass
    except Stopped:
        raise work.last.failed or RuntimeError("the stages stopped without a reason") from None
    except Undelivered as error:
        raise (error.__cause__ or error) from None
    finally:
        work.leave()


class Work:
    """A batch under way."""

    def __init__(
        self,
        stages: Stages,
        deliver: Callable[[Outcome], None],
        begin: Callable[[str, int], None],
        listener: Listener,
        gate: Gate,
        *,
        overlap: bool,
    ) -> None:
        self.stages, self.deliver, self.overlap = stages, deliver, overlap
        self.begin, self.begun, self.listener = begin, 0, listener
        self.shared = isinstance(gate, Claims)
        self.stop = threading.Event()
        early = None if overlap else self.taken_up
        room = Room(ROOM, self.stop)
        self.intake = Intake(stages=stages, gate=gate, room=room, listener=listener, begin=early)
        self.last: Finisher[Piece, Told] | AtOnce[Piece, Told]
        self.last = Finisher(self.finished, AHEAD, self.stop) if overlap else AtOnce(self.finished)
        self.model: list[Any] = []

    def run(self, jobs: Iterable[Job | Outcome]) -> None:
        """All jobs."""
        groups: Iterable[list[Piece]]
        if self.overlap:
            found = Lane(self.intake.read(jobs), 1, self.stop)
            groups = Lane(self.intake.groups(found), AHEAD, self.stop, meanwhile=self.meanwhile)
        else:
            groups = self.intake.groups(self.intake.read(jobs))
        for group in groups:
            self.sample(group)
            for piece in group:
                self.last.put(piece)
                self.tell_done()
        self.tell(self.last.rest())

    def meanwhile(self) -> None:
        """While nothing waits for the model: tell what is done, and load it once a picture was read and is filled."""
        self.tell_done()
        if not self.model and self.intake.readable_found():
            self.loaded()

    def leave(self) -> None:
        """Stop the lanes, wait for what is being written, and let go of every claim."""
        self.stop.set()
        if isinstance(self.last, Finisher):
            self.last.join(LEAVING)
        for each in list(self.intake.open):
            self.intake.let_go(each)

    def loaded(self) -> Any:
        """The model, loaded once."""
        if not self.model:
            self.model.append(self.stages.load(self.listener))
        return self.model[0]

    def taken_up(self, name: str) -> None:
        """A picture's turn."""
        self.begin(name, self.begun)

    def sample(self, group: Sequence[Piece]) -> None:
        """The pieces of a group that the model has to do with, together; where that fails, each by itself."""
        pieces = sampled(group)
        if pieces:
            model = self.loaded()
            more = f" and {len(pieces) - 1} more" if len(pieces) > 1 else ""
            if self.overlap or len(pieces[0].taken.job.targets) > 1:
                self.taken_up(f"{pieces[0].name}{more}")
            for each in pieces:
                if isinstance(each.taken.heard, Kept):
                    each.taken.heard.tell(self.listener)
            if len(pieces) == 1 or not self.made(pieces, model):
                for each in pieces:
                    self.made([each], model)
        self.begun += sum(each.count for each in group)

    def made(self, pieces: Sequence[Piece], model: Any) -> bool:
        """What the model makes of pieces; an error is the outcome of one alone."""
        try:
            for each, made in zip(pieces, self.stages.sample(pieces, model, Pump(self)), strict=True):
                each.made, each.filled = made, None
        except BrokenPipeError:
            raise  # nobody reads the results any more
        except Exception as error:
            if len(pieces) == 1:
                piece = pieces[0]
                piece.settled.append(Outcome(job=piece.taken.job, target=piece.target, error=error))
            return False
        return True

    def finished(self, piece: Piece) -> Told:
        """What becomes of one piece."""
        heard = Kept() if self.overlap else None
        outcomes = piece.settled or [written(self.stages, piece, heard or self.listener, shared=self.shared)]
        self.intake.done(piece)
        piece.made = None
        return piece, outcomes, heard

    def tell_done(self) -> None:
        """What is done by now."""
        self.tell(self.last.taken())

    def tell(self, done: Iterable[Told]) -> None:
        """What became of pieces."""
        for piece, outcomes, heard in done:
            for outcome in outcomes:
                try:
                    for each in (piece.taken.heard, heard):
                        if isinstance(each, Kept):
                            each.tell(self.listener)
                    self.deliver(outcome)
                except Exception as error:
                    raise Undelivered from error
                if isinstance(outcome.error, DiskFull):
                    raise Ended


def written(stages: Stages, piece: Piece, listener: Listener, *, shared: bool) -> Outcome:
    """What becomes of a result; in a `shared` folder one that another run made meanwhile is as good."""
    job, target = piece.taken.job, piece.target
    try:
        return stages.finish(piece, listener)
    except BrokenPipeError:
        raise
    except AlreadyExists as error:
        if shared:
            return Outcome(job=job, target=target, skipped="another run made it meanwhile")
        return Outcome(job=job, target=target, error=error)
    except Exception as error:
        return Outcome(job=job, target=target, error=error)


class Pump(Relay):
    """Tells of results that are done whenever the model has taken a step: nobody waits for its whole picture."""

    def __init__(self, work: Work) -> None:
        super().__init__(work.listener)
        self.work = work

    def step(self, done: int, total: int) -> None:
        """See `Listener`."""
        self.work.tell_done()
        super().step(done, total)
