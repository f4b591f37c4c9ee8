"""AVIF and HEIF as boxes: what the container says of the primary picture, which decoders of pixels do not tell.

ISO/IEC 14496-12 (boxes, colr) and 23008-12 (items, ispe, clap, irot, imir, pixi).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from softextend.types import Box

CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0}  # bytes before the boxes inside
AUXILIARY = {  # auxC's names of what lies beside the picture, and how a user calls it
    "urn:com:apple:photo:2020:aux:hdrgainmap": "an HDR gain map",
    "urn:iso:std:iso:ts:21496:-1": "an HDR gain map",
    "urn:mpeg:hevc:2015:auxid:2": "a depth map",
    "urn:mpeg:mpegB:cicp:systems:auxiliary:depth": "a depth map",
    "urn:com:apple:photo:2018:aux:portraiteffectsmatte": "a portrait matte",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Primary:
    """Properties of the primary picture; `nclx`: primaries, transfer, matrix, full range; `aperture`: px as stored."""

    size: tuple[int, int] | None = None
    nclx: tuple[int, int, int, bool] | None = None
    bits: int | None = None
    aperture: Box | None = None
    beside: tuple[str, ...] = ()  # auxiliary pictures, in words


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, begin, end of the content) of each box that is whole."""
    while start + 8 <= end:
        size, name = struct.unpack_from(">L4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        size = size or end - start
        if size < head or start + size > end:
            return
        yield name, start + head, start + size
        start += size


def primary(data: bytes) -> Primary:
    """What the container says; nothing where it is damaged: the decoder will say so."""
    try:
        return _primary(data)
    except (struct.error, IndexError, ZeroDivisionError, ValueError):
        return Primary()


def _primary(data: bytes) -> Primary:
    found: dict[bytes, tuple[int, int]] = {}
    properties: list[tuple[bytes, int, int]] = []
    _walk(data, 0, len(data), found, properties)
    if b"pitm" not in found or b"ipma" not in found:
        return Primary()
    at = found[b"pitm"][0]
    item = struct.unpack_from(">H" if data[at] == 0 else ">L", data, at + 4)[0]
    links = _associations(data, *found[b"ipma"])
    own = [properties[index - 1] for index in links.get(item, []) if 0 < index <= len(properties)]
    size = next((struct.unpack_from(">LL", data, begin + 4) for name, begin, _ in own if name == b"ispe"), None)
    nclx = next(
        (_nclx(data, begin) for name, begin, _ in own if name == b"colr" and data[begin : begin + 4] == b"nclx"), None
    )
    bits = next((data[begin + 5] for name, begin, _ in own if name == b"pixi"), None)
    clap = next((struct.unpack_from(">LLLLlLlL", data, begin) for name, begin, _ in own if name == b"clap"), None)
    names = (_auxiliary(data, begin, end) for name, begin, end in properties if name == b"auxC")
    beside = tuple(dict.fromkeys(name for name in names if name))
    aperture = _aperture(clap, size) if clap and size else None
    return Primary(size=size, nclx=nclx, bits=bits, aperture=aperture, beside=beside)


def _walk(
    data: bytes, start: int, end: int, found: dict[bytes, tuple[int, int]], properties: list[tuple[bytes, int, int]]
) -> None:
    """The boxes down to the item properties; `properties` in the order that `ipma` counts."""
    for name, begin, stop in boxes(data, start, end):
        found.setdefault(name, (begin, stop))
        if name == b"ipco":
            properties.extend(boxes(data, begin, stop))
        elif name in CONTAINERS:
            _walk(data, begin + CONTAINERS[name], stop, found, properties)


def _associations(data: bytes, at: int, end: int) -> dict[int, list[int]]:
    """ipma: the numbers of the properties, from 1, of each item."""
    version, flags = data[at], data[at + 3]
    count = struct.unpack_from(">L", data, at + 4)[0]
    at += 8
    found: dict[int, list[int]] = {}
    for _ in range(count):
        if at >= end:
            break
        item = struct.unpack_from(">H" if version == 0 else ">L", data, at)[0]
        at += 2 if version == 0 else 4
        number, at = data[at], at + 1
        wide = flags & 1
        entries = struct.unpack_from(f">{number}{'H' if wide else 'B'}", data, at)
        at += number * (2 if wide else 1)
        found[item] = [entry & (0x7FFF if wide else 0x7F) for entry in entries]
    return found


def _nclx(data: bytes, at: int) -> tuple[int, int, int, bool]:
    primaries, transfer, matrix, full = struct.unpack_from(">HHHB", data, at + 4)
    return primaries, transfer, matrix, bool(full & 0x80)


def _aperture(clap: tuple[int, ...], size: tuple[int, int]) -> Box | None:
    """Width, height and the shift of the middle, as fractions -> px; ISO/IEC 14496-12, 12.1.4.1."""
    width, height, across, down = (Fraction(clap[index], clap[index + 1]) for index in (0, 2, 4, 6))
    left = Fraction(size[0] - width, 2) + across
    top = Fraction(size[1] - height, 2) + down
    edges = [left, top, left + width, top + height]
    if any(edge.denominator != 1 for edge in edges):
        raise ValueError("a clean aperture between pixels")
    first, upper, last, lower = (int(edge) for edge in edges)
    if not (0 <= first < last <= size[0] and 0 <= upper < lower <= size[1]):
        raise ValueError("a clean aperture beyond the picture")
    box = Box(top=upper, left=first, bottom=lower, right=last)
    return None if (box.width, box.height) == size else box


def _auxiliary(data: bytes, begin: int, end: int) -> str | None:
    name = data[begin + 4 : end].split(b"\0")[0].decode("latin-1")
    return AUXILIARY.get(name)
