"""The command line with a model that kills its process over a canvas of one width, on whichever worker."""

from __future__ import annotations

import os
import signal
from typing import Any

from torch import Tensor
from toymodel import ToyModel

WIDTH = 64  # px; of p/0.png with 16 px more. Those of the other pictures are filled up to 72


class Deadly(ToyModel):
    """A toy that cannot stand one width."""

    def encode(self, pixels: Tensor) -> Tensor:
        if pixels.shape[-1] == WIDTH:
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
