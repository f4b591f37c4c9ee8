"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from softextend.errors import OutputError

REASONS = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "your disk quota is used up; free some space or write elsewhere",
    errno.EFBIG: "the file is larger than this disk allows; write elsewhere",
    errno.EACCES: "the folder may not be written to; choose another with -o or --out-dir",
    errno.EPERM: "the folder may not be written to; choose another with -o or --out-dir",
    errno.EROFS: "the disk is read-only; choose another folder with -o or --out-dir",
    errno.ENAMETOOLONG: "the name is too long; give a shorter one with -o",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another with -o or --out-dir",
    errno.EISDIR: "is a folder; give a file name with -o",
}


def write_file(target: Path, data: bytes, *, overwrite: bool) -> None:
    """Bytes into a file, as `whole_file` does it."""
    with whole_file(target, overwrite=overwrite) as temporary:
        _write_through(temporary, data)


@contextmanager
def whole_file(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A new file to write under a temporary name in the same folder, then renamed: never half a file, no other lost.

    OutputError, with the reason, for any OSError.
    """
    real = Path(os.path.realpath(target))  # a link stays a link
    temporary = real.parent / f".softextend-{secrets.token_hex(8)}.tmp"
    with writing(target):
        if real.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not overwrite and os.path.lexists(real):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        make_folder(real.parent)
        try:
            temporary.open("xb").close()
            yield temporary
            _settle(temporary, like=real)
            if overwrite:
                temporary.replace(real)
            else:
                move_to_free_name(temporary, real)
        finally:  # after an error, after Ctrl-C, and the second name after a link
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Any OSError as an OutputError that says what `target` ran into."""
    try:
        yield
    except FileExistsError:
        raise OutputError(f"{target}: exists already; --overwrite replaces it, -o names another") from None
    except OSError as error:
        reason = REASONS.get(error.errno or 0, f"{error.strerror or error}; choose another place with -o or --out-dir")
        raise OutputError(f"{target}: cannot be written: {reason}") from error


def make_folder(folder: Path) -> None:
    """The folder with its parents; NotADirectoryError where a part of the path is a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)


def _settle(path: Path, *, like: Path) -> None:
    """A finished file down to the disk, with the permissions of the one it will replace, if any."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    if like.exists():
        path.chmod(like.stat().st_mode & 0o777)


def move_to_free_name(temporary: Path, target: Path) -> None:
    """Rename that never replaces: FileExistsError where another program was faster."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # no hard links here (exFAT, some network folders): claim the name first
        target.open("xb").close()
        try:
            temporary.replace(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
