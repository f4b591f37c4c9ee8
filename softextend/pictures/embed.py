"""Metadata and recipe in each format's own places."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from softextend.pictures import exif, jpeg_segments, png_chunks, regions, xmp, xmp_tree
from softextend.pictures.mapping import Mapping
from softextend.pictures.metadata import OWN_PARAMETERS
from softextend.pictures.picture import Metadata
from softextend.pictures.png_chunks import Chunk, Text

EXIF_ROOM = jpeg_segments.ROOM - len(b"Exif\0\0")
XMP_ROOM = jpeg_segments.ROOM - len(jpeg_segments.XMP)
ICC_ROOM = 255 * (jpeg_segments.ROOM - 14)  # ICC.1:2022, B.4: at most 255 segments
MOST_DPI = 65_535  # JPEG stores 16 bits
OURS_BESIDE = "softextend-parameters"  # a PNG's keyword for ours where another program's `parameters` stand
COMMENT = "Comment"  # PNG's keyword for a JPEG's comment


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a result says: the input's metadata, moved to its place in it, and our own `recipe` and `parameters`."""

    metadata: Metadata
    tags: exif.Tags | None
    xmp: bytes | None
    own: dict[str, str]


def told(
    metadata: Metadata | None,
    size: tuple[int, int],
    mapping: Mapping | None,
    recipe: dict[str, Any] | None,
    parameters: str | None,
    notes: list[str],
) -> Told:
    """For a result of `size` (width, height), in which the input lies as `mapping` says."""
    metadata = metadata or Metadata()
    tags = exif.parse(metadata.exif) if metadata.exif else None
    packet = metadata.xmp
    if mapping is not None:
        packet = regions.moved(packet, mapping, notes) if packet else None
        tags = regions.moved_tags(tags, mapping) if tags else None
    # ASCII only: prompts and file names may hold what no encoding can
    own = {"recipe": json.dumps(recipe, allow_nan=False)} if recipe is not None else {}
    if parameters is not None:
        own["parameters"] = parameters.replace("\0", "").encode("utf-8", "replace").decode()
    return Told(
        metadata=metadata,
        tags=exif.sized(tags, *size) if tags else None,
        xmp=xmp.sized(packet, *size) if packet else None,
        own=own,
    )


def density(metadata: Metadata) -> tuple[float, float, bool] | None:
    """Resolution x, y and whether it is in dots per inch; None where there is none that formats can state."""
    if metadata.dpi is not None and all(0.5 <= value <= MOST_DPI for value in metadata.dpi):
        return (*metadata.dpi, True)
    if metadata.pixel_shape is not None and all(1 <= value <= MOST_DPI for value in metadata.pixel_shape):
        return (*metadata.pixel_shape, False)
    return None


def for_png(said: Told, icc: bytes | None) -> list[Chunk]:
    """Every chunk beside the pixels, in an order that the specification allows (PNG 3rd edition, table 7)."""
    metadata = said.metadata
    chunks = list(metadata.colour_chunks)
    if icc and metadata.icc_implied_in != "PNG":
        chunks.append(png_chunks.profile_chunk(icc))
    if found := density(metadata):
        x, y, inch = found
        scale = 1 / 0.0254 if inch else 1.0
        chunks.append(png_chunks.density_chunk(x * scale, y * scale, per_metre=inch))
    if said.tags:
        chunks.append(Chunk(name=b"eXIf", data=exif.to_bytes(said.tags)))
    chunks += [text.chunk or png_chunks.text_chunk(text.key, text.text) for text in metadata.texts]
    keys = {text.key for text in metadata.texts}
    if metadata.comment and COMMENT not in keys:
        chunks.append(png_chunks.text_chunk(COMMENT, _words(metadata.comment)))
    if metadata.iptc or metadata.photoshop:
        block = jpeg_segments.photoshop_block(jpeg_segments.iptc_resources(metadata.iptc, metadata.photoshop))
        digits = block.hex()
        lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
        text = f"\niptc\n{len(block):8}\n{lines}\n"
        chunks.append(png_chunks.text_chunk("Raw profile type iptc", text, packed=True))
    names = {"recipe": "softextend"}  # `parameters` is where other tools look
    if "parameters" in keys:
        names["parameters"] = OURS_BESIDE
    chunks += [png_chunks.text_chunk(names.get(name, name), text) for name, text in said.own.items()]
    if said.xmp:
        chunks.append(png_chunks.xmp_chunk(said.xmp))
    return chunks


def packet(said: Told, texts: Iterable[Text] = ()) -> bytes | None:
    """XMP for formats whose only texts it holds: the input's, its loose texts, and our own."""
    whole = said.xmp
    loose = list(texts)
    if not said.own and not loose:
        return whole
    return xmp.with_properties(whole, said.own, [(text.key, text.text) for text in loose])


def loose_texts(metadata: Metadata, *, comment: bool) -> list[Text]:
    """A PNG's texts, and where the format has no comment also that."""
    texts = list(metadata.texts)
    if comment and metadata.comment:
        texts.append(Text(key=COMMENT, text=_words(metadata.comment)))
    return texts


def with_parameters(tags: exif.Tags | None, own: dict[str, str]) -> exif.Tags | None:
    """The parameters as user comment, where other tools look for them; anybody else's comment stays, XMP has ours."""
    if "parameters" not in own:
        return tags
    tags = tags or exif.Tags()
    comment = exif.comment(tags)
    return tags if comment and OWN_PARAMETERS not in comment else exif.with_comment(tags, own["parameters"])


def for_jpeg(said: Told, icc: bytes | None, notes: list[str]) -> dict[str, Any]:
    """What Pillow's writer takes, within the 64 kB that each marker segment holds."""
    metadata = said.metadata
    tags = with_parameters(said.tags, said.own)
    if tags:
        tags, gone = exif.fitted(tags, EXIF_ROOM)
        if gone:
            notes.append(f"JPEG holds 64 kB of EXIF: left out the {', the '.join(gone)}")
    comment = metadata.comment or _comment_of(metadata.texts)
    texts = [text for text in loose_texts(metadata, comment=False) if metadata.comment or text.key != COMMENT]
    whole, further = packet(said, texts), b""
    if whole and len(whole) > XMP_ROOM:
        main = packet(replace(said, xmp=None)) or xmp.with_properties(None, {})
        rest = packet(replace(said, own={}), texts)
        if rest is None or len(main) > XMP_ROOM - 400:  # our own part is the long one
            main, rest = xmp.with_properties(None, {}), whole
        guid, further = jpeg_segments.extended_segments(rest)
        whole = xmp_tree.naming_extension(main, guid)
    resources = jpeg_segments.iptc_resources(metadata.iptc, metadata.photoshop)
    if resources:
        block = jpeg_segments.photoshop_block(resources)
        further += jpeg_segments.in_pieces(jpeg_segments.APP13, jpeg_segments.PHOTOSHOP, block)
    if icc and len(icc) > ICC_ROOM:
        notes.append(f"JPEG holds {ICC_ROOM >> 20} MB of colour profile: left out, PNG and TIFF keep it")
        icc = None
    if comment and len(comment) > jpeg_segments.ROOM:
        notes.append("JPEG holds 64 kB of comment: cut there")
        comment = comment[: jpeg_segments.ROOM]
    found = density(metadata)
    return {
        "exif": b"Exif\0\0" + exif.to_bytes(tags) if tags else None,
        "xmp": whole,
        "icc_profile": icc,
        "comment": comment,
        "extra": further or None,
        "dpi": found[:2] if found and found[2] else None,
    }


def for_webp_or_avif(said: Told, icc: bytes | None, format: str, notes: list[str]) -> dict[str, Any]:
    """EXIF, XMP and profile are all that these two have."""
    metadata, tags = said.metadata, with_parameters(said.tags, said.own)
    if metadata.iptc or metadata.photoshop:
        what = "IPTC-IIM" if metadata.iptc else "Photoshop's copyright flag and URL"
        notes.append(f"{format} has no place for {what}: left out; JPEG, PNG and TIFF keep it, XMP stays")
    if found := density(metadata):
        tags = exif.with_resolution(tags or exif.Tags(), *found)
    if tags and format == "AVIF":  # its writer would turn an orientation into a property and re-arrange all tags
        tags = tags.with_value("image", exif.ORIENTATION, None)
    return {
        "exif": b"Exif\0\0" + exif.to_bytes(tags) if tags else None,
        "xmp": packet(said, loose_texts(metadata, comment=True)),
        "icc_profile": icc if metadata.icc_implied_in != format else None,
    }


def on_tiff(data: bytes, said: Told) -> bytes:
    """EXIF, XMP and IPTC added to a finished TIFF."""
    tags, metadata = with_parameters(said.tags, said.own), said.metadata
    order = (tags or exif.Tags()).order
    added = {0x02BC: (1, packet(said, loose_texts(metadata, comment=True)))}
    if metadata.iptc:
        added[exif.IPTC_TAG] = (exif.UNDEFINED, metadata.iptc)
    if metadata.photoshop:
        added[exif.PHOTOSHOP_TAG] = (1, jpeg_segments.photoshop_block(metadata.photoshop))
    for tag in (exif.IPTC_TAG, exif.PHOTOSHOP_TAG):
        tags = tags.with_value("image", tag, None) if tags else None
    for tag, (kind, raw) in added.items():
        if raw:
            value = exif.Value(kind=kind, count=len(raw), raw=raw)
            tags = (tags or exif.Tags(order=order)).with_value("image", tag, value)
    return exif.graft(data, tags) if tags else data


def _comment_of(texts: Iterable[Text]) -> bytes | None:
    """A PNG's `Comment`."""
    return next((text.text.encode() for text in texts if text.key == COMMENT), None)


def _words(raw: bytes) -> str:
    """A comment as text: UTF-8, else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
