"""A picture file, opened and not decoded yet."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from softextend.pictures import exif, isobmff, png_chunks
from softextend.pictures.isobmff import Primary
from softextend.pictures.png_chunks import Chunk, Text

SIZES = {"TIFF": (0x0100, 0x0101)}  # ImageWidth, ImageLength


class Unusual(ValueError):
    """A sound file with a kind of samples that nothing here reads."""

    def __init__(self, came: str) -> None:
        super().__init__(f"has {came}; save it with 8 or 16 bit per channel, as RGB or grey")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Source:
    """`image` is None where Pillow does not open it; `tiff`: a TIFF's own tags by number; `chunks`, `texts`: a PNG's.

    `primary`: what an AVIF's or HEIF's container says.
    """

    data: bytes
    format: str
    size: tuple[int, int]  # width, height, as stored
    info: dict[str, Any]
    image: Image.Image | None = None
    tiff: dict[int, Any]
    chunks: tuple[Chunk, ...] = ()
    texts: tuple[Text, ...] = ()
    primary: Primary = field(default_factory=Primary)


def webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Width and height by a WebP's first chunk, since Pillow takes memory for all of it at once; RFC 9649, 2.4-2.7."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    if data[12:16] == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data[12:16] == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def open_source(data: bytes, formats: tuple[str, ...], notes: list[str]) -> Source:
    """What the data are; UnidentifiedImageError where they are no picture that is read here."""
    try:
        if png_chunks.is_png(data):
            return _png(data, formats, notes)
        image = Image.open(BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        if not exif.is_tiff(data):
            raise
        return _tiff(data)
    tiff = dict(getattr(image, "tag_v2", {}))
    format = str(image.format)
    return Source(
        data=data,
        format=format,
        size=(int(tiff[256]), int(tiff[257])) if tiff else image.size,  # Pillow gives a TIFF's size as turned
        info={str(key): value for key, value in image.info.items()},
        image=image,
        tiff=tiff,
        primary=isobmff.primary(data) if format in ("AVIF", "HEIF") else Primary(),
    )


def _png(data: bytes, formats: tuple[str, ...], notes: list[str]) -> Source:
    """A PNG whose text, profile and EXIF are read here, so that their size and damage never hide the picture."""
    chunks = png_chunks.side_chunks(data, notes)
    icc, texts = png_chunks.profile_and_texts(chunks, notes)
    bare = png_chunks.without_side_chunks(data)
    image = Image.open(BytesIO(bare), formats=formats)
    info: dict[str, Any] = {str(key): value for key, value in image.info.items()}
    info.pop("icc_profile", None)
    if icc:
        info["icc_profile"] = icc
    for chunk in chunks:
        if chunk.name == b"eXIf":
            info.setdefault("exif", chunk.data)
        elif chunk.name == b"pHYs":
            x, y, metres = struct.unpack(">LLB", chunk.data)
            info.setdefault("dpi" if metres == 1 else "aspect", (x * 0.0254, y * 0.0254) if metres == 1 else (x, y))
    for text in texts:
        if text.key == png_chunks.XMP_KEY:
            info.setdefault("xmp", text.text.encode())
    return Source(
        data=data,
        format="PNG",
        size=image.size,
        info=info,
        image=image,
        tiff={},
        chunks=tuple(chunks),
        texts=tuple(texts),
    )


def _tiff(data: bytes) -> Source:
    """A TIFF that Pillow does not open: floating-point colour, half floats, separate planes of 16 bits."""
    tags = exif.parse(data)
    width, height = (tags.number("image", tag) or 0 for tag in SIZES["TIFF"])
    if not width or not height:
        raise ValueError("no size")
    kept = {"icc_profile": 0x8773, "xmp": 0x02BC}
    info = {name: tags.image[tag].raw for name, tag in kept.items() if tag in tags.image}
    return Source(data=data, format="TIFF", size=(width, height), info=info, tiff={})


def holds_previews_alone(source: Source) -> bool:
    """Whether all further pictures of a JPEG are larger thumbnails, as cameras write them; CIPA DC-007, 5.2.3.3."""
    entries = (getattr(source.image, "mpinfo", None) or {}).get(0xB002, ())
    return all("Thumbnail" in str(entry.get("Attribute", {}).get("MPType")) for entry in entries[1:])


@contextmanager
def without_decoder_talk() -> Iterator[None]:
    """libtiff and libpng write to the process's stderr past Python; the error they then return says enough."""
    try:
        kept = os.dup(2)
    except OSError:  # stderr is closed: nobody hears it
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
