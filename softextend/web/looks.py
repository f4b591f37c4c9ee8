"""Previews before any model runs: small and soon."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import softextend
from softextend.web.form import read_settings
from softextend.web.limits import check_size
from softextend.web.photos import Photos
from softextend.web.pictures import data_url, png, small_jpeg
from softextend.web.sessions import Node, Session

LOOK_SECONDS = 0.12  # a preview's share of 300 ms; its size follows the fill's speed
SMALLEST_LOOK, LARGEST_LOOK = 160, 640  # px
SLOWEST = LOOK_SECONDS / SMALLEST_LOOK**2  # seconds per px of a fill that was not measured yet
WARMING = (64, 48)  # px, height and width of a picture on which kernels are compiled before anybody waits for them


class Looks:
    """Previews as large as their fill can be painted in time."""

    def __init__(self, photos: Photos) -> None:
        self.photos = photos
        self.pace: dict[str, float] = {}  # seconds per px that each fill took

    def look(self, session: Session, node: Node, given: Any, *, sharp: bool = False) -> dict[str, Any]:
        """The fill and the soft map as small pictures, and the plan; as large as its fill can be painted in time."""
        settings = {name: value for name, value in read_settings(given).items() if name not in ("num", "best_of")}
        fill = str(settings.get("fill", "")).partition(":")[0] or "default"
        pace = self.pace.get(fill, SLOWEST)
        most = int(max(SMALLEST_LOOK, min(LARGEST_LOOK, (LOOK_SECONDS / pace) ** 0.5)))
        most = min(LARGEST_LOOK, 2 * most) if sharp else most
        sketch, asked = self.photos.sketch(session, node), {"sides": None, **settings}
        check_size(*sketch.size(**{name: value for name, value in asked.items() if name != "model"}))
        began = time.perf_counter()
        found = sketch.look(most=most, **asked)
        seconds = time.perf_counter() - began
        self.pace[fill] = seconds / most**2 if fill not in self.pace else (pace + seconds / most**2) / 2
        return {
            "plan": found.plan,
            "filled": data_url(small_jpeg(np.asarray(found.filled), LARGEST_LOOK)),
            "change": data_url(png(found.change), "image/png"),
            "seconds": round(seconds, 4),
        }

    def warm_up(self) -> None:
        """Compile what the built-in model's preview needs, so that the first one is quick too."""
        speckled = np.random.default_rng(0).integers(0, 255, (*WARMING, 3), dtype=np.uint8)
        softextend.Sketch(speckled).look((0, 8, 0, 8), most=64)
