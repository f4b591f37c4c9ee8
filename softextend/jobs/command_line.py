"""A request as the words of a command line, the way back from `commands/spec.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from softextend.option_fields import flag
from softextend.options import Growth, Spec

if TYPE_CHECKING:
    from softextend.models.engine import Engine


def command_words(spec: Spec) -> list[str]:
    """The options of `extend` that ask for this, as a shell reads them, but for what is the default anyway."""
    words: list[str] = []
    for each in fields(spec):
        words += group_words(getattr(spec, each.name))
    return words


def group_words(group: Any) -> list[str]:
    """The options of one group that are not the default."""
    words: list[str] = []
    for each in fields(group):
        value = getattr(group, each.name)
        if each.default is not MISSING and value == each.default:
            continue
        words += group.text(each.name).split(" ") if isinstance(group, Growth) else option_words(each.name, value)
    return words


def option_words(name: str, value: Any) -> list[str]:
    """One option with its value, or values; a text that begins like an option is tied to its own."""
    if isinstance(value, list):
        return [word for each in value for word in option_words(name, each)]
    if isinstance(value, bool):
        return [flag(name) if value else f"--no-{name.replace('_', '-')}"]
    text = value.value if isinstance(value, Enum) else f"{value}"
    return [f"{flag(name)}={text}"] if text.startswith("-") else [flag(name), text]


def recorded_command(
    *,
    name: str,
    input: str | None,
    input_sha256: str | None,
    mask: str | None,
    mask_sha256: str | None,
    model: str,
    engine: Engine,
    conditions: Mapping[str, Any],
    alpha: str | None = None,
    quality: int | None = None,
) -> dict[str, Any]:
    """What a recipe holds of its command, in the order of its text; files by their way from the result."""
    return {
        "name": name,
        "input": input,
        "input_sha256": input_sha256,
        "mask": mask,
        "mask_sha256": mask_sha256,
        "model": model,
        "vae": engine.vae and str(engine.vae),
        "preview_vae": engine.preview_vae and str(engine.preview_vae),
        "unet": engine.unet and str(engine.unet),
        "conditions": dict(conditions),
        "profile": engine.profile,
        "prediction": engine.prediction and engine.prediction.value,
        "alpha": alpha,
        "quality": quality,
    }
