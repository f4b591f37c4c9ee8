"""GGUF files: where each tensor lies, and block-quantised values as numbers; by the package `gguf`, an extra."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from softextend.errors import BadModel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAGIC = b"GGUF"
QUANTISED = "GGUF_"  # of a data type's name, before what the format calls it: GGUF_Q8_0
PLAIN = ("F64", "F32", "F16", "BF16")  # stored as in safetensors
SHAPE = "comfy.gguf.orig_shape."  # where ComfyUI's tools keep what a tensor's shape was
ARCHITECTURE, NAME = "general.architecture", "general.name"


class Located(NamedTuple):
    """One tensor: bytes [start, end) of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_gguf(path: Path) -> tuple[dict[str, Located], dict[str, str]]:
    """Tensors by name, and what the file's maker wrote. BadModel: damaged, cut off, or `gguf` is not installed."""
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise BadModel(
            f"{path}: a GGUF file: install what reads it (pip install 'softextend[gguf]'), or take the model's "
            ".safetensors version"
        ) from error
    try:
        reader = GGUFReader(path)
        tensors = {str(each.name): _located(reader, each) for each in reader.tensors}
        texts = {name: _text(reader, name) for name in (ARCHITECTURE, NAME)}
    except (ValueError, IndexError, KeyError, OSError, OverflowError, MemoryError, UnicodeDecodeError) as error:
        raise BadModel(f"{path}: a GGUF file that is damaged or cut off: download it again") from error
    if not tensors or max(each.end for each in tensors.values()) > path.stat().st_size:
        raise BadModel(f"{path}: a GGUF file that is damaged or cut off: download it again")
    return tensors, {"modelspec.title": texts[NAME]} if texts[NAME] else {}


@cache
def check_kind(dtype: str) -> None:
    """BadModel where values of a block-quantised data type cannot be read."""
    import numpy as np
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    _, size = GGML_QUANT_SIZES[GGMLQuantizationType[dtype.removeprefix(QUANTISED)]]
    dequantised(np.zeros(size, np.uint8), dtype)


def dequantised(raw: npt.NDArray[np.uint8], dtype: str) -> npt.NDArray[np.float32]:
    """The bytes of a tensor, or of whole rows of it, as numbers in order, (N,). BadModel for a kind not known yet."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    kind = dtype.removeprefix(QUANTISED)
    try:
        found: npt.NDArray[np.float32] = dequantize(raw[None], GGMLQuantizationType[kind])[0]
    except NotImplementedError as error:
        raise BadModel(f"GGUF of kind {kind}: cannot be read: take Q8_0, Q6_K, Q5_K, Q4_K or a 16-bit one") from error
    return found


def _located(reader: Any, tensor: Any) -> Located:
    kind = tensor.tensor_type.name
    kept = reader.get_field(SHAPE + tensor.name)
    shape = [int(kept.parts[at][0]) for at in kept.data] if kept is not None else [int(each) for each in tensor.shape]
    ordered = tuple(shape if kept is not None else shape[::-1])  # the format counts from the innermost
    start = int(tensor.data_offset)
    return Located(kind if kind in PLAIN else QUANTISED + kind, ordered, start, start + int(tensor.n_bytes))


def _text(reader: Any, name: str) -> str:
    field = reader.get_field(name)
    return "" if field is None else bytes(field.parts[field.data[0]]).decode()
