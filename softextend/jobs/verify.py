"""The pixel contract: beyond the band, every pixel of the original is in the result, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadPicture
from softextend.finish.contract import Difference, compare, kept_area
from softextend.mask import editable, latent_change
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_mask, read_picture, read_recipe
from softextend.plan.input import crop_of, take

if TYPE_CHECKING:
    from softextend.types import Known


LOSSY = {  # why a file of this format cannot hold the original's bytes
    "JPEG": "JPEG rounds every block of 8x8 px anew",
    "WEBP": "WebP with losses stores every pixel anew",
    "AVIF": "AVIF with losses stores every pixel anew",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a check found: how many pixels must be kept, how deep the band is (None: a mask says), what differs."""

    kept: int
    band: int | None
    difference: Difference | None
    lossy: str | None = None  # why the file's format cannot be exact

    @property
    def holds(self) -> bool:
        """Whether the contract holds."""
        return self.difference is None

    def __str__(self) -> str:
        band = "outside the mask" if self.band is None else f"beyond the band of {self.band} px"
        if self.difference is None:
            return f"all {self.kept} original pixels {band} are the same"
        reason = f"; {self.lossy}, so no byte is certain: write PNG, TIFF or BMP to have them" if self.lossy else ""
        return f"of {self.kept} original pixels {band} {self.difference}{reason}"


def verify(
    result: Path, original: Path, mask: Path | None = None, *, allow_huge: bool = False, allow_damaged: bool = False
) -> Verdict:
    """Two files, by the recipe in the first; `mask`: what a painted result was made with.

    BadPicture where a file cannot be read, there is no recipe, or the two do not belong together.
    """
    recipe = read_recipe(result)
    made = read_picture(result, allow_huge=allow_huge)
    given = read_picture(original, allow_huge=allow_huge, allow_damaged=allow_damaged)
    box, size, band = _facts(result, recipe)
    given = _used(given, recipe, original, result)
    height, width = given.pixels.shape[:2]
    if (width, height) != (box["width"], box["height"]):
        raise BadPicture(
            f"{original} is {width}x{height}, and {result} was made of a picture of {box['width']}x{box['height']}: "
            "name the picture that it was made of"
        )
    if (made.pixels.shape[1], made.pixels.shape[0]) != size:
        raise BadPicture(f"{result} is not of the size that its recipe says: it was cropped or scaled since")
    margins = (box["top"], size[1] - box["top"] - height), (box["left"], size[0] - box["left"] - width)
    canvas, known = np.pad(given.pixels, (*margins, (0, 0))), np.pad(given.known, margins)
    if (recipe.get("command") or {}).get("name") == "paint":
        kept, depth = _outside(mask, result, known, allow_huge=allow_huge), None
    else:
        kept, depth = kept_area(known, band), band
    found = compare(made.pixels, canvas, kept)
    return Verdict(kept=int(kept.sum()), band=depth, difference=found, lossy=_losses(made) if found else None)


def _facts(result: Path, recipe: dict[str, Any]) -> tuple[dict[str, int], tuple[int, int], int]:
    """Where the original lies, the size (width, height) of the whole, the band."""
    try:
        box = {name: int(recipe["original_box"][name]) for name in ("left", "top", "width", "height")}
        width, height = (int(extent) for extent in recipe["plan"]["size"])
        if min(box.values()) < 0 or box["left"] + box["width"] > width or box["top"] + box["height"] > height:
            raise ValueError(f"{box} in {width}x{height}")
        return box, (width, height), int(recipe["band_px"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadPicture(f"{result}: its recipe does not say where the original lies ({error})") from error


def _used(given: Picture, recipe: dict[str, Any], original: Path, result: Path) -> Picture:
    """The original as the recipe used it: its border shaved, scaled down; BadPicture where it is of another size."""
    crop = crop_of(recipe)
    if crop is None:
        return given
    height, width = given.known.shape
    if (width, height) != (crop.width, crop.height):
        raise BadPicture(
            f"{original} is {width}x{height}, and {result} was made of a picture of {crop.width}x{crop.height}: "
            "name the picture that it was made of"
        )
    pixels, known = take(given.pixels, given.known, crop)
    return replace(given, pixels=pixels, known=known)


def _outside(mask: Path | None, result: Path, known: Known, *, allow_huge: bool) -> Known:
    """Where a mask leaves the picture alone."""
    if mask is None:
        raise BadPicture(f"{result} was painted by a mask: give the mask too")
    change = read_mask(mask, allow_huge=allow_huge)
    if change.shape != known.shape:
        raise BadPicture(f"{mask} is {change.shape[1]}x{change.shape[0]}, the result {known.shape[1]}x{known.shape[0]}")
    return ~editable(latent_change(change))


def _losses(made: Picture) -> str | None:
    return None if made.metadata.lossless else LOSSY.get(made.format)
