"""The model, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from softextend.options import Checked, option
from softextend.types import Offload


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine(Checked):
    """The model, and where it runs."""

    model: str | None = option(
        None,
        "a .safetensors file, a diffusers folder, a hub id, or 'self' (built in)",
        told="$SOFTEXTEND_MODEL, else the config file, else self",
        metavar="NAME",
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
    vae: Path | None = option(
        None, "a VAE to use instead of the model's own", told="the model's", metavar="FILE", expert=True
    )
