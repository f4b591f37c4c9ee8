"""Pictures with more than 8 bits per sample: what Pillow would cut off or not open is read whole and rounded."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from softextend.pictures import exif

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known

    Samples = npt.NDArray[Any]


OPAQUE = 128  # of 255; alpha from here on counts as original


class Unusual(ValueError):
    """A sound file with a kind of samples that nothing here reads."""

    def __init__(self, came: str) -> None:
        super().__init__(f"has {came}; save it with 8 or 16 bit per channel, interleaved")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Source:
    """A picture file, opened; `image` is None where only OpenCV decodes it. `tiff`: a TIFF's own tags by number."""

    data: bytes
    format: str
    mode: str
    size: tuple[int, int]  # width, height, as stored
    info: dict[str, Any]
    image: Image.Image | None = None
    tiff: dict[int, Any]


def source_of(image: Image.Image, data: bytes) -> Source:
    """What Pillow found in the data, not decoded yet."""
    tiff = dict(getattr(image, "tag_v2", {}))
    return Source(
        data=data,
        format=str(image.format),
        mode=image.mode,
        size=(int(tiff[256]), int(tiff[257])) if tiff else image.size,  # Pillow gives a TIFF's size as turned
        info={str(key): value for key, value in image.info.items()},
        image=image,
        tiff=tiff,
    )


def source_of_tiff(data: bytes) -> Source:
    """A TIFF that Pillow does not open, floating-point colour above all; Unusual where OpenCV would garble it."""
    tags = exif.parse(data)
    width, height = (tags.number("image", tag) or 0 for tag in (0x0100, 0x0101))
    samples, planar = (tags.number("image", tag) or 1 for tag in (0x0115, 0x011C))
    if not width or not height:
        raise ValueError("no size")
    if samples not in (1, 3, 4) or planar != 1:
        raise Unusual(f"{samples} samples per pixel" + (" in separate planes" if planar != 1 else ""))
    kept = {"icc_profile": 0x8773, "xmp": 0x02BC}
    info = {name: tags.image[tag].raw for name, tag in kept.items() if tag in tags.image}
    mode = {1: "F", 3: "RGB", 4: "RGBA"}[samples]
    return Source(data=data, format="TIFF", mode=mode, size=(width, height), info=info, tiff={})


def load(source: Source) -> None:
    """Decodes; an error where data are missing, which OpenCV would not mention. PNG metadata may follow the pixels."""
    if source.image is not None:
        with _without_decoder_talk() if source.format == "TIFF" else nullcontext():
            source.image.load()
        source.info.update({str(key): value for key, value in source.image.info.items()})


@contextmanager
def _without_decoder_talk() -> Iterator[None]:
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


def is_turned_by_pillow(source: Source) -> bool:
    """Pillow applies a TIFF's orientation while it decodes; what OpenCV decodes here stays as stored."""
    return source.format == "TIFF" and source.image is not None and not has_16_bit_colour(source)


def read_deep(source: Source) -> tuple[Samples, Known | None] | None:
    """uint16 or float32 (H, W[, 3]), known where some is transparent; None: 8 bits are all there is. Raises Unusual."""
    image, mode = source.image, source.mode
    if mode == "I":
        raise Unusual("signed or 32-bit integer samples")
    if image is not None and mode.startswith("I;16"):
        bits = int(source.tiff.get(258, (16,))[0])
        grey = np.asarray(image).astype(np.uint16)
        if bits != 16:
            grey = (grey.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
        return _keyed(grey, source)
    if image is not None and mode == "F":
        return np.asarray(image), None
    if image is not None and not has_16_bit_colour(source):
        return None
    samples = _by_opencv(source.data)
    if samples.shape[:2] != source.size[::-1] or samples.dtype not in (np.uint16, np.float32, np.float64):
        raise Unusual(f"samples of an unusual kind ({samples.dtype})")
    if samples.dtype == np.float64:
        samples = samples.astype(np.float32)
    if samples.ndim == 2:
        return samples, None
    if samples.shape[2] == 4 and mode == "RGBA":
        top = 1 if samples.dtype.kind == "f" else 65535
        return samples[..., 2::-1], samples[..., 3] >= top * (OPAQUE - 0.5) / 255  # as its 8 bits would round
    return _keyed(samples[..., 2::-1], source)


def has_16_bit_colour(source: Source) -> bool:
    """Colour with 16 bits per channel, of which Pillow cuts the lower 8 off instead of rounding."""
    if source.format == "PNG":
        return source.mode in ("RGB", "RGBA") and source.data[24] == 16  # IHDR: bit depth
    if source.format != "TIFF" or source.mode not in ("RGB", "RGBA", "RGBX") or 16 not in source.tiff.get(258, ()):
        return False
    if source.tiff.get(284, 1) != 1:
        raise Unusual("16 bit per channel in separate planes")
    premultiplied = source.tiff.get(338, (2,))[0] == 1
    return not premultiplied and exif.is_tiff(source.data)  # the others are Pillow's


def to_eight_bit(samples: Samples, notes: list[str]) -> tuple[npt.NDArray[np.uint8], Known | None]:
    """uint16 or float32 (H, W[, 3]) -> uint8 in [0, 255], rounded; known where it is a number (None: everywhere)."""
    if samples.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(np.ascontiguousarray(samples), alpha=1 / 257)), None
    finite = np.isfinite(samples)
    known: Known = np.asarray(finite.all(axis=2) if samples.ndim == 3 else finite)
    samples = np.where(finite, samples, 0)
    top, bottom = float(samples.max()), float(samples.min())
    if top > 1:
        notes.append(f"floating-point samples reach {top:g}: scaled so that this is white")
        samples = samples / top
    if bottom < 0:
        notes.append(f"floating-point samples reach down to {bottom:g}: what is below 0 becomes black")
    if not known.all():
        notes.append(f"{int((~known).sum())} pixels are no number and count as empty")
    return np.rint(samples.clip(0, 1) * 255).astype(np.uint8), known


def _by_opencv(data: bytes) -> Samples:
    """What OpenCV makes of a PNG or TIFF, BGR order, as stored: it would turn a TIFF, so the tag is neutralised."""
    raw = bytearray(data)
    if exif.is_tiff(data) and (place := exif.place_of(data, exif.ORIENTATION)) is not None:
        raw[place + 8 : place + 12] = struct.pack(("<" if data[:2] == b"II" else ">") + "HH", 1, 0)
    with _without_decoder_talk():
        samples = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None:
        raise ValueError("it cannot be decoded")
    return np.asarray(samples)


def _keyed(samples: Samples, source: Source) -> tuple[Samples, Known | None]:
    """A PNG may call one colour transparent instead of carrying alpha."""
    key = source.info.get("transparency")
    if key is None:
        return samples, None
    different = samples != np.asarray(key)
    return samples, different.any(axis=2) if samples.ndim == 3 else different
