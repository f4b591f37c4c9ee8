"""A diffusers folder: which files it needs, and what is wrong with one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from softextend.errors import BadModel
from softextend.models.weights.header import PICKLE_SUFFIXES

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


def folder_fault(folder: Path) -> str | None:
    """None for a diffusers folder of an SDXL model, else what is wrong with it and what to do."""
    if not (folder / "model_index.json").is_file():
        inside = sorted(path.name for path in folder.glob("*.safetensors"))[:3]
        remedy = f"name a file in it: {', '.join(inside)}" if inside else "give an SDXL .safetensors file"
        return f"no diffusers model (model_index.json is missing): {remedy}"
    index = read_json(folder / "model_index.json")
    kind = str(index.get("_class_name", "unknown"))
    if not kind.startswith("StableDiffusionXL") or "text_encoder_2" not in index:
        return f"a {kind}, not SDXL: give an SDXL model"
    if str((index.get("scheduler") or ["", ""])[1]).startswith("EDM"):
        return "trained for another noise schedule (EDM) than SDXL's: give an SDXL model"
    missing = [part for part in PARTS if part != "scheduler" and not (folder / part).is_dir()]
    if missing:
        return f"incomplete ({', '.join(missing)} missing): download it again"
    return _unet_fault(read_json(folder / "unet" / "config.json")) or _weights_fault(folder)


def weight_files(part: Path, *, half: bool = True) -> list[Path]:
    """The .safetensors files that make up one part; with `half` the 16-bit variant where there is one."""
    names = sorted(path.name for path in part.glob("*.safetensors"))
    return [part / name for name in wanted_weights(names, half=half)]


def wanted_weights(names: list[str], *, half: bool) -> list[str]:
    """Of one part's file names those of one variant: plain or `fp16`, one file or shards of it."""
    whole = [name for name in names if name.startswith(("diffusion_pytorch_model", "model")) and "non_ema" not in name]
    fp16 = [name for name in whole if ".fp16." in name or ".fp16-" in name]
    plain = [name for name in whole if re.fullmatch(r"\w+?(-\d+-of-\d+)?\.safetensors", name)]
    chosen = fp16 if fp16 and (half or not plain) else plain
    single = [name for name in chosen if "-of-" not in name]
    return single[:1] or chosen


def read_json(path: Path) -> dict[str, Any]:
    """{} where the file is missing. Raises BadModel where it is no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadModel(f"{path}: cannot be read as JSON ({error}): download the model again") from error
    if not isinstance(found, dict):
        raise BadModel(f"{path}: is no JSON object: download the model again")
    return found


def _unet_fault(config: dict[str, Any]) -> str | None:
    if config.get("in_channels") != 4:
        return f"its UNet takes {config.get('in_channels')} channels, not 4 (inpainting or editing): give a base model"
    if config.get("addition_embed_type") != "text_time":
        return "its UNet takes no picture size: give an SDXL base model"
    if config.get("time_cond_proj_dim") is not None:
        return "its UNet takes the guidance as an input (distilled LCM): give a checkpoint with the LCM-LoRA merged"
    return None


def _weights_fault(folder: Path) -> str | None:
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        found = weight_files(folder / part)
        shards = re.search(r"-of-(\d+)", found[0].name) if found else None
        if shards and len(found) != int(shards[1]):
            return f"{part} has {len(found)} of its {int(shards[1])} weight files: download it again"
        if found:
            continue
        if any(path.suffix in PICKLE_SUFFIXES for path in (folder / part).iterdir()):
            return f"{part} has only pickle weights, which can run any program when opened: take .safetensors ones"
        return f"{part} has no .safetensors weights: download it again"
    return None
