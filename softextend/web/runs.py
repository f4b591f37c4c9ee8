"""Runs: one at a time, since one model is in memory; the others wait in line, each can be stopped."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from softextend.commands.report import one_line
from softextend.errors import BadRequest, SoftExtendError
from softextend.interrupt import stopped_by
from softextend.sampling.progress import Silent
from softextend.web.faults import Failed, shortened, silent
from softextend.web.pictures import small_jpeg
from softextend.web.sessions import RESTARTED, Session, new_id

if TYPE_CHECKING:
    from softextend.types import Pixels

MOST_WAITING = 8  # of one session
MOST_IN_LINE = 64  # of all
PREVIEW_SECONDS = 0.7  # between two previews
PREVIEW_SIZE = 512  # px
OVER = ("done", "failed", "cancelled")
PREPARING, PAINTING = "Getting the model and the fill ready", "Painting"
FINISHING = "Decoding, joining and scoring"


class Cancelled(Exception):
    """Raised by the listener to stop a run."""


@dataclass(kw_only=True, eq=False)
class Run:
    """One request from Extend to its results."""

    session: Session
    kind: str  # extend, paint, batch
    work: Callable[[Run, Watcher], None] = field(repr=False)
    id: str = field(default_factory=new_id)
    state: str = "waiting"  # then running, then one of OVER
    done: int = 0  # steps of the picture in work
    total: int = 0
    picture: int = 0  # which of `pictures` is in work, from 1
    pictures: int = 1
    message: str = ""
    error: str = ""
    notes: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)  # of a batch
    settings: dict[str, Any] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    first_step: float = 0.0
    preview: bytes = field(default=b"", repr=False)
    previews: int = 0
    stop: threading.Event = field(default_factory=threading.Event, repr=False)

    def as_dict(self, place: int = 0) -> dict[str, Any]:
        """What the page and programs are told, JSON values; `place`: how many runs are before it."""
        plain = ("id", "kind", "state", "done", "total", "picture", "pictures", "message", "error", "previews")
        facts = {name: getattr(self, name) for name in plain}
        lists = {name: list(getattr(self, name)) for name in ("notes", "results", "items")}
        end = self.ended or time.time()
        seconds = round(end - self.began, 1) if self.began else 0.0
        return {**facts, **lists, "settings": self.settings, "place": place, "seconds": seconds, "left": self.left()}

    def awaited(self) -> str:
        """What a run that shall stop still has to end, in words; nothing of it is longer than a step."""
        if not self.total:
            return "what is being read of the model, or painted of the fill"
        if self.done < self.total:
            return f"step {self.done + 1} of {self.total}"
        return "the picture's decoding, joining and scoring"

    def left(self) -> float | None:
        """Seconds that all of it may still take; None before it can be told."""
        if self.state != "running" or not self.first_step or self.done < 2:
            return None
        each = (time.time() - self.first_step) / (self.done - 1)
        rest = (self.total - self.done) + (self.pictures - self.picture) * self.total
        return round(each * rest, 1)


class Watcher(Silent):
    """The listener of a run: remembers where it is, and raises when it shall stop."""

    def __init__(self, run: Run, loaded: list[str] | None = None) -> None:
        self.run = run
        self.loaded = [] if loaded is None else loaded  # the model in memory
        self.looked = 0.0

    def begin(self, number: int) -> None:
        """Picture `number`, from 1, begins."""
        self.check()
        run = self.run
        run.picture, run.done, run.total, run.first_step = number, 0, 0, 0.0
        run.message = PREPARING

    def using(self, model: str) -> None:
        """The model that the picture is made with: one is in memory, and another goes before it is loaded."""
        if self.loaded != [model]:
            self.run.message = f"Loading {model}{f': {self.loaded[0]} leaves the memory' if self.loaded else ''}"
            self.loaded[:] = [model]

    def check(self) -> None:
        """Cancelled where the run shall stop."""
        if self.run.stop.is_set():
            raise Cancelled

    def step(self, done: int, total: int) -> None:
        """See `Listener`."""
        self.check()
        run = self.run
        run.first_step = run.first_step or time.time()
        run.done, run.total, run.message = done, total, PAINTING if done < total else FINISHING

    def preview(self, look: Callable[[], Pixels]) -> None:
        """See `Listener`."""
        self.check()
        if time.time() - self.looked < PREVIEW_SECONDS:
            return
        self.run.preview = small_jpeg(look(), PREVIEW_SIZE)
        self.run.previews += 1
        self.looked = time.time()

    def note(self, line: str) -> None:
        """See `Listener`."""
        self.check()
        told = self.run.session.told(line)
        self.run.notes.append(told)
        self.run.message = told


class Runner:
    """The line of runs and the thread that works through it."""

    def __init__(self) -> None:
        self.line: deque[Run] = deque()
        self.runs: dict[str, Run] = {}
        self.current: Run | None = None
        self.changed = threading.Condition()
        self.closed = False
        self.loaded: list[str] = []
        self.failed: Failed = silent  # hears of the program's own faults
        self.thread = threading.Thread(target=self._work, name="softextend-runs", daemon=True)
        self.thread.start()

    def submit(self, run: Run) -> Run:
        """Into the line; BadRequest where it is full."""
        with self.changed:
            own = sum(each.session is run.session for each in self.line)
            if own >= MOST_WAITING or len(self.line) >= MOST_IN_LINE:
                raise BadRequest(f"{len(self.line)} runs are waiting, {own} of them yours: wait for one, or cancel it")
            self.runs[run.id] = run
            self.line.append(run)
            self.changed.notify_all()
        self._keep(run)
        return run

    def find(self, session: Session, key: Any) -> Run:
        """One of this session's runs; BadRequest for another's, or none."""
        run = self.runs.get(key) if isinstance(key, str) else None
        if run is None or run.session is not session:
            raise BadRequest("this run is not in this session (any more)")
        return run

    def place(self, run: Run) -> int:
        """How many runs are before it."""
        with self.changed:
            if run not in self.line:
                return 0
            return self.line.index(run) + (self.current is not None)

    def cancel(self, run: Run) -> None:
        """Out of the line, or stopped within its step or its fill."""
        with self.changed:
            run.stop.set()
            run.message = f"Stopping; waits for {run.awaited()}"
            if run in self.line:
                self.line.remove(run)
                run.state, run.ended = "cancelled", time.time()
            self.changed.notify_all()
        self._keep(run)

    def wait(self, run: Run, seconds: float) -> None:
        """Until it is over, or the time is up."""
        with self.changed:
            self.changed.wait_for(lambda: run.state in OVER, timeout=seconds)

    def busy(self) -> frozenset[Session]:
        """Sessions that wait for something."""
        with self.changed:
            return frozenset(each.session for each in (*self.line, *filter(None, [self.current])))

    def close(self) -> None:
        """Stop the run in work, at its next step, and take no other."""
        with self.changed:
            self.closed = True
            if self.current is not None:
                self.current.stop.set()
            self.changed.notify_all()
        self.thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: bool(self.line) or self.closed)
                if self.closed:
                    return
                run = self.current = self.line.popleft()
                run.state, run.began = "running", time.time()
            state, error = self._outcome(run)
            with self.changed:
                run.state, run.error, run.ended, run.message = state, error, time.time(), ""
                run.preview = b""
                self.current = None
                self.changed.notify_all()
            self._keep(run)

    def _outcome(self, run: Run) -> tuple[str, str]:
        """The state at its end and the error's one line; whatever a run raises, the next one goes on."""
        try:
            watcher = Watcher(run, self.loaded)
            with stopped_by(watcher.check):
                run.work(run, watcher)
        except Cancelled:
            return ("failed", RESTARTED) if self.closed else ("cancelled", "")
        except Exception as error:
            if not isinstance(error, SoftExtendError):
                self.failed(error, run.kind)
            return "failed", shortened(run.session.told(one_line(error)))
        return "done", ""

    def _keep(self, run: Run) -> None:
        """What is told of it survives a restart; a session that was cleared meanwhile needs nothing kept."""
        if run.session.folder.is_dir():
            with run.session.lock:
                run.session.runs[run.id] = run.as_dict()
                run.session.save()
