"""What a result remembers: the spec it was asked for, the plan it became, the model and the versions."""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from softextend import __version__
from softextend.options import Spec
from softextend.plan.describe import crop_as_dict
from softextend.plan.plan import Plan
from softextend.types import SamplerName

WATCHED = ("torch", "diffusers", "transformers", "numpy", "opencv-python-headless", "pillow")
ELSEWHERE = ("spec", "canvas", "crop")  # of a plan: written in another form
OF_PASSES = ("turn", "opened")  # what only the passes of a plan differ in
A1111_SAMPLERS = {  # the names other tools know; AUTOMATIC1111 stable-diffusion-webui
    SamplerName.EULER: "Euler",
    SamplerName.EULER_A: "Euler a",
    SamplerName.DDIM: "DDIM",
    SamplerName.DPMPP_2M: "DPM++ 2M Karras",
    SamplerName.DPMPP_2M_SDE: "DPM++ 2M SDE Karras",
    SamplerName.DEIS: "DEIS",
    SamplerName.UNIPC: "UniPC",
    SamplerName.HEUN: "Heun",
    SamplerName.LCM: "LCM",
    SamplerName.TCD: "TCD",
}


def make_recipe(plan: Plan, model: dict[str, Any], *, gaps: bool = False, rows: int = 1) -> dict[str, Any]:
    """JSON values: `spec` (as asked), `plan` (as resolved), `model`, `versions`, `seed`, and what was kept.

    `original_box` is where the input lies; `kept_box` is the part of it whose pixels are the input's (None for an
    input with `gaps`, whose kept part is no box); `band_px` is how far into the original it may differ. `trimmed` is
    the box that was left of the input (px of the input), `scaled` the width and height that it was scaled down to;
    None where that was not done: the result is what is left of the input plus its sides. `batch`: how many `rows` the
    model's batch had, of which this is one; a row may differ from a picture alone by rounding.
    """
    canvas = plan.canvas
    box = {"left": canvas.sides.left, "top": canvas.sides.top, "width": canvas.width, "height": canvas.height}
    return {
        "softextend": __version__,
        "spec": _plain(plan.spec.options()),
        "plan": _plan_as_dict(plan),
        "model": model,
        "versions": {name: _version(name) for name in WATCHED},
        "seed": plan.seed,
        "original_box": box,
        **crop_as_dict(plan.crop),
        "kept_box": None if gaps else kept_box(plan),
        "band_px": plan.band,
        **({"batch": rows} if rows > 1 else {}),
    }


def canvas_recipe(spec: Spec) -> dict[str, Any]:
    """What a canvas of `prepare` remembers, as JSON values: no result yet, but what it was asked for."""
    return {"softextend": __version__, "prepared": True, "spec": _plain(spec.options()), "seed": spec.seed}


def _plan_as_dict(plan: Plan) -> dict[str, Any]:
    """All that was resolved, flat."""
    found = {each.name: getattr(plan, each.name) for each in fields(plan) if each.name not in (*ELSEWHERE, *OF_PASSES)}
    canvas = {each.name: getattr(plan.canvas, each.name) for each in fields(plan.canvas) if each.name not in OF_PASSES}
    crop = None if plan.crop is None else asdict(plan.crop)
    return {**_plain({**canvas, **found, "crop": crop}), "size": list(plan.canvas.size)}


def kept_box(plan: Plan) -> dict[str, int]:
    """The input less the band on every side beside which something is new; px in the result."""
    canvas, band, sides = plan.canvas, plan.band, plan.canvas.sides
    down, across = (False, False) if canvas.wrap is None else canvas.wrap.axes
    above, below, before, behind = (each > 0 for each in (sides.top, sides.bottom, sides.left, sides.right))
    if down:
        above = below = above or below
    if across:
        before = behind = before or behind
    left, top = min(canvas.width, band * before), min(canvas.height, band * above)
    return {
        "left": sides.left + left,
        "top": sides.top + top,
        "width": max(0, canvas.width - left - band * behind),
        "height": max(0, canvas.height - top - band * below),
    }


def parameters(recipe: dict[str, Any]) -> str:
    """The A1111 infotext: prompt, negative prompt, then `Key: value` pairs that other tools read."""
    plan, model = recipe["plan"], recipe["model"]
    last = plan["stages"][-1] if plan["stages"] else {"steps": 0, "strength": 0}
    pairs = {
        "Steps": last["steps"],
        "Sampler": A1111_SAMPLERS[SamplerName(plan["sampler"])],
        "CFG scale": f"{plan['guidance']:g}",
        "Seed": recipe["seed"],
        "Size": "x".join(str(extent) for extent in plan["size"]),
        "Model hash": str(model.get("hash") or "")[:10],
        "Model": model["name"],
        "Denoising strength": f"{last['strength']:g}",
        "Version": f"softextend {recipe['softextend']}",
    }
    lines = [recipe["spec"]["prompt"]]
    if recipe["spec"]["negative"]:
        lines.append(f"Negative prompt: {recipe['spec']['negative']}")
    lines.append(", ".join(f"{key}: {_quoted(value)}" for key, value in pairs.items() if value != ""))
    return "\n".join(lines)


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if "," in text or ":" in text else text


@cache
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _plain(value: Any) -> Any:
    """Enums by value, tuples as lists, values as their fields: what JSON gives back."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
