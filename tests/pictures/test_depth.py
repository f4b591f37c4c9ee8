"""Every colour type, depth and transparency of PNG and every photometric kind and depth of TIFF, sample by sample."""

from __future__ import annotations

import struct
from io import BytesIO
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import png
import pytest
import tifffile
from PIL import Image

from softextend.errors import BadPicture
from softextend.pictures.picture import Picture
from softextend.pictures.planes import Planes
from softextend.pictures.read import read_mask, read_picture
from softextend.pictures.write import encode_picture

H, W = 7, 9


def levels(bits: int, *shape: int) -> np.ndarray:
    kind = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(bits).integers(0, 2**bits, shape).astype(kind)


def png_bytes(samples: np.ndarray, bits: int, *, grey: bool, alpha: bool, key: tuple[int, ...] | None = None) -> bytes:
    """By pypng, which shares no code with what is tested."""
    transparent = key if key is None or len(key) > 1 else key[0]
    writer = png.Writer(W, H, greyscale=grey, alpha=alpha, bitdepth=bits, transparent=transparent)
    buffer = BytesIO()
    writer.write(buffer, samples.reshape(H, -1).tolist())
    return buffer.getvalue()


def read(data: bytes, *, keep: bool = True) -> Picture:
    return read_picture(data, name="photo", keep_alpha=keep)


PLAIN = [(True, False, bits) for bits in (1, 2, 4, 8, 16)]
OTHERS = [(grey, alpha, bits) for grey, alpha, bits in product((True, False), (True, False), (8, 16))]


@pytest.mark.parametrize(("grey", "alpha", "bits"), sorted({*PLAIN, *OTHERS}))
@pytest.mark.parametrize("keyed", [False, True])
def test_png_of_every_colour_type_and_depth(grey: bool, alpha: bool, bits: int, keyed: bool) -> None:
    if keyed and alpha:
        pytest.skip("PNG allows no tRNS beside alpha")
    channels = (1 if grey else 3) + alpha
    samples = levels(bits, H, W, channels)
    samples[2, 3] = samples[4, 5]
    key = tuple(int(each) for each in samples[2, 3]) if keyed else None
    data = png_bytes(samples, bits, grey=grey, alpha=alpha, key=key)
    width, height, rows, _ = png.Reader(bytes=data).read()  # as another decoder sees it
    seen = np.array([list(row) for row in rows]).reshape(height, width, -1)
    np.testing.assert_array_equal(seen[..., : samples.shape[2]], samples)
    planes = read(data).planes
    top = 65535 if bits == 16 else 255
    expected = (samples.astype(int) * top // (2**bits - 1)).astype(np.uint16 if bits == 16 else np.uint8)
    assert planes.colour.dtype == expected.dtype
    assert planes.grey == grey
    colour = expected[..., 0] if grey else expected[..., :3]
    np.testing.assert_array_equal(planes.colour, colour)
    if alpha:
        np.testing.assert_array_equal(planes.alpha, expected[..., -1])
    elif keyed:
        clear = (samples == samples[2, 3]).all(axis=2)
        np.testing.assert_array_equal(planes.alpha, np.where(clear, 0, top))
        np.testing.assert_array_equal(read(data, keep=False).known, ~clear)
    else:
        assert planes.alpha is None


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("clear", [False, True])
def test_png_of_every_palette(bits: int, clear: bool) -> None:
    colours = [(int(r), int(g), int(b)) for r, g, b in levels(8, 2**bits, 3)]
    palette = [(*each, (255 - 37 * index) % 256) for index, each in enumerate(colours)] if clear else colours
    samples = levels(bits, H, W, 1)
    buffer = BytesIO()
    png.Writer(W, H, palette=palette, bitdepth=bits).write(buffer, samples.reshape(H, -1).tolist())
    planes = read(buffer.getvalue()).planes
    expected = np.array(palette, np.uint8)[samples[..., 0]]
    np.testing.assert_array_equal(planes.colour, expected[..., :3])
    if clear:
        np.testing.assert_array_equal(planes.alpha, expected[..., 3])


def tiff_bytes(samples: np.ndarray, photometric: str, **options: object) -> bytes:
    """By tifffile's writer, uncompressed or zip, checked by its own reader."""
    buffer = BytesIO()
    tifffile.imwrite(buffer, samples, photometric=photometric, metadata=None, **options)
    data = buffer.getvalue()
    np.testing.assert_array_equal(tifffile.imread(BytesIO(data)), samples)
    return data


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack", "rgb"])
@pytest.mark.parametrize("layout", [{}, {"compression": "zlib", "predictor": True}, {"byteorder": ">"}])
def test_tiff_of_every_kind_and_depth(kind: str, photometric: str, layout: dict[str, object]) -> None:
    shape = (H, W, 3) if photometric == "rgb" else (H, W)
    dtype = np.dtype(kind)
    rng = np.random.default_rng(3)
    samples = rng.random(shape) if dtype.kind == "f" else rng.integers(0, 2 ** (8 * dtype.itemsize), shape)
    if dtype.kind == "f":
        layout = {name: value for name, value in layout.items() if name != "predictor"}
    samples = samples.astype(dtype)
    planes = read(tiff_bytes(samples, photometric, **layout)).planes
    assert planes.colour.dtype == dtype
    top = 1 if dtype.kind == "f" else np.iinfo(dtype).max
    expected = (top - samples).astype(dtype) if photometric == "miniswhite" else samples
    np.testing.assert_array_equal(planes.colour, expected)
    assert planes.white == top


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha"])
def test_tiff_with_alpha(kind: str, channels: int, planar: str, extra: str) -> None:
    dtype = np.dtype(kind)
    top = 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)
    rng = np.random.default_rng(4)
    colour, alpha = rng.random((H, W, channels)), rng.random((H, W, 1))
    stored = np.concatenate([colour * alpha if extra == "assocalpha" else colour, alpha], axis=2) * top
    samples = (stored if dtype.kind == "f" else np.rint(stored)).astype(dtype)
    layers = samples if planar == "contig" else np.moveaxis(samples, 2, 0)
    data = tiff_bytes(
        layers, "rgb" if channels == 3 else "minisblack", planarconfig=planar, extrasamples=[extra], byteorder="<"
    )
    planes = read(data).planes
    assert planes.alpha is not None
    np.testing.assert_array_equal(planes.alpha, samples[..., -1])
    seen = planes.colour[..., None] if planes.grey else planes.colour
    if extra == "unassalpha":
        np.testing.assert_array_equal(seen, samples[..., :-1])
    else:
        seen_well = samples[..., -1:].astype(float) > 0.2 * top  # what is nearly clear has hardly any levels
        off = np.abs(seen / top - colour) * seen_well
        assert off.max() < (1e-5 if kind == "f4" else 6 / top)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_tiff_below_8_bits_and_palettes(bits: int) -> None:
    samples = levels(bits, H, W)
    if bits in (1, 8):
        for photometric in ("minisblack", "miniswhite"):
            given = samples.astype(bool) if bits == 1 else samples
            data = tiff_bytes(given, photometric)
            expected = samples.astype(int) * 255 // (2**bits - 1)
            expected = 255 - expected if photometric == "miniswhite" else expected
            np.testing.assert_array_equal(read(data).planes.colour, expected)
    if bits == 8:
        table = levels(16, 3, 256)
        data = tiff_bytes(samples, "palette", colormap=table)
        expected = (table >> 8).T[samples]
        assert np.abs(read(data).planes.colour.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("compression", [5, 8, 32773])  # LZW, zip, PackBits
@pytest.mark.parametrize("channels", [1, 3])
def test_compressed_16_bit_tiff_of_another_writer(compression: int, channels: int) -> None:
    deep = levels(16, H, W, 3) if channels == 3 else levels(16, H, W)
    stored = deep[..., ::-1] if channels == 3 else deep
    done, data = cv2.imencode(".tiff", stored, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert done
    np.testing.assert_array_equal(read(data.tobytes()).planes.colour, deep)


def test_cmyk_and_lab_of_16_bits_are_read_with_8_and_say_so() -> None:
    samples = levels(16, H, W, 4)
    picture = read(tiff_bytes(samples, "separated"))
    eight = np.rint(samples / 257).astype(np.uint8)
    expected = Image.frombytes("CMYK", (W, H), eight.tobytes()).convert("RGB")
    np.testing.assert_array_equal(picture.planes.colour, np.asarray(expected))
    assert any("16 bits" in note for note in picture.notes)
    neutral = np.zeros((H, W, 3), np.uint16)
    neutral[..., 0] = 35205  # L* 53.7, the middle grey of sRGB
    lab = read(tiff_bytes(neutral, "cielab"))
    assert np.abs(lab.planes.colour.astype(int) - 128).max() <= 1
    assert any("L*a*b*" in note for note in lab.notes)


@pytest.mark.parametrize(("kind", "photometric"), [("i2", "minisblack"), ("u2", "mask")])
def test_samples_that_are_not_read_are_named(kind: str, photometric: str) -> None:
    samples = np.ones((H, W), kind)
    with pytest.raises(BadPicture, match="save it with 8 or 16 bit"):
        read(tiff_bytes(samples, photometric))


# out again


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_integers_come_back_as_they_went(format: str, kind: str, channels: int, alpha: bool) -> None:
    dtype = np.dtype(kind)
    top = np.iinfo(dtype).max
    rng = np.random.default_rng(6)
    colour = rng.integers(0, top + 1, (300, W, channels)).astype(dtype)
    colour = colour[..., 0] if channels == 1 else colour
    cover = rng.integers(0, top + 1, (300, W)).astype(dtype) if alpha else None
    data = encode_picture(Planes(colour=colour, white=float(top), alpha=cover), format=format)
    planes = read(data).planes
    np.testing.assert_array_equal(planes.colour, colour)
    assert planes.grey == (channels == 1)
    assert (planes.alpha is None) == (not alpha)
    if cover is not None:
        np.testing.assert_array_equal(planes.alpha, cover)
    layers = colour if colour.ndim == 3 else colour[..., None]
    layers = layers if cover is None else np.concatenate([layers, cover[..., None]], axis=2)
    if format == "PNG":  # two other decoders agree
        width, _, rows, _ = png.Reader(bytes=data).read()
        np.testing.assert_array_equal(np.array([list(row) for row in rows]).reshape(300, width, -1), layers)
    else:
        np.testing.assert_array_equal(tifffile.imread(BytesIO(data)).reshape(layers.shape), layers)
        if kind == "u1":
            assert Image.open(BytesIO(data)).size == (W, 300)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "u4"])
def test_what_only_tiff_holds(kind: str) -> None:
    dtype = np.dtype(kind)
    samples = (np.random.default_rng(2).random((H, W, 3)) * (2 if dtype.kind == "f" else 2**32 - 1)).astype(dtype)
    white = float(samples.max()) if dtype.kind == "f" else float(2**32 - 1)
    planes = Planes(colour=samples, white=white)
    again = read(encode_picture(planes, format="TIFF")).planes
    np.testing.assert_array_equal(again.colour, samples)
    notes: list[str] = []
    sixteen = read(encode_picture(planes, format="PNG", on_note=notes.append)).planes
    assert np.abs(sixteen.colour / 65535 - samples.astype(float) / white).max() < 1e-3 if kind == "f2" else 1e-4
    assert "16 bits" in notes[0]
    assert "TIFF" in notes[0]


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "BMP"])
def test_formats_of_8_bits_say_what_is_lost(format: str) -> None:
    notes: list[str] = []
    planes = Planes(colour=levels(16, H, W, 3), white=65535.0)
    encode_picture(planes, format=format, on_note=notes.append)
    assert len(notes) == 1
    assert "8 bits" in notes[0]
    assert "PNG and TIFF keep them" in notes[0]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_grey_stays_one_channel_where_the_format_has_it(format: str) -> None:
    grey = np.linspace(0, 255, 64, dtype=np.uint8)[None].repeat(16, 0)
    data = encode_picture(grey, format=format)
    mode = Image.open(BytesIO(data)).mode
    assert mode == ("RGB" if format in ("WEBP", "AVIF") else "L")
    assert read(data).planes.grey == (format not in ("WEBP", "AVIF"))


@pytest.mark.parametrize("channels", [1, 3])
def test_masks_of_16_bits_keep_their_levels(tmp_path: Path, channels: int) -> None:
    ramp = np.arange(0, 65536, 1311, dtype=np.uint16)[None]
    path = tmp_path / "mask.tif"
    path.write_bytes(encode_picture(Planes(colour=np.repeat(ramp[..., None], 3, 2), white=65535.0), format="TIFF"))
    np.testing.assert_allclose(read_mask(path), ramp / 65535, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_turned_like_others(orientation: int) -> None:
    deep = levels(16, H, W, 3)
    data = tiff_bytes(deep, "rgb", extratags=[(274, 3, 1, orientation, True)])
    assert struct.unpack_from("<H", data, 2)[0] == 42
    eight = (deep >> 8).astype(np.uint8)
    tags = Image.Exif()
    tags[274] = orientation
    buffer = BytesIO()
    Image.fromarray(eight).save(buffer, "PNG", exif=tags)
    np.testing.assert_array_equal(read(data).planes.colour >> 8, read(buffer.getvalue()).planes.colour)
