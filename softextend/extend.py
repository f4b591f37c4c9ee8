"""The story: a canvas is grown, filled and mapped, sampled stage by stage, and joined to the untouched original."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadRequest
from softextend.finish.composite import composite, composite_ramp, quantise
from softextend.finish.contract import hold, kept_area
from softextend.finish.scores import MATERIAL_FILLS, UNSEEN, Scores, score
from softextend.mask import latent_levels
from softextend.plan.canvas import Prepared, blocks, grow, margins, plan_for, prepare_pass
from softextend.plan.input import make_ready
from softextend.plan.plan import Plan, plan
from softextend.plan.recipe import make_recipe, parameters
from softextend.sampling.stages import sample
from softextend.types import Model, OnNote, OnStep, Sides, Spec

if TYPE_CHECKING:
    from softextend.types import Change, Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Result:
    """A finished picture, (H, W, 3) uint8 RGB, with what led to it."""

    pixels: Pixels
    filled: Pixels  # the canvas as the model met it
    mask: Change  # white = repaint
    raw: Pixels  # the decoded picture before it joins the original
    recipe: dict[str, Any]  # JSON values; can be run again
    parameters: str  # the A1111 form of the recipe
    scores: Scores  # how it looks against its own photo
    seed: int
    seconds: float
    notes: tuple[str, ...]


def extend(
    pixels: Pixels,
    known: Known,
    spec: Spec,
    model: Model,
    *,
    on_step: OnStep | None = None,
    on_note: OnNote | None = None,
) -> Result:
    """Make a picture wider: pixels uint8 (H, W, 3) RGB, known bool (H, W), False where it is transparent.

    What is said of the picture and its plan, such as a border that was shaved, is only in the result's notes.
    """
    began = time.perf_counter()
    ready = make_ready(pixels, known, spec)
    pixels, known = ready.pixels, ready.known
    settled = plan_for(known, spec, model.profile, ready.used)
    parts = settled.each_pass()
    steps = [part.steps for part in parts]
    original, from_original = pixels, known
    gaps = not known.all()
    result: Result | None = None
    for index, part in enumerate(parts):
        progress = functools.partial(_onward, on_step or _silent, sum(steps[:index]), sum(steps))
        original, from_original = grow(original, from_original, part.sides)
        kept = kept_area(from_original, settled.band)
        part = replace(part, limit=None) if index else part  # what an earlier pass painted may change freely
        now = _finish(prepare_pass(pixels, known, part), original, kept, spec, model, began, progress, on_note)
        result = now if result is None else _joined(result, now, part.sides)
        pixels, known = now.pixels, np.ones(now.pixels.shape[:2], np.bool_)
    if result is None:
        raise RuntimeError(f"{settled}: a plan has at least one pass")
    facts, said = make_recipe(spec, settled, model.facts(), gaps=gaps), ready.notes + settled.notes
    result = replace(result, recipe=facts, parameters=parameters(facts), notes=said + result.notes)
    return _judged(result, from_original, settled)


def paint(
    pixels: Pixels,
    mask: Change,
    spec: Spec,
    model: Model,
    *,
    on_step: OnStep | None = None,
    on_note: OnNote | None = None,
) -> Result:
    """Repaint by a mask, float32 (H, W) in [0, 1], 1 = repaint; the picture is already extended and painted."""
    began = time.perf_counter()
    height, width = pixels.shape[:2]
    if mask.shape != (height, width):
        raise BadRequest(
            f"the mask is {mask.shape[1]}x{mask.shape[0]} and the picture {width}x{height}: they must be of one size"
        )
    known = latent_levels(mask) <= 0
    if known.all():
        raise BadRequest("the mask is black everywhere: paint white what is to be repainted")
    holes = blocks(~known, model.profile.window)
    settled = plan(spec, model.profile, width=width, height=height, gaps=True, holes=holes)
    prepared = Prepared(plan=settled, filled=pixels, mask=mask, known=known)
    result = _finish(prepared, pixels, known, spec, model, began, on_step, on_note, feathered=False)
    return _judged(result, known, settled, painted=True)


def _finish(
    prepared: Prepared,
    original: Pixels,
    kept: Known,
    spec: Spec,
    model: Model,
    began: float,
    on_step: OnStep | None,
    on_note: OnNote | None,
    *,
    feathered: bool = True,
) -> Result:
    """Sample, composite and write the recipe; BrokenPromise unless `original` is in the result wherever it is `kept`.

    `feathered`: all that is unknown is new and replaced whole.
    """
    notes: list[str] = []
    painted = sample(prepared, spec, model, on_step or _silent, functools.partial(_tell, notes, on_note))
    joined = composite(prepared.filled, painted, _ramp(prepared, kept, feathered=feathered))
    hold(joined, original, kept)
    facts = make_recipe(spec, prepared.plan, model.facts(), gaps=True)
    return Result(
        pixels=joined,
        filled=prepared.filled,
        mask=prepared.mask,
        raw=quantise(painted),
        recipe=facts,
        parameters=parameters(facts),
        scores=UNSEEN,
        seed=spec.seed,
        seconds=time.perf_counter() - began,
        notes=tuple(notes),
    )


def _ramp(prepared: Prepared, kept: Known, *, feathered: bool) -> Change:
    """Share of the repainted pixel, (H, W) in [0, 1], 0 wherever something is `kept`."""
    amount, settled = latent_levels(prepared.mask), prepared.plan
    if not feathered:
        return composite_ramp(amount)
    ramp = np.zeros_like(amount)
    for area in settled.areas:
        known = prepared.known[area.cut]
        ramp[area.cut] = composite_ramp(amount[area.cut], known, band=settled.band, seed=settled.seed)
    ramp[kept] = 0.0
    return ramp


def _judged(result: Result, known: Known, settled: Plan, *, painted: bool = False) -> Result:
    """The result with its scores; `painted`: by hand, so that what was there may well shine through."""
    filled = None if painted or settled.fill.partition(":")[0] in MATERIAL_FILLS else result.filled
    scores = score(result.pixels, known, filled, band=settled.band)
    return replace(result, scores=scores, recipe={**result.recipe, "scores": scores.facts()})


def _joined(before: Result, now: Result, sides: Sides) -> Result:
    """The result of a pass with what led to it in all passes so far."""
    height, width = before.mask.shape
    inner = slice(sides.top, sides.top + height), slice(sides.left, sides.left + width)
    filled, raw = now.filled.copy(), now.raw.copy()
    filled[inner] = before.filled
    raw[inner] = np.where(now.mask[inner][..., None] > 0, now.raw[inner], before.raw)
    mask = np.maximum(np.pad(before.mask, margins(sides)), now.mask)
    return replace(now, filled=filled, raw=raw, mask=mask, notes=before.notes + now.notes)


def _onward(on_step: OnStep, before: int, total: int, done: int, _: int) -> None:
    on_step(before + done, total)


def _silent(done: int, total: int) -> None:
    """Progress that nobody asked for."""


def _tell(notes: list[str], on_note: OnNote | None, line: str) -> None:
    notes.append(line)
    if on_note:
        on_note(line)
