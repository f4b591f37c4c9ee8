"""File formats: their suffixes, limits and losses."""

from __future__ import annotations

from enum import Enum

from softextend.errors import BadRequest, OutputError
from softextend.pictures.address import Place

LONGEST = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_536}  # px a side; libjpeg, the WebP container, libavif


DEEP = {  # types of samples above 8 bits that a format holds
    "PNG": ("uint16",),
    "TIFF": ("uint16", "uint32", "float16", "float32", "float64"),
}
LOSSY = ("JPEG", "WEBP", "AVIF")  # they have a quality
NO_ALPHA = ("JPEG", "BMP")
NO_GREY = ("WEBP", "AVIF")  # one channel is stored as three


def losses(format: str) -> str | None:
    """What a format cannot carry, in one line for the user; None where everything survives."""
    if format.upper() == "BMP":
        return "BMP holds no colour profile, no metadata and no recipe: redo will not work on it; PNG keeps all three"
    return None


def check_size(format: str, width: int, height: int) -> None:
    """OutputError where the format has no room for the picture: worth knowing before the work."""
    longest = LONGEST.get(format.upper())
    if longest is not None and max(width, height) > longest:
        raise OutputError(f"{width} x {height} px: {format} allows {longest} px a side; choose PNG or TIFF")


def quality_without_effect(format: str, quality: int | None) -> str | None:
    """What a user is told who names a quality for a format that has none; None where there is nothing to tell."""
    if quality is None or format.upper() in LOSSY:
        return None
    return f"--quality {quality}: has no effect, {format} loses nothing; JPEG, WebP and AVIF take it"


def check_alpha(format: str) -> None:
    """OutputError where the format has no transparency that could be kept."""
    if format.upper() in NO_ALPHA:
        raise OutputError(
            f"--alpha keep: {format} holds no transparency; write PNG, WebP, TIFF or AVIF, or leave the option out"
        )


SUFFIXES = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "AVIF": (".avif",),
}


def format_of_name(path: Place) -> str:
    """The format a file name asks for; BadRequest with the valid suffixes otherwise."""
    suffix = path.suffix.lower()
    for name, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            return name
    valid = " ".join(suffixes[0] for suffixes in SUFFIXES.values())
    came = f"no {suffix} is written" if suffix else "the name has no suffix"
    also = "" if suffix else ", or --format NAME"
    raise BadRequest(f"{path}: {came}; use one of {valid}{also}")


class Format(str, Enum):
    """The file formats that `--format` offers."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    TIFF = "tiff"
    BMP = "bmp"
    AVIF = "avif"


class Alpha(str, Enum):
    """What becomes of a picture's transparency."""

    FILL = "fill"
    KEEP = "keep"
