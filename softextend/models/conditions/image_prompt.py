"""Pictures as prompts (IP-Adapter, arXiv:2308.06721, and its plus form): what a picture shows, beside the words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from softextend.errors import BadModel
from softextend.models.conditions.groups import SELF
from softextend.models.sdxl.state_dict_keys import open_clip_targets
from softextend.models.weights.diffusers_folder import read_json, weight_files
from softextend.models.weights.families import identify
from softextend.models.weights.header import Entry, read_header
from softextend.models.weights.tensors import Part, Piece, Store, read_tensor
from softextend.pictures.read import read_picture

if TYPE_CHECKING:
    from softextend.types import Pixels, Span

COLUMNS, ROWS = 2, 3  # squares that a photo is cut into; a guide on outpainting with differential diffusion
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # openai/CLIP
ENCODERS = {(1280, 1024): "CLIP ViT-H", (1664, 1280): "OpenCLIP ViT-bigG", (1024, 768): "CLIP ViT-L"}
OPEN = "visual."  # OpenCLIP's image half
OPEN_VISION = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "conv1": "vision_model.embeddings.patch_embedding",
    "ln_pre": "vision_model.pre_layrnorm",
    "ln_post": "vision_model.post_layernorm",
    "proj": "visual_projection.weight",
}
HEADS = 16  # of attention, in each of the three
CONTEXTS = {768: "Stable Diffusion 1.5", 1024: "Stable Diffusion 2", 2048: "SDXL"}


class ImagePrompt:
    """An adapter and its image encoder; the encoder stays only while it encodes."""

    def __init__(self, adapter: Path, encoder: Path, *, picture: str, weight: float, span: Span, context: int) -> None:
        """`context`: the width that the UNet attends to. BadModel for files that do not belong together."""
        self.adapter, self.weight, self.span = adapter, weight, span
        self._entries = adapter_entries(adapter)
        self._picture = None if picture == SELF else read_picture(Path(picture)).pixels
        self._check_context(context)
        self._part = vision_part(encoder)
        self.plus = "image_proj.latents" in self._entries or "image_proj.proj.3.weight" in self._entries
        self._check_encoder(encoder)
        self._done: dict[str, tuple[Tensor, Tensor]] = {}

    def attach(self, unet: Any) -> None:
        """Lets the UNet attend to pictures, in diffusers' own layers."""
        state: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
        for name, entry in self._entries.items():
            part, _, rest = name.partition(".")
            if part in state:
                state[part][rest] = read_tensor(self.adapter, entry).float()
        unet._load_ip_adapter_weights([state])
        unet.requires_grad_(False)
        self.turn(unet, on=True)

    def turn(self, unet: Any, *, on: bool) -> None:
        """Pictures count their weight, or nothing."""
        for each in unet.attn_processors.values():
            if hasattr(each, "scale"):
                each.scale = [self.weight if on else 0.0]

    @torch.inference_mode()
    def encode(self, photo: Pixels | None, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
        """photo (H, W, 3) -> what the UNet is shown and what it is to keep away from: (1, K, D) or (1, K, N, D)."""
        if self._picture is not None:
            pictures: Sequence[Pixels] = [self._picture]
        elif photo is not None:
            pictures = squares(photo)
        else:
            raise ValueError("the photo is its own prompt: embed needs it")
        key = hashlib.sha256(b"".join(each.tobytes() for each in pictures)).hexdigest()
        if key not in self._done:
            size = int(self._part.config["image_size"])
            pixels = torch.stack([to_clip(each, size) for each in pictures]).to(device, dtype)
            encoder: Any = self._part.load(dtype, device)
            self._done = {key: self._encoded(encoder, pixels)}
        return self._done[key]

    def _encoded(self, encoder: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """As diffusers does: the plus form takes the last layer but one, and an empty picture for none."""
        if not self.plus:
            shown = encoder(pixels).image_embeds[None]
            return shown, torch.zeros_like(shown)
        shown = encoder(pixels, output_hidden_states=True).hidden_states[-2][None]
        none = encoder(torch.zeros_like(pixels), output_hidden_states=True).hidden_states[-2][None]
        return shown, none

    def _check_context(self, context: int) -> None:
        width = next(entry.shape[1] for name, entry in self._entries.items() if name.endswith("to_k_ip.weight"))
        if width != context:
            made, model = (CONTEXTS.get(each, f"a model of width {each}") for each in (width, context))
            raise BadModel(f"--image-adapter {self.adapter}: made for {made}, and the model is {model}")

    def _check_encoder(self, encoder: Path) -> None:
        """The adapter says how wide its pictures are: the last layer but one, or the projection."""
        if self.plus:
            name = "image_proj.proj_in.weight" if "image_proj.latents" in self._entries else "image_proj.proj.0.weight"
        else:
            name = "image_proj.proj.weight"
        wanted = self._entries[name].shape[1]
        at = 0 if self.plus else 1
        has = self._part.config[("hidden_size", "projection_dim")[at]]
        if wanted != has:
            need = next((title for widths, title in ENCODERS.items() if widths[at] == wanted), f"one of width {wanted}")
            found = next((title for widths, title in ENCODERS.items() if widths[at] == has), f"one of width {has}")
            raise BadModel(f"--image-encoder {encoder}: {found}, and {self.adapter.name} needs {need}: give that one")


def adapter_entries(path: Path) -> dict[str, Entry]:
    """The tensors of an IP-Adapter. BadModel for anything else, face adapters among them."""
    if not path.is_file():
        raise BadModel(f"--image-adapter {path}: does not exist: give an IP-Adapter's .safetensors file")
    header = read_header(path)
    names = header.tensors
    if not any(name.endswith("to_k_ip.weight") for name in names):
        raise BadModel(
            f"--image-adapter {path}: no IP-Adapter; its tensors look like {identify(header).what}; name an IP-Adapter"
        )
    known = ("image_proj.proj.weight", "image_proj.latents", "image_proj.proj.3.weight")
    if not any(name in names for name in known) or "image_proj.perceiver_resampler.proj_in.weight" in names:
        raise BadModel(f"--image-adapter {path}: a face adapter (FaceID), which needs a face recogniser: take another")
    return names


def vision_part(path: Path) -> Part:
    """A CLIP image encoder, a .safetensors file or a transformers folder. BadModel for anything else."""
    files = weight_files(path) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise BadModel(f"--image-encoder {path}: does not exist: give a CLIP image encoder's file or folder")
    store = Store.of({file: read_header(file).tensors for file in files})
    pieces = vision_pieces(list(store.entries))
    if "vision_model.embeddings.class_embedding" not in pieces or "visual_projection.weight" not in pieces:
        what = identify(read_header(files[0])).what
        raise BadModel(
            f"--image-encoder {path}: no CLIP image encoder with its projection; it looks like {what}; "
            "name the one that the adapter was made with"
        )
    own = read_json(path / "config.json") if path.is_dir() else {}
    config = own.get("vision_config") or own  # of a whole CLIP, its picture half
    part = Part(_new_vision, config if "hidden_size" in config else vision_config(store, pieces), pieces, store)
    part.check()
    return part


def vision_pieces(names: list[str]) -> dict[str, Piece]:
    """A CLIP image encoder's parameters and where they lie, in transformers' layout or OpenCLIP's."""
    if OPEN + "class_embedding" not in names:
        return {name: Piece(name) for name in names}
    found: dict[str, Piece] = {}
    for name in names:
        stem, dot, leaf = name.removeprefix(OPEN).rpartition(".")
        if not name.startswith(OPEN):
            continue
        if (target := OPEN_VISION.get(stem + dot + leaf) or OPEN_VISION.get(stem)) is not None:
            whole = stem + dot + leaf in OPEN_VISION
            found[target if whole else f"{target}.{leaf}"] = Piece(name, transposed=name == OPEN + "proj")
        for inner, piece in open_clip_targets(name.removeprefix(OPEN)).items():
            if inner.startswith("encoder."):
                found[f"vision_model.{inner}"] = replace(piece, name=name)
    return found


def vision_config(store: Store, pieces: dict[str, Piece]) -> dict[str, Any]:
    """A file's sizes from its tensors; the number of heads is that of all CLIP encoders which adapters use."""
    shapes = {name: store.shape(piece) for name, piece in pieces.items()}
    hidden, _, patch, _ = shapes["vision_model.embeddings.patch_embedding.weight"]
    places = shapes["vision_model.embeddings.position_embedding.weight"][0]
    return {
        "hidden_size": hidden,
        "intermediate_size": shapes["vision_model.encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": sum(
            name.startswith("vision_model.") and name.endswith("mlp.fc1.weight") for name in shapes
        ),
        "num_attention_heads": HEADS,
        "patch_size": patch,
        "image_size": patch * round((places - 1) ** 0.5),
        "projection_dim": shapes["visual_projection.weight"][0],
        "hidden_act": "quick_gelu" if hidden == 1024 else "gelu",  # OpenAI's own; OpenCLIP's
    }


def squares(photo: Pixels) -> Sequence[Pixels]:
    """photo (H, W, 3) -> two columns of three squares, the last of each ending at the border."""
    height, width = photo.shape[:2]
    side = max(1, min(width // COLUMNS, height // ROWS))
    lefts, tops = ([side * at for at in range(count)] for count in (COLUMNS, ROWS))
    lefts[-1], tops[-1] = width - side, height - side
    return [photo[top : top + side, left : left + side] for left in lefts for top in tops]


def to_clip(picture: Pixels, size: int) -> Tensor:
    """picture (H, W, 3) -> (3, size, size): the middle square of it, in the numbers that CLIP was trained on."""
    image = Image.fromarray(picture)
    scale = size / min(image.size)
    wide, high = (max(size, int(extent * scale)) for extent in image.size)
    image = image.resize((wide, high), Image.Resampling.BICUBIC)
    left, top = (wide - size) // 2, (high - size) // 2
    pixels = np.asarray(image.crop((left, top, left + size, top + size)), np.float32) / 255
    return torch.from_numpy((pixels - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)).permute(2, 0, 1)


def _new_vision(config: dict[str, Any]) -> nn.Module:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    encoder: nn.Module = CLIPVisionModelWithProjection(CLIPVisionConfig.from_dict(config))
    return encoder
