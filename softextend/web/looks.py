"""Previews before any model runs: small and soon, and larger when nothing moves."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import softextend
from softextend.errors import BadRequest
from softextend.interrupt import stopped_by
from softextend.web.form import read_settings
from softextend.web.limits import check_size
from softextend.web.photos import Photos
from softextend.web.pictures import data_url, png, small_jpeg
from softextend.web.sessions import Node, Session

SIZES = (48, 80, 160, 256, 400, 640)  # px, longer side of a preview
SECONDS = (0.12, 0.5, 2.0)  # that a fill may take: the first leaves room in 300 ms, the others come when nothing moves
LEAST = (48, 160, 400)  # px, however long that takes: nobody waits for the second and the third
AT_ONCE = 2  # previews painted at the same time
TABS = 256  # whose newest preview is remembered
WARMING = (480, 640)  # px, height and width of a picture on which kernels are compiled before anybody waits for them


class Superseded(BadRequest):
    """A newer preview was asked for by the same tab."""


class Looks:
    """Previews, each as large as its fill can be painted in time; of a tab's previews the newest wins."""

    def __init__(self, photos: Photos) -> None:
        self.photos = photos
        self.pace = Pace()
        self.newest: OrderedDict[tuple[str, str], object] = OrderedDict()
        self.lock = threading.Lock()
        self.painting = threading.Semaphore(AT_ONCE)

    def look(self, session: Session, node: Node, given: Any, *, sharp: int = 0, tab: str = "") -> dict[str, Any]:
        """The fill and the soft map as small pictures, and the plan; `sharp`: 0 soon, 1 and 2 larger and later.

        Raises BadRequest as `extend` would, Superseded where the same `tab` has asked again meanwhile.
        """
        settings = {
            name: value for name, value in read_settings(given, session).items() if name not in ("num", "best_of")
        }
        sketch, asked = self.photos.sketch(session, node), {"sides": None, **settings}
        sharp = max(0, min(sharp, len(SECONDS) - 1))
        check_size(*sketch.size(**{name: value for name, value in asked.items() if name != "model"}))
        fill = str(settings.get("fill", "")).partition(":")[0] or str(settings["model"])
        check = self._newest(session, tab)
        with stopped_by(check), self.painting:
            check()
            most = max(LEAST[sharp], self.pace.size(fill, SECONDS[sharp]))
            began = time.perf_counter()
            found = sketch.look(most=most, **asked)
            self.pace.learn(fill, most, time.perf_counter() - began)
        return {
            "plan": found.plan,
            "filled": data_url(small_jpeg(np.asarray(found.filled), SIZES[-1], quality=85)),
            "change": data_url(png(found.change), "image/png"),
            "most": most,
            "sharpest": most == SIZES[-1] or sharp >= len(SECONDS) - 1,
        }

    def _newest(self, session: Session, tab: str) -> Callable[[], None]:
        """A check that raises Superseded once the same tab asks again; one without a name never does."""
        if not tab:
            return lambda: None
        key, mine = (session.folder.name, tab), object()
        with self.lock:
            self.newest[key] = mine
            self.newest.move_to_end(key)
            while len(self.newest) > TABS:
                self.newest.popitem(last=False)
        return partial(self._check, key, mine)

    def _check(self, key: tuple[str, str], mine: object) -> None:
        if self.newest.get(key) is not mine:
            raise Superseded("a newer preview was asked for")

    def warm_up(self) -> None:
        """Compile what the built-in model's preview needs, and learn how long it takes."""
        speckled = np.random.default_rng(0).integers(0, 255, (*WARMING, 3), dtype=np.uint8)
        sketch = softextend.Sketch(speckled)
        for index, most in enumerate((SIZES[0], *SIZES[:2])):
            began = time.perf_counter()
            sketch.look((0, 160, 0, 160), most=most)
            if index:
                self.pace.learn("self", most, time.perf_counter() - began)


class Pace:
    """How long each fill took at each size, and from that how large a preview can be painted in time."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, int], float] = {}

    def learn(self, fill: str, most: int, seconds: float) -> None:
        """It took so long just now; what it took before counts as much."""
        before = self.seconds.get((fill, most), seconds)
        self.seconds[fill, most] = (before + seconds) / 2

    def size(self, fill: str, seconds: float) -> int:
        """The largest that should be ready within `seconds`; the smallest where nothing is known or nothing is."""
        fitting = [most for most in SIZES if self._expected(fill, most) <= seconds]
        return fitting[-1] if fitting else SIZES[0]

    def _expected(self, fill: str, most: int) -> float:
        """As measured, else by the area from the largest smaller one that was, infinity where there is none."""
        found = next((size for size in reversed(SIZES) if size <= most and (fill, size) in self.seconds), None)
        return float("inf") if found is None else self.seconds[fill, found] * (most / found) ** 2
