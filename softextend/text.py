"""Text of any origin made safe to print: names, prompts, recipes and settings may hold what a terminal obeys."""

from __future__ import annotations

import re
from typing import Any

# C0 and C1 control characters, DEL, separators of lines and paragraphs, marks that turn the writing direction, and
# surrogates (bytes of file names that are no text in this system's encoding).
UNSAFE = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]")
NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
RAW_BYTES = range(0xDC80, 0xDD00)  # what `surrogateescape` makes of them


def printable(text: str, stream: Any = None, *, lines: bool = False) -> str:
    """One line that shows on `stream` and does nothing else: what is unsafe or cannot be encoded is escaped.

    Bytes of a file name that are no text stay where programs read them: on a stream that is no terminal and takes
    them. `lines`: line ends and tabs stay, for tracebacks.
    """
    if lines:
        return "\n".join(printable(line, stream).replace("\\t", "\t") for line in text.split("\n"))
    bytes_stay = getattr(stream, "errors", None) == "surrogateescape" and not _is_terminal(stream)
    if text.isascii() and text.isprintable():
        return text
    text = UNSAFE.sub(_escape_all if not bytes_stay else _escape_but_bytes, text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding, "surrogateescape" if bytes_stay else "strict")
    except UnicodeEncodeError:
        return "".join(each if _fits(each, encoding, bytes_stay) else _escaped(each) for each in text)
    return text


def _escape_all(match: re.Match[str]) -> str:
    return _escaped(match[0])


def _escape_but_bytes(match: re.Match[str]) -> str:
    return match[0] if ord(match[0]) in RAW_BYTES else _escaped(match[0])


def _escaped(letter: str) -> str:
    """As Python and JSON both write it; a byte that is no text by its value."""
    number = ord(letter)
    if number in RAW_BYTES:
        return f"\\x{number - 0xDC00:02x}"
    return NAMED.get(letter) or (f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}")


def _fits(letter: str, encoding: str, bytes_stay: bool) -> bool:
    try:
        letter.encode(encoding, "surrogateescape" if bytes_stay else "strict")
    except UnicodeEncodeError:
        return False
    return True


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
