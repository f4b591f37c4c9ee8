"""Colour that a file states without a profile: kept as it stands, or as a profile that means the same."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from softextend.pictures import colour_tags, profiles
from softextend.pictures.icc import srgb_profile
from softextend.pictures.metadata import Metadata
from softextend.pictures.picture import Picture
from softextend.pictures.png_chunks import Chunk, side_chunks, with_chunks
from softextend.pictures.read import read_picture
from softextend.pictures.write import encode_picture

P3 = struct.pack(">8L", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
FORMATS = ["JPEG", "WEBP", "TIFF", "AVIF"]


def scene(mode: str = "RGB") -> np.ndarray:
    pixels = np.random.default_rng(1).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    return pixels if mode == "RGB" else pixels[..., 0]


def png(pixels: np.ndarray, *chunks: Chunk, icc: bytes | None = None) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", icc_profile=icc)
    return with_chunks(buffer.getvalue(), chunks)


def gama(value: int) -> Chunk:
    return Chunk(name=b"gAMA", data=struct.pack(">L", value))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> Chunk:
    return Chunk(name=b"cICP", data=bytes((primaries, transfer, matrix, full)))


def read(data: bytes) -> Picture:
    return read_picture(data, name="photo")


def shown(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """What another program makes of pixels under a profile: sRGB in float, by littleCMS."""
    mode = "L" if pixels.ndim == 2 else "RGB"
    done = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.ImageCmsProfile(BytesIO(icc)),
        ImageCms.ImageCmsProfile(BytesIO(srgb_profile())),
        outputMode="RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert done is not None
    assert mode
    return np.asarray(done).astype(int)


def coded(light: np.ndarray) -> np.ndarray:
    """Linear light in sRGB's primaries -> 8 bits."""
    clipped = light.clip(0, 1)
    curve = np.where(clipped > 0.0031308, 1.055 * clipped ** (1 / 2.4) - 0.055, 12.92 * clipped)
    return np.rint(curve * 255).astype(int)


CASES = {  # chunks -> light in sRGB's primaries of a grey value
    "linear": ((gama(100_000),), lambda v: v),
    "gamma 1.8": ((gama(55_556),), lambda v: v**1.8),
    "cicp 2.2": ((cicp(1, 4),), lambda v: v**2.2),
    "cicp linear": ((cicp(1, 8),), lambda v: v),
    "cicp P3": ((cicp(12, 13),), lambda v: np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)),
    "chrm": ((gama(45_455), Chunk(name=b"cHRM", data=P3)), None),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("format", [*FORMATS, "PNG"])
def test_what_png_chunks_say_travels(name: str, format: str) -> None:
    chunks, light = CASES[name]
    pixels = scene()
    picture = read(png(pixels, *chunks))
    np.testing.assert_array_equal(picture.pixels, pixels)  # never converted
    data = encode_picture(pixels, format=format, metadata=picture.metadata)
    if format == "PNG":
        kept = {chunk.name: chunk.data for chunk in side_chunks(data, [])}
        assert {chunk.name: kept[chunk.name] for chunk in chunks} == {chunk.name: chunk.data for chunk in chunks}
        assert b"iCCP" not in kept  # the chunks say it all
        return
    icc = Image.open(BytesIO(data)).info["icc_profile"]
    greys = np.arange(0, 256, 5, dtype=np.uint8)[None]
    if light is not None:
        seen = shown(np.repeat(greys[..., None], 3, 2), icc)
        expected = coded(light(greys / 255.0))[..., None]
        assert np.abs(seen - expected)[greys > 30].max() <= 1
        assert np.abs(seen - expected).max() <= 3  # littleCMS's tables are coarse in the dark


def test_display_p3_is_display_p3() -> None:
    icc = read(png(scene(), *CASES["chrm"][0])).metadata.icc
    assert icc is not None
    columns = np.stack([_xyz(profiles.tags_of(icc)[letter + b"XYZ"]) for letter in (b"r", b"g", b"b")])
    published = [[0.51512, 0.2412, -0.00105], [0.29198, 0.69225, 0.04189], [0.1571, 0.06657, 0.78407]]  # Apple's
    np.testing.assert_allclose(columns, published, atol=3e-4)


def _xyz(tag: bytes) -> np.ndarray:
    return np.array(struct.unpack(">3l", tag[8:20])) / 65536


@pytest.mark.parametrize(("chunk", "grey"), [(gama(100_000), True), (cicp(1, 8), True)])
def test_grey_has_a_grey_profile(chunk: Chunk, grey: bool) -> None:
    picture = read(png(scene("L"), chunk))
    icc = picture.metadata.icc
    assert icc is not None
    assert icc[16:20] == b"GRAY"
    values = np.arange(20, 256, dtype=np.uint8)[None]
    assert np.abs(shown(values, icc)[..., 0] - coded(values / 255.0)).max() <= 1


def test_srgb_is_said_in_every_format() -> None:
    picture = read(png(scene(), Chunk(name=b"sRGB", data=b"\0")))
    for format in FORMATS:
        assert Image.open(BytesIO(encode_picture(scene(), format=format, metadata=picture.metadata))).info[
            "icc_profile"
        ]
    assert b"sRGB" in encode_picture(scene(), format="PNG", metadata=picture.metadata)


def test_an_icc_profile_counts_more_than_gamma() -> None:
    icc = profiles.matrix_profile(profiles.SRGB, (profiles.gamma(2.0),), "two")
    picture = read(png(scene(), gama(100_000), icc=icc))
    assert picture.metadata.icc == icc
    again = side_chunks(encode_picture(scene(), format="PNG", metadata=picture.metadata), [])
    assert {chunk.name for chunk in again} >= {b"gAMA", b"iCCP"}


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
@pytest.mark.parametrize("format", FORMATS)
def test_high_dynamic_range_is_kept_as_coded_with_a_note(transfer: int, name: str, format: str) -> None:
    picture = read(png(scene(), cicp(9, transfer)))
    assert any(name in note for note in picture.notes)
    np.testing.assert_array_equal(picture.pixels, scene())
    kept = side_chunks(encode_picture(scene(), format="PNG", metadata=picture.metadata), [])
    assert Chunk(name=b"cICP", data=bytes((9, transfer, 0, 1))) in kept
    icc = Image.open(BytesIO(encode_picture(scene(), format=format, metadata=picture.metadata))).info["icc_profile"]
    assert profiles.tags_of(icc)[b"cicp"][8:12] == bytes((9, transfer, 0, 1))
    white = {"PQ": 148, "HLG": 191}[name]  # 203 cd/m2 and 75 %, of 255
    seen = shown(np.full((1, 1, 3), white, np.uint8), icc)
    assert seen.min() >= 250


def test_an_unknown_colour_space_is_said() -> None:
    assert any("CICP" in note for note in read(png(scene(), cicp(200, 13))).notes)
    assert any("narrow range" in note for note in read(png(scene(), cicp(1, 13, 0, 0))).notes)


def test_damaged_colour_chunks_do_no_harm() -> None:
    for chunk in (gama(0), Chunk(name=b"gAMA", data=b"x"), Chunk(name=b"cHRM", data=bytes(32)), cicp(1, 13)):
        assert read(png(scene(), chunk)).known.all()


@pytest.mark.parametrize("grey", [False, True])
def test_tiff_tags_become_a_profile(grey: bool) -> None:
    curve = np.rint((np.arange(256) / 255) ** 1.4 * 65535).astype(np.uint16)
    points = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    tags = [(301, 3, 256, tuple(int(each) for each in curve), True)]
    if not grey:
        tags += [
            (318, 5, 2, (3127, 10000, 3290, 10000), True),
            (319, 5, 6, tuple(part for value in points for part in (round(value * 1000), 1000)), True),
        ]
    buffer = BytesIO()
    pixels = scene("L" if grey else "RGB")
    tifffile.imwrite(buffer, pixels, photometric="minisblack" if grey else "rgb", metadata=None, extratags=tags)
    icc = read(buffer.getvalue()).metadata.icc
    assert icc is not None
    values = np.arange(30, 256, dtype=np.uint8)[None]
    stack = values if grey else np.repeat(values[..., None], 3, 2)
    assert np.abs(shown(stack, icc) - coded((values / 255.0) ** 1.4)[..., None]).max() <= 1
    again = read(encode_picture(pixels, format="TIFF", metadata=Metadata(icc=icc)))
    assert again.metadata.icc == icc


def with_nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF whose colour code points are others."""
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def test_nclx_of_an_avif_becomes_a_profile() -> None:
    data = encode_picture(scene(), format="AVIF", quality=100)
    plain = read(data)
    again = encode_picture(plain.pixels, format="AVIF", metadata=plain.metadata)
    assert "icc_profile" not in Image.open(BytesIO(again)).info  # its writer states sRGB in the same way
    wide = read(with_nclx(data, 12, 13)).metadata.icc
    assert wide is not None
    assert profiles.tags_of(wide)[b"cicp"][8:10] == bytes((12, 13))
    hdr = read(with_nclx(data, 9, 16))
    assert any("PQ" in note for note in hdr.notes)


def test_every_stated_space_makes_a_usable_profile() -> None:
    for primaries in colour_tags.PRIMARIES:
        for transfer in colour_tags.TRANSFERS:
            stated = colour_tags.of_cicp(primaries, transfer)
            assert stated.icc is not None
            assert shown(np.full((1, 1, 3), 255, np.uint8), stated.icc).min() >= 250  # white stays white


@pytest.mark.parametrize("format", ["WEBP", "AVIF"])
def test_grey_with_a_profile_in_formats_without_grey(format: str) -> None:
    icc = profiles.grey_profile(profiles.gamma(1.0), "linear")
    grey = np.arange(256, dtype=np.uint8)[None].repeat(8, 0)
    metadata = Metadata(icc=icc, lossless=True)
    data = encode_picture(grey, format=format, metadata=metadata, quality=100 if format == "AVIF" else None)
    picture = read(data)
    assert picture.metadata.icc is not None
    assert picture.metadata.icc[16:20] == b"RGB "
    off = np.abs(shown(picture.pixels, picture.metadata.icc) - shown(grey, icc))
    assert off[:, 30:].max() <= 1  # littleCMS's tables are coarse in the dark
    if format == "WEBP":
        np.testing.assert_array_equal(picture.pixels[..., 0], grey)


def test_profiles_and_texts_of_any_legal_size() -> None:
    icc = srgb_profile() + np.random.default_rng(0).bytes(3 << 20)
    picture = read(png(scene(), icc=icc))
    assert picture.metadata.icc == icc
    assert picture.notes == ()
    text = b"log\0\0" + zlib.compress(b"a line\n" * 500_000)
    kept = read(png(scene(), Chunk(name=b"zTXt", data=text))).metadata.texts
    assert len(kept[0].text) == 3_500_000


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
def test_bombs_stay_bounded(name: bytes) -> None:
    machine = zlib.compressobj(9)
    packed = b"".join([*(machine.compress(bytes(1 << 20)) for _ in range(80)), machine.flush()])
    head = b"log\0\1\0\0\0" if name == b"iTXt" else b"log\0\0"
    picture = read(png(scene(), Chunk(name=name, data=head + packed)))
    assert any("64 MB" in note for note in picture.notes)
    assert picture.metadata.icc is None
    assert picture.metadata.texts == ()
