"""The same for programs, by Gradio's protocol: `gradio_client` finds these functions by name and streams progress."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported; nothing is told to anybody

import gradio as gr
from gradio.data_classes import FileData
from gradio.utils import get_upload_folder

from softextend.errors import BadRequest, SoftExtendError
from softextend.web import downloads, form
from softextend.web.routes import state, told
from softextend.web.runs import OVER, Run
from softextend.web.sessions import Session, new_token
from softextend.web.studio import Studio

KEPT_SECONDS = 3600  # of uploads and results after they came
TOLD_SECONDS = 0.5  # between two words on progress


class Programs:
    """The functions that programs call; each call of `extend` and `paint` has a session of its own."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def extend(self, photo: FileData, settings: dict) -> Iterator[tuple[Any, dict]]:  # type: ignore[type-arg]
        """Extend a photo: the result's file and what is known of it; while it runs, nothing and the run's state."""
        with _errors():
            session, key = self._opened(photo)
            run = self.studio.orders.extend(session, key, settings)
        yield from self._followed(session, run)

    def paint(self, photo: FileData, mask: FileData, settings: dict) -> Iterator[tuple[Any, dict]]:  # type: ignore[type-arg]
        """Repaint a picture where the mask is white; answers as `extend`."""
        with _errors():
            session, key = self._opened(photo)
            run = self.studio.orders.paint(session, key, _path(mask).read_bytes(), settings)
        yield from self._followed(session, run)

    def fills(self) -> list:  # type: ignore[type-arg]
        """Every fill with its parameters."""
        return form.describe_fills()

    def models(self) -> list:  # type: ignore[type-arg]
        """Every model that is here."""
        return form.describe_models()

    def status(self, run: str = "") -> dict:  # type: ignore[type-arg]
        """What the server does; of a run, by its id, where it is."""
        return told(self.studio, self._run(run)) if run else state(self.studio)

    def cancel(self, run: str) -> dict:  # type: ignore[type-arg]
        """Stop a run within a step."""
        found = self._run(run)
        self.studio.runner.cancel(found)
        return told(self.studio, found)

    def _run(self, key: str) -> Run:
        with _errors():
            found = self.studio.runner.runs.get(key)
            if found is None:
                raise BadRequest("there is no such run (any more)")
        return found

    def _opened(self, photo: FileData) -> tuple[Session, str]:
        """A session of its own with the photo in it."""
        _tidy()
        session, path = self.studio.sessions.of(new_token()), _path(photo)
        if path.stat().st_size > self.studio.max_upload:
            raise BadRequest(f"{path.name}: is larger than {self.studio.max_upload / 2**20:g} MiB")
        return session, self.studio.add_photo(session, path.name, path.read_bytes()).id

    def _followed(self, session: Session, run: Run) -> Iterator[tuple[Any, dict]]:  # type: ignore[type-arg]
        """Progress, then the results; whoever goes away stops the run."""
        try:
            while run.state not in OVER:
                yield None, told(self.studio, run)
                self.studio.runner.wait(run, TOLD_SECONDS)
        finally:
            self.studio.runner.cancel(run)
        if run.state != "done":
            session.clear()
            raise gr.Error(run.error or "the run was cancelled", print_exception=False)
        for key in run.results:
            facts = {**told(self.studio, run), "result": _facts(session, key)}
            yield FileData(path=str(_handed_over(session.path(session.node(key))))), facts
        session.clear()


def _facts(session: Session, key: str) -> dict[str, Any]:
    node = session.node(key)
    names = ("file", "width", "height", "seed", "scores", "verdict", "notes", "seconds")
    return {**{name: getattr(node, name) for name in names}, "commands": downloads.commands(session, node)}


class _errors:
    """Turns this package's errors into Gradio's, with the same one line."""

    def __enter__(self) -> None:
        """Nothing to begin."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Raises gr.Error for a SoftExtendError."""
        if isinstance(error, SoftExtendError):
            raise gr.Error(str(error), print_exception=False) from error


def _handed_over(path: Path) -> Path:
    """A copy where Gradio's server may send it from, under a folder that cannot be guessed."""
    folder = Path(get_upload_folder()) / new_token()
    folder.mkdir(parents=True)
    return Path(shutil.copy(path, folder / path.name))


def _tidy() -> None:
    """Uploads and results of programs away after an hour."""
    home = Path(get_upload_folder())
    for each in home.iterdir() if home.is_dir() else ():
        if time.time() - each.stat().st_mtime > KEPT_SECONDS:
            downloads.remove(each)


def _path(given: Any) -> Path:
    """Where an uploaded file lies; Gradio has checked that it is one."""
    path = given["path"] if isinstance(given, dict) else given.path
    return Path(path)


def blocks(studio: Studio) -> Any:
    """Gradio's side: functions without a page of theirs. Runs wait in the studio's line, not in Gradio's."""
    programs = Programs(studio)
    with gr.Blocks(title="softextend", analytics_enabled=False, delete_cache=(600, 3600)) as made:
        for function in (programs.extend, programs.paint, programs.fills, programs.models, programs.status):
            gr.api(function, api_name=function.__name__, concurrency_limit=None)
        gr.api(programs.cancel, api_name="cancel", concurrency_limit=None)
    return made
