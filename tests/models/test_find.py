"""Which model a name stands for, and what a wrong one is told."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tinysdxl

from softextend.errors import BadModel, BadRequest
from softextend.models.find import installed_models, known_profile, resolve_model
from softextend.models.load import load_model
from softextend.sampling.progress import Silent
from softextend.types import Profile, SamplerName

SDXL_NAMES = {
    "model.diffusion_model.input_blocks.0.0.weight": [8, 4, 3, 3],
    "model.diffusion_model.label_emb.0.0.weight": [8, 8],
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": [8],
    "conditioner.embedders.1.model.ln_final.weight": [8],
    "first_stage_model.decoder.conv_in.weight": [8, 4, 3, 3],
}


@pytest.fixture(autouse=True)
def nobody_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No settings of the machine's user reach a test."""
    for name in ("SOFTEXTEND_MODEL", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tinysdxl.write_header(tmp_path / "photo-model.safetensors", SDXL_NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("models") / "tiny")


def write_config(home: Path, text: str) -> Path:
    config = home / "config" / "softextend" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(text)
    return config


def test_the_argument_comes_before_the_environment_the_config_file_and_self(
    nobody_at_home: Path, checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve_model(None).kind == "self"
    assert resolve_model(None).origin == "default"
    config = write_config(nobody_at_home, f'model = "{folder}"\n')
    assert resolve_model(None).kind == "folder"
    assert str(config) in resolve_model(None).origin
    monkeypatch.setenv("SOFTEXTEND_MODEL", str(checkpoint))
    assert resolve_model(None).kind == "file"
    assert resolve_model(None).path == checkpoint
    assert resolve_model(None).origin == "$SOFTEXTEND_MODEL"
    assert resolve_model("self").kind == "self"
    assert resolve_model("stabilityai/stable-diffusion-xl-base-1.0").kind == "hub"


def test_a_relative_path_in_the_config_file_starts_there(nobody_at_home: Path, checkpoint: Path) -> None:
    config = write_config(nobody_at_home, f'model = "{checkpoint.name}"\n')
    checkpoint.rename(config.parent / checkpoint.name)
    assert resolve_model(None).path == config.parent / checkpoint.name


@pytest.mark.parametrize(("text", "said"), [("model = ", "cannot be read"), ("model = 3", "must be text")])
def test_a_config_file_that_cannot_be_used(nobody_at_home: Path, text: str, said: str) -> None:
    write_config(nobody_at_home, text)
    with pytest.raises((BadModel, BadRequest), match=said):
        resolve_model(None)


def test_a_missing_path_names_what_is_close(checkpoint: Path) -> None:
    with pytest.raises(BadModel, match=r"does not exist; did you mean photo-model\.safetensors\?"):
        resolve_model(str(checkpoint).replace("photo", "foto"))
    with pytest.raises(BadModel, match="neither does the folder"):
        resolve_model(str(checkpoint.parent / "nowhere" / "model.safetensors"))
    with pytest.raises(BadModel, match="did you mean self"):
        resolve_model("slf")
    with pytest.raises(BadModel, match="without a model the built-in one paints"):
        resolve_model("self.safetensors")
    with pytest.raises(BadModel, match="download the file"):
        resolve_model("https://example.org/model.safetensors")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"model_index\.json is missing"):
        resolve_model(str(tmp_path))
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(BadModel, match="incomplete"):
        resolve_model(str(tmp_path))


def test_a_folder_with_pickles_only(tmp_path: Path) -> None:
    folder = tinysdxl.write_folder(tmp_path / "tiny")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(BadModel, match="unet has only pickle weights"):
        resolve_model(str(folder))
    weights.with_suffix(".bin").unlink()
    with pytest.raises(BadModel, match=r"unet has no \.safetensors weights"):
        resolve_model(str(folder))


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "renamed.safetensors"])
def test_pickles_are_refused_by_name_and_by_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"weights": list(range(100))}))
    with pytest.raises(BadModel, match=r"pickle checkpoint.*\.safetensors version"):
        resolve_model(str(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02")
    with pytest.raises(BadModel, match="pickle checkpoint"):
        resolve_model(str(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x10", "cut off inside its header"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"GGUF\x03\x00\x00\x00" * 4, "GGUF file that is damaged"),
        (b"\xff" * 64, "no safetensors file"),
        (b"\x08" + b"\0" * 7 + b"{notjson", "header is damaged"),
        (b"\x02" + b"\0" * 7 + b"{}{}", "damaged"),
        (b"\x02" + b"\0" * 7 + b"{]", "header is damaged"),
    ],
)
def test_files_that_are_no_safetensors(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadModel, match=said) as caught:
        resolve_model(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0x3C20, 0x0280, 0x3C09, 0x7B20])
def test_a_header_whose_length_looks_like_another_file(tmp_path: Path, length: int) -> None:
    path = tinysdxl.write_header(tmp_path / "model.safetensors", SDXL_NAMES)
    whole = path.read_bytes()
    old = int.from_bytes(whole[:8], "little")
    text = whole[8 : 8 + old].ljust(length)
    assert old <= length
    path.write_bytes(length.to_bytes(8, "little") + text + whole[8 + old :])
    assert resolve_model(str(path)).kind == "file"


@pytest.mark.parametrize("cut", [1, 400])
def test_a_file_that_is_cut_off_or_too_long(checkpoint: Path, cut: int) -> None:
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[:-cut])
    with pytest.raises(BadModel, match="cut off"):
        resolve_model(str(checkpoint))
    checkpoint.write_bytes(whole + b"\0" * cut)
    with pytest.raises(BadModel, match="damaged"):
        resolve_model(str(checkpoint))


@pytest.mark.parametrize(
    ("name", "steps", "sampler"),
    [
        ("photo-model", 30, SamplerName.EULER),
        ("hypernova-xl", 30, SamplerName.EULER),
        ("realLightningXL", 8, SamplerName.EULER),
        ("Hyper-SDXL-8steps", 8, SamplerName.DDIM),
        ("mix-lcm", 8, SamplerName.LCM),
    ],
)
def test_the_profile_follows_the_file_name(checkpoint: Path, name: str, steps: int, sampler: SamplerName) -> None:
    path = checkpoint.rename(checkpoint.with_name(f"{name}.safetensors"))
    profile = known_profile(resolve_model(str(path)))
    assert (profile.stages[0].steps, profile.sampler) == (steps, sampler)
    assert profile.guidance == (1.0 if steps == 8 else 5.0)
    assert (profile.fill, profile.overlap, profile.feather, profile.stages[0].strength) == ("perlin", 60, 120, 0.85)


def test_the_profile_follows_a_folders_scheduler(tmp_path: Path) -> None:
    folder = tinysdxl.write_folder(tmp_path / "tiny")

    def profile(scheduler: dict[str, Any]) -> Profile:
        (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
        return known_profile(resolve_model(str(folder)))

    assert profile({"_class_name": "EulerDiscreteScheduler"}).name == "sdxl"
    assert profile({"_class_name": "LCMScheduler"}).sampler is SamplerName.LCM
    assert profile({"_class_name": "TCDScheduler"}).sampler is SamplerName.TCD
    full = profile({"timestep_spacing": "trailing", "prediction_type": "epsilon"})
    assert (full.name, full.trailing, full.stages[0].steps) == ("sdxl", True, 30)
    velocity = {"timestep_spacing": "trailing", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    assert (profile(velocity).name, profile(velocity).guidance_rescale) == ("sdxl-v-pred", 0.7)
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"sample_size": 64}))
    turbo = profile({"timestep_spacing": "trailing", "prediction_type": "epsilon"})
    assert (turbo.name, turbo.window) == ("few-step", 512)


def test_the_list_of_models_starts_with_the_one_in_use_and_knows_the_cache(
    nobody_at_home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = nobody_at_home / "hub" / "models--someone--tiny"
    (cached / "snapshots").mkdir(parents=True)
    (cached / "snapshots" / "abc").symlink_to(folder)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    (nobody_at_home / "hub" / "models--other--text" / "snapshots" / "1").mkdir(parents=True)
    monkeypatch.setenv("HF_HUB_CACHE", str(nobody_at_home / "hub"))
    listed = installed_models()
    assert [(each.ref.name, each.used) for each in listed] == [("self", True), ("someone/tiny", False)]
    assert resolve_model("someone/tiny").path == cached / "snapshots" / "abc"
    monkeypatch.setenv("SOFTEXTEND_MODEL", str(folder))
    assert [each.ref.kind for each in installed_models()] == ["folder", "self", "hub"]


def test_a_hub_id_offline_is_one_clear_line(offline: None) -> None:
    ref = resolve_model("nobody/no-model")
    with pytest.raises(BadModel, match=r"^nobody/no-model: not in .*HF_HUB_OFFLINE is set") as caught:
        load_model(ref, device="cpu", listener=Silent())
    assert "\n" not in str(caught.value)


def test_of_a_hub_repository_only_one_variant_is_wanted() -> None:
    from softextend.models.weights.hub import wanted_files

    names = [
        "model_index.json",
        "README.md",
        "sd_xl_base_1.0.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.bin",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.fp16.safetensors",
        "text_encoder/model.safetensors",
        "text_encoder/flax_model.msgpack",
        "text_encoder/model.onnx",
        "text_encoder_2/model-00001-of-00002.safetensors",
        "text_encoder_2/model-00002-of-00002.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "vae_1_0/diffusion_pytorch_model.safetensors",
    ]
    half = wanted_files(names, half=True)
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in half
    assert "unet/diffusion_pytorch_model.safetensors" not in half
    assert "vae/diffusion_pytorch_model.safetensors" in half
    assert "text_encoder_2/model-00002-of-00002.safetensors" in half
    assert {"model_index.json", "tokenizer/merges.txt", "unet/config.json"} <= set(half)
    assert not [name for name in half if name.endswith((".bin", ".msgpack", ".onnx", ".md"))]
    assert "text_encoder/model.safetensors" in wanted_files(names, half=False)
    assert not [name for name in half if name.startswith(("vae_1_0", "sd_xl"))]


def test_a_device_or_dtype_that_is_not_there(checkpoint: Path) -> None:
    for options, said in (({"device": "cuda:77"}, "not on this machine"), ({"device": "abacus"}, "one of auto, cpu")):
        with pytest.raises(BadRequest, match=said):
            load_model(resolve_model(str(checkpoint)), listener=Silent(), **options)
    with pytest.raises(BadRequest, match="--dtype int4: must be one of auto"):
        load_model(resolve_model(str(checkpoint)), device="cpu", dtype="int4", listener=Silent())


def test_auto_chooses_numbers_that_the_processor_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from softextend.models import device

    cpu = torch.device("cpu")
    monkeypatch.setattr(device, "_cpu_flags", lambda: frozenset({"avx2", "avx512_bf16"}))
    assert device.choose_dtype("auto", cpu) is torch.bfloat16
    monkeypatch.setattr(device, "_cpu_flags", lambda: frozenset({"avx2", "avx512f"}))
    assert device.choose_dtype("auto", cpu) is torch.float32
    assert device.choose_dtype("fp16", cpu) is torch.float16


def test_the_doctor_knows_versions_memory_and_choices() -> None:
    from softextend.models.device import facts

    found = facts()
    assert found["versions"]["torch"]
    assert found["auto"]["dtype"] in ("bfloat16", "float16", "float32")
    assert set(found) == {"versions", "system", "memory", "cpu", "devices", "auto"}


def test_choosing_a_model_imports_nothing_heavy(checkpoint: Path) -> None:
    code = (
        "import sys; from softextend.models import find; "
        f"find.known_profile(find.resolve_model({str(checkpoint)!r})); find.installed_models(); "
        "heavy = {'torch', 'numpy', 'diffusers', 'transformers', 'cv2', 'huggingface_hub', 'tokenizers'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
