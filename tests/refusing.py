"""Files to be refused, and what a folder holds before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

SIDES = ("--sides", "0", "16", "0", "0")
Refuse = Callable[..., str]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def photo(path: Path | str, width: int = 48, height: int = 40) -> Path:
    picture = Image.effect_noise((width, height), 40).convert("RGB")
    picture.save(path)
    return Path(path)
