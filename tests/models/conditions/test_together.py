"""Conditions through the real command line on a tiny SDXL: alone, in pairs, in the recipe, in redo; and the refiner."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinyconditions
import tinysdxl
import torch
import torch.nn.functional as F
from marking import slow
from PIL import Image
from safetensors.torch import load_file, save_file

from softextend import cli
from softextend.diffdiff import diffdiff
from softextend.errors import BadModel
from softextend.models.conditions.refiner import Refiner
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.sdxl.checkpoint import _new_unet
from softextend.models.sdxl.denoiser import Handover
from softextend.models.sdxl.state_dict_keys import unet_target
from softextend.sampling.samplers import make_sampler

CPU = torch.device("cpu")
RUN = ("--sides", "0", "16", "0", "0", "--steps", "3", "--strength", "0.8", "--seed", "7", "--device", "cpu")
RUN += ("--dtype", "float32", "--fill", "edge", "--overlap", "8", "--feather", "16", "--guidance", "3")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo, a tiny SDXL, and one file of each condition."""
    home = tmp_path_factory.mktemp("conditions")
    tinysdxl.write_folder(home / "sdxl")
    y, x = np.mgrid[:40, :48]
    Image.fromarray(np.stack([x * 3, y * 3, (x + y) * 2], axis=2).astype(np.uint8)).save(home / "photo.png")
    tinyconditions.kohya_file(home / "style.safetensors", sgm=True, parts=tinysdxl.make_parts(514))
    tinyconditions.adapter(home / "adapter.safetensors", plus=False)
    tinyconditions.write_encoder(home / "encoder")
    tinyconditions.controlnet(home / "inpaint", union=False)
    tinyconditions.write_refiner(home / "refiner")
    torch.manual_seed(1)
    vectors = {"clip_l": torch.randn(2, 32), "clip_g": torch.randn(2, 32)}
    save_file(vectors, home / "word.safetensors")
    return home


def conditions(home: Path) -> dict[str, list[str]]:
    image = ["--image-prompt", "self", "--image-adapter", home / "adapter.safetensors", "--image-encoder"]
    return {
        "lora": ["--lora", f"{home / 'style.safetensors'}:0.9"],
        "weights": ["-p", "a (red:1.4) sea"],
        "embedding": ["--embedding", f"myword={home / 'word.safetensors'}", "-p", "a myword"],
        "image": [str(each) for each in (*image, home / "encoder", "--image-weight", "0.8")],
        "control": ["--control", f"{home / 'inpaint'}:0.7:0-0.8"],
        "refiner": ["--refiner", str(home / "refiner"), "--refiner-start", "0.8"],
        "skip": ["--clip-skip", "3"],
    }


def run(home: Path, out: Path, *more: object) -> np.ndarray[Any, Any]:
    words = ["extend", home / "photo.png", "--model", home / "sdxl", *RUN, *more, "-o", out, "--overwrite", "-q"]
    assert cli.run([str(each) for each in words]) == 0
    with Image.open(out) as picture:
        return np.asarray(picture).astype(int)


PAIRS = [
    pair if pair in itertools.pairwise(conditions(Path())) else slow(*pair)
    for pair in itertools.combinations(conditions(Path()), 2)
    if pair != ("weights", "embedding")
]


@pytest.fixture(scope="module")
def alone(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The picture without any condition and with each of them alone."""
    out = tmp_path_factory.mktemp("alone") / "x.png"
    return {"": run(files, out), **{name: run(files, out, *words) for name, words in conditions(files).items()}}


def test_each_condition_changes_the_picture_beyond_the_border(alone: dict[str, Any]) -> None:
    for name, picture in alone.items():
        assert np.array_equal(picture[:, :24], alone[""][:, :24])
        if name:
            assert not np.array_equal(picture, alone[""]), name


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_conditions_act_together(
    files: Path, alone: dict[str, Any], tmp_path: Path, first: str, second: str
) -> None:
    words = conditions(files)
    both = run(files, tmp_path / "x.png", *words[first], *words[second])
    assert not np.array_equal(both, alone[first]), f"{second} does nothing beside {first}"
    assert not np.array_equal(both, alone[second]), f"{first} does nothing beside {second}"


def test_windows_and_all_of_them(files: Path, tmp_path: Path) -> None:
    words = [word for name, each in conditions(files).items() if name != "weights" for word in each]
    y, x = np.mgrid[:40, :1200]
    home = tmp_path / "wide.png"
    Image.fromarray(np.stack([x % 255, y * 3, (x + y) % 255], axis=2).astype(np.uint8)).save(home)
    given = [*RUN, *words, "--steps", "2", "-o", tmp_path / "x.png", "-q"]
    assert cli.run([str(each) for each in ("extend", home, "--model", files / "sdxl", *given)]) == 0


def test_the_recipe_has_every_file_with_its_hash_and_redo_repeats_it(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for name, each in conditions(files).items() if name != "weights" for word in each]
    first = run(files, tmp_path / "x.png", *words)
    with Image.open(tmp_path / "x.png") as picture:
        recipe = json.loads(picture.text["softextend"])  # type: ignore[attr-defined]
    found = {each["kind"]: each for each in recipe["model"]["conditions"]}
    assert set(found) == {"lora", "embedding", "image adapter", "control", "refiner"}
    assert all(len(each["hash"]) == 64 for each in found.values())
    assert found["lora"]["weight"] == 0.9
    assert found["control"]["steps"] == "0-0.8"
    assert recipe["command"]["conditions"]["clip_skip"] == 3
    again = tmp_path / "again.png"
    assert cli.run(["redo", str(tmp_path / "x.png"), "-o", str(again), "--device", "cpu", "--dtype", "float32"]) == 0
    with Image.open(again) as picture:
        assert np.array_equal(np.asarray(picture), first)


def test_a_dry_run_names_them_and_a_missing_file_stops_it(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "loras").mkdir()
    tensors = load_file(files / "style.safetensors")
    save_file(tensors, tmp_path / "loras" / "other.safetensors")
    monkeypatch.setenv("SOFTEXTEND_MODELS", str(tmp_path))
    words = ["extend", files / "photo.png", "--model", files / "sdxl", "--sides", "8", "--dry-run", "--seed", "1"]
    named = ["-p", "a sea <lora:other:0.5> <lora:none:1> embedding:nowhere", "-n", "bad", "--guidance", "1"]
    assert cli.run([str(each) for each in (*words, *conditions(files)["control"], *named)]) == 0
    out, err = capsys.readouterr()
    assert "other.safetensors at weight 0.5" in out
    assert "at scale 0.7, steps 0-0.8" in out
    assert "<lora:none> left out: no none.safetensors in" in err
    assert "embedding:nowhere is read as a word" in err
    assert "negative prompt: has no effect at guidance 1" in err
    assert cli.run([str(each) for each in (*words, "--lora", "nowhere.safetensors")]) != 0
    assert "--lora nowhere.safetensors: does not exist" in capsys.readouterr().err


def test_a_checkpoint_without_a_vae_and_another_unet(files: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """--vae completes a file, --unet takes the place of its own: as the whole file with both of them."""
    from softextend.models.conditions.laid_over import lay_over
    from softextend.models.conditions.options import Conditions
    from softextend.models.find import resolve_model
    from softextend.models.sdxl.checkpoint import SingleFile, vae_file
    from softextend.sampling.progress import Silent

    configs = tinysdxl.write_configs(tmp_path / "configs", 514)
    parts = tinysdxl.make_parts(514)
    whole = load_file(tinysdxl.write_single_file(tmp_path / "whole.safetensors", parts))
    save_file({n: v for n, v in whole.items() if "first_stage" not in n}, tmp_path / "bare.safetensors")
    save_file({n: v for n, v in whole.items() if "first_stage" in n}, tmp_path / "vae.safetensors")
    other = tinysdxl.make_parts(514, seed=5)["unet"].state_dict()
    for title, names in (("a", {n: n for n in other}), ("b", {n: tinysdxl.original_unet(n) for n in other})):
        path = tmp_path / f"{title}.safetensors"
        save_file({names[n]: value.contiguous() for n, value in other.items()}, path)
        source = SingleFile(tmp_path / "bare.safetensors", configs, vae_needed=False)
        with pytest.raises(BadModel, match="has no VAE: name one by --vae FILE"):
            source.vae(torch.float32, CPU)
        laid = lay_over(source, Conditions(), torch.float32, CPU, Silent(), unet=path)
        assert laid.as_dict()[0]["kind"] == "unet"
        found = source.unet(torch.float32, CPU).state_dict()
        assert all(torch.equal(found[n], value) for n, value in other.items())
    vae = vae_file(tmp_path / "vae.safetensors", configs).load(torch.float32, CPU).state_dict()
    assert all(torch.equal(vae[n], value) for n, value in parts["vae"].state_dict().items())
    with pytest.raises(BadModel, match="add --vae FILE"):
        resolve_model(str(tmp_path / "bare.safetensors"))
    ref = resolve_model(str(tmp_path / "bare.safetensors"), vae=tmp_path / "vae.safetensors")
    assert ref.kind == "file"
    lightning = tmp_path / "thing_lightning_4step_unet.safetensors"
    header = {"input_blocks.0.0.weight": [320, 4, 3, 3], "label_emb.0.0.weight": [1280, 2816], "out.2.weight": [4, 320]}
    header |= {"input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": [640, 2048], "time_embed.0.weight": [8, 8]}
    tinysdxl.write_header(lightning, header)
    quick = resolve_model(str(tmp_path / "bare.safetensors"), vae=tmp_path / "vae.safetensors", unet=lightning)
    assert quick.choice is not None
    assert quick.choice.profile.name.startswith("few-step")


def test_self_takes_none_of_them_and_says_so(files: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["extend", files / "photo.png", "--model", "self", "--sides", "0 8 0 0", "--strength", "0", "--seed", "1"]
    words += [*conditions(files)["lora"], "--clip-skip", "2", "-o", tmp_path / "x.png"]
    assert cli.run([str(each) for each in words]) == 0
    assert "self takes no --lora and no --clip-skip: left out" in capsys.readouterr().err


def test_the_refiner_is_as_in_diffusers(files: Path) -> None:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLImg2ImgPipeline, UNet2DConditionModel
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer

    pipe = StableDiffusionXLImg2ImgPipeline(
        vae=tinysdxl.make_parts(514)["vae"],
        text_encoder=None,
        tokenizer=None,
        unet=UNet2DConditionModel.from_pretrained(files / "refiner" / "unet"),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(files / "refiner" / "text_encoder_2"),
        tokenizer_2=CLIPTokenizer.from_pretrained(files / "refiner" / "tokenizer_2"),
        scheduler=EulerDiscreteScheduler(),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
    )
    refiner = Refiner(files / "refiner", torch.float32, CPU)
    told = refiner.embed("a sea", "")
    with torch.no_grad():
        hidden, negative, pooled, other = pipe.encode_prompt("a sea", negative_prompt="")
    scene = tinyconditions.bare(np.ones((64, 96), bool))
    torch.manual_seed(2)
    x = torch.randn(1, 4, 8, 12)
    sizes = ((64, 96), (0, 0), (64, 96), 6.0, 2.5, (64, 96), (0, 0), (64, 96))
    ids, ids_negative = pipe._get_add_time_ids(*sizes, dtype=torch.float32, text_encoder_projection_dim=32)
    added = {"text_embeds": torch.cat([other, pooled]), "time_ids": torch.cat([ids_negative, ids])}
    with torch.no_grad():
        out = pipe.unet(x.repeat(2, 1, 1, 1), 101.0, torch.cat([negative, hidden]), added_cond_kwargs=added)[0]
    wanted = out[:1] + 5 * (out[1:] - out[:1])
    found = refiner.predict(replace(scene, guidance=5.0), told, lean=False)(x, 101.0, torch.zeros(1, 1, 8, 12))
    torch.testing.assert_close(found, wanted, atol=1e-3 * float(wanted.abs().max()), rtol=0)


def test_the_refiner_in_the_original_layout(tmp_path: Path) -> None:
    torch.manual_seed(11)
    unet, text = _new_unet(tinyconditions.refiner_config()), tinysdxl.make_parts(514, seed=12)["text_encoder_2"]
    tensors = {"model.diffusion_model." + tinysdxl.original_unet(name): v for name, v in unet.state_dict().items()}
    assert all(unet_target(name.removeprefix("model.diffusion_model.")) for name in tensors)
    own = tinysdxl.original_open_clip(text)
    tensors |= {"conditioner.embedders.0.model." + name: value for name, value in own.items()}
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "r.safetensors")
    configs = tinysdxl.write_configs(tmp_path / "configs", 514)
    (configs / "refiner_unet.json").write_text(json.dumps(tinyconditions.refiner_config()))
    refiner = Refiner(tmp_path / "r.safetensors", torch.float32, CPU, configs)
    told = unet.state_dict()
    assert all(torch.equal(v, told[n]) for n, v in refiner.ready_unet().state_dict().items())
    save_file({"x.lora_up.weight": torch.zeros(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(BadModel, match="no SDXL refiner; its tensors look like a LoRA"):
        Refiner(tmp_path / "l.safetensors", torch.float32, CPU)


def test_base_and_refiner_split_as_published(shared: Path) -> None:
    """The golden case: base until 0.8 of the schedule, then the refiner with the same map, in one run."""
    from diffusers import UNet2DConditionModel

    golden = shared / "golden"
    unet = UNet2DConditionModel.from_pretrained(golden / "tiny-sdxl" / "unet").eval()
    arrays = {
        name: torch.from_numpy(value).float() for name, value in np.load(golden / "differential/cases.npz").items()
    }
    cases = {case["name"]: case for case in json.loads((golden / "differential/cases.json").read_text())}
    base, refined = cases["euler_base_end08"], cases["euler_refine_start08"]
    hidden = torch.cat([arrays["negative_prompt_embeds"], arrays["prompt_embeds"]])
    ids = torch.tensor([[128.0, 192, 0, 0, 128, 192]] * 2)
    added = {"text_embeds": torch.cat([arrays["negative_pooled"], arrays["pooled"]]), "time_ids": ids}

    def predict(x: torch.Tensor, t: float, keep: torch.Tensor, guidance: float) -> torch.Tensor:
        out = unet(torch.cat([x] * 2), t, hidden, added_cond_kwargs=added).sample
        return out[:1] + guidance * (out[1:] - out[:1])

    both = [partial(predict, guidance=case["guidance_scale"]) for case in (base, refined)]
    steps = base["num_inference_steps"]
    sampler = make_sampler("euler", STABLE_DIFFUSION, steps=steps, strength=1.0)
    change = 1 - F.interpolate(arrays["map"][None], (16, 24), mode="bilinear")
    split = Handover(base=lambda: both[0], refiner=lambda: both[1], start=0.8)
    first, second = (arrays[f"euler_{name}/noise"] for name in ("base_end08", "refine_start08"))
    begin, noised = sum(t >= 200 for t in sampler.timesteps), sampler.noised
    sampler.noised = lambda z0, noise, i: noised(z0, noise if i < begin else second, i)  # published: drawn anew
    wanted = arrays["euler_refine_start08/latents"]
    with torch.inference_mode():
        x = diffdiff(split, sampler, arrays["original_latents"], first, change, span=steps)
    assert float((x - wanted).abs().max() / wanted.abs().max()) < 1e-3
