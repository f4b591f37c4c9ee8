"""PNGs put together by hand: chunks, and a header that says more than its file holds."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, data: bytes, *, wrong: bool = False) -> bytes:
    """One chunk; `wrong`: with another checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ wrong)


def png(width: int, height: int, data: bytes, *, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG of packed rows; `colour`: PNG's colour type."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def hollow(width: int, height: int) -> bytes:
    """A PNG whose header says more than its few bytes hold."""
    return png(width, height, zlib.compress(bytes(1000)))
