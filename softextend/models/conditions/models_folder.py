"""The folder with a user's models: a file in it by its bare name, in the layouts of the common user interfaces."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

FOLDERS = {  # of a kind, as ComfyUI and AUTOMATIC1111's web UI call them
    "lora": ("lora", "loras", "lycoris"),
    "embedding": ("embeddings", "embedding"),
    "control": ("controlnet", "control"),
}


def find_in_models(name: str, kind: str) -> Path | None:
    """NAME or NAME.safetensors below $SOFTEXTEND_MODELS, a folder of its kind first; None where there is none."""
    home = os.environ.get("SOFTEXTEND_MODELS")
    if not home:
        return None
    wanted = name.removesuffix(".safetensors").lower()
    found = [path for path in _files(Path(home).expanduser()) if path.stem.lower() == wanted]
    own = [path for path in found if {part.lower() for part in path.parts} & set(FOLDERS.get(kind, ()))]
    return next(iter(own or found), None)


@cache
def _files(home: Path) -> tuple[Path, ...]:
    return tuple(sorted(home.rglob("*.safetensors")))
