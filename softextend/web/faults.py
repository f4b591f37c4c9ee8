"""Errors over HTTP: whatever went wrong, and wherever, the answer is JSON with one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

Failed = Callable[[BaseException, str], None]  # hears of a fault, and of what it happened to
LONGEST_LINE = 600  # characters of an error


def silent(error: BaseException, name: str) -> None:
    """Nobody hears of it."""


def shortened(line: str) -> str:
    """A line that is no longer than anybody reads."""
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..."


def as_json(line: str) -> bytes:
    """An error's body."""
    return json.dumps({"error": line}).encode()


def as_event(line: str) -> bytes:
    """The end of a stream of events that cannot go on."""
    return b"event: error\ndata: " + as_json(line) + b"\n\n"


def line_of(status: int, body: bytes) -> str:
    """The one line of an answer that says no, in whatever form a library has put it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode(errors="replace")
        found = text if "<" not in text else ""  # no page of HTML
    if isinstance(found, dict):
        found = found.get("error") or found.get("detail")
    if isinstance(found, list):
        found = "; ".join(map(_missing, found))
    words = " ".join(str(found or "").split())
    return shortened(words or _phrase(status))


def _missing(part: Any) -> str:
    """What a check of a request's form says: `data: Field required`."""
    if not isinstance(part, dict):
        return str(part)
    place = ".".join(str(each) for each in part.get("loc", ()) if each not in ("body", "query"))
    return f"{place}: {part.get('msg', '')}"


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"
