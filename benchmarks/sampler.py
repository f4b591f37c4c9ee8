"""The sampler's own cost per step, against a plain textbook loop over the same UNet and scheduler, in one run.

usage: python benchmarks/sampler.py [--size 512] [--steps 6] [--repeats 5] [--device cpu]

Rounds alternate between the two loops; medians are printed. `own` is the time outside the UNet's call, which a busy
machine disturbs least; `ratio` compares whole runs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from diffusers import UNet2DConditionModel
from sdxl import scheduler_of  # beside this script
from torch import Tensor

from softextend.diffdiff import diffdiff, draw_noise
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.sampling.samplers import make_sampler

NARROW_SDXL = {  # SDXL's layout at a fifth of its width: a step on two cores takes about a second
    "block_out_channels": (64, 128, 256),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 4),
    "attention_head_dim": (2, 4, 8),
    "cross_attention_dim": 256,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 64,
    "projection_class_embeddings_input_dim": 64 * 6 + 128,
    "use_linear_projection": True,
}


class Timed:
    """The UNet as a denoiser that knows how long it was at work."""

    def __init__(self, unet: UNet2DConditionModel, device: torch.device) -> None:
        self.unet, self.device, self.seconds = unet, device, 0.0
        self.text = torch.randn(1, 77, 256, device=device)
        ids = torch.zeros(1, 6, device=device)
        self.added = {"text_embeds": torch.randn(1, 128, device=device), "time_ids": ids}

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        began = self.now()
        eps: Tensor = self.unet(x, t, self.text, added_cond_kwargs=self.added).sample
        self.seconds += self.now() - began
        return eps

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def textbook(unet: Timed, z0: Tensor, noise: Tensor, keep_map: Tensor, steps: int) -> Tensor:
    """Differential diffusion as the paper's listing has it, straight on diffusers' scheduler."""
    scheduler = scheduler_of(steps, z0.device)
    levels = [scheduler.add_noise(z0, noise, t[None]) for t in scheduler.timesteps]
    masks = [keep_map > i / steps for i in range(steps)]
    x = levels[0]
    for i, t in enumerate(scheduler.timesteps):
        if i:
            x = torch.where(masks[i], levels[i], x)
        x = scheduler.step(unet(scheduler.scale_model_input(x, t), t), t, x).prev_sample
    return x


def ours(unet: Timed, z0: Tensor, noise: Tensor, keep_map: Tensor, steps: int) -> Tensor:
    sampler = make_sampler("euler", STABLE_DIFFUSION, steps=steps, strength=1.0)
    return diffdiff(lambda x, t, keep: unet(x, t), sampler, z0, noise, 1 - keep_map)


def timed(work: Callable[..., Tensor], unet: Timed, *args: object) -> tuple[float, float, Tensor]:
    """Seconds in all, seconds outside the UNet, and the result."""
    unet.seconds, began = 0.0, unet.now()
    x = work(unet, *args)
    total = unet.now() - began
    return total, total - unet.seconds, x


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="side of the picture in px")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.manual_seed(0)
    unet = Timed(UNet2DConditionModel(sample_size=64, **NARROW_SDXL).eval().to(device), device)
    shape = (4, options.size // 8, options.size // 8)
    z0, noise = (draw_noise([seed], shape)[0].to(device) for seed in (0, 1))
    keep_map = torch.linspace(0, 1, shape[2], device=device).expand(1, 1, *shape[1:])
    rows: dict[str, list[tuple[float, float]]] = {"textbook": [], "softextend": []}
    for round_ in range(options.repeats + 1):
        results = []
        for name, work in (("textbook", textbook), ("softextend", ours)):
            total, own, x = timed(work, unet, z0, noise, keep_map, options.steps)
            results.append(x)
            if round_:  # the first round warms up
                rows[name].append((total / options.steps, own / options.steps))
        assert torch.allclose(*results, atol=1e-4), "the two loops disagree"
    medians = {name: [statistics.median(column) for column in zip(*pairs, strict=True)] for name, pairs in rows.items()}
    print(f"{options.size}x{options.size} px, {options.steps} steps, {device}, median of {options.repeats}")
    print(f"{'loop':<12}{'ms/step':>10}{'own ms/step':>13}{'own share':>11}")
    for name, (total, own) in medians.items():
        print(f"{name:<12}{total * 1e3:>10.1f}{own * 1e3:>13.3f}{own / total:>11.2%}")
    print(f"ratio softextend / textbook: {medians['softextend'][0] / medians['textbook'][0]:.4f}")


if __name__ == "__main__":
    main()
