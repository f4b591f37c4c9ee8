"""Which pictures: arguments, folders, globs and lists become paths, each once."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softextend.errors import BadPicture, BadRequest
from softextend.jobs.job import Job, Outcome, _key
from softextend.pictures.formats import SUFFIXES


def recorded(recipe: dict[str, Any], name: str, result: Path) -> str | None:
    """One value of what `redo` needs; BadPicture where the recipe does not say how it was made."""
    try:
        value = recipe["command"][name]
    except (KeyError, TypeError):
        value = 0
    if value is None or isinstance(value, str):
        return value
    raise BadPicture(f"{result}: its recipe does not say how it was made; name a result that softextend wrote")


def found_again(result: Path, recorded: str | None, what: str, remedy: str) -> Path:
    """A file that a recipe names by its way from the result; BadRequest where it is gone."""
    if recorded is None:
        raise BadRequest(f"{result}: its {what} was no file; give it with {remedy}")
    path = result.parent / recorded
    if not path.is_file():
        raise BadRequest(f"{result}: its {what} {path} is not there; give it with {remedy}")
    return path


WRITTEN = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
READ = WRITTEN | {".gif"}  # what a folder or a glob is searched for
RESULT = re.compile(r"(?P<stem>.+)-(?:extended(?:-\d+)?|painted(?:-\d+)?|canvas|mask|raw|redo|zoom)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What inputs hold: pictures (None: stdin), notes for the user, and folders without a picture, as failures."""

    sources: list[Path | None]
    notes: list[str]
    empty: tuple[Outcome, ...]


def gather(inputs: Sequence[str], listed: Sequence[str] = ()) -> Found:
    """Arguments and listed paths -> pictures in order, each once; earlier results in a folder or glob are left out.

    BadPicture for an argument that is not there: a slip, better known before any work. A listed file that is missing
    stays in, to fail as one picture among many; so does a folder without pictures. BadRequest where there is nothing.
    """
    refuse_missing(inputs)
    sources: list[Path | None] = []
    notes: list[str] = []
    empty: dict[str | None, Outcome] = {}
    for text in inputs:
        if text == "-":
            sources.append(None)
        elif Path(text).is_dir():
            sources += _fresh(_in_folder(Path(text), empty), text, notes)
        elif glob.has_magic(text) and not Path(text).exists():
            sources += _fresh(_matching(text), text, notes)
        else:
            sources.append(Path(text))
    for text in listed:
        sources += _fresh(_in_folder(Path(text), empty), text, notes) if Path(text).is_dir() else [Path(text)]
    if not sources:
        nothing = "no input: name pictures, folders, quoted globs, - for stdin, or --files-from FILE"
        raise BadRequest("; ".join(str(each.error) for each in empty.values()) or nothing)
    return Found(sources=_each_once(sources), notes=notes, empty=tuple(empty.values()))


def refuse_missing(inputs: Sequence[str]) -> None:
    """BadPicture where one of these files or folders is not there; globs and stdin may be."""
    gone = [text for text in inputs if text != "-" and not glob.has_magic(text) and _is_missing(Path(text))]
    if gone:
        others = "; nothing was made" if len(inputs) > 1 else ""
        raise BadPicture(f"{', '.join(gone)}: no such file; check the name and the folder{others}")


def _is_missing(path: Path) -> bool:
    """Whether nothing is there; a file that may not be looked at counts as one that is."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def split_list(text: str) -> list[str]:
    """The paths of a `--files-from` list: NUL-separated where it holds a NUL, else one a line; blanks skipped."""
    parts = text.split("\0") if "\0" in text else text.splitlines()
    return [part for part in parts if part.strip()]


def _in_folder(folder: Path, empty: dict[str | None, Outcome]) -> list[Path]:
    """The pictures of a folder; one without any goes to `empty`."""
    found = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and _is_picture(path))
    if not found:
        error = BadRequest(
            f"{folder}: no picture in this folder ({_kinds()}); for folders inside it: '{folder}/**/*.jpg'"
        )
        empty[_key(folder)] = Outcome(job=Job(source=folder, targets=()), target=None, error=error)
    return found


def _matching(pattern: str) -> list[Path]:
    found = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute
    found = [path for path in found if _is_picture(path)]
    if not found:
        raise BadRequest(f"{pattern}: no picture matches ({_kinds()}); quote the pattern, ** descends into folders")
    return found


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in READ and path.is_file()


def _kinds() -> str:
    return " ".join(sorted(suffix[1:] for suffix in READ))


def _fresh(found: list[Path], where: str, notes: list[str]) -> list[Path]:
    """Without the results of earlier runs: NAME-extended.* where NAME.* lies in the same folder."""
    stems = {(path.parent, path.stem) for path in found}
    kept = [path for path in found if not _is_result(path, stems)]
    if len(kept) < len(found):
        notes.append(f"{where}: left out {len(found) - len(kept)} earlier result(s), such as NAME-extended.*")
    return kept


def _is_result(path: Path, stems: set[tuple[Path, str]]) -> bool:
    match = RESULT.match(path.stem)
    return match is not None and (path.parent, match["stem"]) in stems


def _each_once(sources: Iterable[Path | None]) -> list[Path | None]:
    first: dict[str | None, Path | None] = {}
    for source in sources:
        first.setdefault(_key(source), source)
    return list(first.values())
