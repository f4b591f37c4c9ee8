"""How the work of the kernels is cut into parts that threads share, the same whatever their number."""

from __future__ import annotations

from itertools import repeat
from typing import Any

PARTS = 8  # pieces a level is cut into, whatever the number of threads


def cuts_of(count: int) -> list[int]:
    """Where a list is cut into parts, whatever the number of threads."""
    return [count * part // PARTS for part in range(PARTS + 1)]


def to_all(*values: Any) -> list[Any]:
    """The same values for every part, as `map` takes them."""
    return [repeat(value) for value in values]
