"""Files made for reading: encoded pictures, samples deeper than Pillow writes, and small colour profiles."""

from __future__ import annotations

import struct
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from softextend.pictures.picture import Picture
from softextend.pictures.read import read_picture

RNG_SEED = 5


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def by_opencv(suffix: str, samples: np.ndarray) -> bytes:
    """Samples in RGB(A) order, deeper than Pillow writes them."""
    order = {2: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
    stored = samples if samples.ndim == 2 else samples[..., order[samples.shape[2]]]
    done, data = cv2.imencode(suffix, stored)
    assert done
    return data.tobytes()


def noise(height: int, width: int, channels: int = 3, top: int = 256) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(RNG_SEED).integers(0, top, shape).astype(np.uint8 if top <= 256 else np.uint16)


def profile_bytes(space: bytes, tags: dict[bytes, bytes], *, connection: bytes, kind: bytes) -> bytes:
    """A minimal ICC profile, version 2.4; ICC.1:2001-04, 6.1 to 6.5."""
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">L", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">LL", at + len(body), len(content))
        body += content
    white = struct.pack(">3l", 0xF6D6, 0x10000, 0xD32D)
    head = struct.pack(">L4sL4s4s4s", at + len(body), b"lcms", 0x02400000, kind, space, connection)
    head += bytes(12) + b"acsp" + bytes(24) + bytes(4) + white
    return head.ljust(128, b"\0") + table + body


def linear_grey() -> bytes:
    """A grey profile whose values are proportional to light."""
    white = b"XYZ " + bytes(4) + struct.pack(">3l", 0xF6D6, 0x10000, 0xD32D)
    return profile_bytes(b"GRAY", {b"wtpt": white, b"kTRC": b"curv" + bytes(8)}, connection=b"XYZ ", kind=b"mntr")


def read_bytes(data: bytes) -> Picture:
    return read_picture(data, name="photo")
