"""Compiled loops are made when they are first needed on a machine, which takes a while: who waits for them is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from softextend.environment import keeps_kernels

_told: list[Callable[[str], None]] = []
_begun: list[bool] = []  # once a process is enough


@contextmanager
def telling(tell: Callable[[str], None]) -> Iterator[None]:
    """Within it, the first loop that is compiled is told of in one line, from whatever thread needs it."""
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)


def begun() -> None:
    """A loop is compiled that no earlier run has left; where none is ever kept, another note says so at each run."""
    if _told and not _begun and keeps_kernels():
        _begun.append(True)
        for tell in _told:
            tell("kernels: compiled for this machine, some 10 s, once: the next run finds them")
