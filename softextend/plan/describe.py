"""A plan in words and in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from softextend.plan.plan import Plan
from softextend.plan.sizes import running_steps
from softextend.types import Used


def plan_facts(settled: Plan) -> dict[str, Any]:
    """A plan as JSON values; sizes in px, `trimmed` and `scaled` as in a recipe."""
    whole = settled.used or settled
    work = [each for part in settled.each_pass() for each in part.work()]
    return {
        "input_size": {"width": whole.width, "height": whole.height},
        **used_facts(settled.used),
        "sides_px": asdict(settled.sides),
        "output_size": dict(zip(("width", "height"), settled.size, strict=True)),
        "fill": settled.fill,
        "stages": [asdict(each) for each in settled.stages],
        "passes": len(settled.passes),
        "regions": sum(len(each.regions) for each in work),
        "windows": sum(each.windows for each in work),
        "denoiser_calls": sum(each.windows * settled.calls(each.steps) for each in work),
        "sampler": settled.solver.value,
        "guidance": settled.guidance,
        "band_px": settled.band,
        "overlap_px": settled.overlap,
        "feather_px": settled.feather,
        "change": settled.change,
        "seed": settled.seed,
        "notes": list(settled.notes),
    }


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 window`, `2 windows`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def used_facts(used: Used | None) -> dict[str, Any]:
    """`trimmed` and `scaled`, None where the input was taken as it is."""
    if used is None:
        return {"trimmed": None, "scaled": None}
    box = {"left": used.box.left, "top": used.box.top, "width": used.box.width, "height": used.box.height}
    whole = (used.box.width, used.box.height)
    return {
        "trimmed": box if whole != (used.width, used.height) else None,
        "scaled": list(used.size) if whole != used.size else None,
    }


def effort(settled: Plan) -> str:
    """Passes, regions, windows and calls of the denoiser, in words."""
    work = [each for part in settled.each_pass() for each in part.work()]
    regions, windows = sum(len(each.regions) for each in work), sum(each.windows for each in work)
    calls = sum(each.windows * settled.calls(each.steps) for each in work)
    return (
        f"{counted(len(settled.passes), 'pass', 'passes')}, {counted(regions, 'region')}, "
        f"{counted(windows, 'window')}, {counted(calls, 'denoiser call')}"
    )


def input_words(settled: Plan) -> str:
    """The input's size and what is used of it, in words."""
    used = settled.used
    if used is None:
        return f"{settled.width}x{settled.height}"
    words, box = [f"{used.width}x{used.height}"], (used.box.width, used.box.height)
    if box != (used.width, used.height):
        words.append(f"trimmed to {box[0]}x{box[1]} at {used.box.left},{used.box.top}")
    if used.size != box:
        words.append(f"scaled down to {used.size[0]}x{used.size[1]}")
    return ", ".join(words)


def plan_rows(settled: Plan) -> list[tuple[str, str]]:
    """(name, value) as a table shows them."""
    width, height = settled.size
    stages = ", ".join(
        f"{each.scale:g}x at strength {each.strength:g}, "
        f"{running_steps(each.steps, each.strength)} of {each.steps} steps"
        for each in settled.stages
    )
    return [
        ("input", input_words(settled)),
        ("sides (top right bottom left)", str(settled.sides)),
        ("output", f"{width}x{height}"),
        ("fill", settled.fill),
        ("stages", stages or "none: the fill alone"),
        ("work", effort(settled)),
        ("sampler", f"{settled.solver.value}, guidance {settled.guidance:g}"),
        ("band that may change", f"{settled.band} px (overlap {settled.overlap}, feather {settled.feather})"),
        ("change of the new area", f"{settled.change:g}"),
        ("seed", str(settled.seed)),
    ]
