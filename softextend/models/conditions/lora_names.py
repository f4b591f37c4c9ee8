"""What the tensors of a LoRA file are called, in every custom, and which module of the model each belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from softextend.models.sdxl.state_dict_keys import RESNET, unet_target

LEAVES = {  # how a name ends -> what the tensor is, in the words of lora_kinds
    "lora_up.weight": "up",
    "lora_down.weight": "down",
    "lora_mid.weight": "mid",
    "lora_B.weight": "up",
    "lora_A.weight": "down",
    "lora_B.default.weight": "up",
    "lora_A.default.weight": "down",
    "lora.up.weight": "up",
    "lora.down.weight": "down",
    "lora_linear_layer.up.weight": "up",
    "lora_linear_layer.down.weight": "down",
    "alpha": "alpha",
    "dora_scale": "dora",
    "lora_magnitude_vector": "dora",
    "lora_magnitude_vector.weight": "dora",
    "a1.weight": "a1",
    "a2.weight": "a2",
    "b1.weight": "b1",
    "b2.weight": "b2",
    "oft_R.weight": "oft_R",
    "diff": "diff",
    "diff_b": "diff_b",
    "w_norm": "diff",
    "b_norm": "diff_b",
    "set_weight": "set",
    "weight": "ia3",
}
LEAVES |= {
    name: name
    for name in (
        *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
        *("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t1", "lokr_t2"),
        *("oft_blocks", "oft_R", "rescale", "ia3_l", "on_input"),
    )
}
ENDS = sorted(LEAVES, key=len, reverse=True)
PREFIXES = {  # of a module's name -> the part of the model; the longest that fits counts
    "lora_unet_": "unet",
    "lycoris_": "unet",
    "oft_unet_": "unet",
    "unet.": "unet",
    "base_model.model.": "unet",
    "model.diffusion_model.": "unet",
    "diffusion_model.": "unet",
    "lora_te1_": "text_encoder",
    "lora_te_": "text_encoder",
    "text_encoder.": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "text_encoder_2.": "text_encoder_2",
}
ORIGINAL = re.compile(r"(input_blocks|output_blocks)_(\d+)_(\d+)_(.+)|(middle_block)_(\d+)_(.+)")
ORIGINAL_ENDS = {
    "input_blocks_0_0": "conv_in",
    "out_0": "conv_norm_out",
    "out_2": "conv_out",
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
}
INNER = {name.replace(".", "_"): name for name in RESNET}


class Place(NamedTuple):
    """A module of the model: its part, and its name with dots as underscores."""

    part: str
    module: str


def split_name(name: str) -> tuple[str, str] | None:
    """`lora_unet_mid_block_x.alpha` -> (`lora_unet_mid_block_x`, `alpha`); None for what no custom ends so."""
    for end in ENDS:
        stem = name.removesuffix(end)
        if stem != name and stem[-1:] in (".", "_"):
            return stem[:-1], LEAVES[end]
    return None


def place_of(stem: str) -> Place:
    """A module as a file calls it -> its place; a name without a known prefix is the UNet's."""
    prefix = max((each for each in PREFIXES if stem.startswith(each)), key=len, default="")
    part, rest = PREFIXES.get(prefix, "unet"), stem.removeprefix(prefix)
    rest = rest.replace(".processor.", ".").replace(".", "_")
    if part != "unet":
        return Place(part, rest.removeprefix("text_model_"))
    if prefix == "lycoris_":
        rest = rest.removeprefix("unet_")
    rest = re.sub(r"_to_out_lora$|_to_out$", "_to_out_0", re.sub(r"(_to_[qkv])_lora$", r"\1", rest))
    return Place(part, diffusers_name(rest))


def diffusers_name(module: str) -> str:
    """`input_blocks_4_1_proj_in` -> `down_blocks_1_attentions_0_proj_in`; a name that is diffusers' own stays."""
    if module in ORIGINAL_ENDS:
        return ORIGINAL_ENDS[module]
    found = ORIGINAL.fullmatch(module)
    if not found:
        return module
    if found[5]:
        side, numbers, rest = found[5], found[6], found[7]
    else:
        side, numbers, rest = found[1], f"{found[2]}.{found[3]}", found[4]
    target = unet_target(f"{side}.{numbers}.{INNER.get(rest, rest)}.weight")
    return module if target is None else target.removesuffix(".weight").replace(".", "_")


def modules_of(names: Iterable[str]) -> dict[str, str]:
    """A part's parameters `a.b.weight` -> {`a_b`: `a.b`}."""
    stems = {name.rpartition(".")[0] for name in names}
    return {stem.replace(".", "_"): stem for stem in stems}


def family_of(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What a LoRA was made for, from its tensors' names and shapes; empty where nothing tells."""
    names = list(shapes)
    for mark, family in MARKS.items():
        if any(mark in name for name in names):
            return family
    widths = {
        shape[-1] if len(shape) == 2 else shape[1]
        for name, shape in shapes.items()
        if re.search(
            r"attn2[._](?:processor[._])?to_[kv].*(?:down\.weight|lora_A\.weight|lora_A\.default\.weight)$", name
        )
        and len(shape) > 1
    }
    return next((WIDTHS[width] for width in sorted(widths) if width in WIDTHS), "")


MARKS = {
    "double_blocks": "Flux",
    "single_transformer_blocks": "Flux",
    "joint_blocks": "Stable Diffusion 3",
    "layers.0.attention.": "Z-Image or Lumina",
    "transformer.layers.": "Z-Image or Lumina",
    "img_mlp": "Qwen-Image",
    "blocks.0.self_attn": "Wan",
    "blocks_0_self_attn": "Wan",
    "prior_": "Stable Cascade",
    "caption_projection": "PixArt or Sana",
    "temporal_transformer": "AnimateDiff",
    "motion_modules": "AnimateDiff",
}
WIDTHS = {768: "Stable Diffusion 1.5", 1024: "Stable Diffusion 2", 2048: "SDXL", 1280: "the SDXL refiner"}
