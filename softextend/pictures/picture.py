"""A picture in memory, and what a file says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Metadata:
    """What travels from input to output. `exif`: from its TIFF header on; `dpi`: (x, y); `lossless`: the WebP was."""

    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    lossless: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """One photo as the rest of the program sees it; `format`: what it is written as unless the user says otherwise."""

    pixels: Pixels
    known: Known
    format: str
    metadata: Metadata
    notes: tuple[str, ...] = ()
    sha256: str | None = None  # of the bytes it was read from, hexadecimal
