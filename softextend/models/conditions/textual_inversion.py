"""Textual inversions: words that a file taught, for one or both text encoders."""

from __future__ import annotations

from pathlib import Path

from softextend.errors import BadModel
from softextend.models.sdxl.text import Vectors
from softextend.models.weights.families import identify
from softextend.models.weights.header import read_header
from softextend.models.weights.tensors import read_tensor

FIRST, SECOND = ("clip_l", "text_encoders_0"), ("clip_g", "text_encoders_1")  # as kohya, ComfyUI and OneTrainer write


def read_vectors(name: str, path: Path) -> Vectors:
    """The vectors of `--embedding NAME=FILE`, (N, D) for each encoder. BadModel for another kind or family."""
    if not path.is_file():
        raise BadModel(f"--embedding {name}={path}: does not exist: give a .safetensors file")
    tensors = read_header(path).tensors
    found = {}
    for encoder, names in (("clip_l", FIRST), ("clip_g", SECOND)):
        key = next((each for each in names if each in tensors), None)
        if key is not None:
            found[encoder] = read_tensor(path, tensors[key]).float()
    if len(found) == 2:
        rows = {encoder: values.reshape(-1, values.shape[-1]) for encoder, values in found.items()}
        if len(rows["clip_l"]) == len(rows["clip_g"]):
            return Vectors(name=name, first=rows["clip_l"], second=rows["clip_g"])
        raise BadModel(f"--embedding {name}={path}: clip_l and clip_g differ in length: download it again")
    if any(each in tensors for each in ("emb_params", "string_to_param.*")) or "clip_l" in found:
        what = "a textual inversion of Stable Diffusion 1.5 or 2, for one text encoder"
    else:
        what = identify(read_header(path)).what
    raise BadModel(f"--embedding {name}={path}: {what}: give one of SDXL, with clip_l and clip_g")
