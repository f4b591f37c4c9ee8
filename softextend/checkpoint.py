"""The parts of an SDXL model from files: built without memory, then filled tensor by tensor in the wanted dtype.

Files are read, not mapped: mapped pages would count twice in the process's memory until the system drops them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch
from torch import Tensor, nn

from softextend import layout
from softextend.errors import BadModel
from softextend.header import Entry, looks_like, read_header
from softextend.layout import Piece
from softextend.models import read_json, weight_files
from softextend.tokenizer import ClipTokenizer, folder_tokenizer, shipped_tokenizers

CONFIGS = Path(str(files("softextend"))) / "data" / "sdxl"  # SDXL base 1.0, as its authors published it
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


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
        self._unet = Part(_new_unet, read_json(configs / "unet.json"), layout.unet_pieces(names), store)
        self._vae = Part(_new_vae, read_json(configs / "vae.json"), layout.vae_pieces(names), store)
        self._text = tuple(
            Part(new, read_json(configs / f"{name}.json"), layout.text_pieces(names, which), store)
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
    if looks_like(header) is not None and not any("decoder.conv_in.weight" in name for name in header.tensors):
        raise BadModel(f"--vae {path}: no VAE; its tensors look like {looks_like(header)}")
    store = Store.of({path: header.tensors})
    part = Part(_new_vae, read_json(configs / "vae.json"), layout.vae_pieces(list(header.tensors)), store)
    part.check()
    return part


@dataclass(frozen=True, slots=True)
class Store:
    """Tensors by name over one or more files."""

    entries: dict[str, tuple[Path, Entry]]

    @classmethod
    def of(cls, tensors: dict[Path, dict[str, Entry]]) -> Store:
        """Several files make one store: shards."""
        return cls({name: (path, entry) for path, found in tensors.items() for name, entry in found.items()})

    def shape(self, piece: Piece) -> tuple[int, ...]:
        """The piece's shape as it will be read."""
        rows, *rest = self.entries[piece.name][1].shape or (1,)
        shape = (rows if piece.third is None else rows // 3, *rest)
        return shape[::-1] if piece.transposed else shape


@dataclass(frozen=True, slots=True)
class Part:
    """One network: how it is made, and where each parameter's values lie."""

    new: Callable[[dict[str, Any]], nn.Module]
    config: dict[str, Any]
    pieces: dict[str, Piece]
    store: Store

    def check(self) -> None:
        """Raises BadModel where files and network do not fit together."""
        self._wanted(self._empty())

    def load(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The network on `device`, ready to run; never more than one tensor more in memory than the network itself."""
        module = self._empty()
        wanted = self._wanted(module)
        order = sorted(wanted, key=lambda name: self._place(wanted[name]))
        tensors: dict[str, Tensor] = {}
        scratch = torch.empty(max(self._size(piece) for piece in wanted.values()), dtype=torch.uint8)
        with ExitStack() as stack:
            opened: dict[Path, BinaryIO] = {}
            for name in order:
                path, entry = self.store.entries[wanted[name].name]
                if path not in opened:
                    opened[path] = stack.enter_context(path.open("rb", buffering=0))
                value = _read(opened[path], entry, wanted[name], scratch)
                tensors[name] = value.to(device, dtype, copy=True).reshape(_shape(module, name))
        module.load_state_dict(tensors, strict=True, assign=True)
        _fill_positions(module, device)
        return module.eval().requires_grad_(False)

    def _empty(self) -> nn.Module:
        with torch.device("meta"):
            return self.new(self.config)

    def _place(self, piece: Piece) -> tuple[str, int]:
        path, entry = self.store.entries[piece.name]
        return str(path), entry.start + (piece.third or 0)

    def _size(self, piece: Piece) -> int:
        entry = self.store.entries[piece.name][1]
        return (entry.end - entry.start) // (1 if piece.third is None else 3)

    def _wanted(self, module: nn.Module) -> dict[str, Piece]:
        found: dict[str, Piece] = {}
        for name in module.state_dict():
            piece = self.pieces.get(name.removeprefix("text_model."))
            if piece is None:
                raise BadModel(f"{self._files()}: {name} of the {type(module).__name__} is missing: {REMEDY}")
            shape, needed = self.store.shape(piece), _shape(module, name)
            if _plain(shape) != _plain(needed):
                raise BadModel(f"{self._files()}: {piece.name} is {shape}, not {needed} as in SDXL: {REMEDY}")
            if self.store.entries[piece.name][1].dtype not in DTYPES:
                raise BadModel(f"{self._files()}: {piece.name} is quantised: take a 16-bit or 32-bit checkpoint")
            found[name] = piece
        return found

    def paths(self) -> list[Path]:
        """The files it comes from."""
        return sorted({path for path, _ in self.store.entries.values()})

    def _files(self) -> str:
        return ", ".join(str(path) for path in self.paths())


REMEDY = "give a complete SDXL base checkpoint"


def _read(file: BinaryIO, entry: Entry, piece: Piece, scratch: Tensor) -> Tensor:
    """The piece's values, in `scratch`: good until the next read."""
    rows, *rest = entry.shape or (1,)
    size = entry.end - entry.start
    start, shape = entry.start, (rows, *rest)
    if piece.third is not None:
        size, shape = size // 3, (rows // 3, *rest)
        start += piece.third * size
    raw = scratch[:size]
    view = memoryview(raw.numpy())
    file.seek(start)
    done = 0
    while done < size:
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise BadModel(f"{file.name}: ends within {piece.name}: download it again")
        done += count
    value = raw.view(DTYPES[entry.dtype]).reshape(shape)
    return value.T.contiguous() if piece.transposed else value


def _shape(module: nn.Module, name: str) -> tuple[int, ...]:
    return tuple(module.get_parameter(name).shape)


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """1x1 convolutions and linear layers hold the same values."""
    return shape[:2] if len(shape) == 4 and prod(shape[2:]) == 1 else shape


def _fill_positions(module: nn.Module, device: torch.device) -> None:
    """CLIP's position ids are not stored: 0, 1, 2, ..."""
    for owner in module.modules():
        ids = owner._buffers.get("position_ids")
        if ids is not None:
            owner._buffers["position_ids"] = torch.arange(ids.shape[-1], device=device)[None]


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
    return Part(new, read_json(folder / "config.json"), layout.folder_pieces(list(store.entries)), store)
