"""What is laid over a model, as options, config file and prompt say together, and what has no effect, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softextend.errors import BadRequest
from softextend.models.conditions.caption import caption_photo
from softextend.models.conditions.options import (
    Conditions,
    Found,
    configured_adapter,
    with_config,
    with_files,
    with_prompt,
)
from softextend.models.config_file import config_file
from softextend.models.engine import Engine
from softextend.models.find import ModelRef
from softextend.options import Prompt, Spec
from softextend.plan.plan import Plan
from softextend.types import Profile, Sides

if TYPE_CHECKING:
    from softextend.types import Pixels


def configured(given: Conditions, prompt: Prompt, ref: ModelRef) -> Conditions:
    """What is laid over a model, as options and the config file say it."""
    return given if ref.kind == "self" else with_config(given, prompt.prompt)


def resolved(given: Conditions, prompt: Prompt, ref: ModelRef) -> Found:
    """What is laid over a model: as options, the config file and the prompt say it. BadRequest, see `with_config`."""
    if ref.kind == "self":
        return Found(given, [])
    found = with_prompt(with_files(configured(given, prompt, ref)), prompt.prompt, prompt.negative)
    config = config_file()
    if found.conditions.image_prompt is None and not prompt.prompt and configured_adapter(config) is not None:
        found.notes.append(f"image prompt: off, since {config} names an adapter and no image_encoder")
    return found


def with_caption(spec: Spec, photo: Pixels, sides: Sides, model: str) -> tuple[Spec, str]:
    """The request with what `model` says of the photo (H, W, 3) added to its prompt, and that. BadModel."""
    said = caption_photo(photo, sides, model)
    return spec.replaced(prompt=", ".join(filter(None, (spec.prompt.prompt, said)))), said


def check_control_image(given: Conditions, plan: Plan) -> None:
    """BadRequest where a picture of the whole result would be shown to passes that see it otherwise."""
    if given.control_image is None:
        return
    if plan.canvas.wrap is not None:
        raise BadRequest(
            f"--control-image: shows the result with its edges apart, and --wrap {plan.canvas.wrap.value} paints over "
            "them: leave one of them out"
        )
    if len(plan.passes) > 1:
        raise BadRequest(
            f"--control-image: shows the whole result, which would be made in {len(plan.passes)} passes: "
            "give --passes 1"
        )


def left_out_by_self(prompt: Prompt, engine: Engine, given: Conditions) -> list[str]:
    """Notes on what the built-in model takes nothing of."""
    named = {"prompt": bool(prompt.prompt or prompt.negative), "VAE": bool(engine.vae), "UNet": bool(engine.unet)}
    named |= {"preview VAE": bool(engine.preview_vae), "compiling": engine.compile}
    unused = [*(name for name, value in named.items() if value), *given.given]
    return [f"model: self takes no {' and no '.join(unused)}: left out"] if unused else []


def without_effect(prompt: Prompt, asked: float | None, profile: Profile) -> list[str]:
    """Notes on a negative prompt that guidance (`asked`; None: the profile's) does not reach."""
    guidance = profile.guidance if asked is None else asked
    if prompt.negative and profile.embedded:
        return ["negative prompt: has no effect: the model takes the guidance as an input, beside one prompt"]
    if not prompt.negative or guidance > 1:
        return []
    return [f"negative prompt: has no effect at guidance {guidance:g}: give --guidance above 1"]
