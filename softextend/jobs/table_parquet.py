"""A table as Parquet, which cannot be appended to: rows wait in a journal beside it until their run has ended.

A journal is locked by its run. Whoever ends adds its own and those of killed runs to the table; the table names the
journals that were added last, so that one which is still there after a crash is not added twice.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from softextend.errors import BadRequest, OutputError
from softextend.jobs.table_rows import COLUMNS, appending, write_whole
from softextend.pictures.files import whole_file
from softextend.pictures.locks import locked, waiting_lock

ADDED = b"softextend.journals"
AT_ONCE = 65_536  # rows


class ParquetRows:
    """See `Rows`."""

    def __init__(self, path: Path) -> None:
        parquet()
        self.path = path
        self.journal = path.with_name(f".{path.name}-{secrets.token_hex(8)}.rows")
        self.held = ExitStack()
        self.file = self.held.enter_context(self.journal.open("ab", buffering=0)).fileno()
        self.held.enter_context(locked(self.journal))

    def add(self, row: dict[str, Any]) -> None:
        """See `Rows`."""
        with appending(self.path):
            write_whole(self.file, json.dumps(row).encode() + b"\n")

    def close(self) -> None:
        """See `Rows`."""
        self.held.close()
        with appending(self.path), alone(self.path):
            join(self.path, journals(self.path))


def parquet() -> Any:
    """pyarrow's reader and writer; BadRequest where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise BadRequest(
            "a table in .parquet needs pyarrow: pip install 'softextend[parquet]', or use .jsonl"
        ) from None
    return pyarrow.parquet


def schema() -> Any:
    """The table's columns."""
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    return pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """No other run changes the table meanwhile."""
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("ab") as file, waiting_lock(file.fileno()):
        yield


def journals(path: Path) -> list[Path]:
    """The journals beside a table, those of killed runs among them."""
    return sorted(each for each in path.parent.glob(".*.rows") if each.name.startswith(f".{path.name}-"))


def waiting(path: Path) -> list[Path]:
    """The journals whose rows are not in the table yet."""
    known = added(path)
    return [each for each in journals(path) if each.name not in known]


def added(path: Path) -> list[str]:
    """The journals that were added to a table last."""
    if not path.exists():
        return []
    said = (parquet().read_schema(path).metadata or {}).get(ADDED, b"[]")
    return [str(each) for each in json.loads(said)]


def join(path: Path, found: Sequence[Path]) -> None:
    """Add the journals that no living run holds, and remove them."""
    pq, known = parquet(), added(path)
    with ExitStack() as held:
        free = [each for each in found if held.enter_context(locked(each))]
        new = [each for each in free if each.name not in known]
        if any(each.stat().st_size for each in new):
            named = schema().with_metadata({ADDED: json.dumps([each.name for each in new])})
            with whole_file(path, overwrite=True) as temporary, pq.ParquetWriter(temporary, named) as writer:
                for batch in batches(path, new):
                    writer.write_batch(batch)
        for each in free:
            each.unlink(missing_ok=True)


def batches(path: Path, found: Sequence[Path]) -> Iterator[Any]:
    """The table's rows and then those of journals."""
    import pyarrow as pa

    if path.exists():
        with parquet().ParquetFile(path) as table:
            for batch in table.iter_batches(AT_ONCE):
                yield pa.RecordBatch.from_arrays([batch.column(name) for name in COLUMNS], schema=schema())
    for journal in found:
        rows = list(journal_rows(journal))
        for first in range(0, len(rows), AT_ONCE):
            yield pa.RecordBatch.from_pylist([clean(row) for row in rows[first : first + AT_ONCE]], schema=schema())


def clean(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose texts are text: bytes of names that are none are escaped."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in row.items()
    }


def journal_rows(journal: Path) -> Iterator[dict[str, Any]]:
    """The whole rows of a journal."""
    with journal.open("rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue  # a run that was killed while it wrote


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every row of a table and of the journals beside it; OutputError where it is none."""
    pq = parquet()
    try:
        if path.exists():
            with pq.ParquetFile(path) as table:
                for batch in table.iter_batches(AT_ONCE):
                    yield from batch.to_pylist()
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be read as Parquet ({error}); name another file") from error
    for journal in waiting(path):
        yield from journal_rows(journal)
