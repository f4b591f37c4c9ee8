"""Files to samples: Pillow where 8 bits are all there is, tifffile and OpenCV where there is more."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from softextend.pictures import deep_tiff, png_chunks
from softextend.pictures.checksums import check_pixels
from softextend.pictures.source import Source, without_decoder_talk

if TYPE_CHECKING:
    from softextend.pictures.planes import Samples


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Decoded:
    """`colour`: (H, W) grey, (H, W, 3) RGB or, where `cmyk`, (H, W, 4) uint8; `alpha` of the same type, or None.

    `turned`: whether a TIFF's orientation is applied already.
    """

    colour: Samples
    alpha: Samples | None = None
    cmyk: bool = False
    turned: bool = False


def decode(source: Source, notes: list[str]) -> Decoded:
    """The first picture of a file at its depth; Unusual for samples of a kind that nothing here reads."""
    if source.format == "TIFF" and (deep := deep_tiff.read(source, notes)):
        return Decoded(colour=deep.colour, alpha=deep.alpha, cmyk=deep.cmyk)
    load(source)
    if source.format == "PNG" and source.data[24] == 16:  # IHDR: bit depth
        return _keyed(_deep_png(source.data), source)
    decoded = _by_pillow(source)
    return _keyed(decoded, source) if source.format == "PNG" else _cropped(decoded, source, notes)


def load(source: Source) -> None:
    """Decodes by Pillow; an error where data are missing, which OpenCV would not mention."""
    if source.image is not None:
        with without_decoder_talk() if source.format == "TIFF" else nullcontext():
            source.image.load()
        if source.format == "PNG" and _ends_empty(source.image):
            check_pixels(source.data)
        late = {str(key): value for key, value in source.image.info.items()}
        source.info.update({key: value for key, value in late.items() if key not in source.info})


def _ends_empty(image: Image.Image) -> bool:
    """Whether one of the last two rows holds nothing but zeros, as do those that a decoder had no data for."""
    last = np.asarray(image.crop((0, max(0, image.height - 2), *image.size)))
    return not all(row.any() for row in last)


def _by_pillow(source: Source) -> Decoded:
    """8 bits: grey, RGB or CMYK, with what alpha there is."""
    image = source.image
    assert image is not None  # what Pillow does not open is a deep TIFF
    turned = source.format == "TIFF"
    if source.format == "PNG" and source.data[25] in (0, 2):  # one transparent colour is looked at in `_keyed`
        image.info.pop("transparency", None)
    if image.mode in ("La", "RGBa"):  # colours multiplied by alpha
        image = image.convert(image.mode.upper())
    alpha = None
    if image.has_transparency_data:
        image = image if image.mode == "LA" else image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
    if image.mode in ("1", "L", "LA"):
        return Decoded(colour=np.asarray(image.convert("L")), alpha=alpha, turned=turned)
    if image.mode == "CMYK":
        return Decoded(colour=np.asarray(image), cmyk=True, turned=turned)
    return Decoded(colour=np.asarray(image.convert("RGB")), alpha=alpha, turned=turned)


def _deep_png(data: bytes) -> Decoded:
    """16 bits per channel, of which Pillow cuts the lower 8 off; only the pixels' chunks reach the decoder."""
    with without_decoder_talk():
        samples = cv2.imdecode(np.frombuffer(png_chunks.pixels_alone(data), np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16:
        raise ValueError("it cannot be decoded")
    kind = data[25]  # IHDR: colour type; bit 1: colour, bit 2: alpha
    if samples.ndim == 2:
        return Decoded(colour=samples)
    colour = np.ascontiguousarray(samples[..., 2::-1] if kind & 2 else samples[..., 0])
    return Decoded(colour=colour, alpha=np.ascontiguousarray(samples[..., 3]) if kind & 4 else None)


def _keyed(decoded: Decoded, source: Source) -> Decoded:
    """A PNG of grey or RGB may call one colour transparent instead of carrying alpha; PNG 3rd edition, 11.3.1.1."""
    bits, kind = source.data[24], source.data[25]
    channels = {0: 1, 2: 3}.get(kind)
    raw = next((chunk.data for chunk in source.chunks if chunk.name == b"tRNS"), b"")
    if channels is None or len(raw) != 2 * channels:
        return decoded
    most = 2**bits - 1
    key = [value & most for value in struct.unpack(f">{channels}H", raw)]
    wanted = np.array([value * 255 // most if bits < 8 else value for value in key], decoded.colour.dtype)
    different = decoded.colour != (wanted if channels == 3 else wanted[0])
    seen = different.any(axis=2) if channels == 3 else different
    alpha = np.where(seen, np.iinfo(decoded.colour.dtype).max, 0).astype(decoded.colour.dtype)
    return Decoded(colour=decoded.colour, alpha=alpha)


def _cropped(decoded: Decoded, source: Source, notes: list[str]) -> Decoded:
    """An AVIF's clean aperture cut out, and what its container holds beside the picture said."""
    if source.primary.beside:
        notes.append(f"the file also holds {' and '.join(source.primary.beside)}: left out, only the picture is used")
    if source.primary.bits is not None and source.primary.bits > 8:
        notes.append(f"{source.format} with {source.primary.bits} bits per channel is read with 8")
    box = source.primary.aperture
    if box is None or source.format != "AVIF" or decoded.colour.shape[:2] != (source.size[1], source.size[0]):
        return decoded
    alpha = None if decoded.alpha is None else decoded.alpha[box.cut]
    return Decoded(colour=decoded.colour[box.cut], alpha=alpha, cmyk=decoded.cmyk, turned=decoded.turned)


def as_image(colour: Samples, *, cmyk: bool) -> Image.Image:
    """8-bit samples as Pillow's picture."""
    if not cmyk:
        return Image.fromarray(colour)
    height, width = colour.shape[:2]
    return Image.frombytes("CMYK", (width, height), np.ascontiguousarray(colour).tobytes())
