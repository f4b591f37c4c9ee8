"""What is decided before any model is loaded: sizes, fill, map, stages, passes and windows of one picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from softextend.errors import BadRequest
from softextend.fill import format_fill, parse_fill
from softextend.geometry import fit_band, running_steps, settle_sides
from softextend.mask import change_map
from softextend.ready import make_ready
from softextend.types import Box, Profile, Sides, SolverName, Spec, Stage, Used
from softextend.windows import (
    Region,
    around,
    connected,
    fits,
    grown,
    margin,
    new_boxes,
    outward,
    scaled,
    scene_scales,
    split_passes,
    stage_regions,
)

if TYPE_CHECKING:
    from softextend.types import Change, Known, Pixels

SMALLEST_STAGE = 48  # px, short side: a smaller picture shows a stage nothing that the next one does not show it
PASS_SEEDS = 104_729  # apart, so that passes share no noise
SAME_FILL = ("patch",)  # fills whose time and memory are high and whose parts join by themselves: window by window


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
    """A spec with every value settled for one picture; sizes in px."""

    width: int  # of the input
    height: int
    sides: Sides
    fill: str
    stages: tuple[Stage, ...]
    guidance: float
    solver: SolverName
    overlap: int
    feather: int
    change: float
    seed: int
    trailing: bool
    limit: int | None = None  # px into the original that may change at most
    color_match: bool = True
    window: int  # px; a canvas of this size is seen whole
    refine: float | None  # strength of native windows after a pass over the scene
    holes: tuple[Box, ...]  # parts of the input that are empty or to be repainted
    passes: tuple[Sides, ...]  # what each pass adds; their sum is `sides`
    used: Used | None = None  # of the file, where `width` and `height` are not all of it as it is
    notes: tuple[str, ...] = ()  # what of this cannot be done as asked, and what is done instead

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self.width + self.sides.left + self.sides.right, self.height + self.sides.top + self.sides.bottom

    @property
    def band(self) -> int:
        """Pixels into the original that may change."""
        widest = self.overlap + self.feather // 2
        return widest if self.limit is None else min(self.limit, widest)

    @property
    def new(self) -> tuple[Box, ...]:
        """What is empty or to be repainted, in px of the canvas."""
        return new_boxes(self.sides, self.width, self.height, self.holes)

    @property
    def reach(self) -> int:
        """Pixels from the new area that the map covers."""
        return self.overlap + self.feather // 2

    @property
    def areas(self) -> tuple[Box, ...]:
        """Boxes, apart from each other, outside which nothing changes; the canvas where it is seen whole."""
        size = self.size[::-1]
        if self.whole:
            return (Box(top=0, left=0, bottom=size[0], right=size[1]),)
        boxes = [grown(each, self.reach + 1, size) for each in self.new]
        while len(groups := connected(boxes)) < len(boxes):
            boxes = [around(group) for group in groups]
        return tuple(boxes)

    @property
    def whole(self) -> bool:
        """Whether the model sees the canvas whole."""
        return fits(self.size[1], self.size[0], self.window)

    def work(self) -> tuple[Work, ...]:
        """What one pass runs: the stages, or where the canvas is too large for a window a scene first.

        The scene is laid out at the stages' own strength, at a scale where one window holds what is new, and refined
        by windows of ever finer scales; a model without `refine` goes through its own stages by windows alone.
        """
        width, height = self.size
        scales: tuple[float, ...] = ()
        if self.refine is not None and not self.whole:
            scales = scene_scales(self.new, height=height, width=width, window=self.window)
        stages = self.stages
        if scales and stages and self.refine is not None:
            scene, last = scales[0], stages[-1]
            refining = [finer(last, scale, self.refine) for scale in (*scales[1:], 1.0)]
            stages = (*(replace(each, scale=each.scale * scene) for each in stages), *refining)
        return tuple(self._work(stage) for stage in stages)

    @property
    def steps(self) -> int:
        """Steps of all windows that one pass runs."""
        return sum(each.steps * each.windows for each in self.work())

    def _work(self, stage: Stage) -> Work:
        width, height = self.size
        size = max(1, round(height * stage.scale)), max(1, round(width * stage.scale))
        return Work(stage=stage, height=size[0], width=size[1], regions=self.regions(size))

    def regions(self, size: tuple[int, int], *, joint: bool | None = None) -> tuple[Region, ...]:
        """What is sampled in turn on the canvas at `size` (height, width), most of the picture first."""
        width, height = self.size
        found = stage_regions(
            self.new,
            band=self.reach,
            full=(height, width),
            size=size,
            window=self.window,
            joint=self.refine is not None if joint is None else joint,
        )
        picture = Box(
            top=self.sides.top,
            left=self.sides.left,
            bottom=self.sides.top + self.height,
            right=self.sides.left + self.width,
        )
        return outward(found, scaled(picture, (height, width), size))

    def each_pass(self) -> tuple[Plan, ...]:
        """The plans that lead to this one: each adds its part to the picture that the one before made."""
        if len(self.passes) <= 1:
            return (self,)
        plans: list[Plan] = []
        width, height = self.width, self.height
        for index, sides in enumerate(self.passes):
            holes = () if index else self.holes
            part = replace(
                self,
                width=width,
                height=height,
                sides=sides,
                seed=self.seed + PASS_SEEDS * index,
                holes=holes,
                passes=(sides,),
            )
            plans.append(part)
            width, height = part.size
        return tuple(plans)

    def effort(self) -> str:
        """Passes, regions, windows and calls of the denoiser, in words."""
        work = [each for part in self.each_pass() for each in part.work()]
        regions, windows = sum(len(each.regions) for each in work), sum(each.windows for each in work)
        calls = sum(each.windows * self.calls(each.steps) for each in work)
        return (
            f"{counted(len(self.passes), 'pass', 'passes')}, {counted(regions, 'region')}, "
            f"{counted(windows, 'window')}, {counted(calls, 'denoiser call')}"
        )

    def calls(self, steps: int) -> int:
        """Denoiser calls of that many steps: a second-order sampler looks twice, but for the last."""
        return 2 * steps - 1 if self.solver is SolverName.HEUN else steps

    def input(self) -> str:
        """The input's size and what is used of it, in words."""
        used = self.used
        if used is None:
            return f"{self.width}x{self.height}"
        words, box = [f"{used.width}x{used.height}"], (used.box.width, used.box.height)
        if box != (used.width, used.height):
            words.append(f"trimmed to {box[0]}x{box[1]} at {used.box.left},{used.box.top}")
        if used.size != box:
            words.append(f"scaled down to {used.size[0]}x{used.size[1]}")
        return ", ".join(words)

    def rows(self) -> list[tuple[str, str]]:
        """(name, value) as a table shows them."""
        width, height = self.size
        stages = ", ".join(
            f"{each.scale:g}x at strength {each.strength:g}, "
            f"{running_steps(each.steps, each.strength)} of {each.steps} steps"
            for each in self.stages
        )
        return [
            ("input", self.input()),
            ("sides (top right bottom left)", str(self.sides)),
            ("output", f"{width}x{height}"),
            ("fill", self.fill),
            ("stages", stages or "none: the fill alone"),
            ("work", self.effort()),
            ("sampler", f"{self.solver.value}, guidance {self.guidance:g}"),
            ("band that may change", f"{self.band} px (overlap {self.overlap}, feather {self.feather})"),
            ("change of the new area", f"{self.change:g}"),
            ("seed", str(self.seed)),
        ]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prepared:
    """The canvas before sampling: `filled` pixels, `mask` (white = repaint), what is `known`, and the plan."""

    plan: Plan
    filled: Pixels
    mask: Change
    known: Known


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 window`, `2 windows`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def finer(stage: Stage, scale: float, strength: float) -> Stage:
    """The stage at another scale, at no more than `strength`, and as many steps as let one run."""
    strength = min(strength, stage.strength)
    return Stage(scale=scale, strength=strength, steps=max(stage.steps, math.ceil(1 / strength)))


def plan(
    spec: Spec,
    profile: Profile,
    *,
    width: int,
    height: int,
    gaps: bool = False,
    holes: Sequence[Box] | None = None,
    used: Used | None = None,
) -> Plan:
    """Settle a spec for a picture of this size (px); `gaps`: parts of it are new, so no side needs to grow.

    `holes`: where those parts are; None: anywhere. `used`: what the picture is of its file.
    BadRequest for sides, steps or a fill that cannot be.
    """
    sides = settle_sides(spec, width=width, height=height, gaps=gaps)
    overlap = profile.overlap if spec.overlap is None else spec.overlap
    feather = profile.feather if spec.feather is None else spec.feather
    overlap, feather = fit_band(overlap, feather, sides, width=width, height=height)
    full = (width + sides.left + sides.right, height + sides.top + sides.bottom)
    if spec.refine is not None and profile.refine is None:
        raise BadRequest(
            f"--refine-strength {spec.refine:g}: {profile.name} goes from coarse to fine by its own stages"
        )
    count = 1 if spec.passes is None and profile.refine is None else spec.passes
    passes = split_passes(sides, width=width, height=height, window=profile.window, count=count)
    whole_picture = (Box(top=0, left=0, bottom=height, right=width),)
    return Plan(
        width=width,
        height=height,
        sides=sides,
        fill=format_fill(parse_fill(spec.fill or profile.fill)),
        stages=settle_stages(spec, profile, full),
        guidance=profile.guidance if spec.guidance is None else spec.guidance,
        solver=spec.solver or profile.solver,
        overlap=overlap,
        feather=feather,
        change=spec.change,
        seed=spec.seed,
        trailing=profile.trailing,
        limit=spec.band,
        color_match=spec.color_match,
        window=profile.window,
        refine=profile.refine if spec.refine is None else spec.refine,
        holes=tuple(holes) if holes is not None else whole_picture if gaps else (),
        passes=passes,
        used=used,
    )


def settle_stages(spec: Spec, profile: Profile, size: tuple[int, int]) -> tuple[Stage, ...]:
    """The profile's stages with the spec's strength and steps; small scales left out where they would see nothing."""
    stages = [
        replace(
            stage,
            strength=stage.strength if spec.strength is None else spec.strength,
            steps=stage.steps if spec.steps is None else spec.steps,
        )
        for stage in profile.stages
        if stage.scale == 1 or min(size) * stage.scale >= SMALLEST_STAGE
    ]
    running = [stage for stage in stages if stage.strength > 0]
    for stage in running:
        running_steps(stage.steps, stage.strength)
    return tuple(running)


def grow(pixels: Pixels, known: Known, sides: Sides) -> tuple[Pixels, Known]:
    """The picture on its larger canvas, (H, W, 3) and (H, W); the new area is 0 and unknown, gaps stay unknown."""
    return np.pad(pixels, (*margins(sides), (0, 0))), np.pad(known, margins(sides))


def margins(sides: Sides) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sides as `np.pad` takes them."""
    return (sides.top, sides.bottom), (sides.left, sides.right)


def plan_for(known: Known, spec: Spec, profile: Profile, used: Used | None = None) -> Plan:
    """`plan` for a picture whose empty parts are where `known`, bool (H, W), is False; `used`: of its file.

    Its notes say where too little is known for the fill.
    """
    height, width = known.shape
    gaps = not known.all()
    holes = blocks(~known, profile.window) if gaps else ()
    settled = plan(spec, profile, width=width, height=height, gaps=gaps, holes=holes, used=used)
    return replace(settled, notes=shortfalls(known, settled))


def shortfalls(known: Known, settled: Plan) -> tuple[str, ...]:
    """What the fill does instead where too little is `known` (H, W) for it, each once; a later pass knows more."""
    fill, first = parse_fill(settled.fill), settled.each_pass()[0]
    parts = [known] if first.whole else (part for _, part in in_turn(np.pad(known, margins(first.sides)), first))
    return tuple(dict.fromkeys(filter(None, map(fill.shortfall, parts))))


def prepare(pixels: Pixels, known: Known, spec: Spec, profile: Profile) -> Prepared:
    """Canvas, fill and map; pixels uint8 (H, W, 3) RGB, known bool (H, W), False where the input is transparent."""
    ready = make_ready(pixels, known, spec)
    settled = plan_for(ready.known, spec, profile, ready.used)
    return prepare_pass(ready.pixels, ready.known, replace(settled, notes=ready.notes + settled.notes))


def prepare_pass(pixels: Pixels, known: Known, settled: Plan) -> Prepared:
    """Canvas, fill and map of what a settled plan adds to a picture of its size."""
    canvas, kept = grow(pixels, known, settled.sides)
    if settled.whole:
        filled = parse_fill(settled.fill).paint(canvas, kept, np.random.default_rng(settled.seed))
        mask = change_map(kept, settled.overlap, settled.feather, settled.change)
    else:
        filled, mask = filled_by_parts(canvas, kept, settled), mapped_by_parts(kept, settled)
    return Prepared(plan=settled, filled=filled, mask=mask, known=kept)


def blocks(where: Known, window: int) -> tuple[Box, ...]:
    """The pixels `where` (H, W) as boxes of at most 3/4 of a window a side, tight."""
    height, width = where.shape
    side = window - 2 * margin(window)
    found = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            part = where[top : top + side, left : left + side]
            rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
            if rows.size:
                first, last = int(columns[0]), int(columns[-1])
                box = Box(
                    top=top + int(rows[0]), left=left + first, bottom=top + int(rows[-1]) + 1, right=left + last + 1
                )
                found.append(box)
    return tuple(found)


def filled_by_parts(canvas: Pixels, known: Known, settled: Plan) -> Pixels:
    """The canvas painted in place, region by region beside what is known by then: no more is looked at than needed."""
    fill, rng = parse_fill(settled.fill), np.random.default_rng(settled.seed)
    for cut, part in in_turn(known, settled):
        canvas[cut] = fill.paint(np.ascontiguousarray(canvas[cut]), part, rng)
    return canvas


def in_turn(known: Known, settled: Plan) -> Iterator[tuple[tuple[slice, slice], Known]]:
    """The regions that the fill paints, beside what is known first: each with what is known of it by then (h, w)."""
    joint = settled.fill.partition(":")[0] not in SAME_FILL
    painted = known.copy()
    left = [region.box.cut for region in settled.regions(known.shape, joint=joint)]
    while left:
        cut = left.pop(next((index for index, each in enumerate(left) if painted[each].any()), 0))
        yield cut, np.ascontiguousarray(painted[cut])
        painted[cut] = True


def mapped_by_parts(known: Known, settled: Plan) -> Change:
    """`change_map` where it is not 0, by pieces: the same values, without a blur of the whole canvas."""
    mask = np.zeros(known.shape, np.float32)
    for box in settled.new:
        near = grown(box, settled.reach + 1, known.shape)
        wide = grown(near, settled.reach + 1, known.shape)
        part = change_map(known[wide.cut], settled.overlap, settled.feather, settled.change)
        top, left = near.top - wide.top, near.left - wide.left
        mask[near.cut] = part[top : top + near.height, left : left + near.width]
    return mask
