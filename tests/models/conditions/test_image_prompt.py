"""Pictures as prompts, against diffusers' own pipeline on a tiny SDXL."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysdxl
import torch
from marking import slow
from PIL import Image
from safetensors.torch import load_file, save_file
from tinyconditions import CONTEXT, HIDDEN, PROJECTED, adapter

from softextend.errors import BadModel, BadRequest
from softextend.models.conditions.groups import SELF
from softextend.models.conditions.image_prompt import OPEN_VISION, ImagePrompt, squares, to_clip, vision_part
from softextend.models.conditions.laid_over import LaidOver
from softextend.models.conditions.options import Conditions
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.sdxl.checkpoint import Folder
from softextend.models.sdxl.model import SdxlModel
from softextend.types import Scene, Span

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(4)
    config = CLIPVisionConfig(
        hidden_size=HIDDEN,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=28,
        patch_size=14,
        projection_dim=PROJECTED,
    )
    path = tmp_path_factory.mktemp("encoder") / "vision"
    CLIPVisionModelWithProjection(config).save_pretrained(path)
    return path


def photo(width: int = 60, height: int = 48) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 5, (x + y) * 2], axis=2).astype(np.uint8)


def laid(path: Path, encoder: Path, weight: float = 0.7, **more: Any) -> LaidOver:
    given: dict[str, Any] = {"picture": SELF, "weight": weight, "span": Span(), "context": CONTEXT, **more}
    return LaidOver(image=ImagePrompt(path, encoder, **given))


def model_of(folder: Path, over: LaidOver) -> SdxlModel:
    return SdxlModel(Folder(folder), name="t", profile=SDXL_PROFILE, device=CPU, dtype=torch.float32, laid=over)


def predicted(model: SdxlModel, guidance: float = 4.0, timesteps: tuple[float, ...] = (), t: float = 601.0) -> Any:
    told = model.embed("a plant", "bad", photo())
    torch.manual_seed(3)
    x = torch.randn(1, 4, 8, 12)
    scene = Scene(
        z0=torch.zeros(1, 4, 8, 12),
        change=torch.ones(1, 1, 8, 12),
        known=np.ones((64, 96), bool),
        filled=torch.zeros(1, 3, 64, 96),
        conditioning=told,
        guidance=guidance,
        stage=0,
        seed=0,
        timesteps=timesteps,
    )
    return model.predict(scene)(x, t, torch.zeros(1, 1, 8, 12))


@pytest.mark.parametrize(
    ("lean", "plus"), [(False, True), (True, False), *(slow(each, each) for each in (False, True))]
)
def test_the_photo_as_prompt_is_as_in_diffusers(
    folder: Path, encoder: Path, tmp_path: Path, plus: bool, lean: bool
) -> None:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLImg2ImgPipeline
    from transformers import CLIPTokenizer, CLIPVisionModelWithProjection
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    path = adapter(tmp_path / "ip.safetensors", plus=plus)
    tokenizers = {name: CLIPTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")}
    pipe = StableDiffusionXLImg2ImgPipeline(
        **copy.deepcopy(tinysdxl.make_parts(514)),
        **tokenizers,
        scheduler=EulerDiscreteScheduler(),
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(encoder),
        feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size=28),
    )
    pipe.load_ip_adapter(str(path.parent), subfolder="", weight_name=path.name, image_encoder_folder=None)
    pipe.set_ip_adapter_scale(0.7)
    pictures = [Image.fromarray(each) for each in squares(photo())]
    with torch.no_grad():
        images = pipe.prepare_ip_adapter_image_embeds([pictures], None, CPU, 1, True)
        hidden, negative, pooled, other = pipe.encode_prompt("a plant", negative_prompt="bad")
        torch.manual_seed(3)
        x = torch.randn(1, 4, 8, 12).repeat(2, 1, 1, 1)
        ids = torch.tensor([[64.0, 96, 0, 0, 64, 96]] * 2)
        added = {"text_embeds": torch.cat([other, pooled]), "time_ids": ids, "image_embeds": images}
        out = pipe.unet(x, 601.0, torch.cat([negative, hidden]), added_cond_kwargs=added)[0]
    wanted = out[:1] + 4 * (out[1:] - out[:1])
    model = model_of(folder, laid(path, encoder))
    model.networks.lean = lean
    torch.testing.assert_close(predicted(model), wanted, atol=1e-3 * float(wanted.abs().max()), rtol=0)
    assert (predicted(model_of(folder, LaidOver())) - wanted).abs().max() > 1e-3


def test_weight_and_steps(folder: Path, encoder: Path, tmp_path: Path) -> None:
    path = adapter(tmp_path / "ip.safetensors", plus=False)
    bare = model_of(folder, LaidOver())
    plain, steps = predicted(bare), (900.0, 700.0, 500.0, 300.0, 100.0)
    torch.testing.assert_close(predicted(model_of(folder, laid(path, encoder, 0.0))), plain)
    middle = model_of(folder, laid(path, encoder, span=Span(start=0.2, end=0.8)))
    within = [bool((predicted(middle, timesteps=steps, t=t) - predicted(bare, t=t)).abs().max() > 1e-4) for t in steps]
    assert within == [False, True, True, True, False]


def test_squares_are_the_guides() -> None:
    cut = squares(photo(60, 48))
    assert len(cut) == 6
    assert {each.shape for each in cut} == {(16, 16, 3)}
    assert np.array_equal(cut[-1], photo(60, 48)[32:, 44:])
    assert np.array_equal(cut[0], photo(60, 48)[:16, :16])


def test_numbers_are_those_of_clips_own_processor() -> None:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    theirs = CLIPImageProcessorPil()(Image.fromarray(photo(300, 260)), return_tensors="pt").pixel_values[0]
    torch.testing.assert_close(to_clip(photo(300, 260), 224), theirs, atol=1e-4, rtol=0)


def test_an_encoder_in_openclips_layout_is_the_same_one(encoder: Path, tmp_path: Path) -> None:
    """Fused query, key and value, a transposed projection, the text half beside."""
    state = load_file(encoder / "model.safetensors")
    names = {inner: f"visual.{outer}" for outer, inner in OPEN_VISION.items() if outer != "proj"}
    tensors = {"visual.proj": state["visual_projection.weight"].T, "token_embedding.weight": torch.zeros(2, 2)}
    for layer in range(3):
        ours, theirs = f"vision_model.encoder.layers.{layer}.", f"visual.transformer.resblocks.{layer}."
        for leaf in ("weight", "bias"):
            parts = [state[f"{ours}self_attn.{each}_proj.{leaf}"] for each in "qkv"]
            tensors[f"{theirs}attn.in_proj_{leaf}"] = torch.cat(parts)
        pairs = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
        names |= {ours + one: theirs + two for one, two in {**pairs, "self_attn.out_proj": "attn.out_proj"}.items()}
    for name, value in state.items():
        stem, _, leaf = name.rpartition(".")
        if name in names or stem in names:
            tensors[names.get(name) or f"{names[stem]}.{leaf}"] = value
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "open.safetensors")
    part = vision_part(tmp_path / "open.safetensors")
    assert part.config["num_hidden_layers"] == 3
    part.config["num_attention_heads"] = 4  # 16 in all that adapters use
    made = part.load(torch.float32, CPU).state_dict()
    assert all(torch.equal(made[name], value) for name, value in state.items())


def test_files_that_do_not_belong_are_named(encoder: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"picture": SELF, "weight": 1.0, "span": Span(), "context": CONTEXT}
    other = adapter(tmp_path / "w.safetensors", plus=False, width=1280)
    with pytest.raises(
        BadModel, match=r"--image-encoder .*one of width 24, and w\.safetensors needs OpenCLIP ViT-bigG"
    ):
        ImagePrompt(other, encoder, **given)
    plus = adapter(tmp_path / "p.safetensors", plus=True, width=1280)
    with pytest.raises(BadModel, match="needs CLIP ViT-H"):
        ImagePrompt(plus, encoder, **given)
    family = adapter(tmp_path / "f.safetensors", plus=False, context=768)
    with pytest.raises(BadModel, match=r"made for Stable Diffusion 1\.5, and the model is"):
        ImagePrompt(family, encoder, **given)
    save_file({"x.lora_up.weight": torch.zeros(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(BadModel, match="no IP-Adapter; its tensors look like a LoRA"):
        ImagePrompt(tmp_path / "l.safetensors", encoder, **given)
    with pytest.raises(BadModel, match="no CLIP image encoder"):
        ImagePrompt(adapter(tmp_path / "a.safetensors", plus=False), other, **given)


def test_options_are_checked_when_they_are_given() -> None:
    with pytest.raises(BadRequest, match=r"--image-steps '0\.8-0\.2': write FROM-TO"):
        Conditions(image_steps="0.8-0.2")
    assert Conditions(image_prompt="self").image_strength == 0.1
    assert Conditions(image_prompt="x.jpg").image_strength == 0.6
