"""What of a request's prompt and of what is laid over its model has no effect, in words."""

from __future__ import annotations

from softextend.models.conditions.options import Conditions
from softextend.models.engine import Engine
from softextend.options import Prompt


def left_out_by_self(prompt: Prompt, engine: Engine, given: Conditions) -> list[str]:
    """Notes on what the built-in model takes nothing of."""
    named = {"prompt": bool(prompt.prompt or prompt.negative), "VAE": bool(engine.vae), "UNet": bool(engine.unet)}
    named |= {"preview VAE": bool(engine.preview_vae), "compiling": engine.compile}
    unused = [*(name for name, value in named.items() if value), *given.given]
    return [f"model: self takes no {' and no '.join(unused)}: left out"] if unused else []


def without_effect(prompt: Prompt, guidance: float) -> list[str]:
    """Notes on a negative prompt that guidance does not reach."""
    if not prompt.negative or guidance > 1:
        return []
    return [f"negative prompt: has no effect at guidance {guidance:g}: give --guidance above 1"]
