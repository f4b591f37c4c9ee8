"""A tiny Stable Diffusion 1 or 2 with random weights, as a diffusers folder or a single file; inpainting kinds too."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import tinysdxl
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from softextend.models.sdxl.checkpoint import TEXT_ENCODERS, _new_unet, _new_vae

UNET = {
    "act_fn": "silu",
    "attention_head_dim": 4,
    "block_out_channels": [16, 32, 32, 32],
    "cross_attention_dim": 32,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "norm_num_groups": 8,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}
VAE = tinysdxl.VAE | {"scaling_factor": 0.18215}


def configs_of(kind: str, words: int, channels: int = 4, **more: Any) -> dict[str, dict[str, Any]]:
    """`kind`: sd1, sd2 (linear projections, GELU in the text encoder)."""
    text = tinysdxl.text_config(words)
    text["hidden_act"] = "quick_gelu" if kind == "sd1" else "gelu"
    unet = UNET | {"in_channels": channels, "use_linear_projection": kind == "sd2", **more}
    return {"unet": unet, "vae": VAE, "text_encoder": text}


def make_parts(kind: str, words: int, channels: int = 4, seed: int = 0, **more: Any) -> dict[str, nn.Module]:
    """Three networks with seeded weights; the VAE's posterior has no spread, so that sampling it gives its mean."""
    torch.manual_seed(seed)
    configs = configs_of(kind, words, channels, **more)
    parts = {"unet": _new_unet(configs["unet"]), "vae": _new_vae(configs["vae"])}
    parts["text_encoder"] = TEXT_ENCODERS["text_encoder"](configs["text_encoder"])
    for part in parts.values():
        part.eval().requires_grad_(False)
    still(parts["vae"])
    return parts


def still(vae: nn.Module) -> None:
    """The posterior of exactly its mean."""
    vae.quant_conv.weight[4:] = 0
    vae.quant_conv.bias[4:] = -60


def write_configs(folder: Path, kind: str, words: int) -> Path:
    """Beside each other, as the package ships them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in configs_of(kind, words).items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    return folder


def write_folder(
    folder: Path, kind: str = "sd1", channels: int = 4, scheduler: dict[str, Any] | None = None, **more: Any
) -> Path:
    """A diffusers folder with a byte-level vocabulary."""
    for name, part in make_parts(kind, 514, channels, **more).items():
        part.save_pretrained(folder / name)
    tinysdxl.write_tokenizer(folder / "tokenizer")
    pipeline = "StableDiffusionInpaintPipeline" if channels == 9 else "StableDiffusionPipeline"
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(
        json.dumps(scheduler or {"_class_name": "PNDMScheduler"})
    )
    return folder


def write_single_file(
    path: Path, kind: str, parts: dict[str, nn.Module], extra: dict[str, Tensor] | None = None
) -> Path:
    """The original layout, as the CompVis and Stability checkpoints are shared."""
    tensors = single_file_state(kind, parts) | (extra or {})
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    return path


def single_file_state(kind: str, parts: dict[str, nn.Module]) -> dict[str, Tensor]:
    """A checkpoint's tensors in the original layout."""
    unet = {"model.diffusion_model." + original_unet(k): v for k, v in parts["unet"].state_dict().items()}
    tensors = unet | {f"first_stage_model.{k}": v for k, v in tinysdxl.original_vae_state(parts["vae"]).items()}
    state = parts["text_encoder"].state_dict()
    if kind == "sd1":
        prefix = "cond_stage_model.transformer.text_model."
        return tensors | {prefix + name.removeprefix("text_model."): value for name, value in state.items()}
    prefix = "cond_stage_model.model."
    return tensors | {
        prefix + name: value for name, value in tinysdxl.original_open_clip(parts["text_encoder"]).items()
    }


def original_unet(name: str) -> str:
    """diffusers -> original, of four levels."""
    new = tinysdxl.original_unet(name)
    found = re.fullmatch(r"output_blocks\.(\d+)\.[12]\.conv\.(\w+)", new)
    if found:  # a level without attention keeps its upsampler one place before
        return f"output_blocks.{found[1]}.{1 if found[1] == '2' else 2}.conv.{found[2]}"
    return new
