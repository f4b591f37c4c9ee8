"""A photo to try settings on before any model runs: its fill and soft map, small and soon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from softextend import interrupt
from softextend.api import DEFAULT_SIDES, Picturelike, Sideslike, any_picture
from softextend.fill import parse_fill
from softextend.jobs.request import read_request
from softextend.mask import change_map
from softextend.models import find
from softextend.options import HOW_MUCH
from softextend.pictures.borders import Border, find_border
from softextend.pictures.picture import Picture
from softextend.plan.canvas import grow
from softextend.plan.describe import plan_as_dict
from softextend.plan.input import Input, prepare_input
from softextend.plan.plan import Plan, plan_extension
from softextend.plan.prepared import prepare_whole
from softextend.plan.sizes import resolve_sides
from softextend.types import Sides

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from softextend.api import Options
    from softextend.options import Growth, Spec
    from softextend.types import Known, Pixels


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Look:
    """What a run would begin with: `filled` RGB and `change` 8-bit grey (white = repaint), both scaled alike."""

    filled: Image.Image
    change: Image.Image
    plan: dict[str, Any]  # JSON values, in px of the full size, as `extend --dry-run --json` has them


class Sketch:
    """One photo, read once, to look at with many settings; `image` as for `extend`. Raises BadPicture."""

    def __init__(self, image: Picturelike) -> None:
        self.picture: Picture = any_picture(image)
        self._inputs: dict[Growth, Input] = {}
        self._border: Border | None = None

    @property
    def border(self) -> Border:
        """What `trim="auto"` would take off."""
        if self._border is None:
            self._border = find_border(self.picture.pixels, self.picture.known)
        return self._border

    def size(self, sides: Sideslike | None = DEFAULT_SIDES, **options: Unpack[Options]) -> tuple[int, int]:
        """Width and height of the result, px: quick, however large. Raises BadRequest as `extend` would."""
        spec, taken = self._request(sides, 0, options)
        height, width = taken.known.shape
        added = resolve_sides(spec.growth, width=width, height=height)
        return width + added.left + added.right, height + added.top + added.bottom

    def plan(
        self, sides: Sideslike | None = DEFAULT_SIDES, *, model: str = "self", **options: Unpack[Options]
    ) -> dict[str, Any]:
        """What a run would do, JSON values, as `extend --dry-run --json` has them. Raises BadRequest as `extend`."""
        return plan_as_dict(self._planned(*self._request(sides, 0, options), model))

    def look(
        self,
        sides: Sideslike | None = DEFAULT_SIDES,
        *,
        model: str = "self",
        seed: int = 0,
        most: int = 480,
        **options: Unpack[Options],
    ) -> Look:
        """As `extend` would begin, at no more than `most` px a side. Raises BadRequest as `extend` would."""
        spec, taken = self._request(sides, seed, options)
        plan = self._planned(spec, taken, model)
        scale = min(1.0, most / max(plan.canvas.size))
        filled, change = _small(taken, plan, scale)
        return Look(filled=Image.fromarray(filled), change=Image.fromarray(change), plan=plan_as_dict(plan))

    def _request(self, sides: Sideslike | None, seed: int, options: Options) -> tuple[Spec, Input]:
        if sides is DEFAULT_SIDES and any(options.get(name) is not None for name in HOW_MUCH):
            sides = None
        spec = read_request({"sides": sides, "seed": seed, **options}).spec
        return spec, self._taken(spec.growth.demanded())

    def _planned(self, spec: Spec, taken: Input, model: str) -> Plan:
        return plan_extension(taken, spec, find.known_profile(find.resolve_model(model)))

    def _taken(self, growth: Growth) -> Input:
        """The prepared input; looking for borders takes longer than all else, so that the last one is kept."""
        key = growth if growth.fit else type(growth)(trim=growth.trim)
        if key not in self._inputs:
            self._inputs = {key: prepare_input(self.picture.pixels, self.picture.known, growth, self.picture.planes)}
        return self._inputs[key]


def _small(taken: Input, plan: Plan, scale: float) -> tuple[Any, Any]:
    """Canvas uint8 (h, w, 3), filled, and the change map uint8 (h, w), both at `scale` in (0, 1] of the plan's size."""
    height, width = taken.known.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = cv2.resize(taken.pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else taken.pixels
    known = cv2.resize(taken.known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    sides = plan.canvas.sides
    small = Sides(**{name: round(getattr(sides, name) * scale) for name in ("top", "right", "bottom", "left")})
    if plan.canvas.wrap is not None:
        return _small_wrapped(pixels, known, plan, small, scale)
    canvas, kept = grow(pixels, known, small)
    if not kept.all():
        fill, rng = parse_fill(plan.fill), np.random.default_rng(plan.seed)
        canvas = interrupt.waited(partial(fill.paint, canvas, kept, rng))
    change = change_map(kept, round(plan.overlap * scale), round(plan.feather * scale), plan.change)
    return canvas, np.rint(change * 255).astype(np.uint8)


def _small_wrapped(pixels: Pixels, known: Known, plan: Plan, sides: Sides, scale: float) -> tuple[Any, Any]:
    """The same where edges join; pixels uint8 (h, w, 3), known (h, w) and sides (px) at `scale`."""
    canvas = replace(
        plan.canvas,
        width=known.shape[1],
        height=known.shape[0],
        sides=sides,
        holes=(),
        reach=round(plan.canvas.reach * scale),
    )
    feather = round(plan.feather * scale)
    small = replace(plan, canvas=canvas, overlap=round(plan.overlap * scale), feather=feather)
    made = prepare_whole(pixels, known, small)
    return made.filled, np.rint(made.change * 255).astype(np.uint8)
