"""SDXL with random weights: diffusers' community pipeline of differential diffusion against softextend, in one run.

usage: python benchmarks/sdxl.py                                  # a GPU: every case, full size
       python benchmarks/sdxl.py --cases 1024x1024:1:30 --dtype bf16 --repeats 3
       python benchmarks/sdxl.py --narrow                         # a small SDXL on any device: shows that it runs

Random weights cost what trained ones cost and paint nothing. `community` is a transcription of the published pipeline
(Levin and Fried, arXiv:2306.00950, Alg. 1, on diffusers' parts as its community pipelines are written): pictures one
after the other, all levels of noise made beforehand, one call of both guidance rows a step, one decode. Both repaint
the same pictures by the same map with the same noise, steps and Euler sampler, their prompts encoded beforehand; the
latents at the end are compared. Seconds are of whole pictures, encode to 8-bit pixels; peak memory is of the device,
which each has for itself, or on a CPU of the process so far.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler
from torch import Tensor, nn

from softextend.diffdiff import diffdiff, draw_noise, restore
from softextend.models.clip_tokenizer import ClipTokenizer, shipped_tokenizers
from softextend.models.device import choose_device, choose_dtype, empty_cache
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.sdxl.checkpoint import CONFIGS, SDXL, TEXT_ENCODERS, Layout, _new_unet, _new_vae
from softextend.models.sdxl.model import SdxlModel
from softextend.models.weights.tensors import Part, _fill_positions
from softextend.sampling.latents import to_levels
from softextend.sampling.samplers import make_sampler
from softextend.sampling.together import predict_rows
from softextend.types import Conditioning, Scene

GUIDANCE = 5.0
CASES = tuple(f"{size}:{count}:{steps}" for size in ("1024x1024", "1280x1024") for count in (1, 4) for steps in (30, 4))
NARROW_CASES = ("64x64:1:4", "80x64:4:3")
CLOSE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}  # of the latents' spread
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


@dataclass
class RandomWeights:
    """An SDXL whose parts are made, not read."""

    narrow: bool
    parts: dict[str, Part] = field(default_factory=dict)
    weights: tuple[Path, ...] = ()
    layout: Layout = SDXL
    empty_is_zero: bool = True

    def unet(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        return self._made("unet", _new_unet, dtype, device)

    def vae(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        return self._made("vae", _new_vae, dtype, device)

    def text_encoder(self, which: int, dtype: torch.dtype, device: torch.device) -> nn.Module:
        name = list(TEXT_ENCODERS)[which]
        return self._made(name, TEXT_ENCODERS[name], dtype, device)

    def tokenizers(self) -> tuple[ClipTokenizer, ...]:
        return shipped_tokenizers()

    def _made(self, name: str, new: Callable[..., Any], dtype: torch.dtype, device: torch.device) -> nn.Module:
        """A network with torch's own starting weights, made on the device; the same each time."""
        config = json.loads((CONFIGS / f"{name}.json").read_text()) | (NARROW[name] if self.narrow else {})
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


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is made: pictures (N, 3, H, W) in [-1, 1], a map (1, 1, H/8, W/8), 1 = repaint, noise (N, 4, H/8, W/8)."""

    width: int
    height: int
    count: int
    steps: int

    @classmethod
    def of(cls, text: str) -> Case:
        size, count, steps = text.split(":")
        width, height = map(int, size.split("x"))
        return cls(width=width, height=height, count=int(count), steps=int(steps))

    def pictures(self) -> Tensor:
        drawn = np.random.default_rng(0).random((self.count, 3, self.height, self.width), np.float32)
        return torch.from_numpy(drawn) * 2 - 1

    def change(self) -> Tensor:
        """All of the outer fifths, falling to nothing in the middle."""
        across = torch.linspace(-1, 1, self.width // 8).abs()
        return ((across - 0.2) / 0.4).clamp(0, 1).expand(1, 1, self.height // 8, self.width // 8).contiguous()

    def noise(self) -> Tensor:
        return draw_noise(range(self.count), (4, self.height // 8, self.width // 8))[0]


class Community:
    """The published pipeline's way, on diffusers' parts, which stay on the device."""

    def __init__(self, source: RandomWeights, dtype: torch.dtype, device: torch.device, *, compiled: bool) -> None:
        self.dtype, self.device = dtype, device
        self.unet: Any = source.unet(dtype, device)
        self.vae: Any = source.vae(dtype, device)
        if compiled:
            self.unet.compile_repeated_blocks(dynamic=False)

    @torch.inference_mode()
    def __call__(self, case: Case, told: Conditioning) -> tuple[Tensor, list[np.ndarray]]:
        """Latents of the last step (N, 4, h, w), and pixels uint8 (H, W, 3) of each picture."""
        latents = [self.latents(case, row, told) for row in range(case.count)]
        decoded = [self.vae.decode(each / self.vae.config.scaling_factor).sample for each in latents]
        arrays = [(each[0].float().permute(1, 2, 0).cpu().numpy() + 1) * 127.5 for each in decoded]
        return torch.cat(latents), [each.clip(0, 255).round().astype(np.uint8) for each in arrays]

    def latents(self, case: Case, row: int, told: Conditioning) -> Tensor:
        picture = case.pictures()[row : row + 1].to(self.device, self.dtype)
        z0 = self.vae.encode(picture).latent_dist.mode() * self.vae.config.scaling_factor
        noise = case.noise()[row : row + 1].to(self.device, self.dtype)
        scheduler = scheduler_of(case.steps, self.device)
        levels = [scheduler.add_noise(z0, noise, t[None]) for t in scheduler.timesteps]
        keep = 1 - case.change().to(self.device)
        size = [case.height, case.width, 0, 0, case.height, case.width]
        ids = torch.tensor([size] * 2, dtype=self.dtype, device=self.device)
        assert told.negative is not None
        assert told.prompt is not None
        added = {"text_embeds": torch.cat([told.negative.pooled, told.prompt.pooled]), "time_ids": ids}
        hidden = torch.cat([told.negative.hidden, told.prompt.hidden])
        x = levels[0]
        for i, t in enumerate(scheduler.timesteps):
            x = torch.where(keep > i / case.steps, levels[i], x)
            both = scheduler.scale_model_input(torch.cat([x, x]), t)
            negative, positive = self.unet(both, t, hidden, added_cond_kwargs=added, return_dict=False)[0].chunk(2)
            x = scheduler.step(negative + GUIDANCE * (positive - negative), t, x, return_dict=False)[0]
        return x


def scheduler_of(steps: int, device: torch.device) -> Any:
    """diffusers' Euler at SDXL's noise levels, one for a run."""
    own = STABLE_DIFFUSION
    scheduler = EulerDiscreteScheduler(
        num_train_timesteps=own.train_steps,
        beta_start=own.beta_start,
        beta_end=own.beta_end,
        beta_schedule=own.betas.value,
        steps_offset=own.offset,
        timestep_spacing=own.spacing.value,
    )
    scheduler.set_timesteps(steps, device=device)
    return scheduler


class Ours:
    """softextend's model, loop and rows, as `extend` runs them between encode and decode."""

    def __init__(self, source: RandomWeights, dtype: torch.dtype, device: torch.device, *, compiled: bool) -> None:
        self.model = SdxlModel(
            source, name="random", profile=SDXL_PROFILE, device=device, dtype=dtype, compile=compiled
        )

    @torch.inference_mode()
    def __call__(self, case: Case, told: Conditioning) -> tuple[Tensor, list[np.ndarray]]:
        """Latents of the last step (N, 4, h, w), and pixels uint8 (H, W, 3) of each picture."""
        model, change = self.model, case.change()
        known = np.ones((case.height, case.width), np.bool_)
        sampler = make_sampler("euler", model.schedule, steps=case.steps, strength=1.0)
        scenes = [
            Scene(
                z0=(z0 := model.encode(each[None])),
                change=change.to(z0.device),
                known=known,
                filled=each[None],
                conditioning=told,
                guidance=GUIDANCE,
                stage=0,
                seed=row,
                timesteps=sampler.timesteps,
            )
            for row, each in enumerate(case.pictures())
        ]
        z0, own = (torch.cat([getattr(each, name) for each in scenes]) for name in ("z0", "change"))
        x = diffdiff(predict_rows(model, scenes), sampler, z0, case.noise().to(z0.device), own)
        shown = [to_levels(model.decode(each)) for each in torch.split(restore(x, z0, own), 1)]
        return x, shown


def peak(device: torch.device) -> float:
    """GB: of the device's memory since it was last reset, of a CPU of the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def timed(run: Callable[[], object], repeats: int, device: torch.device) -> tuple[float, float]:
    """Median seconds, and peak GB; a first run warms up and compiles."""
    run()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), peak(device)


def apart(one: Tensor, other: Tensor) -> float:
    """Mean difference of latents, over their spread."""
    return float((one.float() - other.float()).abs().mean() / other.float().std())


@dataclass(frozen=True)
class Measured:
    """One case done one way: latents at the end, on the CPU, median seconds, peak GB."""

    latents: Tensor
    seconds: float
    gigabytes: float


def measured(make: Callable[[], Any], told: Conditioning, asked: argparse.Namespace, device: torch.device) -> list[Any]:
    """Every case by one of the two, which has the device for itself and leaves it empty."""
    run, found = make(), []
    for text in asked.cases:
        case = Case.of(text)
        latents = run(case, told)[0].float().cpu()
        found.append(Measured(latents, *timed(partial(run, case, told), asked.repeats, device)))
    del run
    empty_cache(device)
    return found


def compare(asked: argparse.Namespace, device: torch.device, dtype: torch.dtype) -> None:
    """Prints a row for each case and way; SystemExit where the two do not paint the same."""
    source = RandomWeights(asked.narrow)
    told = Ours(source, dtype, device, compiled=False).model.embed("", "")
    for way in asked.ways:
        theirs, ours = (
            measured(partial(make, source, dtype, device, compiled=way == "compiled"), told, asked, device)
            for make in (Community, Ours)
        )
        for text, one, other in zip(asked.cases, theirs, ours, strict=True):
            differ = apart(other.latents, one.latents)
            print(line_of(text, way, one, other), flush=True)
            if not differ < CLOSE[dtype]:
                raise SystemExit(f"{text}: the two paint differently: {differ:.3g} of the latents' spread apart")


def line_of(text: str, way: str, theirs: Measured, ours: Measured) -> str:
    """One row of the table in RESULTS.md."""
    cells = [*text.split(":"), way, f"{theirs.seconds:.2f}", f"{ours.seconds:.2f}"]
    cells += [f"{theirs.seconds / ours.seconds:.2f}x", f"{theirs.gigabytes:.1f}", f"{ours.gigabytes:.1f}"]
    return f"| {' | '.join(cells)} |"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", metavar="WxH:PICTURES:STEPS", help="sides in multiples of 64")
    parser.add_argument("--ways", nargs="+", choices=("eager", "compiled"), default=("eager", "compiled"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--narrow", action="store_true")
    asked = parser.parse_args(words)
    device = choose_device("auto")
    if device.type != "cuda" and not asked.narrow:
        print(f"full-size SDXL needs a CUDA GPU; here is only {device}: nothing measured (--narrow runs anywhere)")
        return 1
    asked.cases = asked.cases or (NARROW_CASES if asked.narrow else CASES)
    dtype = choose_dtype(asked.dtype, device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(f"{name}, torch {torch.__version__}, {dtype}, median of {asked.repeats}, seconds for all pictures\n")
    print("| size | pictures | steps | way | community s | softextend s | faster | community GB | softextend GB |")
    print("|---|---|---|---|---|---|---|---|---|")
    compare(asked, device, dtype)
    return 0


if __name__ == "__main__":
    sys.exit(main())
