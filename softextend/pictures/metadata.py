"""What a file says of its picture, read: kept as it is where that is true of the result, turned upright, unlinked."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import replace
from typing import Any

from softextend.pictures import attachments, colour_tags, exif, jpeg_segments, regions, xmp, xmp_tree
from softextend.pictures.colour_tags import Stated
from softextend.pictures.jpeg_segments import IPTC, TIMELESS, Segments
from softextend.pictures.mapping import upright
from softextend.pictures.picture import Metadata
from softextend.pictures.png_chunks import XMP_KEY, Text
from softextend.pictures.source import Source

RAW_PROFILE = re.compile(r"Raw profile type (exif|APP1|xmp|iptc|8bim|icc|icm)$")  # ImageMagick's: hexadecimal digits
OWN_TEXTS = ("softextend", "softextend-parameters")  # of an earlier result
OWN_PARAMETERS = "Version: softextend"


def read(opened: Source, size: tuple[int, int], notes: list[str]) -> tuple[Metadata, int]:
    """All but the profile, already saying "upright", and the orientation (1 to 8) that the samples are stored in.

    `size`: width and height of the samples as stored.
    """
    packet, around = packet_of(opened, notes)
    tags = _tags(opened, notes)
    iptc, resources = _iptc(opened, around, tags, notes)
    orientation = _orientation(opened, tags, packet)
    turn = upright(*size, orientation)
    if tags and opened.format == "TIFF":
        tags = exif.descriptive(tags)
    packet, said = attachments.unlinked(packet, around, credentials=attachments.signed(opened))
    notes += said
    if packet:
        packet = xmp.upright(regions.moved(packet, turn, notes, as_stored=True))
    if tags:
        tags = regions.moved_tags(exif.upright(tags), turn)
    dpi, shape = _density(opened, around, tags)
    kept = Metadata(
        exif=exif.to_bytes(tags) if tags and (tags.image or tags.photo or tags.gps) else None,
        dpi=(dpi[1], dpi[0]) if dpi and turn.swaps else dpi,
        pixel_shape=(shape[1], shape[0]) if shape and turn.swaps else shape,
        xmp=packet,
        lossless=opened.format == "WEBP" and _is_lossless_webp(opened.data),
        texts=tuple(_texts(opened, packet)),
        comment=_comment(opened, around),
        iptc=iptc,
        photoshop=resources,
    )
    return kept, orientation


def colour(opened: Source, icc: bytes | None, *, grey: bool, bits: int) -> Stated:
    """What a file states of its colours beside (or in place of) its profile."""
    if opened.format == "PNG":
        return colour_tags.of_png(opened.chunks, grey=grey, has_icc=icc is not None)
    if icc is None and opened.primary.nclx is not None:
        primaries, transfer, matrix, full = opened.primary.nclx
        return colour_tags.of_cicp(primaries, transfer, matrix=matrix, full=full, grey=grey)
    if icc is None and opened.format == "TIFF" and exif.is_tiff(opened.data):
        return colour_tags.of_tiff(exif.parse(opened.data), grey=grey, bits=bits)
    if icc is None and opened.format in ("JPEG", "MPO") and not grey:
        return colour_tags.of_exif(_tags(opened, []))
    return Stated()


def with_colour(kept: Metadata, opened: Source, icc: bytes | None, stated: Stated) -> Metadata:
    """The metadata with the profile that the result carries, and what states the same without one."""
    implied = None
    if icc is None and stated.icc is not None:
        plain = opened.primary.nclx is not None and opened.primary.nclx[:2] == (1, 13)  # as Pillow writes an AVIF
        implied = "PNG" if stated.chunks else "AVIF" if plain else None
    return replace(kept, icc=icc or stated.icc, icc_implied_in=implied, colour_chunks=stated.chunks)


def packet_of(opened: Source, notes: list[str]) -> tuple[bytes | None, Segments | None]:
    """The XMP packet, an extended one merged into it, and what else a JPEG carries."""
    packet = opened.info.get("xmp") or _from_text(opened, "xmp", notes)
    packet = packet.encode() if isinstance(packet, str) else packet
    if opened.format not in ("JPEG", "MPO"):
        return packet, None
    around = jpeg_segments.read(opened.data, xmp_tree.extension_of(packet))
    if packet and around.extended and xmp_tree.extension_of(packet):
        whole = xmp_tree.merged(packet, around.extended)
        if whole is None:
            notes.append("the extended XMP is damaged and left out")
        packet = whole or packet
    return packet, around


def _tags(opened: Source, notes: list[str]) -> exif.Tags | None:
    try:
        if opened.format == "TIFF" and exif.is_tiff(opened.data):
            return exif.parse(opened.data)
        if opened.format == "TIFF":
            notes.append("the tags of a BigTIFF (EXIF, IPTC) are not read: left out")
            return None
        raw = opened.info.get("exif") or _from_text(opened, "exif", notes) or _from_text(opened, "APP1", notes)
        return exif.parse(raw) if raw else None
    except (ValueError, struct.error):
        notes.append("the EXIF data are damaged and left out")
        return None


def _orientation(opened: Source, tags: exif.Tags | None, packet: bytes | None) -> int:
    """1 to 8; an AVIF's container decides, which Pillow hands on as EXIF; HEIF and JPEG XL come turned."""
    if opened.format == "HEIF" or (opened.format == "JXL" and not getattr(opened.image, "jpeg", False)):
        return 1
    found = tags.number("image", exif.ORIENTATION) if tags else None
    if not found and opened.format != "AVIF":
        found = xmp.orientation(packet)
    return found if found and found in range(1, 9) else 1


def _from_text(opened: Source, kind: str, notes: list[str]) -> bytes | None:
    """A profile that ImageMagick put into a PNG's text: name, length, hexadecimal digits."""
    for text in opened.texts:
        if text.key == f"Raw profile type {kind}":
            try:
                return bytes.fromhex("".join(text.text.split("\n")[3:]))
            except ValueError:
                notes.append(f"the {kind} data in a text chunk are damaged and left out")
    return None


def _texts(opened: Source, packet: bytes | None) -> list[Text]:
    """The PNG's texts that are nobody's business but the photographer's, or those that a result of ours took along."""
    kept = [Text(key=key, text=text) for key, text in xmp.texts(packet or b"")]
    for text in opened.texts:
        ours = text.key in OWN_TEXTS or (text.key == "parameters" and OWN_PARAMETERS in text.text)
        if not ours and text.key != XMP_KEY and not RAW_PROFILE.match(text.key):
            kept.append(text)
    return kept


def _comment(opened: Source, around: Segments | None) -> bytes | None:
    """A JPEG's or GIF's comment."""
    if around is not None:
        return around.comment or None
    found = opened.info.get("comment") if opened.format == "GIF" else None
    return found.encode() if isinstance(found, str) else found or None


def _iptc(
    opened: Source, around: Segments | None, tags: exif.Tags | None, notes: list[str]
) -> tuple[bytes | None, tuple[tuple[int, bytes], ...]]:
    """IPTC-IIM records, and Photoshop's resources that stay true in a larger picture."""
    resources: list[tuple[int, bytes]] = []
    iptc = None
    if around is not None:
        resources = list(around.resources)
    elif opened.format == "TIFF" and tags is not None:
        block, records = tags.image.get(exif.PHOTOSHOP_TAG), tags.image.get(exif.IPTC_TAG)
        resources = list(jpeg_segments.image_resources(block.raw)) if block else []
        iptc = records.raw.rstrip(b"\0") if records else None
    else:
        for kind in ("iptc", "8bim"):
            raw = _from_text(opened, kind, notes)
            if raw is not None and raw.startswith(b"8BIM"):
                resources = list(jpeg_segments.image_resources(raw))
            elif raw is not None:
                iptc = raw
    if any(number in jpeg_segments.PATHS for number, _ in resources):
        notes.append("the clipping paths belong to the old picture: left out")
    found = next((content for number, content in resources if number == IPTC), None)
    return iptc or found or None, tuple(each for each in resources if each[0] in TIMELESS)


def _density(
    opened: Source, around: Segments | None, tags: exif.Tags | None
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Resolution in dots per inch, or without a unit; a file has one of the two or none."""
    if opened.format == "PNG":
        return _dpi(opened.info.get("dpi")), _dpi(opened.info.get("aspect"))
    if opened.format == "TIFF":
        without = opened.tiff.get(exif.RESOLUTION_UNIT, 2) == 1
        shape = _dpi((opened.tiff.get(0x011A), opened.tiff.get(0x011B))) if without else None
        return (None, shape if shape != (1.0, 1.0) else None) if without else (_dpi(opened.info.get("dpi")), None)
    if opened.format in ("WEBP", "AVIF", "HEIF"):
        return _density_of_exif(tags)
    if around is not None and opened.info.get("jfif_unit") not in (1, 2):
        unit = tags.number("image", exif.RESOLUTION_UNIT) if tags else None
        return (None if unit == 1 else _dpi(opened.info.get("dpi"))), around.density
    return _dpi(opened.info.get("dpi")), None


def _density_of_exif(tags: exif.Tags | None) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Where EXIF is the only place for it; 1 no unit, 2 inch (also where none is named), 3 cm; Exif 2.32, 4.6.4."""
    x, y = (tags.rationals(tag) if tags else None for tag in (exif.X_RESOLUTION, exif.Y_RESOLUTION))
    pair = _dpi((x[0], y[0])) if x and y else None
    unit = tags.number("image", exif.RESOLUTION_UNIT) if tags else None
    if pair is None or unit == 1:
        return None, pair if pair != (1.0, 1.0) else None
    return (pair[0] * 2.54, pair[1] * 2.54) if unit == 3 else pair, None


def _dpi(value: Any) -> tuple[float, float] | None:
    """Resolution as two positive numbers; None where the file says nothing or nonsense."""
    try:
        x, y = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if all(math.isfinite(part) and part > 0 for part in (x, y)) else None


def _is_lossless_webp(data: bytes) -> bool:
    """Whether the first picture is in a VP8L chunk; RFC 9649, 2.3: chunks of name, size and padded content."""
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sL", data, at)
        if name in (b"VP8L", b"VP8 "):
            return bool(name == b"VP8L")
        at += 8 + (16 if name == b"ANMF" else size + size % 2)  # a frame begins with 16 bytes, then chunks
    return False
