"""The prepared input: a picture cropped where that is asked for, and scaled down where it would not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from softextend.errors import BadPicture, BadRequest
from softextend.fills.base import nearest_known
from softextend.options import Growth
from softextend.pictures.borders import Border, find_border, rims
from softextend.pictures.mapping import Mapping, onto_canvas
from softextend.pictures.planes import OPAQUE, Planes, eight_bit
from softextend.plan.read_geometry import crop_of
from softextend.plan.sizes import fitted_size
from softextend.types import Box, Crop, Sides

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Input:
    """What is extended: pixels uint8 (H, W, 3), known bool (H, W), the part of the input that they are, and notes.

    `planes`: the same at the file's depth, of which `pixels` are what a model sees; None: `pixels` are all.
    """

    pixels: Pixels
    known: Known
    planes: Planes | None = None
    crop: Crop | None = None  # None: all of the input, as it is
    notes: tuple[str, ...] = ()


def prepare_input(pixels: Pixels, known: Known, growth: Growth, planes: Planes | None = None) -> Input:
    """Crop and scale down as asked; a border that nobody asked to crop is only noted. `planes`: see `Input`.

    BadRequest where `--trim N` leaves nothing, BadPicture where it leaves nothing that is known.
    """
    height, width = known.shape
    notes = []
    if isinstance(growth.trim, int):
        sides = Sides(top=growth.trim, right=growth.trim, bottom=growth.trim, left=growth.trim)
        if min(height, width) <= 2 * growth.trim:
            raise BadRequest(
                f"--trim {growth.trim}: nothing would be left of {width}x{height}; give less, or leave it out"
            )
        border = Border(sides=sides)
    elif growth.trim is None and not known.all():
        border = Border()  # what is transparent will be filled, at the rim too
    else:
        border = find_border(pixels, known)
        if growth.trim is None and border.what:
            notes.append(_uncropped(border, pixels, known))
            border = Border()
    sides = border.sides
    box = Box(top=sides.top, left=sides.left, bottom=height - sides.bottom, right=width - sides.right)
    if not known[box.cut].any():
        raise BadPicture(
            f"--trim {growth.trim}: only transparent pixels would be left; there is nothing to continue from"
        )
    if (box.width, box.height) != (width, height):
        notes.append(": ".join([f"trimmed to {box.width}x{box.height}", *filter(None, ["; ".join(border.what)])]))
    crop, more = fitted(growth, width, height, box)
    notes += more
    if crop.whole:
        return Input(pixels=pixels, planes=planes, known=known, crop=None, notes=tuple(notes))
    taken, known = take_planes(planes or eight_bit(pixels), known, crop)
    return Input(pixels=taken.view(), planes=taken, known=known, crop=crop, notes=tuple(notes))


def _uncropped(border: Border, pixels: Pixels, known: Known) -> str:
    """What becomes of a border that nobody asked to crop."""
    one = len(border.what) == 1 and not border.what[0].partition(" (")[0].endswith("s")
    they, them, are = ("it", "it", "is") if one else ("they", "them", "are")
    sides, thin = border.sides, rims(pixels, known)
    inside = slice(sides.top, len(known) - sides.bottom), slice(sides.left, known.shape[1] - sides.right)
    thin[inside] = True
    will = f"{are} painted over where the picture goes on, within the band" if thin.all() else "will show in the result"
    return f"{'; '.join(border.what)}: {they} {will}; --trim auto crops {them}"


def fitted(growth: Growth, width: int, height: int, box: Box) -> tuple[Crop, list[str]]:
    """What is taken of a picture of this size (px): its box, scaled down where `--fit` asks; and a note on that."""
    size = fitted_size(growth, width=box.width, height=box.height) if growth.fit else (box.width, box.height)
    crop = Crop(width=width, height=height, box=box, size=size)
    if size == (box.width, box.height):
        return crop, []
    return crop, [f"scaled down from {box.width}x{box.height} to {size[0]}x{size[1]} to fit {growth}"]


def mapping_of(recipe: dict[str, Any]) -> Mapping:
    """From the input's file, upright, to the result that a recipe tells of: for the places that metadata name."""
    box, crop = recipe["original_box"], crop_of(recipe)
    size, canvas = (box["width"], box["height"]), recipe["plan"]["size"]
    old = (crop.width, crop.height) if crop else size
    part = crop.box if crop else Box(top=0, left=0, bottom=size[1], right=size[0])
    return onto_canvas(old, part, size, box["left"], box["top"], (canvas[0], canvas[1]))


def take(pixels: Pixels, known: Known, crop: Crop) -> tuple[Pixels, Known]:
    """The part of an input (H, W, 3) and (H, W) that a crop takes: its box, scaled down by Lanczos' filter."""
    planes, known = take_planes(eight_bit(pixels), known, crop)
    return planes.view(), known


def take_planes(planes: Planes, known: Known, crop: Crop) -> tuple[Planes, Known]:
    """`take` at the file's depth; no colour of what is transparent mixes in."""
    planes, known = planes.cut(crop.box), known[crop.box.cut]
    if crop.size == (crop.box.width, crop.box.height):
        return planes, np.ascontiguousarray(known)
    if not known.all():
        source, _ = nearest_known(known)
        flat = planes.colour.reshape(-1, *planes.colour.shape[2:])
        planes = replace(planes, colour=flat[source])
    cover = Image.fromarray(np.where(known, 255, 0).astype(np.uint8)).resize(crop.size, Image.Resampling.BOX)
    return planes.scaled(*crop.size), np.asarray(cover) >= OPAQUE
