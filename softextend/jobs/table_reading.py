"""Tables of results read back, and what they say in sum."""

from __future__ import annotations

import csv
import heapq
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from softextend.errors import BadPicture, BadRequest
from softextend.jobs.table_parquet import parquet, parquet_rows, waiting
from softextend.jobs.table_rows import COLUMNS, FAILED, KINDS, MADE, PLAIN, SCORES, SKIPPED

WORST = 10  # results whose paths are shown
BINS = 10  # of the histogram of scores, from 0 to 1
DAMAGED: dict[str, Any] = {}  # in place of a line that is no row


def check_table(path: Path) -> None:
    """BadRequest for a file that is no table of results."""
    if path.suffix.lower() == ".parquet":
        try:
            names = parquet().read_schema(path).names
        except (OSError, ValueError):
            names = []
        if not {*COLUMNS} <= {*names}:
            raise _stranger(path)
    elif path.stat().st_size and next(iter(read_rows(path)), DAMAGED) is DAMAGED and not _is_bare_header(path):
        raise _stranger(path)


def _stranger(path: Path) -> BadRequest:
    return BadRequest(f"{path}: is no report of softextend, or of another version; name another file")


def _is_bare_header(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        return path.suffix.lower() == ".csv" and file.read(2000).rstrip("\n") == ",".join(COLUMNS)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table, one by one; DAMAGED for a line that is none. BadPicture where the file cannot be read."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise BadRequest(f"{path}: a report ends in {', '.join(KINDS)}; name the file that --report wrote")
    if kind == ".parquet":
        if not path.exists() and not waiting(path):
            raise BadPicture(f"{path}: no such file; check the name and the folder")
        yield from parquet_rows(path)
        return
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            yield from _csv_rows(file) if kind == ".csv" else map(_json_row, file)
    except OSError as error:
        raise BadPicture(f"{path}: cannot be read ({error.strerror}); check its name and rights") from error


def _json_row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return DAMAGED
    if not isinstance(row, dict) or row.get("state") not in (MADE, SKIPPED, FAILED):
        return DAMAGED
    scores = row.get("scores")
    found = {f"scores.{name}": value for name, value in scores.items()} if isinstance(scores, dict) else {}
    return _typed({**row, **found})


def _csv_rows(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    names = next(csv.reader([next(lines, "")]), [])
    if not {"input", "state"} <= {*names}:
        yield DAMAGED
        return
    for line in lines:
        try:
            (values,) = csv.reader([line], strict=True)
            row = _typed(dict(zip(names, values, strict=True)))
        except ValueError:
            row = DAMAGED
        except csv.Error:
            row = DAMAGED
        yield row if row.get("state") in (MADE, SKIPPED, FAILED) else DAMAGED


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """The known columns with values of their types; DAMAGED where one is none of them."""
    try:
        return {
            name: None if row.get(name) in (None, "") else kind(row[name])
            for name, kind in (*PLAIN.items(), *SCORES.items())
        }
    except (TypeError, ValueError):
        return DAMAGED


@dataclass(kw_only=True)
class Summary:
    """What a table says in sum; a result that has several rows counts once, by the last that is no skipping."""

    made: int = 0
    skipped: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # by kind
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)
    worst: list[dict[str, Any]] = field(default_factory=list)
    minutes: float = 0.0  # in which runs were at work
    rate: float | None = None  # results a minute
    damaged: int = 0  # lines


def summarise(path: Path) -> Summary:
    """Read a table; a number a result is kept in memory."""
    kinds: list[str] = [SKIPPED]
    results: dict[int, float] = {}  # its score, 2 for none, or -1 - the index of what else became of it
    spans: dict[str, str] = {}  # begin of a run -> its last result
    said = Summary()
    made_rows = 0
    for row in read_rows(path):
        if row is DAMAGED or not row:
            said.damaged += 1
            continue
        key, state = hash((row["input"], row["output"])), row["state"]
        if row["began"] and row["finished"]:
            spans[row["began"]] = max(row["finished"], spans.get(row["began"], ""))
        if state == MADE:
            made_rows += 1
            results[key] = 2.0 if row["score"] is None else row["score"]
        elif state == SKIPPED:
            results.setdefault(key, -1.0)
            if results[key] < -1:
                results[key] = -1.0
        else:
            kind = row["error_kind"] or "unknown"
            if kind not in kinds:
                kinds.append(kind)
            results[key] = -1.0 - kinds.index(kind)
    _count(said, results, kinds)
    said.worst = _worst(path, results)
    said.minutes = _minutes(spans)
    said.rate = made_rows / said.minutes if said.minutes and made_rows else None
    return said


def _count(said: Summary, results: dict[int, float], kinds: list[str]) -> None:
    for value in results.values():
        if value >= 0:
            said.made += 1
            if value <= 1:
                said.histogram[min(BINS - 1, int(value * BINS))] += 1
        elif value == -1:
            said.skipped += 1
        else:
            said.failed[kinds[int(-1 - value)]] += 1


def _worst(path: Path, results: dict[int, float]) -> list[dict[str, Any]]:
    """The results with the lowest scores, lowest first."""
    lowest = heapq.nsmallest(WORST, ((value, key) for key, value in results.items() if 0 <= value <= 1))
    wanted = {key: value for value, key in lowest}
    found: dict[int, dict[str, Any]] = {}
    for row in read_rows(path) if wanted else ():
        key = hash((row["input"], row["output"])) if row else None
        if key in wanted and row["score"] == wanted[key]:
            found[key] = {name: row[name] for name in ("input", "output", "seed", "score")}
    return sorted(found.values(), key=_by_score)


def _by_score(row: dict[str, Any]) -> tuple[float, str]:
    return row["score"], str(row["output"])


def _minutes(spans: dict[str, str]) -> float:
    """How long runs were at work, those that overlap counted once."""
    total, until = 0.0, float("-inf")
    for began, ended in sorted((_seconds(first), _seconds(last)) for first, last in spans.items()):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total / 60


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
