"""Globs, in which a part of the path that exists as it stands is taken as it stands: '[2024] trip/*.jpg'."""

from __future__ import annotations

import fnmatch
import glob
import heapq
import os
import re
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from pathlib import Path


def is_pattern(text: str) -> bool:
    """Whether an argument is to be searched for: it has a wildcard and is no name that exists."""
    return glob.has_magic(text) and not os.path.lexists(text)


def is_deep(text: str) -> bool:
    """Whether a pattern descends into folders."""
    return "**" in Path(text).parts


Pick = Callable[[str, list[str]], Iterable[str]]  # the folder and the names of files in it -> those to take


def matches(pattern: str, pick: Pick = lambda _, names: names) -> Iterator[str]:
    """The files that match, in order, each once, as they are found; hidden names only where the pattern names them.

    `pick` says for each folder which of its files are taken.
    """
    parts = Path(pattern).parts
    return _walk("", _ahead({0}, parts), parts, pick)


def listing(folder: str) -> tuple[list[str], list[str]]:
    """The names of the files and of the folders in a folder, in order; OSError where it cannot be read."""
    files, folders = [], []
    with os.scandir(folder or ".") as entries:
        for entry in entries:
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.is_file():
                files.append(entry.name)
    return sorted(files), sorted(folders)


def fixed_part(pattern: str) -> Path:
    """The folder that a pattern begins with, as far as it has no wildcard: a/b of a/b/*/c*.jpg."""
    fixed = Path()
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part) and not os.path.lexists(fixed / part):
            break
        fixed /= part
    return fixed


def _ahead(places: Iterable[int], parts: tuple[str, ...]) -> frozenset[int]:
    """Places in a pattern, with those behind each `**`, which may stand for no folder at all."""
    found = set(places)
    for place in sorted(found):
        while parts[place] == "**" and place + 1 < len(parts):
            place += 1
            found.add(place)
    return frozenset(found)


def _walk(base: str, places: frozenset[int], parts: tuple[str, ...], pick: Pick) -> Iterator[str]:
    """The files below the folder `base`, for which the pattern goes on at any of these places."""
    if len(places) == 1 and not glob.has_magic(parts[(place := min(places))]):
        here = os.path.join(base, parts[place])  # noqa: PTH118 - strings, for a million paths
        if place + 1 < len(parts):
            yield from _walk(here, _ahead({place + 1}, parts), parts, pick)
        elif os.path.isfile(here):  # noqa: PTH113
            yield from (os.path.join(base, name) for name in pick(base, [parts[place]]))  # noqa: PTH118
        return
    try:
        files, folders = listing(base)
    except OSError:
        return
    level = _Level(places, parts, {*files, *folders} if any(map(glob.has_magic, parts)) else set())
    nothing: frozenset[int] = frozenset()
    taken = ((name, nothing) for name in pick(base, [name for name in files if level.ends(name)]))
    deeper = ((name, on) for name in folders if (on := level.goes_on(name)) and not _circles(base, name))
    for name, on in heapq.merge(taken, deeper, key=itemgetter(0)):
        path = os.path.join(base, name)  # noqa: PTH118
        if on:
            yield from _walk(path, on, parts, pick)
        else:
            yield path


class _Level:
    """What the parts of a pattern that come next say of the names in one folder."""

    def __init__(self, places: frozenset[int], parts: tuple[str, ...], names: set[str]) -> None:
        self.parts = parts
        self.tests = [(place, _test(parts[place], names)) for place in sorted(places)]

    def ends(self, name: str) -> bool:
        """Whether a file of this name is meant."""
        return any(place + 1 == len(self.parts) and test(name) for place, test in self.tests)

    def goes_on(self, name: str) -> frozenset[int]:
        """The places at which the pattern goes on in a folder of this name."""
        on = set()
        for place, test in self.tests:
            if test(name) and self.parts[place] == "**":
                on.add(place)
            elif place + 1 < len(self.parts) and test(name):
                on.add(place + 1)
        return _ahead(on, self.parts)


def _test(part: str, names: set[str]) -> Callable[[str], object]:
    """Whether a name fits a part of a pattern; a part that exists as it stands is meant as it stands."""
    if part in names or not glob.has_magic(part):
        return part.__eq__
    fits = re.compile(fnmatch.translate(os.path.normcase(part if part != "**" else "*"))).match
    hidden = part.startswith(".")
    return lambda name: (hidden or not name.startswith(".")) and fits(os.path.normcase(name))


def _circles(base: str, name: str) -> bool:
    """Whether a folder is a link to one that it lies in."""
    path = os.path.join(base, name)  # noqa: PTH118
    if not os.path.islink(path):  # noqa: PTH114
        return False
    target, home = os.path.realpath(path), os.path.realpath(base)
    return home == target or home.startswith(target.rstrip(os.sep) + os.sep)
