"""What goes to stdout: results, for programs and for people; nothing that can go wrong with it is a traceback."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from softextend.commands.options import ShowOptions
from softextend.errors import OutputError
from softextend.text import printable


class Stdout:
    """Writes as the options say: text, or JSON lines."""

    def __init__(self, options: ShowOptions) -> None:
        self.options = options

    def show(self, facts: dict[str, Any], rows: Sequence[tuple[str, str]], title: str = "") -> None:
        """On stdout: `facts` as one JSON object for a program, or aligned `rows` for people."""
        if self.options.json:
            self.print(json.dumps(facts))
            return
        width = max((len(name) for name, _ in rows), default=0)
        for line in ([title] if title else []) + [f"  {name:<{width}}  {value}".rstrip() for name, value in rows]:
            self.print(line)

    def print(self, line: str) -> None:
        """One line on stdout, at once: whoever reads a pipe need not wait for the batch."""
        if sys.stdout is not None:
            with _writing_stdout():
                print(printable(line, sys.stdout), flush=True)

    def picture_bytes(self, data: bytes) -> None:
        """The encoded picture on stdout; OutputError where stdout cannot take it."""
        if sys.stdout is None:
            raise OutputError("stdout is closed: give -o FILE")
        with _writing_stdout():
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


@contextmanager
def _writing_stdout() -> Iterator[None]:
    """OutputError where stdout cannot be written, except where nobody reads it any more (BrokenPipeError)."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_stdout()
        raise OutputError(f"stdout: cannot be written ({error.strerror}); give -o FILE or --out-dir DIR") from error


def abandon_stdout() -> None:
    """Send what stdout still buffers nowhere, so that Python's own flush at exit does not fail on it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
