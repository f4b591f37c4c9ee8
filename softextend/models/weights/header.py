"""What a weights file says of itself before any of it is loaded: safetensors headers, with the standard library."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from softextend.errors import BadModel
from softextend.models.weights.gguf_file import MAGIC, read_gguf

PICKLE_SUFFIXES = frozenset({".ckpt", ".bin", ".pt", ".pth", ".pkl"})
LENGTH_AND_BRACE = b"\0\0\0\0\0\0\0\0{"
MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors format
BYTES: dict[str, float] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
BYTES |= {"F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "F8_E8M0": 1, "F4": 0.5, "C64": 8}
BYTES |= {"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor: bytes [start, end) of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """Tensors by name, and what the file's maker wrote about it."""

    tensors: dict[str, Entry]
    metadata: dict[str, str]


def read_header(path: Path) -> Header:
    """Checked against the file's size. Raises BadModel: a pickle, no safetensors, damaged, cut off, unreadable."""
    refuse_pickle(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(len(LENGTH_AND_BRACE))
            length = int.from_bytes(start[:8], "little")
            file.seek(8)
            text = file.read(length) if _is_header(start) and length <= min(MAX_HEADER, size - 8) else b""
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror}): check the path and its permissions") from error
    if start.startswith(MAGIC):
        found, said = read_gguf(path)
        return Header({name: Entry(*each) for name, each in found.items()}, said)
    if not _is_header(start):
        _refuse_other_kinds(path, start, size)
    if not text:
        raise BadModel(f"{path}: no safetensors file, or cut off inside its header: download it again")
    try:
        found = json.loads(text)
        metadata = {str(key): str(value) for key, value in (found.pop("__metadata__", None) or {}).items()}
        tensors = {name: _entry(value, 8 + length) for name, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadModel(f"{path}: its safetensors header is damaged: download it again") from error
    end = max((entry.end for entry in tensors.values()), default=8 + length)
    if end != size:
        what = "cut off" if size < end else "damaged"
        raise BadModel(f"{path}: {what}: {size:,} bytes where its header tells of {end:,}: download it again")
    return Header(tensors, metadata)


def read_numbers(path: Path, entry: Entry) -> list[float]:
    """A small tensor's values. Raises BadModel where the file ends within them or they are no plain numbers."""
    form = {"F64": "d", "F32": "f", "F16": "e"}.get(entry.dtype)
    try:
        with path.open("rb") as file:
            file.seek(entry.start)
            raw = file.read(entry.end - entry.start)
        if entry.dtype == "BF16":  # the upper half of a float32
            raw, form = b"".join(b"\0\0" + raw[at : at + 2] for at in range(0, len(raw), 2)), "f"
        return list(struct.unpack(f"<{prod(entry.shape)}{form}", raw))
    except (OSError, struct.error) as error:
        raise BadModel(f"{path}: a number in it cannot be read ({error}): download it again") from error


def refuse_pickle(path: Path) -> None:
    """Raises BadModel for a pickle checkpoint, by name or by content."""
    try:
        with path.open("rb") as file:
            start = file.read(len(LENGTH_AND_BRACE))
    except OSError:
        start = b""
    pickled = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    zipped = start[:4] == b"PK\x03\x04"  # what torch.save makes
    if path.suffix.lower() in PICKLE_SUFFIXES or ((pickled or zipped) and not _is_header(start)):
        raise BadModel(
            f"{path}: a pickle checkpoint, which can run any program when it is opened: "
            "take the model's .safetensors version, or convert it to that"
        )


def _is_header(start: bytes) -> bool:
    """Eight bytes of length may look like anything; the brace after them tells safetensors from other files."""
    return start[8:] == LENGTH_AND_BRACE[8:]


def _entry(value: dict[str, Any], data: int) -> Entry:
    start, end = value["data_offsets"]
    shape = tuple(value["shape"])
    if not 0 <= start <= end or end - start != prod(shape) * BYTES[value["dtype"]]:
        raise ValueError("offsets and shape disagree")
    return Entry(value["dtype"], shape, data + start, data + end)


def _refuse_other_kinds(path: Path, start: bytes, size: int) -> None:
    """Files that are often saved under a checkpoint's name by mistake."""
    if size == 0:
        raise BadModel(f"{path}: is empty: download it again")
    if start.startswith(b"version "):
        raise BadModel(f"{path}: a Git LFS pointer, not the weights: run `git lfs pull` or download the file itself")
    if start.lstrip()[:1] in (b"<", b"{"):
        raise BadModel(f"{path}: a web page or text, not weights: download it again, signed in where the site asks")
