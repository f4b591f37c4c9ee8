"""Pictures in: what every kind of file becomes."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from incoming import RNG_SEED, by_opencv, encoded, noise, read_bytes
from PIL import Image

from softextend.errors import BadRequest
from softextend.pictures import exif
from softextend.pictures.formats import format_of_name
from softextend.pictures.read import read_picture


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("size", [(1, 1), (31, 17), (640, 3)])
def test_every_format_comes_in_with_its_name(format: str, size: tuple[int, int]) -> None:
    picture = read_bytes(encoded(Image.new("RGB", size, (200, 100, 50)), format))
    assert picture.format == format
    assert picture.pixels.shape == (size[1], size[0], 3)
    assert picture.pixels.dtype == np.uint8
    assert picture.known.all()
    assert picture.notes == ()
    assert np.abs(picture.pixels.astype(int) - (200, 100, 50)).max() <= 4


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_real_photos_are_decoded_as_they_are(name: str) -> None:
    path = next(Path(skimage.data.__file__).parent.glob(f"{name}.*"))
    np.testing.assert_array_equal(read_picture(path).pixels, getattr(skimage.data, name)())


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGBA", "YCbCr", "RGBX"])
def test_modes_become_rgb(mode: str) -> None:
    source = Image.fromarray(noise(9, 7)).convert(mode)
    format = "TIFF" if mode in ("PA", "YCbCr", "RGBX") else "PNG"
    data = encoded(source, format)
    expected = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(read_bytes(data).pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_and_reset(orientation: int, format: str) -> None:
    """An upright scene, stored in each of the eight ways by hand, is upright again; red marks its top left."""
    scene = np.zeros((16, 32, 3), np.uint8)
    scene[:8, :8] = 255, 0, 0
    scene[8:, :8] = 0, 255, 0
    stored = {
        1: scene,
        2: scene[:, ::-1],
        3: scene[::-1, ::-1],
        4: scene[::-1],
        5: scene.swapaxes(0, 1),
        6: np.rot90(scene),  # shown turned clockwise
        7: scene.swapaxes(0, 1)[::-1, ::-1],
        8: np.rot90(scene, -1),
    }[orientation]
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    options = {"quality": 95, "subsampling": "4:4:4"} if format in ("JPEG", "AVIF") else {}
    if format == "WEBP":
        options = {"lossless": True}
    picture = read_bytes(encoded(Image.fromarray(np.ascontiguousarray(stored)), format, exif=tags, **options))
    assert picture.known.shape == (16, 32)
    assert np.abs(picture.pixels.astype(int) - scene).max() <= 12
    if picture.metadata.exif:
        assert exif.parse(picture.metadata.exif).number("image", exif.ORIENTATION) in (1, None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_16_bit_tiff(orientation: int) -> None:
    deep = noise(5, 7, 3, 65536)
    plain = Image.fromarray(cv2.convertScaleAbs(deep, alpha=1 / 257))
    tags = exif.Tags(
        order="<", image={exif.ORIENTATION: exif.Value(kind=3, count=1, raw=struct.pack("<H", orientation))}
    )
    data = exif.graft(by_opencv(".tiff", deep), tags)
    transposed = encoded(plain, "PNG", exif=b"Exif\0\0" + exif.to_bytes(tags))
    np.testing.assert_array_equal(read_bytes(data).pixels, read_bytes(transposed).pixels)


def test_orientation_only_in_xmp() -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>'
    picture = read_bytes(encoded(Image.new("RGB", (8, 4)), "JPEG", xmp=packet))
    assert picture.known.shape == (8, 4)
    assert b"<tiff:Orientation>1<" in (picture.metadata.xmp or b"")


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_rounded_not_cut(suffix: str, channels: int) -> None:
    deep = noise(33, 41, channels, 65536)
    picture = read_bytes(by_opencv(suffix, deep))
    expected = np.rint(deep / 257.0).astype(np.uint8)
    if channels == 1:
        expected = np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_array_equal(picture.pixels, expected[..., :3])
    np.testing.assert_array_equal(picture.known, expected[..., 3] >= 128 if channels == 4 else True)


def test_16_bit_grey_big_endian_tiff() -> None:
    deep = noise(5, 7, 1, 65536)
    data = encoded(Image.frombytes("I;16B", (7, 5), deep.astype(">u2").tobytes()), "TIFF")
    np.testing.assert_array_equal(read_bytes(data).pixels[..., 1], np.rint(deep / 257.0))


def with_transparent_colour(png: bytes, colour: tuple[int, ...]) -> bytes:
    """The PNG with a tRNS chunk in front of its first data."""
    body = b"tRNS" + struct.pack(f">{len(colour)}H", *colour)
    at = png.index(b"IDAT") - 4
    return png[:at] + struct.pack(">L", len(body) - 4) + body + struct.pack(">L", zlib.crc32(body)) + png[at:]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("top", [256, 65536])
def test_one_colour_of_a_png_is_transparent(channels: int, top: int) -> None:
    samples = noise(6, 5, channels, top)
    colour = tuple(int(value) for value in np.atleast_1d(samples[2, 3]))
    known = read_bytes(with_transparent_colour(by_opencv(".png", samples), colour)).known
    assert not known[2, 3]
    assert known.sum() >= known.size - 2


def test_floating_point_tiff() -> None:
    light = np.random.default_rng(RNG_SEED).random((6, 9, 3), np.float32)
    light[0, 0] = np.nan
    picture = read_bytes(by_opencv(".tiff", light))
    assert not picture.known[0, 0]
    assert picture.known.sum() == 53
    np.testing.assert_array_equal(picture.pixels[1:], np.rint(light[1:] * 255))
    assert len(picture.notes) == 1
    bright = read_bytes(by_opencv(".tiff", np.array([[0, 4], [2, -1]], np.float32)))
    np.testing.assert_array_equal(bright.pixels[..., 0], [[0, 255], [128, 0]])
    assert "reach 4" in bright.notes[0]
    assert "below 0" in bright.notes[1]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pixels_are_unknown_and_keep_their_colour(mode: str) -> None:
    source = Image.new(mode, (4, 1))
    for x, alpha in enumerate((0, 127, 128, 255)):
        source.putpixel((x, 0), (90, alpha) if mode == "LA" else (90, 90, 90, alpha))
    picture = read_bytes(encoded(source, "PNG"))
    assert picture.known.tolist() == [[False, False, True, True]]
    assert (picture.pixels == 90).all()


def test_palette_with_transparency() -> None:
    source = Image.new("P", (3, 1))
    source.putpalette([10, 20, 30, 40, 50, 60])
    source.putpixel((1, 0), 1)
    picture = read_bytes(encoded(source, "PNG", transparency=1))
    assert picture.known.tolist() == [[True, False, True]]
    assert picture.pixels[0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_resolution_is_read(format: str) -> None:
    dpi = read_bytes(encoded(Image.new("RGB", (4, 4)), format, dpi=(300, 150))).metadata.dpi
    assert dpi == pytest.approx((300, 150), rel=1e-3)


def test_damaged_exif_is_left_out_and_said() -> None:
    picture = read_bytes(encoded(Image.new("RGB", (4, 4)), "PNG", exif=b"nonsense"))
    assert picture.metadata.exif is None
    assert "EXIF" in picture.notes[0]


def test_exif_in_a_text_chunk_is_found() -> None:
    from PIL.PngImagePlugin import PngInfo

    tags = Image.Exif()
    tags[exif.ORIENTATION] = 8
    text = PngInfo()
    raw = tags.tobytes()
    text.add_text("Raw profile type exif", f"\nexif\n{len(raw):8}\n{raw.hex()}\n")
    assert read_bytes(encoded(Image.new("RGB", (6, 4)), "PNG", pnginfo=text)).known.shape == (6, 4)


@pytest.mark.parametrize(
    ("format", "word"), [("GIF", "frames"), ("PNG", "frames"), ("WEBP", "frames"), ("TIFF", "pages")]
)
def test_the_first_of_several_is_taken_and_said(format: str, word: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    picture = read_bytes(encoded(frames[0], format, save_all=True, append_images=frames[1:]))
    assert f"3 {word}" in picture.notes[0]
    assert np.abs(picture.pixels.astype(int) - (255, 0, 0)).max() <= 4
    assert picture.format == ("PNG" if format == "GIF" else format)


def test_multi_picture_jpeg() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime")]
    picture = read_bytes(encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert picture.format == "JPEG"
    assert "2 pictures" in picture.notes[0]


def test_format_of_name() -> None:
    names = {"a.PNG": "PNG", "b.jpeg": "JPEG", "c.jpg": "JPEG", "d.webp": "WEBP", "e.tif": "TIFF", "f.bmp": "BMP"}
    assert {name: format_of_name(Path(name)) for name in names} == names
    assert format_of_name(Path("g.avif")) == "AVIF"
    for name in ("photo", "photo.gif", "photo.jpg.txt"):
        with pytest.raises(BadRequest, match=r"\.png \.jpg \.webp \.tif \.bmp \.avif"):
            format_of_name(Path(name))
