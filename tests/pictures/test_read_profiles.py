"""The colour profiles of pictures that come in: kept, gone through, or left out and said."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from incoming import encoded, linear_grey, noise, profile_bytes, read_bytes
from PIL import Image, ImageCms

from softextend.pictures import icc
from softextend.pictures.read import read_picture


def odd_cmyk() -> bytes:
    """A CMYK profile after which one ink is the neutral grey of L* = 50, no ink is white and two are black."""
    lab = {0: (255, 128, 128), 1: (128, 128, 128)}
    grid = b"".join(bytes(lab.get(bin(node).count("1"), (0, 128, 128))) for node in range(16))
    ramp = bytes(range(256))
    identity = struct.pack(">9l", *(0x10000 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + grid + ramp * 3
    return profile_bytes(b"CMYK", {b"A2B0": lut}, connection=b"Lab ", kind=b"prtr")


def test_lab_becomes_srgb() -> None:
    lab = Image.merge("LAB", [Image.new("L", (2, 2), value) for value in (137, 128, 128)])  # L* 53.7, neutral
    pixels = read_bytes(encoded(lab, "TIFF")).pixels
    assert np.abs(pixels.astype(int) - 128).max() <= 1


def test_rgb_profile_is_kept_and_pixels_untouched() -> None:
    profile = icc.srgb_profile()
    pixels = noise(4, 4)
    picture = read_bytes(encoded(Image.fromarray(pixels), "PNG", icc_profile=profile))
    assert picture.metadata.icc == profile
    np.testing.assert_array_equal(picture.pixels, pixels)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_stays_grey_with_its_profile(mode: str) -> None:
    source = Image.new("L", (2, 2), 128).convert(mode)
    picture = read_bytes(encoded(source, "PNG", icc_profile=linear_grey()))
    assert picture.planes.grey
    assert (picture.pixels == 128).all()
    assert picture.metadata.icc == linear_grey()
    srgb = icc.to_srgb(picture.pixels, linear_grey())
    assert np.abs(srgb.astype(int) - 188).max() <= 1  # half the light is 188 in sRGB


def test_a_real_photo_of_grey_carries_a_grey_profile() -> None:
    picture = read_picture(Path(skimage.data.__file__).parent / "page.png")
    assert picture.planes.grey
    assert picture.metadata.icc is not None
    assert picture.metadata.icc[16:20] == b"GRAY"


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_profile(format: str) -> None:
    source = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    picture = read_bytes(encoded(source, format, icc_profile=odd_cmyk()))
    assert np.abs(picture.pixels.astype(int) - 119).max() <= 2  # L* = 50 is 119 in sRGB
    assert picture.metadata.icc == icc.srgb_profile()
    assert picture.notes == ()


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_without_profile_has_the_right_polarity_and_says_so(format: str) -> None:
    data = encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), format)
    picture = read_bytes(data)
    assert np.abs(picture.pixels.astype(int) - (0, 255, 255)).max() <= 2
    assert "approximate" in picture.notes[0]
    if format == "JPEG":  # another decoder agrees
        other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(picture.pixels.astype(int) - other).max() <= 2


@pytest.mark.parametrize(
    ("mode", "profile"), [("RGB", linear_grey()), ("RGB", odd_cmyk()), ("L", odd_cmyk()), ("L", b"x" * 200)]
)
def test_a_profile_of_another_colour_space_is_left_out(mode: str, profile: bytes) -> None:
    picture = read_bytes(
        encoded(Image.new(mode, (3, 3), 128 if mode == "L" else (128, 128, 128)), "PNG", icc_profile=profile)
    )
    assert picture.metadata.icc is None
    assert "profile" in picture.notes[0]
    assert (picture.pixels == 128).all()


def test_the_srgb_profile_is_sound_and_the_same_every_time() -> None:
    assert icc.srgb_profile() == icc.srgb_profile()
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc.srgb_profile())))
