"""Stores of files by their address, through fsspec: read, listed and written whole, again where they falter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from softextend.errors import AlreadyExists, BadPicture, BadRequest, MissingFile, OutputError, SoftExtendError
from softextend.pictures.address import Address, without_secrets

Value = TypeVar("Value")
TRIES = 6  # of one request
PAUSE = 0.5  # s before the second try, doubled before each further one
PATIENCE = 60.0  # s after which no further try but the second begins: libraries have tries of their own
NEEDED = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "http": "aiohttp"}
CREDENTIALS = "check the credentials that the store's library finds"
OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": 20, "read_timeout": 120, "retries": {"max_attempts": 3}}}
}
FINAL = (
    FileNotFoundError,
    FileExistsError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
)


def system_of(address: Address) -> tuple[Any, str]:
    """fsspec's file system for an address, and the path in it; BadRequest where the library is missing."""
    try:
        import fsspec.core

        scheme = {"https": "http", "gcs": "gs"}.get(address.scheme, address.scheme)
        options = {"use_listings_cache": False, "skip_instance_cache": False, **OPTIONS.get(scheme, {})}
        fs, path = fsspec.core.url_to_fs(address.text, **options)
        return fs, path
    except ImportError:
        needed = NEEDED.get(address.scheme, "fsspec")
        raise BadRequest(
            f"{address}: {address.scheme}:// needs {needed}, which is not installed: pip install 'softextend[cloud]'"
        ) from None


def read_bytes(address: Address) -> bytes:
    """What lies there; MissingFile or BadPicture with the reason."""
    with _told(address, BadPicture, "cannot be read"):
        fs, path = system_of(address)
        data: bytes = again(lambda: fs.cat_file(path))
    return data


def write_bytes(address: Address, data: bytes, *, overwrite: bool) -> None:
    """All of the data under this name, or nothing; AlreadyExists where that may not be replaced, OutputError."""
    if address.read_only:
        raise OutputError(f"{address}: {address.scheme}:// is read only; give --out-dir DIR or a bucket")
    with _told(address, OutputError, "cannot be written"):
        again(Upload(*system_of(address), data, overwrite=overwrite))


class Upload:
    """An upload that may be tried again: one whose answer was lost has made the file all the same."""

    def __init__(self, fs: Any, path: str, data: bytes, *, overwrite: bool) -> None:
        self.fs, self.path, self.data, self.overwrite = fs, path, data, overwrite
        self.tried = False

    def __call__(self) -> None:
        again, self.tried = self.tried, True
        if self.overwrite:
            self.fs.pipe_file(self.path, self.data)
            return
        try:
            if not again and self.fs.exists(self.path):
                raise AlreadyExists
            self.fs.pipe_file(self.path, self.data, mode="create")  # the store refuses where another was faster
        except FileExistsError:
            if self.fs.cat_file(self.path) != self.data:
                raise


def listing(address: Address, *, deep: bool, missing: bool = False) -> Iterator[str]:
    """The names of the files in a folder, by their way from it, in order; `deep`: in folders inside it too.

    `missing`: a folder that is not there has none; else MissingFile.
    """
    with _told(address, BadPicture, "cannot be listed"):
        fs, path = system_of(address)
        root = path.rstrip("/")
        try:
            if deep:
                found = again(lambda: fs.find(root))
            else:
                each = again(lambda: fs.ls(root, detail=True))
                found = [entry["name"] for entry in each if entry["type"] == "file"]
        except FileNotFoundError:
            if not missing:
                raise
            found = []
    for name in sorted(found):
        way = name.removeprefix(root).lstrip("/")
        if way:
            yield way


def is_folder(address: Address) -> bool:
    """Whether there is a folder of this name, and no file."""
    with _told(address, BadPicture, "cannot be looked at"):
        fs, path = system_of(address)
        return bool(again(lambda: fs.isdir(path)))


def matches(address: Address) -> Iterator[Address]:
    """The files that a glob matches, in order."""
    with _told(address, BadPicture, "cannot be searched"):
        fs, path = system_of(address)
        found = again(lambda: fs.glob(path))
        files = sorted(each for each in found if not each.endswith("/"))
    for name in files:
        yield _like(address, fs.unstrip_protocol(name))


def _like(address: Address, found: str) -> Address:
    """An address that a library found, called as the one that was asked for: abfs:// as az://, with its account."""
    if address.read_only:
        return Address(found)
    bucket, _, rest = found.partition("://")[2].partition("/")
    asked = address.text.partition("://")[2].partition("/")[0]
    if asked.partition("@")[0] == bucket:  # container@account
        bucket = asked
    return Address(f"{address.scheme}://{bucket}/{rest}")


def again(request: Callable[[], Value]) -> Value:
    """What a request gives, at the first try or a later one; what a store refuses for good is not asked again."""
    began = time.monotonic()
    for attempt in range(TRIES):
        try:
            return request()
        except (*FINAL, SoftExtendError, KeyboardInterrupt):
            raise
        except Exception as error:
            late = attempt > 0 and time.monotonic() - began > PATIENCE
            if attempt + 1 == TRIES or late or _refused(error):
                raise
            time.sleep(PAUSE * 2**attempt * random.uniform(0.5, 1.5))
    raise AssertionError("the last try returns or raises")


def _status(error: Exception) -> int:
    """The HTTP status behind a library's error, which each names in its own way; 0: none."""
    holders = (error, getattr(error, "response", None))
    found = (getattr(holder, name, None) for holder in holders for name in ("status", "status_code", "code"))
    return next((each for each in found if isinstance(each, int)), 0)


def _refused(error: Exception) -> bool:
    """Whether a store has understood a request and says no: status 400 to 428, which another try would not change."""
    status = _status(error)
    return 400 <= status < 429 and status != 408


@contextmanager
def _told(address: Address, kind: type[SoftExtendError], what: str) -> Iterator[None]:
    """Errors of the store's library as one line without anything secret, and without theirs behind it."""
    try:
        yield
    except AlreadyExists:
        raise AlreadyExists(f"{address}: exists already; --overwrite replaces it, -o names another") from None
    except SoftExtendError:
        raise
    except FileExistsError:
        raise AlreadyExists(f"{address}: exists already; --overwrite replaces it, -o names another") from None
    except Exception as error:
        raise _in_words(address, error, kind, what) from None


def _in_words(address: Address, error: Exception, kind: type[SoftExtendError], what: str) -> SoftExtendError:
    """One line on a library's error."""
    reading, status = kind is BadPicture, _status(error)
    if isinstance(error, FileNotFoundError) or status == 404:
        said = "no such file; check the name and the folder" if reading else "no such bucket; check its name"
        return (MissingFile if reading else kind)(f"{address}: {said}")
    if isinstance(error, PermissionError) or status in (401, 403):
        return kind(f"{address}: {what}: no permission; {CREDENTIALS}")
    said = " ".join(without_secrets(str(error)).split("\n")[0].split())[:200]
    remedy = f"; {CREDENTIALS}" if "credential" in said.lower() else ""
    return kind(f"{address}: {what} ({type(error).__name__}{': ' if said else ''}{said}){remedy}")
