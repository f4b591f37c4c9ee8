"""What one process of a cluster does: the model loaded once, and then picture after picture."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from softextend import __version__
from softextend.errors import BadRequest, SoftExtendError
from softextend.jobs import runner
from softextend.jobs.claims import SAME, Claims
from softextend.jobs.job import Job, Outcome, worker_name
from softextend.jobs.making import PictureStages, load_model
from softextend.jobs.pieces import Kept
from softextend.jobs.task import PictureTask
from softextend.pictures.locks import sweep
from softextend.types import Listener, Model

MADE_BEFORE = "its worker died after making it"
Load = Callable[[PictureTask, Listener], Model]


class Heard(Kept):
    """Keeps what is said, to be told by the process that hands out the work; advice is left to that one."""

    def hint(self, line: str) -> None:
        """See `Listener`."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of one job, and what was said meanwhile: ("note" or "detail", line)."""

    outcomes: list[Outcome]
    said: list[tuple[str, str]] = field(default_factory=list)
    fatal: SoftExtendError | None = None  # why no picture can be made at all, such as a model that cannot be loaded


@dataclass(frozen=True, kw_only=True)
class Loaded(PictureStages):
    """The stages, with a model that stays."""

    with_: Load
    models: list[Model]

    def load(self, listener: Listener) -> Model:
        """See `Stages`."""
        if not self.models:
            self.models.append(self.with_(self.task, listener))
        return self.models[0]


def _begin(name: str, before: int) -> None:
    """See `runner.run`: of one picture there is nothing to tell."""


class Worker:
    """Makes pictures, one at a time, in the folder where the command was given."""

    def __init__(self, task: PictureTask, folder: str, version: str, load: Load = load_model) -> None:
        self.task, self.stages = task, Loaded(task=task, with_=load, models=[])
        self.fatal: SoftExtendError | None = None
        self.name = worker_name()
        if version != __version__:
            self.fatal = BadRequest(f"{self.name}: has softextend {__version__}, not {version}; install the same")
        try:
            os.chdir(folder)
        except OSError as error:
            said = f"{folder}: is not there ({error.strerror}); give paths of a shared disk, or addresses of a store"
            self.fatal = BadRequest(f"{self.name}: {said}")

    def ready(self) -> str:
        """The worker's name, once it runs."""
        return self.name

    def do(self, job: Job, *, again: bool = False) -> Done:
        """One job; `again`: another worker died over it, perhaps after it had written something."""
        if self.fatal is not None:
            return Done(outcomes=[], fatal=self.fatal)
        heard = Heard()
        mode = self.task.skip_existing or (SAME if again and not self.task.overwrite else None)
        gate = Claims(mode=mode, request=self.task.request()) if mode else None
        if again:
            for folder in {path.parent for target in job.targets for path in target.files}:
                if isinstance(folder, Path):
                    sweep(folder)
        try:
            found: list[Outcome] = []
            runner.run([job], self.stages, deliver=found.append, begin=_begin, listener=heard, gate=gate)
        except SoftExtendError as error:  # of the loading; a picture's own is an outcome
            self.fatal = error
            return Done(outcomes=[], fatal=error)
        return Done(outcomes=[self._portable(outcome, again) for outcome in found], said=heard.lines)

    def _portable(self, outcome: Outcome, again: bool) -> Outcome:
        """The outcome with this worker's name, and an error that can go to another process."""
        facts: dict[str, Any] = {**outcome.facts, "worker": self.name}
        error = outcome.error
        if error is not None and not isinstance(error, SoftExtendError):
            try:
                pickle.loads(pickle.dumps(error))
            except Exception:
                error = RuntimeError(f"{type(error).__name__}: {error}")
        skipped = outcome.skipped
        if again and skipped == "exists" and not self.task.skip_existing:
            skipped = MADE_BEFORE
        return replace(outcome, facts=facts, error=error, skipped=skipped)
