"""What a result remembers: the spec it was asked for, the plan it became, the model and the versions."""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from enum import Enum
from typing import Any

from softextend import __version__
from softextend.errors import BadPicture
from softextend.plan.describe import used_facts
from softextend.plan.plan import Plan
from softextend.types import Amount, SolverName, Spec, Target

WATCHED = ("torch", "diffusers", "transformers", "numpy", "opencv-python-headless", "pillow")
A1111_SAMPLERS = {  # the names other tools know; AUTOMATIC1111 stable-diffusion-webui
    SolverName.EULER: "Euler",
    SolverName.EULER_A: "Euler a",
    SolverName.DDIM: "DDIM",
    SolverName.DPMPP_2M: "DPM++ 2M Karras",
    SolverName.DPMPP_2M_SDE: "DPM++ 2M SDE Karras",
    SolverName.DEIS: "DEIS",
    SolverName.UNIPC: "UniPC",
    SolverName.HEUN: "Heun",
    SolverName.LCM: "LCM",
}


def make_recipe(spec: Spec, plan: Plan, model: dict[str, Any], *, gaps: bool = False) -> dict[str, Any]:
    """JSON values: `spec` (as asked), `plan` (as settled), `model`, `versions`, `seed`, and what was kept.

    `original_box` is where the input lies; `kept_box` is the part of it whose pixels are the input's (None for an
    input with `gaps`, whose kept part is no box); `band_px` is how far into the original it may differ. `trimmed` is
    the box that was left of the input (px of the input), `scaled` the width and height that it was scaled down to;
    None where that was not done: the result is what is left of the input plus its sides.
    """
    box = {"left": plan.sides.left, "top": plan.sides.top, "width": plan.width, "height": plan.height}
    return {
        "softextend": __version__,
        "spec": _plain(asdict(spec)),
        "plan": {**_plain(asdict(plan)), "size": list(plan.size)},
        "model": model,
        "versions": {name: _version(name) for name in WATCHED},
        "seed": spec.seed,
        "original_box": box,
        **used_facts(plan.used),
        "kept_box": None if gaps else kept_box(plan),
        "band_px": plan.band,
    }


def canvas_recipe(spec: Spec) -> dict[str, Any]:
    """What a canvas of `prepare` remembers, as JSON values: no result yet, but what it was asked for."""
    return {"softextend": __version__, "prepared": True, "spec": _plain(asdict(spec)), "seed": spec.seed}


def kept_box(plan: Plan) -> dict[str, int]:
    """The input less the band on every side that grows; px in the result."""
    sides, band = plan.sides, plan.band
    left, top = min(plan.width, band * (sides.left > 0)), min(plan.height, band * (sides.top > 0))
    return {
        "left": sides.left + left,
        "top": sides.top + top,
        "width": max(0, plan.width - left - band * (sides.right > 0)),
        "height": max(0, plan.height - top - band * (sides.bottom > 0)),
    }


def spec_of(recipe: dict[str, Any]) -> Spec:
    """The spec that a recipe was made from; BadPicture for a recipe of an unknown form."""
    try:
        asked = dict(recipe["spec"])
        top, right, bottom, left = (Amount(**side) for side in asked.pop("sides"))
        solver, target = asked.pop("solver"), asked.pop("target", None)
        return Spec(
            sides=(top, right, bottom, left),
            solver=solver and SolverName(solver),
            target=target and _target_of(target),
            **asked,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadPicture(f"the recipe cannot be read ({error}): it was written by another version") from error


def _target_of(asked: dict[str, Any]) -> Target:
    """A target from JSON values."""
    pairs = {name: tuple(asked[name]) if asked[name] else None for name in ("aspect", "size")}
    amount = asked["all"] and Amount(**asked["all"])
    across, down = asked["anchor"]
    return Target(**pairs, scale=asked["scale"], all=amount, anchor=(across, down), fit=asked["fit"])


def parameters(recipe: dict[str, Any]) -> str:
    """The A1111 infotext: prompt, negative prompt, then `Key: value` pairs that other tools read."""
    plan, model = recipe["plan"], recipe["model"]
    last = plan["stages"][-1] if plan["stages"] else {"steps": 0, "strength": 0}
    pairs = {
        "Steps": last["steps"],
        "Sampler": A1111_SAMPLERS[SolverName(plan["solver"])],
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


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _plain(value: Any) -> Any:
    """Enums by value, tuples as lists: what JSON gives back."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
