"""Files of conditions by their names in the models folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from softextend.models.find import models_folder
from softextend.models.library import Entry, entries

KINDS = {  # as the models folder calls them
    "lora": "LoRA",
    "embedding": "textual inversion",
    "control": "ControlNet",
    "refiner": "the SDXL refiner",
    "image_adapter": "an IP-Adapter",
    "image_encoder": "a CLIP vision encoder",
}
WEIGHTS = ("model", "diffusion_pytorch_model")  # what a network's file is called in a folder of its own


def in_models(name: str, kind: str) -> Path | None:
    """NAME or NAME.safetensors in the models folder, by what its tensors say it is; None where there is none."""
    root = models_folder()
    if root is None:
        return None
    wanted = name.removesuffix(".safetensors").lower()
    known = _listed(root)
    found = [each for each in known if wanted in (each.path.stem.lower(), place_of(each).stem.lower())]
    own = [place_of(each) for each in found if is_kind(each, kind)]
    return next(iter(own or [each.path for each in found]), None)


def is_kind(entry: Entry, kind: str) -> bool:
    """Whether a file or folder is one of KINDS by what its tensors, or a folder's index, say."""
    return KINDS[kind] in entry.what or (entry.fault or "").startswith(KINDS[kind])


def place_of(entry: Entry) -> Path:
    """Its file; the folder where that holds one network with its config.json, as diffusers and transformers save it."""
    path = entry.path
    return path.parent if path.stem in WEIGHTS and (path.parent / "config.json").is_file() else path


@cache
def _listed(root: Path) -> list[Entry]:
    return entries(root)


def missing(name: str) -> str:
    """Why a name led to no file, and what to do."""
    root = models_folder()
    if root is not None:
        return f"no {name}.safetensors in {root}"
    return "set $SOFTEXTEND_MODELS to the folder with your models, or give the file by its option"
