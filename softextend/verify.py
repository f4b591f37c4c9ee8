"""The pixel contract: beyond the band, every pixel of the original is in the result, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from softextend.errors import BadPicture, BrokenPromise
from softextend.images import Picture, read_mask, read_picture, read_recipe
from softextend.mask import latent_levels
from softextend.ready import take, used_of

if TYPE_CHECKING:
    from softextend.types import Known, Pixels

LOSSY = {  # why a file of this format cannot hold the original's bytes
    "JPEG": "JPEG rounds every block of 8x8 px anew",
    "WEBP": "WebP with losses stores every pixel anew",
    "AVIF": "AVIF with losses stores every pixel anew",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Where a result departs from its original beyond the band; px in the result."""

    count: int  # pixels
    largest: int  # levels, 1..255
    mean: float  # levels, over all pixels that must be kept
    left: int
    top: int
    right: int  # half-open
    bottom: int

    def __str__(self) -> str:
        where = f"columns {self.left} to {self.right - 1}, rows {self.top} to {self.bottom - 1}"
        return f"{self.count} pixels differ, by up to {self.largest} levels, mean {self.mean:.2f} ({where})"


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


def kept_area(known: Known, band: int) -> Known:
    """What must stay: bool (H, W), more than `band` px (as a chess king walks) from all that is not known."""
    if known.all():
        return known.copy()
    away = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_C, 3)
    return np.asarray(away > band)


def compare(result: Pixels, original: Pixels, kept: Known) -> Difference | None:
    """How two pictures (H, W, 3) differ where `kept`; None where they do not."""
    off = cv2.absdiff(result, original)
    worst = np.where(kept, off.max(2), 0)
    rows, columns = np.nonzero(worst)
    if not rows.size:
        return None
    return Difference(
        count=int(rows.size),
        largest=int(worst.max()),
        mean=float(off[kept].mean()),
        left=int(columns.min()),
        top=int(rows.min()),
        right=int(columns.max()) + 1,
        bottom=int(rows.max()) + 1,
    )


def hold(result: Pixels, original: Pixels, kept: Known) -> None:
    """BrokenPromise where a finished picture differs from its original, both on the canvas, where `kept`."""
    found = compare(result, original, kept)
    if found is not None:
        raise BrokenPromise(
            f"the result would change the original beyond the band: {found}; this is a fault, report it"
        )


def verify(result: Path, original: Path, mask: Path | None = None, *, allow_huge: bool = False) -> Verdict:
    """Two files, by the recipe in the first; `mask`: what a painted result was made with.

    BadPicture where a file cannot be read, there is no recipe, or the two do not belong together.
    """
    recipe = read_recipe(result)
    made, given = (read_picture(path, allow_huge=allow_huge) for path in (result, original))
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
    used = used_of(recipe)
    if used is None:
        return given
    height, width = given.known.shape
    if (width, height) != (used.width, used.height):
        raise BadPicture(
            f"{original} is {width}x{height}, and {result} was made of a picture of {used.width}x{used.height}: "
            "name the picture that it was made of"
        )
    pixels, known = take(given.pixels, given.known, used)
    return replace(given, pixels=pixels, known=known)


def _outside(mask: Path | None, result: Path, known: Known, *, allow_huge: bool) -> Known:
    """Where a mask leaves the picture alone."""
    if mask is None:
        raise BadPicture(f"{result} was painted by a mask: give the mask too")
    change = read_mask(mask, allow_huge=allow_huge)
    if change.shape != known.shape:
        raise BadPicture(f"{mask} is {change.shape[1]}x{change.shape[0]}, the result {known.shape[1]}x{known.shape[0]}")
    return np.asarray(latent_levels(change) <= 0)


def _losses(made: Picture) -> str | None:
    return None if made.metadata.lossless else LOSSY.get(made.format)
