"""What the user reads: talk and progress on stderr, results on stdout, errors as one line and an exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from softextend.commands.blame import blamed
from softextend.commands.options import ReportOptions, ShowOptions
from softextend.commands.progress import Bars, Crowd, Lines, Progress
from softextend.commands.stdout import Stdout, abandon_stdout
from softextend.errors import SoftExtendError
from softextend.finish.measures import seen
from softextend.pictures.memory import ran_out
from softextend.plan.advice import ADVICE
from softextend.text import printable

if TYPE_CHECKING:
    from softextend.jobs.job import Job, Outcome
    from softextend.jobs.tally import Tally
    from softextend.types import Pixels


SIGNALLED = 128  # plus the signal's number, as shells have it
INTERRUPTED = SIGNALLED + 2  # SIGINT
PIPE_CLOSED = SIGNALLED + 13  # SIGPIPE


class Terminated(KeyboardInterrupt):
    """A signal that asks the process to end; `number`: its own."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


ENDLESS = re.compile(r"\S{401,}")  # a value that nobody reads to its end
NO_ROOM = re.compile("(?i)failed to map|cannot allocate|load shared object file|memory")  # what loaders say
QUIET_LIBRARIES = {
    "TRANSFORMERS_VERBOSITY": "critical",
    "DIFFUSERS_VERBOSITY": "critical",
    "HF_HUB_VERBOSITY": "critical",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
    "OPENCV_LOG_LEVEL": "SILENT",
}


class Report(Stdout):
    """The `Listener` of the terminal, and all else that one command prints."""

    def __init__(self, options: ShowOptions) -> None:
        super().__init__(options)
        # not every command has something to be quiet about
        self.quiet = isinstance(options, ReportOptions) and options.quiet
        self.watched = not self.quiet and sys.stderr.isatty()
        self.progress: Progress = Bars() if self.watched else Lines(silent=self.quiet)
        self.done = 0  # results made, left out or failed
        self.total = 1
        self.crowd = Crowd()
        self.advised = False  # once a run is enough

    def note(self, line: str) -> None:
        """One line worth knowing."""
        if ADVICE in line:
            line = line.replace(ADVICE, "") if self.advised else line
            self.advised = True
        if not self.quiet:
            self.progress.log(printable(line))

    def detail(self, line: str) -> None:
        """One line for those who asked for more."""
        if self.options.verbose:
            self.note(line)

    def hint(self, line: str) -> None:
        """One line of advice, for somebody who sits at a terminal: pipelines and logs are spared."""
        if self.watched:
            self.note(line)

    def failed(self, error: BaseException, name: str = "") -> None:
        """One line about an error, `name` being what it happened to; the traceback too with -v."""
        line = one_line(error)
        line += blamed(line)
        if name and not re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w-])", line):
            line = f"{name}: {line}"
        if self.options.verbose:
            self.progress.log("".join(traceback.format_exception(error)).rstrip())
        self.progress.log(printable(f"softextend: {line}"))

    def begin(self, name: str) -> None:
        """The next picture is taken up."""
        self.picture(name, self.done + 1, self.total)

    def picture(self, name: str, number: int, total: int) -> None:
        """See `Listener`."""
        self.progress.picture(printable(name), number, total)

    def step(self, done: int, total: int) -> None:
        """See `Listener`."""
        self.progress.step(done, total)

    def preview(self, look: Callable[[], Pixels]) -> None:
        """See `Listener`; a terminal shows none."""

    def outcome(self, outcome: Outcome) -> None:
        """What became of a picture: its path (or itself) on stdout, or its error on stderr (and as JSON)."""
        self.done += outcome.count
        self.progress.pause()
        place = {} if outcome.job.index is None else {"index": outcome.job.index}
        names = {"input": outcome.job.name, "output": outcome.target and outcome.target.name, **place}
        if outcome.skipped is not None:
            self.detail(f"{names['output']}: skipped ({outcome.skipped})")
            if self.options.json:
                self.print(json.dumps({**names, "skipped": outcome.skipped}))
            return
        if outcome.error is not None:
            if not self.crowd.takes(outcome.error):
                self.failed(outcome.error, outcome.job.name)
            line = one_line(outcome.error)
            if self.options.json:  # there is no output, or one that this run did not make
                self.print(json.dumps({**names, "output": None, "error": f"{line}{blamed(line)}"}))
            return
        facts = outcome.facts
        seconds = f", {facts['seconds']:.1f} s" if "seconds" in facts else ""
        if "frames" in facts:
            seconds = f", {facts['frames']} frames, {facts['seconds']:.1f} s of film"
        size = f"{facts['width']}x{facts['height']}"
        self.note(f"{names['output']}: {size}, seed {facts['seed']}{seconds}{_score(facts)}")
        if self.options.json:
            self.print(json.dumps({**names, **facts}))
        elif outcome.data:
            self.picture_bytes(outcome.data)
        elif outcome.target and outcome.target.path:
            for path in filter(None, (names["output"], facts.get("mask"))):
                self.print(path)

    def plan(self, job: Job, model: str, facts: dict[str, Any], rows: Sequence[tuple[str, str]]) -> None:
        """What would be done with a picture: a table of `rows`, or `facts` as a JSON line."""
        self.close()
        self.done += 1
        outputs = [target.name for target in job.targets]
        said = {"input": job.name, "outputs": outputs, "model": model, "plan": facts}
        self.show(said, [("model", model), *rows, ("result", ", ".join(outputs))], title=job.name)

    def summary(self, tally: Tally, seconds: float) -> None:
        """One line about a batch; nothing about a single picture, of which all has been said."""
        self.close()
        if self.total + tally.skipped > 1 or tally.skipped:
            names = f": {', '.join(tally.failed)}" if tally.failed else ""
            more = f" and {tally.failures - len(tally.failed)} more" if tally.failures > len(tally.failed) else ""
            self.note(f"{_counts(tally)}, {seconds:.1f} s{names}{more}{_scores(tally)}")
        if self.done < self.total:
            self.progress.log(f"softextend: stopped: {self.total - self.done} not made; --skip-existing resumes")

    def stopped(self, error: KeyboardInterrupt, tally: Tally | None = None) -> int:
        """One line about Ctrl-C or another signal; the exit code."""
        self.close()
        done = f": {_counts(tally)}, {self.total - self.done} not made" if tally and self.total > 1 else ""
        number = error.number if isinstance(error, Terminated) else int(signal.SIGINT)
        self.progress.log(f"softextend: {stopped_by(error)}{done}")
        return SIGNALLED + number

    def close(self) -> None:
        """Take the bars away, and say how many errors were not shown."""
        self.progress.close()
        for line in self.crowd.rest():
            self.progress.log(f"softextend: {line}")


def _score(facts: dict[str, Any]) -> str:
    """How well a result joins, in words where badly; nothing where it was not scored."""
    if "score" not in facts:
        return ""
    bad = seen(facts["scores"])
    return f", seam score {facts['score']:.2f} of 1{f': {bad}' if bad else ''}"


def _scores(tally: Tally) -> str:
    """The scores of a batch, with the picture to look at first."""
    if tally.scored < 2:
        return ""
    (lowest, name), (highest, _) = tally.lowest, tally.highest
    shows = f"; a seam shows in {tally.low} of {tally.scored}" if tally.low else ""
    return f"; seam scores {lowest:.2f} ({name}) to {highest:.2f} of 1{shows}"


def _counts(tally: Tally) -> str:
    parts = [(tally.made, "made"), (tally.skipped, "skipped (results exist)"), (tally.failures, "failed")]
    return ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing made"


def _cut(word: re.Match[str]) -> str:
    return f"{word[0][:150]}...{word[0][-50:]}"


def one_line(error: BaseException) -> str:
    """What went wrong, as one line; a fault of the program's own says where to find more."""
    text = ENDLESS.sub(_cut, " ".join(str(error).split()))
    if isinstance(error, SoftExtendError):
        return text
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ImportError | OSError) and NO_ROOM.search(text):
        return "out of memory while the program is loaded; allow it more, such as ulimit -v unlimited"
    if isinstance(error, ImportError):
        return f"{text}: the installation is incomplete; install softextend again"
    if ran_out(error):
        return "out of memory; use a smaller picture or fewer pixels per side"
    return f"{type(error).__name__}: {text} (a fault in softextend; -v shows where)"


def stopped_by(error: BaseException) -> str:
    """`stopped by signal SIGTERM`, `stopped by Ctrl-C`."""
    return f"stopped by {f'signal {signal.Signals(error.number).name}' if isinstance(error, Terminated) else 'Ctrl-C'}"


@contextmanager
def reporting(options: ShowOptions) -> Iterator[Report]:
    """A report for one command: its errors become one line on stderr and the exit code."""
    with warnings.catch_warnings():
        if not options.verbose:
            warnings.simplefilter("ignore")
            for name, value in QUIET_LIBRARIES.items():
                os.environ.setdefault(name, value)
        report = Report(options)
        try:
            yield report
        except KeyboardInterrupt as error:
            raise typer.Exit(report.stopped(error)) from None
        except BrokenPipeError:
            abandon_stdout()
            raise typer.Exit(PIPE_CLOSED) from None
        except typer.Exit:
            raise
        except Exception as error:
            report.close()
            report.failed(error)
            code = error.exit_code if isinstance(error, SoftExtendError) else SoftExtendError.exit_code
            raise typer.Exit(code) from None
        finally:
            report.close()
