"""The model, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from softextend.errors import BadRequest
from softextend.option_fields import Checked, option
from softextend.types import Offload, PredictionName


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine(Checked):
    """The model, and where it runs."""

    model: str | None = option(
        None,
        "a .safetensors file, a diffusers folder, a hub id, or 'self' (built in)",
        told="$SOFTEXTEND_MODEL, else the config file, else self",
        metavar="NAME",
    )
    profile: str | None = option(
        None,
        "the model's settings, where its file says too little: a family (sdxl, sd1, sd2: not distilled) or a "
        "distillation (few-step, few-step-lcm, few-step-hyper, ...)",
        told="as its file says; 'softextend models --explain' says why",
        metavar="NAME",
        expert=True,
    )
    prediction: PredictionName | None = option(
        None, "what the model was trained to predict", told="as its file says", expert=True
    )
    device: str = option(
        "auto", "where it computes: auto (cuda, then mps, then cpu), cpu, cuda, cuda:1, mps", expert=True
    )
    dtype: str = option("auto", "data type: auto (what the device computes fast), float32, bf16, fp16", expert=True)
    offload: Offload | None = option(
        None,
        "what leaves the device's memory while idle: none, model (whole models), sequential (layers)",
        told="what fits",
        expert=True,
    )
    compile: bool = option(
        False,
        "compile the UNet's repeated blocks (torch.compile), for a GPU and many pictures: the first run takes longer",
        told="off",
        expert=True,
    )
    vae: Path | None = option(
        None, "a VAE to use instead of the model's own", told="the model's", metavar="FILE", expert=True
    )
    preview_vae: Path | None = option(
        None,
        "a TAESD decoder of the model's family: sharper previews, and decoding where memory is short",
        told="none, previews by each latent's colour",
        metavar="FILE",
        expert=True,
    )
    unet: Path | None = option(
        None,
        "a UNet's own file, such as a distilled one, to use instead of the model's",
        told="the model's",
        metavar="FILE",
        expert=True,
    )


def check_engine(engine: Engine) -> None:
    """BadRequest for options that contradict each other."""
    if engine.compile and engine.offload is Offload.SEQUENTIAL:
        raise BadRequest("--compile: --offload sequential moves every layer, which cannot be compiled: leave one out")
