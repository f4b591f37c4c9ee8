"""Which pictures: arguments, folders, globs and lists become paths, each once."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from softextend.errors import BadPicture, BadRequest, SoftExtendError
from softextend.jobs import patterns
from softextend.jobs.job import Job, Keys, Outcome
from softextend.pictures import other_formats
from softextend.pictures.formats import SUFFIXES
from softextend.pictures.other_formats import Kind


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
RESULT = re.compile(r"(?P<stem>.+)-(?:extended(?:-\d+)?|painted(?:-\d+)?|canvas|mask|raw|redo|zoom)$", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What inputs hold: pictures (None: stdin), notes for the user, and what holds none, as failures.

    `roots`: for each picture, the folder where its tree begins; `deep`: the pictures that lie in a searched tree.
    """

    sources: list[Path | None]
    notes: list[str]
    empty: tuple[Outcome, ...]
    roots: Mapping[Path, Path] = field(default_factory=dict)
    deep: frozenset[Path] = frozenset()

    def tree(self, keep: bool | None) -> dict[Path, Path]:
        """For each picture whose folders are mirrored, its folder below the output folder; None: those of `**`."""
        kept = [] if keep is False else [path for path in self.sources if path and (keep or path in self.deep)]
        if not kept:
            return {}
        top = _common(self.roots[path] for path in kept)
        return {path: Path(os.path.relpath(_absolute(path.parent), top)) for path in kept}


class Search:
    """Collects what arguments and lists name; `results`: the output folder, in which results are no inputs."""

    def __init__(self, results: Path | None = None) -> None:
        self.results = results and _absolute(results)
        self.keys = Keys()
        self.sources: list[Path | None] = []
        self.notes: list[str] = []
        self.failed: dict[str | None, Outcome] = {}
        self.roots: dict[Path, Path] = {}
        self.deep: set[Path] = set()

    def argument(self, text: str) -> None:
        """A picture, a folder, a glob, or `-`."""
        if text == "-":
            self.sources.append(None)
        elif os.path.isdir(text):  # noqa: PTH112 - "" and names with NUL are for the reader to refuse
            self.folder(Path(text))
        elif patterns.is_pattern(text):
            self.pattern(text)
        else:
            self.add([Path(text)], Path(text).parent)

    def listed(self, text: str) -> None:
        """A path of a list: never a glob; a folder's pictures, but not of `.`, which no list of pictures means."""
        if text.strip("./\\ ") == "":
            said = "a list that names a whole folder so may be damaged; give the folder as an argument if it is meant"
            self.fail(Path(text), BadRequest(f"{text}: {said}"))
        elif os.path.isdir(text):  # noqa: PTH112
            self.folder(Path(text))
        else:
            self.add([Path(text)], Path(text).parent)

    def folder(self, folder: Path) -> None:
        """The pictures that lie in a folder."""
        try:
            files = sorted(Path(each.path) for each in os.scandir(folder) if not each.name.startswith("."))
        except OSError as error:
            self.fail(folder, BadPicture(f"{folder}: this folder cannot be read ({error.strerror})"))
            return
        found = self.readable(files, folder)
        if not found and not self.is_told(folder):
            inside = f"for folders inside it: '{folder}/**/*.jpg'"
            self.fail(folder, BadRequest(f"{folder}: no picture in this folder ({_kinds()}); {inside}"))
        self.add(self.fresh(found, str(folder)), folder)

    def pattern(self, pattern: str) -> None:
        """The pictures that a glob matches."""
        root = patterns.fixed_part(pattern)
        found = self.readable(patterns.matches(pattern), Path(pattern))
        if not found and not self.is_told(Path(pattern)):
            told = "quote the pattern, ** descends into folders"
            self.fail(Path(pattern), BadRequest(f"{pattern}: no picture matches ({_kinds()}); {told}"))
        fresh = self.fresh(found, pattern)
        if patterns.is_deep(pattern):
            self.deep.update(fresh)
        self.add(fresh, root)

    def add(self, paths: Iterable[Path], root: Path) -> None:
        """Pictures, whose tree begins at `root`."""
        top = _absolute(root)
        for path in paths:
            self.sources.append(path)
            self.roots.setdefault(path, top)

    def fail(self, source: Path, error: SoftExtendError) -> None:
        """An input that gives no picture, or not all of its pictures."""
        outcome = Outcome(job=Job(source=source, targets=()), target=None, error=error)
        self.failed.setdefault(f"{self.keys.of(source)} {error}", outcome)

    def is_told(self, source: Path) -> bool:
        """Whether something has been said of this folder or glob."""
        return any(each.job.source == source for each in self.failed.values())

    def readable(self, files: list[Path], where: Path) -> list[Path]:
        """The pictures among files; those of kinds that nothing here reads are counted and told as one failure."""
        suffixes = READ | other_formats.readable_suffixes()
        others: Counter[Kind] = Counter()
        found = []
        for path in files:
            if path.suffix.lower() in suffixes and path.is_file():
                found.append(path)
            elif path.suffix.lower() in other_formats.OTHERS and path.is_file():
                kind = other_formats.is_left_out(path)
                if kind is None:
                    found.append(path)
                else:
                    others[kind] += 1
        if others:
            said = "; ".join(f"{count} {kind.name} file(s) left out: {kind.remedy}" for kind, count in others.items())
            self.fail(where, BadPicture(f"{where}: {said}"))
        return found

    def fresh(self, found: list[Path], where: str) -> list[Path]:
        """Without the results of earlier runs: NAME-extended.* beside NAME.*, or in the output folder."""
        stems = {(path.parent, path.stem) for path in found}
        kept = [path for path in found if not self.is_result(path, stems)]
        if len(kept) < len(found):
            self.notes.append(f"{where}: left out {len(found) - len(kept)} earlier result(s), such as NAME-extended.*")
        return kept

    def is_result(self, path: Path, stems: set[tuple[Path, str]]) -> bool:
        """Whether a picture's name and place say that an earlier run made it."""
        match = RESULT.match(path.stem)
        if match is None:
            return False
        return (path.parent, match["stem"]) in stems or (
            self.results is not None and _absolute(path).is_relative_to(self.results)
        )


def gather(inputs: Sequence[str], listed: Sequence[str] = (), *, results: Path | None = None) -> Found:
    """Arguments and listed paths -> pictures in order, each once; earlier results in a folder or glob are left out.

    What is missing stays in, to fail as one picture among many; so does a folder or a glob without pictures.
    BadRequest where there is nothing at all. `results`: the output folder.
    """
    search = Search(results)
    for text in inputs:
        search.argument(text)
    for text in listed:
        search.listed(text)
    if not search.sources:
        nothing = "no input: name pictures, folders, quoted globs, - for stdin, or --files-from FILE"
        errors = [each.error for each in search.failed.values()]
        kind = BadPicture if any(isinstance(error, BadPicture) for error in errors) else BadRequest
        raise kind("; ".join(map(str, errors)) or nothing)
    return Found(
        sources=_each_once(search.sources, search.keys),
        notes=search.notes,
        empty=tuple(search.failed.values()),
        roots=search.roots,
        deep=frozenset(search.deep),
    )


def refuse_missing(inputs: Sequence[str]) -> None:
    """BadPicture where one of these files or folders is not there; globs and stdin may be."""
    gone = [text for text in inputs if text != "-" and not glob.has_magic(text) and is_missing(Path(text))]
    if gone:
        others = "; nothing was made" if len(inputs) > 1 else ""
        raise BadPicture(f"{', '.join(gone)}: no such file; check the name and the folder{others}")


def is_missing(path: Path | None) -> bool:
    """Whether nothing is there; a file that may not be looked at counts as one that is, and so does stdin."""
    if path is None:
        return False
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # a NUL in the name: reading says so
        return False
    return False


def _kinds() -> str:
    return " ".join(sorted(suffix[1:] for suffix in READ | other_formats.readable_suffixes()))


def _absolute(path: Path) -> Path:
    """Without `.` and `..`; links stay."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve would follow links


def _common(folders: Iterable[Path]) -> Path:
    """The folder that holds all of these; the root of the first where they lie on several drives."""
    each = list(dict.fromkeys(folders))
    try:
        return Path(os.path.commonpath(each))
    except ValueError:
        return Path(each[0].anchor)


def _each_once(sources: Iterable[Path | None], keys: Keys) -> list[Path | None]:
    first: dict[str | None, Path | None] = {}
    for source in sources:
        first.setdefault(keys.of(source), source)
    return list(first.values())
