"""Work that is stopped from outside: fills, and calls that know no check."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tinysdxl
from making import full, prepared

from softextend import interrupt
from softextend.fill import parse_fill
from softextend.finish.scores import score
from softextend.models import find, load
from softextend.models.conditions.options import Conditions
from softextend.models.engine import Engine
from softextend.options import Spec
from softextend.plan.canvas import grow
from softextend.plan.grammar import parse_sides
from softextend.sampling.progress import Silent
from softextend.types import Profile, Sides

if TYPE_CHECKING:
    from softextend.types import Pixels


class Stopped(Exception):
    """What the check of these tests raises."""


def stop_after(seconds: float) -> Callable[[], None]:
    end = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > end:
            raise Stopped

    return check


def test_nobody_asks_and_nothing_changes() -> None:
    interrupt.check()
    assert interrupt.waited(threading.get_ident) == threading.get_ident()


class Counted:
    """A check that raises when it is asked once more than `most` times."""

    def __init__(self, most: int) -> None:
        self.most, self.asked = most, 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked > self.most:
            raise Stopped


def test_a_models_loading_stops_at_its_next_tensor(tmp_path: Path) -> None:
    tinysdxl.write_folder(tmp_path / "tiny")
    ref = find.model_of(Engine(model=str(tmp_path / "tiny")))
    for most in (0, 3):
        check = Counted(most)
        with interrupt.stopped_by(check), pytest.raises(Stopped):
            load.load_for(ref, Engine(model=str(tmp_path / "tiny")), Conditions(), Silent()).embed("a beach", "")
        assert check.asked == most + 1


def test_scoring_stops_between_its_measures() -> None:
    pixels, known = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.bool_)
    known[:, :64] = True
    check = Counted(1)
    with interrupt.stopped_by(check), pytest.raises(Stopped):
        score(pixels, known)
    assert check.asked == 2


def test_a_call_under_a_check_returns_and_raises_as_it_would() -> None:
    with interrupt.stopped_by(lambda: None):
        assert interrupt.waited(lambda: 3) == 3
        with pytest.raises(ZeroDivisionError):
            interrupt.waited(lambda: 1 / 0)
    interrupt.check()


def test_a_call_that_knows_no_check_is_left_alone() -> None:
    free = threading.Event()
    with interrupt.stopped_by(stop_after(0.1)), pytest.raises(Stopped):
        interrupt.waited(lambda: free.wait(60))
    free.set()


def test_the_check_holds_in_the_thread_that_works() -> None:
    with interrupt.stopped_by(stop_after(-1)), pytest.raises(Stopped):
        interrupt.waited(interrupt.check)


def test_the_patches_are_stopped_in_the_middle() -> None:
    rng = np.random.default_rng(0)
    canvas, known = grow(rng.integers(0, 255, (40, 60, 3), np.uint8), np.ones((40, 60), np.bool_), Sides(right=20))
    left = iter(range(30))

    def check() -> None:
        if next(left, None) is None:
            raise Stopped

    with interrupt.stopped_by(check), pytest.raises(Stopped):
        parse_fill("patch").paint(canvas, known, rng)


def spec_and_photo(height: int, width: int) -> tuple[Pixels, Spec, Profile]:
    growth = {"sides": parse_sides("0 100% 0 0")}
    spec = Spec.of(**growth, fill="ns:radius=20", seed=1)
    return np.full((height, width, 3), 128, np.uint8), spec, find.known_profile(find.resolve_model("self"))


def test_a_run_is_stopped_while_it_fills() -> None:
    pixels, spec, profile = spec_and_photo(600, 800)
    with interrupt.stopped_by(stop_after(-1)), pytest.raises(Stopped):
        prepared(pixels, full(pixels), spec, profile)


def test_a_run_that_may_be_stopped_and_is_not_fills_as_ever() -> None:
    pixels, spec, profile = spec_and_photo(12, 16)
    with interrupt.stopped_by(lambda: None):
        found = prepared(pixels, full(pixels), spec, profile)
    assert np.array_equal(found.filled, prepared(pixels, full(pixels), spec, profile).filled)
