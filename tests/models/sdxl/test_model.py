"""SDXL behind the model's seam, against diffusers' own pipeline on a tiny SDXL."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysdxl
import torch
from tolerances import network

from softextend.models.find import resolve_model
from softextend.models.load import load_model
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.schedules import STABLE_DIFFUSION, make_schedule
from softextend.models.sdxl import networks
from softextend.models.sdxl.checkpoint import Folder, SingleFile
from softextend.models.sdxl.model import SdxlModel
from softextend.sampling.progress import Silent
from softextend.sampling.schedule import Prediction, alphas_cumprod
from softextend.types import Conditioning, Offload, Predict, Scene

CPU = torch.device("cpu")
PROMPTS = [("", ""), ("a photo", ""), ("a photo of a large plant", "blurred"), ("", "bad")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


@pytest.fixture
def model(folder: Path) -> SdxlModel:
    return made(Folder(folder))


@pytest.fixture(scope="module")
def pipe(folder: Path) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTokenizer

    parts = tinysdxl.make_parts(514)
    tokenizers = {name: CLIPTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")}
    return StableDiffusionXLPipeline(**parts, **tokenizers, scheduler=EulerDiscreteScheduler())


def made(source: Any, **options: Any) -> SdxlModel:
    options = {"device": CPU, "dtype": torch.float32, **options}
    return SdxlModel(source, name="tiny", profile=SDXL_PROFILE, **options)


def scene_of(told: Conditioning, guidance: float, rows: int = 1) -> Scene:
    torch.manual_seed(3)
    return Scene(
        z0=torch.randn(rows, 4, 8, 12),
        change=torch.ones(1, 1, 8, 12),
        known=np.ones((64, 96), bool),
        filled=torch.zeros(1, 3, 64, 96),
        conditioning=told,
        guidance=guidance,
        stage=0,
        seed=0,
    )


def noise_by(model: SdxlModel, scene: Scene, x: torch.Tensor, t: float) -> torch.Tensor:
    """What the model predicts at a timestep; of what is kept it needs to know nothing."""
    denoise: Predict = model.predict(scene)
    return denoise(x, t, torch.zeros_like(scene.change))


def within(wanted: torch.Tensor) -> dict[str, float]:
    """The tolerance of `assert_close` for what a tiny network made, on any processor."""
    return {"atol": network("float32", float(wanted.abs().max())), "rtol": 0.0}


@pytest.mark.parametrize(("prompt", "negative"), PROMPTS)
def test_embeddings_are_the_pipelines(model: SdxlModel, pipe: Any, prompt: str, negative: str) -> None:
    told = model.embed(prompt, negative)
    with torch.no_grad():
        theirs = pipe.encode_prompt(prompt, negative_prompt=negative or None)
    ours = told.prompt.hidden, told.negative.hidden, told.prompt.pooled, told.negative.pooled
    for mine, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, wanted, **within(wanted))


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("rows", [1, 2])
def test_noise_is_the_pipelines(model: SdxlModel, pipe: Any, guidance: float, rows: int) -> None:
    scene = scene_of(model.embed("a plant", "bad"), guidance, rows)
    x, t = torch.randn(rows, 4, 8, 12), 601.0
    told = scene.conditioning
    ids = torch.tensor([[64.0, 96, 0, 0, 64, 96]]).expand(rows, -1)
    outs = []
    for each in (told.negative, told.prompt):
        added = {"text_embeds": each.pooled.expand(rows, -1), "time_ids": ids}
        with torch.no_grad():
            outs.append(pipe.unet(x, t, each.hidden.expand(rows, -1, -1), added_cond_kwargs=added)[0])
    wanted = outs[1] if guidance == 1 else outs[0] + guidance * (outs[1] - outs[0])
    noise = noise_by(model, scene, x, t)
    assert noise.dtype == torch.float32
    torch.testing.assert_close(noise, wanted, **within(wanted))


def test_without_guidance_the_unet_runs_once(model: SdxlModel) -> None:
    told = model.embed("a plant", "bad")
    rows: list[int] = []
    model.networks.unet().register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    for guidance, lean in ((1.0, False), (4.0, False), (4.0, True)):
        model.networks.lean = lean
        noise_by(model, scene_of(told, guidance), torch.zeros(1, 4, 8, 12), 1.0)
    assert rows == [1, 2, 1, 1]


def test_latents_and_pixels_are_the_pipelines(model: SdxlModel, pipe: Any) -> None:
    pixels = torch.rand(2, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        wanted = pipe.vae.encode(pixels).latent_dist.mode() * 0.13025
        decoded = pipe.vae.decode(wanted / 0.13025).sample
    z = model.encode(pixels)
    torch.testing.assert_close(z, wanted, **within(wanted))
    torch.testing.assert_close(model.decode(z), decoded, **within(decoded))


def test_the_published_latents_and_picture(shared: Path) -> None:
    golden = np.load(shared / "golden" / "differential" / "cases.npz")
    ref = resolve_model(str(shared / "golden" / "tiny-sdxl"))
    model = load_model(ref, device="cpu", dtype="float32", listener=Silent())
    z = model.encode(torch.from_numpy(golden["image"]))
    latents, picture = (torch.from_numpy(golden[name]) for name in ("original_latents", "euler_s085_cfg3/decoded"))
    torch.testing.assert_close(z, latents, **within(latents))
    decoded = model.decode(torch.from_numpy(golden["euler_s085_cfg3/latents"]))
    torch.testing.assert_close(decoded, picture, **within(picture))


def test_a_prompt_is_encoded_once_and_the_encoders_leave(model: SdxlModel, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    load = model._source.text_encoder
    monkeypatch.setattr(
        model._source, "text_encoder", lambda which, *rest: (loads.append(which), load(which, *rest))[1]
    )
    first = model.embed("", "")
    assert loads == [0, 1]
    assert model.embed("", "").prompt is first.prompt
    assert loads == [0, 1]
    model.embed("a plant", "")
    assert loads == [0, 1, 0, 1]
    held = [value for each in (model, model.networks) for value in vars(each).values()]
    held += [getattr(model._prompts.text, each.name) for each in dataclasses.fields(model._prompts.text)]
    assert not any(isinstance(value, torch.nn.Module) for value in held)


def test_long_prompts_take_whole_rows_and_short_ones_follow(model: SdxlModel) -> None:
    told = model.embed("plant " * 40, "bad")
    assert told.prompt.hidden.shape == told.negative.hidden.shape
    assert told.prompt.hidden.shape[1] == 77 * 3  # 200 bytes in rows of 75
    empty = model.embed("", "bad").prompt.hidden
    torch.testing.assert_close(told.negative.hidden[:, 77:154], empty, **within(empty))
    noise_by(model, scene_of(told, 3.0), torch.zeros(1, 4, 8, 12), 1.0)


def test_a_single_file_goes_from_prompt_to_noise_with_the_shipped_tokenizer(tmp_path: Path) -> None:
    words = 49408
    parts = tinysdxl.make_parts(words)
    configs = tinysdxl.write_configs(tmp_path / "configs", words)
    model = made(SingleFile(tinysdxl.write_single_file(tmp_path / "tiny.safetensors", parts), configs))
    told = model.embed("a photo of a large plant", "")
    ids = torch.tensor([[49406, 320, 1125, 539, 320, 3638, 3912] + [49407] * 70])
    hidden = parts["text_encoder"](ids, output_hidden_states=True).hidden_states[-2]
    torch.testing.assert_close(told.prompt.hidden[..., :32], hidden, **within(hidden))
    noise = noise_by(model, scene_of(told, 3.0), torch.zeros(1, 4, 8, 12), 1.0)
    assert torch.isfinite(noise).all()
    assert noise.abs().max() > 0


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the device says is free."""
    free = {"bytes": 1 << 40}
    monkeypatch.setattr(networks, "free_memory", lambda _: free["bytes"])
    return free


def test_the_vae_works_in_tiles_only_where_memory_asks(model: SdxlModel, sizes: dict[str, int]) -> None:
    pixels = torch.rand(1, 3, 64, 640) * 2 - 1
    whole = model.encode(pixels)
    assert not model.networks._vaes[torch.float32].use_tiling
    sizes["bytes"] = 1000
    tiled = model.encode(pixels)
    assert model.networks._vaes[torch.float32].use_tiling
    assert tiled.shape == whole.shape
    assert model.decode(tiled).shape == pixels.shape
    assert not torch.equal(tiled, whole)
    sizes["bytes"] = 1 << 40
    torch.testing.assert_close(model.encode(pixels), whole, **within(whole))


def test_numbers_of_the_vae(folder: Path) -> None:
    z = torch.randn(1, 4, 4, 4)
    for dtype, own in (
        (torch.bfloat16, torch.bfloat16),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
    ):
        model = made(Folder(folder), dtype=dtype)
        assert model.vae_dtype is own
    other = Folder(folder).parts["vae"]
    assert made(Folder(folder), dtype=torch.float16, vae=other).vae_dtype is torch.float16
    half = made(Folder(folder), dtype=torch.bfloat16)
    exact = half.decode(z, exact=True)
    torch.testing.assert_close(exact, made(Folder(folder)).decode(z), **within(exact))
    assert half.decode(z).dtype == torch.float32
    assert not torch.equal(half.decode(z), exact)


def test_lighter_ways_end(model: SdxlModel) -> None:
    scene = scene_of(model.embed("a plant", ""), 4.0)
    x, t = torch.randn(1, 4, 8, 12), 300.0
    before = noise_by(model, scene, x, t)
    said = model.reduce_memory()
    assert said is not None
    assert "\n" not in said
    torch.testing.assert_close(noise_by(model, scene, x, t), before, **within(before))
    assert model.reduce_memory() is None
    assert model.reduce_memory() is None


def test_scores_as_dict_a_recipe(model: SdxlModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    facts = model.as_dict()
    assert len(facts["hash"]) == 64
    assert (facts["name"], facts["device"], facts["dtype"], facts["offload"]) == ("tiny", "cpu", "float32", "none")


def test_velocity_checkpoints_say_so_by_their_schedule(tmp_path: Path) -> None:
    """What the UNet returns is left as it is: the sampler reads it as the schedule says."""
    parts, said = tinysdxl.make_parts(514), {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    plain = resolve_model(str(tinysdxl.write_single_file(tmp_path / "plain.safetensors", parts)))
    velocity = resolve_model(str(tinysdxl.write_single_file(tmp_path / "velocity.safetensors", parts, said)))
    assert make_schedule(plain.choice) == STABLE_DIFFUSION
    schedule = make_schedule(velocity.choice)
    assert schedule == dataclasses.replace(STABLE_DIFFUSION, prediction=Prediction.V, zero_snr=True)
    assert alphas_cumprod(schedule)[-1] < 1e-7 < alphas_cumprod(STABLE_DIFFUSION)[-1]


def test_offloading_on_a_cpu_is_nothing_to_do(folder: Path) -> None:
    assert made(Folder(folder), offload=Offload.SEQUENTIAL).networks.offload is Offload.NONE


@pytest.mark.parametrize("offload", [Offload.MODEL, Offload.SEQUENTIAL])
def test_parts_that_come_and_go_compute_the_same(model: SdxlModel, folder: Path, offload: Offload) -> None:
    scene = scene_of(model.embed("a plant", ""), 4.0)
    x, t = torch.randn(1, 4, 8, 12), 300.0
    moving = made(Folder(folder))
    moving.networks.offload = offload  # on a CPU nothing leaves, but the hooks and the moves run
    for _ in range(2):
        for mine, wanted in (
            (noise_by(moving, scene, x, t), noise_by(model, scene, x, t)),
            (moving.decode(x), model.decode(x)),
        ):
            torch.testing.assert_close(mine, wanted, **within(wanted))
    on_meta = [parameter.is_meta for parameter in moving.networks.unet().parameters()]
    assert all(on_meta) == (offload is Offload.SEQUENTIAL)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_every_lighter_way_on_a_gpu_computes_the_same(folder: Path) -> None:
    model = made(Folder(folder), device=torch.device("cuda"))
    scene = scene_of(model.embed("a plant", "bad"), 4.0)
    x, t = torch.randn(1, 4, 8, 12), 300.0
    noise, pixels = noise_by(model, scene, x, t), model.decode(x)
    said = []
    while line := model.reduce_memory():
        said.append(line)
        torch.testing.assert_close(noise_by(model, scene, x, t), noise, **within(noise))
        torch.testing.assert_close(model.decode(x), pixels, **within(pixels))
    assert len(said) == 3
    assert model.networks.offload is Offload.SEQUENTIAL
