"""What is decided before any model is loaded: sizes, fill, map and stages of one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from softextend.fill import format_fill, parse_fill
from softextend.geometry import fit_band, resolve_sides, running_steps
from softextend.mask import change_map
from softextend.types import Profile, Sides, SolverName, Spec, Stage

if TYPE_CHECKING:
    from softextend.types import Change, Known, Pixels

SMALLEST_STAGE = 48  # px, short side: a smaller picture shows a stage nothing that the next one does not show it


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

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self.width + self.sides.left + self.sides.right, self.height + self.sides.top + self.sides.bottom

    @property
    def band(self) -> int:
        """Pixels into the original that may change."""
        widest = self.overlap + self.feather // 2
        return widest if self.limit is None else min(self.limit, widest)

    def rows(self) -> list[tuple[str, str]]:
        """(name, value) as a table shows them."""
        width, height = self.size
        stages = ", ".join(
            f"{each.scale:g}x at strength {each.strength:g}, "
            f"{running_steps(each.steps, each.strength)} of {each.steps} steps"
            for each in self.stages
        )
        return [
            ("input", f"{self.width}x{self.height}"),
            ("sides (top right bottom left)", str(self.sides)),
            ("output", f"{width}x{height}"),
            ("fill", self.fill),
            ("stages", stages or "none: the fill alone"),
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


def plan(spec: Spec, profile: Profile, *, width: int, height: int, gaps: bool = False) -> Plan:
    """Settle a spec for a picture of this size (px); `gaps`: it has transparent areas, so no side needs to grow.

    BadRequest for sides, steps or a fill that cannot be.
    """
    if gaps and not any(amount.value for amount in spec.sides):
        sides = Sides()
    else:
        sides = resolve_sides(spec.sides, width=width, height=height, allow_large=spec.allow_large)
    overlap = profile.overlap if spec.overlap is None else spec.overlap
    feather = profile.feather if spec.feather is None else spec.feather
    overlap, feather = fit_band(overlap, feather, sides, width=width, height=height)
    full = (width + sides.left + sides.right, height + sides.top + sides.bottom)
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
    margins = ((sides.top, sides.bottom), (sides.left, sides.right))
    return np.pad(pixels, (*margins, (0, 0))), np.pad(known, margins)


def prepare(pixels: Pixels, known: Known, spec: Spec, profile: Profile) -> Prepared:
    """Canvas, fill and map; pixels uint8 (H, W, 3) RGB, known bool (H, W), False where the input is transparent."""
    height, width = known.shape
    settled = plan(spec, profile, width=width, height=height, gaps=not known.all())
    canvas, grown = grow(pixels, known, settled.sides)
    filled = parse_fill(settled.fill).paint(canvas, grown, np.random.default_rng(settled.seed))
    mask = change_map(grown, settled.overlap, settled.feather, settled.change)
    return Prepared(plan=settled, filled=filled, mask=mask, known=grown)
