"""A zoom-out: pictures that show ever more around a photo, and the frames between them.

Picture k shows the photo's surroundings at zoom s^k: the picture before it, made smaller, and extended. All have the
size of a frame, and the same point of each, the anchor, stays where it is, so that one geometry serves every step:
a picture seen at 1 / scale of its size lies in the frame as `placed` says. A frame at zoom z lies between two pictures:
the outer one fills it, and the inner one, which is sharper, is laid into its middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from softextend.options import Spec
from softextend.plan.input import Input
from softextend.plan.motion import (
    Fit,
    Motion,
    Rect,
    around,
    fit,
    frame_zooms,
    inside,
    keyframe_zooms,
    part_of,
    placed,
    step_box,
)
from softextend.plan.plan import Plan, plan_extension
from softextend.types import Amount, Box, Listener, Model, Profile, Sides

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known, Pixels


FEATHER = 0.06  # of the frame's shorter side: where the inner picture fades into the outer one
LOBES = 3  # px that resampling looks at on each side, of the coarser of both pictures


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Keyframe:
    """A picture of the zoom; `band`: px from its added sides into the picture before it that differ from that one."""

    zoom: float
    pixels: Pixels
    band: int = 0


def resample(pixels: Pixels, source: Rect, box: Box) -> Pixels:
    """The part `source` (px, not whole) of a picture at the size of `box`; Lanczos of 3 lobes, wider when smaller."""
    image = Image.fromarray(pixels).resize((box.width, box.height), Image.Resampling.LANCZOS, box=source)
    return np.asarray(image)


def keyframes(
    input: Input, motion: Motion, spec: Spec, model: Model, listener: Listener, on_picture: Callable[[float], None]
) -> list[Keyframe]:
    """All pictures of a zoom, the photo first; a frame's size each, so 3 bytes x width x height x their number.

    `on_picture` is told the zoom of each picture that the model makes.
    """
    from softextend.extend import extend  # imports torch

    height, width = input.known.shape
    entry = fit(width, height, motion)
    first, seen = resample(input.pixels, entry.source, entry.box), shown(input.known, entry)
    if not (entry.crops and seen.all()):
        on_picture(1.0)
        whole = Input(pixels=first, known=seen)
        first = extend(whole, plan_extension(whole, grown_by(spec, entry.sides), model.profile), model, listener).pixels
    made = [Keyframe(zoom=1.0, pixels=first)]
    zooms, box = keyframe_zooms(motion.factor), step_box(motion)
    sides = around(box, motion.size)
    rect = placed(motion.size, zooms[1], motion.anchor)
    for index, zoom in enumerate(zooms[1:], 1):
        on_picture(zoom)
        pixels = resample(made[-1].pixels, part_of(rect, box, motion.size), box)
        inner = Input(pixels=pixels, known=np.ones(pixels.shape[:2], np.bool_))
        again = grown_by(spec, sides).replaced(seed=(spec.seed + index) % 2**63)
        result = extend(inner, plan_extension(inner, again, model.profile), model, listener)
        changed = (result.pixels[box.cut] != pixels).any(axis=2)
        made.append(Keyframe(zoom=zoom, pixels=result.pixels, band=reach(changed, sides)))
    return made


def plans(input: Input, motion: Motion, spec: Spec, profile: Profile) -> list[Plan]:
    """What `keyframes` will ask of a model with this profile, picture by picture; BadRequest where it cannot be."""
    height, width = input.known.shape
    entry, made = fit(width, height, motion), []
    seen = shown(input.known, entry)
    if not (entry.crops and seen.all()):
        first = Input(pixels=np.zeros((*seen.shape, 3), np.uint8), known=seen)
        made.append(plan_extension(first, grown_by(spec, entry.sides), profile))
    box = step_box(motion)
    inner = Input(
        pixels=np.zeros((box.height, box.width, 3), np.uint8), known=np.ones((box.height, box.width), np.bool_)
    )
    step = plan_extension(inner, grown_by(spec, around(box, motion.size)), profile)
    return [*made, *[step] * (len(keyframe_zooms(motion.factor)) - 1)]


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


def grown_by(spec: Spec, sides: Sides) -> Spec:
    """The request with these sides."""
    return spec.replaced(sides=tuple(Amount(value=each) for each in (sides.top, sides.right, sides.bottom, sides.left)))


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
