"""Pictures out: encoded with everything that came in and the recipe, written whole or not at all."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, PngImagePlugin

from softextend.errors import OutputError
from softextend.pictures import exif, xmp
from softextend.pictures.files import write_file
from softextend.pictures.formats import check_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from softextend.pictures.picture import Metadata
    from softextend.types import Pixels

    OnNote = Callable[[str], None]  # one line worth knowing


MARKER = 65_533  # bytes that one JPEG marker segment holds
EXIF_ROOM = MARKER - len(b"Exif\0\0")
XMP_ROOM = MARKER - len(b"http://ns.adobe.com/xap/1.0/\0")
MOST_DPI = 65_535  # JPEG stores 16 bits
GENERATED = "Steps: "  # every text in the A1111 form has it; a photographer's comment hardly


def encode_picture(
    pixels: Pixels,
    *,
    format: str,
    metadata: Metadata | None = None,
    recipe: dict[str, Any] | None = None,
    parameters: str | None = None,
    quality: int = 95,
    on_note: OnNote | None = None,
) -> bytes:
    """RGB (H, W, 3) or grey (H, W) uint8 -> a file's bytes; `quality` counts for JPEG, AVIF and lossy WebP."""
    format = format.upper()
    height, width = pixels.shape[:2]
    check_size(format, width, height)
    options: dict[str, Any] = {}
    tags = xmp_packet = None
    if metadata is not None:
        options = {"icc_profile": metadata.icc, "dpi": metadata.dpi if _sound(metadata.dpi) else None}
        tags = exif.sized(exif.parse(metadata.exif), width, height) if metadata.exif else None
        xmp_packet = xmp.sized(metadata.xmp, width, height) if metadata.xmp else None
    # ASCII only: prompts and file names may hold what no encoding can
    text = {"recipe": json.dumps(recipe, allow_nan=False)} if recipe is not None else {}
    if parameters is not None:
        text["parameters"] = parameters.replace("\0", "").encode("utf-8", "replace").decode()
    notes: list[str] = []
    if format == "PNG":
        options |= {"exif": exif.to_bytes(tags) if tags else b"", "pnginfo": _png_text(text, xmp_packet)}
    elif format != "BMP":
        tags = _with_parameters(tags, text)
        packet = xmp.with_properties(xmp_packet, text) if text else xmp_packet
        if format == "JPEG":
            tags, packet = _fitted(tags, packet, text, notes)
        options |= _tagged(format, tags, packet)
    options |= _settings(format, quality, lossless=metadata is not None and metadata.lossless)
    data = _saved(pixels, format, {name: value for name, value in options.items() if value is not None})
    for note in notes:
        if on_note:
            on_note(note)
    return _tiff_with(data, tags, packet) if format == "TIFF" else data


def _settings(format: str, quality: int, *, lossless: bool) -> dict[str, Any]:
    """How each format is compressed: full colour resolution where it is lossy, else what loses nothing."""
    if format == "WEBP":
        return {"lossless": True, "quality": 80} if lossless else {"quality": quality}
    settings: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": "4:4:4"},
        "AVIF": {"quality": quality, "subsampling": "4:4:4"},
        "TIFF": {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}},  # horizontal differencing
    }
    return settings.get(format, {})


def _tagged(format: str, tags: exif.Tags | None, packet: bytes | None) -> dict[str, Any]:
    """EXIF and XMP as Pillow's writers take them; a TIFF gets its own afterwards."""
    if format == "TIFF":
        return {}
    if format == "AVIF" and tags:  # its writer would turn an orientation into a property and re-arrange all tags
        tags = tags.with_value("image", exif.ORIENTATION, None)
    return {"exif": b"Exif\0\0" + exif.to_bytes(tags) if tags else None, "xmp": packet}


def _with_parameters(tags: exif.Tags | None, text: dict[str, str]) -> exif.Tags | None:
    """The parameters as user comment, where other tools look for them; a photographer's own comment stays."""
    if "parameters" not in text:
        return tags
    tags = tags or exif.Tags()
    own = exif.comment(tags)
    return tags if own and GENERATED not in own else exif.with_comment(tags, text["parameters"])


def _fitted(
    tags: exif.Tags | None, packet: bytes | None, text: dict[str, str], notes: list[str]
) -> tuple[exif.Tags | None, bytes | None]:
    """What a JPEG's marker segments of 64 kB hold, and notes on what had to go."""
    if tags:
        tags, gone = exif.fitted(tags, EXIF_ROOM)
        if gone:
            notes.append(f"JPEG holds 64 kB of EXIF: left out the {', the '.join(gone)}")
    if packet and len(packet) > XMP_ROOM:
        notes.append("JPEG holds 64 kB of XMP: left out the photo's own")
        packet = xmp.with_properties(None, text) if text else None
    if packet and len(packet) > XMP_ROOM:
        notes.append("JPEG holds 64 kB of XMP: the recipe is longer and left out; PNG would keep it")
        packet = None
    return tags, packet


def _png_text(text: dict[str, str], packet: bytes | None) -> PngImagePlugin.PngInfo:
    """Text chunks: `softextend` holds the recipe, `parameters` what other tools read."""
    chunks = PngImagePlugin.PngInfo()
    if "recipe" in text:
        chunks.add_text("softextend", text["recipe"])
    if "parameters" in text:
        chunks.add_text("parameters", text["parameters"])  # iTXt by itself where it is not Latin-1
    if packet:
        chunks.add_itxt("XML:com.adobe.xmp", packet.decode("utf-8", "replace"))
    return chunks


def _tiff_with(data: bytes, tags: exif.Tags | None, packet: bytes | None) -> bytes:
    """Pillow's TIFF writer with compression takes no EXIF directory: the tags are added to the finished file."""
    if packet:
        value = exif.Value(kind=1, count=len(packet), raw=packet)
        tags = (tags or exif.Tags()).with_value("image", 700, value)
    return exif.graft(data, tags) if tags else data


def _saved(pixels: Pixels, format: str, options: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, format, **options)
    except (OSError, ValueError, MemoryError) as error:
        reason = str(error) or type(error).__name__
        raise OutputError(f"the picture cannot be encoded as {format} ({reason}); choose PNG") from error
    return buffer.getvalue()


def _sound(dpi: tuple[float, float] | None) -> bool:
    return dpi is not None and all(0.5 <= value <= MOST_DPI for value in dpi)


def write_picture(
    target: Path,
    pixels: Pixels,
    *,
    format: str,
    metadata: Metadata | None = None,
    recipe: dict[str, Any] | None = None,
    parameters: str | None = None,
    quality: int = 95,
    overwrite: bool,
    on_note: OnNote | None = None,
) -> None:
    """`encode_picture` into a file, whole or not at all; a missing folder is made. OutputError with the reason."""
    try:
        data = encode_picture(
            pixels,
            format=format,
            metadata=metadata,
            recipe=recipe,
            parameters=parameters,
            quality=quality,
            on_note=on_note,
        )
    except OutputError as error:
        raise OutputError(f"{target}: {error}") from error
    write_file(target, data, overwrite=overwrite)
