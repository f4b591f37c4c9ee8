"""GGUF files: a UNet in blocks of 8 bits over a tiny SDXL, and what is said of files that cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import tinysdxl
import torch
from running import photo

from softextend import cli
from softextend.errors import BadModel
from softextend.models.find import resolve_model
from softextend.models.sdxl.checkpoint import unet_file
from softextend.models.weights.header import read_header
from softextend.models.weights.tensors import Part, Piece, Store

CPU = torch.device("cpu")
LINEAR = {"in_features": 1024, "out_features": 2, "bias": False}


def write_gguf(path: Path, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As ComfyUI's tools: matrices in blocks, convolutions flat with their shape beside; what it is read as."""
    writer = gguf.GGUFWriter(path, "sdxl")
    read: dict[str, torch.Tensor] = {}
    for key, value in tensors.items():
        array = value.float().numpy()
        flat = array.reshape(array.shape[0], -1)
        if array.ndim > 1 and flat.shape[1] % 32 == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
            packed = gguf.quants.quantize(flat, kind)
            if array.ndim > 2:
                writer.add_array(f"comfy.gguf.orig_shape.{key}", list(array.shape))
            writer.add_tensor(key, packed, raw_dtype=kind)
            array = gguf.quants.dequantize(packed, kind).reshape(array.shape)
        else:
            array = array.astype(np.float16)
            writer.add_tensor(key, array)
        read[key] = torch.from_numpy(array.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return read


@pytest.mark.parametrize("layout", ["original", "diffusers"])
def test_a_unet_in_blocks_is_read_as_the_format_says(tmp_path: Path, layout: str) -> None:
    state = tinysdxl.make_parts(514, seed=5)["unet"].state_dict()
    names = {name: tinysdxl.original_unet(name) if layout == "original" else name for name in state}
    wanted = write_gguf(tmp_path / "u.gguf", {names[name]: value for name, value in state.items()})
    part = unet_file(tmp_path / "u.gguf", tinysdxl.UNET)
    assert any(entry.dtype == "GGUF_Q8_0" for _, entry in part.store.entries.values())
    made = part.load(torch.float32, CPU).state_dict()
    assert all(torch.equal(made[name], wanted[names[name]]) for name in state)
    assert any((made[name] - value).abs().max() > 0 for name, value in state.items())


KINDS = [each for each in gguf.GGMLQuantizationType if each.name not in ("F64", "F32", "F16", "BF16")]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_of_blocks_is_read_or_named(tmp_path: Path, kind: gguf.GGMLQuantizationType) -> None:
    """Blocks of any bytes, of which a half is a fused projection's second third; what `gguf` reads alike, we do."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = np.random.default_rng(kind.value).integers(
        0, 60, (6, 1024 // block * size), np.uint8
    )  # no scale of them is inf
    writer = gguf.GGUFWriter(tmp_path / "x.gguf", "sdxl")
    writer.add_tensor("w", raw, raw_dtype=kind)
    for write in (
        writer.write_header_to_file,
        writer.write_kv_data_to_file,
        writer.write_tensors_to_file,
        writer.close,
    ):
        write()
    store = Store.of({tmp_path / "x.gguf": read_header(tmp_path / "x.gguf").tensors})
    part = Part(lambda config: torch.nn.Linear(**config), LINEAR, {"weight": Piece("w", third=1)}, store)
    try:
        wanted = gguf.quants.dequantize(raw, kind)[2:4]
    except NotImplementedError:
        with pytest.raises(BadModel, match=f"GGUF of kind {kind.name}: cannot be read: take Q8_0"):
            part.check()
        return
    assert np.isfinite(wanted).all()
    assert wanted.any()
    assert np.array_equal(part.load(torch.float32, CPU).state_dict()["weight"].numpy(), wanted)


def test_from_the_command_line_over_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tinysdxl.write_folder(tmp_path / "sdxl")
    photo(tmp_path / "a.png")
    write_gguf(tmp_path / "thing_lightning_4step.gguf", tinysdxl.make_parts(514, seed=5)["unet"].state_dict())
    line = ["extend", tmp_path / "a.png", "--sides", "0 16 0 0", "--model", tmp_path / "sdxl", "--seed", "1"]
    line += ["--unet", tmp_path / "thing_lightning_4step.gguf", "--device", "cpu", "-o", tmp_path / "x.png"]
    assert cli.run([str(each) for each in line]) == 0
    shown = ["models", "--model", tmp_path / "sdxl", "--unet", tmp_path / "thing_lightning_4step.gguf"]
    assert cli.run([str(each) for each in shown]) == 0
    assert "few-step" in capsys.readouterr().out


def test_what_a_file_is_and_what_is_wrong_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
    tensors = {"input_blocks.0.0.weight": torch.zeros(32, 4, 3, 3), key: torch.zeros(4, 2048)}
    write_gguf(tmp_path / "u.gguf", tensors)
    with pytest.raises(BadModel, match=r"an SDXL UNet alone.*give it as --unet FILE over --model CHECKPOINT"):
        resolve_model(str(tmp_path / "u.gguf"))
    write_gguf(tmp_path / "flux.gguf", {"double_blocks.0.img_attn.norm.weight": torch.zeros(32, 32)})
    with pytest.raises(BadModel, match="a Flux model"):
        resolve_model(str(tmp_path / "flux.gguf"))
    whole = (tmp_path / "u.gguf").read_bytes()
    for cut in (9, 40, len(whole) - 64):
        (tmp_path / "cut.gguf").write_bytes(whole[:cut])
        with pytest.raises(BadModel, match="GGUF file that is damaged or cut off"):
            resolve_model(str(tmp_path / "cut.gguf"))
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(BadModel, match=r"pip install 'softextend\[gguf\]'"):
        resolve_model(str(tmp_path / "u.gguf"))
