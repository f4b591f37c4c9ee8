"""The samplers within differential diffusion reproduce the figures of the published implementations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from reference import SDXL, schedule_of
from tolerances import network, rounding
from torch import Tensor

from softextend.diffdiff import diffdiff
from softextend.mask import latent_change
from softextend.sampling.samplers import TableSampler, make_sampler
from softextend.types import Predict

NAMES = {
    "EulerDiscreteScheduler": "euler",
    "DPMSolverMultistepScheduler": "dpmpp-2m",
    "DDIMScheduler": "ddim",
    "DEISMultistepScheduler": "deis",
}
CASES = (
    "euler_s100_cfg5",
    "euler_s085_cfg3",
    "dpmpp2mk_s100_cfg4",
    "dpmpp2mk_s070_cfg4",
    "ddim_s060_nocfg",
    "deis_s085_cfg6",
    "euler_s100_cfg7_rescale07",
    "euler_base_end08",
    "euler_refine_start08",
)
SOFTEXTEND_CASES = ("softextend_euler_s085", "softextend_euler_s060", "softextend_dpmpp_s100")


class Figures:
    """The reference arrays and the tiny UNet they were made with."""

    def __init__(self, folder: Path) -> None:
        self.unet = UNet2DConditionModel.from_pretrained(folder / "tiny-sdxl" / "unet").eval()
        self.cases = {case["name"]: case for case in json.loads((folder / "differential/cases.json").read_text())}
        soft = json.loads((folder / "differential/softextend_cases.json").read_text())
        self.soft_cases = {case["name"]: case for case in soft}
        self.arrays = np.load(folder / "differential/cases.npz")
        self.soft_arrays = np.load(folder / "differential/softextend_cases.npz")

    def __getitem__(self, key: str) -> Tensor:
        source = self.soft_arrays if key.startswith("softextend") else self.arrays
        return torch.from_numpy(source[key]).float()

    def predict(self, guidance: float, rescale: float) -> Predict:
        embeds = torch.cat([self["negative_prompt_embeds"], self["prompt_embeds"]])
        pooled = torch.cat([self["negative_pooled"], self["pooled"]])
        ids = torch.tensor([[128.0, 192, 0, 0, 128, 192]] * 2)

        def guided(x: Tensor, t: float, keep: Tensor) -> Tensor:
            rows = slice(1, 2) if guidance <= 1 else slice(0, 2)
            added = {"text_embeds": pooled[rows], "time_ids": ids[rows]}
            eps = self.unet(torch.cat([x] * len(ids[rows])), t, embeds[rows], added_cond_kwargs=added).sample
            if guidance <= 1:
                return eps
            negative, positive = eps.chunk(2)
            mixed = negative + guidance * (positive - negative)
            if rescale:
                dims = {"dim": (1, 2, 3), "keepdim": True}
                mixed = torch.lerp(mixed, mixed * positive.std(**dims) / mixed.std(**dims), rescale)
            return mixed

        return guided


@pytest.fixture(scope="module")
def figures(shared: Path) -> Figures:
    return Figures(shared / "golden")


def sampler_of(case: dict[str, Any]) -> tuple[TableSampler, float]:
    """The case's sampler and the step at which its thresholds begin."""
    config = {**SDXL, **case["scheduler_config"]}
    name, schedule = NAMES[case["scheduler"]], schedule_of(config)
    steps, strength, start = case["num_inference_steps"], case["strength"], case.get("denoising_start") or 0.0
    karras = bool(config.get("use_karras_sigmas"))
    if start:
        whole = make_sampler(name, schedule, steps=steps, strength=1.0, karras=karras)
        left = sum(t < 1000 * (1 - start) for t in whole.timesteps)
        strength = (left + 0.5) / steps
    sampler = make_sampler(name, schedule, steps=steps, strength=strength, karras=karras)
    if case.get("denoising_end"):
        sampler.timesteps = tuple(t for t in sampler.timesteps if t >= 1000 * (1 - case["denoising_end"]))
    return sampler, start * steps


def close(x: Tensor, reference: Tensor, case: dict[str, Any]) -> bool:
    """Whether latents are the reference's but for rounding, which guidance, g p - (g - 1) n, multiplies by 2 g - 1."""
    bound = network("float32", float(reference.abs().max())) * max(1, 2 * case["guidance_scale"] - 1)
    return bool((x - reference).abs().max() < bound)


@pytest.mark.parametrize("name", CASES)
@torch.inference_mode()
def test_differential_diffusion(figures: Figures, name: str) -> None:
    case = figures.cases[name]
    sampler, offset = sampler_of(case)
    keep = F.interpolate(figures["map"][None], (16, 24), mode="bilinear")
    x = diffdiff(
        figures.predict(case["guidance_scale"], case["guidance_rescale"]),
        sampler,
        figures["original_latents"],
        figures[f"{name}/noise"],
        1 - keep,
        start=figures["euler_base_end08/latents"] if offset else None,
        span=case["num_inference_steps"],
        offset=offset,
    )
    assert close(x, figures[f"{name}/latents"], case)


@pytest.mark.parametrize("name", SOFTEXTEND_CASES)
@torch.inference_mode()
def test_softextend(figures: Figures, name: str) -> None:
    case = figures.soft_cases[name]
    sampler, _ = sampler_of(case)
    mask = figures.soft_arrays["mask_uint8"].astype(np.float32) / 255
    change = F.interpolate(torch.from_numpy(latent_change(mask))[None, None], (16, 24), mode="bilinear")
    theirs = 1 - torch.from_numpy(figures.soft_arrays["map_latent"]).float()
    assert torch.allclose(change, theirs, atol=rounding("float32", terms=8), rtol=0)
    z0 = torch.from_numpy(figures.soft_arrays["original_latents"]).float()
    x = diffdiff(figures.predict(case["guidance_scale"], 0), sampler, z0, figures[f"{name}/noise"], change)
    assert close(x, figures[f"{name}/latents"], case)
