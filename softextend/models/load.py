"""From a model's name to the model: one row a family."""

from __future__ import annotations

from pathlib import Path

from softextend.models.find import ModelRef
from softextend.types import Listener, Model, Offload


def load_model(
    ref: ModelRef,
    *,
    device: str = "auto",
    dtype: str = "auto",
    offload: Offload | None = None,
    vae: Path | None = None,
    listener: Listener,
) -> Model:
    """The model, ready to run; a hub id that is not in the cache is downloaded. Raises BadModel, BadRequest."""
    if ref.kind == "self":
        from softextend.models.device import choose_device
        from softextend.models.selfmodel.model import SelfModel

        return SelfModel(device=choose_device(device))
    from softextend.models.sdxl.model import load_sdxl

    return load_sdxl(ref, device=device, dtype=dtype, offload=offload, vae=vae, listener=listener)
