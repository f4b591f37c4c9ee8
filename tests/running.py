"""Command lines in tests: what one did, small photos to give it, and what its results hold."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


Run = Callable[..., Ran]


def photo(path: Path | str, width: int = 48, height: int = 40, **options: Any) -> Image.Image:
    """A small picture with all colours in it."""
    y, x = np.mgrid[:height, :width]
    picture = Image.fromarray(np.stack([x * 5, y * 6, (x + y) * 2], axis=2).astype(np.uint8))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)
    return picture


def size(path: Path | str) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def pixels(path: Path | str) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def recipe(path: Path | str) -> dict[str, Any]:
    with Image.open(path) as picture:
        return dict(json.loads(picture.text["softextend"]))  # type: ignore[attr-defined]


def read_all(terminal: int) -> bytes:
    """What a pseudo-terminal shows until the other end is closed."""
    seen = b""
    with os.fdopen(terminal, "rb", buffering=0) as shown:
        while True:
            try:
                chunk = shown.read(4096)
            except OSError:  # how Linux says it
                return seen
            if not chunk:
                return seen
            seen += chunk
