"""One picture, the results to make of it, and what became of them."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import Any

from softextend.pictures.address import Place, as_text, is_address

STDIN = "stdin"  # what a picture without a file name is called


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One result to make: where (None: stdout), its format (None: as the path says; PNG on stdout), its seed."""

    path: Place | None
    format: str | None
    seed: int
    extras: tuple[Place, ...] = ()  # files written beside it
    others: tuple[Place, ...] = ()  # where results go that were made and not chosen, by seed from `seed` on

    @property
    def files(self) -> tuple[Place, ...]:
        """All that may be written."""
        return (*((self.path,) if self.path else ()), *self.extras, *self.others)

    @property
    def name(self) -> str:
        """What messages call it."""
        return "stdout" if self.path is None else str(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One picture (None: stdin) and the results to make of it."""

    source: Place | None
    targets: tuple[Target, ...]
    index: int | None = None  # its place among the pictures that were named, from 0; None: it holds no picture

    @property
    def name(self) -> str:
        """What messages call it."""
        return STDIN if self.source is None else str(self.source)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one target, or of a whole job (target None) whose picture could not be read."""

    job: Job
    target: Target | None
    facts: dict[str, Any] = field(default_factory=dict)  # JSON values about a result
    error: Exception | None = None
    data: bytes = b""  # the encoded picture, where it goes to stdout
    skipped: str | None = None  # why it was left out, which is no failure

    @property
    def count(self) -> int:
        """Of how many results it tells; a folder without pictures counts as one."""
        return 1 if self.target else max(1, len(self.job.targets))


def worker_name(process: int | None = None) -> str:
    """HOST:PID of a process of this machine, or of this one."""
    return f"{socket.gethostname()}:{process or os.getpid()}"


class Keys:
    """One name for two spellings of one file; folders are looked up once, so that 100,000 paths cost little."""

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}

    def of(self, path: Place | None) -> str | None:
        """The same for two spellings of one file, links followed; None for stdin."""
        return self.of_text(None if path is None else as_text(path))

    def of_text(self, text: str | None) -> str | None:
        """The same of a path that is written out."""
        if text is None or is_address(text):
            return text
        folder, name = os.path.split(text)
        try:
            if name in ("", ".", "..") or os.path.islink(text):  # noqa: PTH114 - 100,000 paths
                return os.path.normcase(os.path.realpath(text))
            if folder not in self.folders:
                self.folders[folder] = os.path.realpath(folder)
        except ValueError:  # a NUL, which no file name has: reading it will say so
            return text
        return os.path.normcase(os.path.join(self.folders[folder], name))  # noqa: PTH118 - 100,000 paths
