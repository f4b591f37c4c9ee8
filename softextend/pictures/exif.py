"""EXIF as bytes: read the tag tree, change a few tags, write it again; all other values stay as they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

ORIENTATION = 0x0112
WIDTHS = ("image", 0x0100), ("photo", 0xA002)  # ImageWidth, PixelXDimension
HEIGHTS = ("image", 0x0101), ("photo", 0xA003)  # ImageLength, PixelYDimension
USER_COMMENT = 0x9286
MAKER_NOTE = 0x927C
PHOTO_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
# Bytes per value of each TIFF type; TIFF 6.0 section 2, 129 (UTF-8) from Exif 3.0.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
WORDS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}  # the unit that byte order turns
SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 3, 4, 5, 7, 10
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
IPTC_TAG, PHOTOSHOP_TAG = 0x83BB, 0x8649  # in a TIFF's first directory
# Tags of a TIFF file's first directory that describe the photo; the others describe how its samples are stored.
DESCRIPTIVE = frozenset(
    {0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298, 0x83BB, 0x8649, 0x9286}
    | set(range(0x9C9B, 0x9CA0))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """One tag's value: TIFF type, how many, and the bytes in the tree's byte order."""

    kind: int
    count: int
    raw: bytes


Directory = dict[int, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """The tag tree without its thumbnail; `maker_at`: where the maker note lay."""

    order: str = ">"
    image: Directory = field(default_factory=dict)
    photo: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)
    interop: Directory = field(default_factory=dict)
    maker_at: int | None = None

    def number(self, room: str, tag: int) -> int | None:
        """The first value of an integer tag in the directory named `room`; None where absent."""
        value = getattr(self, room).get(tag)
        if value is None or value.kind not in (SHORT, LONG) or not value.count:
            return None
        return int(struct.unpack_from(self.order + ("H" if value.kind == SHORT else "L"), value.raw)[0])

    def rationals(self, tag: int) -> list[float] | None:
        """The values of a tag of fractions in the first directory; None where absent or one of them is none."""
        value = self.image.get(tag)
        if value is None or value.kind not in (RATIONAL, SRATIONAL) or not value.count:
            return None
        letter = "L" if value.kind == RATIONAL else "l"
        parts = struct.unpack(f"{self.order}{2 * value.count}{letter}", value.raw)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [top / bottom for top, bottom in pairs] if all(parts[1::2]) else None

    def with_value(self, room: str, tag: int, value: Value | None) -> Tags:
        """A copy with the tag set, or gone where `value` is None."""
        changed: Directory = {key: kept for key, kept in getattr(self, room).items() if key != tag}
        if value is not None:
            changed[tag] = value
        rooms: dict[str, Any] = {room: changed}
        return replace(self, **rooms)


def parse(data: bytes) -> Tags:
    """EXIF bytes or a TIFF file -> tags. Damaged entries are left out; ValueError where there is no tree at all."""
    data = data.removeprefix(b"Exif\0\0").removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        raise ValueError("no TIFF header")
    image, _ = _directory(data, order, struct.unpack_from(order + "L", data, 4)[0])
    photo, places = _directory(data, order, _pointer(image, order, PHOTO_IFD))
    gps, _ = _directory(data, order, _pointer(image, order, GPS_IFD))
    interop, _ = _directory(data, order, _pointer(photo, order, INTEROP_IFD))
    return Tags(order=order, image=image, photo=photo, gps=gps, interop=interop, maker_at=places.get(MAKER_NOTE))


def _pointer(directory: Directory, order: str, tag: int) -> int:
    value = directory.pop(tag, None)
    return int(struct.unpack(order + "L", value.raw)[0]) if value and len(value.raw) == 4 else 0


def _directory(data: bytes, order: str, at: int) -> tuple[Directory, dict[int, int]]:
    """The entries of the directory at an offset (0 = none), and where the long values lie."""
    found: Directory = {}
    places: dict[int, int] = {}
    room = len(data)  # honest values do not overlap; made-up ones could ask for all memory
    if not 8 <= at <= len(data) - 2:
        return found, places
    for index in range(struct.unpack_from(order + "H", data, at)[0]):
        entry = at + 2 + 12 * index
        if entry + 12 > len(data):
            break
        tag, kind, count = struct.unpack_from(order + "HHL", data, entry)
        size = SIZES.get(kind, 0) * count
        place = entry + 8 if size <= 4 else struct.unpack_from(order + "L", data, entry + 8)[0]
        if size and place + size <= len(data) and size <= room:
            room -= size
            found[tag] = Value(kind=kind, count=count, raw=data[place : place + size])
            if size > 4:
                places[tag] = place
    return found, places


def to_bytes(tags: Tags, start: int = 0) -> bytes:
    """The tree from its TIFF header on; with `start` above 0 what to append to a file of that length, without header.

    A maker note stays at the offset it came from, as far as the rest allows: many cameras' notes hold absolute offsets.
    """
    directories = _linked(tags)
    cursor, tables = start or 8, {}
    for name, directory in directories.items():
        tables[name] = cursor
        cursor += _table_size(directory)
    pointers = {PHOTO_IFD: tables.get("photo"), GPS_IFD: tables.get("gps"), INTEROP_IFD: tables.get("interop")}
    pinned = range(0) if start else _pinned(tags, after=cursor)
    out = bytearray(b"" if start else {"<": b"II*\0", ">": b"MM\0*"}[tags.order] + struct.pack(tags.order + "L", 8))
    for name, directory in directories.items():
        entries = [struct.pack(tags.order + "H", len(directory))]
        for tag, value in sorted(directory.items()):
            place = pointers.get(tag)
            if place is None and len(value.raw) > 4:
                if name == "photo" and tag == MAKER_NOTE and pinned:
                    place = pinned.start
                else:
                    place = _free(cursor, len(value.raw), pinned)
                    cursor = place + len(value.raw) + len(value.raw) % 2
                _put(out, place - start, value.raw)
            entries.append(struct.pack(tags.order + "HHL", tag, value.kind, value.count))
            entries.append(value.raw.ljust(4, b"\0") if place is None else struct.pack(tags.order + "L", place))
        _put(out, tables[name] - start, b"".join(entries) + bytes(4))  # no further directory: no thumbnail
    return bytes(out)


def _pinned(tags: Tags, *, after: int) -> range:
    """The bytes the maker note keeps, where it has any and they lie behind the tables."""
    note = tags.photo.get(MAKER_NOTE)
    if note is None or len(note.raw) <= 4 or tags.maker_at is None or tags.maker_at < after:
        return range(0)
    return range(tags.maker_at, tags.maker_at + len(note.raw))


def _linked(tags: Tags) -> dict[str, Directory]:
    """The directories that are not empty, with room for the pointers between them; the first is always there."""
    pointer = Value(kind=LONG, count=1, raw=bytes(4))
    image, photo = dict(tags.image), dict(tags.photo)
    if tags.interop:
        photo[INTEROP_IFD] = pointer
    if photo:
        image[PHOTO_IFD] = pointer
    if tags.gps:
        image[GPS_IFD] = pointer
    named = {"image": image, "photo": photo, "gps": tags.gps, "interop": tags.interop}
    return {name: directory for name, directory in named.items() if directory or name == "image"}


def _table_size(directory: Directory) -> int:
    return 2 + 12 * len(directory) + 4


def _free(cursor: int, size: int, pinned: range) -> int:
    """The next even offset from `cursor` where `size` bytes do not touch the pinned ones."""
    if pinned and cursor < pinned.stop and cursor + size > pinned.start:
        return pinned.stop + pinned.stop % 2
    return cursor


def _put(out: bytearray, at: int, raw: bytes) -> None:
    if len(out) < at + len(raw):
        out.extend(bytes(at + len(raw) - len(out)))
    out[at : at + len(raw)] = raw


def upright(tags: Tags) -> Tags:
    """The orientation tag, where there is one, says that the pixels are stored upright."""
    if ORIENTATION not in tags.image:
        return tags
    one = Value(kind=SHORT, count=1, raw=struct.pack(tags.order + "H", 1))
    return tags.with_value("image", ORIENTATION, one)


def sized(tags: Tags, width: int, height: int) -> Tags:
    """Every size the tags mention becomes the picture's; none is added."""
    for places, size in ((WIDTHS, width), (HEIGHTS, height)):
        for room, tag in places:
            if tag in getattr(tags, room):
                value = Value(kind=LONG, count=1, raw=struct.pack(tags.order + "L", size))
                tags = tags.with_value(room, tag, value)
    return tags


def with_resolution(tags: Tags, x: float, y: float, inch: bool) -> Tags:
    """The resolution, where the tags state none yet; without a unit where it is not in dots per inch."""
    if X_RESOLUTION in tags.image:
        return tags
    for tag, value in ((X_RESOLUTION, x), (Y_RESOLUTION, y)):
        part = Fraction(value).limit_denominator(10_000)
        raw = struct.pack(tags.order + "LL", part.numerator, part.denominator)
        tags = tags.with_value("image", tag, Value(kind=RATIONAL, count=1, raw=raw))
    unit = Value(kind=SHORT, count=1, raw=struct.pack(tags.order + "H", 2 if inch else 1))
    return tags.with_value("image", RESOLUTION_UNIT, unit)


def descriptive(tags: Tags) -> Tags:
    """What of a TIFF file's own tags describes the photo and not the storage of its samples."""
    kept = {tag: value for tag, value in tags.image.items() if tag in DESCRIPTIVE}
    return replace(tags, image=kept, maker_at=None)


def fitted(tags: Tags, limit: int) -> tuple[Tags, tuple[str, ...]]:
    """The largest values go until the tree takes at most `limit` bytes; with the names of what went."""
    gone: list[str] = []
    while len(to_bytes(tags)) > limit:
        loose = replace(
            tags, maker_at=None
        )  # a note pinned far out costs room; moving it comes before dropping anything
        if tags.maker_at and len(to_bytes(loose)) < len(to_bytes(tags)):
            tags = loose
            continue
        rooms = ("image", "photo", "gps", "interop")
        _, room, tag = max((len(value.raw), room, tag) for room in rooms for tag, value in getattr(tags, room).items())
        tags = tags.with_value(room, tag, None)
        gone.append({MAKER_NOTE: "maker note", USER_COMMENT: "comment"}.get(tag, f"tag 0x{tag:04X}"))
    return tags, tuple(gone)


def comment(tags: Tags) -> str:
    """The user comment as text; empty where there is none. Its first 8 bytes name the encoding (Exif 2.32, 4.6.5)."""
    value = tags.photo.get(USER_COMMENT)
    if value is None:
        return ""
    code, raw = value.raw[:8], value.raw[8:]
    encoding = "utf-8" if code != b"UNICODE\0" else "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    return raw.decode(encoding, "replace").strip("\0 ")


def with_comment(tags: Tags, text: str) -> Tags:
    """The user comment as UTF-16, big endian whatever the tree's order: so the tools that read prompts expect it."""
    raw = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    return tags.with_value("photo", USER_COMMENT, Value(kind=UNDEFINED, count=len(raw), raw=raw))


def graft(tiff: bytes, tags: Tags) -> bytes:
    """A TIFF file with the tags added to its first directory; its samples stay where they are."""
    own = parse(tiff)
    order = own.order
    grown = Tags(
        order=order,
        image={**_turned(tags.image, tags.order, order), **own.image},
        photo=_turned(tags.photo, tags.order, order),
        gps=_turned(tags.gps, tags.order, order),
        interop=_turned(tags.interop, tags.order, order),
    )
    body = tiff + bytes(len(tiff) % 2)
    return body[:4] + struct.pack(order + "L", len(body)) + body[8:] + to_bytes(grown, start=len(body))


def _turned(directory: Directory, order: str, wanted: str) -> Directory:
    """The values in the other byte order, where it differs."""
    if order == wanted:
        return directory
    return {tag: replace(value, raw=_swapped(value.raw, WORDS.get(value.kind, 1))) for tag, value in directory.items()}


def _swapped(raw: bytes, word: int) -> bytes:
    return b"".join(raw[i : i + word][::-1] for i in range(0, len(raw), word))


def is_tiff(data: bytes) -> bool:
    """A classic TIFF file, as EXIF blocks are; BigTIFF is none."""
    return data[:4] in (b"II*\0", b"MM\0*") and len(data) >= 8


def place_of(data: bytes, tag: int) -> int | None:
    """Where the entry of a tag begins in the first directory of a TIFF file or EXIF block; None where absent."""
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(order + "L", data, 4)[0]
    count = struct.unpack_from(order + "H", data, at)[0]
    places = (at + 2 + 12 * index for index in range(count))
    return next((place for place in places if struct.unpack_from(order + "H", data, place)[0] == tag), None)
