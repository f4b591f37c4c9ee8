"""What an AVIF's container says of its picture: clean aperture, rotation, mirror, depth, and what lies beside it."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from softextend.pictures import isobmff
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_picture

H, W = 32, 48


def scene() -> np.ndarray:
    """Four colours in four quarters, none of them the same after any turn."""
    pixels = np.zeros((H, W, 3), np.uint8)
    pixels[: H // 2, : W // 2] = 255, 0, 0
    pixels[: H // 2, W // 2 :] = 0, 255, 0
    pixels[H // 2 :, : W // 2] = 0, 0, 255
    pixels[H // 2 :, W // 2 :] = 255, 255, 255
    return pixels


def avif(*properties: bytes) -> bytes:
    """The scene with further properties of its item, in order; ISO/IEC 14496-12, 8.11."""
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "AVIF", quality=100, subsampling="4:4:4")
    data = bytearray(buffer.getvalue())
    for content in properties:
        count = len(list(isobmff.boxes(bytes(data), *place(data, b"ipco"))))
        insert(data, place(data, b"ipco")[1], content, (b"meta", b"iprp", b"ipco"))
        begin, end = place(data, b"ipma")
        assert data[begin] == 0  # version
        assert data[begin + 3] & 1 == 0  # one byte per association
        assert struct.unpack_from(">L", data, begin + 4)[0] == 1  # item
        data[begin + 10] += 1
        insert(data, end, bytes([0x80 | (count + 1)]), (b"meta", b"iprp", b"ipma"))
    return bytes(data)


def place(data: bytearray, name: bytes) -> tuple[int, int]:
    at = data.index(name)
    return at + 4, at - 4 + struct.unpack_from(">L", data, at - 4)[0]


def insert(data: bytearray, at: int, content: bytes, around: tuple[bytes, ...]) -> None:
    """Bytes put in, the boxes around made longer, and the place of the coded picture moved along."""
    for name in around:
        begin = data.index(name) - 4
        struct.pack_into(">L", data, begin, struct.unpack_from(">L", data, begin)[0] + len(content))
    begin, _ = place(data, b"iloc")
    version, sizes = data[begin], data[begin + 4]
    assert (version, sizes) == (0, 0x44)
    items = struct.unpack_from(">H", data, begin + 6)[0]
    entry = begin + 8
    for _ in range(items):
        extents = struct.unpack_from(">H", data, entry + 4)[0]
        for extent in range(extents):
            where = entry + 6 + 8 * extent
            struct.pack_into(">L", data, where, struct.unpack_from(">L", data, where)[0] + len(content))
        entry += 6 + 8 * extents
    data[at:at] = content


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">L", 8 + len(content)) + name + content


def clap(left: int, top: int, width: int, height: int) -> bytes:
    across, down = 2 * left + width - W, 2 * top + height - H  # the shift of the middle, in halves
    return box(b"clap", struct.pack(">LLLLlLlL", width, 1, height, 1, across, 2, down, 2))


def read(data: bytes) -> Picture:
    return read_picture(data, name="photo")


def close(pixels: np.ndarray, expected: np.ndarray) -> bool:
    return pixels.shape == expected.shape and int(np.abs(pixels.astype(int) - expected).max()) <= 12


def test_nothing_said_nothing_done() -> None:
    assert close(read(avif()).pixels, scene())
    assert isobmff.primary(avif()).aperture is None


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("mirror", [None, 0, 1])
@pytest.mark.parametrize("crop", [False, True])
def test_aperture_then_rotation_then_mirror(quarters: int, mirror: int | None, crop: bool) -> None:
    expected = scene()
    properties = []
    if crop:
        properties.append(clap(4, 8, 36, 20))
        expected = expected[8:28, 4:40]
    if quarters:
        properties.append(box(b"irot", bytes([quarters])))
        expected = np.rot90(expected, quarters)  # anti-clockwise; ISO/IEC 23008-12, 6.5.10
    if mirror is not None:
        properties.append(box(b"imir", bytes([mirror])))
        expected = expected[::-1] if mirror == 0 else expected[:, ::-1]  # 0: top and bottom change; ibid., 6.5.12
    picture = read(avif(*properties))
    assert close(picture.pixels, expected)
    assert picture.known.shape == expected.shape[:2]


def test_damaged_containers_do_no_harm() -> None:
    data = avif(clap(0, 0, 4000, 20))
    assert read(data).known.shape == (H, W)
    for cut in range(0, 400, 7):
        isobmff.primary(data[:cut])
