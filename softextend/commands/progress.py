"""How far a batch has come, as lines or as live bars on stderr; and errors in such numbers that ten tell enough."""

from __future__ import annotations

import sys
import time
from typing import ClassVar, Protocol

from softextend.errors import AlreadyExists, MissingFile, SoftExtendError
from softextend.text import printable

SHOWN = 10  # of many alike: errors of one kind, names in the summary
PATIENCE = 10.0  # s between two lines about one picture where stderr is no terminal


class Progress(Protocol):
    """How far a batch has come, as somebody watches it."""

    def picture(self, name: str, number: int, total: int) -> None:
        """Picture `number` (from 1) of `total` begins."""

    def step(self, done: int, total: int) -> None:
        """A step of the current picture is done."""

    def log(self, line: str) -> None:
        """A line of its own on stderr."""

    def pause(self) -> None:
        """Leave the terminal to a line on stdout."""

    def close(self) -> None:
        """Nothing more comes."""


class Lines:
    """Plain lines on stderr; with `silent`, only those that `log` is given."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.name, self.first = "", 0
        self.began = self.spoke = 0.0

    def picture(self, name: str, number: int, total: int) -> None:
        """See `Progress`."""
        self.name, self.first = name, 0
        if not self.silent and total > 1:
            self.log(f"{number}/{total} {name}")

    def step(self, done: int, total: int) -> None:
        """See `Progress`; a line every `PATIENCE` seconds. Another seed of the picture begins its steps anew."""
        now = time.monotonic()
        if not self.first or done <= self.first:
            self.first, self.began, self.spoke = done, now, now
        elif not self.silent and done < total and now - self.spoke >= PATIENCE:
            self.spoke = now
            left = (now - self.began) / (done - self.first) * (total - done)
            self.log(f"{self.name}: step {done} of {total}, about {left:.0f} s left")

    def log(self, line: str) -> None:
        """See `Progress`; a log on a full disk does not stop the work."""
        try:
            print(printable(line, sys.stderr, lines=True), file=sys.stderr, flush=True)
        except BrokenPipeError:
            raise
        except OSError:
            pass  # there is nowhere to log it

    def pause(self) -> None:
        """See `Progress`."""

    def close(self) -> None:
        """See `Progress`."""


class Bars:
    """Live bars in a terminal: pictures (when several), steps, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self.console = Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self.live = RichProgress(
            *columns,
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,  # results on stdout must stay there
            redirect_stderr=False,
        )
        self.pictures = self.live.add_task("pictures", total=None, visible=False)
        self.steps = self.live.add_task("", total=None, visible=False)

    def picture(self, name: str, number: int, total: int) -> None:
        """See `Progress`."""
        self.live.update(self.pictures, completed=number - 1, total=total, visible=total > 1)
        self.live.remove_task(self.steps)  # with its estimate of the time left
        self.steps = self.live.add_task(printable(name, sys.stderr), total=None)
        self.live.start()

    def step(self, done: int, total: int) -> None:
        """See `Progress`."""
        self.live.update(self.steps, completed=done, total=total)

    def log(self, line: str) -> None:
        """See `Progress`."""
        self.console.print(printable(line, sys.stderr, lines=True), markup=False, highlight=False, soft_wrap=True)

    def pause(self) -> None:
        """See `Progress`; the next picture starts the bars again."""
        self.live.stop()

    def close(self) -> None:
        """See `Progress`."""
        self.live.stop()


class Crowd:
    """Errors of one kind in such numbers that the first ten tell enough: names that are not there, names taken."""

    KINDS: ClassVar = {MissingFile: "such files that are not there", AlreadyExists: "results that exist already"}

    def __init__(self) -> None:
        self.counts: dict[type[SoftExtendError], int] = {}

    def takes(self, error: BaseException) -> bool:
        """Count an error; True where enough of its kind have been shown."""
        kind = next((each for each in self.KINDS if isinstance(error, each)), None)
        if kind is None:
            return False
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return self.counts[kind] > SHOWN

    def rest(self) -> list[str]:
        """How many were not shown, by kind, once."""
        counts, self.counts = self.counts, {}
        return [f"{count - SHOWN} more {self.KINDS[kind]}" for kind, count in counts.items() if count > SHOWN]
