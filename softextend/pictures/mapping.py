"""Where a place of one picture lies in another that was turned, cropped, scaled or set on a larger canvas."""

from __future__ import annotations

from dataclasses import dataclass

from softextend.types import Box

Size = tuple[int, int]  # width, height, px
Rect = tuple[float, float, float, float]  # left, top, width, height, px


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapping:
    """From a picture of size `old` to one of size `new`: x' = across * (x, y, 1), y' = down * (x, y, 1)."""

    old: Size
    new: Size
    across: tuple[float, float, float] = (1.0, 0.0, 0.0)
    down: tuple[float, float, float] = (0.0, 1.0, 0.0)

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves."""
        return self == Mapping(old=self.old, new=self.old)

    @property
    def scale(self) -> tuple[float, float]:
        """By how much lengths in the old picture's x and y grow."""
        return abs(self.across[0] or self.down[0]), abs(self.down[1] or self.across[1])

    @property
    def swaps(self) -> bool:
        """Whether width becomes height."""
        return self.across[0] == 0

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Px to px."""
        a, d = self.across, self.down
        return a[0] * x + a[1] * y + a[2], d[0] * x + d[1] * y + d[2]

    def rect(self, left: float, top: float, width: float, height: float) -> Rect:
        """Px to px, not clipped."""
        x, y = self.point(left, top)
        right, bottom = self.point(left + width, top + height)
        return min(x, right), min(y, bottom), abs(right - x), abs(bottom - y)

    def shows(self, left: float, top: float, width: float, height: float) -> bool:
        """Whether anything of a rectangle of the old picture lies in the new one."""
        x, y, across, down = self.rect(left, top, width, height)
        return x < self.new[0] and y < self.new[1] and x + across >= 0 and y + down >= 0

    def clipped(self, rect: Rect) -> Rect:
        """A rectangle of the new picture without what lies beyond its edges."""
        left, top = max(0.0, rect[0]), max(0.0, rect[1])
        right, bottom = min(self.new[0], rect[0] + rect[2]), min(self.new[1], rect[1] + rect[3])
        return left, top, max(0.0, right - left), max(0.0, bottom - top)


def upright(width: int, height: int, orientation: int) -> Mapping:
    """From a picture as stored to how it is seen; the eight values of Exif 2.32, 4.6.4 A."""
    w, h = float(width), float(height)
    rows = {
        2: ((-1.0, 0.0, w), (0.0, 1.0, 0.0)),
        3: ((-1.0, 0.0, w), (0.0, -1.0, h)),
        4: ((1.0, 0.0, 0.0), (0.0, -1.0, h)),
        5: ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
        6: ((0.0, -1.0, h), (1.0, 0.0, 0.0)),
        7: ((0.0, -1.0, h), (-1.0, 0.0, w)),
        8: ((0.0, 1.0, 0.0), (-1.0, 0.0, w)),
    }
    across, down = rows.get(orientation, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    new = (height, width) if orientation >= 5 else (width, height)
    return Mapping(old=(width, height), new=new, across=across, down=down)


def onto_canvas(old: Size, box: Box, size: Size, left: int, top: int, canvas: Size) -> Mapping:
    """From a picture to a canvas on which `box` of it, scaled to `size`, lies at `left`, `top`; all in px."""
    x, y = size[0] / box.width, size[1] / box.height
    return Mapping(old=old, new=canvas, across=(x, 0.0, left - box.left * x), down=(0.0, y, top - box.top * y))
