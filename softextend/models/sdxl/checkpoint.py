"""The parts of a model from files: built without memory, then filled tensor by tensor in the wanted dtype.

Files are read, not mapped: mapped pages would count twice in the process's memory until the system drops them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from softextend.errors import BadModel
from softextend.models.clip_tokenizer import ClipTokenizer, folder_tokenizer, shipped_tokenizers
from softextend.models.sdxl.state_dict_keys import (
    VAE,
    folder_pieces,
    text_pieces,
    unet_layers,
    unet_pieces,
    vae_pieces,
)
from softextend.models.weights.diffusers_folder import read_json, weight_files
from softextend.models.weights.families import identify
from softextend.models.weights.header import Header, read_header, read_numbers
from softextend.models.weights.tensors import Part, Piece, Store
from softextend.models.weights.unet_shape import fitted, inputs

CONFIGS = Path(str(files("softextend"))) / "data" / "sdxl"  # SDXL base 1.0, as its authors published it
EDM_SCALE = 0.5  # of latents that are normalised; playgroundai/playground-v2.5-1024px-aesthetic, vae/config.json
TextPieces = Callable[[list[str]], dict[str, Piece]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a family keeps and reads its text encoders; `configs`: the folder of its networks' configs."""

    configs: Path
    encoders: Mapping[str, Callable[[dict[str, Any]], nn.Module]]  # by their folder's name
    pieces: tuple[TextPieces, ...]  # of each encoder in a single file
    tokenizers: Callable[[], tuple[ClipTokenizer, ...]]
    penultimate: bool  # the last layer but one is what the UNet attends to, else the last, normalised
    pooled: bool  # the UNet takes a pooled prompt and the picture's size
    empty_is_zero: bool  # an empty negative prompt is zeros, not an encoded empty text


class Source(Protocol):
    """A place that a model's parts come from; each call reads the files anew."""

    parts: dict[str, Part]  # networks by their names in diffusers; what is laid over a model is put in here
    weights: tuple[Path, ...]  # what a hash of the model is made of
    layout: Layout
    empty_is_zero: bool  # as the layout says, or the folder

    def unet(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The denoiser."""

    def vae(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The autoencoder."""

    def text_encoder(self, which: int, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """Of SDXL encoder 0 (CLIP ViT-L) or 1 (OpenCLIP ViT-bigG, with projection)."""

    def tokenizers(self) -> tuple[ClipTokenizer, ...]:
        """One for each text encoder."""


class FromParts:
    """What both layouts share: networks by their names in diffusers, each read when it is asked for."""

    parts: dict[str, Part]
    weights: tuple[Path, ...]
    layout: Layout

    def unet(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The denoiser."""
        return self.parts["unet"].load(dtype, device)

    def vae(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The autoencoder; BadModel where the checkpoint has none."""
        if "vae" not in self.parts:
            raise BadModel(f"{self.weights[0]}: has no VAE: name one by --vae FILE")
        return self.parts["vae"].load(dtype, device)

    def text_encoder(self, which: int, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """Encoder 0, or 1 of SDXL."""
        return self.parts[list(self.layout.encoders)[which]].load(dtype, device)

    def check(self) -> None:
        """BadModel where a tensor is missing or has another shape."""
        for part in self.parts.values():
            part.check()


class SingleFile(FromParts):
    """A checkpoint in the original layout; configs and tokenizers ship with the package, so nothing is downloaded."""

    def __init__(
        self, path: Path, configs: Path | None = None, layout: Layout | None = None, *, vae_needed: bool = True
    ) -> None:
        """Raises BadModel where a tensor is missing or has another shape than the family's."""
        self.layout = layout or SDXL
        self.empty_is_zero = self.layout.empty_is_zero
        configs = configs or self.layout.configs
        header = read_header(path)
        names = list(header.tensors)
        self.weights: tuple[Path, ...] = (path,)
        store = Store.of({path: header.tensors})
        unet = fitted(read_json(configs / "unet.json"), header.tensors, unet_layers(names))
        vae = read_json(configs / "vae.json") | latent_statistics(path, header)
        self.parts = {"unet": Part(_new_unet, unet, unet_pieces(names), store)}
        if vae_needed or any(name.startswith(VAE) for name in names):
            self.parts["vae"] = Part(_new_vae, vae, vae_pieces(names), store)
        for (name, new), pieces in zip(self.layout.encoders.items(), self.layout.pieces, strict=True):
            self.parts[name] = Part(new, read_json(configs / f"{name}.json"), pieces(names), store)
        self.check()

    def tokenizers(self) -> tuple[ClipTokenizer, ...]:
        """Made from the merge table that ships with the package."""
        return self.layout.tokenizers()


class Folder(FromParts):
    """A diffusers folder: configs, safetensors (one file or shards, 16-bit variant first) and tokenizers."""

    def __init__(self, path: Path, *, half: bool = True, layout: Layout | None = None) -> None:
        """Raises BadModel where a tensor is missing or has another shape than the configs say."""
        self.layout = layout or SDXL
        zero = read_json(path / "model_index.json").get("force_zeros_for_empty_prompt", self.layout.empty_is_zero)
        self.empty_is_zero = bool(zero) and self.layout.pooled
        self._path = path
        news = {"unet": _new_unet, "vae": _new_vae, **self.layout.encoders}
        self.parts = {name: folder_part(path / name, new, half) for name, new in news.items()}
        self.weights: tuple[Path, ...] = tuple(weight_files(path / "unet", half=half))
        self.check()

    def tokenizers(self) -> tuple[ClipTokenizer, ...]:
        """From the folder's own files."""
        names = [name.replace("text_encoder", "tokenizer") for name in self.layout.encoders]
        return tuple(folder_tokenizer(self._path / name) for name in names)


def latent_statistics(path: Path, header: Header) -> dict[str, Any]:
    """Of a file with `edm_mean` and `edm_std`: what its VAE's config says of its latents; {} for others."""
    mean, deviation = header.tensors.get("edm_mean"), header.tensors.get("edm_std")
    if mean is None or deviation is None:
        return {}
    return {
        "latents_mean": read_numbers(path, mean),
        "latents_std": read_numbers(path, deviation),
        "scaling_factor": EDM_SCALE,
    }


def vae_file(path: Path, configs: Path = CONFIGS) -> Part:
    """A VAE's own .safetensors, in the original or in diffusers' layout. Raises BadModel for anything else."""
    if not path.is_file():
        raise BadModel(
            f"--vae {path}: {'is a folder' if path.is_dir() else 'does not exist'}: give a .safetensors file"
        )
    header = read_header(path)
    found = identify(header)
    if found.kind != "vae" and not any(name.endswith("decoder.conv_in.weight") for name in header.tensors):
        raise BadModel(f"--vae {path}: no VAE; its tensors look like {found.fault or found.what}")
    if found.kind == "other-vae":
        raise BadModel(f"--vae {path}: {found.fault}")
    store = Store.of({path: header.tensors})
    part = Part(_new_vae, read_json(configs / "vae.json"), vae_pieces(list(header.tensors)), store)
    part.check()
    return part


def unet_file(path: Path, config: dict[str, Any]) -> Part:
    """A UNet's own .safetensors or a checkpoint's UNet, in the original or in diffusers' layout; else BadModel."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise BadModel(f"--unet {path}: {what}: give a .safetensors file")
    header = read_header(path)
    pieces = unet_pieces(list(header.tensors))
    if "conv_in.weight" not in pieces or "time_embedding.linear_1.weight" not in pieces:
        found = identify(header)
        raise BadModel(f"--unet {path}: no UNet; its tensors look like {found.fault or found.what}")
    part = Part(_new_unet, config | inputs(header.tensors), pieces, Store.of({path: header.tensors}))
    part.check()
    return part


def _new_unet(config: dict[str, Any]) -> nn.Module:
    from diffusers import UNet2DConditionModel

    unet: nn.Module = UNet2DConditionModel.from_config(config)
    return unet


def _new_vae(config: dict[str, Any]) -> nn.Module:
    from diffusers import AutoencoderKL

    vae: nn.Module = AutoencoderKL.from_config(config)
    return vae


def _new_text(config: dict[str, Any]) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    encoder: nn.Module = CLIPTextModel(CLIPTextConfig.from_dict(config))
    return encoder


def _new_text_2(config: dict[str, Any]) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    encoder: nn.Module = CLIPTextModelWithProjection(CLIPTextConfig.from_dict(config))
    return encoder


TEXT_ENCODERS = {"text_encoder": _new_text, "text_encoder_2": _new_text_2}
SDXL = Layout(
    configs=CONFIGS,
    encoders=TEXT_ENCODERS,
    pieces=(partial(text_pieces, which=0), partial(text_pieces, which=1)),
    tokenizers=shipped_tokenizers,
    penultimate=True,
    pooled=True,
    empty_is_zero=True,
)


def folder_part(folder: Path, new: Callable[[dict[str, Any]], nn.Module], half: bool) -> Part:
    """One part of a diffusers folder: a config and its weights."""
    tensors = {path: read_header(path).tensors for path in weight_files(folder, half=half)}
    store = Store.of(tensors)
    return Part(new, read_json(folder / "config.json"), folder_pieces(list(store.entries)), store)
