"""The table of `--report`: a row for each result of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from softextend.errors import BadRequest, OutputError
from softextend.jobs.job import Outcome, worker_name
from softextend.jobs.table_parquet import ParquetRows, parquet
from softextend.jobs.table_reading import check_table
from softextend.jobs.table_rows import FAILED, KINDS, MADE, PLAIN, SKIPPED, LineRows, Rows, appending
from softextend.pictures.files import make_folder, refused_folder, standing


def open_rows(path: Path) -> Rows:
    """The table of a name, ready to be added to; BadRequest for a file that is none, OutputError where it cannot be."""
    check_rows(path)
    with appending(path):
        make_folder(path.parent)
        if path.suffix.lower() == ".parquet":
            return ParquetRows(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666))
    return LineRows(path)


def check_rows(path: Path) -> None:
    """Raise as `open_rows` does; nothing is made."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise BadRequest(f"--report {path}: must end in {', '.join(KINDS)}")
    with appending(path):
        if path.is_dir():
            raise BadRequest(f"--report {path}: is a folder; name a file in it, such as {path / 'results.jsonl'}")
        if path.exists():
            check_table(path)
            if not os.access(path, os.W_OK):
                raise OutputError(f"--report {path}: no permission to write into this file; name another")
        elif refused := refused_folder(standing(path.parent)):
            raise type(refused)(f"--report {path}: cannot be written: {refused}")
    if kind == ".parquet":
        parquet()


class Manifest:
    """What one run reports; with no table, nothing."""

    def __init__(self, path: Path | None) -> None:
        self.rows = open_rows(path) if path else None
        self.began = now()
        self.worker = worker_name()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        if self.rows:
            self.rows.close()

    def add(self, outcome: Outcome) -> None:
        """A row for each result that an outcome tells of."""
        if self.rows:
            for row in rows_of(outcome):
                self.rows.add({"worker": self.worker, **row, "began": self.began, "finished": now()})


def rows_of(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """What the table says of an outcome: one row, or one for every result that a picture was to have."""
    facts = {name: outcome.facts[name] for name in PLAIN if outcome.facts.get(name) is not None}
    facts |= {f"scores.{name}": value for name, value in outcome.facts.get("scores", {}).items()}
    said: dict[str, Any] = {"state": MADE}
    if outcome.skipped is not None:
        said = {"state": SKIPPED, "error": outcome.skipped}
    elif outcome.error is not None:
        text = " ".join(str(outcome.error).split())
        said = {"state": FAILED, "error_kind": type(outcome.error).__name__, "error": text}
    for target in (outcome.target,) if outcome.target else outcome.job.targets or (None,):
        named = {"output": target.name, "seed": target.seed} if target else {}
        yield {"input": outcome.job.name, **named, **facts, **said}


def now() -> str:
    """The time, UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
