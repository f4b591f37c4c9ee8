"""A picture in memory, and what a file says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from softextend.pictures.png_chunks import Chunk, Text

if TYPE_CHECKING:
    from softextend.pictures.planes import Planes
    from softextend.types import Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Metadata:
    """What travels from input to output. `exif`: from its TIFF header on; `dpi`: (x, y); `lossless`: the WebP was.

    `pixel_shape`: resolution without a unit; `icc_implied_in`: the format that states the same without a profile;
    `colour_chunks`: PNG's; `iptc`: IPTC-IIM records; `photoshop`: other image resources as (number, content).
    """

    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    lossless: bool = False
    pixel_shape: tuple[float, float] | None = None
    icc_implied_in: str | None = None
    colour_chunks: tuple[Chunk, ...] = ()
    texts: tuple[Text, ...] = ()
    comment: bytes | None = None
    iptc: bytes | None = None
    photoshop: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """One photo as the rest of the program sees it; `format`: what it is written as unless the user says otherwise.

    `pixels`: 8-bit RGB, what fills and models see of `planes`, the file's own samples; both upright.
    """

    pixels: Pixels
    planes: Planes
    known: Known
    format: str
    metadata: Metadata
    notes: tuple[str, ...] = ()
    sha256: str | None = None  # of the bytes it was read from, hexadecimal
