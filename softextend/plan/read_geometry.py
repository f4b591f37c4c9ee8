"""Where a result's original lies, read from its recipe with care: sizes and boxes that fit into each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from softextend.pictures.wrap import Turn, middle_to_edge
from softextend.plan.read_recipe import damaged, is_whole
from softextend.types import Box, Crop, Wrap

LONGEST_SIDE = 10**6  # px of a picture


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """`box`: the original in the result of `size` (width, height) px; `band`: px; `crop`: what was taken of it.

    `wrap`: which edges of the result join.
    """

    box: Box
    size: tuple[int, int]
    band: int
    crop: Crop | None
    wrap: Wrap | None = None

    @property
    def turn(self) -> Turn:
        """What brings the middle of the original to the edges that join."""
        return middle_to_edge(self.wrap, (self.box.left, self.box.top, self.box.width, self.box.height))


def geometry_of(recipe: Mapping[str, Any]) -> Geometry:
    """Of any recipe; BadPicture that names the value that cannot be."""
    plan = recipe.get("plan")
    if not isinstance(plan, dict):
        raise damaged("plan", plan)
    width, height = _size(plan.get("size"), "plan.size")
    said = recipe.get("original_box")
    box = _box(said, "original_box", width, height, sizes=True)
    band: Any = recipe.get("band_px")
    if not is_whole(band) or not 0 <= band <= LONGEST_SIDE:
        raise damaged("band_px", band)
    named = plan.get("wrap")
    if named not in (None, *(each.value for each in Wrap)):
        raise damaged("plan.wrap", named)
    wrap = None if named is None else Wrap(named)
    return Geometry(box=box, size=(width, height), band=band, crop=crop_of(recipe), wrap=wrap)


def crop_of(recipe: Mapping[str, Any]) -> Crop | None:
    """What a result took of its input, None for all of it as it is; BadPicture for what cannot be."""
    plan = recipe.get("plan")
    if not isinstance(plan, dict):
        raise damaged("plan", plan)
    said = plan.get("crop", plan.get("used"))  # its name in earlier versions
    if said is None:
        return None
    if not isinstance(said, dict):
        raise damaged("plan.crop", said)
    width, height = _size([said.get("width"), said.get("height")], "plan.crop")
    box = _box(said.get("box"), "plan.crop.box", width, height, sizes=False)
    size = _size(said.get("size"), "plan.crop.size")
    if size[0] > box.width or size[1] > box.height:  # a crop is scaled down, never up
        raise damaged("plan.crop.size", said.get("size"))
    return Crop(width=width, height=height, box=box, size=size)


def _size(value: Any, where: str) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, list | tuple) else ()
    if len(pair) != 2 or not all(is_whole(each) and 0 < each <= LONGEST_SIDE for each in pair):
        raise damaged(where, value)
    return pair


def _box(value: Any, where: str, width: int, height: int, *, sizes: bool) -> Box:
    """A box with something in it, within width x height; `sizes`: written with width and height."""
    names = ("left", "top", "width", "height") if sizes else ("left", "top", "right", "bottom")
    numbers: list[Any] = [value.get(name) for name in names] if isinstance(value, dict) else []
    if not numbers or not all(is_whole(each) and each >= 0 for each in numbers):
        raise damaged(where, value)
    left, top, right, bottom = numbers
    if sizes:
        right, bottom = left + right, top + bottom
    if not (left < right <= width and top < bottom <= height):
        raise damaged(where, value)
    return Box(top=top, left=left, bottom=bottom, right=right)
