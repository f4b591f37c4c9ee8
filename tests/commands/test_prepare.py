"""`softextend prepare`: the mask that is written is the published one where its widths are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running import Run, photo

GOLDEN = sorted((Path(__file__).parents[1] / "golden/masks").glob("*.png"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_published_masks_by_the_published_widths(run: Run, path: Path) -> None:
    """However small the picture: 512x512 has less than the six times 120 px that the model's own widths would want."""
    _, size, _, *sides = path.stem.split("_")
    photo("a.png", *map(int, size.split("x")))
    given = ("prepare", "a.png", "--sides", *sides, "--overlap", 60, "--feather", 120, "--fill", "gray", "--seed", 1)
    ran = run(*given, "--json")
    assert ran.code == 0, ran.err
    assert "notes" not in ran.facts[0]
    with Image.open("a-mask.png") as made, Image.open(path) as golden:
        assert made.size == golden.size
        assert np.abs(np.asarray(made).astype(int) - np.asarray(golden)).max() <= 1
