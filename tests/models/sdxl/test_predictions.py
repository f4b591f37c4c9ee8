"""Other predictions than noise, against diffusers' own SDXL pipeline on a tiny model: velocity, EDM, rectified flow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tinysd
import tinysdxl
import torch
from pipelines import BETAS, RUN, assert_close, image_to_image, loaded, sampled

from softextend.errors import BadRequest
from softextend.models.find import resolve_model
from softextend.models.schedules import make_schedule
from softextend.sampling.samplers import make_sampler
from softextend.sampling.schedule import EdmSchedule, FlowSchedule
from softextend.types import PredictionName

PLAYGROUND = {"sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5, "prediction_type": "epsilon"}
COSXL = {
    "sigma_min": 0.002,
    "sigma_max": 120.0,
    "sigma_data": 1.0,
    "prediction_type": "v_prediction",
    "sigma_schedule": "exponential",
}
ZERO = {**BETAS, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
STATISTICS = {
    "latents_mean": [-1.6574, 1.886, -1.383, 2.5155],
    "latents_std": [8.4927, 5.9022, 6.5498, 5.2299],
    "scaling_factor": 0.5,
}
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "v": ("EulerDiscreteScheduler", {**BETAS, "prediction_type": "v_prediction"}, {}),
    "zero-snr": ("EulerDiscreteScheduler", ZERO, {"guidance_rescale": 0.7}),
    "playground": ("EDMEulerScheduler", PLAYGROUND, {}),
    "cosxl": ("EDMEulerScheduler", COSXL, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_image_to_image_is_the_pipelines(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import diffusers
    from transformers import CLIPTokenizer

    name, config, options = KINDS[kind]
    folder, parts = written(tmp_path / "tiny", name, config, STATISTICS if kind == "playground" else {})
    tokenizers = {each: CLIPTokenizer.from_pretrained(folder / each) for each in ("tokenizer", "tokenizer_2")}
    scheduler = getattr(diffusers, name)(**config)
    pipe = diffusers.StableDiffusionXLImg2ImgPipeline(**parts, **tokenizers, scheduler=scheduler)
    pipe.set_progress_bar_config(disable=True)
    theirs = image_to_image(monkeypatch, pipe, **options)
    model = loaded(folder)
    assert model.profile.guidance_rescale == options.get("guidance_rescale", 0.0)
    change = torch.ones(1, 1, 8, 12)
    assert_close(sampled(model, change, **RUN), theirs)


def written(folder: Path, scheduler: str, config: dict[str, Any], vae: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """A folder with this scheduler, its VAE's config changed, and its networks."""
    tinysdxl.write_folder(folder)
    parts = tinysdxl.make_parts(514)
    tinysd.still(parts["vae"])
    parts["vae"].register_to_config(**vae)
    parts["vae"].save_pretrained(folder / "vae")
    said = json.dumps({"_class_name": scheduler, **config})
    (folder / "scheduler" / "scheduler_config.json").write_text(said)
    return folder, parts


def test_a_single_file_brings_its_own_noise_levels_and_statistics(tmp_path: Path) -> None:
    parts = tinysdxl.make_parts(514)
    ends = {"edm_vpred.sigma_max": torch.tensor(90.0), "edm_vpred.sigma_min": torch.tensor(0.01)}
    cosxl = resolve_model(str(tinysdxl.write_single_file(tmp_path / "a.safetensors", parts, ends)))
    schedule = make_schedule(cosxl.choice)
    assert isinstance(schedule, EdmSchedule)
    assert (schedule.sigma_max, schedule.sigma_data) == (90.0, 1.0)
    assert schedule.sigma_min == pytest.approx(0.01)
    mean = {"edm_mean": torch.tensor(STATISTICS["latents_mean"]), "edm_std": torch.tensor(STATISTICS["latents_std"])}
    path = tinysdxl.write_single_file(tmp_path / "b.safetensors", parts, mean)
    from softextend.models.sdxl.checkpoint import SingleFile

    source = SingleFile(path, tinysdxl.write_configs(tmp_path / "configs", 514))
    config = source.vae(torch.float32, torch.device("cpu")).config
    assert config["latents_mean"] == pytest.approx(STATISTICS["latents_mean"])
    assert config["scaling_factor"] == 0.5


def test_a_rectified_flow_is_sampled_as_one(tmp_path: Path) -> None:
    """A flow of straight lines is exact in one step: with the velocity of a known picture it arrives there."""
    folder, _ = written(tmp_path / "tiny", "FlowMatchEulerDiscreteScheduler", {"shift": 2.5}, {})
    ref = resolve_model(str(folder))
    assert make_schedule(ref.choice) == FlowSchedule(train_steps=1000, shift=2.5)
    asked = resolve_model(str(folder), prediction=PredictionName.EPSILON)
    assert make_schedule(asked.choice) != make_schedule(ref.choice)
    with pytest.raises(BadRequest, match="trained with a rectified flow: use euler"):
        make_sampler("ddim", make_schedule(ref.choice), steps=4, strength=1)
