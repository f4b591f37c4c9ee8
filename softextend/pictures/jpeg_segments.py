"""JPEG files as marker segments: comment, IPTC, extended XMP, density and what hangs behind the picture."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
FLIR = b"FLIR\0"
ROOM = 65_533  # bytes that one marker segment holds
PIECE = 65_400  # bytes of extended XMP in one segment; XMP part 3, 1.1.3.1
APP0, APP1, APP2, APP11, APP13, COMMENT = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xFE
START_OF_SCAN, END, STANDALONE = 0xDA, 0xD9, (0x01, *range(0xD0, 0xD9))
MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # not a stuffed byte, a restart or a filler
IPTC, IPTC_DIGEST = 0x0404, 0x0425
# Photoshop's image resources that speak of the photo and not of the size or look of its old pixels.
TIMELESS = {0x040A: "copyright flag", 0x040B: "URL"}
PATHS = range(0x07D0, 0x0BB7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Segments:
    """What a JPEG carries beside pixels, EXIF and profile; `tail`: the bytes behind the first picture's end marker.

    `density`: (x, y) without a unit; `resources`: Photoshop's by number; `extended`: XMP by the GUID it goes by.
    """

    comment: bytes | None = None
    resources: tuple[tuple[int, bytes], ...] = ()
    extended: bytes | None = None
    density: tuple[int, int] | None = None
    gain_map: bool = False
    thermal: bool = False
    credentials: bool = False
    tail: bytes = b""


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, begin, end of the content) of each segment up to the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        yield marker, at + 4, min(at + 2 + length, len(data))
        if marker == START_OF_SCAN:
            return
        at += 2 + length


def read(data: bytes, guid: str | None = None) -> Segments:
    """All of it; `guid`: of the extended XMP that the main packet asks for."""
    comment, density, gain_map, thermal, credentials = None, None, False, False, False
    resources, pieces, scan = b"", [], len(data)
    for marker, begin, end in segments(data):
        content = data[begin:end]
        if marker == COMMENT and comment is None:
            comment = content
        elif marker == APP13 and content.startswith(PHOTOSHOP):
            resources += content[len(PHOTOSHOP) :]
        elif marker == APP1 and content.startswith(EXTENDED):
            pieces.append(content[len(EXTENDED) :])
        elif marker == APP2 and content.startswith(GAIN_MAP):
            gain_map = True
        elif marker == APP1 and content.startswith(FLIR):
            thermal = True
        elif marker == APP11 and content.startswith(b"JP") and b"c2pa" in content:
            credentials = True
        elif marker == APP0 and content.startswith(b"JFIF\0") and len(content) >= 12 and density is None:
            unit, x, y = struct.unpack_from(">BHH", content, 7)
            density = (x, y) if unit == 0 and x and y and (x, y) != (1, 1) else None
        elif marker == START_OF_SCAN:
            scan = begin
    return Segments(
        comment=comment,
        resources=tuple(image_resources(resources)),
        extended=_joined(pieces, guid),
        density=density,
        gain_map=gain_map,
        thermal=thermal,
        credentials=credentials,
        tail=data[end_of_picture(data, scan) :],
    )


def end_of_picture(data: bytes, scan: int) -> int:
    """Where the first picture ends: behind the end marker that follows its scans, thumbnails lying in segments."""
    at = scan
    while (found := MARKER.search(data, at)) is not None:
        if data[found.end() - 1] == END:
            return found.end()
        if found.end() + 2 > len(data):
            break
        at = found.end() + struct.unpack_from(">H", data, found.end())[0]  # tables and scans of a progressive picture
    return len(data)


def _joined(pieces: Iterable[bytes], guid: str | None) -> bytes | None:
    """The extended XMP of a GUID (or the only one) from its pieces; None where a part is missing."""
    found: dict[bytes, dict[int, bytes]] = {}
    sizes: dict[bytes, int] = {}
    for piece in pieces:
        if len(piece) < 40:
            continue
        name, size, at = piece[:32], *struct.unpack_from(">LL", piece, 32)
        found.setdefault(name, {})[at] = piece[40:]
        sizes[name] = size
    name = guid.encode("ascii", "replace") if guid else next(iter(found), b"")
    whole = b"".join(part for _, part in sorted(found.get(name, {}).items()))
    return whole if whole and len(whole) == sizes[name] else None


def image_resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of Photoshop's image resources; Photoshop file formats specification, 'Image Resources'."""
    at = 0
    while at + 12 <= len(data) and data[at : at + 4] == b"8BIM":
        number = struct.unpack_from(">H", data, at + 4)[0]
        name = data[at + 6] + 1
        at += 6 + name + name % 2
        if at + 4 > len(data):
            return
        size = struct.unpack_from(">L", data, at)[0]
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def photoshop_block(resources: Iterable[tuple[int, bytes]]) -> bytes:
    """Image resources as they stand in APP13 and in a TIFF's tag 34377."""
    out = b""
    for number, content in resources:
        out += b"8BIM" + struct.pack(">HHL", number, 0, len(content)) + content + bytes(len(content) % 2)
    return out


def iptc_resources(iptc: bytes | None, others: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """IPTC-IIM with its digest, and what else of Photoshop's resources stays."""
    made = [] if iptc is None else [(IPTC, iptc), (IPTC_DIGEST, hashlib.md5(iptc, usedforsecurity=False).digest())]
    return [*made, *others]


def segment(marker: int, content: bytes) -> bytes:
    """One marker segment; ValueError above its room."""
    if len(content) > ROOM:
        raise ValueError(f"{len(content)} bytes in a segment of {ROOM}")
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def in_pieces(marker: int, head: bytes, content: bytes) -> bytes:
    """Content over as many segments as it takes, each with the same head."""
    room = ROOM - len(head)
    return b"".join(segment(marker, head + content[at : at + room]) for at in range(0, len(content), room))


def extended_segments(packet: bytes) -> tuple[str, bytes]:
    """The GUID that the main packet names, and the segments of an extended XMP packet."""
    guid = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper()
    out = b""
    for at in range(0, len(packet), PIECE):
        head = EXTENDED + guid.encode() + struct.pack(">LL", len(packet), at)
        out += segment(APP1, head + packet[at : at + PIECE])
    return guid, out


def without_unit(data: bytes, density: tuple[float, float]) -> bytes:
    """A JPEG whose JFIF header states only how wide a pixel is to its height; as it is where it has none."""
    for marker, begin, end in segments(data):
        if marker == APP0 and data[begin : begin + 5] == b"JFIF\0" and end - begin >= 12:
            x, y = (min(65_535, max(1, round(value))) for value in density)
            return data[: begin + 7] + struct.pack(">BHH", 0, x, y) + data[begin + 12 :]
    return data
