"""The pixel contract: beyond the band, every pixel of the original is in the result, at the file's depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadPicture
from softextend.finish.contract import Difference, compare, kept_area
from softextend.mask import editable, latent_change
from softextend.pictures.fit import layers
from softextend.pictures.picture import Picture
from softextend.pictures.planes import Planes
from softextend.pictures.read import read_mask, read_picture, read_recipe
from softextend.plan.input import take_planes
from softextend.plan.read_geometry import geometry_of
from softextend.plan.read_recipe import command_of
from softextend.types import Crop, Sides

if TYPE_CHECKING:
    from softextend.types import Known


LOSSY = {  # why a file of this format cannot hold the original's bytes
    "JPEG": "JPEG rounds every block of 8x8 px anew",
    "WEBP": "WebP with losses stores every pixel anew",
    "AVIF": "AVIF with losses stores every pixel anew",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a check found: how many pixels must be kept, how deep the band is (None: a mask says), what differs.

    `bits`: per sample, at which they were compared; `channels`: grey or RGB, with alpha where it was kept.
    """

    kept: int
    bits: int
    channels: str
    band: int | None
    difference: Difference | None
    lossy: str | None = None  # why the file's format cannot be exact

    @property
    def holds(self) -> bool:
        """Whether the contract holds."""
        return self.difference is None

    def __str__(self) -> str:
        band = "outside the mask" if self.band is None else f"beyond the band of {self.band} px"
        depth = f"{self.channels} at {self.bits} bits"
        if self.difference is None:
            return f"all {self.kept} original pixels {band} are the same ({depth})"
        reason = f"; {self.lossy}" if self.lossy else ""
        return f"of the {self.kept} original pixels {band}, {self.difference} ({depth}){reason}"


def verify(
    result: Path, original: Path, mask: Path | None = None, *, allow_huge: bool = False, allow_damaged: bool = False
) -> Verdict:
    """Two files, by the recipe in the first; `mask`: what a painted result was made with.

    BadPicture where a file cannot be read, there is no recipe, or the two do not belong together.
    """
    recipe = recipe_of(result, original)
    try:
        told, command = geometry_of(recipe), command_of(recipe)
    except BadPicture as error:
        raise BadPicture(f"{result}: {error}") from error
    keep = command.get("alpha") == "keep"
    made = read_picture(result, allow_huge=allow_huge, keep_alpha=keep)
    given = read_picture(original, allow_huge=allow_huge, allow_damaged=allow_damaged, keep_alpha=keep)
    given = _used(given, told.crop, original, result)
    height, width = given.pixels.shape[:2]
    box, size, band = told.box, told.size, told.band
    if (width, height) != (box.width, box.height):
        raise BadPicture(
            f"{original} is {width}x{height}, and {result} was made of a picture of {box.width}x{box.height}: "
            "name the picture that it was made of"
        )
    if (made.pixels.shape[1], made.pixels.shape[0]) != size:
        raise BadPicture(
            f"{result} is not of the size that its recipe says: it was cropped or scaled; name it as written"
        )
    margins = (box.top, size[1] - box.top - height), (box.left, size[0] - box.left - width)
    known = np.pad(np.ones_like(given.known) if given.planes.has_alpha else given.known, margins)
    if command.get("name") == "paint":
        kept, depth = _outside(mask, result, known, allow_huge=allow_huge), None
    else:
        kept, depth = kept_area(known, band, told.turn), band
    sides = Sides(top=margins[0][0], bottom=margins[0][1], left=margins[1][0], right=margins[1][1])
    finer, coarser = _comparable(made.planes, given.planes.grown(sides))
    found = compare(layers(finer), layers(coarser), kept)
    channels = ("grey" if finer.grey else "RGB") + (" with alpha" if finer.has_alpha else "")
    reason = _losses(made, given) if found else None
    return Verdict(kept=int(kept.sum()), bits=finer.bits, channels=channels, band=depth, difference=found, lossy=reason)


def recipe_of(result: Path, original: Path) -> dict[str, Any]:
    """The recipe in a result; BadPicture where there is none, also for two that were named the wrong way round."""
    try:
        return read_recipe(result)
    except BadPicture as error:
        try:
            read_recipe(original)
        except BadPicture:
            raise error from None
        raise BadPicture(f"{error}; {original} carries one: name the result first, then its original") from error


def _comparable(made: Planes, given: Planes) -> tuple[Planes, Planes]:
    """Both with the channels and the depth of the one that has more: what one lacks is a difference."""
    if made.grey != given.grey:
        made, given = made.in_colour(), given.in_colour()
    if made.has_alpha != given.has_alpha:
        made, given = made.with_alpha(), given.with_alpha()
    if made.colour.dtype != given.colour.dtype:
        deepest = max(made, given, key=lambda each: (each.is_float, each.bits))
        made, given = (each.as_deep_as(deepest) for each in (made, given))
    return made, given


def _used(given: Picture, crop: Crop | None, original: Path, result: Path) -> Picture:
    """The original as the recipe used it: its border shaved, scaled down; BadPicture where it is of another size."""
    if crop is None:
        return given
    height, width = given.known.shape
    if (width, height) != (crop.width, crop.height):
        raise BadPicture(
            f"{original} is {width}x{height}, and {result} was made of a picture of {crop.width}x{crop.height}: "
            "name the picture that it was made of"
        )
    planes, known = take_planes(given.planes, given.known, crop)
    return replace(given, pixels=planes.view(), planes=planes, known=known)


def _outside(mask: Path | None, result: Path, known: Known, *, allow_huge: bool) -> Known:
    """Where a mask leaves the picture alone."""
    if mask is None:
        raise BadPicture(f"{result} was painted by a mask: give it with --mask FILE")
    change = read_mask(mask, allow_huge=allow_huge)
    if change.shape != known.shape:
        height, width = change.shape
        raise BadPicture(
            f"{mask} is {width}x{height}, the result {known.shape[1]}x{known.shape[0]}: name the mask it was painted by"
        )
    return ~editable(latent_change(change))


def _losses(made: Picture, given: Picture) -> str | None:
    """Why a file of this kind cannot hold what the original has."""
    if made.planes.bits < given.planes.bits:
        return (
            f"the result has {made.planes.bits} bits per channel and the original {given.planes.bits}: "
            "write PNG or TIFF to keep them"
        )
    reason = None if made.metadata.lossless else LOSSY.get(made.format)
    return reason and f"{reason}, so no byte is certain: write PNG, TIFF or BMP to have them"
