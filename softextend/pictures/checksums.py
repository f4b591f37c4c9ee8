"""PNG chunks whose checksum is wrong: what only describes a picture is left out, not the picture."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST = 2**31 - 1  # bytes; PNG (third edition), 5.3


def without_damaged(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A PNG without ancillary chunks that are damaged, and notes on them; other files and chunks stay as they are.

    A damaged chunk that the picture needs (IHDR, PLTE, IDAT) is left to the decoder, and so is all behind it.
    """
    if not data.startswith(SIGNATURE):
        return data, ()
    kept, dropped, at, since = [], Counter[str](), len(SIGNATURE), 0
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">L4s", data, at)
        end = at + 12 + length
        if length > LONGEST or end > len(data) or not name.isalpha():
            break
        is_ancillary = bool(name[0] & 0x20)  # 5.4: lower case
        if is_ancillary and zlib.crc32(data[at + 4 : end - 4]) != struct.unpack_from(">L", data, end - 4)[0]:
            kept.append(data[since:at])
            since = end
            dropped[name.decode("ascii")] += 1
        at = end
        if name == b"IEND":
            break
    if not dropped:
        return data, ()
    notes = (f"the PNG's {name} chunk is damaged (wrong checksum) and left out" for name in dropped)
    return b"".join([*kept, data[since:]]), tuple(notes)
