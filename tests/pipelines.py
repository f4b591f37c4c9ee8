"""diffusers' own pipelines and our loop on the same tiny networks, noise and picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from softextend.diffdiff import diffdiff, draw_noise, restore
from softextend.models.conditions.options import Conditions
from softextend.models.find import resolve_model
from softextend.models.load import load_model
from softextend.models.sdxl.model import SdxlModel
from softextend.sampling.progress import Silent
from softextend.sampling.samplers import make_sampler
from softextend.types import Scene

SIZE = (64, 96)  # px
CLOSE = 1e-3  # of the largest value, in float32
LEADING = {"timestep_spacing": "leading", "steps_offset": 1}
RUN: dict[str, Any] = {"steps": 6, "strength": 0.7, "guidance": 4.0}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", **LEADING}


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    """Within CLOSE of the largest value."""
    assert (ours - theirs).abs().max() < CLOSE * theirs.abs().max()


def pipeline(kind: str, folder: Path, parts: dict[str, Any], scheduler: dict[str, Any]) -> Any:
    """diffusers' own, on the same networks."""
    import diffusers
    from transformers import CLIPTokenizer

    names = [name.replace("text_encoder", "tokenizer") for name in parts if name.startswith("text_encoder")]
    given = {**parts, **{name: CLIPTokenizer.from_pretrained(folder / name) for name in names}}
    if "XL" not in kind:
        given |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    euler = diffusers.EulerDiscreteScheduler(**BETAS, **scheduler)
    pipe = getattr(diffusers, kind)(**given, scheduler=euler)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def loaded(folder: Path, laid: Conditions | None = None, **options: Any) -> SdxlModel:
    ref = resolve_model(str(folder), **options)
    model = load_model(ref, device="cpu", dtype="float32", conditions=laid, listener=Silent())
    assert isinstance(model, SdxlModel)
    return model


def drawing(monkeypatch: pytest.MonkeyPatch, pipe: Any, noise: Tensor) -> None:
    """Let a pipeline draw this noise."""
    monkeypatch.setattr(sys.modules[type(pipe).__module__], "randn_tensor", lambda *_, **__: noise)


def image_to_image(monkeypatch: pytest.MonkeyPatch, pipe: Any, **more: Any) -> Tensor:
    """The latents of an image-to-image pipeline as `RUN` says, from the noise of seed 0."""
    drawing(monkeypatch, pipe, draw_noise([0], (4, SIZE[0] // 8, SIZE[1] // 8))[0])
    latents: Tensor = pipe(
        "a plant",
        image=(picture() + 1) / 2,
        negative_prompt="bad",
        num_inference_steps=RUN["steps"],
        strength=RUN["strength"],
        guidance_scale=RUN["guidance"],
        output_type="latent",
        **more,
    ).images
    return latents


def picture() -> Tensor:
    """(1, 3, H, W) in [-1, 1]."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] / 16
    waves = np.stack([np.sin(x + y), np.cos(x - y), np.sin(2 * x)])
    return torch.from_numpy(waves.astype(np.float32))[None]


def block_mask() -> Tensor:
    """(1, 1, H, W), 1 = repaint, on whole latents."""
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., 16:56, 40:] = 1
    return mask


def sampled(
    model: SdxlModel,
    change: Tensor,
    *,
    steps: int,
    strength: float,
    guidance: float,
    seed: int = 0,
    known: np.ndarray[Any, Any] | None = None,
    name: str = "euler",
) -> Tensor:
    """Our loop over the model: latents (1, 4, h, w) from latent `change` (1, 1, h, w)."""
    pixels = picture()
    z0 = model.encode(pixels)
    scene = Scene(
        z0=z0,
        change=change,
        known=np.ones(SIZE, bool) if known is None else known,
        filled=pixels,
        conditioning=model.embed("a plant", "bad"),
        guidance=guidance,
        guidance_rescale=model.profile.guidance_rescale,
        stage=0,
        seed=seed,
    )
    noise, generators = draw_noise([seed], z0.shape[1:])
    sampler = make_sampler(
        name,
        model.schedule,
        steps=steps,
        strength=strength,
        generators=generators,
        trailing=model.profile.trailing,
    )
    x = diffdiff(model.predict(scene), sampler, z0, noise, change)
    return restore(x, z0, change)
