"""Which pictures: arguments, folders, globs and lists become paths, each once."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from softextend.errors import BadPicture, BadRequest, SoftExtendError
from softextend.jobs import patterns
from softextend.jobs.job import Job, Outcome
from softextend.jobs.names import Names, absolute
from softextend.pictures import other_formats, stores
from softextend.pictures.address import Address, Place, address, fixed_part, is_address, is_pattern, place
from softextend.pictures.formats import SUFFIXES
from softextend.pictures.other_formats import Kind
from softextend.pictures.stores import is_folder

WRITTEN = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
READ = WRITTEN | {".gif"}  # what a folder or a glob is searched for
ENDINGS = r"-extended(?:-\d+)?|-painted(?:-\d+)?|-canvas|-mask|-raw|-redo|-zoom"  # of results' names
PLAIN = re.compile(r"/?(?:\w[\w. -]*/)*\w[\w. -]*")  # a path that is written as Path would write it; to look is quicker


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What inputs hold: pictures (None: stdin), notes for the user, and what holds none, as failures."""

    sources: Names
    notes: list[str]
    empty: tuple[Outcome, ...]


class Sieve:
    """Which files of a folder are pictures to extend; the others are counted. `results`, `suffix`: see `Search`."""

    def __init__(self, results: Place | None, suffix: str | None) -> None:
        self.results = results and os.fspath(absolute(results))
        own = f"|{re.escape(suffix)}(?:-\\d+)?" if suffix else ""
        self.result = re.compile(f"(?P<stem>.+)(?:{ENDINGS}{own})$", re.DOTALL)
        self.suffixes = READ | other_formats.readable_suffixes()
        self.others: Counter[Kind] = Counter()  # files that nothing here reads
        self.left_out = 0  # earlier results

    def pick(self, folder: str, files: list[str]) -> list[str]:
        """The pictures among a folder's files; those that nothing here reads, and earlier results, are counted."""
        found = []
        for name in files:
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a million names
            if suffix in self.suffixes:
                found.append(name)
            elif suffix in other_formats.OTHERS:
                kind = other_formats.is_left_out(Path(folder, name))
                if kind is None:
                    found.append(name)
                else:
                    self.others[kind] += 1
        return self.fresh(folder, found)

    def fresh(self, folder: str, found: list[str]) -> list[str]:
        """Without the results of earlier runs: NAME-extended.* beside NAME.*, or in the output folder."""
        made = {name: match["stem"] for name in found if (match := self.result.match(_stem(name)))}
        if not made:
            return found
        if not (self.results and absolute(place(folder)).is_relative_to(self.results)):
            stems = {*map(_stem, found)}
            made = {name: stem for name, stem in made.items() if stem in stems}
        self.left_out += len(made)
        return [name for name in found if name not in made]


class Search:
    """Collects what arguments and lists name; `results`: the output folder, in which results are no inputs.

    `suffix`, `recursive`: what else ends the names of results; folders are searched with all folders in them.
    """

    def __init__(self, results: Place | None = None, suffix: str | None = None, *, recursive: bool = False) -> None:
        self.sieve = Sieve(results, suffix)
        self.recursive = recursive
        self.names = Names()
        self.tops: dict[str, Path] = {}  # folders of listed names, by their text
        self.notes: list[str] = []
        self.failed: dict[str | None, Outcome] = {}

    def argument(self, text: str) -> None:
        """A picture, a folder, a glob, or `-`."""
        if text == "-":
            self.names.add(None, Path())
        elif is_address(text):
            self.store(text)
        elif os.path.isdir(text) and self.recursive:  # noqa: PTH112
            self.pattern(os.path.join(text, "**", "*"))  # noqa: PTH118
        elif os.path.isdir(text):  # noqa: PTH112 - names with NUL are for the reader to refuse
            self.folder(text)
        elif patterns.is_pattern(text):
            self.pattern(text)
        else:
            self.names.add(os.fspath(Path(text)), absolute(Path(text).parent))

    def listed(self, text: str) -> None:
        """A path of a list: never a glob; a folder's pictures, but not of `.`, which no list of pictures means."""
        if text.strip("./\\ ") == "":
            said = "a list that names a whole folder so may be damaged; give the folder as an argument if it is meant"
            self.fail(Path(text), BadRequest(f"{text}: {said}"))
        elif is_address(text):
            self.store(text, listed=True)
        elif os.path.isdir(text):  # noqa: PTH112
            self.folder(text)
        else:
            folder = os.path.split(text)[0]  # a million names
            if folder not in self.tops:
                self.tops[folder] = absolute(Path(folder))
            self.names.add(text if PLAIN.fullmatch(text) else os.fspath(Path(text)), self.tops[folder])

    def store(self, text: str, *, listed: bool = False) -> None:
        """A picture, folder or glob in a store; of a list no glob, and a folder only where it ends in /."""
        where = address(text)
        try:
            if not listed and is_pattern(text):
                self.searched(where, stores.matches(where), fixed_part(where), deep="**" in where.path.parts)
            elif text.endswith("/") or (
                not listed and where.suffix.lower() not in self.sieve.suffixes and is_folder(where)
            ):
                found = (where / name for name in stores.listing(where, deep=self.recursive))
                self.searched(where, found, where, deep=self.recursive)
            else:
                self.names.add(text, absolute(where.parent))
        except SoftExtendError as error:
            self.fail(where, error)

    def searched(self, where: Address, found: Iterable[Address], root: Address, *, deep: bool = False) -> None:
        """The pictures among what a store holds in a folder, or what of it matches a glob."""
        folders: dict[str, list[str]] = {}
        for each in found:
            if each.suffix.lower() in self.sieve.suffixes and not each.name.startswith("."):
                folders.setdefault(each.parent.text, []).append(each.name)
        paths = (
            (Address(folder) / name).text
            for folder, names in folders.items()
            for name in self.sieve.fresh(folder, names)
        )
        if not self.take(paths, where, absolute(root), deep=deep):
            self.fail(where, BadRequest(f"{where}: no picture there ({_kinds()})"))

    def folder(self, text: str) -> None:
        """The pictures that lie in a folder."""
        folder = Path(text)
        try:
            files, _ = patterns.listing(text)
        except OSError as error:
            self.fail(folder, BadPicture(f"{folder}: this folder cannot be read ({error.strerror})"))
            return
        found = self.sieve.pick(os.fspath(folder), [name for name in files if not name.startswith(".")])
        paths = (os.fspath(folder / name) for name in found)
        if not self.take(paths, folder, absolute(folder)) and not self.is_told(folder):
            inside = "--recursive searches the folders in it too"
            self.fail(folder, BadRequest(f"{folder}: no picture in this folder ({_kinds()}); {inside}"))

    def pattern(self, pattern: str) -> None:
        """The pictures that a glob matches."""
        where, root = Path(pattern), absolute(patterns.fixed_part(pattern))
        found = self.take(patterns.matches(pattern, self.sieve.pick), where, root, deep=patterns.is_deep(pattern))
        if not found and not self.is_told(where):
            told = "quote the pattern, ** descends into folders"
            self.fail(where, BadRequest(f"{pattern}: no picture matches ({_kinds()}); {told}"))

    def take(self, paths: Iterable[str], where: Place, root: Path, *, deep: bool = False) -> bool:
        """Take what a folder or a glob holds, and tell what of it is left out; whether it has a picture at all."""
        found = False
        for path in paths:
            self.names.add(path, root, deep=deep)
            found = True
        if self.sieve.others:
            told = (f"{count} {kind.name} file(s) left out: {kind.remedy}" for kind, count in self.sieve.others.items())
            self.fail(where, BadPicture(f"{where}: {'; '.join(told)}"))
        if self.sieve.left_out:
            self.notes.append(f"{where}: left out {self.sieve.left_out} earlier result(s), such as NAME-extended.*")
        found = found or self.sieve.left_out > 0
        self.sieve.others, self.sieve.left_out = Counter(), 0
        return found

    def fail(self, source: Place, error: SoftExtendError) -> None:
        """An input that gives no picture, or not all of its pictures."""
        outcome = Outcome(job=Job(source=source, targets=()), target=None, error=error)
        self.failed.setdefault(f"{self.names.keys.of(source)} {error}", outcome)

    def is_told(self, source: Place) -> bool:
        """Whether something has been said of this folder or glob."""
        return any(each.job.source == source for each in self.failed.values())


def gather(
    inputs: Sequence[str],
    listed: Iterable[str] = (),
    *,
    results: Place | None = None,
    suffix: str | None = None,
    recursive: bool = False,
) -> Found:
    """Arguments and listed paths -> pictures in order, each once; earlier results in a folder or glob are left out.

    What is missing stays in, to fail as one picture among many; so does a folder or a glob without pictures.
    BadRequest where there is nothing at all. `results`, `suffix`, `recursive`: see `Search`.
    """
    search = Search(results, suffix, recursive=recursive)
    if "" in inputs:
        raise BadRequest("INPUT: one is empty (an unset variable?): name pictures, folders or globs")
    for text in inputs:
        search.argument(text)
    for text in listed:
        search.listed(text)
    if not search.names:
        nothing = "no input: name pictures, folders, quoted globs, - for stdin, or --files-from FILE"
        errors = [each.error for each in search.failed.values()]
        kind = BadPicture if any(isinstance(error, BadPicture) for error in errors) else BadRequest
        raise kind("; ".join(map(str, errors)) or nothing)
    return Found(sources=search.names, notes=search.notes, empty=tuple(search.failed.values()))


def refuse_missing(inputs: Sequence[str]) -> None:
    """BadPicture where one of these files or folders is not there; globs and stdin may be."""
    gone = [
        text
        for text in inputs
        if text != "-" and not is_address(text) and not glob.has_magic(text) and is_missing(Path(text))
    ]
    if gone:
        others = "; nothing was made" if len(inputs) > 1 else ""
        raise BadPicture(f"{', '.join(gone)}: no such file; check the name and the folder{others}")


def is_missing(path: Place | None) -> bool:
    """Whether nothing is there; what may not be looked at counts as there, and so do stdin and what lies in a store."""
    if path is None or isinstance(path, Address):
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


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 - a million names
