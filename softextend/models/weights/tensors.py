"""Tensors from file to module: read, cast and placed one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from softextend import interrupt
from softextend.errors import BadModel
from softextend.models.weights import file_hash
from softextend.models.weights.gguf_file import QUANTISED, check_kind, dequantised
from softextend.models.weights.header import Entry, read_numbers

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


Patch = Callable[[Tensor], Tensor]  # a parameter in float32, in its module's shape -> what it becomes


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

    def scale(self, piece: Piece) -> Tensor | None:
        """What 8-bit weights are to be multiplied by, float32 () or (rows,), None where there is none. Raises BadModel.

        The scales of inputs, which some files also have, are for multiplying in 8 bits and are not needed here.
        """
        stem = piece.name.removesuffix(".weight")
        for name in (f"{stem}.scale_weight", f"{stem}.weight_scale", f"{piece.name}_scale"):
            if name in self.entries and stem != piece.name:
                path, entry = self.entries[name]
                rows = self.entries[piece.name][1].shape[0]
                if prod(entry.shape) not in (1, rows):
                    wanted = f"one number or {rows}: take a 16-bit checkpoint"
                    raise BadModel(f"{path}: {name} is {entry.shape}, not {wanted}")
                values = torch.tensor(read_numbers(path, entry))
                return values[0] if len(values) == 1 else values
        return None


@dataclass(frozen=True, slots=True)
class Part:
    """One network: how it is made, and where each parameter's values lie."""

    new: Callable[[dict[str, Any]], nn.Module]
    config: dict[str, Any]
    pieces: dict[str, Piece]
    store: Store
    patches: Mapping[str, Patch] = field(default_factory=dict)  # by name, as in `pieces`
    checked: list[nn.Module] = field(default_factory=list, compare=False)  # built for a check, to be filled later

    def patched(self, patches: Mapping[str, Patch]) -> Part:
        """The same network, with these parameters changed as they are read."""
        return replace(self, patches=patches)

    def shape(self, name: str) -> tuple[int, ...]:
        """A parameter's shape, of a name in `pieces`."""
        return self.store.shape(self.pieces[name])

    def check(self) -> None:
        """Raises BadModel where files and network do not fit together."""
        module = self._empty()
        self._wanted(module)
        self.checked[:] = [module]  # building SDXL's UNet takes two seconds, filled or not

    def load(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """The network on `device`, ready to run; never more than one tensor more in memory than the network itself."""
        module = self.checked.pop() if self.checked else self._empty()
        wanted = self._wanted(module)
        places = {name: self._place(piece) for name, piece in wanted.items()}
        tensors: dict[str, Tensor] = {}
        most = max(size for _, _, size in places.values())
        scratch = torch.empty(most, dtype=torch.uint8, pin_memory=device.type == "cuda")  # copied without a detour
        with ExitStack() as stack:
            opened: dict[Path, BinaryIO] = {}
            hashing: dict[Path, file_hash.Hashing | None] = {}
            for name in sorted(places, key=places.__getitem__):
                interrupt.check()
                path, entry = self.store.entries[wanted[name].name]
                if path not in opened:
                    opened[path] = stack.enter_context(path.open("rb", buffering=0))
                    hashing[path] = file_hash.begun(path)
                value = _read(opened[path], entry, wanted[name], scratch)
                if follow := hashing[path]:
                    _, start, size = places[name]
                    follow.follow(opened[path], start, memoryview(scratch[:size].numpy()))
                scale = self.store.scale(wanted[name])
                value = value if scale is None else scaled(value, scale, wanted[name])
                value = value.reshape(_shape(module, name))
                if patch := self.patches.get(name.removeprefix("text_model.")):
                    value = patch(value.to(device, torch.float32))
                tensors[name] = value.to(device, dtype, copy=True)
        module.load_state_dict(tensors, strict=True, assign=True)
        _fill_positions(module, device)
        return module.eval().requires_grad_(False)

    def _empty(self) -> nn.Module:
        with torch.device("meta"):
            return self.new(self.config)

    def _place(self, piece: Piece) -> tuple[Path, int, int]:
        """The file that holds it, where it begins there, and how long it is, bytes."""
        path, entry = self.store.entries[piece.name]
        return path, *_place(entry, piece)

    def _wanted(self, module: nn.Module) -> dict[str, Piece]:
        found: dict[str, Piece] = {}
        for name in module.state_dict():
            piece = self.pieces.get(name.removeprefix("text_model."))
            if piece is None:
                raise BadModel(f"{self._files()}: {name} of the {type(module).__name__} is missing: {REMEDY}")
            shape, needed = self.store.shape(piece), _shape(module, name)
            if _plain(shape) != _plain(needed):
                raise BadModel(f"{self._files()}: {piece.name} is {shape}, not {needed} as in its family: {REMEDY}")
            dtype = self.store.entries[piece.name][1].dtype
            if dtype.startswith(QUANTISED):
                check_kind(dtype)
            elif dtype not in DTYPES:
                raise BadModel(f"{self._files()}: {piece.name} is quantised: take a 16-bit or 32-bit checkpoint")
            self.store.scale(piece)
            found[name] = piece
        return found

    def paths(self) -> list[Path]:
        """The files it comes from."""
        return sorted({path for path, _ in self.store.entries.values()})

    def _files(self) -> str:
        return ", ".join(str(path) for path in self.paths())


REMEDY = "give a complete checkpoint"


def _read(file: BinaryIO, entry: Entry, piece: Piece, scratch: Tensor) -> Tensor:
    """The piece's values, in `scratch`: good until the next read."""
    rows, *rest = entry.shape or (1,)
    start, size = _place(entry, piece)
    shape = (rows if piece.third is None else rows // 3, *rest)
    raw = scratch[:size]
    view = memoryview(raw.numpy())
    file.seek(start)
    done = 0
    while done < size:
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise BadModel(f"{file.name}: ends within {piece.name}: download it again")
        done += count
    if entry.dtype.startswith(QUANTISED):
        value = torch.from_numpy(dequantised(raw.numpy(), entry.dtype)).reshape(shape)
    else:
        value = raw.view(DTYPES[entry.dtype]).reshape(shape)
    return value.T.contiguous() if piece.transposed else value


def _place(entry: Entry, piece: Piece) -> tuple[int, int]:
    """Where the piece begins in its file, and how long it is, bytes."""
    size = entry.end - entry.start
    if piece.third is None:
        return entry.start, size
    return entry.start + piece.third * (size // 3), size // 3


def read_tensor(path: Path, entry: Entry) -> Tensor:
    """One tensor of a file; BadModel for a data type that is no number of torch's or cannot be merged."""
    if entry.dtype not in DTYPES and entry.dtype not in WHOLE:
        raise BadModel(f"{path}: holds {entry.dtype} values, which cannot be read: take a 16-bit or 32-bit version")
    with path.open("rb") as file:
        file.seek(entry.start)
        data = bytearray(file.read(entry.end - entry.start))
    if not data:
        return torch.zeros(entry.shape)
    return torch.frombuffer(data, dtype={**DTYPES, **WHOLE}[entry.dtype]).reshape(entry.shape)


WHOLE = {"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8}


def scaled(value: Tensor, scale: Tensor, piece: Piece) -> Tensor:
    """8-bit weights as they are meant, float32; scale () or (rows of the whole tensor,)."""
    if scale.ndim and piece.third is not None:
        rows = len(scale) // 3
        scale = scale[piece.third * rows : (piece.third + 1) * rows]
    numbers = value.float()
    if scale.ndim == 0:
        return numbers * scale
    return numbers * (scale if piece.transposed else scale.reshape(-1, *[1] * (numbers.ndim - 1)))


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


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a parameter's values lie: a whole tensor, or one `third` of its rows (fused query, key and value)."""

    name: str
    third: int | None = None
    transposed: bool = False
