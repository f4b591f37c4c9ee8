"""From a command's options to the request: one `Spec` for all of its pictures."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from softextend.commands.options import Border
from softextend.errors import BadRequest
from softextend.plan.grammar import parse_growth, parse_trim
from softextend.types import Spec

if TYPE_CHECKING:
    from softextend.commands.options import Area, Prompting, Sampling
    from softextend.commands.signatures import Extend, Paint


DRAWN_SEEDS = 2**32  # drawn seeds lie below: the range that other tools take


def sampled(given: Extend | Paint) -> Spec:
    """The spec of a picture of which there may be variations."""
    num = given.demand.num
    if num < 1:
        raise BadRequest(f"--num {num}: must be 1 or more")
    if num > 1 and given.sampling.seed is None and given.skip_existing:
        raise BadRequest("--skip-existing with --num: names carry the seed; give --seed N as in the run to resume")
    return strengthened(given.sampling)


def strengthened(sampling: Sampling) -> Spec:
    """What `extend`, `paint` and `zoom` take."""
    return replace(
        asked(sampling),
        strength=sampling.strength,
        refine=sampling.refine_strength,
        color_match=sampling.color_match,
    )


def asked(prompting: Prompting) -> Spec:
    """What every painting command takes, with the first seed, drawn where none is given."""
    return Spec(
        seed=draw_seed() if prompting.seed is None else prompting.seed,
        prompt=prompting.prompt,
        negative=prompting.negative,
        steps=prompting.steps,
        guidance=prompting.guidance,
        solver=prompting.sampler,
    )


def parse_passes(text: str) -> int | None:
    """`auto` (None) or a number of passes; BadRequest for anything else."""
    if text == "auto":
        return None
    if not text.isdecimal():
        raise BadRequest(f"--passes {text}: write auto or a whole number from 1 to 64")
    return int(text)


def bordered(area: Area, spec: Spec) -> Spec:
    """The spec with what the area asks for; BadRequest unless exactly one option says how much."""
    sides, target = parse_growth(
        {"sides": area.sides, "aspect": area.aspect, "size": area.size, "scale": area.scale, "all": area.all},
        anchor=area.anchor,
        fit=area.fit,
    )
    return replace(
        spec,
        sides=sides,
        target=target,
        trim=None if area.trim is None else parse_trim(area.trim),
        fill=area.fill,
        overlap=area.overlap,
        feather=area.feather,
        change=area.change,
        allow_large=area.allow_large,
        band=area.band if isinstance(area, Border) else None,
    )


def draw_seed() -> int:
    """A new seed."""
    return secrets.randbelow(DRAWN_SEEDS)
