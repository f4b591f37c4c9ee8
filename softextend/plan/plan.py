"""The request resolved for one picture: its canvas, fill, stages and passes; made once, then handed on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from softextend.errors import BadRequest
from softextend.fill import format_fill, other_layouts, parse_fill
from softextend.mask import editable, latent_change
from softextend.option_fields import flag
from softextend.options import Spec
from softextend.pictures.mapping import Mapping, onto_canvas
from softextend.pictures.wrap import middle_to_edge, turned
from softextend.plan.canvas import Canvas, blocks, in_turn, margins
from softextend.plan.input import Input
from softextend.plan.sizes import fit_band, resolve_sides, running_steps
from softextend.plan.windows import Region, split_passes
from softextend.plan.wraps import check_reach, cuts, joined_in_pass, shared, unjoined
from softextend.types import Box, Crop, Method, Profile, SamplerName, Sides, Size, Span, Stage

if TYPE_CHECKING:
    from softextend.types import Change, Known

SMALLEST_STAGE = 48  # px, short side: a smaller picture shows a stage nothing that the next one does not show it
PASS_SEEDS = 104_729  # apart, so that passes share no noise
SAME_FILL = ("patch",)  # fills whose time and memory are high and whose parts join by themselves: window by window
CHECKED_SIZE = 1024  # px; a picture on which a request is tried before any is read


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One stage on its canvas, height x width px, and the regions that it samples in turn."""

    stage: Stage
    height: int
    width: int
    regions: tuple[Region, ...]

    @property
    def windows(self) -> int:
        """How many windows the regions have."""
        return sum(len(each.windows) for each in self.regions)

    @property
    def steps(self) -> int:
        """Steps that run in each window."""
        return running_steps(self.stage.steps, self.stage.strength)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A request with every value resolved for one picture; sizes in px."""

    spec: Spec
    canvas: Canvas
    fill: str
    stages: tuple[Stage, ...]
    guidance: float
    sampler: SamplerName
    overlap: int
    feather: int
    band: int  # px into the original that may change
    change: float
    seed: int
    trailing: bool
    color_match: bool
    refine_strength: float | None  # of native windows after a pass over the scene
    guidance_rescale: float
    guidance_steps: Span  # the steps that are guided
    method: Method
    resample: int  # times more that each step is taken, with fresh noise between
    think: int  # moves within each step
    told_size: Size | Literal["auto"] | None  # what a model that is told the size hears; None: as it is
    passes: tuple[Sides, ...]  # what each pass adds; their sum is the canvas's sides
    opened: tuple[Box, ...] = ()  # bars of the canvas in which a pass paints all that is not the photo's once more
    crop: Crop | None = None  # of the file, where its picture is not all of it as it is
    notes: tuple[str, ...] = ()  # what of this cannot be done as asked, and what is done instead

    @property
    def mapping(self) -> Mapping:
        """From the input's file, upright, to the result: for the places that metadata name."""
        canvas, crop = self.canvas, self.crop
        inner = Box(top=0, left=0, bottom=canvas.height, right=canvas.width)
        old = (crop.width, crop.height) if crop else (canvas.width, canvas.height)
        size, sides = (canvas.width, canvas.height), canvas.sides
        return onto_canvas(old, crop.box if crop else inner, size, sides.left, sides.top, canvas.size)

    @property
    def guided(self) -> bool:
        """Whether the model is asked twice at a step: with the prompt, and with what to keep away from."""
        return self.guidance > 1

    def work(self) -> tuple[Work, ...]:
        """What one pass runs: the stages, or where the canvas is too large for a window a scene first.

        The scene is laid out at the stages' own strength, at a scale where one window holds what is new, and refined
        by windows of ever finer scales; a model without `refine_strength` goes through its own stages alone.
        """
        stages, scales = self.stages, self.canvas.scales
        if scales and stages and self.refine_strength is not None:
            scene, last = scales[0], stages[-1]
            refining = [finer(last, scale, self.refine_strength) for scale in (*scales[1:], 1.0)]
            stages = (*(replace(each, scale=each.scale * scene) for each in stages), *refining)
        return tuple(self._work(stage) for stage in stages)

    @property
    def steps(self) -> int:
        """Steps of all windows that one pass runs."""
        return sum(each.steps * each.windows for each in self.work())

    def _work(self, stage: Stage) -> Work:
        width, height = self.canvas.size
        size = max(1, round(height * stage.scale)), max(1, round(width * stage.scale))
        return Work(stage=stage, height=size[0], width=size[1], regions=self.canvas.regions(size))

    def each_pass(self) -> tuple[Plan, ...]:
        """The plans that lead to this one: each adds its part to the picture that the one before made."""
        wrap = self.canvas.wrap
        if len(self.passes) <= 1 and wrap is None:
            return (self,)
        plans: list[Plan] = []
        canvas = self.canvas
        for index, sides in enumerate(self.passes):
            joins = joined_in_pass(wrap, self.canvas.sides, last=index == len(self.passes) - 1)
            canvas = replace(canvas, sides=sides, holes=() if index else canvas.holes, wrap=joins)
            plans.extend(_turned(replace(self, canvas=canvas, passes=(sides,))))
            canvas = replace(canvas, width=canvas.size[0], height=canvas.size[1])
        return tuple(
            # what an earlier pass painted may change freely
            replace(each, seed=self.seed + PASS_SEEDS * index, band=canvas.reach if index else self.band)
            for index, each in enumerate(plans)
        )

    def seeded(self, seed: int) -> Plan:
        """The same plan with another seed, on which nothing else of it depends."""
        return replace(self, spec=self.spec.replaced(seed=seed), seed=seed)

    def laid_out_otherwise(self, seed: int) -> Plan:
        """The same plan with another seed and, where its fill has such, another layout."""
        plan, fill = self.seeded(seed), other_layouts(self.fill)
        return plan if fill is None else replace(plan, fill=fill, spec=plan.spec.replaced(fill=fill))


def _turned(plan: Plan) -> tuple[Plan, ...]:
    """One pass over edges that join: on a canvas turned so that its gap is inside, and what that cuts once more."""
    canvas, (left, top) = plan.canvas, (plan.canvas.sides.left, plan.canvas.sides.top)
    if canvas.wrap is None:
        return (plan,)
    picture = (left, top, canvas.width, canvas.height)
    first = replace(plan, canvas=replace(canvas, turn=middle_to_edge(canvas.wrap, picture)))
    bars = cuts(canvas.wrap, canvas.picture, canvas.new, canvas.reach, canvas.shape)
    if not bars:
        return (first,)
    again = replace(
        canvas,
        width=canvas.size[0],
        height=canvas.size[1],
        sides=Sides(),
        holes=tuple(found for bar in bars for each in canvas.new if (found := shared(bar, each))),
        turn=middle_to_edge(canvas.wrap, picture, part=0.25),
    )
    return first, replace(plan, canvas=again, opened=bars, passes=(Sides(),))


def alike(plans: Sequence[Plan]) -> bool:
    """Whether pictures with these plans can be rows of one batch: they differ in seed, fill, prompt, crop."""
    first = _shape(plans[0])
    return all(_shape(each) == first for each in plans[1:])


def _shape(plan: Plan) -> Plan:
    """The plan without what rows of one batch may differ in."""
    return replace(plan, spec=Spec(), seed=0, fill="", crop=None, notes=())


def finer(stage: Stage, scale: float, strength: float) -> Stage:
    """The stage at another scale, at no more than `strength`, and as many steps as let one run."""
    strength = min(strength, stage.strength)
    return Stage(scale=scale, strength=strength, steps=max(stage.steps, math.ceil(1 / strength)))


def plan_extension(prepared: Input, spec: Spec, profile: Profile) -> Plan:
    """The plan of `extend`; its notes say where too little is known for the fill. BadRequest: see `resolve`."""
    known = prepared.known
    height, width = known.shape
    gaps = not known.all()
    holes = blocks(~known, profile.window) if gaps else ()
    plan = resolve(spec, profile, width=width, height=height, gaps=gaps, holes=holes, crop=prepared.crop)
    return replace(plan, notes=(*plan.notes, *shortfalls(known, plan)))


def plan_repaint(change: Change, spec: Spec, profile: Profile) -> Plan:
    """The plan of `paint`: change, float32 (H, W) in [0, 1], 1 = repaint. BadRequest where it changes nothing."""
    latent = latent_change(change)
    if not editable(latent).any():
        raise BadRequest("the mask is black everywhere: paint white what is to be repainted")
    height, width = change.shape
    holes = blocks(editable(latent), profile.window)
    return resolve(spec, profile, width=width, height=height, gaps=True, holes=holes)


def check_spec(spec: Spec, profile: Profile) -> None:
    """BadRequest for what no picture could change, such as an unknown fill."""
    without = spec.replaced(sides=None, aspect=None, size=None, scale=None, all=None, anchor=None, fit=False, wrap=None)
    resolve(without, profile, width=CHECKED_SIZE, height=CHECKED_SIZE, gaps=True)


def resolve(
    spec: Spec,
    profile: Profile,
    *,
    width: int,
    height: int,
    gaps: bool = False,
    holes: Sequence[Box] | None = None,
    crop: Crop | None = None,
) -> Plan:
    """Resolve a request for a picture of this size (px); `gaps`: parts of it are new, so no side needs to grow.

    `holes`: where those parts are; None: anywhere. `crop`: what the picture is of its file.
    BadRequest for sides, steps or a fill that cannot be.
    """
    sides = resolve_sides(spec.growth, width=width, height=height, gaps=gaps)
    overlap, feather, said = fit_band(spec.mask, profile, sides, width=width, height=height)
    refine = _refine_strength(spec, profile)
    whole_picture = (Box(top=0, left=0, bottom=height, right=width),)
    canvas = Canvas(
        width=width,
        height=height,
        sides=sides,
        holes=tuple(holes) if holes is not None else whole_picture if gaps else (),
        reach=overlap + feather // 2,
        window=profile.window,
        joint=refine is not None,
        wrap=spec.growth.wrap,
    )
    if canvas.wrap is not None:
        check_reach(canvas.wrap, canvas.reach, width=width, height=height)
    plan = _planned(spec, profile, canvas, overlap, feather, refine)
    return replace(
        plan, crop=crop, notes=tuple(filter(None, (said, unjoined(canvas.wrap, sides), _unguided(spec, profile))))
    )


def _check_told_size(spec: Spec, profile: Profile) -> None:
    """BadRequest for a model that is told no size."""
    named = spec.sampling.told_size
    if named is not None and not profile.sized:
        raise BadRequest(f"--told-size {named}: {profile.name} is told no size, as SDXL is: leave it out")


def _check_harmony(spec: Spec, profile: Profile) -> None:
    """BadRequest for moves within a step that the sampler takes back."""
    sampling = spec.sampling
    asked = [flag(name) for name in ("resample", "think") if getattr(sampling, name)]
    if asked and (sampling.sampler or profile.sampler) is SamplerName.UNIPC:
        raise BadRequest(
            f"{asked[0]}: the sampler unipc takes each step again from where the one before began, which undoes it: "
            "use another --sampler"
        )


def _planned(spec: Spec, profile: Profile, canvas: Canvas, overlap: int, feather: int, refine: float | None) -> Plan:
    """The plan on its canvas: what the user named, else the profile's."""
    _check_harmony(spec, profile)
    _check_told_size(spec, profile)
    mask, sampling = spec.mask, spec.sampling
    width, height = canvas.width, canvas.height
    count = 1 if sampling.passes is None and profile.refine_strength is None else sampling.passes
    return Plan(
        spec=spec,
        canvas=canvas,
        fill=format_fill(parse_fill(mask.fill or profile.fill)),
        stages=resolve_stages(spec, profile, canvas.size),
        guidance=_first(sampling.guidance, profile.guidance) if profile.guidable else profile.guidance,
        sampler=sampling.sampler or profile.sampler,
        overlap=overlap,
        feather=feather,
        band=canvas.reach if mask.band is None else min(mask.band, canvas.reach),
        change=mask.change,
        seed=spec.seed,
        trailing=profile.trailing,
        color_match=sampling.color_match,
        refine_strength=refine,
        guidance_rescale=_first(sampling.guidance_rescale, profile.guidance_rescale),
        guidance_steps=_guidance_steps(spec, profile),
        method=sampling.method,
        resample=sampling.resample,
        think=sampling.think,
        told_size=sampling.told_size,
        passes=split_passes(canvas.sides, width=width, height=height, window=profile.window, count=count),
    )


def _first(named: float | None, default: float) -> float:
    """What the user named, else the profile's."""
    return default if named is None else named


def _unguided(spec: Spec, profile: Profile) -> str | None:
    """A note on guidance that a model without a prompt has no use for."""
    named = spec.sampling.guidance
    if profile.guidable or named is None or named == profile.guidance:
        return None
    return f"guidance {named:g}: has no effect: {profile.name} takes no prompt"


def _guidance_steps(spec: Spec, profile: Profile) -> Span:
    """The steps that are guided; BadRequest where none is guided anyway."""
    named = spec.sampling.guidance_steps
    if named is None:
        return Span()
    if not profile.guidable:
        raise BadRequest(f"--guidance-steps {named}: {profile.name} takes no prompt, so that nothing is guided")
    guidance = _first(spec.sampling.guidance, profile.guidance)
    if guidance <= 1:
        raise BadRequest(
            f"--guidance-steps {named}: nothing is guided at guidance {guidance:g}: give --guidance above 1"
        )
    return named


def _refine_strength(spec: Spec, profile: Profile) -> float | None:
    """Of the windows that refine a scene; None for a model whose stages go from coarse to fine by themselves."""
    named = spec.sampling.refine_strength
    if named is not None and profile.refine_strength is None:
        raise BadRequest(f"--refine-strength {named:g}: {profile.name} goes from coarse to fine by its own stages")
    return profile.refine_strength if named is None else named


def resolve_stages(spec: Spec, profile: Profile, size: tuple[int, int]) -> tuple[Stage, ...]:
    """The profile's stages with the spec's strength and steps; small scales left out where they would see nothing."""
    strength, steps = spec.sampling.strength, spec.sampling.steps
    stages = [
        replace(
            stage,
            strength=stage.strength if strength is None else strength,
            steps=stage.steps if steps is None else steps,
        )
        for stage in profile.stages
        if stage.scale == 1 or min(size) * stage.scale >= SMALLEST_STAGE
    ]
    running = [stage for stage in stages if stage.strength > 0]
    for stage in running:
        running_steps(stage.steps, stage.strength)
    return tuple(running)


def joins_fill(plan: Plan) -> bool:
    """Whether the fill paints the windows of a region together, not one by one."""
    return plan.fill.partition(":")[0] not in SAME_FILL


def shortfalls(known: Known, plan: Plan) -> tuple[str, ...]:
    """What the fill does instead where too little is `known` (H, W) for it, each once; a later pass knows more."""
    fill, first = parse_fill(plan.fill), plan.each_pass()[0]
    canvas = first.canvas
    grown = turned(np.pad(known, margins(canvas.sides)), canvas.turn)
    parts = in_turn(grown, canvas, joint=joins_fill(first))
    each = [known] if canvas.whole else (part for _, part in parts)
    return tuple(dict.fromkeys(filter(None, map(fill.shortfall, each))))
