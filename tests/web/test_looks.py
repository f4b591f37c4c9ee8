"""Previews: how large one may be, and which of several wins."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from running import photo
from serving import LONGEST, Caller, Server

from softextend.interrupt import check
from softextend.web.looks import SECONDS, SIZES, Looks, Pace, Superseded
from softextend.web.photos import Photos
from softextend.web.sessions import Node, Session

SETTINGS = {"sides": "0 16 0 16", "fill": "mirror"}


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Looks, Session, Node]:
    session, photos = Session(tmp_path / "session"), Photos(None, 2**20)
    photo(tmp_path / "photo.png", 96, 72)
    return Looks(photos), session, photos.add(session, "photo.png", (tmp_path / "photo.png").read_bytes())


def test_a_preview_is_as_large_as_its_fill_is_fast() -> None:
    pace = Pace()
    assert pace.size("patch", SECONDS[0]) == SIZES[0], "nothing is known yet"
    pace.learn("patch", SIZES[0], 0.08)
    assert [pace.size("patch", seconds) for seconds in SECONDS] == [48, 80, 160]
    pace.learn("patch", 160, 0.1)
    assert pace.size("patch", SECONDS[0]) == 160, "measured is better than guessed"
    pace.learn("patch", 160, 4.1)
    assert pace.size("patch", SECONDS[0]) == SIZES[0], "the machine became busy"
    for _ in range(9):
        pace.learn("patch", SIZES[0], 9.0)
    assert pace.size("patch", SECONDS[2]) == SIZES[0], "never none at all"
    assert pace.size("mirror", SECONDS[0]) == SIZES[0]


def test_a_fast_fill_is_soon_shown_sharp(opened: tuple[Looks, Session, Node]) -> None:
    looks, session, node = opened
    first = looks.look(session, node, SETTINGS, tab="one")
    assert first["most"] == SIZES[0]
    assert not first["sharpest"]
    looks.pace.seconds = dict.fromkeys((("mirror", size) for size in SIZES), 0.001)
    assert looks.look(session, node, SETTINGS, tab="one")["sharpest"]


class Slow:
    """A photo whose preview takes until it is stopped."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def size(self, **_: Any) -> tuple[int, int]:
        return 1, 1

    def look(self, **_: Any) -> Any:
        self.begun.set()
        while True:
            check()
            time.sleep(0.005)


def test_of_a_tab_the_newest_preview_wins(opened: tuple[Looks, Session, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    looks, session, node = opened
    quick, slow, told = looks.photos.sketch(session, node), Slow(), []
    sketches = iter([slow, quick, quick])
    monkeypatch.setattr(looks.photos, "sketch", lambda *_: next(sketches))

    def older() -> None:
        with pytest.raises(Superseded, match="newer preview"):
            looks.look(session, node, SETTINGS, tab="one")
        told.append("superseded")

    thread = threading.Thread(target=older)
    thread.start()
    assert slow.begun.wait(30)
    assert looks.look(session, node, SETTINGS, tab="two")["plan"]
    assert told == [], "another tab's is its own"
    assert looks.look(session, node, SETTINGS, tab="one")["plan"]
    thread.join(30)
    assert told == ["superseded"]


# --- what a drag costs ---------------------------------------------------------------------------------------------

FIELDS = slice(13, 15)  # of /proc/PID/stat: utime and stime
MOST_COST = 12.0  # decodings of the same photo that a preview may cost, of about 10 ms; measured: 2 to 6
PREVIEWS = 8


def processor_seconds(pid: int) -> float:
    """That a process and its threads have used, in whatever time that took them."""
    text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, text[FIELDS.start - 2 : FIELDS.stop - 2])) / os.sysconf("SC_CLK_TCK")


def settled(pid: int) -> None:
    """Waits until a server has compiled what it compiles when it starts."""
    before, end = -1.0, time.monotonic() + LONGEST
    while processor_seconds(pid) - before > 0.05:
        assert time.monotonic() < end
        before = processor_seconds(pid)
        time.sleep(0.5)


def decoding_seconds(path: Path) -> float:
    """Processor time of one decoding of a photo here, the median of several."""
    times = []
    for _ in range(5):
        began = time.thread_time()
        with Image.open(path) as image:
            np.asarray(image)
        times.append(time.thread_time() - began)
    return float(np.median(times))


@pytest.mark.ui
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc: processor time of another process")
@pytest.mark.parametrize("fill", ["patch", "telea", "perlin"])
def test_a_drag_over_two_megapixels_costs_a_few_decodings(
    start: Callable[..., Server], tmp_path: Path, fill: str
) -> None:
    photo(tmp_path / "large.jpg", 1632, 1224)
    server = start("--port", "0")
    call = Caller(server)
    node = call.photo(tmp_path / "large.jpg")
    settled(server.process.pid)
    costs = []
    for index in range(PREVIEWS):
        before = processor_seconds(server.process.pid)
        settings = {"sides": f"0 {200 + 40 * index} 0 0", "fill": fill}
        assert "plan" in call("/api/preview", {"picture": node["id"], "settings": settings, "tab": "one"})
        costs.append(processor_seconds(server.process.pid) - before)
    server.stop()
    assert np.median(costs) < MOST_COST * decoding_seconds(tmp_path / "large.jpg"), costs
