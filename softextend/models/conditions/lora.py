"""LoRA and its relations, merged into a model tensor by tensor while it loads: no memory more, no time per step."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from softextend.errors import BadModel
from softextend.models.conditions.lora_kinds import KINDS, Merge, ia3_factor
from softextend.models.conditions.lora_names import WIDTHS, Place, family_of, modules_of, place_of, split_name
from softextend.models.weights.families import identify
from softextend.models.weights.header import Entry, Header, read_header
from softextend.models.weights.tensors import Part, Patch, read_tensor

METADATA = "lora_adapter_metadata"  # where diffusers writes ranks and alphas of PEFT's adapters
FEW = 3  # names that an error shows


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """One module's tensors in one file, with what they are merged by."""

    path: Path
    entries: Mapping[str, Entry]
    merge: Merge
    alpha: float | None
    weight: float

    def patched(self, value: Tensor, leaf: str) -> Tensor:
        """float32 W -> W + weight (W' - W); `leaf`: weight or bias."""
        tensors = {
            name: read_tensor(self.path, entry).to(value.device, torch.float32) for name, entry in self._own(leaf)
        }
        return torch.lerp(value, self.merge(value, tensors, self.alpha), self.weight)

    def check(self, shape: tuple[int, ...], leaf: str) -> bool:
        """Whether it fits a parameter of this shape; computes nothing."""
        tensors = {name: torch.empty(entry.shape, device="meta") for name, entry in self._own(leaf)}
        try:
            return self.merge(torch.empty(shape, device="meta"), tensors, self.alpha).shape == shape
        except (RuntimeError, IndexError, KeyError, ZeroDivisionError):
            return False

    def _own(self, leaf: str) -> list[tuple[str, Entry]]:
        if leaf == "bias" and self.merge is not ia3_factor:
            return [("diff", self.entries["diff_b"])]
        return [(name, entry) for name, entry in self.entries.items() if name not in ("alpha", "diff_b")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Laid:
    """A LoRA ready to merge: what each parameter becomes, by part and name, and how many tensors found no place."""

    patches: Mapping[str, Mapping[str, Patch]]
    kinds: tuple[str, ...]
    used: int  # modules
    unused: tuple[str, ...]  # names of modules that this model does not have, or tensors of no known kind

    def note(self, name: str) -> str | None:
        """What a person should know of names that found no place."""
        if not self.unused:
            return None
        shown = ", ".join(self.unused[:FEW]) + (", ..." if len(self.unused) > FEW else "")
        return f"LoRA {name}: {self.used} modules merged, {len(self.unused)} names not used ({shown})"


def lora_header(path: Path) -> Header:
    """The header of a LoRA file; BadModel for a file that is none."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise BadModel(f"--lora {path}: {what}: give a .safetensors file, or its name in the models folder")
    header = read_header(path)
    modules = _modules(header)
    marks = {*KINDS, "down", "diff_b"}
    if not any(marks & set(leaves) for leaves in modules.values()):
        raise BadModel(f"--lora {path}: no LoRA; its tensors look like {identify(header).what}; name a LoRA")
    return header


def lay(path: Path, weight: float, parts: Mapping[str, Part]) -> Laid:
    """A LoRA over these parts. BadModel for one of another family, and for one of which nothing fits."""
    header = lora_header(path)
    _check_family(path, header, parts)
    settings = _settings(header)
    known = {part: modules_of(each.pieces) for part, each in parts.items()}
    patches: dict[str, dict[str, Patch]] = {part: {} for part in parts}
    used = 0
    unused: list[str] = []
    kinds: set[str] = set()
    for stem, entries in _modules(header).items():
        place = place_of(stem)
        module = known.get(place.part, {}).get(place.module)
        kind = next((KINDS[name] for name in KINDS if name in entries), KINDS["diff"] if "diff_b" in entries else None)
        if module is None or kind is None:
            unused.append(stem)
            continue
        adapter = Adapter(
            path=path, entries=entries, merge=kind[1], alpha=_alpha(path, entries, settings, place), weight=weight
        )
        found = _patches(adapter, module, parts[place.part])
        if found is None:
            unused.append(stem)
            continue
        patches[place.part] |= found
        used, kinds = used + 1, kinds | {kind[0] + (" with magnitudes (DoRA)" if "dora" in entries else "")}
    if not used:
        raise BadModel(
            f"--lora {path}: its {unused[0]} fits nothing in this model: take a LoRA of the model's own family"
        )
    return Laid(patches=patches, kinds=tuple(sorted(kinds)), used=used, unused=tuple(unused))


def together(laid: list[Laid]) -> dict[str, dict[str, Patch]]:
    """Patches of several LoRAs, one after the other on each parameter, by part and name."""
    result: dict[str, dict[str, Patch]] = {}
    for each in laid:
        for part, patches in each.patches.items():
            own = result.setdefault(part, {})
            for name, patch in patches.items():
                own[name] = functools.partial(_chained, own[name], patch) if name in own else patch
    return result


def _chained(first: Patch, second: Patch, value: Tensor) -> Tensor:
    return second(first(value))


def _patches(adapter: Adapter, module: str, part: Part) -> dict[str, Patch] | None:
    """The parameters of a module that an adapter changes; None where it does not fit."""
    wanted = ["weight"] if set(adapter.entries) - {"diff_b", "alpha"} else []
    has_bias = f"{module}.bias" in part.pieces
    if has_bias and ("diff_b" in adapter.entries or adapter.merge is ia3_factor):
        wanted.append("bias")
    found: dict[str, Patch] = {}
    for leaf in wanted:
        name = f"{module}.{leaf}"
        if name not in part.pieces or not adapter.check(part.shape(name), leaf):
            return None
        found[name] = functools.partial(adapter.patched, leaf=leaf)
    return found or None


def _modules(header: Header) -> dict[str, dict[str, Entry]]:
    """Tensors by module and by what they are."""
    found: dict[str, dict[str, Entry]] = {}
    for name, entry in header.tensors.items():
        stem, leaf = split_name(name) or (name, "")
        found.setdefault(stem, {})[leaf] = entry
    return found


def _settings(header: Header) -> dict[str, Any]:
    try:
        found = json.loads(header.metadata.get(METADATA, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _alpha(path: Path, entries: Mapping[str, Entry], settings: dict[str, Any], place: Place) -> float | None:
    """The alpha of a module: its own tensor, else what the file's metadata says."""
    if "alpha" in entries:
        return float(read_tensor(path, entries["alpha"]).float())
    alpha = settings.get(f"{place.part}.lora_alpha", settings.get("lora_alpha"))
    patterns = settings.get(f"{place.part}.alpha_pattern", settings.get("alpha_pattern")) or {}
    for pattern, value in patterns.items():
        if place.module.endswith(pattern.replace(".", "_")):
            alpha = value
    if alpha is None or "down" not in entries:
        return None
    if settings.get(f"{place.part}.use_rslora", settings.get("use_rslora")):
        return float(alpha) * math.sqrt(entries["down"].shape[0])  # alpha / sqrt(rank), arXiv:2312.03732
    return float(alpha)


def _check_family(path: Path, header: Header, parts: Mapping[str, Part]) -> None:
    """BadModel that names the family of a LoRA made for another one."""
    made_for = family_of({name: entry.shape for name, entry in header.tensors.items()})
    if not made_for and "text_encoder_2" in parts and any(name.startswith("lora_te_") for name in header.tensors):
        made_for = "Stable Diffusion 1.5"  # whose text encoder is as wide as SDXL's first: its name tells
    unet = parts.get("unet")
    if unet is None or not made_for:
        return
    widths = {unet.shape(name)[1] for name in unet.pieces if name.endswith("attn2.to_k.weight")}
    mine = next((WIDTHS[width] for width in widths if width in WIDTHS), "another family")
    if made_for != mine:
        raise BadModel(
            f"--lora {path}: made for {made_for}, and the model is {mine}: take a LoRA of the model's family"
        )


__all__ = ["Adapter", "Laid", "lay", "lora_header", "together"]
