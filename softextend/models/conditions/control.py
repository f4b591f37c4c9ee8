"""ControlNets (arXiv:2302.05543): inpainting ones, the union's repaint, tile and others, plain ones with a picture."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softextend.errors import BadModel, BadRequest
from softextend.models.sdxl.state_dict_keys import unet_target
from softextend.models.weights.diffusers_folder import read_json, weight_files
from softextend.models.weights.families import identify
from softextend.models.weights.header import read_header
from softextend.models.weights.tensors import Part, Piece, Store
from softextend.pictures.read import read_picture
from softextend.types import Offload, Scene, Span

TYPES = ("openpose", "depth", "scribble", "canny", "normal", "segment", "tile", "repaint")  # xinsir, union ProMax
REPAINT, TILE = "repaint", "tile"
NEW_PIXELS = -1.0  # lllyasviel/control_v11p_sd15_inpaint: what is to be painted, where pictures are in [0, 1]
BLACK = 0.0  # the same of the union's repaint
HINT = re.compile(r"input_hint_block\.(\d+)\.(weight|bias)")
ZERO = re.compile(r"zero_convs\.(\d+)\.0\.(weight|bias)")
LAST_HINT = 14
TAKEN = (  # what a ControlNet's config has in common with its UNet's
    *("act_fn", "addition_embed_type", "addition_time_embed_dim", "attention_head_dim", "block_out_channels"),
    *("cross_attention_dim", "down_block_types", "flip_sin_to_cos", "freq_shift", "layers_per_block", "norm_eps"),
    *("norm_num_groups", "projection_class_embeddings_input_dim", "transformer_layers_per_block"),
    "use_linear_projection",
)


class ControlNet:
    """One file with its scale; read when it is first needed."""

    def __init__(
        self,
        path: Path,
        *,
        scale: float,
        span: Span,
        kind: str | None,
        picture: Path | None,
        unet: Mapping[str, Any],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """`unet`: the config of the model's own. BadModel for another family, BadRequest where a picture is missing."""
        self.scale, self.span, self._dtype, self._device = scale, span, dtype, device
        self._part = control_part(path, unet)
        self.union = "task_embedding" in self._part.pieces
        self._kind = self._chosen(path, kind, picture)
        self._picture = None if picture is None else read_picture(picture).pixels
        self._net: nn.Module | None = None

    def _chosen(self, path: Path, kind: str | None, picture: Path | None) -> str:
        """What it is shown: of a union a type's name, else `inpaint` or `picture`."""
        if self.union:
            count = int(self._part.config["num_control_type"])
            chosen = kind or (REPAINT if count == len(TYPES) else None)
            if chosen is None or chosen not in TYPES[:count]:
                raise BadRequest(f"--control-type {kind}: {path.name} has {', '.join(TYPES[:count])}")
            if chosen not in (REPAINT, TILE) and picture is None:
                raise BadRequest(f"--control-type {chosen}: needs --control-image FILE, a picture of that kind")
            return chosen
        if kind is not None:
            raise BadRequest(f"--control-type {kind}: {path.name} is no union ControlNet: leave it out")
        if picture is None and "inpaint" not in path.name.lower() and "inpaint" not in path.parent.name.lower():
            raise BadRequest(f"--control {path}: needs --control-image FILE, a picture of the kind it was trained on")
        return "inpaint" if picture is None else "picture"

    def residuals(self, scene: Scene, x: Tensor, t: float, hidden: Tensor, added: Mapping[str, Any]) -> dict[str, Any]:
        """What it adds within the UNet, as keyword arguments of it: x (R, 4, h, w), hidden (R, N, D)."""
        net = self._ready()
        shown = self.shown(scene).to(self._device, self._dtype).expand(len(x), -1, -1, -1)
        told = {name: value for name, value in added.items() if name != "image_embeds"}
        given: dict[str, Any] = {"encoder_hidden_states": hidden, "added_cond_kwargs": told or None}
        if self.union:
            index = TYPES.index(self._kind)
            types = torch.zeros(len(x), int(self._part.config["num_control_type"]), device=self._device)
            types[:, index] = 1
            given |= {"control_type": types.to(self._dtype), "control_type_idx": [index], "controlnet_cond": [shown]}
        else:
            given |= {"controlnet_cond": shown}
        down, middle = net(x, t, conditioning_scale=self.scale, return_dict=False, **given)
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    def shown(self, scene: Scene) -> Tensor:
        """The picture that it is given for a scene, (1, 3, H, W) in [0, 1], new pixels marked as it was trained."""
        if self._picture is not None:
            return cut_for(scene, self._picture)
        pixels = (scene.filled.float() + 1) / 2
        if self._kind == TILE:
            return pixels
        new = torch.from_numpy(~scene.known)[None, None].to(pixels.device)
        return torch.where(new, BLACK if self.union else NEW_PIXELS, pixels)

    def park(self, offload: Offload) -> None:
        """With offloading, off the device until it is needed again."""
        if offload is not Offload.NONE and self._net is not None:
            self._net.to("cpu")

    def _ready(self) -> nn.Module:
        if self._net is None:
            self._net = self._part.load(self._dtype, self._device)
        return self._net.to(self._device)


def cut_for(scene: Scene, picture: np.ndarray[Any, Any]) -> Tensor:
    """Of a picture of the whole canvas, uint8 (H, W, 3): what a scene shows of it, (1, 3, h, w) in [0, 1]."""
    whole = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    height, width = scene.known.shape
    if scene.box is None or scene.canvas is None:
        return F.interpolate(whole, (height, width), mode="bilinear", antialias=True)
    fitted = F.interpolate(whole, scene.canvas, mode="bilinear", antialias=True)
    cut = fitted[..., scene.box.top : scene.box.top + height, scene.box.left : scene.box.left + width]
    return F.pad(cut, (0, width - cut.shape[-1], 0, height - cut.shape[-2]), mode="replicate")


def control_part(path: Path, unet: Mapping[str, Any]) -> Part:
    """A ControlNet of this UNet's family, a file in diffusers' or the original layout or a folder; else BadModel."""
    files = weight_files(path) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise BadModel(f"--control {path}: does not exist: give a ControlNet's .safetensors file or folder")
    store = Store.of({file: read_header(file).tensors for file in files})
    pieces = {target: Piece(name) for name in store.entries if (target := control_target(name))}
    if "controlnet_mid_block.weight" not in pieces:
        raise BadModel(
            f"--control {path}: no ControlNet; it looks like {identify(read_header(files[0])).what}; name a ControlNet"
        )
    beside = read_json((path if path.is_dir() else path.parent) / "config.json")
    own = beside if str(beside.get("_class_name", "")).startswith("ControlNet") else {}
    part = Part(_new_control, own or control_config(unet, store, pieces), pieces, store)
    width, context = part.config["cross_attention_dim"], unet["cross_attention_dim"]
    keys = next((name for name in pieces if name.endswith("attn2.to_k.weight")), None)
    if width != context or (keys is not None and part.shape(keys)[1] != context):
        has = width if keys is None else part.shape(keys)[1]
        raise BadModel(f"--control {path}: made for prompts {has} wide, the model's are {context}: take its family's")
    part.check()
    return part


def control_target(name: str) -> str:
    """A tensor's name in diffusers' ControlNet, which a file in that layout has already."""
    name = name.removeprefix("control_model.")
    if found := HINT.fullmatch(name):
        at, leaf = int(found[1]), found[2]
        inner = "conv_in" if at == 0 else "conv_out" if at == LAST_HINT else f"blocks.{at // 2 - 1}"
        return f"controlnet_cond_embedding.{inner}.{leaf}"
    if found := ZERO.fullmatch(name):
        return f"controlnet_down_blocks.{found[1]}.{found[2]}"
    if name.startswith("middle_block_out.0."):
        return name.replace("middle_block_out.0", "controlnet_mid_block")
    return unet_target(name) or name


def control_config(unet: Mapping[str, Any], store: Store, pieces: Mapping[str, Piece]) -> dict[str, Any]:
    """A file's config: its UNet's, but for the blocks that have no attention and what only a union has."""
    config = {name: unet[name] for name in TAKEN if name in unet}
    levels = range(len(config["block_out_channels"]))
    attentive = [any(name.startswith(f"down_blocks.{level}.attentions.") for name in pieces) for level in levels]
    config["down_block_types"] = ["CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attentive]
    if not any(name.startswith("mid_block.attentions.") for name in pieces):
        config["mid_block_type"] = "UNetMidBlock2D"
    hints = ("conv_in", "blocks.1", "blocks.3", "blocks.5")
    config["conditioning_embedding_out_channels"] = [
        store.shape(pieces[f"controlnet_cond_embedding.{each}.weight"])[0] for each in hints
    ]
    if "task_embedding" in pieces:
        count, channels = store.shape(pieces["task_embedding"])
        layers = {name.split(".")[1] for name in pieces if name.startswith("transformer_layes.")}
        config |= {"num_control_type": count, "num_trans_channel": channels, "num_trans_layer": len(layers)}
        config["num_proj_channel"] = store.shape(pieces["spatial_ch_projs.weight"])[0]
    return config


@functools.cache
def _kinds() -> tuple[Any, Any]:
    from diffusers import ControlNetModel, ControlNetUnionModel

    return ControlNetModel, ControlNetUnionModel


def _new_control(config: dict[str, Any]) -> nn.Module:
    plain, union = _kinds()
    net: nn.Module = (union if "num_control_type" in config else plain).from_config(config)
    return net
