"""What a format can hold of a picture: its depth, one channel or three, transparency, its profile; the rest is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from softextend.pictures.formats import DEEP, NO_GREY, check_alpha
from softextend.pictures.icc import grey_to_srgb, srgb_profile
from softextend.pictures.planes import Planes, rescaled, top_of
from softextend.pictures.profiles import grey_as_rgb

if TYPE_CHECKING:
    from softextend.pictures.planes import Samples


def fit_to(planes: Planes, icc: bytes | None, format: str, notes: list[str]) -> tuple[Planes, bytes | None]:
    """Samples and profile as `format` holds them, with notes of what is lost; OutputError for alpha it has not."""
    if planes.has_alpha:
        check_alpha(format)
    planes = _deep_enough(planes, format, notes)
    if not planes.grey or format not in NO_GREY:
        return planes, icc
    if icc is not None and icc[16:20] == b"GRAY":
        wide = grey_as_rgb(icc)
        if wide is None:
            notes.append(f"{format} holds no grey profile: the picture is written as sRGB")
            return replace(planes, colour=grey_to_srgb(planes.colour, icc)), srgb_profile()
        icc = wide
    return replace(planes, colour=np.repeat(planes.colour[..., None], 3, axis=2)), icc


def _deep_enough(planes: Planes, format: str, notes: list[str]) -> Planes:
    """In a type of samples that the format has."""
    kinds = DEEP.get(format, ())
    name = planes.colour.dtype.name
    if name == "uint8" or name in kinds:
        return planes
    came = f"{planes.bits} bits of floating point" if planes.is_float else f"{planes.bits} bits"
    kept = "TIFF keeps them" if planes.is_float or planes.bits > 16 else "PNG and TIFF keep them"
    if "uint16" in kinds:
        notes.append(f"{format} holds no {came} per channel: written with 16 bits, {planes.white:g} as white; {kept}")
        return _as(planes, np.uint16)
    finest = "" if planes.is_float else f" (the lower {planes.bits - 8} of {planes.bits} are lost)"
    notes.append(f"{format} holds 8 bits per channel, not {came}: rounded to 8{finest}; {kept}")
    return _as(planes, np.uint8)


def _as(planes: Planes, kind: type[np.generic]) -> Planes:
    alpha = None if planes.alpha is None else rescaled(planes.alpha, top_of(planes.alpha.dtype), kind)
    return Planes(colour=rescaled(planes.colour, planes.white, kind), white=top_of(np.dtype(kind)), alpha=alpha)


def layers(planes: Planes) -> Samples:
    """(H, W) or (H, W, 2 to 4): colour with its alpha, if any, as encoders take it."""
    if planes.alpha is None:
        return planes.colour
    colour = planes.colour[..., None] if planes.grey else planes.colour
    return np.concatenate([colour, planes.alpha[..., None]], axis=2)
