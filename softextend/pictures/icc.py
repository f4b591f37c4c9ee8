"""Colour profiles: from a file's colours to the RGB that is kept, and sRGB itself."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms

from softextend.errors import BadPicture
from softextend.pictures import profiles

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Pixels


FIXED_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # littleCMS writes the time of day into a profile


def own_colours(
    colour: npt.NDArray[Any], icc: bytes | None, notes: list[str], *, cmyk: bool
) -> tuple[npt.NDArray[Any], bytes | None]:
    """Grey (H, W), RGB (H, W, 3), CMYK uint8 (H, W, 4) -> grey or RGB, and the profile that describes it, if any.

    Grey and RGB stay as they are, with the file's own profile; CMYK goes through its profile into sRGB.
    """
    space = icc[16:20] if icc else b""  # ICC.1:2022 7.2: the profile's colour space
    if cmyk:
        return _from_cmyk(colour, icc if space == b"CMYK" else None, notes)
    if icc is None:
        return colour, None
    if colour.ndim == 3 and space == b"RGB ":
        return colour, icc
    if colour.ndim == 2 and space == b"GRAY":
        if is_usable(icc, "L"):
            return colour, icc
        notes.append("the colour profile is damaged and left out")
        return colour, None
    if colour.ndim == 2 and space == b"RGB ":
        grey = profiles.rgb_as_grey(icc)
        return (colour, grey) if grey else (np.repeat(colour[..., None], 3, axis=2), icc)
    name = space.decode("ascii", "replace").strip()
    notes.append(f"the colour profile is one for {name}, not for this picture: left out")
    return colour, None


def _from_cmyk(colour: Pixels, icc: bytes | None, notes: list[str]) -> tuple[Pixels, bytes | None]:
    """CMYK (H, W, 4), 0 = no ink, into sRGB; without a profile only approximately."""
    height, width = colour.shape[:2]
    image = Image.frombytes("CMYK", (width, height), np.ascontiguousarray(colour).tobytes())
    if icc is not None:
        try:
            return _managed(image, icc), srgb_profile()
        except ImageCms.PyCMSError:
            notes.append("the colour profile is damaged and left out")
    notes.append("CMYK without a usable colour profile: the colours are approximate")
    return np.array(image.convert("RGB")), None


def is_usable(icc: bytes, mode: str) -> bool:
    """Whether littleCMS can convert pictures of a mode from this profile."""
    try:
        profile, target = (ImageCms.ImageCmsProfile(BytesIO(each)) for each in (icc, srgb_profile()))
        ImageCms.buildTransform(profile, target, mode, "RGB")
    except ImageCms.PyCMSError:
        return False
    return True


def grey_to_srgb(grey: Pixels, icc: bytes) -> Pixels:
    """8-bit grey (H, W) under a usable grey profile -> sRGB (H, W, 3)."""
    return _managed(Image.fromarray(grey), icc)


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
    """Pixels (H, W, 3) that an RGB or, three equal samples, a grey profile describes -> sRGB; BadPicture where it is
    damaged.
    """
    seen = np.ascontiguousarray(pixels[..., 1]) if icc[16:20] == b"GRAY" else pixels
    try:
        return _managed(Image.fromarray(seen), icc)
    except ImageCms.PyCMSError as error:
        raise BadPicture(f"the colour profile is damaged ({error}); remove it, or save the picture as sRGB") from error


def srgb_profile() -> bytes:
    """An sRGB profile with a fixed date, so that the same picture is the same bytes."""
    raw = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return raw[:24] + FIXED_DATE + raw[36:]
