"""Small pictures for the page: as bytes, and as text that stands in JSON."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
from PIL import Image

if TYPE_CHECKING:
    from softextend.types import Pixels


def small_jpeg(pixels: Pixels, most: int, quality: int = 80) -> bytes:
    """pixels uint8 (H, W, 3), scaled down to at most `most` px a side, as a JPEG."""
    height, width = pixels.shape[:2]
    scale = min(1.0, most / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def png(image: Image.Image) -> bytes:
    """A picture as a PNG, quickly."""
    stream = BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def data_url(data: bytes, kind: str = "image/jpeg") -> str:
    """A small picture to stand in JSON."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
