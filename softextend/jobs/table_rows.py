"""Tables of results: their columns, and lines that are appended whole, by one run after the other or by several."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from softextend.errors import DiskFull, OutputError
from softextend.finish.scores import Scores
from softextend.pictures.files import FULL
from softextend.pictures.locks import waiting_lock

MADE, SKIPPED, FAILED = "made", "skipped", "failed"
PLAIN: dict[str, type] = {  # column -> what it holds, where there is a value
    "input": str,
    "output": str,  # where the result lies, or was to lie
    "state": str,
    "error_kind": str,
    "error": str,  # or why it was skipped
    "width": int,
    "height": int,
    "seed": int,
    "model": str,
    "score": float,
    "seconds": float,
    "worker": str,
    "began": str,  # the run, UTC
    "finished": str,  # the result, UTC
}
SCORES = {f"scores.{each.name}": float for each in fields(Scores)}  # `scores` in JSON
COLUMNS: dict[str, type] = {**PLAIN, **SCORES}
KINDS = (".jsonl", ".csv", ".parquet")


class Rows(Protocol):
    """A table that rows are added to."""

    def add(self, row: dict[str, Any]) -> None:
        """One row, at once on the disk; OutputError where that cannot be."""

    def close(self) -> None:
        """Nothing more comes."""


class LineRows:
    """A file of lines, JSON or CSV; every line is written whole under a lock, after a line end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.csv = path.suffix.lower() == ".csv"

    def add(self, row: dict[str, Any]) -> None:
        """See `Rows`."""
        with appending(self.path):
            if self.csv:
                append(self.path, csv_line([row.get(name) for name in COLUMNS]), header=csv_line(list(COLUMNS)))
            else:
                append(self.path, json_line(row))

    def close(self) -> None:
        """See `Rows`."""


def json_line(row: dict[str, Any]) -> bytes:
    """A row as JSON, its scores as an object of their own."""
    plain = {name: row.get(name) for name in PLAIN}
    scores = {name.partition(".")[2]: row[name] for name in SCORES if row.get(name) is not None}
    return json.dumps({**plain, "scores": scores or None}).encode() + b"\n"


def csv_line(values: list[Any]) -> bytes:
    """Values as one line, whatever line ends they hold; the bytes of names that are no text stay."""
    text = io.StringIO()
    plain = [each.replace("\r", "\\r").replace("\n", "\\n") if isinstance(each, str) else each for each in values]
    csv.writer(text, lineterminator="\n").writerow(plain)
    return text.getvalue().encode("utf-8", "surrogateescape")


def append(path: Path, line: bytes, header: bytes = b"") -> None:
    """A whole line at the end of a file, or none of it; a half line that a killed program left is ended first."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        with waiting_lock(file):
            before = header
            if size := os.fstat(file).st_size:
                os.lseek(file, size - 1, os.SEEK_SET)
                before = b"" if os.read(file, 1) == b"\n" else b"\n"
            write_whole(file, before + line)
    finally:
        os.close(file)


def write_whole(file: int, data: bytes) -> None:
    """All of the data at the end of an open file that nobody else writes meanwhile, or none of it."""
    size = os.fstat(file).st_size
    try:
        while data:
            data = data[os.write(file, data) :]
    except OSError:
        os.ftruncate(file, size)
        raise


@contextmanager
def appending(path: Path) -> Iterator[None]:
    """Any OSError as one that names the table."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in FULL else OutputError
        raise kind(f"--report {path}: cannot be written ({error.strerror}); name another file") from error
