"""PNG files as chunks: what stands beside the pixels is read with bounds of its own, and put into a finished file."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST = 64 << 20  # bytes that one compressed chunk may become: profiles of scanners and logs reach some MB
MOST_IN_ALL = 128 << 20  # bytes that all of a file may become
COMPRESSED = (b"zTXt", b"iTXt", b"iCCP")
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
COLOUR = {  # name -> bytes of content; PNG 3rd edition, 11.3.2; the last two as early drafts spelled them
    **{b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8},
    **{b"mDCv": 24, b"cLLi": 8},
}
BESIDE = (*TEXTS, *COLOUR, b"iCCP", b"eXIf", b"pHYs")  # read here; a decoder of pixels needs none of them
XMP_KEY = "XML:com.adobe.xmp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """One chunk: its four letters and its content."""

    name: bytes
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text with its keyword; `language` and `translated` from an iTXt, `chunk` as it came."""

    key: str
    text: str
    language: str = ""
    translated: str = ""
    chunk: Chunk | None = None


def is_png(data: bytes) -> bool:
    """Whether the bytes begin as a PNG does."""
    return data.startswith(SIGNATURE)


def spans(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, where its content begins, length) of each chunk that is whole; stops at the end or where data are cut."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">L4s", data, at)
        if at + 12 + length > len(data):
            return
        yield name, at + 8, length
        at += 12 + length
        if name == b"IEND":
            return


def is_sound(data: bytes, name: bytes, at: int, length: int) -> bool:
    """Whether a chunk's checksum fits."""
    return bool(zlib.crc32(data[at : at + length], zlib.crc32(name)) == struct.unpack_from(">L", data, at + length)[0])


def side_chunks(data: bytes, notes: list[str]) -> list[Chunk]:
    """The chunks beside the pixels in order; one whose checksum is wrong is left out, with a note."""
    found = []
    for name, at, length in spans(data):
        if name not in (*BESIDE, b"tRNS"):
            continue
        if not is_sound(data, name, at, length):
            notes.append(f"a {name.decode()} chunk is damaged (its checksum is wrong) and left out")
            continue
        if length != COLOUR.get(name, length) or (name == b"pHYs" and length != 9):
            notes.append(f"a {name.decode()} chunk is damaged ({length} bytes) and left out")
            continue
        found.append(Chunk(name=name, data=data[at : at + length]))
    return found


def without_side_chunks(data: bytes) -> bytes:
    """The PNG for a decoder of pixels: without text, profile and EXIF, whose size or damage is no business of it."""
    kept, start, cut = [], 0, False
    for name, at, length in spans(data):
        if name in BESIDE:
            kept.append(data[start : at - 8])
            start, cut = at + length + 4, True
    return b"".join([*kept, data[start:]]) if cut else data


def inflated(packed: bytes, left: int) -> bytes | None:
    """What a zlib stream holds, None above `left` bytes; zlib.error or ValueError where it is damaged."""
    machine = zlib.decompressobj()
    out = machine.decompress(packed, left + 1)
    if len(out) > left:
        return None
    if not machine.eof:
        raise ValueError("the stream is cut off")
    return out


def profile_and_texts(chunks: Iterable[Chunk], notes: list[str]) -> tuple[bytes | None, list[Text]]:
    """The ICC profile and all texts; what is damaged, or grows beyond all bounds, is left out with a note."""
    profile, texts, room = None, [], MOST_IN_ALL
    for chunk in chunks:
        if chunk.name not in (*TEXTS, b"iCCP"):
            continue
        what = "colour profile" if chunk.name == b"iCCP" else "text"
        try:
            read = _unpacked(chunk, min(MOST, room))
        except (ValueError, zlib.error, IndexError):
            notes.append(f"a {what} of the PNG is damaged and left out")
            continue
        if read is None:
            room -= min(MOST, room)  # that it took to see how large it is
            notes.append(f"a {what} of the PNG would unpack to more than {MOST >> 20} MB and is left out")
            continue
        if chunk.name in COMPRESSED:
            room -= len(read.text) if isinstance(read, Text) else len(read)
        if isinstance(read, Text):
            texts.append(read)
        elif profile is None:
            profile = read
    return profile, texts


def _unpacked(chunk: Chunk, left: int) -> Text | bytes | None:
    """The content of a text or iCCP chunk; None where it is larger than `left`. PNG 3rd edition, 11.3.2.3, 11.3.3."""
    key, _, rest = chunk.data.partition(b"\0")
    if chunk.name == b"iCCP":
        return inflated(rest[1:], left)
    name = key.decode("latin-1")
    if chunk.name == b"tEXt":
        return Text(key=name, text=rest.decode("latin-1"), chunk=chunk)
    if chunk.name == b"zTXt":
        raw = inflated(rest[1:], left)
        return None if raw is None else Text(key=name, text=raw.decode("latin-1"), chunk=chunk)
    packed = rest[0] == 1
    language, translated, content = rest[2:].split(b"\0", 2)
    content_read = inflated(content, left) if packed else content
    if content_read is None:
        return None
    return Text(
        key=name,
        text=content_read.decode("utf-8", "replace"),
        language=language.decode("latin-1"),
        translated=translated.decode("utf-8", "replace"),
        chunk=chunk,
    )


def text_chunk(key: str, text: str, *, packed: bool = False) -> Chunk:
    """A text as tEXt where Latin-1 has all its characters, else as iTXt; `packed`: as zTXt."""
    text = text.replace("\0", "")
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        head = key.encode("latin-1", "replace")[:79] + b"\0\0\0\0\0"
        return Chunk(name=b"iTXt", data=head + text.encode("utf-8", "replace"))
    head = key.encode("latin-1", "replace")[:79] + b"\0"
    if packed:
        return Chunk(name=b"zTXt", data=head + b"\0" + zlib.compress(raw))
    return Chunk(name=b"tEXt", data=head + raw)


def xmp_chunk(packet: bytes) -> Chunk:
    """An XMP packet as the iTXt that readers look for; XMP part 3, 1.1.5."""
    return Chunk(name=b"iTXt", data=XMP_KEY.encode() + b"\0\0\0\0\0" + packet)


def profile_chunk(icc: bytes) -> Chunk:
    """An ICC profile."""
    return Chunk(name=b"iCCP", data=b"ICC Profile\0\0" + zlib.compress(icc))


def density_chunk(x: float, y: float, *, per_metre: bool) -> Chunk:
    """Pixels per metre, or only how wide a pixel is to its height."""
    return Chunk(name=b"pHYs", data=struct.pack(">LLB", round(x), round(y), per_metre))


def chunk_bytes(chunk: Chunk) -> bytes:
    """Length, name, content, checksum; PNG 3rd edition, 5.3."""
    checksum = zlib.crc32(chunk.data, zlib.crc32(chunk.name))
    return struct.pack(">L", len(chunk.data)) + chunk.name + chunk.data + struct.pack(">L", checksum)


def with_chunks(data: bytes, chunks: Iterable[Chunk]) -> bytes:
    """A finished PNG with chunks put behind its header, before palette and pixels, as all of these may stand."""
    behind = len(SIGNATURE) + 12 + struct.unpack_from(">L", data, len(SIGNATURE))[0]
    return b"".join([data[:behind], *map(chunk_bytes, chunks), data[behind:]])


def pixels_alone(data: bytes) -> bytes:
    """The PNG with nothing but header, palette and pixels."""
    needed = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
    parts = [data[at - 8 : at + length + 4] for name, at, length in spans(data) if name in needed]
    return b"".join([SIGNATURE, *parts])
