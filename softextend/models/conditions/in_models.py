"""Files of conditions by their names in the models folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from softextend.models.find import models_folder
from softextend.models.library import Entry, entries

KINDS = {"lora": "LoRA", "embedding": "textual inversion", "control": "ControlNet"}  # as the models folder calls them


def in_models(name: str, kind: str) -> Path | None:
    """NAME or NAME.safetensors in the models folder, by what its tensors say it is; None where there is none."""
    root = models_folder()
    if root is None:
        return None
    wanted = name.removesuffix(".safetensors").lower()
    found = [each for each in _listed(root) if each.path.stem.lower() == wanted]
    own = [each for each in found if KINDS[kind] in each.what]
    return next((each.path for each in own or found), None)


@cache
def _listed(root: Path) -> list[Entry]:
    return entries(root)


def missing(name: str) -> str:
    """Why a name led to no file, and what to do."""
    root = models_folder()
    if root is not None:
        return f"no {name}.safetensors in {root}"
    return "set $SOFTEXTEND_MODELS to the folder with your models, or give the file by its option"
