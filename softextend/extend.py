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
from softextend.finish.rims import rims_gone_on
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
from softextend.sampling.stages import sample_together
from softextend.sampling.together import Together
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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Filled:
    """A picture whose first pass is filled and mapped: all that can be done before a model is there."""

    input: Input
    plan: Plan
    passes: tuple[Plan, ...]
    first: _Pass
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sampled:
    """A picture whose last pass is decoded and not yet joined to the original; `rows`: of the batch it was made in."""

    filled: Filled
    last: _Pass
    model: dict[str, Any]  # as a recipe records it
    notes: tuple[str, ...]
    seconds: float
    rows: int


def extend(input: Input, plan: Plan, model: Model, listener: Listener | None = None) -> Result:
    """Make a picture wider: the prepared input, and the plan that was made for it.

    Notes of the input and the plan are in the result's notes only; what comes up on the way is told at once as well.
    """
    return extend_together([(input, plan)], model, listener)[0]


def extend_together(
    pictures: Sequence[tuple[Input, Plan]], model: Model, listener: Listener | None = None
) -> list[Result]:
    """As `extend`, several at once: rows of one batch of the denoiser, each as it comes out alone but for rounding.

    Their plans must be `alike`, else ValueError. A result's seconds are its own and its share of what all have.
    """
    check_alike([plan for _, plan in pictures])
    return [finish(each) for each in sample_filled([fill_first(*each) for each in pictures], model, listener)]


def paint(input: Input, change: Change, plan: Plan, model: Model, listener: Listener | None = None) -> Result:
    """Repaint a picture by a map, float32 (H, W), 1 = repaint; it is already extended and painted."""
    return finish(sample_filled([map_first(input, change, plan)], model, listener)[0])


def fill_first(input: Input, plan: Plan) -> Filled:
    """The first stage of `extend`: the canvas of the first pass, filled and mapped."""
    began = time.perf_counter()
    passes = plan.each_pass()
    join = Join.of(input.planes or eight_bit(input.pixels), input.known)
    known = opened(join.known, passes[0].opened) if passes[0].opened else input.known
    prepared = prepare(input.pixels, known, passes[0])
    grown = None if plan.canvas.wrap else plan.canvas.sides
    first = _Pass(plan=passes[0], prepared=prepared, join=join, band=plan.band, grown=grown)
    return Filled(input=input, plan=plan, passes=passes, first=first, seconds=time.perf_counter() - began)


def map_first(input: Input, change: Change, plan: Plan) -> Filled:
    """The first stage of `paint`: nothing is filled; BadRequest where the map is not of the picture's size."""
    began = time.perf_counter()
    pixels = input.pixels
    height, width = pixels.shape[:2]
    if change.shape != (height, width):
        raise BadRequest(
            f"the mask is {change.shape[1]}x{change.shape[0]} and the picture {width}x{height}: "
            "they must be of one size"
        )
    change = as_method(change, plan)
    known = ~editable(latent_change(change))
    rim = np.zeros_like(known)
    prepared = Prepared(plan=plan, filled=pixels, change=change, known=known, photo=pixels, rim=rim)
    join = Join.of(input.planes or eight_bit(pixels), known)
    first = _Pass(plan=plan, prepared=prepared, join=join, band=plan.band, by_map=True)
    return Filled(input=input, plan=plan, passes=(plan,), first=first, seconds=time.perf_counter() - began)


def sample_filled(pictures: Sequence[Filled], model: Model, listener: Listener | None = None) -> list[Sampled]:
    """The second stage: all passes through the model, rows of one batch; ValueError where they are not `alike`."""
    check_alike([each.plan for each in pictures])
    began = time.perf_counter()
    heard = Notes(listener or Silent())
    steps = [part.steps for part in pictures[0].passes]
    rows = [each.first for each in pictures]
    for index, share in enumerate(steps):
        if index:
            rows = [row.next(each.passes[index]) for row, each in zip(rows, pictures, strict=True)]
        progress = PartOf(heard, before=sum(steps[:index]), share=share, total=sum(steps))
        decoded = sample_together([row.prepared for row in rows], model, progress)
        rows = [replace(row, decoded=picture) for row, picture in zip(rows, decoded, strict=True)]
    facts, notes = model.as_dict(), tuple(heard.lines)
    seconds = (time.perf_counter() - began) / len(pictures)
    together = len(pictures) if isinstance(model, Together) else 1  # else they went through it one by one
    return [
        Sampled(filled=each, last=row, model=facts, notes=notes, seconds=seconds, rows=together)
        for row, each in zip(rows, pictures, strict=True)
    ]


def finish(sampled: Sampled) -> Result:
    """The last stage: joined to the original, which is held against the contract, scored and described."""
    began = time.perf_counter()
    filled, last = sampled.filled, sampled.last
    input, plan = filled.input, filled.plan
    painted, join = last.painted()
    gaps = last.by_map or not input.known.all()
    recipe = make_recipe(plan, sampled.model, gaps=gaps, rows=sampled.rows)
    # what a fill of material, or a hand, has painted may well shine through
    hidden = last.by_map or plan.fill.partition(":")[0] in MATERIAL_FILLS
    shown = None if hidden else painted.filled
    wrap = None if last.by_map else plan.canvas.wrap
    scores = score(painted.pixels, join.known, shown, band=plan.band, wrap=wrap)
    notes = (*(() if last.by_map else input.notes), *plan.notes, *sampled.notes)
    seconds = filled.seconds + sampled.seconds + time.perf_counter() - began
    return _result(painted, recipe, scores, seconds, notes)


def check_alike(plans: Sequence[Plan]) -> None:
    """ValueError for plans that cannot be rows of one batch."""
    if not alike(plans):
        raise ValueError("only pictures whose plans are alike go together: of one size, with the same stages")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Pass:
    """One pass of a picture; `join`, `before`: as the passes before left it; `by_map`: as in `paint`.

    `band`: px of the original that may change, `grown`: the sides that grow, in whatever pass; None if edges join.
    """

    plan: Plan
    prepared: Prepared
    join: Join
    band: int
    grown: Sides | None = None
    before: _Painted | None = None
    by_map: bool = False
    decoded: npt.NDArray[np.float32] | None = None  # (H, W, 3) in about [0, 255], once it is sampled

    def painted(self) -> tuple[_Painted, Join]:
        """All passes so far, joined to the original, and that on the canvas of this pass."""
        if self.decoded is None:
            raise RuntimeError("a pass is joined after it is sampled")
        ready, join = self.prepared, self.join
        if self.by_map:
            return _composed(ready, self.decoded, join, composite_ramp(latent_change(ready.change)), ready.known), join
        turn, join = self.plan.canvas.turn, join.grown(self.plan.canvas.sides)
        kept = join.kept(self.band, turn)
        ramp = turned(_ramp(ready, turned(kept, turn), turned(join.known, turn), self.band), back(turn))
        straight, decoded = ready.straight(), turned(self.decoded, back(turn))
        if self.grown:
            decoded = rims_gone_on(decoded, straight.filled, straight.known, straight.rim, self.grown)
        now = _composed(straight, decoded, join, ramp, kept)
        return (now if self.before is None else _joined(self.before, now, self.plan.canvas.sides)), join

    def next(self, plan: Plan) -> _Pass:
        """The pass that comes after this one: all that is painted so far counts as known, but what its plan opens."""
        painted, join = self.painted()
        join = join.painted(painted.planes)
        known = opened(join.known, plan.opened) if plan.opened else np.ones(painted.pixels.shape[:2], np.bool_)
        ready = self.prepared.straight()
        prepared = replace(prepare(painted.pixels, known, plan, ready.rim), photo=ready.photo)
        return replace(self, plan=plan, prepared=prepared, join=join, before=painted, decoded=None)


def _composed(prepared: Prepared, decoded: npt.NDArray[np.float32], join: Join, ramp: Change, kept: Known) -> _Painted:
    """The decoded picture joined to the original; BrokenPromise unless that is in the result wherever it is `kept`."""
    joined, seen = join.finished(prepared.filled, decoded, ramp, kept)
    raw = quantise(decoded)
    return _Painted(pixels=seen, planes=joined, filled=prepared.filled, change=prepared.change, raw=raw)


def _ramp(prepared: Prepared, kept: Known, original: Known, band: int) -> Change:
    """Share of the repainted pixel, (H, W) in [0, 1], whole on all that is new, 0 wherever something is `kept`.

    What an earlier pass painted, or what lies behind a thin border, may change farther in than the `band` of the
    `original`: there it fades within that.
    """
    latent, plan = latent_change(prepared.change), prepared.plan
    ramp = np.zeros_like(latent)
    for area in plan.canvas.areas:
        known = prepared.known[area.cut]
        ramp[area.cut] = composite_ramp(latent[area.cut], known, band=plan.band, seed=plan.seed)
        if band < plan.band or prepared.rim[area.cut].any():
            most = composite_ramp(np.ones_like(latent[area.cut]), original[area.cut], band=band, seed=plan.seed)
            ramp[area.cut] = np.minimum(ramp[area.cut], most)
    ramp[prepared.rim & ~prepared.known] = 1.0
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
