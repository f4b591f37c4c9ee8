"""One photo by every fill and strength asked for, on one sheet: how to find the lowest strength that hides the fill."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from softextend.errors import BadRequest
from softextend.fill import format_fill, parse_fill
from softextend.options import Spec
from softextend.plan.plan import Plan, alike

if TYPE_CHECKING:
    from softextend.extend import Result
    from softextend.finish.scores import Scores
    from softextend.types import Pixels


MOST_CELLS = 100
WORTHLESS = 0.005  # seam score below which 0.00 is shown: no such cell wins
CELL = 480  # px, longer side of a picture on the sheet
GAP = 8  # px
LETTER = 15  # px
PAPER, INK, MARK = (24, 24, 24), (235, 235, 235), (90, 200, 120)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cell:
    """One result of a sweep: what was asked, a small picture of it, how it scores, seconds."""

    spec: Spec
    picture: Pixels
    scores: Scores
    seconds: float

    @classmethod
    def of(cls, spec: Spec, result: Result) -> Cell:
        """What is kept of a result."""
        return cls(spec=spec, picture=_small(result.pixels), scores=result.scores, seconds=result.seconds)

    @property
    def caption(self) -> tuple[str, str]:
        """Two lines."""
        found = self.scores
        return (
            f"{self.spec.mask.fill or 'fill of the model'}  strength {_strength(self.spec)}  "
            f"seam score {found.total:.2f}",
            f"gradient {found.gradient_step:.2f}  colour {found.colour_step:.2f}  texture {found.texture:.2f}  "
            f"leftover {found.leftover:.2f}",
        )


def parse_strengths(text: str) -> tuple[float, ...]:
    """`0.6:1.0:0.1` (from, to, step; both ends in) or `0.6,0.8`; BadRequest outside 0 to 1 or in another form."""
    parts = text.split(":")
    try:
        if len(parts) == 3:
            first, last, step = map(float, parts)
            if not step > 0 or last < first:
                raise ValueError
            count = math.floor((last - first) / step + 1e-9) + 1
            values = tuple(round(first + index * step, 6) for index in range(min(count, MOST_CELLS + 1)))
        elif len(parts) == 1:
            values = tuple(float(each) for each in text.split(","))
        else:
            raise ValueError
    except (ValueError, OverflowError):
        raise BadRequest(
            f"--strength {text}: must be FROM:TO:STEP, such as 0.6:1.0:0.1, or values such as 0.6,0.8"
        ) from None
    if not all(0 <= each <= 1 for each in values):
        raise BadRequest(f"--strength {text}: each value must be from 0 to 1")
    return tuple(dict.fromkeys(values))


def parse_fills(text: str | None) -> tuple[str | None, ...]:
    """`perlin:opacity=0.4,scale=80,telea` -> both fills, each checked; None: the model's own."""
    if text is None:
        return (None,)
    fills: list[str] = []
    for part in text.split(","):
        if fills and "=" in part and ":" not in part:
            fills[-1] += f",{part}"
        else:
            fills.append(part.strip())
    return tuple(dict.fromkeys(format_fill(parse_fill(each)) if ":" in each else _named(each) for each in fills))


def grid(spec: Spec, fills: Sequence[str | None], strengths: Sequence[float]) -> tuple[Spec, ...]:
    """A spec for every cell, row by row: one row per fill, one column per strength."""
    if len(fills) * len(strengths) > MOST_CELLS:
        raise BadRequest(f"{len(fills)} fills by {len(strengths)} strengths: at most {MOST_CELLS} pictures in a sweep")
    return tuple(spec.replaced(fill=fill, strength=strength) for fill in fills for strength in strengths)


def together(plans: Sequence[Plan], most: int) -> list[list[int]]:
    """The places of plans that can be rows of one batch, in groups of at most `most`."""
    found: list[list[int]] = []
    for place, plan in enumerate(plans):
        fitting = (group for group in found if len(group) < most and alike([plans[group[0]], plan]))
        group = next(fitting, [])
        if not group:
            found.append(group)
        group.append(place)
    return found


def best_of(cells: Sequence[Cell]) -> Cell:
    """The cell with the best total; of equal ones the one with the lowest strength, which stays nearest to the fill."""
    return max(cells, key=lambda each: (round(each.scores.total, 3), -(each.spec.sampling.strength or 0.0)))


def winner_of(cells: Sequence[Cell]) -> Cell | None:
    """The best cell; None where even that one scores 0.00: none is any good."""
    best = best_of(cells)
    return best if best.scores.total >= WORTHLESS else None


def sheet(cells: Sequence[Cell], columns: int) -> Pixels:
    """All cells with captions, (H, W, 3) uint8; the best one is framed, where one is any good."""
    height, width = (max(each.picture.shape[axis] for each in cells) for axis in (0, 1))
    width = max(width, 20 * LETTER)
    text = 2 * (LETTER + 4) + GAP
    rows = math.ceil(len(cells) / columns)
    size = columns * (width + GAP) + GAP, rows * (height + text + GAP) + GAP
    canvas = Image.new("RGB", size, PAPER)
    draw, font, best = ImageDraw.Draw(canvas), ImageFont.load_default(LETTER), winner_of(cells)
    for index, cell in enumerate(cells):
        left = GAP + index % columns * (width + GAP)
        top = GAP + index // columns * (height + text + GAP)
        canvas.paste(Image.fromarray(cell.picture), (left, top))
        bottom = top + cell.picture.shape[0]
        if cell is best:
            draw.rectangle((left - 4, top - 4, left + cell.picture.shape[1] + 3, bottom + 3), outline=MARK, width=4)
        for line, words in enumerate(cell.caption):
            place = left, bottom + GAP + line * (LETTER + 4)
            draw.text(place, _cut(words, font, width), MARK if cell is best and not line else INK, font)
    return np.asarray(canvas).copy()


def _cut(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """As much of a line as fits."""
    while words and font.getlength(words) > width:
        words = words[:-1]
    return words


def _named(name: str) -> str:
    """A fill without parameters, by its bare name; BadRequest where there is none of it."""
    parse_fill(name)
    return name


def _strength(spec: Spec) -> str:
    strength = spec.sampling.strength
    return "of the model" if strength is None else f"{strength:g}"


def _small(pixels: Pixels) -> Pixels:
    shrink = min(1.0, CELL / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * shrink)), max(1, round(pixels.shape[0] * shrink))
    if shrink == 1:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
