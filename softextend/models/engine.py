"""The model, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from softextend.types import Offload


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """The model, and where it runs."""

    model: ModelName = None
    device: Annotated[
        str, Option(metavar="NAME", help="Where it computes: auto (cuda, then mps, then cpu), cpu, cuda, cuda:1, mps.")
    ] = "auto"
    dtype: Annotated[
        str, Option(metavar="NAME", help="Its numbers: auto (what the device computes fast), float32, bf16, fp16.")
    ] = "auto"
    offload: Annotated[
        Offload | None,
        Option(
            metavar="NAME",
            help="What leaves the device's memory while idle: none, model (whole models), sequential (layers). "
            "Default: what fits.",
        ),
    ] = None
    vae: Annotated[
        Path | None, Option(metavar="FILE", help="A VAE to use instead of the model's own. Default: the model's.")
    ] = None


ModelName = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="A .safetensors file, a diffusers folder, a hub id, or 'self' (built in). "
        "Default: $SOFTEXTEND_MODEL, else the config file, else self.",
    ),
]
