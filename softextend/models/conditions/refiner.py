"""The SDXL refiner: a second UNet with one text encoder, which takes over for the last steps."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from softextend.errors import BadModel
from softextend.models.clip_tokenizer import ClipTokenizer, folder_tokenizer, shipped_tokenizers
from softextend.models.device import empty_cache
from softextend.models.sdxl.checkpoint import CONFIGS, TEXT_ENCODERS, _new_unet, folder_part
from softextend.models.sdxl.denoiser import Denoiser, calls_of, guided
from softextend.models.sdxl.state_dict_keys import open_clip_pieces, unet_pieces
from softextend.models.sdxl.text import TextEncoders
from softextend.models.sdxl.told_size import told_size
from softextend.models.weights.diffusers_folder import read_json
from softextend.models.weights.families import identify
from softextend.models.weights.header import read_header
from softextend.models.weights.tensors import Part, Store
from softextend.types import Conditioning, Offload, Scene

TEXT = "conditioner.embedders.0.model."  # of a file in the original layout: OpenCLIP ViT-bigG alone
AESTHETIC, NEGATIVE_AESTHETIC = 6.0, 2.5  # scores that its prompts are told; diffusers' defaults
CUT = 1024  # px; what its training pictures were cut to, arXiv:2307.01952
BIG_G = "text_encoder_2"


class Refiner:
    """Read when it is first needed; its encoder stays only while it encodes."""

    def __init__(self, path: Path, dtype: torch.dtype, device: torch.device, configs: Path = CONFIGS) -> None:
        """A .safetensors file in the original layout or a diffusers folder. BadModel for anything else."""
        self.dtype, self.device = dtype, device
        self.weights = (path,)
        self._folder = path if path.is_dir() else None
        self._parts = _of_folder(path) if path.is_dir() else _of_file(path, configs)
        for part in self._parts.values():
            part.check()
        self._unet: nn.Module | None = None
        self.text = TextEncoders(
            load=self._encoder, drop=self._drop, tokenizers=self._tokenizers, device=device, only=1
        )

    def embed(self, prompt: str, negative: str) -> Conditioning:
        """Both prompts; an empty one is encoded as any other, as the refiner was trained."""
        self.text.encode([prompt, negative])
        both = [self.text.done[prompt], self.text.done[negative]]
        rows = max(each.hidden.shape[1] for each in both)
        positive, other = (self.text.lengthened(each, rows) for each in both)
        return Conditioning(prompt=positive, negative=other)

    def predict(self, scene: Scene, given: Conditioning, *, lean: bool) -> Denoiser:
        """The refiner's denoiser for a scene."""
        original = told_size(scene, CUT)[:4]
        pairs = [(given.negative, NEGATIVE_AESTHETIC), (given.prompt, AESTHETIC)][scene.guidance <= 1 :]
        told = [(each, score) for each, score in pairs if each is not None]
        ids = [self._ids([*original, score]) for _, score in told]
        encoded = [[each for each, _ in told]] * len(scene.z0)
        return Denoiser(
            unet=self.ready_unet,
            calls=calls_of(encoded, ids, lean=lean),
            unguided=calls_of([each[-1:] for each in encoded], ids[-1:], lean=lean),
            guided_in=scene.guidance_steps,
            timesteps=scene.timesteps,
            guide=partial(guided, guidance=scene.guidance, rescale=scene.guidance_rescale),
            device=self.device,
            dtype=self.dtype,
        )

    def ready_unet(self) -> nn.Module:
        """The UNet on its device."""
        if self._unet is None:
            self._unet = self._parts["unet"].load(self.dtype, self.device)
        return self._unet.to(self.device)

    def park(self, offload: Offload) -> None:
        """With offloading, off the device until it is needed again."""
        if offload is not Offload.NONE and self._unet is not None:
            self._unet.to("cpu")

    def _ids(self, values: list[float]) -> torch.Tensor:
        return torch.tensor([values], dtype=self.dtype, device=self.device)

    def _encoder(self, which: int) -> nn.Module:
        return self._parts[BIG_G].load(self.dtype, self.device)

    def _drop(self) -> None:
        empty_cache(self.device)

    def _tokenizers(self) -> tuple[ClipTokenizer, ClipTokenizer]:
        if self._folder is None:
            return shipped_tokenizers()
        second = folder_tokenizer(self._folder / "tokenizer_2")
        return second, second


def _of_file(path: Path, configs: Path) -> dict[str, Part]:
    if not path.is_file():
        raise BadModel(f"--refiner {path}: does not exist: give the SDXL refiner's .safetensors file")
    header = read_header(path)
    names = list(header.tensors)
    if not any(name.startswith(TEXT) for name in names):
        raise BadModel(
            f"--refiner {path}: no SDXL refiner; its tensors look like {identify(header).what}; name the refiner"
        )
    store = Store.of({path: header.tensors})
    return {
        "unet": Part(_new_unet, read_json(configs / "refiner_unet.json"), unet_pieces(names), store),
        BIG_G: Part(TEXT_ENCODERS[BIG_G], read_json(configs / f"{BIG_G}.json"), open_clip_pieces(names, TEXT), store),
    }


def _of_folder(path: Path) -> dict[str, Part]:
    index: dict[str, Any] = read_json(path / "model_index.json")
    config: dict[str, Any] = read_json(path / "unet" / "config.json")
    if not index or not (path / BIG_G).is_dir() or config.get("addition_embed_type") != "text_time":
        raise BadModel(f"--refiner {path}: no SDXL refiner: give its .safetensors file or its diffusers folder")
    return {
        "unet": folder_part(path / "unet", _new_unet, half=True),
        BIG_G: folder_part(path / BIG_G, TEXT_ENCODERS[BIG_G], half=True),
    }
