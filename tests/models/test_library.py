"""Folders of models, folders as models, and models by their links: what each is taken for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tinysd
import tinysdxl
from running import Run, photo

from softextend.errors import BadModel
from softextend.models.find import known_profile, resolve_model
from softextend.models.library import entries
from softextend.models.profiles import SDXL_PROFILE
from softextend.types import PredictionName, SamplerName

SHAPES = {
    "model.diffusion_model.input_blocks.0.0.weight": [8, 4, 3, 3],
    "model.diffusion_model.label_emb.0.0.weight": [8, 8],
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": [8],
    "conditioner.embedders.1.model.ln_final.weight": [8],
    "first_stage_model.decoder.conv_in.weight": [8, 4, 3, 3],
}
LORA = {"lora_unet_x.lora_up.weight": [8, 4]}


def checkpoint(path: Path, shapes: dict[str, list[int]] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return tinysdxl.write_header(path, shapes or SHAPES)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SOFTEXTEND_MODEL", "SOFTEXTEND_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.mark.parametrize(
    ("checkpoints", "loras"), [("models/checkpoints", "models/loras"), ("models/Stable-diffusion", "models/Lora")]
)
def test_the_folders_of_other_programs_are_read_as_they_are(home: Path, checkpoints: str, loras: str) -> None:
    checkpoint(home / checkpoints / "sub" / "mix_Lightning.safetensors")
    checkpoint(home / loras / "style.safetensors", LORA)
    checkpoint(home / "embeddings" / "bad.safetensors", {"emb_params": [4, 768]})
    checkpoint(home / "output" / "elsewhere.safetensors")
    (home / checkpoints / "old.ckpt").write_bytes(b"\x80\x02")
    found = {each.name: each for each in entries(home)}
    assert set(found) == {
        f"{checkpoints}/sub/mix_Lightning.safetensors",
        f"{checkpoints}/old.ckpt",
        f"{loras}/style.safetensors",
        "embeddings/bad.safetensors",
    }
    mix = found[f"{checkpoints}/sub/mix_Lightning.safetensors"]
    assert mix.fault is None
    assert mix.choice.profile.name == "few-step"
    assert "--lora" in found[f"{loras}/style.safetensors"].fault
    assert "pickle" in found[f"{checkpoints}/old.ckpt"].fault


def test_a_link_that_leads_back_ends(home: Path) -> None:
    checkpoint(home / "kept" / "a.safetensors")
    (home / "kept" / "again").symlink_to(home / "kept")
    assert [each.name for each in entries(home / "kept")] == ["a.safetensors"]


def test_models_lists_the_folder_and_a_name_is_found_in_it(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkpoint(home / "kept" / "checkpoints" / "bigMix.safetensors")
    checkpoint(home / "kept" / "loras" / "bigMix.safetensors", LORA)
    monkeypatch.setenv("SOFTEXTEND_MODELS", str(home / "kept"))
    facts = run("models", "--json").facts
    assert [(each["name"], each["used"]) for each in facts] == [
        ("self", True),
        ("checkpoints/bigMix.safetensors", False),
        ("loras/bigMix.safetensors", False),
    ]
    assert (facts[1]["family"], facts[2]["fault"][:6]) == ("sdxl", "a LoRA")
    for name in ("bigmix", "bigMix.safetensors", "checkpoints/bigMix.safetensors"):
        assert resolve_model(name).path == path
    monkeypatch.setenv("SOFTEXTEND_MODELS", str(home / "gone"))
    ran = run("models")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "does not exist" in ran.err


def test_the_folder_may_stand_in_the_config_file(home: Path, run: Run) -> None:
    path = checkpoint(home / "kept" / "bigMix.safetensors")
    config = home / "config" / "softextend" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'models_folder = "{home / "kept"}"\n')
    assert resolve_model("bigMix").path == path
    assert len(run("models", "--json").facts) == 2


def test_a_links_own_name_says_what_its_target_does_not(home: Path) -> None:
    blob = checkpoint(home / "hub" / "blobs" / "0a1b2c")
    link = home / "hub" / "snapshots" / "1" / "RealMix_Lightning_4step.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert known_profile(resolve_model(str(link))).stages[0].steps == 4
    plain = home / "model.safetensors"
    plain.symlink_to(checkpoint(home / "mix_LCM.safetensors"))
    assert known_profile(resolve_model(str(plain))).sampler is SamplerName.LCM


def test_a_folder_of_the_hubs_cache_is_its_newest_snapshot(home: Path) -> None:
    snapshot = tinysdxl.write_folder(home / "models--someone--mix-Lightning" / "snapshots" / "abc")
    for path in (snapshot, snapshot.parent.parent):
        ref = resolve_model(str(path))
        assert (ref.path, known_profile(ref).name) == (snapshot, "few-step")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_index.json": {"_class_name": "StableDiffusionXLInstructPix2PixPipeline"}}, "an editing model"),
        ({"model_index.json": {"_class_name": "FluxPipeline"}}, "a FluxPipeline, no SDXL or Stable Diffusion"),
        ({"model_index.json": {"text_encoder": [None, None]}}, "the SDXL refiner"),
        ({"unet/config.json": {"in_channels": 8}}, "its UNet takes 8 channels"),
        ({"scheduler/scheduler_config.json": {"prediction_type": "sample"}}, "predicts 'sample'"),
        ({"scheduler/scheduler_config.json": {"beta_end": 0.02}}, "trained at other noise levels .beta_end 0.02"),
    ],
)
def test_a_folder_that_does_not_run(home: Path, changes: dict[str, Any], said: str) -> None:
    folder = tinysdxl.write_folder(home / "tiny")
    for name, change in changes.items():
        (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | change))
    with pytest.raises(BadModel, match=said):
        resolve_model(str(folder))


@pytest.mark.parametrize(("kind", "channels"), [("sd1", 4), ("sd1", 9), ("sd2", 4)])
def test_folders_of_other_families(home: Path, kind: str, channels: int) -> None:
    folder = tinysd.write_folder(home / "tiny", kind, channels)
    if kind == "sd2":  # known by the width of its prompt
        config = folder / "unet" / "config.json"
        changed = {"cross_attention_dim": 1024, "sample_size": 96}
        config.write_text(json.dumps(json.loads(config.read_text()) | changed))
    ref = resolve_model(str(folder))
    assert (ref.choice.family, ref.choice.channels) == (kind, channels)
    assert known_profile(ref).window == (768 if kind == "sd2" else 512)


def test_a_variant_in_bf16_is_taken(home: Path) -> None:
    from softextend.models.weights.diffusers_folder import wanted_weights

    names = ["diffusion_pytorch_model.bf16.safetensors", "diffusion_pytorch_model.safetensors"]
    assert wanted_weights(names, half=True) == names[:1]
    assert wanted_weights(names, half=False) == names[1:]
    assert wanted_weights(names[:1], half=False) == names[:1]
    shards = [f"model.bf16-0000{n}-of-00002.safetensors" for n in (1, 2)]
    assert wanted_weights(shards, half=True) == shards


def test_what_is_asked_comes_before_what_is_found(home: Path) -> None:
    path = str(checkpoint(home / "mix_Lightning_4step.safetensors"))
    assert known_profile(resolve_model(path, profile="sdxl")) == SDXL_PROFILE
    few = known_profile(resolve_model(path, profile="few-step-lcm"))
    assert (few.sampler, few.stages[0].steps) == (SamplerName.LCM, 4)
    velocity = resolve_model(path, prediction=PredictionName.V_ZERO_SNR)
    assert velocity.choice.prediction is PredictionName.V_ZERO_SNR
    with pytest.raises(BadModel, match="--profile fast: must be one of sdxl, sd1, sd2, few-step"):
        resolve_model(path, profile="fast")
    with pytest.raises(BadModel, match="--profile sd1: the model is SDXL"):
        resolve_model(path, profile="sd1")
    with pytest.raises(BadModel, match="`self` has none but its own"):
        resolve_model("self", profile="few-step")
    refused = checkpoint(home / "sdxl_lightning_1step_x0.safetensors")
    assert known_profile(resolve_model(str(refused), profile="few-step")).name == "few-step"


def test_a_dry_run_foresees_what_loading_would_refuse(home: Path, run: Run) -> None:
    photo(home / "photo.png")
    path = checkpoint(home / "mix.safetensors")
    for command in (("extend", home / "photo.png", "--all", "8", "--dry-run"), ("models", "--explain")):
        ran = run(*command, "--model", path)
        assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
        assert "not (320, 4, 3, 3) as in its family: give a complete checkpoint" in ran.err
    assert not run.loads  # type: ignore[attr-defined]


def test_a_sampler_that_does_not_go_with_the_model_is_said_before_it_is_loaded(home: Path, run: Run) -> None:
    photo(home / "photo.png")
    path = checkpoint(home / "cosxl.safetensors", SHAPES)
    ran = run("extend", home / "photo.png", "--all", "8", "--model", path, "--prediction", "flow", "--sampler", "ddim")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "trained with a rectified flow: use euler" in ran.err
    assert not run.loads  # type: ignore[attr-defined]
