"""The parts of an SDXL model from files: built without memory, then filled tensor by tensor in the wanted dtype.

Files are read, not mapped: mapped pages would count twice in the process's memory until the system drops them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from softextend.errors import BadModel
from softextend.models.clip_tokenizer import ClipTokenizer, folder_tokenizer, shipped_tokenizers
from softextend.models.sdxl.state_dict_keys import folder_pieces, text_pieces, unet_pieces, vae_pieces
from softextend.models.weights.diffusers_folder import read_json, weight_files
from softextend.models.weights.families import detect_family
from softextend.models.weights.header import read_header
from softextend.models.weights.tensors import Part, Store

CONFIGS = Path(str(files("softextend"))) / "data" / "sdxl"  # SDXL base 1.0, as its authors published it


class Source(Protocol):
    """A place that an SDXL model's parts come from; each call reads the files anew."""

    weights: tuple[Path, ...]  # what a hash of the model is made of
    v_prediction: bool
    zero_snr: bool
    empty_is_zero: bool  # an empty negative prompt is zeros, not an encoded empty text

    def unet(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The denoiser."""

    def vae(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The autoencoder."""

    def text_encoder(self, which: int, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """Encoder 0 (CLIP ViT-L) or 1 (OpenCLIP ViT-bigG, with projection)."""

    def tokenizers(self) -> tuple[ClipTokenizer, ClipTokenizer]:
        """One for each text encoder."""


class SingleFile:
    """A checkpoint in the original layout; configs and tokenizers ship with the package, so nothing is downloaded."""

    empty_is_zero = True

    def __init__(self, path: Path, configs: Path = CONFIGS) -> None:
        """Raises BadModel where a tensor is missing or has another shape than SDXL's."""
        header = read_header(path)
        names = list(header.tensors)
        self.weights: tuple[Path, ...] = (path,)
        prediction = header.metadata.get("modelspec.prediction_type", "")
        self.v_prediction = "v_pred" in header.tensors or prediction.startswith("v")
        self.zero_snr = "ztsnr" in header.tensors
        store = Store.of({path: header.tensors})
        self._unet = Part(_new_unet, read_json(configs / "unet.json"), unet_pieces(names), store)
        self._vae = Part(_new_vae, read_json(configs / "vae.json"), vae_pieces(names), store)
        self._text = tuple(
            Part(new, read_json(configs / f"{name}.json"), text_pieces(names, which), store)
            for which, (name, new) in enumerate(TEXT_ENCODERS.items())
        )
        for part in (self._unet, self._vae, *self._text):
            part.check()

    def unet(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The denoiser."""
        return self._unet.load(dtype, device)

    def vae(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The autoencoder."""
        return self._vae.load(dtype, device)

    def text_encoder(self, which: int, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """Encoder 0 or 1."""
        return self._text[which].load(dtype, device)

    def tokenizers(self) -> tuple[ClipTokenizer, ClipTokenizer]:
        """Made from the merge table that ships with the package."""
        return shipped_tokenizers()


class Folder:
    """A diffusers folder: configs, safetensors (one file or shards, 16-bit variant first) and tokenizers."""

    def __init__(self, path: Path, *, half: bool = True) -> None:
        """Raises BadModel where a tensor is missing or has another shape than the configs say."""
        scheduler = read_json(path / "scheduler" / "scheduler_config.json")
        self.v_prediction = scheduler.get("prediction_type") == "v_prediction"
        self.zero_snr = bool(scheduler.get("rescale_betas_zero_snr"))
        self.empty_is_zero = bool(read_json(path / "model_index.json").get("force_zeros_for_empty_prompt", True))
        self._path = path
        news = {"unet": _new_unet, "vae": _new_vae, **TEXT_ENCODERS}
        self._parts = {name: _folder_part(path / name, new, half) for name, new in news.items()}
        self.weights: tuple[Path, ...] = tuple(weight_files(path / "unet", half=half))
        for part in self._parts.values():
            part.check()

    def unet(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The denoiser."""
        return self._parts["unet"].load(dtype, device)

    def vae(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The autoencoder."""
        return self._parts["vae"].load(dtype, device)

    def text_encoder(self, which: int, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """Encoder 0 or 1."""
        return self._parts[list(TEXT_ENCODERS)[which]].load(dtype, device)

    def tokenizers(self) -> tuple[ClipTokenizer, ClipTokenizer]:
        """From the folder's own files."""
        return folder_tokenizer(self._path / "tokenizer"), folder_tokenizer(self._path / "tokenizer_2")


def vae_file(path: Path, configs: Path = CONFIGS) -> Part:
    """A VAE's own .safetensors, in the original or in diffusers' layout. Raises BadModel for anything else."""
    if not path.is_file():
        raise BadModel(
            f"--vae {path}: {'is a folder' if path.is_dir() else 'does not exist'}: give a .safetensors file"
        )
    header = read_header(path)
    if detect_family(header) is not None and not any("decoder.conv_in.weight" in name for name in header.tensors):
        raise BadModel(f"--vae {path}: no VAE; its tensors look like {detect_family(header)}")
    store = Store.of({path: header.tensors})
    part = Part(_new_vae, read_json(configs / "vae.json"), vae_pieces(list(header.tensors)), store)
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


def _folder_part(folder: Path, new: Callable[[dict[str, Any]], nn.Module], half: bool) -> Part:
    tensors = {path: read_header(path).tensors for path in weight_files(folder, half=half)}
    store = Store.of(tensors)
    return Part(new, read_json(folder / "config.json"), folder_pieces(list(store.entries)), store)
