"""The ladder down when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from softextend.errors import OutOfMemory
from softextend.types import Listener, Model

T = TypeVar("T")


def reducing_memory(work: Callable[[], T], model: Model, listener: Listener) -> T:
    """Do the work; when memory runs out, at the model's next lighter way of running, until there is none."""
    while True:
        try:
            return work()
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        lighter = model.reduce_memory()  # outside the handler, whose traceback still holds what did not fit
        if lighter is None:
            raise OutOfMemory(
                f"{model.name} ran out of memory at its leanest setting: use a smaller picture, smaller --sides, "
                "or --device cpu"
            )
        listener.note(lighter)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out: CUDA has a class for it; Metal and the CPU's allocator only say so in words."""
    words = str(error).lower()
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in words or "allocate memory" in words
