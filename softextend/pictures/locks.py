"""Temporary files that tell whether their maker still lives: it holds a lock on them, which ends with the process."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

PREFIX, TEMPORARY, CLAIM = ".softextend-", ".tmp", ".claim"
FRESH = 0.05  # s in which a maker locks what it has just made
STALE = 24 * 3600.0  # s after which a file counts as left over where the disk knows no locks


def temporary_name(folder: Path) -> Path:
    """A name in a folder that nothing has."""
    return folder / f"{PREFIX}{secrets.token_hex(8)}{TEMPORARY}"


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock of a file or folder; False where another holds it. What cannot be locked says True."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        yield True
        return
    try:
        yield _lock(descriptor) is not False
    finally:
        os.close(descriptor)


@contextmanager
def waiting_lock(descriptor: int) -> Iterator[None]:
    """Hold the lock of an open file, waiting for whoever has it; where there are no locks, go on without."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)


def sweep(folder: Path) -> int:
    """Remove what killed runs left in a folder, and nothing that a living one writes; how many there were."""
    gone = 0
    with suppress(OSError):  # what cannot be removed harms nobody
        for each in os.scandir(folder):
            if each.name.startswith(PREFIX) and each.name.endswith((TEMPORARY, CLAIM)):
                gone += _removed(Path(each.path))
    return gone


def _removed(path: Path) -> bool:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            free = _lock(descriptor)
            age = time.time() - path.stat().st_mtime
            if free is False or 0 <= age < (STALE if free is None else FRESH):
                return False
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            return True
        finally:
            os.close(descriptor)
    return False


def _lock(descriptor: int) -> bool | None:
    """Whether the lock was free and is now held; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
