"""The prepared input: a picture cropped where that is asked for, and scaled down where it would not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from softextend.errors import BadPicture, BadRequest
from softextend.fills.base import replicate
from softextend.options import Growth
from softextend.pictures.borders import Border, find_border
from softextend.plan.sizes import fitted_size
from softextend.types import Box, Crop, Sides

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


OPAQUE = 128  # of 255; from here on a scaled pixel counts as known


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Input:
    """What is extended: pixels uint8 (H, W, 3), known bool (H, W), the part of the input that they are, and notes."""

    pixels: Pixels
    known: Known
    crop: Crop | None = None  # None: all of the input, as it is
    notes: tuple[str, ...] = ()


def prepare_input(pixels: Pixels, known: Known, growth: Growth) -> Input:
    """Crop and scale down as asked; a border that nobody asked to crop is only noted.

    BadRequest where `--trim N` leaves nothing, BadPicture where it leaves nothing that is known.
    """
    height, width = known.shape
    notes = []
    if isinstance(growth.trim, int):
        sides = Sides(top=growth.trim, right=growth.trim, bottom=growth.trim, left=growth.trim)
        if min(height, width) <= 2 * growth.trim:
            raise BadRequest(f"--trim {growth.trim}: nothing would be left of {width}x{height}")
        border = Border(sides=sides)
    elif growth.trim is None and not known.all():
        border = Border()  # what is transparent will be filled, at the rim too
    else:
        border = find_border(pixels, known)
        if growth.trim is None and border.what:
            notes.append(f"{'; '.join(border.what)}: it will show in the result; --trim auto crops it")
            border = Border()
    sides = border.sides
    box = Box(top=sides.top, left=sides.left, bottom=height - sides.bottom, right=width - sides.right)
    if not known[box.cut].any():
        raise BadPicture(
            f"--trim {growth.trim}: only transparent pixels would be left; there is nothing to continue from"
        )
    if (box.width, box.height) != (width, height):
        notes.append(": ".join([f"trimmed to {box.width}x{box.height}", *filter(None, ["; ".join(border.what)])]))
    size = fitted_size(growth, width=box.width, height=box.height) if growth.fit else (box.width, box.height)
    if size != (box.width, box.height):
        notes.append(f"scaled down from {box.width}x{box.height} to {size[0]}x{size[1]} to fit {growth}")
    crop = Crop(width=width, height=height, box=box, size=size)
    if (box.width, box.height) == size == (width, height):
        return Input(pixels=pixels, known=known, crop=None, notes=tuple(notes))
    pixels, known = take(pixels, known, crop)
    return Input(pixels=pixels, known=known, crop=crop, notes=tuple(notes))


def crop_of(recipe: dict[str, Any]) -> Crop | None:
    """What a result took of its input, None for all of it as it is; BadPicture for a recipe of an unknown form."""
    try:
        plan = recipe["plan"]
        facts = plan.get("crop", plan.get("used"))  # its name in earlier versions
        return facts and Crop(**{**facts, "box": Box(**facts["box"]), "size": tuple(facts["size"])})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadPicture(f"the recipe does not say what was taken of the original ({error})") from error


def take(pixels: Pixels, known: Known, crop: Crop) -> tuple[Pixels, Known]:
    """The part of an input (H, W, 3) and (H, W) that a crop takes: its box, scaled down by Lanczos' filter."""
    pixels, known = pixels[crop.box.cut], known[crop.box.cut]
    if crop.size == (crop.box.width, crop.box.height):
        return np.ascontiguousarray(pixels), np.ascontiguousarray(known)
    whole = pixels if known.all() else replicate(pixels, known)  # no colour of what is transparent mixes in
    scaled = Image.fromarray(np.ascontiguousarray(whole)).resize(crop.size, Image.Resampling.LANCZOS)
    cover = Image.fromarray(np.where(known, 255, 0).astype(np.uint8)).resize(crop.size, Image.Resampling.BOX)
    return np.array(scaled), np.asarray(cover) >= OPAQUE
