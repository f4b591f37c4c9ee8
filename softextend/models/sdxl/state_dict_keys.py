"""The names of SDXL's tensors: from the original single-file layout to the module names of diffusers. Strings only."""

from __future__ import annotations

import re

from softextend.models.weights.tensors import Piece

LAYERS = 2  # residual blocks a level, in Stable Diffusion's UNets
UNET = "model.diffusion_model."
UNET_PREFIXES = (UNET, "diffusion_model.", "unet.")  # of a checkpoint, or of a UNet's own file
VAE = "first_stage_model."
TEXT = ("conditioner.embedders.0.transformer.text_model.", "conditioner.embedders.1.model.")
IN_BLOCK = re.compile(r"model\.diffusion_model\.input_blocks\.(\d+)\.")
RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
UNET_ENDS = {
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "time_embed.cond_proj": "time_embedding.cond_proj",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
}
VAE_ATTENTION = {  # original and early diffusers names
    "norm": "group_norm",
    "q": "to_q",
    "k": "to_k",
    "v": "to_v",
    "proj_out": "to_out.0",
    "query": "to_q",
    "key": "to_k",
    "value": "to_v",
    "proj_attn": "to_out.0",
}
OPEN_CLIP = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
    "text_projection": "text_projection.weight",
    "text_projection.weight": "text_projection.weight",
}
OPEN_CLIP_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}


def unet_target(name: str, layers: int = LAYERS) -> str | None:
    """`input_blocks.4.1.norm.weight` -> `down_blocks.1.attentions.0.norm.weight`; None for what is no UNet's.

    layers: residual blocks a level.
    """
    stem, _, leaf = name.rpartition(".")
    if stem in UNET_ENDS:
        return f"{UNET_ENDS[stem]}.{leaf}"
    found = re.fullmatch(r"(input_blocks|output_blocks|middle_block)\.(\d+)\.(?:(\d+)\.)?(.+)", stem)
    if not found:
        return None
    side, index, rest = found[1], int(found[2]), found[4]
    if side == "middle_block":
        rest = rest if found[3] is None else f"{found[3]}.{rest}"
        return f"mid_block.{_resnet_or_attention(rest, (index + 1) // 2 if index != 1 else 0)}.{leaf}"
    level, layer = divmod(index - (side == "input_blocks"), layers + 1)
    block = f"{'down' if side == 'input_blocks' else 'up'}_blocks.{level}"
    if rest == "op":
        return f"{block}.downsamplers.0.conv.{leaf}"
    if rest == "conv":
        return f"{block}.upsamplers.0.conv.{leaf}"
    return f"{block}.{_resnet_or_attention(rest, layer)}.{leaf}"


def _resnet_or_attention(rest: str, layer: int) -> str:
    return f"resnets.{layer}.{RESNET[rest]}" if rest in RESNET else f"attentions.{layer}.{rest}"


def vae_target(name: str, levels: int = 4) -> str:
    """`decoder.up.3.block.0.conv1.bias` -> `decoder.up_blocks.0.resnets.0.conv1.bias`; diffusers names stay."""
    found = re.fullmatch(r"(encoder|decoder)\.(?:mid|mid_block)\.(?:attn_1|attentions\.0)\.(\w+)\.(weight|bias)", name)
    if found:
        return f"{found[1]}.mid_block.attentions.0.{VAE_ATTENTION.get(found[2], found[2])}.{found[3]}"
    name = re.sub(r"\.mid\.block_([12])\.", lambda at: f".mid_block.resnets.{int(at[1]) - 1}.", name)
    name = re.sub(r"\.down\.(\d+)\.block\.", r".down_blocks.\1.resnets.", name)
    name = re.sub(r"\.up\.(\d+)\.block\.", lambda at: f".up_blocks.{levels - 1 - int(at[1])}.resnets.", name)
    name = re.sub(r"\.down\.(\d+)\.downsample\.", r".down_blocks.\1.downsamplers.0.", name)
    name = re.sub(r"\.up\.(\d+)\.upsample\.", lambda at: f".up_blocks.{levels - 1 - int(at[1])}.upsamplers.0.", name)
    return name.replace(".nin_shortcut.", ".conv_shortcut.").replace("coder.norm_out.", "coder.conv_norm_out.")


def open_clip_targets(name: str) -> dict[str, Piece]:
    """Module names that a tensor of the second text encoder fills: one, or three for the fused query, key, value."""
    if name in OPEN_CLIP:
        return {OPEN_CLIP[name]: Piece(name, transposed=name == "text_projection")}
    found = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)", name)
    if not found:
        return {}
    layer = f"encoder.layers.{found[1]}"
    if found[2] == "attn.in_proj":
        parts = enumerate(("q_proj", "k_proj", "v_proj"))
        return {f"{layer}.self_attn.{part}.{found[3]}": Piece(name, third=third) for third, part in parts}
    return {f"{layer}.{OPEN_CLIP_BLOCK[found[2]]}.{found[3]}": Piece(name)} if found[2] in OPEN_CLIP_BLOCK else {}


def unet_pieces(names: list[str]) -> dict[str, Piece]:
    """Of a single file's names: the UNet's parameters and where they lie; of a UNet's own file in any layout."""
    prefix = next((each for each in UNET_PREFIXES if any(name.startswith(each) for name in names)), "")
    own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    layers = unet_layers([UNET + name for name in own])
    return {unet_target(name, layers) or name: Piece(prefix + name) for name in own}


def unet_layers(names: list[str]) -> int:
    """Residual blocks a level: of n + 1 blocks on the way down the first is no level's, and levels end in one more."""
    blocks = {int(found[1]) for name in names if (found := IN_BLOCK.match(name))}
    levels = 1 + sum(name.startswith(UNET + "input_blocks.") and name.endswith(".op.weight") for name in names)
    return max((max(blocks, default=0) + 1) // levels - 1, 1) if levels > 1 else LAYERS


def vae_pieces(names: list[str]) -> dict[str, Piece]:
    """Of a single file's names or of a VAE file's, in the original or in diffusers' layout."""
    prefix = VAE if any(name.startswith(VAE) for name in names) else ""
    return {vae_target(name.removeprefix(prefix)): Piece(name) for name in names if name.startswith(prefix)}


def text_pieces(names: list[str], which: int) -> dict[str, Piece]:
    """Of a single file's names: text encoder 0 (transformers' layout) or 1 (open_clip's)."""
    prefix = TEXT[which]
    own = [name for name in names if name.startswith(prefix)]
    if which == 0:
        return {name.removeprefix(prefix): Piece(name) for name in own}
    return open_clip_pieces(names, prefix)


def open_clip_pieces(names: list[str], prefix: str) -> dict[str, Piece]:
    """Of a file's names: a text encoder in open_clip's layout, below a prefix."""
    own = [name for name in names if name.startswith(prefix)]
    return {
        target: Piece(prefix + piece.name, piece.third, piece.transposed)
        for name in own
        for target, piece in open_clip_targets(name.removeprefix(prefix)).items()
    }


def folder_pieces(names: list[str]) -> dict[str, Piece]:
    """Of one part's files in a diffusers folder, whose names need no change (but for early VAEs)."""
    return {vae_target(name).removeprefix("text_model."): Piece(name) for name in names}
