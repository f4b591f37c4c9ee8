"""A plan in words and in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from softextend.plan.effort import all_work, denoiser_calls, effort, unet_rows
from softextend.plan.plan import Plan
from softextend.plan.sizes import running_steps
from softextend.types import Crop, Method, Span, Wrap

WRAPS = {
    Wrap.X: "the left edge joins the right",
    Wrap.Y: "the top joins the bottom",
    Wrap.XY: "the left edge joins the right, the top the bottom",
}


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """A plan as JSON values; sizes in px, `trimmed` and `scaled` as in a recipe."""
    canvas, work = plan.canvas, all_work(plan)
    whole = plan.crop or canvas
    return {
        "input_size": {"width": whole.width, "height": whole.height},
        **crop_as_dict(plan.crop),
        "sides_px": asdict(canvas.sides),
        "output_size": dict(zip(("width", "height"), canvas.size, strict=True)),
        "wrap": canvas.wrap and canvas.wrap.value,
        "fill": plan.fill,
        "stages": [asdict(each) for each in plan.stages],
        "passes": len(plan.each_pass()),
        "regions": sum(len(each.regions) for each in work),
        "windows": sum(each.windows for each in work),
        "denoiser_calls": denoiser_calls(plan),
        "unet_rows": unet_rows(plan),
        "sampler": plan.sampler.value,
        "guidance": plan.guidance,
        "guidance_rescale": plan.guidance_rescale,
        "guidance_steps": str(plan.guidance_steps),
        "method": plan.method.value,
        "resample": plan.resample,
        "think": plan.think,
        "told_size": None if plan.told_size is None else str(plan.told_size),
        "band_px": plan.band,
        "overlap_px": plan.overlap,
        "feather_px": plan.feather,
        "change": plan.change,
        "seed": plan.seed,
        "notes": list(plan.notes),
    }


def plan_rows(plan: Plan) -> list[tuple[str, str]]:
    """(name, value) as a table shows them."""
    width, height = plan.canvas.size
    stages = ", ".join(
        f"{each.scale:g}x at strength {each.strength:g}, "
        f"{running_steps(each.steps, each.strength)} of {each.steps} steps"
        for each in plan.stages
    )
    return [
        ("input", input_words(plan)),
        ("sides (top right bottom left)", str(plan.canvas.sides)),
        ("output", f"{width}x{height}"),
        *([("wrap", WRAPS[plan.canvas.wrap])] if plan.canvas.wrap else []),
        ("fill", plan.fill),
        ("stages", stages or "none: the fill alone"),
        ("work", effort(plan)),
        ("sampler", sampler_words(plan)),
        ("band that may change", f"{plan.band} px (overlap {plan.overlap}, feather {plan.feather})"),
        ("change of the new area", f"{plan.change:g}"),
        ("seed", str(plan.seed)),
    ]


def sampler_words(plan: Plan) -> str:
    """Sampler, guidance and what else is unusual of them."""
    words = [plan.sampler.value, f"guidance {plan.guidance:g}"]
    if plan.guidance_rescale:
        words.append(f"its contrast taken back by {plan.guidance_rescale:g}")
    if plan.guidance_steps != Span():
        words.append(f"guided in {plan.guidance_steps} of the steps")
    if plan.method is Method.CLASSIC:
        words.append("method classic: a mask of 0 and 1")
    if plan.resample:
        words.append(f"each step taken {plan.resample} times more")
    if plan.think:
        words.append(f"{plan.think} moves within each step")
    if plan.told_size is not None:
        words.append(f"told a size of {plan.told_size}" if plan.told_size != "auto" else "told its size by auto")
    return ", ".join(words)


def crop_as_dict(crop: Crop | None) -> dict[str, Any]:
    """`trimmed` and `scaled`, None where the input was taken as it is."""
    if crop is None:
        return {"trimmed": None, "scaled": None}
    box = {"left": crop.box.left, "top": crop.box.top, "width": crop.box.width, "height": crop.box.height}
    whole = (crop.box.width, crop.box.height)
    return {
        "trimmed": box if whole != (crop.width, crop.height) else None,
        "scaled": list(crop.size) if whole != crop.size else None,
    }


def input_words(plan: Plan) -> str:
    """The input's size and what is taken of it, in words."""
    crop = plan.crop
    if crop is None:
        return f"{plan.canvas.width}x{plan.canvas.height}"
    words, box = [f"{crop.width}x{crop.height}"], (crop.box.width, crop.box.height)
    if box != (crop.width, crop.height):
        words.append(f"trimmed to {box[0]}x{box[1]} at {crop.box.left},{crop.box.top}")
    if crop.size != box:
        words.append(f"scaled down to {crop.size[0]}x{crop.size[1]}")
    return ", ".join(words)
