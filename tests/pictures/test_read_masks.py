"""Masks that come in: any mode, their own levels, and nothing but [0, 1]."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from incoming import by_opencv, encoded, linear_grey
from PIL import Image
from tolerances import rounding

from softextend.errors import BadPicture
from softextend.pictures.read import read_mask


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK"])
def test_masks_of_any_mode(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "mask.tif"
    grey = Image.fromarray(np.array([[0, 255, 255, 0, 255]], np.uint8))
    source = grey.convert("RGB").convert(mode) if mode != "P" else grey.convert("P")
    if mode in ("LA", "RGBA"):
        source.putalpha(7)
    source.save(path)
    change = read_mask(path)
    assert change.dtype == np.float32
    assert change.tolist() == [[0, 1, 1, 0, 1]]


def test_masks_keep_their_levels(tmp_path: Path) -> None:
    ramp = np.arange(0, 65536, 257, dtype=np.uint16)[None]
    for suffix, samples in ((".png", ramp), (".tiff", np.repeat(ramp[..., None], 3, axis=2))):
        path = tmp_path / f"mask{suffix}"
        path.write_bytes(by_opencv(suffix, samples))
        np.testing.assert_allclose(read_mask(path), ramp / 65535, atol=rounding("float32"), rtol=0)
    path.write_bytes(encoded(Image.fromarray((ramp // 257).astype(np.uint8)), "PNG", icc_profile=linear_grey()))
    np.testing.assert_allclose(read_mask(path), ramp / 65535, atol=rounding("float32"), rtol=0)  # levels, not light


def test_masks_out_of_range(tmp_path: Path) -> None:
    path = tmp_path / "mask.tiff"
    path.write_bytes(by_opencv(".tiff", np.array([[0, 1.5]], np.float32)))
    with pytest.raises(BadPicture, match="from 0"):
        read_mask(path)
