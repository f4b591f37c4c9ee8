"""A tiny SDXL with random weights, as a diffusers folder or as a single file in the original layout; loads offline."""

from __future__ import annotations

import json
import re
import struct
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from softextend.models.clip_tokenizer import _byte_letters
from softextend.models.sdxl.checkpoint import TEXT_ENCODERS, _new_unet, _new_vae

UNET = {
    "act_fn": "silu",
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "attention_head_dim": [2, 4, 4],
    "block_out_channels": [32, 64, 64],
    "cross_attention_dim": 64,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "in_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 16,
    "out_channels": 4,
    "projection_class_embeddings_input_dim": 80,
    "sample_size": 32,
    "transformer_layers_per_block": [1, 1, 2],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
VAE = {
    "block_out_channels": [16, 32, 32, 32],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 8,
    "sample_size": 256,
    "scaling_factor": 0.13025,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}


def text_config(words: int) -> dict[str, Any]:
    """A CLIP text encoder of width 32 for `words` token ids, the last of which ends a text."""
    return {
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "hidden_act": "gelu",
        "hidden_size": 32,
        "intermediate_size": 64,
        "max_position_embeddings": 77,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "pad_token_id": words - 1,
        "projection_dim": 32,
        "vocab_size": words,
    }


def make_parts(words: int, seed: int = 0, channels: int = 4) -> dict[str, nn.Module]:
    """Four networks with seeded weights; a UNet of 9 channels is one for inpainting."""
    torch.manual_seed(seed)
    parts = {"unet": _new_unet(UNET | {"in_channels": channels}), "vae": _new_vae(VAE)}
    parts |= {name: new(text_config(words)) for name, new in TEXT_ENCODERS.items()}
    for part in parts.values():
        part.eval().requires_grad_(False)
    return parts


def write_configs(folder: Path, words: int) -> Path:
    """Beside each other, as the package ships SDXL's."""
    folder.mkdir(parents=True, exist_ok=True)
    configs = {"unet": UNET, "vae": VAE, **{name: text_config(words) for name in TEXT_ENCODERS}}
    for name, config in configs.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    return folder


def write_folder(
    folder: Path, *, variant: str | None = None, shard: str = "10GB", seed: int = 0, channels: int = 4
) -> Path:
    """A diffusers folder with a byte-level vocabulary and no merges."""
    for name, part in make_parts(514, seed, channels).items():
        part.save_pretrained(folder / name, variant=variant, max_shard_size=shard)
    for name in ("tokenizer", "tokenizer_2"):
        write_tokenizer(folder / name)
    index = {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True}
    index |= {name: ["transformers", "CLIPTextModel"] for name in TEXT_ENCODERS}
    index |= {"scheduler": ["diffusers", "EulerDiscreteScheduler"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "scheduler").mkdir()
    scheduler = {"_class_name": "EulerDiscreteScheduler", "prediction_type": "epsilon", "timestep_spacing": "leading"}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    return folder


def write_tokenizer(folder: Path) -> None:
    """`vocab.json` and `merges.txt` in CLIP's form: 256 letters, 256 letters that end a word, start and end."""
    letters = _byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "!", "model_max_length": 77}))


def write_single_file(
    path: Path, parts: dict[str, nn.Module], extra: dict[str, Tensor] | None = None, layers: int = 2
) -> Path:
    """The original layout, as SDXL checkpoints are shared."""
    tensors = single_file_state(parts, layers) | (extra or {})
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    return path


def single_file_state(parts: dict[str, nn.Module], layers: int = 2) -> dict[str, Tensor]:
    """A checkpoint's tensors in the original layout; layers: residual blocks a level."""
    unet = parts["unet"].state_dict()
    tensors = {"model.diffusion_model." + original_unet(name, layers): value for name, value in unet.items()}
    tensors |= {f"first_stage_model.{name}": value for name, value in original_vae_state(parts["vae"]).items()}
    text = parts["text_encoder"].state_dict()
    prefix = "conditioner.embedders.0.transformer.text_model."
    tensors |= {prefix + name.removeprefix("text_model."): value for name, value in text.items()}
    tensors[prefix + "embeddings.position_ids"] = torch.arange(77)[None]  # many shared checkpoints carry them
    prefix = "conditioner.embedders.1.model."
    tensors |= {prefix + name: value for name, value in original_open_clip(parts["text_encoder_2"]).items()}
    tensors[prefix + "logit_scale"] = torch.tensor(4.6)
    return tensors


def original_vae_state(vae: nn.Module) -> dict[str, Tensor]:
    """diffusers -> original; its attention was of 1x1 convolutions."""
    tensors = {}
    for name, value in vae.state_dict().items():
        new = original_vae(name)
        square = ".attn_1." in new and new.endswith("weight") and value.ndim == 2
        tensors[new] = value[..., None, None] if square else value
    return tensors


def original_unet(name: str, layers: int = 2) -> str:
    """diffusers -> original."""
    ends = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}
    ends |= {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2"}
    ends |= {"time_embedding.cond_proj": "time_embed.cond_proj"}
    ends |= {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
    stem, leaf = name.rsplit(".", 1)
    if stem in ends:
        return f"{ends[stem]}.{leaf}"
    inner = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1"}
    inner |= {"norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
    side, kind, layer, rest = re.fullmatch(r"((?:down|up)_blocks\.\d+|mid_block)\.(\w+)\.(\d+)\.(.+)", stem).groups()
    rest = inner.get(rest, rest) if kind == "resnets" else rest
    if side == "mid_block":
        return f"middle_block.{2 * int(layer) if kind == 'resnets' else 1}.{rest}.{leaf}"
    level = int(side.split(".")[1])
    if kind == "downsamplers":
        return f"input_blocks.{(layers + 1) * (level + 1)}.0.op.{leaf}"
    if kind == "upsamplers":
        return f"output_blocks.{(layers + 1) * level + layers}.{2 if level < 2 else 1}.conv.{leaf}"
    index = (layers + 1) * level + int(layer) + side.startswith("down")
    return (
        f"{'input' if side.startswith('down') else 'output'}_blocks.{index}.{int(kind == 'attentions')}.{rest}.{leaf}"
    )


def original_vae(name: str) -> str:
    """diffusers -> original."""
    names = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
    found = re.fullmatch(r"(\w+)\.mid_block\.attentions\.0\.(.+)\.(\w+)", name)
    if found:
        return f"{found[1]}.mid.attn_1.{names[found[2]]}.{found[3]}"
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda at: f"mid.block_{int(at[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda at: f"up.{3 - int(at[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda at: f"up.{3 - int(at[1])}.upsample", name)
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def original_open_clip(encoder: nn.Module) -> dict[str, Tensor]:
    """transformers -> open_clip: query, key and value in one tensor, the projection transposed."""
    state = {name.removeprefix("text_model."): value for name, value in encoder.state_dict().items()}
    names = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    names |= {"self_attn.out_proj": "attn.out_proj"}
    tensors = {
        "token_embedding.weight": state.pop("embeddings.token_embedding.weight"),
        "positional_embedding": state.pop("embeddings.position_embedding.weight"),
        **({"text_projection": state.pop("text_projection.weight").T} if "text_projection.weight" in state else {}),
        "ln_final.weight": state.pop("final_layer_norm.weight"),
        "ln_final.bias": state.pop("final_layer_norm.bias"),
    }
    for name, value in state.items():
        layer, inner, leaf = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(\w+)", name).groups()
        block = f"transformer.resblocks.{layer}"
        if inner in names:
            tensors[f"{block}.{names[inner]}.{leaf}"] = value
        elif inner == "self_attn.q_proj":
            fused = [state[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            tensors[f"{block}.attn.in_proj_{leaf}"] = torch.cat(fused)
    return tensors


def write_header(path: Path, shapes: dict[str, list[int]]) -> Path:
    """A sparse safetensors file of float16 zeros."""
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return path
