"""What this machine was measured at, in a small table: `doctor --measure` writes it, a plan's estimate reads it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from softextend.environment import cache_home
from softextend.errors import OutputError
from softextend.pictures.files import write_file
from softextend.plan.read_recipe import is_number

MOST = 1_000_000  # bytes of a table; more is none
NEVER_MEASURED = "unknown; run 'softextend doctor --measure' once, and this says how long"


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Seconds, bytes and megapixels; `self`'s sampling is a line over megapixels times calls, its fill over megapixels.

    `flops`: what a device computes of a UNet's layers in a second, by `device dtype`.
    """

    start: float  # s, of the program until a first tiny picture is made
    fill_least: float  # s
    fill: float  # s a new megapixel
    sample_least: float  # s
    sample: float  # s a new megapixel and call
    memory: float  # bytes, of a tiny picture
    memory_per_pixel: float  # bytes a px of the canvas
    flops: Mapping[str, float] = field(default_factory=dict)


def table_path() -> Path:
    """Where the table lies."""
    return cache_home() / "softextend" / "speed.json"


def machine() -> str:
    """What the table is of: a home folder may be shared by machines."""
    return f"{platform.node()} {platform.machine()} {os.cpu_count()}"


def save_speed(speed: Speed) -> Path:
    """Writes the table; its path. OutputError where that cannot be."""
    path = table_path()
    text = json.dumps({"machine": machine(), **asdict(speed)}, indent=1)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(path, text.encode(), overwrite=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); set XDG_CACHE_HOME to a folder") from error
    return path


def known_speed() -> Speed | None:
    """The table of this machine; None where there is none, or one that cannot be read: it can be measured again."""
    try:
        path = table_path()
        if not path.is_file() or path.stat().st_size > MOST:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or found.pop("machine", None) != machine():
            return None
        return _checked(found)
    except (OSError, ValueError, RecursionError):
        return None


def _checked(found: dict[str, Any]) -> Speed | None:
    flops = found.get("flops")
    names = {each.name for each in fields(Speed)}
    numbers = [found.get(name) for name in names - {"flops"}]
    if set(found) != names or not isinstance(flops, dict):
        return None
    if not all(is_number(each) and 0 <= each < 1e18 for each in (*numbers, *flops.values())):
        return None
    return Speed(**found)
