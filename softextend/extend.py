"""The story: a canvas is grown, filled and mapped, sampled stage by stage, and joined to the untouched original."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadRequest
from softextend.finish.composite import composite_ramp, quantise
from softextend.finish.join import Join
from softextend.finish.scores import MATERIAL_FILLS, Scores, score
from softextend.mask import editable, latent_change
from softextend.pictures.planes import Planes, eight_bit
from softextend.plan.canvas import margins
from softextend.plan.input import Input
from softextend.plan.plan import Plan
from softextend.plan.prepared import Prepared, as_method, prepare
from softextend.plan.recipe import make_recipe, parameters
from softextend.sampling.progress import Notes, PartOf, Silent
from softextend.sampling.stages import sample
from softextend.types import Listener, Model, Sides

if TYPE_CHECKING:
    from softextend.types import Change, Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Result:
    """A finished picture, (H, W, 3) uint8 RGB, with what led to it; `planes`: the same at the input's depth."""

    pixels: Pixels
    planes: Planes
    filled: Pixels  # the canvas as the model met it
    change: Change  # 1 = repaint
    raw: Pixels  # the decoded picture before it joins the original
    recipe: dict[str, Any]  # JSON values; can be run again
    parameters: str  # the A1111 form of the recipe
    scores: Scores  # how it looks against its own photo
    seed: int
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Painted:
    """One pass, joined to the original but not yet described."""

    pixels: Pixels
    planes: Planes
    filled: Pixels
    change: Change
    raw: Pixels


def extend(input: Input, plan: Plan, model: Model, listener: Listener | None = None) -> Result:
    """Make a picture wider: the prepared input, and the plan that was made for it.

    Notes of the input and the plan are in the result's notes only; what comes up on the way is told at once as well.
    """
    began = time.perf_counter()
    heard = Notes(listener or Silent())
    parts = plan.each_pass()
    steps = [part.steps for part in parts]
    pixels, known = input.pixels, input.known
    join = Join.of(input.planes or eight_bit(pixels), known)
    painted: _Painted | None = None
    for index, part in enumerate(parts):
        progress = PartOf(heard, before=sum(steps[:index]), share=steps[index], total=sum(steps))
        join = join.grown(part.canvas.sides)
        prepared = replace(prepare(pixels, known, part), photo=input.pixels)
        now = _paint_pass(prepared, join, join.kept(plan.band), model, progress)
        painted = now if painted is None else _joined(painted, now, part.canvas.sides)
        pixels, known, join = now.pixels, np.ones(now.pixels.shape[:2], np.bool_), join.painted(now.planes)
    if painted is None:
        raise RuntimeError(f"{plan}: a plan has at least one pass")
    recipe = make_recipe(plan, model.as_dict(), gaps=not input.known.all())
    notes = (*input.notes, *plan.notes, *heard.lines)
    filled = None if plan.fill.partition(":")[0] in MATERIAL_FILLS else painted.filled
    return _result(painted, recipe, score(painted.pixels, join.known, filled, band=plan.band), began, notes)


def paint(input: Input, change: Change, plan: Plan, model: Model, listener: Listener | None = None) -> Result:
    """Repaint a picture by a map, float32 (H, W), 1 = repaint; it is already extended and painted."""
    began = time.perf_counter()
    pixels = input.pixels
    height, width = pixels.shape[:2]
    if change.shape != (height, width):
        raise BadRequest(
            f"the mask is {change.shape[1]}x{change.shape[0]} and the picture {width}x{height}: "
            "they must be of one size"
        )
    heard = Notes(listener or Silent())
    change = as_method(change, plan)
    known = ~editable(latent_change(change))
    prepared = Prepared(plan=plan, filled=pixels, change=change, known=known, photo=pixels)
    join = Join.of(input.planes or eight_bit(pixels), known)
    painted = _paint_pass(prepared, join, known, model, heard, feathered=False)
    recipe = make_recipe(plan, model.as_dict(), gaps=True)
    scores = score(painted.pixels, known, None, band=plan.band)  # by hand: what was there may well shine through
    return _result(painted, recipe, scores, began, (*plan.notes, *heard.lines))


def _paint_pass(
    prepared: Prepared,
    join: Join,
    kept: Known,
    model: Model,
    listener: Listener,
    *,
    feathered: bool = True,
) -> _Painted:
    """Sample and composite; BrokenPromise unless the original is in the result wherever it is `kept`.

    `feathered`: all that is unknown is new and replaced whole.
    """
    decoded = sample(prepared, model, listener)
    joined, seen = join.finished(prepared.filled, decoded, _ramp(prepared, kept, feathered=feathered), kept)
    raw = quantise(decoded)
    return _Painted(pixels=seen, planes=joined, filled=prepared.filled, change=prepared.change, raw=raw)


def _ramp(prepared: Prepared, kept: Known, *, feathered: bool) -> Change:
    """Share of the repainted pixel, (H, W) in [0, 1], 0 wherever something is `kept`."""
    latent, plan = latent_change(prepared.change), prepared.plan
    if not feathered:
        return composite_ramp(latent)
    ramp = np.zeros_like(latent)
    for area in plan.canvas.areas:
        known = prepared.known[area.cut]
        ramp[area.cut] = composite_ramp(latent[area.cut], known, band=plan.band, seed=plan.seed)
    ramp[kept] = 0.0
    return ramp


def _joined(before: _Painted, now: _Painted, sides: Sides) -> _Painted:
    """A pass with what led to it in all passes so far."""
    height, width = before.change.shape
    inner = slice(sides.top, sides.top + height), slice(sides.left, sides.left + width)
    filled, raw = now.filled.copy(), now.raw.copy()
    filled[inner] = before.filled
    raw[inner] = np.where(now.change[inner][..., None] > 0, now.raw[inner], before.raw)
    change = np.maximum(np.pad(before.change, margins(sides)), now.change)
    return replace(now, filled=filled, raw=raw, change=change)


def _result(painted: _Painted, recipe: dict[str, Any], scores: Scores, began: float, notes: tuple[str, ...]) -> Result:
    return Result(
        pixels=painted.pixels,
        planes=painted.planes,
        filled=painted.filled,
        change=painted.change,
        raw=painted.raw,
        recipe={**recipe, "scores": scores.as_dict()},
        parameters=parameters(recipe),
        scores=scores,
        seed=recipe["seed"],
        seconds=time.perf_counter() - began,
        notes=notes,
    )
