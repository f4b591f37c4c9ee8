"""The story: a canvas is grown, filled and mapped, sampled stage by stage, and joined to the untouched original."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadRequest
from softextend.finish.composite import composite_ramp, quantise
from softextend.finish.join import Join
from softextend.finish.scores import MATERIAL_FILLS, Scores, score
from softextend.mask import editable, latent_change
from softextend.pictures.planes import Planes, eight_bit
from softextend.pictures.wrap import back, turned
from softextend.plan.canvas import margins
from softextend.plan.input import Input
from softextend.plan.plan import Plan, alike
from softextend.plan.prepared import Prepared, as_method, prepare
from softextend.plan.recipe import make_recipe, parameters
from softextend.plan.wraps import opened
from softextend.sampling.progress import Notes, PartOf, Silent
from softextend.sampling.stages import sample, sample_together
from softextend.types import Listener, Model, Sides

if TYPE_CHECKING:
    import numpy.typing as npt

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
    return extend_together([(input, plan)], model, listener)[0]


def extend_together(
    pictures: Sequence[tuple[Input, Plan]], model: Model, listener: Listener | None = None
) -> list[Result]:
    """As `extend`, several at once: rows of one batch of the denoiser, each as it comes out alone but for rounding.

    Their plans must be `alike`, else ValueError. A result's seconds are its share of all.
    """
    if not alike([plan for _, plan in pictures]):
        raise ValueError("only pictures whose plans are alike go together: of one size, with the same stages")
    began = time.perf_counter()
    heard = Notes(listener or Silent())
    parts = [plan.each_pass() for _, plan in pictures]
    steps = [part.steps for part in parts[0]]
    rows = [_Row.of(input, plan.band) for input, plan in pictures]
    for index, share in enumerate(steps):
        progress = PartOf(heard, before=sum(steps[:index]), share=share, total=sum(steps))
        rows = _next_pass(rows, [each[index] for each in parts], model, progress)
    ended = (time.perf_counter() - began) / len(pictures)
    return [_finished(row, *each, model, heard.lines, ended) for row, each in zip(rows, pictures, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Row:
    """One of the pictures that are made together, after the passes so far."""

    pixels: Pixels
    known: Known
    join: Join
    photo: Pixels
    band: int  # px of the original that may change, in whatever pass
    painted: _Painted | None = None

    @classmethod
    def of(cls, input: Input, band: int) -> _Row:
        join = Join.of(input.planes or eight_bit(input.pixels), input.known)
        return cls(pixels=input.pixels, known=input.known, join=join, photo=input.pixels, band=band)

    def prepared(self, plan: Plan) -> Prepared:
        """The canvas of one more pass."""
        known = opened(self.join.known, plan.opened) if plan.opened else self.known
        return replace(prepare(self.pixels, known, plan), photo=self.photo)


def _next_pass(rows: Sequence[_Row], plans: Sequence[Plan], model: Model, listener: Listener) -> list[_Row]:
    """Each picture after one more pass of its plan."""
    prepared = [row.prepared(plan) for row, plan in zip(rows, plans, strict=True)]
    decoded = sample_together(prepared, model, listener)
    found = []
    for row, plan, ready, picture in zip(rows, plans, prepared, decoded, strict=True):
        turn, join = plan.canvas.turn, row.join.grown(plan.canvas.sides)
        kept = join.kept(row.band, turn)
        ramp = turned(_ramp(ready, turned(kept, turn), turned(join.known, turn), row.band), back(turn))
        now = _composed(ready.straight(), turned(picture, back(turn)), join, ramp, kept)
        painted = now if row.painted is None else _joined(row.painted, now, plan.canvas.sides)
        found.append(
            replace(
                row,
                pixels=now.pixels,
                known=np.ones(now.pixels.shape[:2], np.bool_),
                join=join.painted(now.planes),
                painted=painted,
            )
        )
    return found


def _finished(row: _Row, input: Input, plan: Plan, model: Model, heard: Sequence[str], seconds: float) -> Result:
    """The result of all passes."""
    painted = row.painted
    if painted is None:
        raise RuntimeError(f"{plan}: a plan has at least one pass")
    recipe = make_recipe(plan, model.as_dict(), gaps=not input.known.all())
    notes = (*input.notes, *plan.notes, *heard)
    filled = None if plan.fill.partition(":")[0] in MATERIAL_FILLS else painted.filled
    scores = score(painted.pixels, row.join.known, filled, band=plan.band, wrap=plan.canvas.wrap)
    return _result(painted, recipe, scores, seconds, notes)


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
    decoded = sample(prepared, model, heard)
    painted = _composed(prepared, decoded, join, composite_ramp(latent_change(change)), known)
    recipe = make_recipe(plan, model.as_dict(), gaps=True)
    scores = score(painted.pixels, known, None, band=plan.band)  # by hand: what was there may well shine through
    return _result(painted, recipe, scores, time.perf_counter() - began, (*plan.notes, *heard.lines))


def _composed(prepared: Prepared, decoded: npt.NDArray[np.float32], join: Join, ramp: Change, kept: Known) -> _Painted:
    """The decoded picture joined to the original; BrokenPromise unless that is in the result wherever it is `kept`."""
    joined, seen = join.finished(prepared.filled, decoded, ramp, kept)
    raw = quantise(decoded)
    return _Painted(pixels=seen, planes=joined, filled=prepared.filled, change=prepared.change, raw=raw)


def _ramp(prepared: Prepared, kept: Known, original: Known, band: int) -> Change:
    """Share of the repainted pixel, (H, W) in [0, 1], whole on all that is new, 0 wherever something is `kept`.

    What an earlier pass painted may change farther in than the `band` of the `original`: there it fades within that.
    """
    latent, plan = latent_change(prepared.change), prepared.plan
    ramp = np.zeros_like(latent)
    for area in plan.canvas.areas:
        known = prepared.known[area.cut]
        ramp[area.cut] = composite_ramp(latent[area.cut], known, band=plan.band, seed=plan.seed)
        if band < plan.band:
            most = composite_ramp(np.ones_like(latent[area.cut]), original[area.cut], band=band, seed=plan.seed)
            ramp[area.cut] = np.minimum(ramp[area.cut], most)
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


def _result(
    painted: _Painted, recipe: dict[str, Any], scores: Scores, seconds: float, notes: tuple[str, ...]
) -> Result:
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
        seconds=seconds,
        notes=notes,
    )
