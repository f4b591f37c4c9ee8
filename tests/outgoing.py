"""A photo as a camera leaves it, to be written: pixels, EXIF, XMP and what else is told of it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import skimage.data

from softextend.pictures import exif
from softextend.pictures.icc import srgb_profile
from softextend.pictures.picture import Metadata

TAGGED = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")
RECIPE = {"seed": 7, "prompt": 'sea & <sky> "wide"\n日本\udc80', "sides": [0, 256, 0, 256], "strength": 0.85}
PARAMETERS = "sea & <sky>, 日本\nNegative prompt: fog\nSteps: 30, Sampler: Euler, CFG scale: 1, Seed: 7"
MAKER = b"ACME\0" + bytes(range(200))


def photo_tags(order: str = ">", **more: exif.Value) -> exif.Tags:
    """What a camera writes, and sizes that no longer hold."""

    def short(value: int) -> exif.Value:
        return exif.Value(kind=3, count=1, raw=struct.pack(order + "H", value))

    def text(value: bytes) -> exif.Value:
        return exif.Value(kind=2, count=len(value), raw=value)

    ratio = exif.Value(kind=5, count=1, raw=struct.pack(order + "LL", 1, 250))
    place = exif.Value(kind=5, count=3, raw=struct.pack(order + "6L", 52, 1, 31, 1, 7, 2))
    return exif.Tags(
        order=order,
        image={0x010F: text(b"ACME camera\0"), exif.ORIENTATION: short(1), 0x0131: text(b"v1\0")},
        photo={
            0x829A: ratio,
            0xA002: short(99),
            0xA003: short(98),
            exif.MAKER_NOTE: exif.Value(kind=7, count=len(MAKER), raw=MAKER),
            **{int(tag): value for tag, value in more.items()},
        },
        gps={2: place},
        interop={1: text(b"R98\0")},
    )


def photo_metadata(order: str = ">") -> Metadata:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    packet += b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg" '
    packet += b'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:PixelXDimension="99"/></rdf:RDF></x:xmpmeta>'
    tags = photo_tags(order)
    return Metadata(icc=srgb_profile(), exif=exif.to_bytes(tags), dpi=(300, 300), xmp=packet)


def photo(height: int = 32, width: int = 48) -> np.ndarray:
    return np.ascontiguousarray(skimage.data.coffee()[100 : 100 + height, 200 : 200 + width])


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
