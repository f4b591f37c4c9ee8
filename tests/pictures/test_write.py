"""Pictures out: which pixels and which metadata survive in which format."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outgoing import MAKER, PARAMETERS, RECIPE, TAGGED, leftovers, photo, photo_metadata
from PIL import Image

from softextend.errors import OutputError
from softextend.pictures import exif, xmp
from softextend.pictures.formats import check_size, losses
from softextend.pictures.icc import srgb_profile
from softextend.pictures.picture import Metadata
from softextend.pictures.read import read_picture
from softextend.pictures.write import encode_picture, write_picture

LOSSLESS = ("PNG", "TIFF", "BMP")


@settings(max_examples=60, deadline=None)
@given(
    format=st.sampled_from(LOSSLESS),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from((1, 3)),
    seed=st.integers(0, 9),
)
def test_lossless_formats_give_the_same_bytes_back(
    format: str, height: int, width: int, channels: int, seed: int
) -> None:
    shape = (height, width, 3) if channels == 3 else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    data = encode_picture(pixels, format=format, metadata=photo_metadata(), recipe=RECIPE, parameters=PARAMETERS)
    expected = pixels if channels == 3 else np.repeat(pixels[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_picture(data).pixels, expected)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_stay_close_and_keep_colour_edges(format: str) -> None:
    pixels = photo(65, 127)
    picture = read_picture(encode_picture(pixels, format=format))
    assert picture.pixels.shape == pixels.shape
    assert np.abs(picture.pixels.astype(int) - pixels).mean() < 3
    if format == "JPEG":
        opened = Image.open(BytesIO(encode_picture(pixels, format=format)))
        assert {component[1:3] for component in opened.layer} == {(1, 1)}  # 4:4:4


def test_a_lossless_webp_stays_lossless() -> None:
    pixels = photo()
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, icc_profile=srgb_profile())
    picture = read_picture(buffer.getvalue())
    assert picture.metadata.lossless
    again = read_picture(encode_picture(picture.pixels, format="WEBP", metadata=picture.metadata, recipe=RECIPE))
    np.testing.assert_array_equal(again.pixels, pixels)
    assert not read_picture(encode_picture(pixels, format="WEBP")).metadata.lossless


def test_quality_counts() -> None:
    for format in ("JPEG", "WEBP", "AVIF"):
        assert len(encode_picture(photo(), format=format, quality=40)) < len(encode_picture(photo(), format=format))


@pytest.mark.parametrize("format", [*TAGGED, "BMP"])
def test_the_same_picture_is_the_same_bytes(format: str) -> None:
    def once() -> bytes:
        return encode_picture(photo(), format=format, metadata=photo_metadata(), recipe=RECIPE, parameters=PARAMETERS)

    assert once() == once()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format", TAGGED)
def test_metadata_survives_and_tells_the_truth(format: str, order: str) -> None:
    metadata = photo_metadata(order)
    data = encode_picture(photo(), format=format, metadata=metadata, recipe=RECIPE, parameters=PARAMETERS)
    kept = read_picture(data).metadata
    assert kept.icc == metadata.icc
    if format in ("PNG", "JPEG", "TIFF"):
        assert kept.dpi == pytest.approx((300, 300), rel=1e-4)
    assert kept.exif is not None
    tags = exif.parse(kept.exif)
    assert tags.image[0x010F].raw == b"ACME camera\0"
    assert struct.unpack(tags.order + "LL", tags.photo[0x829A].raw) == (1, 250)
    assert struct.unpack(tags.order + "6L", tags.gps[2].raw) == (52, 1, 31, 1, 7, 2)
    assert tags.interop[1].raw == b"R98\0"
    assert tags.photo[exif.MAKER_NOTE].raw == MAKER
    assert (tags.number("photo", 0xA002), tags.number("photo", 0xA003)) == (48, 32)
    assert tags.number("image", exif.ORIENTATION) == (None if format == "AVIF" else 1)
    assert b'dc:format="image/jpeg"' in (kept.xmp or b"")
    assert b'exif:PixelXDimension="48"' in (kept.xmp or b"")


@pytest.mark.parametrize("format", TAGGED)
def test_other_programs_read_what_is_written(format: str) -> None:
    """Pillow's own EXIF reader, and for XMP a plain XML parser."""
    opened = Image.open(
        BytesIO(encode_picture(photo(), format=format, metadata=photo_metadata(), parameters=PARAMETERS))
    )
    opened.load()
    tags = opened.getexif()
    assert tags[0x010F] == "ACME camera"
    assert tags.get_ifd(0x8825)[2] == (52, 31, 3.5)
    if format == "PNG":
        assert opened.info["parameters"] == PARAMETERS
        return
    comment = tags.get_ifd(0x8769)[exif.USER_COMMENT]
    assert comment == b"UNICODE\0" + PARAMETERS.encode("utf-16-be")
    assert xmp.properties(opened.info["xmp"])["parameters"] == PARAMETERS


@pytest.mark.parametrize("dpi", [(0.0, 0.0), (1e9, 1e9)])
def test_nonsense_resolution_does_no_harm(dpi: tuple[float, float]) -> None:
    for format in (*TAGGED, "BMP"):
        picture = read_picture(encode_picture(photo(), format=format, metadata=Metadata(dpi=dpi)))
        assert picture.pixels.shape == photo().shape


def test_what_a_format_loses() -> None:
    assert "recipe" in (losses("BMP") or "")
    assert [losses(format) for format in TAGGED] == [None] * 5


def test_pictures_too_large_for_a_format(tmp_path: Path) -> None:
    target = tmp_path / "a.webp"
    with pytest.raises(OutputError, match=r"a\.webp: 16384 x 1 px: WEBP allows 16383"):
        write_picture(target, np.zeros((1, 16384, 3), np.uint8), format="WEBP", overwrite=False)
    assert leftovers(tmp_path) == []
    check_size("PNG", 100_000, 100_000)
    with pytest.raises(OutputError):
        check_size("jpeg", 65_501, 1)


def test_no_torch_is_needed() -> None:
    import subprocess
    import sys

    code = "import sys, softextend.pictures.read, softextend.pictures.write; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
