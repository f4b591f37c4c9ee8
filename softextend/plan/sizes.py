"""How much to add, in whole pixels: the grammar of sizes, its resolution against a picture, padding, band widths."""

from __future__ import annotations

from softextend.errors import BadRequest
from softextend.types import Amount, Sides, Spec, Target

LARGEST_GROWTH = 4  # times the picture's own size, per side, unless lifted


def settle_sides(spec: Spec, *, width: int, height: int, gaps: bool = False) -> Sides:
    """What a spec adds to a picture of this size, px; BadRequest for nothing (unless there are `gaps`) or too much."""
    if spec.target is None:
        if gaps and not any(amount.value for amount in spec.sides):
            return Sides()
        return resolve_sides(spec.sides, width=width, height=height, allow_large=spec.allow_large)
    sides = target_sides(spec.target, width=width, height=height)
    if sides == Sides() and not gaps:
        raise BadRequest(f"{spec.target}: nothing to add; the picture is {width}x{height}, which is that already")
    if not spec.allow_large:
        _refuse_large(str(spec.target), sides, width=width, height=height)
    return sides


def resolve_sides(
    amounts: tuple[Amount, Amount, Amount, Amount], *, width: int, height: int, allow_large: bool = False
) -> Sides:
    """Amounts -> whole pixels for a picture of this size; BadRequest when all are 0 or one is beyond the limit."""
    extents = (height, width, height, width)
    top, right, bottom, left = (_pixels(amount, extent) for amount, extent in zip(amounts, extents, strict=True))
    sides = Sides(top=top, right=right, bottom=bottom, left=left)
    if not any((top, right, bottom, left)):
        raise BadRequest(f"--sides {sides}: nothing to add to {width}x{height}; at least one side must be above 0")
    if not allow_large:
        _refuse_large(f"--sides {sides}", sides, width=width, height=height)
    return sides


def target_sides(target: Target, *, width: int, height: int) -> Sides:
    """What makes the picture as large as the target, split as anchored; BadRequest where the target is smaller."""
    across, down = target_size(target, width=width, height=height)
    if across < width or down < height:
        inside = fitted_size(target, width=width, height=height)
        raise BadRequest(
            f"{target}: the picture is {width}x{height}; {max(across, width)}x{max(down, height)} would hold it, "
            f"or --fit scales it down to {inside[0]}x{inside[1]} first"
        )
    left = _rounded((across - width) * target.anchor[0])
    top = _rounded((down - height) * target.anchor[1])
    return Sides(top=top, right=across - width - left, bottom=down - height - top, left=left)


def target_size(target: Target, *, width: int, height: int) -> tuple[int, int]:
    """Width and height of the result, px, for a picture of this size."""
    if target.size:
        return target.size
    if target.scale:
        return _rounded(width * target.scale), _rounded(height * target.scale)
    if target.all:
        return width + 2 * _pixels(target.all, width), height + 2 * _pixels(target.all, height)
    across, down = target.aspect or (width, height)
    wide, tall = _divided(height * across, down), _divided(width * down, across)
    if width == wide or height == tall:  # as near as whole pixels come
        return width, height
    return (wide, height) if width < wide else (width, tall)


def fitted_size(target: Target | None, *, width: int, height: int) -> tuple[int, int]:
    """Width and height of the picture scaled down until the target's size holds it; as it is where it does."""
    if target is None or target.size is None:
        return width, height
    across, down = target.size
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


def fit_band(overlap: int, feather: int, sides: Sides, *, width: int, height: int) -> tuple[int, int]:
    """Overlap and feather (px), shrunk together until no side reaches farther in than a sixth of the picture.

    So at least two thirds of each dimension stay untouched, of a thumbnail too.
    """
    reach = overlap + feather // 2
    room = reach
    for near, far, extent in ((sides.left, sides.right, width), (sides.top, sides.bottom, height)):
        if near or far:
            room = min(room, extent // 6)
    if room >= reach:
        return overlap, feather
    return overlap * room // reach, feather * room // reach


def running_steps(steps: int, strength: float) -> int:
    """int(steps * strength), the steps that run; BadRequest, naming the steps that would do, when that is none."""
    ran = int(steps * strength)
    if ran < 1:
        least = int(1 / strength) if strength else 0
        while strength and int(least * strength) < 1:
            least += 1
        raise BadRequest(
            f"--strength {strength:g} with --steps {steps} runs no step: use --steps {least} or more, "
            "or --strength 0 for the fill alone"
        )
    return ran
