"""The command line with a model that kills its process over one picture, 51 px wide, on whichever worker."""

from __future__ import annotations

import os
import signal
from typing import Any

from torch import Tensor
from toymodel import ToyModel


class Deadly(ToyModel):
    """A toy that cannot stand one width."""

    def encode(self, pixels: Tensor) -> Tensor:
        if 51 + 16 <= pixels.shape[-1] < 51 + 16 + 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(pixels)


def load(*_: Any, **__: Any) -> Deadly:
    return Deadly()


def main() -> None:
    import functools
    import sys

    from softextend import cli
    from softextend.commands import afar

    afar.Fleet = functools.partial(afar.Fleet, load=load)  # type: ignore[misc]
    sys.exit(cli.run(sys.argv[1:]))
