"""One picture through the whole program in memory: its input and plan made once, then run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softextend.extend import Result, extend, paint
from softextend.options import Spec
from softextend.plan.input import Input, prepare_input
from softextend.plan.plan import Plan, plan_extension, plan_repaint
from softextend.plan.prepared import Prepared, prepare
from softextend.sampling.progress import Silent
from softextend.types import Listener, Model, Profile

if TYPE_CHECKING:
    from softextend.types import Change, Known, Pixels


class Told(Silent):
    """A listener that remembers what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def note(self, line: str) -> None:
        self.notes.append(line)

    def step(self, done: int, total: int) -> None:
        self.steps.append((done, total))


def full(pixels: Pixels) -> Known:
    """All of a picture (H, W, 3) is known."""
    return np.ones(pixels.shape[:2], np.bool_)


def planned(pixels: Pixels, known: Known, spec: Spec, profile: Profile) -> tuple[Input, Plan]:
    """What of a picture is extended, and how."""
    input = prepare_input(pixels, known, spec.growth)
    return input, plan_extension(input, spec, profile)


def plan_of(known: Known, spec: Spec, profile: Profile) -> Plan:
    """The plan for a picture of which so much is known, whatever it shows."""
    return plan_extension(Input(pixels=np.zeros((*known.shape, 3), np.uint8), known=known), spec, profile)


def prepared(pixels: Pixels, known: Known, spec: Spec, profile: Profile) -> Prepared:
    """The canvas as a model meets it, all of it added at once."""
    input, plan = planned(pixels, known, spec, profile)
    return prepare(input.pixels, input.known, plan)


def extended(pixels: Pixels, known: Known, spec: Spec, model: Model, listener: Listener | None = None) -> Result:
    """A picture made wider, from its pixels on."""
    return extend(*planned(pixels, known, spec, model.profile), model, listener)


def repainted(pixels: Pixels, change: Change, spec: Spec, model: Model, listener: Listener | None = None) -> Result:
    """A picture repainted by a map, from its pixels on."""
    input = Input(pixels=pixels, known=np.ones(pixels.shape[:2], np.bool_))
    return paint(input, change, plan_repaint(change, spec, model.profile), model, listener)
