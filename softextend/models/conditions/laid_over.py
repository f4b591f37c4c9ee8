"""All that a run lays over its model, opened and checked together before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from softextend.models.conditions.control import ControlNet
from softextend.models.conditions.groups import OFF, SELF
from softextend.models.conditions.image_prompt import ImagePrompt
from softextend.models.conditions.lora import lay, together
from softextend.models.conditions.options import Conditions
from softextend.models.conditions.refiner import Refiner
from softextend.models.conditions.textual_inversion import read_vectors
from softextend.models.sdxl.checkpoint import Source, unet_file
from softextend.models.sdxl.text import Vectors
from softextend.models.weights.file_hash import fingerprint
from softextend.types import Listener


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LaidOver:
    """What runs beside the model, and what a recipe records of all of it."""

    files: tuple[dict[str, Any], ...] = ()  # kind, file, weight, ...
    vectors: tuple[Vectors, ...] = ()
    layer: int | None = None  # of the text encoders, from the end; None: the model's own
    image: ImagePrompt | None = None
    controls: tuple[ControlNet, ...] = ()
    refiner: Refiner | None = None
    refiner_start: float = 1.0

    def as_dict(self) -> list[dict[str, Any]]:
        """JSON values: each file with its kind, hash and weight."""
        return [_as_recorded(each) for each in self.files]


NOTHING = LaidOver()


def _as_recorded(facts: dict[str, Any]) -> dict[str, Any]:
    """A file by its name and hash: where it lay says more of the machine than of the picture."""
    path = Path(facts["file"])
    return {**facts, "file": path.name, "hash": fingerprint(hashed_files(path))}


def hashed_files(path: Path) -> tuple[Path, ...]:
    """A file, or the weights of a folder."""
    return tuple(sorted(path.rglob("*.safetensors"))) if path.is_dir() else (path,)


def lay_over(
    source: Source,
    given: Conditions,
    dtype: torch.dtype,
    device: torch.device,
    listener: Listener,
    *,
    unet: Path | None = None,
) -> LaidOver:
    """Puts what is merged into the source's parts, opens the rest. BadModel for a file that does not belong."""
    files: list[dict[str, Any]] = []
    if unet is not None:
        source.parts["unet"] = unet_file(unet, source.parts["unet"].config)
        files.append({"kind": "unet", "file": str(unet)})
    files += lay_loras(source, given, listener)
    vectors = []
    widths = [source.parts[name].config["hidden_size"] for name in source.layout.encoders]
    for name, path in given.embeddings.items():
        vectors.append(read_vectors(name, path, widths))
        files.append({"kind": "embedding", "file": str(path), "name": name})
    refiner = None
    if given.refiner is not None:
        refiner = Refiner(given.refiner, dtype, device)
        files.append({"kind": "refiner", "file": str(given.refiner), "start": given.refiner_start})
    image = open_image(source, given, files)
    controls = open_controls(source, given, files, dtype, device)
    return LaidOver(
        files=tuple(files),
        vectors=tuple(vectors),
        layer=given.clip_skip,
        image=image,
        controls=controls,
        refiner=refiner,
        refiner_start=given.refiner_start,
    )


def open_image(source: Source, given: Conditions, files: list[dict[str, Any]]) -> ImagePrompt | None:
    """The image prompt where one is asked for, its files added to `files`."""
    if given.image_prompt in (None, OFF) or given.image_adapter is None or given.image_encoder is None:
        return None
    picture, weight = str(given.image_prompt), given.image_strength
    if picture != SELF:
        files.append({"kind": "image prompt", "file": picture})
    files.append({"kind": "image adapter", "file": str(given.image_adapter), "weight": weight})
    return ImagePrompt(
        given.image_adapter,
        given.image_encoder,
        picture=picture,
        weight=weight,
        span=given.image_span,
        context=source.parts["unet"].config["cross_attention_dim"],
    )


def open_controls(
    source: Source, given: Conditions, files: list[dict[str, Any]], dtype: torch.dtype, device: torch.device
) -> tuple[ControlNet, ...]:
    """Every ControlNet, its files added to `files`."""
    found = []
    for each in given.controls:
        made = ControlNet(
            each.path,
            scale=each.scale,
            span=each.span,
            kind=given.control_type,
            picture=given.control_image,
            unet=source.parts["unet"].config,
            dtype=dtype,
            device=device,
        )
        found.append(made)
        files.append({"kind": "control", "file": str(each.path), "weight": each.scale, "steps": str(each.span)})
    if given.control_image is not None:
        files.append({"kind": "control image", "file": str(given.control_image)})
    return tuple(found)


def lay_loras(source: Source, given: Conditions, listener: Listener) -> list[dict[str, Any]]:
    """Merges every LoRA while the parts are read; says what of one is not used."""
    laid, files = [], []
    parts = {name: part for name, part in source.parts.items() if name != "vae"}
    for path, weight in given.loras:
        one = lay(path, weight, parts)
        laid.append(one)
        files.append({"kind": "lora", "file": str(path), "weight": weight, "form": ", ".join(one.kinds)})
        if note := one.note(path.name):
            listener.note(note)
    for name, patches in together(laid).items():
        source.parts[name] = source.parts[name].patched(patches)
    return files
