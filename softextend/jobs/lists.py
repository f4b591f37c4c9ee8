"""Lists of paths for `--files-from`, as shells, PowerShell, Notepad and `find -print0` write them."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from softextend.errors import BadRequest
from softextend.pictures.files import is_device

# Byte order marks; UTF-32's little-endian one begins with UTF-16's, so it comes first.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What files begin with that are no lists: pictures, archives, documents, programs.
MAGIC = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|RIFF....W|BM....\0\0\0\0|....ftyp|\xff\x0a|\0\0\0\x0cJXL |8BPS|%PDF-"
    rb"|PK\x03\x04|\x1f\x8b\x08|7z\xbc\xaf|\x7fELF|\xcf\xfa\xed\xfe|MZ[\x80-\xff]\0|SQLite format 3",
    re.DOTALL,
)
CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # without tab, line ends, form feed, escape
MOST_CONTROLS = 0.04  # of all bytes; compressed data have 0.1, a list of strange names less than this
WIDE = 0.3  # share of zero bytes from which text of two bytes a letter is the likelier reading
LOOKED_AT = 65_536  # bytes that decide what a list is


def read_list(name: str) -> Iterator[str]:
    """The paths that a file (or `-`, stdin) lists; BadRequest where it cannot be read, is no text or lists nothing."""
    if name == "-":
        if sys.stdin is None or sys.stdin.isatty():
            what = "is closed" if sys.stdin is None else "is a terminal"
            raise BadRequest(f"--files-from -: stdin {what}; pipe a list into it, or name a file")
        data = sys.stdin.buffer.read()
    else:
        if is_device(Path(name)):
            raise BadRequest(f"--files-from {name}: is a device, not a list; name a file, or pipe a list into -")
        try:
            data = Path(name).read_bytes()
        except OSError as error:
            raise BadRequest(
                f"--files-from {name}: cannot be read ({error.strerror}); check its name and rights"
            ) from error
    paths = split_list(decode_list(data, name))
    del data  # of a million names it is large
    first = next(paths, None)
    if first is None:
        raise BadRequest(f"--files-from {name}: the list is empty; write one path a line")
    return chain([first], paths)


def decode_list(data: bytes, name: str) -> str:
    """A list's bytes -> text by its byte order mark or its zero bytes, else as this system writes file names.

    BadRequest for what is no text, such as a picture.
    """
    encoding = _marked(data) or _unmarked_wide(data)
    if encoding is None:
        _refuse_binary(data, name)
        return data.decode(sys.getfilesystemencoding(), "surrogateescape")
    try:
        return data.decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"--files-from {name}: is damaged {encoding.upper()} ({error.reason} at byte {error.start}); "
            "save it again as UTF-8"
        ) from error


def split_list(text: str) -> Iterator[str]:
    """The paths of a list, one by one: NUL-separated where it holds a NUL, else one a line; blanks skipped.

    Only CR and LF end a line: other separators of Unicode may be part of a file name.
    """
    part = "[^\0]+" if "\0" in text else r"[^\n]+" if "\n" in text else r"[^\r]+"
    lines = (match[0] for match in re.finditer(part, text))
    if "\n" in text and "\0" not in text:
        lines = (line.removesuffix("\r") for line in lines)
    return (line for line in lines if line.strip())


def _marked(data: bytes) -> str | None:
    """The encoding that a byte order mark names."""
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), None)


def _unmarked_wide(data: bytes) -> str | None:
    """UTF-16 without a mark; None for other text, NUL-separated names above all.

    In UTF-16 the zeros are one half of ASCII letters, so they all lie on even or all on odd places. A few names with
    NUL between them may do so too: then the zeros must be many, or the bytes no UTF-8 and the words good as UTF-16.
    """
    head = data[:LOOKED_AT]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(data) % 2 or (even and odd) or not (even or odd):
        return None
    encoding = "utf-16-be" if even else "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if (even + odd) / len(head) >= WIDE:
        return encoding
    try:
        head[:-4].decode("utf-8")
    except UnicodeDecodeError:
        words = text.replace("\r", "").replace("\n", "")
        return encoding if words.isprintable() and re.search(r"[./\\]", words) else None
    return None


def _refuse_binary(data: bytes, name: str) -> None:
    """BadRequest for pictures and other data that are no text."""
    head = data[:LOOKED_AT]
    if MAGIC.match(head) or len(CONTROLS.findall(head)) > max(2, MOST_CONTROLS * len(head)):
        raise BadRequest(
            f"--files-from {name}: is no text; give a list of paths, one a line (a picture itself goes without "
            "--files-from)"
        )
