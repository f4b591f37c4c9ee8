"""The ladder down when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from softextend.errors import OutOfMemory
from softextend.types import Listener, Model

T = TypeVar("T")


def reducing_memory(work: Callable[[], T], model: Model, listener: Listener) -> T:
    """Do the work; when memory runs out, at the model's next lighter way of running, until there is none."""
    while True:
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        lighter = model.reduce_memory()  # outside the handler, whose traceback still holds what did not fit
        if lighter is None:
            raise OutOfMemory(
                f"{model.name} ran out of memory at its leanest setting: use a smaller picture, smaller --sides, "
                "or --device cpu"
            )
        listener.note(lighter)


def out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether memory ran out: NumPy and CUDA have a class for it; Metal and torch on a CPU only say so in words."""
    words, kinds = str(error).lower(), [kind.__name__ for kind in type(error).__mro__]
    classed = "MemoryError" in kinds or "OutOfMemoryError" in kinds
    return classed or "out of memory" in words or "allocate memory" in words
