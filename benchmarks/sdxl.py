"""Full-size SDXL with random weights on a GPU: a textbook loop against softextend, seconds a picture and peak memory.

usage: python benchmarks/sdxl.py [--size 1280 1024] [--steps 30] [--strength 0.85] [--repeats 3] [--dtype bf16]
       python benchmarks/sdxl.py --narrow      # a small SDXL on any device: shows that the script runs, no figures

Random weights cost what trained ones cost and paint nothing. The textbook loop is what the published pipelines do:
all parts on the device, one UNet run of both guidance rows a step, one VAE decode. Both repaint the same picture with
the same map, solver and seed; prompts are encoded before the clock starts. The two run one after the other, each after
a warm-up of two steps; medians are printed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler
from torch import Tensor, nn

from softextend.extend import paint
from softextend.models.clip_tokenizer import ClipTokenizer, shipped_tokenizers
from softextend.models.device import choose_device, choose_dtype, empty_cache
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.sdxl.checkpoint import CONFIGS, TEXT_ENCODERS, _new_unet, _new_vae
from softextend.models.sdxl.model import Embedding, SdxlModel
from softextend.models.weights.tensors import _fill_positions
from softextend.options import Spec
from softextend.sampling.samplers import SCHEDULE

NARROW: dict[str, dict[str, Any]] = {
    "unet": {
        "block_out_channels": [32, 64, 64],
        "attention_head_dim": [2, 4, 4],
        "transformer_layers_per_block": [1, 1, 1],
        "cross_attention_dim": 64,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 80,
    },
    "vae": {"block_out_channels": [32, 32, 32, 32], "layers_per_block": 1},
    "text_encoder": {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2},
}
NARROW["text_encoder_2"] = NARROW["text_encoder"] | {"projection_dim": 32}


class RandomWeights:
    """An SDXL whose parts are made, not read."""

    weights: tuple[Path, ...] = ()
    v_prediction = zero_snr = False
    empty_is_zero = True

    def __init__(self, narrow: bool) -> None:
        self.configs = {
            name: json.loads((CONFIGS / f"{name}.json").read_text()) | (NARROW[name] if narrow else {})
            for name in ("unet", "vae", *TEXT_ENCODERS)
        }

    def unet(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        return random_part(_new_unet, self.configs["unet"], dtype, device)

    def vae(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        return random_part(_new_vae, self.configs["vae"], dtype, device)

    def text_encoder(self, which: int, dtype: torch.dtype, device: torch.device) -> nn.Module:
        name = list(TEXT_ENCODERS)[which]
        return random_part(TEXT_ENCODERS[name], self.configs[name], dtype, device)

    def tokenizers(self) -> tuple[ClipTokenizer, ClipTokenizer]:
        return shipped_tokenizers()


def random_part(new: Callable[..., Any], config: dict[str, Any], dtype: torch.dtype, device: torch.device) -> nn.Module:
    """A network with torch's own starting weights, made on the device."""
    torch.manual_seed(0)
    with torch.device("meta"):
        module: nn.Module = new(config)
    module.to_empty(device=device)
    for each in module.modules():
        if hasattr(each, "reset_parameters"):
            each.reset_parameters()
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)
    _fill_positions(module, device)
    return module.eval().requires_grad_(False)


class Textbook:
    """The published pipelines' way, on components."""

    def __init__(self, source: RandomWeights, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype, self.device = dtype, device
        self.unet: Any = source.unet(dtype, device)
        self.vae: Any = source.vae(dtype, device)
        self.text = [source.text_encoder(which, dtype, device) for which in (0, 1)]  # they stay on the device

    @torch.inference_mode()
    def __call__(self, pixels: np.ndarray, mask: np.ndarray, told: Embedding, spec: Spec) -> np.ndarray:
        height, width = mask.shape
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(self.device, self.dtype) / 127.5 - 1
        z0 = self.vae.encode(picture).latent_dist.mode() * self.vae.config.scaling_factor
        keep = torch.nn.functional.interpolate(1 - torch.from_numpy(mask)[None, None], z0.shape[-2:], mode="bilinear")
        noise = torch.randn(z0.shape, generator=torch.Generator().manual_seed(spec.seed)).to(self.device, self.dtype)
        x = self.sample(z0, noise, keep.to(self.device), spec, told, (height, width))
        decoded = self.vae.decode(x / self.vae.config.scaling_factor).sample
        array = (decoded[0].float().permute(1, 2, 0).cpu().numpy() + 1) * 127.5
        return array.clip(0, 255).round().astype(np.uint8)

    def sample(
        self, z0: Tensor, noise: Tensor, keep: Tensor, spec: Spec, told: Embedding, size: tuple[int, int]
    ) -> Tensor:
        scheduler = EulerDiscreteScheduler.from_config(SCHEDULE)
        scheduler.set_timesteps(spec.steps, device=self.device)
        timesteps = scheduler.timesteps[-int(spec.steps * spec.strength) :]
        levels = [scheduler.add_noise(z0, noise, t[None]) for t in timesteps]
        masks = [keep > i / len(timesteps) for i in range(len(timesteps))]
        ids = torch.tensor([[*size, 0, 0, *size]] * 2, dtype=self.dtype, device=self.device)
        added = {"text_embeds": torch.cat([told.negative.pooled, told.prompt.pooled]), "time_ids": ids}
        hidden = torch.cat([told.negative.hidden, told.prompt.hidden])
        x = levels[0]
        for i, t in enumerate(timesteps):
            if i:
                x = torch.where(masks[i], levels[i], x)
            both = scheduler.scale_model_input(torch.cat([x, x]), t)
            negative, positive = self.unet(both, t, hidden, added_cond_kwargs=added, return_dict=False)[0].chunk(2)
            x = scheduler.step(negative + spec.guidance * (positive - negative), t, x, return_dict=False)[0]
        return x


def timed(
    run: Callable[[Spec], object], spec: Spec, warm: Spec, repeats: int, device: torch.device
) -> dict[str, float]:
    """Median seconds, all seconds, and peak bytes on the device."""
    run(warm)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run(spec)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - began)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return {"seconds": statistics.median(seconds), "worst": max(seconds), "peak_gb": peak / 1e9}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 1024), metavar=("W", "H"), help="multiples of 8")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--strength", type=float, default=0.85)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--narrow", action="store_true")
    asked = parser.parse_args()
    device = choose_device("auto")
    if device.type != "cuda" and not asked.narrow:
        print(f"full-size SDXL needs a CUDA GPU; here is only {device}: nothing measured (--narrow runs anywhere)")
        return 1
    dtype = choose_dtype(asked.dtype, device)
    width, height = asked.size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.float32)
    mask[:, : width // 5] = mask[:, -width // 5 :] = 1
    spec = Spec.of(seed=1, strength=asked.strength, steps=asked.steps, guidance=5.0)
    warm = Spec.of(seed=1, strength=1.0, steps=2, guidance=5.0)
    source = RandomWeights(asked.narrow)
    model = SdxlModel(source, name="random", profile=SDXL_PROFILE, device=device, dtype=dtype)
    told = model.embed("", "")
    runs: dict[str, Callable[[], Callable[[Spec], object]]] = {
        "textbook": lambda: partial(Textbook(source, dtype, device), pixels, mask, told),
        "softextend": lambda: lambda spec: paint(pixels, mask, spec, model),
    }
    rows = {}
    for title, make in runs.items():
        rows[title] = timed(make(), spec, warm, asked.repeats, device)
        gc.collect()
        empty_cache(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(f"{name}, torch {torch.__version__}, {dtype}, {width}x{height}, {asked.steps} steps at {asked.strength:g}")
    for title, row in rows.items():
        print(f"{title:11} {row['seconds']:8.3f} s  (worst {row['worst']:.3f})  peak {row['peak_gb']:.2f} GB")
    ratio = rows["softextend"]["seconds"] / rows["textbook"]["seconds"]
    print(f"softextend takes {ratio:.3f} of the textbook's time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
