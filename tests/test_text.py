"""What is printed does nothing to a terminal, whatever names and prompts hold."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softextend.text import printable


class Stream(io.StringIO):
    """A stream with an encoding of its own."""

    def __init__(self, encoding: str, errors: str, *, terminal: bool) -> None:
        super().__init__()
        self._facts = (encoding, errors)
        self._terminal = terminal

    @property
    def encoding(self) -> Any:
        return self._facts[0]

    @property
    def errors(self) -> Any:
        return self._facts[1]

    def isatty(self) -> bool:
        return self._terminal


STREAMS = [
    None,
    *(
        Stream(encoding, errors, terminal=terminal)
        for encoding in ("utf-8", "ascii", "latin-1", "cp1252")
        for errors in ("strict", "surrogateescape", "backslashreplace")
        for terminal in (False, True)
    ),
]


@settings(deadline=None)
@given(st.text(st.characters(codec=None, categories=None) | st.sampled_from("\x1b\x07\x9b\r\n\udc1b\udce9\u202e")))
def test_nothing_printed_is_obeyed(text: str) -> None:
    for stream in STREAMS:
        shown = printable(text, stream)
        encoding, errors = (stream.encoding, stream.errors) if stream else ("utf-8", "strict")
        data = shown.encode(encoding, errors if errors == "surrogateescape" else "strict")
        assert not any(byte < 32 or byte == 127 for byte in data)
        assert not any("\x80" <= letter <= "\x9f" or letter in "\u2028\u202e" for letter in shown)
        if stream is None or stream.isatty():
            assert not any("\ud800" <= letter <= "\udfff" for letter in shown)


@pytest.mark.parametrize("text", ["photo.jpg", "日本 é.jpg", "a\\b"])
def test_plain_text_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("caf\udce9", "caf\\xe9"),
        ("\x9b31m", "\\u009b31m"),
    ],
)
def test_what_is_unsafe_is_spelled(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_the_encoding_lacks_is_spelled() -> None:
    ascii_only, latin = Stream("ascii", "strict", terminal=False), Stream("latin-1", "strict", terminal=False)
    assert printable("日é.jpg", ascii_only) == "\\u65e5\\u00e9.jpg"
    assert printable("日é.jpg", latin) == "\\u65e5é.jpg"
    assert printable("\U0001f600", ascii_only) == "\\U0001f600"


def test_bytes_of_names_stay_where_programs_read_them() -> None:
    assert printable("caf\udce9", Stream("utf-8", "surrogateescape", terminal=False)) == "caf\udce9"
    assert printable("caf\udce9", Stream("utf-8", "surrogateescape", terminal=True)) == "caf\\xe9"


def test_lines_of_a_traceback_stay_lines() -> None:
    assert printable("a\n\tb\x1b", lines=True) == "a\n\tb\\u001b"
