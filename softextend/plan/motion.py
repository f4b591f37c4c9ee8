"""The motion of a zoom: keyframes, frames, and the boxes that they show."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from fractions import Fraction

from softextend.errors import BadRequest
from softextend.option_fields import Checked, option
from softextend.plan.sizes import CENTER
from softextend.types import Box, Sides

STEP = math.sqrt(2)  # at most so much more in each direction per picture: half of every canvas is known
ROUNDED = 0.005  # frames a second: how far 23.98 and 29.97 are from 24000/1001 and 30000/1001
SMALLEST = 16  # px, shorter side of a frame
CROP = 0.02  # of the photo, at most: what is cut off rather than extended where its shape is not quite the frame's
WIDEST = 4.0  # times as long as the photo: the most that a frame of another shape may be
SLACK = 1e-6  # px; what floating-point arithmetic may miss a whole number by
Rect = tuple[float, float, float, float]  # left, top, right, bottom in px, not whole


@dataclass(frozen=True, kw_only=True, slots=True)
class Course(Checked):
    """The zoom."""

    factor: float = option(4.0, "how much more the widest frame shows in each direction", low=1.1, high=64)
    seconds: float = option(6.0, "how long the film lasts", unit="s", low=0.1, high=600)
    fps: float = option(30.0, "frames a second; a GIF has 50 at most", low=1, high=120)
    anchor: tuple[float, float] = option(
        CENTER,
        "where the photo ends up: center, top, bottom-left, ... or X,Y from 0,0 (top left) to 1,1",
        told="center",
        metavar="PLACE",
        form="anchor",
    )
    reverse: bool = option(False, "zoom in: the photo comes last", told="off, it comes first")
    ease: bool = option(False, "start and end slowly", told="off, the speed never changes")

    @property
    def rate(self) -> Fraction:
        """Frames a second, 23.976 being 24000/1001."""
        television = Fraction(round(self.fps * 1.001) * 1000, 1001)
        return television if abs(television - self.fps) < ROUNDED else Fraction(self.fps).limit_denominator(1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion:
    """What a zoom shows. `width`, `height` of its frames in px; `anchor`: the point (x, y) in [0, 1] that stays."""

    width: int
    height: int
    factor: float = 2.0
    seconds: float = 6.0
    fps: Fraction = Fraction(30)
    anchor: tuple[float, float] = CENTER
    reverse: bool = False
    ease: bool = False

    def __post_init__(self) -> None:
        if min(self.width, self.height) < SMALLEST:
            raise BadRequest(f"frames of {self.width}x{self.height}: each side must be {SMALLEST} px or more")
        if self.count < 2:
            raise BadRequest(
                f"--seconds {self.seconds:g} at --fps {float(self.fps):.3g}: makes {self.count} frame; 2 are needed: "
                "give more --seconds"
            )

    @classmethod
    def of(cls, course: Course, size: tuple[int, int]) -> Motion:
        """The zoom at this size (width, height) of its frames."""
        given = {each.name: getattr(course, each.name) for each in fields(course) if each.name != "fps"}
        return cls(width=size[0], height=size[1], fps=course.rate, **given)

    @property
    def count(self) -> int:
        """How many frames."""
        return round(self.seconds * self.fps)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame."""
        return self.width, self.height


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """How the photo enters the first frame: its part `source` (px of the photo) fills `box` (px of the frame)."""

    source: Rect
    box: Box
    sides: Sides

    @property
    def crops(self) -> bool:
        """Whether all of the frame is photo."""
        return self.sides == Sides()


def keyframe_zooms(factor: float) -> tuple[float, ...]:
    """1, s, s^2, ..., factor: as few equal steps as keep s <= sqrt(2)."""
    steps = max(1, math.ceil(math.log(factor) / math.log(STEP) - SLACK))
    return (1.0, *(factor ** (index / steps) for index in range(1, steps)), factor)


def frame_zooms(motion: Motion) -> tuple[float, ...]:
    """The zoom of each frame: a constant ratio from one to the next, or with `ease` a slow start and end."""
    last = motion.count - 1
    times = [index / last for index in range(motion.count)]
    if motion.ease:
        times = [time * time * (3 - 2 * time) for time in times]  # smoothstep
    zooms = (1.0, *(motion.factor**time for time in times[1:-1]), motion.factor)
    return zooms[::-1] if motion.reverse else zooms


def placed(size: tuple[int, int], scale: float, anchor: tuple[float, float]) -> Rect:
    """Where a picture of the frame's size lies in it at 1 / `scale` of its size, the anchor staying where it is."""
    (width, height), (x, y) = size, anchor
    left, top = x * width * (1 - 1 / scale), y * height * (1 - 1 / scale)
    return left, top, left + width / scale, top + height / scale


def inside(rect: Rect) -> Box:
    """The whole pixels that lie in a rectangle."""
    left, top, right, bottom = rect
    return Box(
        left=math.ceil(left - SLACK),
        top=math.ceil(top - SLACK),
        right=math.floor(right + SLACK),
        bottom=math.floor(bottom + SLACK),
    )


def part_of(rect: Rect, box: Box, size: tuple[float, float]) -> Rect:
    """What `box` shows of a picture of this size that fills `rect`; in px of the picture, and never beyond it."""
    left, top, right, bottom = rect
    across, down = size[0] / (right - left), size[1] / (bottom - top)
    return (
        max(0.0, (box.left - left) * across),
        max(0.0, (box.top - top) * down),
        min(size[0], (box.right - left) * across),
        min(size[1], (box.bottom - top) * down),
    )


def around(box: Box, size: tuple[int, int]) -> Sides:
    """What a frame of this size has beyond `box`."""
    return Sides(top=box.top, right=size[0] - box.right, bottom=size[1] - box.bottom, left=box.left)


def fit(width: int, height: int, motion: Motion) -> Fit:
    """A photo of this size (px) in the first frame: whole, or cut by at most 2 % or 1 px where that fills the frame.

    BadRequest where the photo would fill less than a quarter of the frame.
    """
    (x, y), scales = motion.anchor, (motion.width / width, motion.height / height)
    lost = 1 - min(scales) / max(scales)
    whole = Box(top=0, left=0, bottom=motion.height, right=motion.width)
    near = 0 <= width - motion.width <= 1 and 0 <= height - motion.height <= 1
    if near or lost <= CROP:
        scale = 1.0 if near else max(scales)
        across, down = motion.width / scale, motion.height / scale
        left, top = max(0.0, x * (width - across)), max(0.0, y * (height - down))
        if near:  # nothing is resampled
            left, top = math.floor(left), math.floor(top)
        source = left, top, min(width, left + across), min(height, top + down)
        return Fit(source=source, box=whole, sides=Sides())
    scale = min(scales)
    across, down = width * scale, height * scale
    left, top = x * (motion.width - across), y * (motion.height - down)
    rect = (left, top, left + across, top + down)
    if min(across, down) < SMALLEST / 2 or min(across / motion.width, down / motion.height) < 1 / WIDEST:
        raise BadRequest(
            f"--size {motion.width}x{motion.height}: the photo ({width}x{height}) would fill less than 1/{WIDEST:g} "
            "of it; choose a shape nearer to the photo's"
        )
    box = inside(rect)
    return Fit(source=part_of(rect, box, (width, height)), box=box, sides=around(box, motion.size))


def step_box(motion: Motion) -> Box:
    """Where each picture holds the one before it, in whole px."""
    return inside(placed(motion.size, keyframe_zooms(motion.factor)[1], motion.anchor))
