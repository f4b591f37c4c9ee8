"""A zoom-out: pictures that show ever more around a photo, and the frames between them.

Picture k shows the photo's surroundings at zoom s^k: the picture before it, made smaller, and extended. All have the
size of a frame, and the same point of each, the anchor, stays where it is, so that one geometry serves every step:
a picture seen at 1 / scale of its size lies in the frame as `placed` says. A frame at zoom z lies between two pictures:
the outer one fills it, and the inner one, which is sharper, is laid into its middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from softextend.errors import BadRequest
from softextend.types import Amount, Box, Model, OnNote, OnStep, Sides, Spec

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known, Pixels

STEP = math.sqrt(2)  # at most so much more in each direction per picture: half of every canvas is known
FACTORS = 1.1, 64.0
SECONDS = 0.1, 600.0
RATES = 1.0, 120.0  # frames a second
ROUNDED = 0.005  # frames a second: how far 23.98 and 29.97 are from 24000/1001 and 30000/1001
SMALLEST = 16  # px, shorter side of a frame
FEATHER = 0.06  # of the frame's shorter side: where the inner picture fades into the outer one
CROP = 0.02  # of the photo, at most: what is cut off rather than extended where its shape is not quite the frame's
WIDEST = 4.0  # times as long as the photo: the most that a frame of another shape may be
LOBES = 3  # px that resampling looks at on each side, of the coarser of both pictures
SLACK = 1e-6  # px; what floating-point arithmetic may miss a whole number by
Rect = tuple[float, float, float, float]  # left, top, right, bottom in px, not whole


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion:
    """What a zoom shows. `width`, `height` of its frames in px; `anchor`: the point (x, y) in [0, 1] that stays."""

    width: int
    height: int
    factor: float = 2.0
    seconds: float = 6.0
    fps: Fraction = Fraction(30)
    anchor: tuple[float, float] = (0.5, 0.5)
    reverse: bool = False
    ease: bool = False

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("--factor", self.factor, FACTORS),
            ("--seconds", self.seconds, SECONDS),
        ):
            if not low <= value <= high:
                raise BadRequest(f"{name} {value:g}: must be from {low:g} to {high:g}")
        if min(self.width, self.height) < SMALLEST:
            raise BadRequest(f"frames of {self.width}x{self.height}: each side must be {SMALLEST} px or more")
        if self.count < 2:
            raise BadRequest(
                f"--seconds {self.seconds:g} at --fps {float(self.fps):g}: makes {self.count} frame; 2 are needed"
            )

    @property
    def count(self) -> int:
        """How many frames."""
        return round(self.seconds * self.fps)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame."""
        return self.width, self.height


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Keyframe:
    """A picture of the zoom; `band`: px from its added sides into the picture before it that differ from that one."""

    zoom: float
    pixels: Pixels
    band: int = 0


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


def parse_rate(fps: float) -> Fraction:
    """Frames a second as a fraction, 23.976 being 24000/1001; BadRequest outside of 1 to 120."""
    low, high = RATES
    if not low <= fps <= high:
        raise BadRequest(f"--fps {fps:g}: must be from {low:g} to {high:g}")
    television = Fraction(round(fps * 1.001) * 1000, 1001)
    return television if abs(television - fps) < ROUNDED else Fraction(fps).limit_denominator(1000)


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


def resample(pixels: Pixels, source: Rect, box: Box) -> Pixels:
    """The part `source` (px, not whole) of a picture at the size of `box`; Lanczos of 3 lobes, wider when smaller."""
    image = Image.fromarray(pixels).resize((box.width, box.height), Image.Resampling.LANCZOS, box=source)
    return np.asarray(image)


def keyframes(
    pixels: Pixels,
    known: Known,
    motion: Motion,
    spec: Spec,
    model: Model,
    *,
    on_picture: Callable[[float], None],
    on_step: OnStep,
    on_note: OnNote,
) -> list[Keyframe]:
    """All pictures of a zoom, the photo first; a frame's size each, so 3 bytes x width x height x their number.

    pixels uint8 (H, W, 3) RGB, known bool (H, W); `on_picture` is told the zoom of each picture that the model makes.
    """
    from softextend.extend import extend  # imports torch

    height, width = known.shape
    entry = fit(width, height, motion)
    first, seen = resample(pixels, entry.source, entry.box), shown(known, entry)
    if not (entry.crops and seen.all()):
        on_picture(1.0)
        asked = replace(spec, sides=amounts(entry.sides))
        first = extend(first, seen, asked, model, on_step=on_step, on_note=on_note).pixels
    made = [Keyframe(zoom=1.0, pixels=first)]
    zooms, box = keyframe_zooms(motion.factor), step_box(motion)
    sides = around(box, motion.size)
    rect = placed(motion.size, zooms[1], motion.anchor)
    for index, zoom in enumerate(zooms[1:], 1):
        on_picture(zoom)
        inner = resample(made[-1].pixels, part_of(rect, box, motion.size), box)
        asked = replace(spec, sides=amounts(sides), seed=(spec.seed + index) % 2**63)
        result = extend(inner, np.ones(inner.shape[:2], np.bool_), asked, model, on_step=on_step, on_note=on_note)
        changed = (result.pixels[box.cut] != inner).any(axis=2)
        made.append(Keyframe(zoom=zoom, pixels=result.pixels, band=reach(changed, sides)))
    return made


def shown(known: Known, entry: Fit) -> Known:
    """What is known of the photo's part in the first frame: nothing that resampling mixes with what is not."""
    size = entry.box.height, entry.box.width
    if known.all():
        return np.ones(size, np.bool_)
    if known.shape != size:
        left, _, right, _ = entry.source
        reach = math.ceil(LOBES * max(1.0, (right - left) / entry.box.width))
        known = cv2.erode(known.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)).astype(np.bool_)
    clear: Known = resample(known.astype(np.uint8) * 255, entry.source, entry.box) == 255
    return clear


def amounts(sides: Sides) -> tuple[Amount, Amount, Amount, Amount]:
    """Sides as a spec has them."""
    top, right, bottom, left = (Amount(value=each) for each in (sides.top, sides.right, sides.bottom, sides.left))
    return top, right, bottom, left


def reach(changed: Known, sides: Sides) -> int:
    """How far (px) from the sides that grew the pixels lie that `changed`, bool (H, W)."""
    height, width = changed.shape
    rows, columns = np.arange(height), np.arange(width)
    far = np.full(changed.shape, height + width)
    for grew, distance in (
        (sides.top, rows[:, None]),
        (sides.bottom, (height - 1 - rows)[:, None]),
        (sides.left, columns[None]),
        (sides.right, (width - 1 - columns)[None]),
    ):
        if grew:
            far = np.minimum(far, distance)
    return int(far[changed].max()) + 1 if changed.any() else 0


def frames(made: Sequence[Keyframe], motion: Motion) -> Iterator[Pixels]:
    """Every frame in turn, uint8 (H, W, 3)."""
    for zoom in frame_zooms(motion):
        yield frame(made, zoom, motion)


def frame(made: Sequence[Keyframe], zoom: float, motion: Motion) -> Pixels:
    """The frame at a zoom: cut from the picture beyond it, with the sharper one before it laid in.

    At the zoom of a picture it is that picture, seen from both sides: what is laid in starts as the whole frame, and
    before the next picture takes over, it has withdrawn to where both are equal.
    """
    index = next(place for place, each in enumerate(made) if each.zoom >= zoom)
    outer = made[index]
    if outer.zoom == zoom:
        return outer.pixels
    inner, size = made[index - 1], motion.size
    canvas = Box(top=0, left=0, bottom=motion.height, right=motion.width)
    back = resample(outer.pixels, placed(size, outer.zoom / zoom, motion.anchor), canvas)
    rect = placed(size, zoom / inner.zoom, motion.anchor)
    box = inside(rect)
    front = resample(inner.pixels, part_of(rect, box, size), box)
    done = math.log(zoom / inner.zoom) / math.log(outer.zoom / inner.zoom)
    inset = done * (outer.band + 1) * outer.zoom / zoom  # 1: the band is counted from whole px
    feather = max(1.0, done * FEATHER * min(size))
    sides = around(step_box(motion), size)
    left, top, right, bottom = rect
    across = _weights(box.left, box.right, left if sides.left else None, right if sides.right else None, inset, feather)
    down = _weights(box.top, box.bottom, top if sides.top else None, bottom if sides.bottom else None, inset, feather)
    weight = (down[:, None] * across[None])[..., None]
    mixed = back.astype(np.float32)
    mixed[box.cut] += weight * (front - mixed[box.cut])
    return np.rint(mixed).astype(np.uint8)


def _weights(
    start: int, end: int, near: float | None, far: float | None, inset: float, feather: float
) -> npt.NDArray[np.float32]:
    """How much of the inner picture shows in pixels `start` to `end` - 1: 0 near the edges that grow, then all of it.

    `near`, `far`: where those edges are, None where the picture reaches the frame's own edge for good.
    """
    pixels = np.arange(start, end, dtype=np.float32)
    weight = np.ones(end - start, np.float32)
    for distance in ([] if near is None else [pixels + 1 - near]) + ([] if far is None else [far - pixels]):
        ramp = np.clip((distance - inset) / feather, 0, 1)
        weight *= ramp * ramp * (3 - 2 * ramp)
    return weight
