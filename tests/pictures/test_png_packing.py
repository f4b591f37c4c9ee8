"""PNG files of photos are packed fast, those of drawings and tiles as small as before, and all hold every sample."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from softextend.pictures.deep_png import encode
from softextend.pictures.planes import Planes
from softextend.pictures.png_packing import packing
from softextend.pictures.write import _shallow_png, encode_picture


def photo(side: int = 256) -> np.ndarray:
    """(side, side, 3) uint8: soft hills with a sensor's noise."""
    rng = np.random.default_rng(3)
    hills = cv2.GaussianBlur(rng.normal(0, 900, (side, side, 3)), (0, 0), 12)
    return np.clip(128 + hills + rng.normal(0, 3, hills.shape), 0, 255).astype(np.uint8)


def tiles() -> np.ndarray:
    """(512, 512, 3) uint8: one noisy tile again and again."""
    return np.tile(np.random.default_rng(4).integers(0, 256, (32, 32, 3), np.uint8), (16, 16, 1))


def bytes_of(samples: np.ndarray, strategy: int) -> int:
    """How long a PNG is."""
    return len((encode if samples.dtype == np.uint16 else _shallow_png)(samples, strategy))


@pytest.mark.parametrize("depth", [1, 257])
def test_photos_by_runs_and_tiles_by_repeats(depth: int) -> None:
    rng = np.random.default_rng(5)
    deep = photo().astype(np.uint16) * 257 + rng.integers(0, 257, (256, 256, 3), np.uint16) if depth > 1 else photo()
    write = encode if depth > 1 else _shallow_png
    assert packing(deep, write) == zlib.Z_RLE
    repeated = tiles() if depth == 1 else tiles().astype(np.uint16) * 257
    assert packing(repeated, write) == zlib.Z_DEFAULT_STRATEGY


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (700, 3), (40, 40)])
def test_no_picture_grows_by_more_than_a_few_per_cent(shape: tuple[int, int]) -> None:
    for samples in (photo(704)[: shape[0], : shape[1]], tiles()[: shape[0], : shape[1]]):
        least = min(bytes_of(samples, each) for each in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY))
        assert bytes_of(samples, packing(samples, _shallow_png)) <= 1.07 * least


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("make", [photo, tiles])
def test_every_sample_is_in_the_file(make, channels: int) -> None:  # type: ignore[no-untyped-def]
    eight = make()[..., 0] if channels == 1 else make()
    data = encode_picture(Planes(colour=eight, white=255.0), format="PNG")
    assert np.array_equal(np.array(Image.open(io.BytesIO(data))), eight)
    deep = eight.astype(np.uint16) * 201
    data = encode_picture(Planes(colour=deep, white=65535.0), format="PNG")
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(found[..., ::-1] if channels == 3 else found, deep)
