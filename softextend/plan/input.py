"""A picture before it grows: its border shaved where that is asked for, and scaled down where it would not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from softextend.errors import BadPicture, BadRequest
from softextend.fills.base import replicate
from softextend.pictures.borders import Border, find_border
from softextend.plan.sizes import fitted_size
from softextend.types import Box, Sides, Spec, Used

if TYPE_CHECKING:
    from softextend.types import Known, Pixels


OPAQUE = 128  # of 255; from here on a scaled pixel counts as known


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ready:
    """What grows: pixels uint8 (H, W, 3), known bool (H, W), the part of the input that they are, and notes."""

    pixels: Pixels
    known: Known
    used: Used | None  # None: all of the input, as it is
    notes: tuple[str, ...]


def make_ready(pixels: Pixels, known: Known, spec: Spec) -> Ready:
    """Shave and scale down as the spec asks; a border that nobody asked to shave is only noted.

    BadRequest where `--trim N` leaves nothing, BadPicture where it leaves nothing that is known.
    """
    height, width = known.shape
    notes = []
    if isinstance(spec.trim, int):
        sides = Sides(top=spec.trim, right=spec.trim, bottom=spec.trim, left=spec.trim)
        if min(height, width) <= 2 * spec.trim:
            raise BadRequest(f"--trim {spec.trim}: nothing would be left of {width}x{height}")
        border = Border(sides=sides)
    elif spec.trim is None and not known.all():
        border = Border()  # what is transparent will be filled, at the rim too
    else:
        border = find_border(pixels, known)
        if spec.trim is None and border.what:
            notes.append(
                f"this may be no picture: {'; '.join(border.what)}. It would show in the result; --trim auto shaves it"
            )
            border = Border()
    sides = border.sides
    box = Box(top=sides.top, left=sides.left, bottom=height - sides.bottom, right=width - sides.right)
    if not known[box.cut].any():
        raise BadPicture(
            f"--trim {spec.trim}: only transparent pixels would be left; there is nothing to continue from"
        )
    if (box.width, box.height) != (width, height):
        notes.append(": ".join([f"trimmed to {box.width}x{box.height}", *filter(None, ["; ".join(border.what)])]))
    fitted = spec.target is not None and spec.target.fit
    size = fitted_size(spec.target, width=box.width, height=box.height) if fitted else (box.width, box.height)
    if size != (box.width, box.height):
        notes.append(f"scaled down from {box.width}x{box.height} to {size[0]}x{size[1]} to fit {spec.target}")
    used = Used(width=width, height=height, box=box, size=size)
    if (box.width, box.height) == size == (width, height):
        return Ready(pixels=pixels, known=known, used=None, notes=tuple(notes))
    pixels, known = take(pixels, known, used)
    return Ready(pixels=pixels, known=known, used=used, notes=tuple(notes))


def used_of(recipe: dict[str, Any]) -> Used | None:
    """What a result used of its input, None for all of it as it is; BadPicture for a recipe of an unknown form."""
    try:
        facts = recipe["plan"].get("used")
        return facts and Used(**{**facts, "box": Box(**facts["box"]), "size": tuple(facts["size"])})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadPicture(f"the recipe does not say what was used of the original ({error})") from error


def take(pixels: Pixels, known: Known, used: Used) -> tuple[Pixels, Known]:
    """The part of an input (H, W, 3) and (H, W) that is used: its box, scaled down by Lanczos' filter."""
    pixels, known = pixels[used.box.cut], known[used.box.cut]
    if used.size == (used.box.width, used.box.height):
        return np.ascontiguousarray(pixels), np.ascontiguousarray(known)
    whole = pixels if known.all() else replicate(pixels, known)  # no colour of what is transparent mixes in
    scaled = Image.fromarray(np.ascontiguousarray(whole)).resize(used.size, Image.Resampling.LANCZOS)
    cover = Image.fromarray(np.where(known, 255, 0).astype(np.uint8)).resize(used.size, Image.Resampling.BOX)
    return np.array(scaled), np.asarray(cover) >= OPAQUE
