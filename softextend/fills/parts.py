"""How the work of the kernels is cut into parts that threads share, the same whatever their number."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from softextend import interrupt

PARTS = 8  # pieces that a list is cut into, and threads at most
FEW = 4096  # targets: below, handing them to threads takes longer than they do


def threads() -> ThreadPoolExecutor:
    """A thread for each core, up to one for each part."""
    return ThreadPoolExecutor(min(PARTS, os.cpu_count() or 1))


def in_parts(work: Callable[[int, int], None], count: int, pool: Executor) -> None:
    """work(start, stop) over a list of `count`, cut alike whatever the number of threads; a check can stop it."""
    cuts = [count * part // PARTS for part in range(PARTS + 1)]
    for _ in map(work, cuts[:-1], cuts[1:]) if count < FEW else pool.map(work, cuts[:-1], cuts[1:]):
        interrupt.check()
