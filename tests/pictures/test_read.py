"""Pictures in: what every kind of file becomes, and what bad ones are told."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageCms
from tolerances import rounding

from softextend.errors import BadPicture, BadRequest
from softextend.pictures import exif, icc, read
from softextend.pictures.formats import format_of_name
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_mask, read_picture

RNG_SEED = 5


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def by_opencv(suffix: str, samples: np.ndarray) -> bytes:
    """Samples in RGB(A) order, deeper than Pillow writes them."""
    order = {2: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
    stored = samples if samples.ndim == 2 else samples[..., order[samples.shape[2]]]
    done, data = cv2.imencode(suffix, stored)
    assert done
    return data.tobytes()


def noise(height: int, width: int, channels: int = 3, top: int = 256) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(RNG_SEED).integers(0, top, shape).astype(np.uint8 if top <= 256 else np.uint16)


def profile_bytes(space: bytes, tags: dict[bytes, bytes], *, connection: bytes, kind: bytes) -> bytes:
    """A minimal ICC profile, version 2.4; ICC.1:2001-04, 6.1 to 6.5."""
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">L", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">LL", at + len(body), len(content))
        body += content
    white = struct.pack(">3l", 0xF6D6, 0x10000, 0xD32D)
    head = struct.pack(">L4sL4s4s4s", at + len(body), b"lcms", 0x02400000, kind, space, connection)
    head += bytes(12) + b"acsp" + bytes(24) + bytes(4) + white
    return head.ljust(128, b"\0") + table + body


def linear_grey() -> bytes:
    """A grey profile whose values are proportional to light."""
    white = b"XYZ " + bytes(4) + struct.pack(">3l", 0xF6D6, 0x10000, 0xD32D)
    return profile_bytes(b"GRAY", {b"wtpt": white, b"kTRC": b"curv" + bytes(8)}, connection=b"XYZ ", kind=b"mntr")


def odd_cmyk() -> bytes:
    """A CMYK profile after which one ink is the neutral grey of L* = 50, no ink is white and two are black."""
    lab = {0: (255, 128, 128), 1: (128, 128, 128)}
    grid = b"".join(bytes(lab.get(bin(node).count("1"), (0, 128, 128))) for node in range(16))
    ramp = bytes(range(256))
    identity = struct.pack(">9l", *(0x10000 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + grid + ramp * 3
    return profile_bytes(b"CMYK", {b"A2B0": lut}, connection=b"Lab ", kind=b"prtr")


def read_bytes(data: bytes) -> Picture:
    return read_picture(data, name="photo")


# what comes in


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


def test_lab_becomes_srgb() -> None:
    lab = Image.merge("LAB", [Image.new("L", (2, 2), value) for value in (137, 128, 128)])  # L* 53.7, neutral
    pixels = read_bytes(encoded(lab, "TIFF")).pixels
    assert np.abs(pixels.astype(int) - 128).max() <= 1


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


# colour


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


# metadata


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


# more than one picture in a file


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


# bad input: one line that says what came and what is allowed


def complaint(source: Path | bytes, **options: bool) -> str:
    with pytest.raises(BadPicture) as caught:
        read_picture(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("standard input: " if isinstance(source, bytes) else f"{source}: ")
    return text


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no such file" in complaint(tmp_path / "none.png")
    assert "is a folder" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("content", "came"),
    [
        (b"", "0 bytes"),
        (b"Dear diary,\n", "is text"),
        (b"%PDF-1.7", "PDF"),
        (bytes(100), "no picture"),
    ],
)
def test_files_that_are_no_picture(tmp_path: Path, content: bytes, came: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    text = complaint(path)
    assert came in text
    assert "PNG, JPEG, WebP, TIFF, BMP, AVIF" in text
    assert came in complaint(content)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "GIF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_files(format: str, share: float) -> None:
    data = encoded(Image.fromarray(noise(64, 64)), format)
    assert "photo" not in complaint(data[: int(len(data) * share)])


def test_decoders_stay_silent(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(Image.fromarray(noise(64, 64)), "TIFF", compression="tiff_adobe_deflate"))
    data[8:200] = bytes(192)
    complaint(bytes(data))
    many = exif.graft(bytes(data), exif.Tags())
    place = exif.place_of(many, 0x0115)  # samples per pixel
    assert place
    complaint(many[: place + 8] + struct.pack("<HH", 9, 0) + many[place + 12 :])
    deep = bytearray(by_opencv(".tiff", noise(64, 64, 3, 65536).astype(np.float32)))
    complaint(bytes(deep[: len(deep) // 2]))
    png = by_opencv(".png", noise(8, 8, 3, 65536))
    at = png.index(b"IEND") - 8
    complaint(png[:at] + bytes(4) + png[at + 4 :])  # a wrong checksum, which Pillow does not look at
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("suffix", "kind"), [(".png", np.uint16), (".tiff", np.uint16), (".tiff", np.float32)])
def test_truncated_deep_files(suffix: str, kind: type) -> None:
    data = by_opencv(suffix, noise(64, 64, 3, 65536).astype(kind))
    complaint(data[: len(data) // 2])


def huge_png(side: int) -> bytes:
    """A PNG that promises side x side pixels and holds none."""
    head = b"IHDR" + struct.pack(">LLBBBBB", side, side, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + head + struct.pack(">L", zlib.crc32(head))
    return start + struct.pack(">L", 0) + b"IDAT" + struct.pack(">L", zlib.crc32(b"IDAT"))


def test_decompression_bomb() -> None:
    text = complaint(huge_png(30_000))
    assert "30000 x 30000" in text
    assert "500" in text
    before = Image.MAX_IMAGE_PIXELS
    complaint(huge_png(30_000))
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_limit_can_be_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("RGB", (20, 20)), "PNG")
    monkeypatch.setattr(read, "LARGEST", 399)
    complaint(data)
    assert read_picture(data, allow_huge=True).known.shape == (20, 20)


def test_large_pictures_below_the_limit_come_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read_bytes(encoded(Image.new("RGB", (5, 5)), "PNG")).known.all()


def test_nothing_to_see() -> None:
    assert "transparent" in complaint(encoded(Image.new("RGBA", (4, 4)), "PNG"))


def test_unusual_samples_are_refused() -> None:
    assert "8 or 16 bit" in complaint(encoded(Image.new("I", (4, 4)), "TIFF"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.new("RGB", (4, 4)), "PNG"))
    path.chmod(0)
    assert "permission" in complaint(path)


def test_refused_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for root, who meets no locked file: the system's answer is put in."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "permission" in complaint(tmp_path / "photo.png")


# masks


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


# names


def test_format_of_name() -> None:
    names = {"a.PNG": "PNG", "b.jpeg": "JPEG", "c.jpg": "JPEG", "d.webp": "WEBP", "e.tif": "TIFF", "f.bmp": "BMP"}
    assert {name: format_of_name(Path(name)) for name in names} == names
    assert format_of_name(Path("g.avif")) == "AVIF"
    for name in ("photo", "photo.gif", "photo.jpg.txt"):
        with pytest.raises(BadRequest, match=r"\.png \.jpg \.webp \.tif \.bmp \.avif"):
            format_of_name(Path(name))
