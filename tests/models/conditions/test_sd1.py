"""What is laid over Stable Diffusion 1.5, against diffusers' own pipelines on tiny models, and from file to file."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinyconditions
import tinysd
import torch
from marking import slow
from PIL import Image
from pipelines import BETAS, RUN, SIZE, assert_close, image_to_image, loaded, picture, pipeline, sampled
from safetensors.torch import load_file, save_file

from softextend import cli
from softextend.errors import BadModel
from softextend.models.conditions.image_prompt import to_clip
from softextend.models.conditions.options import Conditions
from softextend.models.conditions.textual_inversion import read_vectors

CONTEXT = tinysd.UNET["cross_attention_dim"]
MODULES = ("down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "mid_block.resnets.0.conv1")
TEXT = "text_model.encoder.layers.0.self_attn.q_proj"
TOKENS = torch.Generator().manual_seed(5)
KINDS = ("lora", "image", "control")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion 1.5 with a LoRA, an IP-Adapter, a ControlNet for inpainting, a photo and words."""
    home = tmp_path_factory.mktemp("sd1")
    tinysd.write_folder(home / "sd1", scheduler=BETAS)
    parts = tinysd.make_parts("sd1", 514)
    lora(home / "style.safetensors", parts)
    tinyconditions.adapter(home / "adapter.safetensors", plus=False, context=CONTEXT, unet=parts["unet"])
    tinyconditions.write_encoder(home / "encoder")
    tinyconditions.controlnet(home / "inpaint", union=False, unet=tinysd.UNET)
    y, x = np.mgrid[:40, :48]
    Image.fromarray(np.stack([x * 3, y * 3, (x + y) * 2], axis=2).astype(np.uint8)).save(home / "photo.png")
    words = {f"trainable_embeddings.{name}": torch.randn(3, 32, generator=TOKENS) for name in ("P_ctxt", "P_obj")}
    save_file({**words, "text_model.final_layer_norm.weight": torch.ones(32)}, home / "tokens.safetensors")
    return home


def lora(path: Path, parts: dict[str, Any]) -> None:
    """In kohya's names, of a linear layer, a convolution and the text encoder."""
    torch.manual_seed(1)
    tensors: dict[str, torch.Tensor] = {}
    for stem, module in changed(parts).items():
        out, into, *kernel = module.weight.shape
        tensors[f"{stem}.lora_down.weight"] = torch.randn(4, into, *kernel) * 0.2
        tensors[f"{stem}.lora_up.weight"] = torch.randn(out, 4, *[1] * len(kernel)) * 0.2
        tensors[f"{stem}.alpha"] = torch.tensor(2.0)
    tinyconditions.saved(path, tensors)


def changed(parts: dict[str, Any]) -> dict[str, Any]:
    """The modules that the LoRA changes, by their names in it."""
    found = {f"lora_unet_{name.replace('.', '_')}": parts["unet"].get_submodule(name) for name in MODULES}
    text = parts["text_encoder"].get_submodule(TEXT.removeprefix("text_model."))
    return {**found, f"lora_te_{TEXT.replace('.', '_')}": text}


def merged(home: Path, parts: dict[str, Any], weight: float) -> None:
    """W + weight (alpha / rank) up down, arXiv:2106.09685."""
    tensors = load_file(home / "style.safetensors")
    for stem, module in changed(parts).items():
        down, up = (tensors[f"{stem}.lora_{end}.weight"] for end in ("down", "up"))
        module.weight += weight * 2.0 / 4 * (up.flatten(1) @ down.flatten(1)).view_as(module.weight)


def laid(home: Path, kinds: tuple[str, ...]) -> Conditions:
    options: dict[str, Any] = {}
    if "lora" in kinds:
        options["lora"] = [f"{home / 'style.safetensors'}:0.9"]
    if "image" in kinds:
        options |= {"image_prompt": str(home / "photo.png"), "image_adapter": home / "adapter.safetensors"}
        options |= {"image_encoder": home / "encoder", "image_weight": 0.7}
    if "control" in kinds:
        options["control"] = [f"{home / 'inpaint'}:0.8"]
    return Conditions(**options)


def known() -> np.ndarray[Any, Any]:
    found = np.ones(SIZE, bool)
    found[:, 64:] = False
    return found


@pytest.mark.parametrize("kinds", [*(slow((each,)) for each in KINDS), KINDS], ids="+".join)
def test_the_pipelines_picture(home: Path, monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, ...]) -> None:
    """With a graded map of ones diffusers' image-to-image and ours are one; ControlNet beside."""
    from diffusers import ControlNetModel

    parts = copy.deepcopy(tinysd.make_parts("sd1", 514))
    if "lora" in kinds:
        merged(home, parts, 0.9)
    control = "control" in kinds
    if control:
        parts["controlnet"] = ControlNetModel.from_pretrained(home / "inpaint").eval()
    named = "StableDiffusionControlNetImg2ImgPipeline" if control else "StableDiffusionImg2ImgPipeline"
    pipe = pipeline(named, home / "sd1", parts, {})
    more: dict[str, Any] = {}
    if "image" in kinds:
        more["ip_adapter_image_embeds"] = shown_picture(home, pipe)
    if control:
        filled = (picture() + 1) / 2
        more |= {"control_image": torch.where(torch.from_numpy(known())[None, None], filled, -1.0)}
        more["controlnet_conditioning_scale"] = 0.8
    theirs = image_to_image(monkeypatch, pipe, **more)
    change = torch.ones(1, 1, 8, 12)
    ours = [sampled(loaded(home / "sd1", each), change, **RUN, known=known()) for each in (laid(home, kinds), None)]
    assert_close(ours[0], theirs)
    assert (ours[1] - theirs).abs().max() > 3e-3 * theirs.abs().max()


def shown_picture(home: Path, pipe: Any) -> list[torch.Tensor]:
    """The embeddings of the photo as the pipeline takes them, none first."""
    from transformers import CLIPVisionModelWithProjection

    encoder = CLIPVisionModelWithProjection.from_pretrained(home / "encoder").eval()
    pipe.load_ip_adapter(str(home), subfolder="", weight_name="adapter.safetensors", image_encoder_folder=None)
    pipe.set_ip_adapter_scale(0.7)
    with torch.no_grad():
        shown = encoder(to_clip(np.asarray(Image.open(home / "photo.png")), 28)[None]).image_embeds[None]
    return [torch.cat([torch.zeros_like(shown), shown])]


def words(home: Path, kinds: tuple[str, ...]) -> list[str]:
    given = laid(home, kinds)
    return [
        word
        for name, value in given.as_dict().items()
        for each in (value if isinstance(value, list) else [value])
        for word in (f"--{name.replace('_', '-')}", str(each))
    ]


def extended(home: Path, out: Path, *more: object, model: str = "sd1") -> np.ndarray[Any, Any]:
    where = ["--model", home / model, "--sides", "0 16 0 0", "--steps", "2", "--strength", "1", "--seed", "7"]
    where += ["--device", "cpu", "--dtype", "float32", "--fill", "edge", "--overlap", "8", "--feather", "16"]
    line = ["extend", home / "photo.png", *where, *more, "-o", out, "--overwrite", "-q"]
    assert cli.run([str(each) for each in line]) == 0
    return np.asarray(Image.open(out)).astype(int)


@pytest.mark.slow
def test_from_file_to_file_each_acts_alone_and_beside_the_others(home: Path, tmp_path: Path) -> None:
    plain = extended(home, tmp_path / "x.png")
    alone = {kind: extended(home, tmp_path / "x.png", *words(home, (kind,))) for kind in KINDS}
    together = extended(home, tmp_path / "x.png", *words(home, KINDS))
    for kind, found in alone.items():
        assert np.array_equal(found[:, :24], plain[:, :24])
        assert not np.array_equal(found, plain), kind
        assert not np.array_equal(found, together), kind
    recipe = json.loads(Image.open(tmp_path / "x.png").text["softextend"])  # type: ignore[attr-defined]
    kinds = [each["kind"] for each in recipe["model"]["conditions"]]
    assert kinds == ["lora", "image prompt", "image adapter", "control"]


def test_task_tokens_over_an_inpainting_unet(home: Path, tmp_path: Path) -> None:
    """As PowerPaint: a UNet of 9 channels over the model, several words out of one file, told in the prompts."""
    unet = tinysd.make_parts("sd1", 514, channels=9, seed=3)["unet"].state_dict()
    save_file({name: value.contiguous() for name, value in unet.items()}, tmp_path / "powerpaint.safetensors")
    named = [f"{name}={home / 'tokens.safetensors'}" for name in ("P_ctxt", "P_obj")]
    learned = [word for each in named for word in ("--embedding", each)]
    over = ["--unet", tmp_path / "powerpaint.safetensors", *learned]
    found = extended(home, tmp_path / "a.png", *over, "-p", "a sea P_ctxt", "-n", "P_obj")
    plain = extended(home, tmp_path / "b.png", *over, "-p", "a sea", "-n", "")
    assert not np.array_equal(found, plain)
    assert not np.array_equal(plain, extended(home, tmp_path / "c.png", "-p", "a sea"))


@pytest.mark.slow
def test_a_textual_inversion_is_as_diffusers_loads_it(home: Path, tmp_path: Path) -> None:
    values = torch.randn(3, 32, generator=torch.Generator().manual_seed(2))
    pipe = pipeline("StableDiffusionPipeline", home / "sd1", copy.deepcopy(tinysd.make_parts("sd1", 514)), {})
    pipe.load_textual_inversion(values, token="mystyle")
    with torch.no_grad():
        wanted = pipe.encode_prompt("a mystyle ball", torch.device("cpu"), 1, True, negative_prompt="bad")
    for key in ("emb_params", "clip_l", "mystyle", "<mystyle>"):
        save_file({key: values}, tmp_path / "e.safetensors")
        told = loaded(home / "sd1", Conditions(embedding=[f"mystyle={tmp_path / 'e.safetensors'}"]))
        found = told.embed("a mystyle ball", "bad").prompt
        assert found is not None
        assert_close(found.hidden, wanted[0])


def test_words_of_another_family_are_named(tmp_path: Path) -> None:
    for tensors, widths, said in (
        (
            {"clip_l": torch.zeros(2, 768), "clip_g": torch.zeros(2, 1280)},
            [768],
            "inversion of SDXL: give one of",
        ),
        ({"emb_params": torch.zeros(2, 1024)}, [768], r"of Stable Diffusion 2 \(vectors of 1024 numbers\)"),
        ({"emb_params": torch.zeros(2, 768)}, [768, 1280], "Stable Diffusion 1.5 or 2.*give one of SDXL"),
        ({"x.lora_up.weight": torch.zeros(2, 2), "y": torch.zeros(1)}, [768], "a LoRA"),
    ):
        save_file(tensors, tmp_path / "e.safetensors")
        with pytest.raises(BadModel, match=f"--embedding x=.*{said}"):
            read_vectors("x", tmp_path / "e.safetensors", widths)
