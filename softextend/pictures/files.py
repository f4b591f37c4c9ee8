"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from softextend.errors import AlreadyExists, DiskFull, OutputError
from softextend.pictures import stores
from softextend.pictures.address import Address, Place
from softextend.pictures.locks import locked, temporary_name

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


REFUSED = (errno.ENOENT, errno.EACCES, errno.EPERM)  # as /proc and /sys answer, whoever asks
FULL = (errno.ENOSPC, errno.EDQUOT)


def write_file(target: Place, data: bytes, *, overwrite: bool) -> None:
    """Bytes into a file, as `whole_file` does it; into a named pipe or a device as they are, which stays what it is.

    Into a store by one upload under the name, which is there when it is whole.
    """
    if isinstance(target, Address):
        stores.write_bytes(target, data, overwrite=overwrite)
        return
    if is_stream(target):
        with writing(target), open(target, "wb", buffering=0) as stream:  # noqa: PTH123 - never made, never cut off
            _write_all(stream.fileno(), data)
        return
    with whole_file(target, overwrite=overwrite) as temporary:
        _write_through(temporary, data)


def is_stream(path: Place) -> bool:
    """Whether writing into it replaces nothing: a named pipe or a device such as /dev/null, also through a link."""
    if isinstance(path, Address):
        return False
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def is_device(path: Path) -> bool:
    """Whether reading it may never end: a device, such as /dev/zero or a terminal; a pipe ends with its writer."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def is_socket(path: Path) -> bool:
    """Whether it is a socket, which cannot be opened as a file."""
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def refuse_special(path: Path) -> None:
    """OutputError for what is neither a regular file nor a stream: a socket, a disk's device, a folder."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path}: is a folder; give a file name with -o")
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        what = "a socket" if stat.S_ISSOCK(mode) else "a disk's device"
        raise OutputError(f"{path}: is {what}, into which no picture is written; name a file with -o")


def refuse_name(path: Path) -> None:
    """OutputError where no file of this name can be made whole: it is too long here, or is taken by no regular file."""
    length, longest = len(os.fsencode(path.name)), longest_name(path.parent)
    if length > longest:
        raise too_long(path, length, longest)
    refuse_special(path)
    if is_stream(path):
        raise OutputError(f"{path}: is a pipe or a device, which cannot hold this; name a file with -o")


def too_long(path: Path, length: int, longest: int) -> OutputError:
    """The error for a name of `length` bytes where `longest` are allowed."""
    name = shortened(path)
    return OutputError(f"{name}: the name has {length} bytes, {longest} are allowed here; give a shorter one with -o")


def longest_name(folder: Path) -> int:
    """Bytes that a file name in this folder may have; 255 where the system does not say."""
    try:
        return os.pathconf(standing(folder), "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):
        return 255


def standing(folder: Path) -> Path:
    """The nearest part of a path that exists."""
    return next((path for path in (folder, *folder.parents) if os.path.lexists(path)), Path())


def refused_folder(folder: Path) -> OutputError | None:
    """Why no file can be made in `folder`; None where one can: it is tried, and nothing of it stays."""
    if not folder.is_dir():
        what = "is no folder" if os.path.lexists(folder) else "this folder does not exist"
        return OutputError(f"{folder}: {what}; make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        return OutputError(f"{folder}: no permission to write into this folder; name another with -o or --out-dir")
    try:
        _try(folder)
    except OSError as error:
        kind = DiskFull if error.errno in FULL else OutputError
        why = "the system allows none" if error.errno in REFUSED else error.strerror
        return kind(f"{folder}: no file can be made in this folder ({why}); name another")
    return None


def _try(folder: Path) -> None:
    """OSError where no file can be made: rights do not tell of /proc, nor of read-only disks to their owner."""
    if nameless := getattr(os, "O_TMPFILE", 0):
        try:
            os.close(os.open(folder, nameless | os.O_RDWR, 0o600))
            return
        except OSError:
            pass  # not every disk has files without names
    trial = temporary_name(folder)
    trial.open("xb").close()
    trial.unlink()


def shortened(path: Path) -> str:
    """A path of any length as messages name it."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-20:]}"


@contextmanager
def whole_file(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A new file to write under a temporary name in the same folder, then renamed: never half a file, no other lost.

    OutputError, with the reason, for any OSError, and for what is no regular file: a rename would replace it.
    """
    refuse_special(target)
    if is_stream(target):
        raise OutputError(f"{target}: is a pipe or a device, which cannot hold this; name a file with -o")
    real = Path(os.path.realpath(target))  # a link stays a link
    temporary = temporary_name(real.parent)
    with writing(target):
        if real.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not overwrite and os.path.lexists(real):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        make_folder(real.parent)
        try:
            temporary.open("xb").close()
            with locked(temporary):
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
    """Any OSError as an OutputError that says what `target` ran into; AlreadyExists and DiskFull are such."""
    try:
        yield
    except FileExistsError:
        raise AlreadyExists(f"{target}: exists already; --overwrite replaces it, -o names another") from None
    except OSError as error:
        reason = REASONS.get(error.errno or 0, f"{error.strerror or error}; choose another place with -o or --out-dir")
        kind = DiskFull if error.errno in FULL else OutputError
        raise kind(f"{target}: cannot be written: {reason}") from error


def make_folder(folder: Path) -> None:
    """The folder with its parents; NotADirectoryError where a part of the path is a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


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
