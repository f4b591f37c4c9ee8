"""How much to add, in whole pixels: sizes resolved against a picture, padding, band widths."""

from __future__ import annotations

import math

from softextend.errors import BadRequest
from softextend.options import Growth, Mask
from softextend.types import Amount, Profile, Sides

CENTER = (0.5, 0.5)  # where a photo lies unless an anchor says otherwise
UNTOUCHED = 6  # parts of a picture, of which one at most may change at each side
MOST_STEPS = 1000  # of a schedule
LARGEST_GROWTH = 4  # times the picture's own size, per side, unless lifted


def resolve_sides(growth: Growth, *, width: int, height: int, gaps: bool = False) -> Sides:
    """What is added to a picture of this size, px; BadRequest for nothing (unless there are `gaps`) or too much."""
    sides = Sides() if growth.given is None else _sides(growth, width=width, height=height)
    if sides == Sides() and not gaps:
        if growth.given in (None, "sides"):
            raise BadRequest(f"--sides {sides}: nothing to add to {width}x{height}; at least one side must be above 0")
        raise BadRequest(f"{growth}: nothing to add; the picture is {width}x{height}, which is that already")
    if not growth.allow_large:
        asked = f"--sides {sides}" if growth.sides else str(growth)
        _refuse_large(asked, sides, width=width, height=height)
    return sides


def _sides(growth: Growth, *, width: int, height: int) -> Sides:
    """The sides as given, or what makes the picture as large as asked; BadRequest where that is smaller."""
    if growth.sides is not None:
        extents = (height, width, height, width)
        top, right, bottom, left = (_pixels(each, extent) for each, extent in zip(growth.sides, extents, strict=True))
        return Sides(top=top, right=right, bottom=bottom, left=left)
    across, down = target_size(growth, width=width, height=height)
    if across < width or down < height:
        inside = fitted_size(growth, width=width, height=height)
        raise BadRequest(
            f"{growth}: the picture is {width}x{height}; {max(across, width)}x{max(down, height)} would hold it, "
            f"or --fit scales it down to {inside[0]}x{inside[1]} first"
        )
    x, y = growth.anchor or CENTER
    left, top = _rounded((across - width) * x), _rounded((down - height) * y)
    return Sides(top=top, right=across - width - left, bottom=down - height - top, left=left)


def target_size(growth: Growth, *, width: int, height: int) -> tuple[int, int]:
    """Width and height of the result, px, for a picture of this size, by aspect, size, scale or all."""
    if growth.size:
        return growth.size
    if growth.scale:
        return _rounded(width * growth.scale), _rounded(height * growth.scale)
    if growth.all:
        return width + 2 * _pixels(growth.all, width), height + 2 * _pixels(growth.all, height)
    across, down = growth.aspect or (width, height)
    wide, tall = _divided(height * across, down), _divided(width * down, across)
    if width == wide or height == tall:  # as near as whole pixels come
        return width, height
    return (wide, height) if width < wide else (width, tall)


def fitted_size(growth: Growth, *, width: int, height: int) -> tuple[int, int]:
    """Width and height of the picture scaled down until the size asked for holds it; as it is where it does."""
    if growth.size is None:
        return width, height
    across, down = growth.size
    if width <= across and height <= down:
        return width, height
    if across * height <= down * width:
        return across, max(1, _divided(height * across, width))
    return max(1, _divided(width * down, height)), down


def _refuse_large(asked: str, sides: Sides, *, width: int, height: int) -> None:
    for name, added, extent in (
        ("top", sides.top, height),
        ("right", sides.right, width),
        ("bottom", sides.bottom, height),
        ("left", sides.left, width),
    ):
        if added > LARGEST_GROWTH * extent:
            raise BadRequest(
                f"{asked}: {name} {added} is more than {LARGEST_GROWTH} times the picture "
                f"({extent} px, so {LARGEST_GROWTH * extent} at most); --allow-large lifts the limit"
            )


def _pixels(amount: Amount, extent: int) -> int:
    return _rounded(amount.value * extent / 100) if amount.percent else int(amount.value)


def _rounded(value: float) -> int:
    """To the nearest whole number, halves up."""
    return int(value + 0.5)


def _divided(number: int, by: int) -> int:
    """number / by to the nearest whole number, halves up, exactly."""
    return (2 * number + by) // (2 * by)


def padding(size: int, multiple: int) -> int:
    """Pixels to append so that `size` becomes a multiple of `multiple`."""
    return -size % multiple


def fit_band(mask: Mask, profile: Profile, sides: Sides, *, width: int, height: int) -> tuple[int, int, str | None]:
    """Overlap and feather (px), and a note where the model's own were shrunk; what the user names is as named.

    The model's own shrink until no side reaches farther in than a sixth of the picture: at least two thirds of each
    dimension stay untouched, of a thumbnail too.
    """
    overlap = profile.overlap if mask.overlap is None else mask.overlap
    feather = profile.feather if mask.feather is None else mask.feather
    reach = room = overlap + feather // 2
    for near, far, extent in ((sides.left, sides.right, width), (sides.top, sides.bottom, height)):
        if near or far:
            room = min(room, extent // UNTOUCHED)
    if room >= reach or (mask.overlap is not None and mask.feather is not None):
        return overlap, feather, None
    if mask.overlap is None and mask.feather is None:
        fitted = overlap * room // reach, feather * room // reach
    elif mask.feather is None:
        fitted = overlap, min(feather, max(0, 2 * (room - overlap)))
    else:
        fitted = min(overlap, max(0, room - feather // 2)), feather
    return *fitted, _shrunk(("overlap", overlap, fitted[0]), ("feather", feather, fitted[1]))


def _shrunk(*widths: tuple[str, int, int]) -> str | None:
    """The note about widths (name, the model's px, px here) that are less than the model's."""
    less = [each for each in widths if each[1] != each[2]]
    if not less:
        return None
    now, own = ", ".join(f"{name} {here} px" for name, _, here in less), " and ".join(str(own) for _, own, _ in less)
    return f"{now}: the model's {own} {'is' if len(less) == 1 else 'are'} for larger pictures"


def running_steps(steps: int, strength: float) -> int:
    """int(steps * strength), the steps that run; BadRequest, naming the steps that would do, when that is none."""
    ran = int(steps * strength)
    if ran < 1:
        least = math.ceil(1 / max(strength, 1 / (2 * MOST_STEPS)))
        least += int(least * strength) < 1
        enough = f"use --steps {least} or more, or" if least <= MOST_STEPS else "use"
        raise BadRequest(
            f"--strength {strength:g} with --steps {steps} runs no step: {enough} --strength 0 for the fill alone"
        )
    return ran
