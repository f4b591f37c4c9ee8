"""How much to add, in whole pixels: the sides grammar, its resolution against a picture, padding and band widths."""

from __future__ import annotations

from collections.abc import Sequence

from softextend.errors import BadRequest
from softextend.types import Amount, Sides

LARGEST_GROWTH = 4  # times the picture's own size, per side, unless lifted


def parse_amount(text: str) -> Amount:
    """`256`, `256px` or `25%` -> Amount; BadRequest for anything else."""
    body, percent = text.strip(), False
    if body.endswith("%"):
        body, percent = body[:-1], True
    elif body.endswith("px"):
        body = body[:-2]
    try:
        value = float(body) if percent else int(body)
    except ValueError:
        raise BadRequest(f"--sides {text!r}: write pixels (256) or percent (25%)") from None
    if not 0 <= value < float("inf"):
        raise BadRequest(f"--sides {text}: each side must be 0 or more")
    return Amount(value=value, percent=percent)


def parse_sides(texts: Sequence[str]) -> tuple[Amount, Amount, Amount, Amount]:
    """Four amounts in the order top, right, bottom, left; BadRequest for another count."""
    if len(texts) != 4:
        raise BadRequest(f"--sides {' '.join(texts)}: give four values, top right bottom left, such as 0 256 0 256")
    top, right, bottom, left = (parse_amount(text) for text in texts)
    return top, right, bottom, left


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
        for name, added, extent in zip(
            ("top", "right", "bottom", "left"), (top, right, bottom, left), extents, strict=True
        ):
            if added > LARGEST_GROWTH * extent:
                raise BadRequest(
                    f"--sides {sides}: {name} {added} is more than {LARGEST_GROWTH} times the picture "
                    f"({extent} px, so {LARGEST_GROWTH * extent} at most); --allow-large lifts the limit"
                )
    return sides


def _pixels(amount: Amount, extent: int) -> int:
    return int(amount.value * extent / 100 + 0.5) if amount.percent else int(amount.value)


def padding(size: int, multiple: int) -> int:
    """Pixels to append so that `size` becomes a multiple of `multiple`."""
    return -size % multiple


def fit_band(overlap: int, feather: int, sides: Sides, *, width: int, height: int) -> tuple[int, int]:
    """Overlap and feather (px), shrunk together until the middle third between two extended sides stays untouched.

    Where one side of a pair is extended, the far third stays untouched.
    """
    reach = overlap + feather // 2
    room = reach
    for near, far, extent in ((sides.left, sides.right, width), (sides.top, sides.bottom, height)):
        if near or far:
            room = min(room, extent // 3 if near and far else 2 * extent // 3)
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
