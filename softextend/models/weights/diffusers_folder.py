"""A diffusers folder: which files it needs, and what is wrong with one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from softextend.errors import BadModel
from softextend.models.weights.header import PICKLE_SUFFIXES

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


PIPELINES = {  # by the beginning of a pipeline's class name
    "StableDiffusionXL": "sdxl",
    "StableDiffusion": "sd1",  # or sd2, by the width of its prompt
    "LatentConsistencyModel": "sd1",
}
REFUSED = {
    "StableDiffusionXLInstructPix2Pix": "an editing model (InstructPix2Pix)",
    "StableDiffusionInstructPix2Pix": "an editing model (InstructPix2Pix)",
    "StableDiffusionDepth2Img": "a depth model",
    "StableDiffusionUpscale": "an upscaler",
    "StableDiffusionLatentUpscale": "an upscaler",
    "StableDiffusion3": "a Stable Diffusion 3 model",
}
SD2_CONTEXT = 1024  # width of the prompt that Stable Diffusion 2 attends to; 1's is 768
RUNS = (4, 9)  # channels in: text to image, inpainting


def folder_fault(folder: Path) -> str | None:
    """None for a diffusers folder of a model that runs here, else what is wrong with it and what to do."""
    if not (folder / "model_index.json").is_file():
        inside = sorted(path.name for path in folder.glob("*.safetensors"))[:3]
        remedy = f"name a file in it: {', '.join(inside)}" if inside else "give an SDXL .safetensors file"
        return f"no diffusers model (model_index.json is missing): {remedy}"
    index = read_json(folder / "model_index.json")
    kind = str(index.get("_class_name", "unknown"))
    refused = next((what for start, what in REFUSED.items() if kind.startswith(start)), None)
    if refused:
        return f"{refused}: take the base or the inpainting model"
    if not kind.startswith(tuple(PIPELINES)):
        return f"a {kind}, no SDXL or Stable Diffusion: give an SDXL model"
    if kind.startswith("StableDiffusionXL") and not (index.get("text_encoder") or [None])[0]:
        return "the SDXL refiner: take the base model; this is its --refiner"
    missing = [part for part in folder_parts(folder) if part != "scheduler" and not (folder / part).is_dir()]
    if missing:
        return f"incomplete ({', '.join(missing)} missing): download it again"
    return _unet_fault(folder) or _weights_fault(folder)


def folder_family(folder: Path) -> str:
    """sdxl, sd1 or sd2, of a folder without a fault."""
    kind = str(read_json(folder / "model_index.json").get("_class_name", ""))
    family = next((family for start, family in PIPELINES.items() if kind.startswith(start)), "sdxl")
    context = read_json(folder / "unet" / "config.json").get("cross_attention_dim")
    return "sd2" if family == "sd1" and context == SD2_CONTEXT else family


def folder_channels(folder: Path) -> int:
    """That the UNet takes."""
    return int(read_json(folder / "unet" / "config.json").get("in_channels") or 4)


def folder_takes_guidance(folder: Path) -> bool:
    """Whether its UNet takes the guidance as an input."""
    return read_json(folder / "unet" / "config.json").get("time_cond_proj_dim") is not None


def folder_parts(folder: Path) -> tuple[str, ...]:
    """The folders that a model of this kind needs."""
    return PARTS if folder_family(folder) == "sdxl" else tuple(part for part in PARTS if not part.endswith("_2"))


def weight_files(part: Path, *, half: bool = True) -> list[Path]:
    """The .safetensors files that make up one part; with `half` the 16-bit variant where there is one."""
    names = sorted(path.name for path in part.glob("*.safetensors"))
    return [part / name for name in wanted_weights(names, half=half)]


def wanted_weights(names: list[str], *, half: bool) -> list[str]:
    """Of one part's file names those of one variant: plain, `fp16` or `bf16`, one file or shards of it."""
    whole = [name for name in names if name.startswith(("diffusion_pytorch_model", "model")) and "non_ema" not in name]
    variants = ("fp16", "bf16")
    short = next((found for each in variants if (found := [name for name in whole if _is_variant(name, each)])), [])
    plain = [name for name in whole if re.fullmatch(r"\w+?(-\d+-of-\d+)?\.safetensors", name)]
    chosen = short if short and (half or not plain) else plain
    single = [name for name in chosen if "-of-" not in name]
    return single[:1] or chosen


def _is_variant(name: str, variant: str) -> bool:
    return f".{variant}." in name or f".{variant}-" in name


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


def _unet_fault(folder: Path) -> str | None:
    config = read_json(folder / "unet" / "config.json")
    channels = config.get("in_channels")
    if channels not in RUNS:
        return f"its UNet takes {channels} channels, not 4 or 9 (editing, depth): give a base or an inpainting model"
    if folder_family(folder) == "sdxl" and config.get("addition_embed_type") != "text_time":
        return "its UNet takes no picture size: give an SDXL base model"
    return None


def _weights_fault(folder: Path) -> str | None:
    for part in folder_parts(folder):
        if part.startswith(("tokenizer", "scheduler")):
            continue
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
