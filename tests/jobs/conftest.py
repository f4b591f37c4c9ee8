"""Fixtures of the tests of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from batching import touch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    touch(
        *(
            tmp_path / name
            for name in ("b.png", "a.JPG", "c.webp", "d.gif", "._a.JPG", "notes.txt", "deep/e.jpg", "deep/f.png")
        )
    )
    return tmp_path
