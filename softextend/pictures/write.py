"""Pictures out: encoded with everything that came in and the recipe, written whole or not at all."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from softextend.errors import OutputError
from softextend.pictures import deep_png, deep_tiff, embed, jpeg_segments, png_chunks
from softextend.pictures.address import Place
from softextend.pictures.files import write_file
from softextend.pictures.fit import fit_to, layers
from softextend.pictures.formats import check_size
from softextend.pictures.planes import Planes, eight_bit
from softextend.pictures.png_packing import LEVEL, packing

if TYPE_CHECKING:
    from collections.abc import Callable

    from softextend.pictures.embed import Told
    from softextend.pictures.mapping import Mapping
    from softextend.pictures.picture import Metadata
    from softextend.pictures.planes import Samples
    from softextend.types import Pixels

    OnNote = Callable[[str], None]  # one line worth knowing

QUALITY = 95  # of lossy files where none is named


def encode_picture(
    pixels: Pixels | Planes,
    *,
    format: str,
    metadata: Metadata | None = None,
    mapping: Mapping | None = None,
    recipe: dict[str, Any] | None = None,
    parameters: str | None = None,
    quality: int | None = None,
    on_note: OnNote | None = None,
) -> bytes:
    """uint8 RGB (H, W, 3) or grey (H, W), or planes of any depth -> a file's bytes.

    `mapping`: where the input that the metadata speak of lies in the picture; `quality`, 1 to 100, counts for JPEG,
    AVIF and WebP, which it makes lossy; None: 95, and WebP as the input. What a format cannot hold `on_note` is told.
    """
    format = format.upper()
    planes = pixels if isinstance(pixels, Planes) else eight_bit(pixels)
    height, width = planes.size
    check_size(format, width, height)
    notes: list[str] = []
    planes, icc = fit_to(planes, metadata.icc if metadata else None, format, notes)
    said = embed.told(metadata, (width, height), mapping, recipe, parameters, notes)
    samples = layers(planes)
    try:
        if format == "PNG":
            data = png_chunks.with_chunks(_png(samples), embed.for_png(said, icc))
        elif format == "TIFF":
            data = _tiff(samples, planes, icc, said)
        else:
            data = _by_pillow(samples, format, icc, said, quality, notes)
    except (OSError, ValueError, MemoryError) as error:
        reason = str(error) or type(error).__name__
        raise OutputError(f"the picture cannot be encoded as {format} ({reason}); choose PNG") from error
    for note in notes:
        if on_note:
            on_note(note)
    return data


def _png(samples: Samples) -> bytes:
    encode = deep_png.encode if samples.dtype == np.uint16 else _shallow_png
    return encode(samples, packing(samples, encode))


def _shallow_png(samples: Samples, strategy: int) -> bytes:
    return _saved(samples, "PNG", {"compress_level": LEVEL, "compress_type": strategy})


def _tiff(samples: Samples, planes: Planes, icc: bytes | None, said: Told) -> bytes:
    found = embed.density(said.metadata)
    unit = (*found[:2], 2 if found[2] else 1) if found else None
    return embed.on_tiff(deep_tiff.write(samples, alpha=planes.has_alpha, icc=icc, density=unit), said)


def _by_pillow(
    samples: Samples, format: str, icc: bytes | None, said: Told, quality: int | None, notes: list[str]
) -> bytes:
    """JPEG, WebP, AVIF and BMP: 8 bits."""
    found = embed.density(said.metadata)
    if format == "JPEG":
        options = embed.for_jpeg(said, icc, notes)
    elif format == "BMP":
        options = {"dpi": found[:2] if found and found[2] else None}
    else:
        options = embed.for_webp_or_avif(said, icc, format, notes)
    options |= _settings(format, quality, lossless=said.metadata.lossless)
    data = _saved(samples, format, {name: value for name, value in options.items() if value is not None})
    return jpeg_segments.without_unit(data, found[:2]) if format == "JPEG" and found and not found[2] else data


def _settings(format: str, quality: int | None, *, lossless: bool) -> dict[str, Any]:
    """How each format is compressed: full colour resolution where it is lossy, else what loses nothing."""
    if quality is None:
        quality = QUALITY
    else:
        lossless = False  # who names one wants a small file
    if format == "WEBP":
        return {"lossless": True, "quality": 80, "exact": True} if lossless else {"quality": quality, "exact": True}
    settings: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": "4:4:4"},
        "AVIF": {"quality": quality, "subsampling": "4:4:4"},
    }
    return settings.get(format, {})


def _saved(samples: Samples, format: str, options: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(samples))
    image.save(buffer, format, **options)
    return buffer.getvalue()


def write_picture(
    target: Place,
    pixels: Pixels | Planes,
    *,
    format: str,
    metadata: Metadata | None = None,
    mapping: Mapping | None = None,
    recipe: dict[str, Any] | None = None,
    parameters: str | None = None,
    quality: int | None = None,
    overwrite: bool,
    on_note: OnNote | None = None,
) -> None:
    """`encode_picture` into a file, whole or not at all; a missing folder is made. OutputError with the reason."""
    try:
        data = encode_picture(
            pixels,
            format=format,
            metadata=metadata,
            mapping=mapping,
            recipe=recipe,
            parameters=parameters,
            quality=quality,
            on_note=on_note,
        )
    except OutputError as error:
        raise OutputError(f"{target}: {error}") from error
    write_file(target, data, overwrite=overwrite)
