"""Scores of files: where an original lies in a result that anything may have made, and how the rest looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.errors import BadPicture
from softextend.finish.scores import Scores, known_in, score
from softextend.pictures.read import read_picture, read_recipe
from softextend.plan.input import take
from softextend.plan.read_geometry import Geometry, geometry_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Pixels

    Floats = npt.NDArray[np.float32]


COARSE = 320  # px, longer side of the picture on which the original is looked for first
ALIKE = 14.0  # grey levels, root mean square, up to which a place is the original's: JPEG and colour shifts stay below


def score_files(
    result: Path, original: Path, *, allow_huge: bool = False, allow_damaged: bool = False
) -> tuple[Scores, dict[str, int]]:
    """Scores, and where the original lies (left, top, width, height in px of the result).

    By the result's recipe, or by looking for the original in it. BadPicture where it is not to be found.
    """
    made = read_picture(result, allow_huge=allow_huge)
    given = read_picture(original, allow_huge=allow_huge, allow_damaged=allow_damaged)
    told = _told(result)
    height, width = given.pixels.shape[:2]
    crop = told.crop if told else None
    if crop and (crop.width, crop.height) == (width, height):
        pixels, known = take(given.pixels, given.known, crop)
        given = replace(given, pixels=pixels, known=known)
        height, width = known.shape
    size = {"height": made.pixels.shape[0], "width": made.pixels.shape[1]}
    if told and told.size == (size["width"], size["height"]) and (told.box.width, told.box.height) == (width, height):
        box = {"left": told.box.left, "top": told.box.top, "width": width, "height": height}
    else:
        box = locate(made.pixels, given.pixels, str(result), str(original))
    known = known_in(box, size["height"], size["width"])
    known[box["top"] : box["top"] + height, box["left"] : box["left"] + width] = given.known
    if known.all():
        raise BadPicture(
            f"{result}: nothing was added to {original}, so there is nothing to score; name an extended picture"
        )
    return score(made.pixels, known, band=told.band if told else 0, wrap=told.wrap if told else None), box


def locate(result: Pixels, original: Pixels, name: str = "result", of: str = "original") -> dict[str, int]:
    """Where `original` lies in `result`: left, top, width, height; BadPicture where it does not at its own size."""
    height, width = original.shape[:2]
    if height > result.shape[0] or width > result.shape[1]:
        raise BadPicture(
            f"{name} is {result.shape[1]}x{result.shape[0]}, smaller than {of} with {width}x{height}: "
            "name the result first, then its original at the size that it has in the result"
        )
    large, small = _grey(result), _grey(original)
    shrink = max(1, round(max(result.shape[:2]) / COARSE), 1)
    shrink = max(1, min(shrink, min(height, width) // 8))
    rows, columns = _best(_shrunk(large, shrink), _shrunk(small, shrink))
    top, left = _refined(large, small, rows * shrink, columns * shrink, 2 * shrink)
    off = large[top : top + height, left : left + width] - small
    apart = float(np.sqrt(np.mean(np.square(off - off.mean()))))
    if apart > ALIKE:
        raise BadPicture(
            f"{of} is not in {name} at its own size (the best place differs by {apart:.0f} levels): "
            "scale the original to the size it has in the result, or name the picture it was made of"
        )
    return {"left": left, "top": top, "width": width, "height": height}


def _told(result: Path) -> Geometry | None:
    """What the recipe of a result says, None for a picture made elsewhere and for a recipe that says nonsense."""
    try:
        return geometry_of(read_recipe(result))
    except BadPicture:
        return None


def _refined(large: Floats, small: Floats, row: int, column: int, reach: int) -> tuple[int, int]:
    """The best place within `reach` px of a first guess."""
    height, width = small.shape
    top = int(np.clip(row - reach, 0, large.shape[0] - height))
    left = int(np.clip(column - reach, 0, large.shape[1] - width))
    near = large[top : row + reach + height, left : column + reach + width]
    down, right = _best(near, small)
    return top + down, left + right


def _best(large: Floats, small: Floats) -> tuple[int, int]:
    """(row, column) where `small` differs least from `large`."""
    apart = cv2.matchTemplate(large, small, cv2.TM_SQDIFF)
    row, column = np.unravel_index(int(apart.argmin()), apart.shape)
    return int(row), int(column)


def _shrunk(grey: Floats, factor: int) -> Floats:
    size = max(1, grey.shape[1] // factor), max(1, grey.shape[0] // factor)
    cut = grey[: size[1] * factor, : size[0] * factor]
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.float32)


def _grey(pixels: Pixels) -> Floats:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
