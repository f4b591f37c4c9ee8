"""Textual inversions: words that a file taught, for one or both text encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from softextend.errors import BadModel
from softextend.models.sdxl.text import Vectors
from softextend.models.weights.families import identify
from softextend.models.weights.header import Entry, read_header
from softextend.models.weights.tensors import read_tensor

FIRST, SECOND = ("clip_l", "text_encoders_0"), ("clip_g", "text_encoders_1")  # as kohya, ComfyUI and OneTrainer write
ALONE = (*FIRST, "emb_params", "string_to_param.*", "clip_h")  # of models with one text encoder; A1111, ComfyUI
TITLES = {768: "Stable Diffusion 1.5", 1024: "Stable Diffusion 2", 1280: "SDXL's second encoder"}


def read_vectors(name: str, path: Path, widths: Sequence[int]) -> Vectors:
    """The vectors of `--embedding NAME=FILE`, (N, D) for each text encoder, which are `widths` wide.

    A file of several words, such as PowerPaint's text encoder, is asked for NAME. BadModel for another kind or family.
    """
    if not path.is_file():
        raise BadModel(f"--embedding {name}={path}: does not exist: give a .safetensors file")
    tensors = read_header(path).tensors
    keys = _keys(name, tensors, len(widths))
    if keys is None:
        raise BadModel(f"--embedding {name}={path}: {_other(path, tensors)}: {_wanted(widths)}")
    found = [rows(read_tensor(path, tensors[key])) for key in keys]
    if [each.shape[1] for each in found] != list(widths):
        has = " and ".join(str(each.shape[1]) for each in found)
        title = TITLES.get(found[0].shape[1], "another model") if len(found) == 1 else "another model"
        raise BadModel(f"--embedding {name}={path}: of {title} (vectors of {has} numbers): {_wanted(widths)}")
    if len({len(each) for each in found}) > 1:
        raise BadModel(f"--embedding {name}={path}: clip_l and clip_g differ in length: download it again")
    return Vectors(name=name, each=tuple(found))


def rows(values: Tensor) -> Tensor:
    """One vector or several -> float32 (N, D)."""
    return values.float().reshape(-1, values.shape[-1])


def _keys(name: str, tensors: Mapping[str, Entry], encoders: int) -> list[str] | None:
    """The tensor for each encoder; None where the file has not got them."""
    if encoders == 2:
        found = [next((each for each in names if each in tensors), None) for names in (FIRST, SECOND)]
        return [each for each in found if each] if all(found) else None
    if any(each in tensors for names in (SECOND,) for each in names):
        return None
    named = [each for each in tensors if each == name or each.endswith((f".{name}", f"<{name}>"))]
    alone = [each for each in ALONE if each in tensors] or (list(tensors) if len(tensors) == 1 else [])
    return (named or alone)[:1] or None


def _other(path: Path, tensors: Mapping[str, Entry]) -> str:
    if any(each in tensors for each in SECOND):
        return "a textual inversion of SDXL"
    if any(each in tensors for each in ALONE):
        return "a textual inversion of Stable Diffusion 1.5 or 2, for one text encoder"
    return identify(read_header(path)).what


def _wanted(widths: Sequence[int]) -> str:
    if len(widths) == 2:
        return "give one of SDXL, with clip_l and clip_g"
    return f"give one of {TITLES.get(widths[0], 'its family')}, whose vectors have {widths[0]} numbers"
