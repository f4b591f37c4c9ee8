"""PNGs whose pixels end early, which decoders take in silence."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from incoming import encoded, read_bytes
from PIL import Image
from pngs import png

from softextend.errors import BadPicture
from softextend.pictures.checksums import pixel_bytes
from softextend.pictures.read import read_mask

WIDTH, HEIGHT = 40, 30


def rows(count: int, *, channels: int = 3, bits: int = 8) -> bytes:
    """Unfiltered rows without zeros."""
    return (b"\0" + b"\xaa" * (WIDTH * channels * bits // 8)) * count


@pytest.mark.parametrize(
    ("bits", "colour", "channels"), [(8, 2, 3), (16, 2, 3), (8, 0, 1), (16, 0, 1), (1, 0, 1), (8, 6, 4)]
)
def test_rows_that_are_not_there_are_missed(bits: int, colour: int, channels: int) -> None:
    def of(count: int) -> bytes:
        return png(WIDTH, HEIGHT, zlib.compress(rows(count, channels=channels, bits=bits)), bits=bits, colour=colour)

    assert read_bytes(of(HEIGHT)).pixels.shape == (HEIGHT, WIDTH, 3)
    assert read_bytes(of(HEIGHT + 9)).pixels.any()
    for count in (1, 12, HEIGHT - 1):
        with pytest.raises(BadPicture, match=r"the PNG is damaged or incomplete \(\d+ % of its pixels are missing\)"):
            read_bytes(of(count))
        with pytest.raises(BadPicture, match="of its pixels are missing"):
            read_mask(of(count), name="mask")


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 9), (17, 4)])
def test_a_dark_end_is_no_damage(size: tuple[int, int]) -> None:
    for mode in ("RGB", "L", "P", "1", "I;16"):
        assert not read_bytes(encoded(Image.new(mode, size), "PNG")).pixels[-1].any()


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (8, 8), (13, 5)])
def test_bytes_of_interlaced_pixels(size: tuple[int, int]) -> None:
    """PNG 3rd edition, 8.1: a pass without columns or rows has no bytes."""
    width, height = size
    header = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 1)
    seen = np.zeros((height, width), int)
    filters = 0
    for x, y, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        part = seen[y::down, x::across]
        part += 1
        filters += part.shape[0] if part.size else 0
    assert (seen == 1).all()
    assert pixel_bytes(bytes(16) + header) == 3 * width * height + filters
