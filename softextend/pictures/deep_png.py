"""PNG with 16 bits per sample: what Pillow does not write in colour, nor with alpha."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from softextend.pictures.png_chunks import SIGNATURE, Chunk, chunk_bytes
from softextend.pictures.png_packing import LEVEL

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.pictures.planes import Samples

    Bytes = npt.NDArray[np.uint8]

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> IHDR's colour type; PNG 3rd edition, table 8
ROWS = 256  # filtered and packed at a time


def encode(samples: Samples, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """uint16 (H, W) grey or (H, W, 2 to 4) with the channels of a PNG -> a PNG without metadata; zlib's strategy."""
    height, width = samples.shape[:2]
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    machine, packed = zlib.compressobj(LEVEL, strategy=strategy), bytearray()
    above = np.zeros((1, width * channels * 2), np.uint8)
    for first in range(0, height, ROWS):
        part = np.ascontiguousarray(samples[first : first + ROWS], ">u2")
        rows = part.reshape(len(part), -1).view(np.uint8)
        packed += machine.compress(_filtered(rows, above, 2 * channels).tobytes())
        above = rows[-1:]
    packed += machine.flush()
    head = struct.pack(">LLBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", bytes(packed)), (b"IEND", b""))
    return SIGNATURE + b"".join(chunk_bytes(Chunk(name=name, data=data)) for name, data in parts)


def _filtered(rows: Bytes, above: Bytes, step: int) -> Bytes:
    """(n, bytes) -> (n, 1 + bytes): each row by None, Sub or Up (ibid., 9.2), whichever leaves least to pack."""
    before = np.concatenate([above, rows[:-1]])
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    tried = np.stack([rows, rows - left, rows - before])
    cost = np.abs(tried.view(np.int8).astype(np.int16)).sum(axis=2)  # (3, n): the sum that libpng minimises
    best = cost.argmin(axis=0)
    out = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
    out[:, 0] = best
    out[:, 1:] = tried[best, np.arange(len(rows))]
    return out
