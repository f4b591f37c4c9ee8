"""How the kernels are compiled, and the hash that stands in for random numbers in them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from softextend import compiling
from softextend.environment import has_home, own_folder
from softextend.pictures.memory import check_room

check_room("Numba", 500_000_000)

from numba import config, njit  # noqa: E402
from numba.core import event  # noqa: E402

FAST = {"reassoc", "contract", "arcp", "nsz"}  # infinities and NaN keep their meaning: a barred source costs infinity


class _Watch(event.Listener):  # type: ignore[misc]
    """Numba's own word that it compiles, and did not find what an earlier run had compiled."""

    def on_start(self, event: Any) -> None:
        compiling.begun()

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Watch())


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Machine code, kept beside its file, in the user's cache or in a folder of the user's own; else in memory."""
    if has_home() or config.CACHE_DIR:  # else numba makes a folder called ~
        with suppress(RuntimeError):
            return njit(cache=True, nogil=True, fastmath=FAST)(function)  # type: ignore[no-any-return]
    if folder := own_folder("kernels"):
        config.CACHE_DIR = str(folder)
        with suppress(RuntimeError):
            return njit(cache=True, nogil=True, fastmath=FAST)(function)  # type: ignore[no-any-return]
    return njit(nogil=True, fastmath=FAST)(function)  # type: ignore[no-any-return]


@compiled
def mixed(a, b, c):  # type: ignore[no-untyped-def]
    """Three integers -> one well mixed uint32 (the finaliser of MurmurHash3, Appleby, public domain)."""
    h = (np.uint64(a) * np.uint64(0x9E3779B1)) ^ (np.uint64(b) * np.uint64(0x85EBCA6B)) ^ np.uint64(c)
    h = (h ^ (h >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    h = ((h ^ (h >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & np.uint64(0xFFFFFFFF)
    h = ((h ^ (h >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & np.uint64(0xFFFFFFFF)
    return np.int64(h ^ (h >> np.uint64(16)))
