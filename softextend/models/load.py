"""From a model's name to the model: one row a family."""

from __future__ import annotations

from pathlib import Path

from softextend.environment import settle_torch
from softextend.models.conditions.options import Conditions
from softextend.models.engine import Engine, check_engine
from softextend.models.find import ModelRef, downloaded
from softextend.models.weights.diffusers_folder import folder_fault
from softextend.types import Listener, Model, Offload


def check_model(
    ref: ModelRef,
    vae: Path | None = None,
    preview_vae: Path | None = None,
    conditions: Conditions | None = None,
    listener: Listener | None = None,
) -> None:
    """What loading would refuse, without reading weights; of a hub id that is not here yet nothing is known.

    Raises BadModel, BadRequest. Imports torch where the model is of files.
    """
    if ref.path is None or (ref.kind == "hub" and folder_fault(ref.path) is not None):
        return
    from softextend.models.sdxl.checkpoint import vae_file
    from softextend.models.sdxl.model import check_laid, open_source

    source = open_source(ref, half=True, vae_needed=vae is None)
    if vae is not None:
        vae_file(vae, source.layout.configs)
    if preview_vae is not None:
        from softextend.models.sdxl.preview_vae import preview_vae_file

        preview_vae_file(preview_vae)
    check_laid(source, conditions or Conditions(), ref.asked.unet, listener)


def foresee(ref: ModelRef, engine: Engine, conditions: Conditions, listener: Listener) -> None:
    """What loading would refuse or say, of the device, the data type, the hub and the files; no weights are read.

    Raises BadModel, BadRequest. Asks the hub for a hub id that is not in the cache; imports torch only where it must.
    """
    if engine.device not in ("auto", "cpu") or ref.kind != "self":
        from softextend.models.device import choose_device, choose_dtype, slow_numbers

        device = choose_device(engine.device)
    if ref.kind == "self":
        return
    check_engine(engine)
    numbers = choose_dtype(engine.dtype, device)
    if ref.kind == "hub":
        from softextend.models.weights.hub import check_hub

        check_hub(ref.name, half=numbers.itemsize == HALF, listener=listener)
    check_model(ref, engine.vae, engine.preview_vae, conditions, listener)
    if slow := slow_numbers(numbers, device):
        listener.note(slow)


def count_weights(ref: ModelRef) -> int | None:
    """How many numbers a model of files has; None where they are not here. Reads headers alone; raises BadModel."""
    if ref.path is None or (ref.kind == "hub" and folder_fault(ref.path) is not None):
        return None
    from math import prod

    from softextend.models.sdxl.model import open_source
    from softextend.models.weights.header import read_header

    source = open_source(ref, half=True, vae_needed=False)
    return sum(prod(each.shape) for path in source.weights for each in read_header(path).tensors.values())


HALF = 2  # bytes of a 16-bit number


def load_for(ref: ModelRef, engine: Engine, conditions: Conditions, listener: Listener) -> Model:
    """The model as `engine` asks for it, with `conditions` over it. Raises BadModel, BadRequest."""
    return load_model(
        ref,
        device=engine.device,
        dtype=engine.dtype,
        offload=engine.offload,
        vae=engine.vae,
        preview_vae=engine.preview_vae,
        compile=engine.compile,
        conditions=conditions,
        listener=listener,
    )


def device_of_self(name: str) -> str:
    """Where the built-in model computes; torch, which it needs on an accelerator alone, is imported to look for one."""
    from softextend.models.device import choose_device, may_have_accelerator

    if name == "cpu" or (name == "auto" and not may_have_accelerator()):
        return "cpu"
    return str(choose_device(name))


def load_model(
    ref: ModelRef,
    *,
    device: str = "auto",
    dtype: str = "auto",
    offload: Offload | None = None,
    vae: Path | None = None,
    preview_vae: Path | None = None,
    compile: bool = False,
    conditions: Conditions | None = None,
    listener: Listener,
) -> Model:
    """The model, ready to run; a hub id that is not in the cache is downloaded. Raises BadModel, BadRequest."""
    if ref.kind == "self":
        from softextend.models.selfmodel.model import SelfModel

        return SelfModel(device=device_of_self(device))
    settle_torch()
    if ref.kind == "hub":
        from softextend.models.device import choose_device, choose_dtype
        from softextend.models.weights.hub import fetch

        half = choose_dtype(dtype, choose_device(device)).itemsize == HALF
        ref = downloaded(ref, fetch(ref.name, half=half, listener=listener))
    from softextend.models.sdxl.model import load_sdxl  # all families: sd1 and sd2 differ in their text encoder alone

    return load_sdxl(
        ref,
        device=device,
        dtype=dtype,
        offload=offload,
        vae=vae,
        preview_vae=preview_vae,
        compile=compile,
        conditions=conditions or Conditions(),
        listener=listener,
    )
