"""SDXL's relatives with fewer blocks, and weights of 8 bits with scales: every value arrives where it belongs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tinysdxl
import torch
from marking import slow
from safetensors.torch import load_file, save_file
from tolerances import network
from torch import Tensor, nn

from softextend.errors import BadModel
from softextend.models.sdxl.checkpoint import SingleFile, _new_unet

CPU = torch.device("cpu")
RELATIVES: dict[str, dict[str, Any]] = {
    "ssd-1b": {
        "transformer_layers_per_block": [1, [2, 2], [4, 4]],
        "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1],
        "mid_block_type": "UNetMidBlock2D",
    },
    "vega": {"transformer_layers_per_block": [1, 1, 2], "mid_block_type": "UNetMidBlock2D"},
    "koala": {"transformer_layers_per_block": [1, 2, 5], "layers_per_block": 1},
    "inpainting": {"in_channels": 9},
}


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_configs(tmp_path_factory.mktemp("configs"), 514)


@pytest.fixture(scope="module")
def parts() -> dict[str, nn.Module]:
    return tinysdxl.make_parts(514)


@pytest.mark.parametrize("name", RELATIVES)
def test_a_unet_with_other_blocks_is_built_from_its_tensors(
    tmp_path: Path, configs: Path, parts: dict[str, nn.Module], name: str
) -> None:
    torch.manual_seed(1)
    unet = _new_unet(tinysdxl.UNET | RELATIVES[name]).eval()
    layers = RELATIVES[name].get("layers_per_block", 2)
    path = tinysdxl.write_single_file(tmp_path / "tiny.safetensors", {**parts, "unet": unet}, layers=layers)
    ours = SingleFile(path, configs).unet(torch.float32, CPU)
    assert ours.state_dict().keys() == unet.state_dict().keys()
    x = torch.randn(1, unet.config.in_channels, 8, 8)
    told = {"text_embeds": torch.randn(1, 32), "time_ids": torch.ones(1, 6)}
    hidden = torch.randn(1, 77, 64)
    with torch.no_grad():
        outs = [each(x, 500, hidden, added_cond_kwargs=told)[0] for each in (ours, unet)]
    torch.testing.assert_close(*outs, atol=network("float32", float(outs[1].abs().max())), rtol=0)


def eighths(path: Path, how: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The file's matrices as float8 with scales, and what they stand for."""
    tensors = load_file(path)
    packed, meant = dict(tensors), {}
    for name, value in tensors.items():
        if not name.endswith(".weight") or value.ndim < 2:
            continue
        rows = value.flatten(1).abs().amax(1) if how == "rows" else value.abs().max()
        scale = rows / 448
        shaped = scale.reshape(-1, *[1] * (value.ndim - 1)) if how == "rows" else scale
        packed[name] = (value / shaped).to(torch.float8_e4m3fn)
        stem = name.removesuffix(".weight")
        packed[f"{stem}.scale_weight" if how == "comfy" else f"{stem}.weight_scale"] = scale
        packed[f"{stem}.scale_input" if how == "comfy" else f"{stem}.input_scale"] = torch.tensor(0.5)
        meant[name] = packed[name].float() * shaped
    return packed, tensors | meant


@pytest.mark.parametrize("how", ["comfy", slow("one"), slow("rows")])
def test_weights_of_8_bits_are_multiplied_by_their_scales(
    tmp_path: Path, configs: Path, parts: dict[str, nn.Module], how: str
) -> None:
    plain = tinysdxl.write_single_file(tmp_path / "plain.safetensors", parts)
    packed, meant = eighths(plain, how)
    save_file(packed, tmp_path / "packed.safetensors")
    save_file(meant, tmp_path / "meant.safetensors")
    ours, theirs = (SingleFile(tmp_path / f"{name}.safetensors", configs) for name in ("packed", "meant"))
    for part in ours.parts:
        found, wanted = (each.parts[part].load(torch.float32, CPU).state_dict() for each in (ours, theirs))
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, msg=f"{part} {name}")


def test_scales_of_blocks_are_refused(tmp_path: Path, configs: Path, parts: dict[str, nn.Module]) -> None:
    path = tinysdxl.write_single_file(tmp_path / "plain.safetensors", parts)
    extra = {"model.diffusion_model.time_embed.0.weight_scale": torch.ones(2, 3)}
    save_file(load_file(path) | extra, path)
    with pytest.raises(BadModel, match=r"weight_scale is \(2, 3\), not one number or"):
        SingleFile(path, configs)
