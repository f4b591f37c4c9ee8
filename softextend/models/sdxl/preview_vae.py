"""TAESD, a tiny decoder: looks while a picture is made, and decoding where memory is short. Built from its keys.

Its own layout (madebyollin/taesd: `1.weight`, ..., after a clamp without weights) and diffusers' AutoencoderTiny.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import nn

from softextend.errors import BadModel
from softextend.models.weights.families import identify
from softextend.models.weights.header import Entry, read_header
from softextend.models.weights.tensors import Part, Piece, Store

PREFIXES = ("decoder.layers.", "taesd_decoder.", "")  # the last: the decoder's own file
LATENTS = 4  # channels, of Stable Diffusion and SDXL
LEVELS = 4  # three of which double both sides
NAME = re.compile(r"(\d+)\.(?:conv\.(\d+)\.|skip\.)?(weight|bias)")


def preview_vae_file(path: Path) -> Part:
    """The decoder of a TAESD .safetensors; BadModel for anything else, and for one of another family."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise BadModel(f"--preview-vae {path}: {what}: give a TAESD .safetensors file")
    header = read_header(path)
    pieces = decoder_pieces(header.tensors)
    if "layers.0.weight" not in pieces or "layers.2.conv.0.weight" not in pieces:
        found = identify(header)
        what = found.what if found.kind == "taesd" else f"no TAESD decoder; its tensors look like {found.what}"
        raise BadModel(f"--preview-vae {path}: {what}: give taesd_decoder.safetensors (SDXL: taesdxl_decoder)")
    store = Store.of({path: header.tensors})
    part = Part(_new_decoder, decoder_config(pieces, header.tensors), pieces, store)
    config = part.config
    if config["in_channels"] != LATENTS or len(config["num_blocks"]) != LEVELS:
        raise BadModel(
            f"--preview-vae {path}: a TAESD of {config['in_channels']} latent channels, for another family: "
            "give one for Stable Diffusion 1 and 2 (taesd) or SDXL (taesdxl)"
        )
    part.check()
    return part


def decoder_pieces(tensors: dict[str, Entry]) -> dict[str, Piece]:
    """Of a file's tensors: the decoder's parameters as diffusers names them, and where they lie."""
    prefix = next(each for each in PREFIXES if not each or any(name.startswith(each) for name in tensors))
    shift = 0 if prefix == PREFIXES[0] else 1  # the clamp is a layer of the original
    pieces = {}
    for name in tensors:
        found = NAME.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if found and int(found[1]) >= shift:
            _, _, rest = name.removeprefix(prefix).partition(".")
            pieces[f"layers.{int(found[1]) - shift}.{rest}"] = Piece(name)
    return pieces


def decoder_config(pieces: dict[str, Piece], tensors: dict[str, Entry]) -> dict[str, Any]:
    """What DecoderTiny is built with: blocks a level, channels in, between and out."""
    blocks = {int(name.split(".")[1]) for name in pieces if name.endswith(".conv.0.weight")}
    convs = sorted(int(name.split(".")[1]) for name in pieces if re.fullmatch(r"layers\.\d+\.weight", name))
    first, last = (tensors[pieces[f"layers.{index}.weight"].name].shape for index in (convs[0], convs[-1]))
    counts = [sum(before < block < after for block in blocks) for before, after in pairwise(convs)]
    return {
        "in_channels": first[1],
        "out_channels": last[0],
        "num_blocks": tuple(counts),
        "block_out_channels": (first[0],) * max(1, len(counts)),
        "upsampling_scaling_factor": 2,
        "act_fn": "relu",
        "upsample_fn": "nearest",
    }


def _new_decoder(config: dict[str, Any]) -> nn.Module:
    from diffusers.models.autoencoders.vae import DecoderTiny

    decoder: nn.Module = DecoderTiny(**config)
    return decoder
