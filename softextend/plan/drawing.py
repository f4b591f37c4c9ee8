"""A plan as a picture: the canvas with the windows that the model will see, numbered in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from softextend.pictures.wrap import back
from softextend.plan.boxes import scaled
from softextend.plan.plan import Plan
from softextend.plan.wraps import turned_boxes
from softextend.types import Box

if TYPE_CHECKING:
    from softextend.types import Pixels


LONGER = 1600  # px, longer side of the drawing at most
EMPTY = (96, 96, 96)
INKS = ((255, 210, 60), (90, 220, 255), (255, 120, 200), (140, 255, 120))  # one per pass, in turn
DARK = (20, 20, 20)


def draw_plan(plan: Plan, pixels: Pixels) -> Pixels:
    """The photo on its canvas, and in each pass's own colour the windows of its last stage; uint8 (H, W, 3)."""
    width, height = plan.canvas.size
    scale = min(1.0, LONGER / max(width, height))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    drawn = np.full((*size, 3), EMPTY, np.uint8)
    photo = plan.canvas.picture
    place = scaled(photo, (height, width), size)
    drawn[place.cut] = cv2.resize(pixels, (place.width, place.height), interpolation=cv2.INTER_AREA)
    for each in plan.canvas.new:
        hole = scaled(each, (height, width), size).cut
        drawn[hole] = drawn[hole] // 2 + np.array(EMPTY, np.uint8) // 2
    for number, (window, index) in enumerate(numbered(plan), 1):
        outline(drawn, scaled(window, (height, width), size), str(number), INKS[index % len(INKS)])
    return drawn


def numbered(plan: Plan) -> list[tuple[Box, int]]:
    """The native windows in the order in which they are first seen, in px of the whole canvas, each with its pass."""
    parts = plan.each_pass()
    found = []
    for index, part in enumerate(parts):
        top, left = (sum(getattr(each.canvas.sides, name) for each in parts[index + 1 :]) for name in ("top", "left"))
        for region in part.canvas.regions(part.canvas.shape):
            for each in region.windows:
                for box in turned_boxes([each], back(part.canvas.turn), part.canvas.shape):
                    found.append((shifted(box, top, left), index))
    return found


def shifted(box: Box, down: int, across: int) -> Box:
    """The box so many px further down and to the right."""
    return Box(top=box.top + down, left=box.left + across, bottom=box.bottom + down, right=box.right + across)


def outline(drawn: Pixels, box: Box, label: str, ink: tuple[int, int, int]) -> None:
    """A frame with its label in the middle, both with a dark edge so that they show on any photo; in place."""
    corners = (box.left + 2, box.top + 2), (box.right - 3, box.bottom - 3)
    tall = max(0.4, min(box.height, box.width) / 250)
    (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, tall, 2)
    at = (box.left + box.right - width) // 2, (box.top + box.bottom + height) // 2
    for colour, line in ((DARK, 4), (ink, 2)):
        cv2.rectangle(drawn, *corners, colour, line)
        cv2.putText(drawn, label, at, cv2.FONT_HERSHEY_SIMPLEX, tall, colour, line, cv2.LINE_AA)
