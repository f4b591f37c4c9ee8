"""Colour profiles: from a file's colours to the RGB that is kept, and sRGB itself."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

from softextend.errors import BadPicture

if TYPE_CHECKING:
    from softextend.types import Pixels


FIXED_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # littleCMS writes the time of day into a profile


def _to_rgb(base: Image.Image, icc: bytes | None, notes: list[str]) -> tuple[Pixels, bytes | None]:
    """L, RGB or CMYK -> RGB pixels and the profile that describes them: the file's own, else sRGB."""
    space = icc[16:20] if icc else b""  # ICC.1:2022 7.2: the profile's colour space
    needs = {"L": b"GRAY", "CMYK": b"CMYK"}.get(base.mode)
    if icc and space == needs:
        try:
            return _managed(base, icc), srgb_profile()
        except ImageCms.PyCMSError:
            notes.append("the colour profile is damaged and left out")
            icc, space = None, b""
    if base.mode == "CMYK":
        notes.append("CMYK without a usable colour profile: the colours are approximate")
        icc = None
    elif icc and space != b"RGB ":
        notes.append(
            f"the colour profile is one for {space.decode('ascii', 'replace').strip()}, not for this picture: left out"
        )
        icc = None
    return np.array(base.convert("RGB")), icc


def _managed(base: Image.Image, icc: bytes) -> Pixels:
    """Through the profile into sRGB, relative colorimetric with black point compensation, as print previews do."""
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(icc)),
        ImageCms.ImageCmsProfile(BytesIO(srgb_profile())),
        base.mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    converted = ImageCms.applyTransform(base, transform)
    if converted is None:
        raise ImageCms.PyCMSError("no picture came back")
    return np.array(converted)


def to_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """Pixels that an RGB profile describes -> sRGB; BadPicture where the profile is damaged."""
    try:
        return _managed(Image.fromarray(pixels), icc)
    except ImageCms.PyCMSError as error:
        raise BadPicture(f"the colour profile is damaged ({error}); remove it, or save the picture as sRGB") from error


def srgb_profile() -> bytes:
    """An sRGB profile with a fixed date, so that the same picture is the same bytes."""
    raw = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return raw[:24] + FIXED_DATE + raw[36:]
