"""Files that are laid over the tiny SDXL: a LoRA, an IP-Adapter with its encoder, ControlNets, a refiner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tinysdxl
import torch
from safetensors.torch import save_file

from softextend.models.sdxl.checkpoint import _new_unet
from softextend.types import Conditioning, Scene

TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.1.resnets.0.conv1"
TEXT = "encoder.layers.0.self_attn.q_proj"
TEXT_OUT = "encoder.layers.1.self_attn.out_proj"
CONTEXT = tinysdxl.UNET["cross_attention_dim"]
PROJECTED, HIDDEN = 24, 32  # of the image encoder
TYPES = {"num_control_type": 8, "num_trans_channel": 32, "num_proj_channel": 32, "num_trans_head": 4}


def saved(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, path, metadata)
    return path


def kohya_file(path: Path, *, sgm: bool, parts: dict[str, torch.nn.Module], seed: int = 1) -> Path:
    """Linear layers, a convolution and both text encoders, in kohya's names of either custom."""
    torch.manual_seed(seed)
    unet = "input_blocks.4.1.transformer_blocks.0.attn1.to_q" if sgm else TO_Q
    conv = "input_blocks.4.0.in_layers.2" if sgm else CONV
    tensors: dict[str, torch.Tensor] = {}
    for stem, part, module, rank in (
        ("lora_unet_" + unet.replace(".", "_"), "unet", TO_Q, 4),
        ("lora_unet_" + conv.replace(".", "_"), "unet", CONV, 2),
        ("lora_te1_text_model_" + TEXT.replace(".", "_"), "text_encoder", TEXT, 4),
        ("lora_te2_text_model_" + TEXT.replace(".", "_"), "text_encoder_2", TEXT, 4),
        ("lora_te1_text_model_" + TEXT_OUT.replace(".", "_"), "text_encoder", TEXT_OUT, 4),
        ("lora_te2_text_model_" + TEXT_OUT.replace(".", "_"), "text_encoder_2", TEXT_OUT, 4),
    ):
        state = {name.removeprefix("text_model."): value for name, value in parts[part].state_dict().items()}
        out, into, *kernel = state[f"{module}.weight"].shape
        tensors[f"{stem}.lora_down.weight"] = torch.randn(rank, into, *kernel) * 0.2
        tensors[f"{stem}.lora_up.weight"] = torch.randn(out, rank, *[1] * len(kernel)) * 0.2
        tensors[f"{stem}.alpha"] = torch.tensor(float(rank) / 2)
    return saved(path, tensors)


def resampler(context: int, width: int) -> dict[str, torch.Tensor]:
    """The projection of a "plus" IP-Adapter: three queries, four layers, in its authors' names."""
    inner = 64
    state = {
        "latents": torch.randn(1, 3, inner),
        "proj_in.weight": torch.randn(inner, width) * 0.2,
        "proj_in.bias": torch.randn(inner),
        "proj_out.weight": torch.randn(context, inner) * 0.2,
        "proj_out.bias": torch.randn(context),
        "norm_out.weight": torch.ones(context),
        "norm_out.bias": torch.zeros(context),
    }
    for layer in range(4):
        state |= {
            f"layers.{layer}.0.norm1.weight": torch.ones(inner),
            f"layers.{layer}.0.norm1.bias": torch.zeros(inner),
            f"layers.{layer}.0.norm2.weight": torch.ones(inner),
            f"layers.{layer}.0.norm2.bias": torch.zeros(inner),
            f"layers.{layer}.0.to_q.weight": torch.randn(64, inner) * 0.2,
            f"layers.{layer}.0.to_kv.weight": torch.randn(128, inner) * 0.2,
            f"layers.{layer}.0.to_out.weight": torch.randn(inner, 64) * 0.2,
            f"layers.{layer}.1.0.weight": torch.ones(inner),
            f"layers.{layer}.1.0.bias": torch.zeros(inner),
            f"layers.{layer}.1.1.weight": torch.randn(4 * inner, inner) * 0.2,
            f"layers.{layer}.1.3.weight": torch.randn(inner, 4 * inner) * 0.2,
        }
    return state


def adapter(
    path: Path, *, plus: bool, context: int = CONTEXT, width: int | None = None, unet: Any | None = None
) -> Path:
    """An IP-Adapter for a tiny UNet, SDXL's where none is given, in the layout that its authors share."""
    torch.manual_seed(6)
    unet = unet or tinysdxl.make_parts(514)["unet"]
    if plus:
        state = resampler(context, width or HIDDEN)
    else:
        state = {
            "proj.weight": torch.randn(4 * context, width or PROJECTED) * 0.2,
            "proj.bias": torch.randn(4 * context),
            "norm.weight": torch.ones(context),
            "norm.bias": torch.zeros(context),
        }
    tensors = {f"image_proj.{name}": value for name, value in state.items()}
    for index, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            out = unet.get_submodule(name.removesuffix(".processor")).to_q.weight.shape[0]
            for part in ("to_k_ip", "to_v_ip"):
                tensors[f"ip_adapter.{index}.{part}.weight"] = torch.randn(out, context) * 0.2
    save_file(tensors, path)
    return path


def write_encoder(path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(4)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPVisionConfig(**sizes, image_size=28, patch_size=14, projection_dim=PROJECTED)
    CLIPVisionModelWithProjection(config).save_pretrained(path)


def controlnet(path: Path, *, union: bool, unet: dict[str, Any] | None = None) -> Any:
    """A ControlNet that is no identity, written as a diffusers folder."""
    from diffusers import ControlNetModel, ControlNetUnionModel

    torch.manual_seed(8)
    names = ("block_out_channels", "cross_attention_dim", "down_block_types", "attention_head_dim", "norm_num_groups")
    names += ("transformer_layers_per_block", "use_linear_projection", "addition_embed_type")
    names += ("addition_time_embed_dim", "projection_class_embeddings_input_dim", "layers_per_block")
    own = unet or tinysdxl.UNET
    config = {name: own[name] for name in names if name in own}
    config["conditioning_embedding_out_channels"] = (8, 8, 16, 16)
    net = ControlNetUnionModel.from_config({**config, **TYPES}) if union else ControlNetModel.from_config(config)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if "controlnet_" in name or "spatial" in name:
                value.add_(torch.randn_like(value) * 0.1)
    net.save_pretrained(path)
    return net.eval()


def refiner_config() -> dict[str, Any]:
    """A UNet that attends to the second encoder alone and is told a score in place of two sizes."""
    return {**tinysdxl.UNET, "cross_attention_dim": 32, "projection_class_embeddings_input_dim": 32 + 5 * 8}


def write_refiner(path: Path) -> None:
    torch.manual_seed(11)
    _new_unet(refiner_config()).save_pretrained(path / "unet")
    tinysdxl.make_parts(514, seed=12)["text_encoder_2"].save_pretrained(path / "text_encoder_2")
    tinysdxl.write_tokenizer(path / "tokenizer_2")
    (path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLImg2ImgPipeline"}))


def bare(known: np.ndarray[Any, Any]) -> Scene:
    height, width = known.shape
    return Scene(
        z0=torch.zeros(1, 4, height // 8, width // 8),
        change=torch.ones(1, 1, height // 8, width // 8),
        known=known,
        filled=torch.zeros(1, 3, height, width),
        conditioning=Conditioning(),
        guidance=1.0,
        stage=0,
        seed=0,
    )
