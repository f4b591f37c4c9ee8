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
from softextend.web.form import PICTURES
from softextend.web.routes import state, told
from softextend.web.runs import OVER, Run
from softextend.web.sessions import GIB, Session, changed, folder_size, new_token
from softextend.web.studio import Studio

KEPT_SECONDS = 3600  # of uploads and results after they came
CUT_SECONDS = 60  # after which a file that is no whole upload is none any more
KEPT_BYTES = 2 * GIB  # of all of them; the oldest go first
TOLD_SECONDS = 0.5  # between two words on progress


class Programs:
    """The functions that programs call; each call of `extend` and `paint` has a session of its own."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def extend(self, photo: FileData, settings: dict) -> Iterator[tuple[Any, dict]]:  # type: ignore[type-arg]
        """Extend a photo: the result's file and what is known of it; while it runs, nothing and the run's state."""
        with _errors():
            session, key = self._opened(photo)
            run = self.studio.orders.extend(session, key, self._with_pictures(session, settings))
        yield from self._followed(session, run)

    def paint(self, photo: FileData, mask: FileData, settings: dict) -> Iterator[tuple[Any, dict]]:  # type: ignore[type-arg]
        """Repaint a picture where the mask is white; answers as `extend`."""
        with _errors():
            session, key = self._opened(photo)
            given = self._with_pictures(session, settings)
            run = self.studio.orders.paint(session, key, self._uploaded(mask).read_bytes(), given)
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
        tidy()
        session = self.studio.sessions.of(new_token())
        return session, self._added(session, photo)

    def _with_pictures(self, session: Session, settings: Any) -> Any:
        """Settings whose image prompt and control image, uploaded files, are pictures of the session."""
        if not isinstance(settings, dict):
            return settings
        given = {name: settings[name] for name in PICTURES if isinstance(settings.get(name), dict)}
        return {**settings, **{name: self._added(session, each) for name, each in given.items()}}

    def _added(self, session: Session, given: Any) -> str:
        """An uploaded file as a picture of the session; its id."""
        path = self._uploaded(given)
        return self.studio.add_photo(session, path.name, path.read_bytes()).id

    def _uploaded(self, given: Any) -> Path:
        """Where an uploaded file lies; BadRequest for any other file, and for one that is too large."""
        path = uploaded(given.get("path") if isinstance(given, dict) else getattr(given, "path", given))
        if path.stat().st_size > self.studio.max_upload:
            raise BadRequest(f"{path.name}: is larger than {self.studio.max_upload / 2**20:g} MiB")
        return path

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


def tidy() -> None:
    """Uploads and results of programs away after an hour, or where all together are too large."""
    home, room = Path(get_upload_folder()), KEPT_BYTES
    found = [(changed(each), each) for each in home.iterdir()] if home.is_dir() else []
    for when, each in sorted(found, reverse=True):
        room -= folder_size(each)  # of a file 0: what is no whole upload goes soon anyway
        if room < 0 or time.time() - when > (KEPT_SECONDS if each.is_dir() else CUT_SECONDS):
            downloads.remove(each)


def uploaded(given: Any) -> Path:
    """The path of an uploaded file; BadRequest for any other, and for an address: the server fetches nothing."""
    path = Path(str(given)).resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise BadRequest(f"{path.name[:80]}: is no uploaded file: upload it, as handle_file of gradio_client does")
    return path


def _check_count(function: Any, inputs: list[Any]) -> None:
    """In place of Gradio's own check, which answers with addresses in memory."""
    if len(inputs) != len(function.inputs):
        line = f"{function.api_name}: takes {len(function.inputs)} values, not {len(inputs)}; docs/ui.md lists them"
        raise gr.Error(line, print_exception=False)


async def _in_place(given: Any) -> str:
    """In place of Gradio's own way with files in a call, which would copy them, or fetch them from an address."""
    with _errors():
        return str(uploaded(given))


def blocks(studio: Studio) -> Any:
    """Gradio's side: functions without a page of theirs. Runs wait in the studio's line, not in Gradio's."""
    programs = Programs(studio)
    with gr.Blocks(title="softextend", analytics_enabled=False, delete_cache=(600, 3600)) as made:
        for function in (programs.extend, programs.paint, programs.fills, programs.models, programs.status):
            gr.api(function, api_name=function.__name__, concurrency_limit=None)
        gr.api(programs.cancel, api_name="cancel", concurrency_limit=None)
    for each in made.blocks.values():
        each.async_move_resource_to_block_cache = _in_place
    made.validate_inputs = _check_count
    return made
