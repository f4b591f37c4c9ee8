"""Sparse files of full size: the shipped configs are those of the published models, and their headers fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tinysd
import tinysdxl
import torch
from running import Run, photo
from torch import nn

from softextend.models.find import resolve_model
from softextend.models.load import check_model
from softextend.models.sd.checkpoint import SD1, SD2
from softextend.models.sdxl.checkpoint import SDXL, TEXT_ENCODERS, Layout, _new_unet, _new_vae
from softextend.models.weights.diffusers_folder import read_json

PARAMETERS = {  # of the published networks: their model cards, and Podell et al., arXiv:2307.01952
    "sd1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sd2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "sdxl": {"unet": 2_567_463_684, "vae": 83_653_863},
}
LAYOUTS = {"sd1": SD1, "sd2": SD2, "sdxl": SDXL}


def networks(layout: Layout, channels: int = 4) -> dict[str, nn.Module]:
    """All of a family, at full size, without memory."""
    with torch.device("meta"):
        unet = _new_unet(read_json(layout.configs / "unet.json") | {"in_channels": channels})
        parts = {"unet": unet, "vae": _new_vae(read_json(layout.configs / "vae.json"))}
        for name in layout.encoders:
            parts[name] = TEXT_ENCODERS[name](read_json(layout.configs / f"{name}.json"))
    return parts


@pytest.mark.parametrize("family", LAYOUTS)
def test_the_shipped_configs_are_of_the_published_networks(family: str) -> None:
    parts = networks(LAYOUTS[family])
    found = {name: sum(each.numel() for each in parts[name].parameters()) for name in PARAMETERS[family]}
    assert found == PARAMETERS[family]


@pytest.mark.parametrize(("family", "channels"), [("sd1", 4), ("sd2", 9)])
def test_a_file_of_full_size_fits(tmp_path: Path, family: str, channels: int) -> None:
    state = tinysd.single_file_state(family, networks(LAYOUTS[family], channels))
    path = tinysdxl.write_header(
        tmp_path / "full.safetensors", {name: list(each.shape) for name, each in state.items()}
    )
    ref = resolve_model(str(path))
    assert (ref.choice.family, ref.choice.channels) == (family, channels)
    check_model(ref)


def test_the_published_names_of_an_inpainting_checkpoint_fit(shared: Path, tmp_path: Path, run: Run) -> None:
    shapes = json.loads((shared / "golden" / "sdxl_keys.json").read_text())
    shapes = {name: each["shape"] if isinstance(each, dict) else each for name, each in shapes.items()}
    first = "model.diffusion_model.input_blocks.0.0.weight"
    path = tinysdxl.write_header(tmp_path / "inpainting.safetensors", shapes | {first: [320, 9, 3, 3]})
    photo(tmp_path / "photo.png")
    ran = run("extend", tmp_path / "photo.png", "--all", "8", "--model", path, "--dry-run")
    assert ran.code == 0, ran.err
    ran = run("models", "--model", path)
    assert "SDXL, inpainting (9 channels), predicts epsilon" in ran.out
    del shapes["model.diffusion_model.output_blocks.4.0.out_layers.3.bias"]
    ran = run("models", "--model", tinysdxl.write_header(tmp_path / "cut.safetensors", shapes))
    assert ran.code == 1
    assert "of the UNet2DConditionModel is missing: give a complete checkpoint" in ran.err
