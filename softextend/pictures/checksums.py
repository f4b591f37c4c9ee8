"""PNGs whose checksums are wrong, or whose pixels end early.

What only describes a picture is left out, not the picture; pixels that are missing decoders take in silence.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

from softextend.pictures.png_chunks import SIGNATURE, spans

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


PORTION = 1 << 20  # bytes that are decompressed at a time, and thrown away
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by colour type; 11.1
PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # Adam7, 8.1


def check_pixels(data: bytes) -> None:
    """ValueError where the pixels of a PNG end early, in a stream that is sound otherwise."""
    there, wanted = 0, pixel_bytes(data)
    try:
        for portion in _portions(data[at : at + length] for name, at, length in spans(data) if name == b"IDAT"):
            there += len(portion)
            if there >= wanted:
                return
    except zlib.error:
        raise ValueError("the checksum of its pixels is wrong") from None
    raise ValueError(f"{max(1, round(100 * (1 - there / wanted)))} % of its pixels are missing")


def pixel_bytes(data: bytes) -> int:
    """How many bytes the pixels of a PNG take before they are compressed, by its header."""
    width, height, bits, kind, _, _, interlaced = struct.unpack_from(">LLBBBBB", data, 16)
    rows = [(width, height)]
    if interlaced:
        rows = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in PASSES]
    return sum(down * (1 + (across * bits * SAMPLES[kind] + 7) // 8) for across, down in rows if across > 0 < down)


def _portions(parts: Iterator[bytes]) -> Iterator[bytes]:
    """What a zlib stream holds, a portion at a time; zlib.error where it is damaged."""
    stream = zlib.decompressobj()
    for part in parts:
        while part and not stream.eof:
            yield stream.decompress(part, PORTION)
            part = stream.unconsumed_tail
