"""A batch on many machines, through Ray: workers ask for pictures, and what a dead one held goes to another."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from softextend import __version__
from softextend.errors import BadRequest, DiskFull, SoftExtendError
from softextend.jobs.job import Job, Outcome
from softextend.jobs.making import load_model
from softextend.jobs.task import PictureTask
from softextend.jobs.worker import Done, Load, Worker
from softextend.types import Listener

HELD = 2  # pictures that a worker holds: the one at work, and the next, so that it never waits for the driver
CONNECT = 10.0  # s
LOOK = 5.0  # s between two looks at whether the cluster has grown or a worker is missing
STILLBORN = 5  # workers that may die before they run, where none has run at all
REPEAT = 30.0  # s between two lines on how the workers do
QUIET = {"RAY_DEDUP_LOGS": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_USAGE_STATS_ENABLED": "0"}
LOST = "its worker died, and so did {tries} more that tried it; give more --max-retries, or look for what kills them"


class WorkerDied(SoftExtendError):
    """A picture whose workers died one after the other."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Which cluster, and what a worker takes of it."""

    address: str  # auto, local, or where its head is
    retries: int = 2
    gpus: float | None = None  # a worker; None: one where there are any
    cpus: float = 1.0  # a worker


@dataclass(kw_only=True)
class Todo:
    """A job that is handed out, and how many workers have died over it."""

    job: Job
    tries: int = 0


@dataclass(kw_only=True, eq=False)
class Hand:
    """A worker as the driver sees it."""

    actor: Any
    name: str = ""  # once it runs
    held: deque[tuple[Any, Todo]] = field(default_factory=deque)  # what it was given, in order
    made: int = 0
    failed: int = 0
    began: float = 0.0
    dead: bool = False


class OwnThread:
    """A stream that takes what the thread which made it writes: Ray's own threads print to stdout what has died."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        """As of any stream."""
        return int(self.stream.write(text)) if threading.get_ident() == self.thread else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def own_stdout() -> Iterator[None]:
    """Nothing of Ray's among the results."""
    stream = sys.stdout
    sys.stdout = OwnThread(stream)
    try:
        yield
    finally:
        sys.stdout = stream


def answers(address: str) -> None:
    """BadRequest where nothing listens at the address of a head: Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in ("auto", "local") or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT).close()
    except (OSError, OverflowError) as error:
        raise BadRequest(f"--ray {address}: nothing answers there ({error}); see ray status on its head") from None


def foresee(address: str) -> None:
    """BadRequest where Ray is not installed, or nothing listens at the address; nothing is started."""
    if importlib.util.find_spec("ray") is None:
        raise BadRequest("--ray: Ray is not installed: pip install 'softextend[ray]'")
    answers(address)


def ray_of(address: str) -> Any:
    """Ray, connected; BadRequest where it is not installed or there is no such cluster."""
    foresee(address)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    options = {"logging_level": logging.CRITICAL, "log_to_driver": False, "ignore_reinit_error": True}
    own = {"include_dashboard": False}
    try:
        if address == "local":
            ray.init(address="local", **options, **own)
        elif address == "auto":
            try:
                ray.init(address="auto", **options)
            except ConnectionError:
                ray.init(address="local", **options, **own)
        else:
            ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        said = " ".join(str(error).split())[:160]
        raise BadRequest(f"--ray {address}: no cluster answers there ({said}); see ray status") from None
    finally:
        for number, handler in signals.items():  # Ray's own abort with a dump
            signal.signal(number, handler)
    return ray


class Crew:
    """The workers that run, start or have died: as many as the cluster has room for."""

    def __init__(self, cluster: Cluster, task: PictureTask, load: Load) -> None:
        self.cluster, self.task, self.load = cluster, task, load
        self.ray = ray_of(cluster.address)
        self.hands: list[Hand] = []
        self.gone: list[Hand] = []
        self.starting: dict[Any, Hand] = {}
        self.looked = 0.0
        self.stillborn = 0  # workers that died before they ran
        has = self.ray.cluster_resources()
        if self.share(has) > has.get("GPU", 0):
            raise BadRequest(
                f"--num-gpus {self.share(has):g}: the cluster has {has.get('GPU', 0):g} GPUs; ask for fewer"
            )

    def look(self) -> None:
        """Start as many workers as the cluster has room for."""
        if time.monotonic() - self.looked < LOOK:
            return
        self.looked = time.monotonic()
        for _ in range(self.wanted() - len(self.hands)):
            self.start()

    def wanted(self) -> int:
        """Workers that fit: by GPUs where each takes some, else by CPUs."""
        has = self.ray.cluster_resources()
        by_cpu = int(has.get("CPU", 0) / self.cluster.cpus)
        gpus = self.share(has)
        return max(1, min(by_cpu, int(has.get("GPU", 0) / gpus)) if gpus else by_cpu)

    def share(self, has: dict[str, float]) -> float:
        """GPUs that a worker takes."""
        if self.cluster.gpus is not None:
            return self.cluster.gpus
        return 1.0 if has.get("GPU") and self.task.ref.kind != "self" else 0.0

    def start(self) -> None:
        """One more worker; it gets work once it runs."""
        gpus = self.share(self.ray.cluster_resources())
        actor = self.ray.remote(num_cpus=self.cluster.cpus, num_gpus=gpus, max_restarts=0)(Worker)
        hand = Hand(actor=actor.remote(self.task, str(Path.cwd()), __version__, self.load))
        self.hands.append(hand)
        self.starting[hand.actor.ready.remote()] = hand

    def started(self, ref: Any, hand: Hand) -> None:
        """A worker runs, or died before."""
        try:
            hand.name, hand.began = self.ray.get(ref), time.monotonic()
        except self.ray.exceptions.RayError as error:
            hand.dead = True
            self.stillborn += 1
            if self.stillborn > STILLBORN and not any(each.name for each in (*self.hands, *self.gone)):
                said = " ".join(str(error).split())[:300]
                raise WorkerDied(f"--ray {self.cluster.address}: workers die before they run: {said}") from None

    def free(self) -> Hand | None:
        """The worker that asks for work: the one that holds least."""
        asking = [hand for hand in self.hands if hand.name and not hand.dead and len(hand.held) < HELD]
        return min(asking, key=lambda hand: len(hand.held), default=None)

    def remove(self, hand: Hand) -> None:
        """A worker has died; another one is started at once."""
        self.hands.remove(hand)
        self.gone.append(hand)
        self.looked = 0.0

    def table(self) -> list[str]:
        """A line a worker: what it made, how fast, what it is at."""
        lines = []
        for hand in (*self.hands, *self.gone):
            minutes = (time.monotonic() - hand.began) / 60 if hand.began else 0
            rate = f"{hand.made / minutes:.1f} a minute" if minutes else "starting"
            at = "died" if hand.dead else hand.held[0][1].job.name if hand.held else "waiting"
            failed = f", {hand.failed} failed" if hand.failed else ""
            lines.append(f"  {hand.name or 'a worker':<28} {hand.made:>6} made{failed}, {rate}, {at}")
        return lines

    def leave(self) -> None:
        """End the workers, and a cluster that was started for this batch."""
        for hand in self.hands:
            self.ray.kill(hand.actor)
        self.ray.shutdown()


class Fleet:
    """Hands out jobs to a crew and gathers what becomes of them."""

    def __init__(self, cluster: Cluster, task: PictureTask, listener: Listener, load: Load = load_model) -> None:
        self.crew = Crew(cluster, task, load)
        self.ray, self.retries, self.listener = self.crew.ray, cluster.retries, listener
        self.back: deque[Todo] = deque()  # what dead workers held
        self.told = 0.0
        self.heard: set[str] = set()  # what workers say of the model, each alike

    def run(self, jobs: Iterable[Job | Outcome]) -> Generator[Outcome, None, None]:
        """Every job's outcomes as they come, and outcomes as they stand; the first picture begins at once."""
        with own_stdout():
            try:
                yield from self.handed_out(iter(jobs))
            finally:
                self.crew.leave()

    def handed_out(self, rest: Iterator[Job | Outcome]) -> Iterator[Outcome]:
        """See `run`."""
        open_, more = 0, True
        while more or open_:
            self.crew.look()
            while (hand := self.crew.free()) is not None and (self.back or more):
                todo = self.back.popleft() if self.back else None
                if todo is None:
                    job = next(rest, None)
                    if job is None:
                        more = False
                        break
                    if isinstance(job, Outcome):
                        yield job
                        continue
                    todo = Todo(job=job)
                    open_ += 1
                self.give(hand, todo)
            for outcomes in self.wait():
                open_ -= 1
                yield from outcomes
                if any(isinstance(outcome.error, DiskFull) for outcome in outcomes):
                    return  # no other result would find room
            self.tell()

    def give(self, hand: Hand, todo: Todo) -> None:
        """Hand a job to a worker."""
        hand.held.append((hand.actor.do.remote(todo.job, again=todo.tries > 0), todo))

    def wait(self) -> Iterator[list[Outcome]]:
        """What has become of jobs by now; waits a little where nothing has."""
        refs = [*self.crew.starting, *(ref for hand in self.crew.hands for ref, _ in hand.held)]
        if not refs:
            time.sleep(0.1)
            return
        done, _ = self.ray.wait(refs, num_returns=1, timeout=1.0)
        if done:
            done, _ = self.ray.wait(refs, num_returns=len(refs), timeout=0)
        ready = set(done)
        for ref in [ref for ref in self.crew.starting if ref in ready]:
            self.crew.started(ref, self.crew.starting.pop(ref))
        for hand in list(self.crew.hands):
            while hand.held and hand.held[0][0] in ready and not hand.dead:
                outcomes = self.finished(hand)
                if outcomes is not None:
                    yield outcomes
            if hand.dead:
                yield from self.bury(hand)

    def finished(self, hand: Hand) -> list[Outcome] | None:
        """What became of the job that a worker held first; None where the worker died over it."""
        ref, todo = hand.held[0]
        try:
            done: Done = self.ray.get(ref)
        except self.ray.exceptions.RayTaskError as error:
            done = Done(outcomes=[Outcome(job=todo.job, target=None, error=RuntimeError(str(error.cause or error)))])
        except self.ray.exceptions.RayError:
            hand.dead = True
            return None
        hand.held.popleft()
        if done.fatal is not None:
            raise done.fatal
        for kind, line in done.said:
            if line.startswith(todo.job.name) or line not in self.heard:
                getattr(self.listener, kind)(line)
            if not line.startswith(todo.job.name):
                self.heard.add(line)
        hand.made += sum(outcome.error is None for outcome in done.outcomes)
        hand.failed += sum(outcome.error is not None for outcome in done.outcomes)
        return done.outcomes

    def bury(self, hand: Hand) -> Iterator[list[Outcome]]:
        """Take back what a dead worker held; what it was at work on counts a try, and fails after the last."""
        self.crew.remove(hand)
        self.listener.note(f"worker {hand.name or 'that had not begun'} died; what it held goes to others")
        for index, (_, todo) in enumerate(hand.held):
            todo.tries += index == 0
            if todo.tries > self.retries:
                error = WorkerDied(f"{todo.job.name}: {LOST.format(tries=todo.tries - 1)}")
                yield [Outcome(job=todo.job, target=None, error=error, facts={"worker": hand.name})]
            else:
                self.back.append(todo)

    def tell(self) -> None:
        """How the workers do, every now and then."""
        if time.monotonic() - self.told >= REPEAT:
            if self.told:
                for line in self.crew.table():
                    self.listener.note(line)
            self.told = time.monotonic()


def facts_of(address: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """What a cluster has, as JSON values."""
    ray = ray_of(address)
    try:
        has, free = ray.cluster_resources(), ray.available_resources()
        nodes = [
            {
                "address": node["NodeManagerAddress"],
                "alive": node["Alive"],
                "cpus": node["Resources"].get("CPU", 0),
                "gpus": node["Resources"].get("GPU", 0),
                "memory_bytes": int(node["Resources"].get("memory", 0)),
            }
            for node in ray.nodes()
        ]
        tell(
            {
                "ray": ray.__version__,
                "cpus": has.get("CPU", 0),
                "cpus_free": free.get("CPU", 0),
                "gpus": has.get("GPU", 0),
                "gpus_free": free.get("GPU", 0),
                "nodes": nodes,
            }
        )
    finally:
        ray.shutdown()
