"""What a single file's UNet differs in from its family's config: channels in, fewer blocks (SSD-1B, Vega, KOALA)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from softextend.models.weights.families import COND_PROJ, CONV_IN
from softextend.models.weights.header import Entry

UNET = "model.diffusion_model."
DEEP = re.compile(r"model\.diffusion_model\.(input_blocks|output_blocks|middle_block)\.(\d+)\.(?:1\.)?"
                  r"transformer_blocks\.(\d+)\.")  # fmt: skip


def fitted(config: Mapping[str, Any], tensors: Mapping[str, Entry], layers: int) -> dict[str, Any]:
    """The config with what the tensors of a single file say; layers: residual blocks a level."""
    found = dict(config)
    found |= inputs(tensors)
    levels = len(found["block_out_channels"])
    down = depths(tensors, "input_blocks", levels, layers)
    up = depths(tensors, "output_blocks", levels, layers + 1)
    if layers != found.get("layers_per_block", layers):
        found["layers_per_block"] = layers
    if not any(name.startswith(UNET + "middle_block.1.") for name in tensors):
        found["mid_block_type"] = "UNetMidBlock2D"  # one residual block and no attention
    usual = found.get("transformer_layers_per_block", 1)
    whole = [usual] * levels if isinstance(usual, int) else list(usual)
    plain = [[depth if any(row) else 0] * len(row) for depth, row in zip(whole, down, strict=True)]
    plain_up = [[depth if any(row) else 0] * len(row) for depth, row in zip(whole[::-1], up, strict=True)]
    if (down, up) != (plain, plain_up):
        found["transformer_layers_per_block"] = [row if any(row) else 1 for row in down]
        found["reverse_transformer_layers_per_block"] = [row if any(row) else 1 for row in up]
    return found


def inputs(tensors: Mapping[str, Entry]) -> dict[str, Any]:
    """Of a UNet in any layout: channels in, and the size of the guidance that it takes as an input, where it does."""
    conv_in = next((tensors[name] for name in CONV_IN if name in tensors and len(tensors[name].shape) == 4), None)
    guidance = next((entry for name, entry in tensors.items() if name.endswith(COND_PROJ)), None)
    found: dict[str, Any] = {} if conv_in is None else {"in_channels": conv_in.shape[1]}
    return found | ({} if guidance is None else {"time_cond_proj_dim": guidance.shape[1]})


def depths(tensors: Mapping[str, Entry], side: str, levels: int, layers: int) -> list[list[int]]:
    """Transformer blocks in each layer of each level, in the order in which they run."""
    found: dict[int, int] = {}
    for name in tensors:
        at = DEEP.match(name)
        if at and at[1] == side:
            found[int(at[2])] = max(found.get(int(at[2]), 0), int(at[3]) + 1)
    first, step = (1, layers + 1) if side == "input_blocks" else (0, layers)
    return [[found.get(first + step * level + layer, 0) for layer in range(layers)] for level in range(levels)]
