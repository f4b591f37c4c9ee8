"""The life of a worker's process on this machine: jobs come through a pipe, records go back."""

from __future__ import annotations

import pickle
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from softextend.errors import SoftExtendError
from softextend.jobs import runner
from softextend.jobs.claims import Gate
from softextend.jobs.job import Job, Outcome, worker_name
from softextend.jobs.pieces import Stages
from softextend.sampling.progress import Silent
from softextend.types import Listener


class Wire(Silent):
    """The driver, as its worker speaks to it: a `Listener` whose words go through a pipe."""

    def __init__(self, connection: Connection, *, talks: bool) -> None:
        self.connection, self.talks, self.name = connection, talks, worker_name()
        self.lock = threading.Lock()
        self.loading = True  # until the first picture begins: every worker would say the same of the model

    def send(self, kind: str, said: Any = None) -> None:
        """One message."""
        with self.lock:
            self.connection.send((kind, said))

    def jobs(self) -> Iterator[Job]:
        """Pictures, one whenever there is time for it, until the driver has none, or is gone."""
        with suppress(EOFError):
            while True:
                self.send("ask")
                job: Job | None = self.connection.recv()
                if job is None:
                    return
                yield job

    def outcome(self, outcome: Outcome) -> None:
        """What became of a result."""
        told = replace(outcome, facts={**outcome.facts, "worker": self.name})
        self.send("outcome", portable(told))

    def begin(self, name: str, before: int) -> None:
        """A picture's turn."""
        self.send("begin", name)

    def note(self, line: str) -> None:
        """See `Listener`."""
        self.send("note", line)

    def detail(self, line: str) -> None:
        """See `Listener`."""
        self.send("detail", line)

    def hint(self, line: str) -> None:
        """See `Listener`."""
        self.send("hint", line)


class Quietly:
    """Stages whose model is loaded without a word: another worker says what there is to say."""

    def __init__(self, stages: Stages) -> None:
        self.stages = stages

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stages, name)

    def load(self, listener: Listener) -> Any:
        """See `Stages`."""
        return self.stages.load(Silent())


def serve(
    connection: Connection, stages: Stages, gate: Gate | None, threads: int, *, overlap: bool, talks: bool
) -> None:
    """The life of a worker's process: jobs from the pipe, records into it, until there are no more.

    Ctrl-C is the driver's; a terminate signal ends the picture at hand, and so does a driver that is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stopped)
    wire = Wire(connection, talks=talks)
    try:
        _use_threads(threads)
        runner.run(
            wire.jobs(),
            stages if talks else Quietly(stages),
            deliver=wire.outcome,
            begin=wire.begin,
            listener=wire,
            gate=gate,
            overlap=overlap,
        )
    except (KeyboardInterrupt, BrokenPipeError, ConnectionError):
        pass
    except Exception as error:
        with suppress(OSError):
            wire.send("failed", sendable(error))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends anyway
        connection.close()


def _stopped(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _use_threads(threads: int) -> None:
    """For the libraries that look at no environment."""
    import cv2

    cv2.setNumThreads(threads)


def portable(outcome: Outcome) -> Outcome:
    """The same as a value that can be sent."""
    return outcome if outcome.error is None else replace(outcome, error=sendable(outcome.error))


def sendable(error: Exception) -> Exception:
    """An error that another process can read, with the words of its traceback."""
    words = "".join(traceback.format_exception(error)).rstrip()
    try:
        found = pickle.loads(pickle.dumps(error))
    except Exception:
        found = SoftExtendError(f"{type(error).__name__}: {error}")
    found.__notes__ = [f"in a worker:\n{words}"]  # which travels with it, as its traceback does not
    return found if isinstance(found, Exception) else SoftExtendError(str(error))
