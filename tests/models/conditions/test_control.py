"""ControlNets, against diffusers' own networks on a tiny SDXL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysdxl
import torch
from PIL import Image
from safetensors.torch import save_file
from tinyconditions import bare, controlnet

from softextend.errors import BadModel, BadRequest
from softextend.models.conditions.control import ControlNet, control_part
from softextend.models.conditions.laid_over import LaidOver
from softextend.models.conditions.options import Conditions
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.sdxl.checkpoint import Folder
from softextend.models.sdxl.model import SdxlModel
from softextend.types import Box, Scene, Span

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


def scene_of(model: SdxlModel, steps: tuple[float, ...] = ()) -> Scene:
    torch.manual_seed(3)
    known = np.ones((64, 96), bool)
    known[:, 60:] = False
    return Scene(
        z0=torch.zeros(1, 4, 8, 12),
        change=torch.ones(1, 1, 8, 12),
        known=known,
        filled=torch.rand(1, 3, 64, 96) * 2 - 1,
        conditioning=model.embed("a plant", "bad", np.zeros((8, 8, 3), np.uint8)),
        guidance=3.0,
        stage=0,
        seed=0,
        timesteps=steps,
    )


def control(path: Path, **given: Any) -> ControlNet:
    more: dict[str, Any] = {"scale": 0.8, "span": Span(), "kind": None, "picture": None}
    more |= {"unet": tinysdxl.UNET, "dtype": torch.float32, "device": CPU}
    return ControlNet(path, **{**more, **given})


def model_of(folder: Path, *controls: ControlNet) -> SdxlModel:
    return SdxlModel(
        Folder(folder),
        name="t",
        profile=SDXL_PROFILE,
        device=CPU,
        dtype=torch.float32,
        laid=LaidOver(controls=controls),
    )


def predicted(model: SdxlModel, scene: Scene, t: float = 601.0) -> torch.Tensor:
    torch.manual_seed(9)
    return model.predict(scene)(torch.randn(1, 4, 8, 12), t, torch.zeros(1, 1, 8, 12))


def by_diffusers(net: Any, model: SdxlModel, scene: Scene, shown: torch.Tensor, **more: Any) -> torch.Tensor:
    torch.manual_seed(9)
    x = torch.randn(1, 4, 8, 12).repeat(2, 1, 1, 1)
    told = (scene.conditioning.negative, scene.conditioning.prompt)
    hidden = torch.cat([each.hidden for each in told])
    ids = torch.tensor([[64.0, 96, 0, 0, 64, 96]] * 2)
    added = {"text_embeds": torch.cat([each.pooled for each in told]), "time_ids": ids}
    with torch.no_grad():
        down, middle = net(x, 601.0, hidden, conditioning_scale=0.8, added_cond_kwargs=added, return_dict=False, **more)
        residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        negative, positive = model.networks.unet()(x, 601.0, hidden, added_cond_kwargs=added, **residuals)[0].chunk(2)
    return negative + 3 * (positive - negative)


def assert_close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(found, wanted, atol=1e-3 * float(wanted.abs().max()), rtol=0)


def test_a_plain_one_with_its_picture(folder: Path, tmp_path: Path) -> None:
    net = controlnet(tmp_path / "canny", union=False)
    picture = tmp_path / "edges.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)).save(picture)
    model = model_of(folder, control(tmp_path / "canny", picture=picture))
    scene = scene_of(model)
    shown = (
        torch.from_numpy(np.asarray(Image.open(picture)) / np.float32(255)).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
    )
    assert_close(predicted(model, scene), by_diffusers(net, model, scene, shown, controlnet_cond=shown))
    assert (predicted(model_of(folder), scene) - predicted(model, scene)).abs().max() > 1e-3


def test_an_inpainting_one_is_shown_new_pixels_as_minus_one(folder: Path, tmp_path: Path) -> None:
    net = controlnet(tmp_path / "inpaint", union=False)
    model = model_of(folder, control(tmp_path / "inpaint"))
    scene = scene_of(model)
    shown = (scene.filled + 1) / 2
    shown[..., 60:] = -1
    shown = shown.repeat(2, 1, 1, 1)
    assert_close(predicted(model, scene), by_diffusers(net, model, scene, shown, controlnet_cond=shown))


@pytest.mark.parametrize(("kind", "index"), [(None, 7), ("tile", 6)])
def test_a_union_repaints_or_tiles(folder: Path, tmp_path: Path, kind: str | None, index: int) -> None:
    net = controlnet(tmp_path / "union", union=True)
    model = model_of(folder, control(tmp_path / "union", kind=kind))
    scene = scene_of(model)
    shown = (scene.filled + 1) / 2
    if kind is None:
        shown[..., 60:] = 0
    types = torch.zeros(2, 8)
    types[:, index] = 1
    wanted = by_diffusers(
        net,
        model,
        scene,
        shown,
        controlnet_cond=[shown.repeat(2, 1, 1, 1)],
        control_type=types,
        control_type_idx=[index],
    )
    assert_close(predicted(model, scene), wanted)


def original(name: str) -> str:
    """diffusers -> the layout of the authors' own files."""
    if found := re.fullmatch(r"controlnet_cond_embedding\.(conv_in|conv_out|blocks\.(\d+))\.(\w+)", name):
        at = {"conv_in": 0, "conv_out": 14}.get(found[1], 2 * (int(found[2] or 0) + 1))
        return f"control_model.input_hint_block.{at}.{found[3]}"
    if found := re.fullmatch(r"controlnet_down_blocks\.(\d+)\.(\w+)", name):
        return f"control_model.zero_convs.{found[1]}.0.{found[2]}"
    if name.startswith("controlnet_mid_block"):
        return name.replace("controlnet_mid_block", "control_model.middle_block_out.0")
    return "control_model." + tinysdxl.original_unet(name)


def test_a_file_alone_in_either_layout(tmp_path: Path) -> None:
    net = controlnet(tmp_path / "inpaint", union=False)
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    (tmp_path / "files").mkdir()
    for title, names in (("a", {name: name for name in state}), ("b", {name: original(name) for name in state})):
        save_file({names[name]: value for name, value in state.items()}, tmp_path / "files" / f"{title}.safetensors")
        part = control_part(tmp_path / "files" / f"{title}.safetensors", tinysdxl.UNET)
        loaded = part.load(torch.float32, CPU).state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in state.items())


def test_scale_nought_and_steps(folder: Path, tmp_path: Path) -> None:
    controlnet(tmp_path / "inpaint", union=False)
    plain = model_of(folder)
    scene = scene_of(plain, steps=(900.0, 700.0, 500.0, 300.0))
    assert_close(predicted(model_of(folder, control(tmp_path / "inpaint", scale=0.0)), scene), predicted(plain, scene))
    first = model_of(folder, control(tmp_path / "inpaint", span=Span(end=0.5)))
    acts = [bool((predicted(first, scene, t) - predicted(plain, scene, t)).abs().max() > 1e-4) for t in scene.timesteps]
    assert acts == [True, True, False, False]


def test_a_window_is_shown_its_part_of_the_picture(tmp_path: Path) -> None:
    from dataclasses import replace

    controlnet(tmp_path / "canny", union=False)
    pixels = np.random.default_rng(0).integers(0, 255, (80, 160, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    made = control(tmp_path / "canny", picture=tmp_path / "p.png")
    known = np.ones((64, 96), bool)
    scene = replace(bare(known), box=Box(top=16, left=64, bottom=80, right=160), canvas=(80, 160))
    wanted = torch.from_numpy(pixels[16:, 64:] / np.float32(255)).permute(2, 0, 1)[None]
    torch.testing.assert_close(made.shown(scene), wanted)


def test_what_does_not_belong_is_named(tmp_path: Path) -> None:
    controlnet(tmp_path / "canny", union=False)
    with pytest.raises(BadRequest, match="needs --control-image FILE"):
        control(tmp_path / "canny")
    with pytest.raises(BadRequest, match="is no union ControlNet"):
        control(tmp_path / "canny", kind="tile")
    with pytest.raises(BadModel, match=r"made for prompts \d+ wide, the model's are 768"):
        control(tmp_path / "canny", unet={**tinysdxl.UNET, "cross_attention_dim": 768})
    save_file({"x.lora_up.weight": torch.zeros(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(BadModel, match="no ControlNet; it looks like a LoRA"):
        control(tmp_path / "l.safetensors")
    with pytest.raises(BadRequest, match="--control-image: says what a ControlNet looks at"):
        Conditions(control_image=tmp_path / "x.png")
    found = Conditions(control=["a.safetensors:0.5:0-0.4", "b.safetensors"]).controls
    assert [(each.scale, str(each.span)) for each in found] == [(0.5, "0-0.4"), (1.0, "0-1")]
