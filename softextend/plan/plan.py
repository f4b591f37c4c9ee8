"""The request settled for one picture: its size, stages, passes and windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from softextend.errors import BadRequest
from softextend.fill import format_fill, parse_fill
from softextend.plan.boxes import around, connected, grown, scaled
from softextend.plan.sizes import fit_band, running_steps, settle_sides
from softextend.plan.windows import Region, fits, new_boxes, outward, scene_scales, split_passes, stage_regions
from softextend.types import Box, Profile, Sides, SolverName, Spec, Stage, Used

SMALLEST_STAGE = 48  # px, short side: a smaller picture shows a stage nothing that the next one does not show it
PASS_SEEDS = 104_729  # apart, so that passes share no noise


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

    def calls(self, steps: int) -> int:
        """Denoiser calls of that many steps: a second-order sampler looks twice, but for the last."""
        return 2 * steps - 1 if self.solver is SolverName.HEUN else steps


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
