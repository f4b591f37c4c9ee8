"""TIFF with more than 8 bits per sample, read and written whole: integers of 16 and 32 bits, half, single, double."""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from softextend.pictures import exif
from softextend.pictures.planes import top_of
from softextend.pictures.source import Source, Unusual, without_decoder_talk

if TYPE_CHECKING:
    from softextend.pictures.planes import Samples

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4, CIELAB: 3, ICCLAB: 3}
NAMES = {YCBCR: "YCbCr", PALETTE: "a palette", 10: "ITULab", 32803: "a sensor's mosaic", 34892: "raw linear values"}
SIMPLE = (1, 8, 32773, 32946)  # compressions that tifffile knows by itself: none, zip, PackBits
PREMULTIPLIED, STRAIGHT = 1, 2  # ExtraSamples
UNSIGNED, SIGNED, FLOATING = 1, 2, 3  # SampleFormat
BITS_PER_SAMPLE = 258
STRIP = 1 << 20  # bytes that a reader unpacks at a time
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False  # the error it then raises says enough


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Deep:
    """As `Decoded`: `colour` (H, W), (H, W, 3) or (H, W, 4) where `cmyk`; `alpha` straight."""

    colour: Samples
    alpha: Samples | None
    cmyk: bool


def read(source: Source, notes: list[str]) -> Deep | None:
    """The first page as stored, not turned; None where Pillow reads all there is. May raise Unusual."""
    from tifffile import TiffFile, TiffFileError  # reads tables of tags at its import

    try:
        with TiffFile(BytesIO(source.data)) as file:
            return _first_page(file.pages.first, source, notes)
    except TiffFileError:
        if source.image is None or max(source.tiff.get(BITS_PER_SAMPLE, (1,))) > 8:
            raise
        return None


def _first_page(page: Any, source: Source, notes: list[str]) -> Deep | None:
    """What kind of samples they are decides who reads them, and how."""
    bits, kind = page.bitspersample, int(page.sampleformat or UNSIGNED)
    if not isinstance(bits, int):
        raise Unusual("channels of different depths")
    apart = page.planarconfig == 2 and bits == 8 and int(page.compression) in SIMPLE  # Pillow mixes these up
    if source.image is not None and bits <= 8 and kind == UNSIGNED and not apart:
        return None
    photometric, channels = int(page.photometric or 0), int(page.samplesperpixel)
    if photometric not in CHANNELS:
        raise Unusual(f"{bits} bits of {NAMES.get(photometric, f'photometric kind {photometric}')}")
    if kind == SIGNED:
        raise Unusual("signed integer samples")
    if kind not in (UNSIGNED, FLOATING):
        raise Unusual(f"samples of format {kind}")
    extra = [int(each) for each in page.extrasamples or ()]
    return _sorted_out(_samples(source, page, bits, channels), photometric, extra, notes)


def _samples(source: Source, page: Any, bits: int, channels: int) -> Samples:
    """(H, W) or (H, W, channels) of one unsigned or floating-point type."""
    try:
        samples = page.asarray()
        if page.axes == "SYX":  # a plane per channel
            samples = np.moveaxis(samples, 0, -1)
    except (KeyError, ValueError, NotImplementedError, ImportError) as error:
        if "imagecodecs" not in str(error) and "requires" not in str(error):
            raise
        samples = _by_opencv(source, bits)
    samples = np.asarray(samples)
    if channels == 1 and samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[..., 0]
    expected = (source.size[1], source.size[0], *((channels,) if channels > 1 else ()))
    if samples.shape != expected:
        raise Unusual(f"{samples.ndim} dimensions of samples")
    if samples.dtype.kind == "u" and bits not in (8, 16, 32):  # 10, 12, 14 bits in words of 16
        wide = samples.astype(np.float64) * (65535 / (2**bits - 1))
        return np.asarray(np.rint(wide), np.uint16)
    if samples.dtype not in (np.uint8, np.uint16, np.uint32, np.float16, np.float32, np.float64):
        raise Unusual(f"samples of an unusual kind ({samples.dtype})")
    native: Samples = np.ascontiguousarray(samples, dtype=samples.dtype.newbyteorder("="))
    return native


def _by_opencv(source: Source, bits: int) -> Samples:
    """For compressions that tifffile alone does not know (LZW, JPEG): as stored, so the orientation is neutralised."""
    if source.image is not None:
        with without_decoder_talk():
            source.image.load()  # OpenCV would not mention data that are missing
        if source.image.mode.startswith("I;16") and bits != 16 and source.tiff.get(exif.ORIENTATION, 1) == 1:
            return np.asarray(source.image).astype(np.uint16)
    raw = bytearray(source.data)
    if (place := exif.place_of(source.data, exif.ORIENTATION)) is not None:
        raw[place + 8 : place + 12] = struct.pack(("<" if raw[:2] == b"II" else ">") + "HH", 1, 0)
    with without_decoder_talk():
        samples = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None:
        raise Unusual(f"{bits} bits per sample in a compression that is not read here")
    if samples.ndim == 3:
        samples = samples[..., [2, 1, 0, *range(3, samples.shape[2])]]
    return np.asarray(samples)


def _sorted_out(samples: Samples, photometric: int, extra: list[int], notes: list[str]) -> Deep:
    """Colour and alpha apart, black low and white high."""
    number = CHANNELS[photometric]
    layers = samples[..., None] if samples.ndim == 2 else samples
    if layers.shape[2] < number:
        raise Unusual(f"{layers.shape[2]} samples per pixel where {number} are needed")
    colour, alpha = layers[..., :number], None
    beside = layers.shape[2] - number
    kinds = extra or [STRAIGHT] * min(beside, 1)
    if beside and kinds[0] in (PREMULTIPLIED, STRAIGHT):
        alpha = np.ascontiguousarray(layers[..., number])
    if beside > (alpha is not None):
        notes.append(f"{beside - (alpha is not None)} further channels (masks, spot colours) are left out")
    if photometric == WHITE_IS_ZERO:
        colour = np.asarray(top_of(colour.dtype) - colour, colour.dtype) if colour.dtype.kind == "f" else ~colour
    if alpha is not None and kinds[0] == PREMULTIPLIED:
        colour = _straight(colour, alpha)
    if photometric == CMYK:
        notes.append(f"CMYK with {colour.dtype.itemsize * 8} bits per channel is read with 8")
        return Deep(colour=_eight(colour), alpha=None, cmyk=True)
    if photometric in (CIELAB, ICCLAB):
        notes.append(f"L*a*b* with {colour.dtype.itemsize * 8} bits per channel is read with 8")
        return Deep(colour=_from_lab(colour, photometric), alpha=None, cmyk=False)
    plane = colour[..., 0] if number == 1 else colour
    return Deep(colour=np.ascontiguousarray(plane), alpha=alpha, cmyk=False)


def _straight(colour: Samples, alpha: Samples) -> Samples:
    """Colours that were multiplied by alpha, divided by it; black where nothing is left of them."""
    top = top_of(colour.dtype)
    share = alpha[..., None].astype(np.float64) / top
    full = np.divide(colour, share, out=np.zeros(colour.shape), where=share > 0)
    return np.asarray(full if colour.dtype.kind == "f" else np.rint(full.clip(0, top)), colour.dtype)


def _eight(colour: Samples) -> Samples:
    share = colour.astype(np.float64) / top_of(colour.dtype)
    return np.asarray(np.rint(share.clip(0, 1) * 255), np.uint8)


def _from_lab(colour: Samples, photometric: int) -> Samples:
    """L*a*b* of 16 bits -> 8-bit RGB; TIFF technical note 4 and TIFF 6.0, section 23: a* and b* are signed."""
    if colour.dtype != np.uint16:
        raise Unusual("L*a*b* of an unusual depth")
    lightness = colour[..., 0].astype(np.float64) / (65280 if photometric == ICCLAB else 65535) * 255
    sides = colour[..., 1:].astype(np.float64)
    signed = colour[..., 1:].view(np.int16).astype(np.float64)
    middle = sides / 256 if photometric == ICCLAB else signed / 256 + 128
    eight = np.rint(np.concatenate([lightness[..., None], middle], axis=2).clip(0, 255)).astype(np.uint8)
    parts = [Image.fromarray(np.ascontiguousarray(eight[..., index])) for index in range(3)]
    return np.asarray(Image.merge("LAB", parts).convert("RGB"))


def write(samples: Samples, *, alpha: bool, icc: bytes | None, density: tuple[float, float, int] | None) -> bytes:
    """(H, W) or (H, W, channels) of any type, the last straight alpha where `alpha`; zip-compressed, no losses.

    `density`: x, y and TIFF's unit, 1 none, 2 inch; EXIF and XMP are grafted on afterwards.
    """
    from tifffile import imwrite

    channels = 1 if samples.ndim == 2 else samples.shape[2]
    x, y, unit = density or (1.0, 1.0, 1)
    buffer = BytesIO()
    imwrite(
        buffer,
        np.ascontiguousarray(samples),
        photometric="minisblack" if channels - alpha == 1 else "rgb",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if alpha else None,
        compression="zlib",
        predictor=samples.dtype.kind != "f",  # floating-point differences are an extension that few read
        metadata=None,
        software=False,
        iccprofile=icc,
        resolution=(x, y),
        resolutionunit=unit,
        rowsperstrip=max(1, STRIP // max(1, samples[0].nbytes)),
    )
    return buffer.getvalue()
