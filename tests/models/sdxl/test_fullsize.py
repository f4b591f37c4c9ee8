"""Sparse files of full size: the shipped configs are those of the published models, and their headers fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tinysd
import tinysdxl
import torch
from running import Run, photo
from torch import nn

from softextend.models.conditions.control import TAKEN
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


def lora_shapes(unet: nn.Module) -> dict[str, list[int]]:
    """Kohya's, rank 16, of every attention of the UNet."""
    found: dict[str, list[int]] = {}
    for name, module in unet.named_modules():
        if isinstance(module, nn.Linear) and ".attn" in name:
            stem = f"lora_unet_{name.replace('.', '_')}"
            found |= {f"{stem}.lora_down.weight": [16, module.in_features], f"{stem}.alpha": []}
            found[f"{stem}.lora_up.weight"] = [module.out_features, 16]
    return found


def adapter_shapes(unet: Any) -> dict[str, list[int]]:
    """ip-adapter-plus_sdxl_vit-h: 16 queries, four layers of 20 heads."""
    wide, inner = 2048, 1280
    norm = {"weight": [inner], "bias": [inner]}
    layer = {f"0.norm{at}.{leaf}": shape for at in (1, 2) for leaf, shape in norm.items()}
    layer |= {"0.to_q.weight": [inner, inner], "0.to_kv.weight": [2 * inner, inner], "0.to_out.weight": [inner, inner]}
    layer |= {
        "1.0.weight": [inner],
        "1.0.bias": [inner],
        "1.1.weight": [4 * inner, inner],
        "1.3.weight": [inner, 4 * inner],
    }
    found = {"latents": [1, 16, inner], "proj_in.weight": [inner, 1280], "proj_in.bias": [inner]}
    found |= {"proj_out.weight": [wide, inner], "proj_out.bias": [wide]}
    found |= {"norm_out.weight": [wide], "norm_out.bias": [wide]}
    found |= {f"layers.{at}.{name}": shape for at in range(4) for name, shape in layer.items()}
    shapes = {f"image_proj.{name}": shape for name, shape in found.items()}
    for index, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            out = unet.get_submodule(name.removesuffix(".processor")).to_q.out_features
            shapes |= {f"ip_adapter.{index}.{part}.weight": [out, wide] for part in ("to_k_ip", "to_v_ip")}
    return shapes


def vit_h_shapes() -> dict[str, list[int]]:
    """OpenCLIP ViT-H in its own layout, the image half."""
    wide, inner = 1280, 5120
    shapes = {"class_embedding": [wide], "positional_embedding": [257, wide], "proj": [wide, 1024]}
    shapes["conv1.weight"] = [wide, 3, 14, 14]
    for name in ("ln_pre", "ln_post", *(f"transformer.resblocks.{at}.ln_{n}" for at in range(32) for n in (1, 2))):
        shapes |= {f"{name}.weight": [wide], f"{name}.bias": [wide]}
    for at in range(32):
        block = f"transformer.resblocks.{at}."
        shapes |= {block + "attn.in_proj_weight": [3 * wide, wide], block + "attn.in_proj_bias": [3 * wide]}
        for name, out, into in (("attn.out_proj", wide, wide), ("mlp.c_fc", inner, wide), ("mlp.c_proj", wide, inner)):
            shapes |= {f"{block}{name}.weight": [out, into], f"{block}{name}.bias": [out]}
    return {f"visual.{name}": shape for name, shape in shapes.items()}


def union_shapes() -> dict[str, list[int]]:
    """The union ControlNet of eight types."""
    from diffusers import ControlNetUnionModel

    config = read_json(SDXL.configs / "unet.json")
    with torch.device("meta"):
        net = ControlNetUnionModel.from_config(
            {name: config[name] for name in TAKEN if name in config} | {"num_control_type": 8}
        )
    return {name: list(each.shape) for name, each in net.state_dict().items()}


def refiner_shapes() -> dict[str, list[int]]:
    """In the original layout."""
    with torch.device("meta"):
        unet = _new_unet(read_json(SDXL.configs / "refiner_unet.json"))
        text = TEXT_ENCODERS["text_encoder_2"](read_json(SDXL.configs / "text_encoder_2.json"))
    state = {"model.diffusion_model." + tinysd.original_unet(name): each for name, each in unet.state_dict().items()}
    state |= {f"conditioner.embedders.0.model.{n}": each for n, each in tinysdxl.original_open_clip(text).items()}
    return {name: list(each.shape) for name, each in state.items()}


@pytest.mark.slow
def test_conditions_of_full_size_fit_a_checkpoint_of_full_size(shared: Path, tmp_path: Path, run: Run) -> None:
    """Every network beside the model, in sparse files with the published names and shapes, opened by a dry run."""
    keys = json.loads((shared / "golden" / "sdxl_keys.json").read_text())
    shapes = {name: each["shape"] if isinstance(each, dict) else each for name, each in keys.items()}
    unet = networks(SDXL)["unet"]
    files = {"base": shapes, "lora": lora_shapes(unet), "adapter": adapter_shapes(unet), "encoder": vit_h_shapes()}
    files |= {"union": union_shapes(), "refiner": refiner_shapes(), "word": {"clip_l": [2, 768], "clip_g": [2, 1280]}}
    at = {name: tinysdxl.write_header(tmp_path / f"{name}.safetensors", each) for name, each in files.items()}
    photo(tmp_path / "photo.png")
    words = ["extend", tmp_path / "photo.png", "--all", "8", "--model", at["base"], "--dry-run", "--seed", "1"]
    words += ["--lora", at["lora"], "--image-prompt", "self", "--image-adapter", at["adapter"], "--image-encoder"]
    words += [at["encoder"], "--control", at["union"], "--refiner", at["refiner"], "--embedding", f"x={at['word']}"]
    ran = run(*words)
    assert ran.code == 0, ran.err
    assert "not used" not in ran.err
    assert "guidance" in ran.out
    for wrong, option in (
        ("union", "--lora"),
        ("lora", "--control"),
        ("word", "--image-adapter"),
        ("lora", "--refiner"),
    ):
        again = [at[wrong] if words[index - 1] == option else word for index, word in enumerate(words)]
        ran = run(*again)
        assert ran.code == 1, ran.err
        assert f"softextend: {option}" in ran.err


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
