"""Processes that share a batch: each has a model of its own, and takes the next picture when it is free."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from softextend.errors import DiskFull, WorkerDied
from softextend.jobs.claims import Gate
from softextend.jobs.job import Job, Outcome, Target, worker_name
from softextend.jobs.pieces import Stages
from softextend.jobs.worker_process import serve
from softextend.types import Listener

LEAVING = 15.0  # s for a worker that was asked to stop: what it is writing may be finished
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
BLAS = "OPENBLAS_NUM_THREADS"  # of numpy, whose rounding follows it: as many as a process alone has, for the same bytes


def cores() -> int:
    """Of the processor, that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one worker may use: threads of the processor, a GPU as CUDA_VISIBLE_DEVICES names it."""

    threads: int
    gpu: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What it begins with."""
        found = dict.fromkeys(THREADS, str(self.threads))
        found[BLAS] = os.environ.get(BLAS) or os.environ.get("OMP_NUM_THREADS") or str(cores())
        return found | ({} if self.gpu is None else {"CUDA_VISIBLE_DEVICES": self.gpu})


@dataclass(kw_only=True, eq=False)
class Handed:
    """A picture that was given to a worker, and what has become of it; in the order of the inputs."""

    job: Job | None
    outcomes: list[Outcome] = field(default_factory=list)
    left: int = 0

    def add(self, outcome: Outcome) -> None:
        """One more result is known."""
        self.outcomes.append(outcome)
        self.left -= outcome.count

    def lost(self) -> list[Target]:
        """The results of which nothing is known."""
        known = [outcome.target for outcome in self.outcomes]
        return [target for target in self.job.targets if target not in known] if self.job else []


@dataclass(kw_only=True, eq=False)
class Hand:
    """A worker as the driver sees it."""

    process: BaseProcess
    connection: Connection
    share: Share
    held: dict[int | None, Handed] = field(default_factory=dict)  # by the job's index
    asked: bool = False  # for a picture, once


@dataclass(kw_only=True, eq=False)
class Crew:
    """A batch that workers share; `in_order`: outcomes are delivered in the order of the inputs, not as they come."""

    stages: Stages
    gate: Gate | None
    deliver: Callable[[Outcome], None]
    begin: Callable[[str, int], None]
    listener: Listener
    in_order: bool
    jobs: Iterator[Job | Outcome]
    line: deque[Handed] = field(default_factory=deque)  # what is not delivered yet
    hands: list[Hand] = field(default_factory=list)
    begun: int = 0
    full: bool = False  # the disk

    def run(self, shares: Sequence[Share]) -> None:
        """All jobs; a worker that dies is an error of its pictures, and another one takes its place."""
        try:
            for number, share in enumerate(shares):
                self.hands.append(self.started(share, first=number == 0))
            while self.hands:
                ready = wait([hand.connection for hand in self.hands])
                for hand in [each for each in self.hands if each.connection in ready]:
                    self.hear(hand)
        finally:
            self.dismiss()

    def started(self, share: Share, *, first: bool) -> Hand:
        """A new worker; the first one tells of its model."""
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        with environment(share.environment):
            process = context.Process(
                target=serve,
                args=(there, self.stages, self.gate, share.threads),
                kwargs={"overlap": share.gpu is not None, "talks": first},
                daemon=True,
            )
            process.start()
        there.close()
        return Hand(process=process, connection=here, share=share)

    def hear(self, hand: Hand) -> None:
        """One message of a worker."""
        try:
            kind, said = hand.connection.recv()
        except (EOFError, OSError):
            return self.gone(hand)
        if kind == "ask":
            hand.asked = True
            self.give(hand)
        elif kind == "outcome":
            self.outcome(hand.held[said.job.index], said)
        elif kind == "begin":
            self.begin(said, self.begun)
            self.begun += 1
        elif kind == "failed":
            raise said
        else:
            getattr(self.listener, kind)(said)
        return None

    def give(self, hand: Hand) -> None:
        """The next picture, or that there is none."""
        job = None if self.full else self.next()
        if job is not None:
            handed = Handed(job=job, left=len(job.targets))
            self.line.append(handed)
            hand.held[job.index] = handed
        with suppress(OSError):  # it has died: the next look at it says so
            hand.connection.send(job)

    def next(self) -> Job | None:
        """The next picture; what needs no work is told on the way."""
        for each in self.jobs:
            if isinstance(each, Job):
                return each
            settled = Handed(job=None, left=each.count)
            self.line.append(settled)
            self.outcome(settled, each)
        return None

    def outcome(self, handed: Handed, outcome: Outcome) -> None:
        """What became of a result."""
        handed.add(outcome)
        self.full = self.full or isinstance(outcome.error, DiskFull)
        if not self.in_order:
            self.deliver(outcome)
        while self.line and self.line[0].left <= 0:
            done = self.line.popleft()
            for each in done.outcomes if self.in_order else ():
                self.deliver(each)

    def gone(self, hand: Hand) -> None:
        """A worker that ended: its pictures are lost where it had any, and another one takes its place."""
        self.hands.remove(hand)
        hand.connection.close()
        hand.process.join(LEAVING)
        lost = [handed for handed in hand.held.values() if handed.left > 0]
        died, by = hand.process.exitcode != 0, {"worker": worker_name(hand.process.pid)}
        why = _end_of(hand.process.exitcode)
        if died and not hand.asked:
            raise WorkerDied(f"a worker {why} before it took a picture: give fewer --workers, or leave them out")
        for handed in lost:
            for target in handed.lost():
                said = f"its worker {why}; fewer --workers need less memory, --skip-existing tries it again"
                error = WorkerDied(f"{handed.job.name if handed.job else ''}: {said}")
                self.outcome(handed, Outcome(job=handed.job, target=target, error=error, facts=by))  # type: ignore[arg-type]
        if died and not self.full:
            self.hands.append(self.started(hand.share, first=False))

    def dismiss(self) -> None:
        """Ask the workers that are left to stop, and end those that do not."""
        for hand in self.hands:
            hand.process.terminate()
        for hand in self.hands:
            hand.process.join(LEAVING)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()


def run(
    jobs: Iterable[Job | Outcome],
    stages: Stages,
    shares: Sequence[Share],
    *,
    deliver: Callable[[Outcome], None],
    begin: Callable[[str, int], None],
    listener: Listener,
    gate: Gate | None = None,
    in_order: bool = True,
) -> None:
    """As `runner.run`, by as many processes as there are shares. `stages` and `gate` are values that can be sent."""
    crew = Crew(
        stages=stages,
        gate=gate,
        deliver=deliver,
        begin=begin,
        listener=listener,
        in_order=in_order,
        jobs=iter(jobs),
    )
    crew.run(shares)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Variables that a process begins with: libraries read them while they are loaded."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _end_of(code: int | None) -> str:
    """How a process ended, in words."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in {each.value for each in signal.Signals} else f"signal {-code}"
        memory = ", as the system does where memory is short" if -code == signal.SIGKILL else ""
        return f"was killed ({name}{memory})"
    return f"ended by itself (exit code {code})"
