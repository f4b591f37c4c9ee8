"""Families beside SDXL's text-to-image, against diffusers' own pipelines on tiny models: SD1, SD2, inpainting UNets."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysd
import tinysdxl
import torch
from marking import slow
from pipelines import (
    BETAS,
    RUN,
    SIZE,
    assert_close,
    block_mask,
    drawing,
    image_to_image,
    loaded,
    picture,
    pipeline,
    sampled,
)
from tolerances import network
from torch import Tensor

from softextend.diffdiff import draw_noise, keep_share, restore
from softextend.mask import hard
from softextend.models.sd.checkpoint import SD1, SD2
from softextend.models.sdxl.checkpoint import SingleFile
from softextend.sampling.samplers import make_sampler
from softextend.sampling.stages import latent_map
from softextend.types import Method, Scene


@pytest.fixture(
    params=[("sd1", {}), ("sd2", {"prediction_type": "v_prediction"})], ids=["sd1", "sd2-v"], scope="module"
)
def family(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Any], Path]:
    kind, scheduler = request.param
    folder = tmp_path_factory.mktemp("sd") / kind
    return kind, scheduler, tinysd.write_folder(folder, kind, scheduler={**BETAS, **scheduler})


def test_image_to_image_is_the_pipelines(
    family: tuple[str, dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, scheduler, folder = family
    pipe = pipeline("StableDiffusionImg2ImgPipeline", folder, tinysd.make_parts(kind, 514), scheduler)
    theirs = image_to_image(monkeypatch, pipe)
    ours = sampled(loaded(folder), torch.ones(1, 1, 8, 12), **RUN)
    assert_close(ours, theirs)


def test_a_full_consistency_model_takes_the_guidance_as_an_input(tmp_path: Path) -> None:
    """As LCM_Dreamshaper_v7: one call a step; found by its tensors, in a folder and in a single file."""
    from diffusers import LatentConsistencyModelPipeline as Pipeline

    folder = tinysd.write_folder(tmp_path / "full", "sd1", scheduler=BETAS, time_cond_proj_dim=16)
    (folder / "model_index.json").write_text('{"_class_name": "LatentConsistencyModelPipeline"}')
    parts = tinysd.make_parts("sd1", 514, time_cond_proj_dim=16)
    path = tinysd.write_single_file(tmp_path / "renamed.safetensors", "sd1", parts)
    source = SingleFile(path, tinysd.write_configs(tmp_path / "configs", "sd1", 514), SD1)
    made = source.unet(torch.float32, torch.device("cpu")).state_dict()
    assert all(torch.equal(made[name], value) for name, value in parts["unet"].state_dict().items())
    model = loaded(folder)
    assert (model.profile.embedded, model.profile.sampler.value, model.profile.guidance) == (True, "lcm", 8.0)
    told = model.embed("a plant", "bad")
    scene = Scene(
        z0=torch.zeros(1, 4, 8, 12),
        change=torch.ones(1, 1, 8, 12),
        known=np.ones(SIZE, bool),
        filled=picture(),
        conditioning=told,
        guidance=6.0,
        stage=0,
        seed=0,
    )
    x, keep = torch.randn(1, 4, 8, 12), torch.zeros(1, 1, 8, 12)
    with torch.no_grad():
        size = Pipeline.get_guidance_scale_embedding(None, torch.tensor([5.0]), embedding_dim=16)  # guidance less 1
        wanted = parts["unet"](x, 499.0, told.prompt.hidden, timestep_cond=size)[0]
    assert_close(model.predict(scene)(x, 499.0, keep), wanted)
    other = model.predict(dataclasses.replace(scene, guidance=2.0))(x, 499.0, keep)
    assert (other - wanted).abs().max() > 1e-3 * wanted.abs().max()


@pytest.mark.parametrize("kind", ["sd1", slow("sd2")])
def test_every_parameter_of_the_original_layout_arrives_in_its_place(tmp_path: Path, kind: str) -> None:
    parts = tinysd.make_parts(kind, 514)
    path = tinysd.write_single_file(tmp_path / "tiny.safetensors", kind, parts)
    source = SingleFile(path, tinysd.write_configs(tmp_path / "configs", kind, 514), SD1 if kind == "sd1" else SD2)
    cpu = torch.device("cpu")
    made = (source.unet(torch.float32, cpu), source.vae(torch.float32, cpu), source.text_encoder(0, torch.float32, cpu))
    for ours, theirs in zip(made, parts.values(), strict=True):
        found, wanted = ours.state_dict(), theirs.state_dict()
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, msg=name)
    assert len(source.tokenizers()) == 1


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_an_inpainting_unet_sees_what_the_inpainting_pipelines_show(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a map of 0 and 1; what is kept is pinned after each step of theirs, as differential diffusion does."""
    folder, parts = inpainting(tmp_path / "tiny", kind)
    model = loaded(folder)
    z0, change = model.encode(picture()), block_mask()[..., ::8, ::8]
    noise, _ = draw_noise([0], z0.shape[1:])
    theirs = inpainted(monkeypatch, kind, folder, parts, (z0, noise, change))
    assert_close(sampled(model, change, steps=6, strength=0.7, guidance=4.0), theirs)


def inpainting(folder: Path, kind: str, channels: int = 9) -> tuple[Path, dict[str, Any]]:
    """A folder with a UNet of so many channels, and its networks."""
    if kind == "sd1":
        tinysd.write_folder(folder, "sd1", channels, scheduler=BETAS)
        return folder, tinysd.make_parts("sd1", 514, channels)
    parts = tinysdxl.make_parts(514, channels=channels)
    tinysd.still(parts["vae"])
    tinysdxl.write_folder(folder, channels=channels)
    parts["vae"].save_pretrained(folder / "vae")
    return folder, parts


def inpainted(
    monkeypatch: pytest.MonkeyPatch, kind: str, folder: Path, parts: dict[str, Any], run: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """What diffusers' inpainting pipeline makes, its latents pinned where `change` is 0."""
    z0, noise, change = run
    pipe = pipeline(PIPELINES[kind], folder, parts, {})
    drawing(monkeypatch, pipe, noise)

    def pin(_: Any, i: int, t: Any, given: dict[str, Tensor]) -> dict[str, Tensor]:
        kept = z0 + pipe.scheduler.sigmas[pipe.scheduler.step_index] * noise
        return {"latents": torch.where(change > 0, given["latents"], kept)}

    return pipe(
        "a plant",
        image=(picture() + 1) / 2,
        mask_image=block_mask(),
        negative_prompt="bad",
        height=SIZE[0],
        width=SIZE[1],
        num_inference_steps=6,
        strength=0.7,
        guidance_scale=4.0,
        output_type="latent",
        callback_on_step_end=pin,
    ).images


PIPELINES = {"sd1": "StableDiffusionInpaintPipeline", "sdxl": "StableDiffusionXLInpaintPipeline"}


def test_a_graded_map_shows_the_unet_the_mask_of_each_step(tmp_path: Path) -> None:
    """Against a plain loop over diffusers' own UNet and VAE."""
    folder, parts = inpainting(tmp_path / "tiny", "sd1")
    model = loaded(folder)
    pixels, z0 = picture(), model.encode(picture())
    change = torch.linspace(0, 1, 12).expand(1, 1, 8, 12)
    noise, _ = draw_noise([0], z0.shape[1:])
    told = model.embed("a plant", "bad")
    sampler = make_sampler("euler", model.schedule, steps=6, strength=0.7)
    x = sampler.noised(z0, noise, 0)
    hidden = torch.cat([told.negative.hidden, told.prompt.hidden])
    for i, t in enumerate(sampler.timesteps):
        keep = keep_share(change, i, len(sampler.timesteps))
        x = keep * sampler.noised(z0, noise, i) + (1 - keep) * x
        masked = pixels * keep.repeat_interleave(8, 2).repeat_interleave(8, 3)
        with torch.no_grad():
            shown = parts["vae"].encode(masked).latent_dist.mode() * 0.18215
            given = torch.cat([sampler.scaled(x, i), 1 - keep, shown], dim=1).repeat(2, 1, 1, 1)
            negative, positive = parts["unet"](given, t, hidden)[0].chunk(2)
        x = sampler.step(negative + 4 * (positive - negative), i, x)
    ours = sampled(model, change, steps=6, strength=0.7, guidance=4.0)
    assert_close(ours, restore(x, z0, change))


def test_a_batch_of_an_inpainting_unet_is_its_rows(tmp_path: Path) -> None:
    folder, _ = inpainting(tmp_path / "tiny", "sdxl")
    model = loaded(folder)
    change = torch.linspace(0, 1, 12).expand(1, 1, 8, 12)
    z0 = model.encode(picture()).expand(2, -1, -1, -1)
    scene = Scene(
        z0=z0,
        change=change,
        known=np.ones(SIZE, bool),
        filled=picture(),
        conditioning=model.embed("", ""),
        guidance=3.0,
        stage=0,
        seed=0,
    )
    x, keep = torch.randn(2, 4, 8, 12), (change < 0.4).float()
    both = model.predict(scene)(x, 500.0, keep)
    alone = dataclasses.replace(scene, z0=z0[:1])
    rows = [model.predict(alone)(x[at : at + 1], 500.0, keep) for at in range(2)]
    wanted = torch.cat(rows)
    torch.testing.assert_close(both, wanted, atol=3 * network("float32", float(wanted.abs().max())), rtol=0)  # guided


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_the_classic_method_is_masked_inpainting(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a UNet of 4 channels diffusers' own pipelines pin what is kept."""
    folder, parts = inpainting(tmp_path / "tiny", kind, channels=4)
    model = loaded(folder)
    soft = block_mask()[0, 0].numpy() * 0.8 + 0.1
    change = latent_map(hard(soft), model.encode(picture()), model, Method.CLASSIC)
    pipe = pipeline(PIPELINES[kind], folder, parts, {})
    drawing(monkeypatch, pipe, draw_noise([0], (4, 8, 12))[0])
    theirs = pipe(
        "a plant",
        image=(picture() + 1) / 2,
        mask_image=block_mask(),
        negative_prompt="bad",
        height=SIZE[0],
        width=SIZE[1],
        num_inference_steps=6,
        strength=0.7,
        guidance_scale=4.0,
        output_type="latent",
    ).images
    assert_close(sampled(model, change, steps=6, strength=0.7, guidance=4.0), theirs)
