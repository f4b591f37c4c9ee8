"""How the work of the kernels is cut into parts that threads share, the same whatever their number."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

PARTS = 8  # pieces that a list is cut into, and threads at most


def threads() -> ThreadPoolExecutor:
    """A thread for each core, up to one for each part."""
    return ThreadPoolExecutor(min(PARTS, os.cpu_count() or 1))


def in_parts(work: Callable[[int, int], None], count: int, pool: Executor) -> None:
    """work(start, stop) over a list of `count`, cut in the same places whatever the number of threads."""
    cuts = [count * part // PARTS for part in range(PARTS + 1)]
    list(pool.map(work, cuts[:-1], cuts[1:]))
