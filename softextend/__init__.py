"""softextend: outpainting, driven by differential diffusion (arXiv:2306.00950), from the command line and from Python.

The names below load what they need when they are first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from softextend.errors import (
    BadModel,
    BadPicture,
    BadRequest,
    BrokenPromise,
    OutOfMemory,
    OutputError,
    SoftExtendError,
)

if TYPE_CHECKING:
    from softextend.api import extend, fill, load_model, paint
    from softextend.preview import Look, Sketch
    from softextend.result import Result
    from softextend.types import Listener

__version__ = "0.1.0"
__all__ = [
    "BadModel",
    "BadPicture",
    "BadRequest",
    "BrokenPromise",
    "Listener",
    "Look",
    "OutOfMemory",
    "OutputError",
    "Result",
    "Sketch",
    "SoftExtendError",
    "__version__",
    "extend",
    "fill",
    "load_model",
    "paint",
]
_LAZY = {
    "Listener": "softextend.types",
    "Result": "softextend.result",
    **dict.fromkeys(("Look", "Sketch"), "softextend.preview"),
    **dict.fromkeys(("extend", "fill", "load_model", "paint"), "softextend.api"),
}


class _Package(ModuleType):
    """Keeps `softextend.extend` and `softextend.fill` the functions when the modules of these names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _LAZY and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """What is loaded at its first use."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return __all__
