"""Weights from files: every name and value, either layout, and how little memory a full-size checkpoint takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tinysdxl
import torch
from safetensors.torch import load_file, save_file
from tolerances import rounding

from softextend.errors import BadModel
from softextend.models.clip_tokenizer import folder_tokenizer, shipped_tokenizers
from softextend.models.device import system_memory
from softextend.models.find import resolve_model
from softextend.models.sdxl import state_dict_keys
from softextend.models.sdxl.checkpoint import (
    CONFIGS,
    TEXT_ENCODERS,
    Folder,
    SingleFile,
    Source,
    _new_unet,
    _new_vae,
    vae_file,
)
from softextend.models.weights import tensors
from softextend.models.weights.diffusers_folder import read_json
from softextend.models.weights.families import identify
from softextend.models.weights.file_hash import cache_file, fingerprint
from softextend.models.weights.header import Entry, read_header
from softextend.models.weights.tensors import Part, Store

CPU = torch.device("cpu")
WORDS = 514
NEEDED = 10e9  # bytes free, so that loading 6.9 GB disturbs nobody


@pytest.fixture(scope="module")
def parts() -> dict[str, torch.nn.Module]:
    return tinysdxl.make_parts(WORDS)


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_configs(tmp_path_factory.mktemp("configs"), WORDS)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, torch.nn.Module]) -> Path:
    return tinysdxl.write_single_file(tmp_path_factory.mktemp("single") / "tiny.safetensors", parts)


@pytest.fixture(scope="module")
def sdxl_shapes(shared: Path) -> dict[str, list[int]]:
    return json.loads((shared / "golden" / "sdxl_keys.json").read_text())


def loaded(source: Source, dtype: torch.dtype = torch.float32) -> dict[str, dict[str, torch.Tensor]]:
    texts = {name: source.text_encoder(which, dtype, CPU) for which, name in enumerate(TEXT_ENCODERS)}
    found = {"unet": source.unet(dtype, CPU), "vae": source.vae(dtype, CPU), **texts}
    return {name: part.state_dict() for name, part in found.items()}


def assert_equal(source: Source, parts: dict[str, torch.nn.Module], dtype: torch.dtype = torch.float32) -> None:
    for name, state in loaded(source, dtype).items():
        wanted = parts[name].state_dict()
        assert state.keys() == wanted.keys()
        for key, value in state.items():
            assert torch.equal(value, wanted[key].to(dtype)), f"{name} {key}"


def test_every_parameter_of_the_original_layout_arrives_in_its_place(
    single: Path, configs: Path, parts: dict[str, torch.nn.Module]
) -> None:
    assert identify(read_header(single)).fault is None
    assert resolve_model(str(single)).kind == "file"
    assert_equal(SingleFile(single, configs), parts)
    assert_equal(SingleFile(single, configs), parts, torch.bfloat16)


@pytest.mark.parametrize(("variant", "shard"), [(None, "10GB"), ("fp16", "10GB"), (None, "2MB")])
def test_every_parameter_of_a_folder_arrives(
    tmp_path: Path, parts: dict[str, torch.nn.Module], variant: str | None, shard: str
) -> None:
    folder = tinysdxl.write_folder(tmp_path / "tiny", variant=variant, shard=shard)
    assert resolve_model(str(folder)).kind == "folder"
    assert (len(list((folder / "unet").glob("*.safetensors"))) > 1) == (shard == "2MB")
    assert_equal(Folder(folder), parts)
    shards = sorted((folder / "unet").glob("*-of-*.safetensors"))
    if shards:
        shards[0].unlink()
        with pytest.raises(BadModel, match=r"unet has \d of its \d weight files"):
            resolve_model(str(folder))


def test_the_16_bit_variant_is_taken_only_for_16_bit_numbers(tmp_path: Path) -> None:
    folder = tinysdxl.write_folder(tmp_path / "tiny")
    plain = folder / "unet" / "diffusion_pytorch_model.safetensors"
    half = {name: value.half() + 1 for name, value in load_file(plain).items()}
    save_file(half, plain.with_suffix(".fp16.safetensors"))
    bias = [Folder(folder, half=half).unet(torch.float32, CPU).state_dict()["conv_in.bias"] for half in (True, False)]
    assert torch.allclose(
        bias[0], bias[1] + 1, atol=rounding("float16", size=float(bias[0].abs().max()), terms=2), rtol=0
    )


def test_all_2513_tensors_of_sdxl_have_a_place(sdxl_shapes: dict[str, list[int]]) -> None:
    entries = {name: (Path("x"), Entry("F16", tuple(shape), 0, 0)) for name, shape in sdxl_shapes.items()}
    names, store = list(entries), Store(entries)
    made: list[tuple[str, Any, dict[str, tensors.Piece]]] = [
        ("unet", _new_unet, state_dict_keys.unet_pieces(names)),
        ("vae", _new_vae, state_dict_keys.vae_pieces(names)),
        *[(name, new, state_dict_keys.text_pieces(names, at)) for at, (name, new) in enumerate(TEXT_ENCODERS.items())],
    ]
    used = set()
    for config, new, pieces in made:
        part = Part(new, read_json(CONFIGS / f"{config}.json"), pieces, store)
        part.check()
        assert len(pieces) == len(part._empty().state_dict())
        used |= {piece.name for piece in pieces.values()}
    assert used == set(names)
    assert len(used) == 2513


def test_the_unets_names_are_those_that_diffusers_gives(sdxl_shapes: dict[str, list[int]]) -> None:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    names = {name: name for name in sdxl_shapes if name.startswith(state_dict_keys.UNET)}
    theirs = convert_ldm_unet_checkpoint(names, {"layers_per_block": 2, "addition_embed_type": "text_time"})
    assert {target: piece.name for target, piece in state_dict_keys.unet_pieces(list(names)).items()} == theirs


def test_a_checkpoint_with_a_tensor_missing_or_of_another_shape(single: Path, configs: Path, tmp_path: Path) -> None:
    tensors = load_file(single)
    name = "model.diffusion_model.middle_block.1.proj_in.weight"
    save_file({key: value for key, value in tensors.items() if key != name}, tmp_path / "a.safetensors")
    with pytest.raises(BadModel, match=r"mid_block\.attentions\.0\.proj_in\.weight of the UNet.* is missing"):
        SingleFile(tmp_path / "a.safetensors", configs)
    save_file({**tensors, name: torch.zeros(8, 8)}, tmp_path / "b.safetensors")
    with pytest.raises(BadModel, match=r"proj_in\.weight is \(8, 8\), not \(64, 64\)"):
        SingleFile(tmp_path / "b.safetensors", configs)
    save_file({**tensors, name: torch.zeros(64, 64, dtype=torch.int8)}, tmp_path / "c.safetensors")
    with pytest.raises(BadModel, match="is quantised"):
        SingleFile(tmp_path / "c.safetensors", configs)


@pytest.mark.parametrize("original", [True, False])
def test_a_vae_of_its_own_in_either_layout(
    tmp_path: Path, parts: dict[str, torch.nn.Module], configs: Path, original: bool
) -> None:
    vae = parts["vae"]
    state = vae.state_dict()
    state = {tinysdxl.original_vae(name): value for name, value in state.items()} if original else state
    if original:
        state = {
            name: value[..., None, None] if "attn_1" in name and value.ndim == 2 else value
            for name, value in state.items()
        }
    path = tmp_path / "vae.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    found = vae_file(path, configs).load(torch.float32, CPU).state_dict()
    assert all(torch.equal(value, found[name]) for name, value in vae.state_dict().items())


def test_what_is_no_vae_is_refused(tmp_path: Path) -> None:
    path = tinysdxl.write_header(tmp_path / "x.safetensors", {"x.lora_up.weight": [1]})
    with pytest.raises(BadModel, match=r"--vae .*: no VAE; its tensors look like a LoRA"):
        vae_file(path)
    with pytest.raises(BadModel, match=r"--vae .*: does not exist"):
        vae_file(tmp_path / "nowhere.safetensors")


def test_the_shipped_tokenizers_give_the_published_ids() -> None:
    first, second = shipped_tokenizers()
    plant = [49406, 320, 1125, 539, 320, 3638, 3912, 49407]
    assert first.rows("a photo of a large plant") == [plant + [49407] * 69]
    assert second.rows("A  photo of\na LARGE plant ") == [plant + [0] * 69]
    assert first.rows("") == [[49406] + [49407] * 76]


def test_a_long_prompt_takes_more_rows() -> None:
    first, _ = shipped_tokenizers()
    rows = first.rows("plant " * 80)
    assert [len(row) for row in rows] == [77, 77]
    assert rows[0][1:76] == [3912] * 75
    assert rows[1][:7] == [49406, *[3912] * 5, 49407]


def test_a_folders_tokenizer_is_as_transformers_reads_it(tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    tinysdxl.write_tokenizer(tmp_path / "tokenizer")
    ours = folder_tokenizer(tmp_path / "tokenizer")
    theirs = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer", local_files_only=True)
    text = "A plant, it's 20 cm; naïve ☀ 植物"
    assert ours.ids(text) == theirs(text, add_special_tokens=False).input_ids
    assert ours.pad == 0
    (tmp_path / "tokenizer" / "merges.txt").unlink()
    with pytest.raises(BadModel, match="no CLIP tokenizer"):
        folder_tokenizer(tmp_path / "tokenizer")


def test_a_hash_is_made_once_and_again_when_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert fingerprint((path,)) == known
    remembered = json.loads(cache_file().read_text())
    remembered[str(path)]["sha256"] = "remembered"
    cache_file().write_text(json.dumps(remembered))
    assert fingerprint((path,)) == "remembered"
    path.write_bytes(b"other")
    assert fingerprint((path,)) not in ("remembered", known)
    cache_file().write_text("damaged")
    assert len(fingerprint((path, path))) == 64


@pytest.mark.slow
def test_a_full_size_checkpoint_loads_offline_below_9_gb(shared: Path) -> None:
    if system_memory().get("MemAvailable", 0) < NEEDED:
        pytest.skip(f"needs {NEEDED / 1e9:.0f} GB of free memory")
    script = Path(__file__).parents[3] / "benchmarks" / "load.py"
    run = subprocess.run(
        [sys.executable, str(script), str(shared / "golden" / "sdxl_keys.json"), "--json", "--size", "64"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"},
    )
    marks = json.loads(run.stdout)
    assert list(marks) == ["open", "embed", "encode", "load unet", "one step", "decode"]
    assert marks["decode"]["peak_gb"] < 9
