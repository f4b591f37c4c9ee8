"""Pictures out: what survives in which format, recipes, and files that are whole or not there."""

from __future__ import annotations

import errno
import json
import os
import stat
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from softextend.errors import BadPicture, OutputError
from softextend.pictures import exif, files, xmp
from softextend.pictures.files import write_file
from softextend.pictures.formats import check_size, losses
from softextend.pictures.icc import srgb_profile
from softextend.pictures.picture import Metadata
from softextend.pictures.read import read_picture, read_recipe
from softextend.pictures.write import encode_picture, write_picture

LOSSLESS = ("PNG", "TIFF", "BMP")
TAGGED = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")
RECIPE = {"seed": 7, "prompt": 'sea & <sky> "wide"\n日本\udc80', "sides": [0, 256, 0, 256], "strength": 0.85}
PARAMETERS = "sea & <sky>, 日本\nNegative prompt: fog\nSteps: 30, Sampler: Euler, CFG scale: 1, Seed: 7"
MAKER = b"ACME\0" + bytes(range(200))


def photo_tags(order: str = ">", **more: exif.Value) -> exif.Tags:
    """What a camera writes, and sizes that no longer hold."""

    def short(value: int) -> exif.Value:
        return exif.Value(kind=3, count=1, raw=struct.pack(order + "H", value))

    def text(value: bytes) -> exif.Value:
        return exif.Value(kind=2, count=len(value), raw=value)

    ratio = exif.Value(kind=5, count=1, raw=struct.pack(order + "LL", 1, 250))
    place = exif.Value(kind=5, count=3, raw=struct.pack(order + "6L", 52, 1, 31, 1, 7, 2))
    return exif.Tags(
        order=order,
        image={0x010F: text(b"ACME camera\0"), exif.ORIENTATION: short(1), 0x0131: text(b"v1\0")},
        photo={
            0x829A: ratio,
            0xA002: short(99),
            0xA003: short(98),
            exif.MAKER_NOTE: exif.Value(kind=7, count=len(MAKER), raw=MAKER),
            **{int(tag): value for tag, value in more.items()},
        },
        gps={2: place},
        interop={1: text(b"R98\0")},
    )


def photo_metadata(order: str = ">") -> Metadata:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    packet += b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg" '
    packet += b'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:PixelXDimension="99"/></rdf:RDF></x:xmpmeta>'
    tags = photo_tags(order)
    return Metadata(icc=srgb_profile(), exif=exif.to_bytes(tags), dpi=(300, 300), xmp=packet)


def photo(height: int = 32, width: int = 48) -> np.ndarray:
    return np.ascontiguousarray(skimage.data.coffee()[100 : 100 + height, 200 : 200 + width])


# pixels


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


# metadata


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


def test_the_thumbnail_goes() -> None:
    """A second directory with a small JPEG, as cameras append it."""
    raw = exif.to_bytes(exif.Tags(order="<", image=photo_tags("<").image))
    thumbnail = b"\xff\xd8 old and narrow \xff\xd9"
    at = len(raw)
    second = struct.pack("<HHHLLHHLL", 2, 0x0201, 4, 1, at + 30, 0x0202, 4, 1, len(thumbnail)) + bytes(4)
    end = 8 + 2 + 12 * 3
    linked = raw[:end] + struct.pack("<L", at) + raw[end + 4 :] + second + thumbnail
    assert Image.open(BytesIO(jpeg_with(linked))).getexif().get_ifd(ExifTags.IFD.IFD1)  # the test's own bytes are sound
    kept = read_picture(jpeg_with(linked)).metadata.exif
    assert kept is not None
    assert thumbnail not in kept
    assert exif.parse(kept).image[0x010F].raw == b"ACME camera\0"


def jpeg_with(raw: bytes) -> bytes:
    buffer = BytesIO()
    Image.fromarray(photo()).save(buffer, "JPEG", exif=b"Exif\0\0" + raw)
    return buffer.getvalue()


def test_a_maker_note_keeps_its_offset() -> None:
    """Its own offsets often count from the start of the EXIF data."""
    raw = exif.to_bytes(photo_tags("<"))
    at = raw.index(MAKER)
    moved = raw[:at] + bytes(400) + raw[at:]  # now it lies far behind everything else
    entry = raw.index(struct.pack("<HHLL", exif.MAKER_NOTE, 7, len(MAKER), at))
    moved = moved[: entry + 8] + struct.pack("<L", at + 400) + moved[entry + 12 :]
    later = exif.with_comment(exif.parse(moved), "a comment that needs room " * 30)
    again = exif.to_bytes(later)
    assert again.index(MAKER) == at + 400
    assert exif.comment(exif.parse(again)).startswith("a comment")


def test_a_photographers_comment_stays() -> None:
    own = exif.with_comment(exif.Tags(), "Grandmother's garden")
    metadata = Metadata(exif=exif.to_bytes(own))
    kept = read_picture(encode_picture(photo(), format="JPEG", metadata=metadata, parameters=PARAMETERS)).metadata
    assert exif.comment(exif.parse(kept.exif or b"")) == "Grandmother's garden"
    assert xmp.properties(kept.xmp or b"")["parameters"] == PARAMETERS
    theirs = "old\nSteps: 20, Seed: 1"  # another program's parameters
    earlier = Metadata(exif=exif.to_bytes(exif.with_comment(exif.Tags(), theirs)))
    kept = read_picture(encode_picture(photo(), format="JPEG", metadata=earlier, parameters=PARAMETERS)).metadata
    assert exif.comment(exif.parse(kept.exif or b"")) == theirs
    assert xmp.properties(kept.xmp or b"")["parameters"] == PARAMETERS
    ours = exif.with_comment(exif.Tags(), f"old, Version: softextend 0.1\n{theirs}")
    again = encode_picture(photo(), format="JPEG", metadata=Metadata(exif=exif.to_bytes(ours)), parameters=PARAMETERS)
    assert exif.comment(exif.parse(read_picture(again).metadata.exif or b"")) == PARAMETERS


def test_exif_too_large_for_jpeg_loses_its_largest_part_and_says_so() -> None:
    large = exif.Value(kind=7, count=80_000, raw=bytes(80_000))
    metadata = Metadata(exif=exif.to_bytes(photo_tags(**{str(exif.MAKER_NOTE): large})))
    notes: list[str] = []
    data = encode_picture(
        photo(), format="JPEG", metadata=metadata, recipe=RECIPE, parameters=PARAMETERS, on_note=notes.append
    )
    assert notes == ["JPEG holds 64 kB of EXIF: left out the maker note"]
    tags = exif.parse(read_picture(data).metadata.exif or b"")
    assert tags.image[0x010F].raw == b"ACME camera\0"
    assert exif.comment(tags) == PARAMETERS
    whole = read_picture(encode_picture(photo(), format="WEBP", metadata=metadata)).metadata.exif or b""
    assert exif.parse(whole).photo[exif.MAKER_NOTE].count == 80_000


def test_xmp_too_large_for_one_segment_goes_on_in_others(tmp_path: Path) -> None:
    packet = xmp.with_properties(photo_metadata().xmp, {"filler": "x" * 170_000})
    packet = packet.replace(b"xmlns:softextend", b"xmlns:other").replace(b"softextend:", b"other:")
    notes: list[str] = []
    path = tmp_path / "a.jpg"
    metadata = Metadata(xmp=packet)
    write_picture(path, photo(), format="JPEG", metadata=metadata, recipe=RECIPE, overwrite=False, on_note=notes.append)
    assert notes == []
    assert read_recipe(path) == RECIPE
    again = read_picture(path).metadata.xmp or b""
    assert b"x" * 170_000 in again
    assert b"HasExtendedXMP" not in again
    assert b"HasExtendedXMP" in path.read_bytes()
    long = {"prompt": "x" * 170_000}
    write_picture(path, photo(), format="JPEG", recipe=long, overwrite=True, on_note=notes.append)
    assert read_recipe(path) == long
    assert notes == []


@pytest.mark.parametrize("dpi", [(0.0, 0.0), (1e9, 1e9)])
def test_nonsense_resolution_does_no_harm(dpi: tuple[float, float]) -> None:
    for format in (*TAGGED, "BMP"):
        picture = read_picture(encode_picture(photo(), format=format, metadata=Metadata(dpi=dpi)))
        assert picture.pixels.shape == photo().shape


def test_what_a_format_loses() -> None:
    assert "recipe" in (losses("BMP") or "")
    assert [losses(format) for format in TAGGED] == [None] * 5


# EXIF and XMP by themselves


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60), order=st.sampled_from((b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08")))
def test_damaged_exif_never_does_more_than_raise_value_error(data: bytes, order: bytes) -> None:
    tags = exif.parse(order + data)
    again = exif.parse(exif.to_bytes(tags))
    assert again.image == tags.image
    assert again.photo == tags.photo


def test_exif_round_trip_in_both_orders() -> None:
    for order in ("<", ">"):
        tags = photo_tags(order)
        again = exif.parse(exif.to_bytes(tags))
        assert (again.image, again.photo, again.gps, again.interop) == (tags.image, tags.photo, tags.gps, tags.interop)


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_xmp_carries_any_text_and_replaces_its_own(text: str) -> None:
    first = xmp.with_properties(photo_metadata().xmp, {"recipe": "earlier"})
    again = xmp.with_properties(first, {"recipe": text})
    readable = "".join("?" if ord(each) in (0xFFFE, 0xFFFF) or ord(each) & 0xFFFF >= 0xFFFE else each for each in text)
    found = xmp.properties(again)["recipe"]
    assert found in (text, readable)
    assert again.count(b"xmlns:softextend") == 1
    assert b"dc:format" in again


@pytest.mark.parametrize("packet", [b"", b"not xml", b"<a>", "<x:xmpmeta/>".encode("utf-16"), b"<!DOCTYPE a><a/>"])
def test_a_packet_that_cannot_be_extended_is_replaced(packet: bytes) -> None:
    assert xmp.properties(packet) == {}
    assert xmp.properties(xmp.with_properties(packet, {"recipe": "{}"})) == {"recipe": "{}"}


def test_attributes_are_properties_too() -> None:
    packet = f'<a xmlns:s="{xmp.NAMESPACE}" s:recipe="{{}}"/>'.encode()
    assert xmp.properties(packet) == {"recipe": "{}"}


# recipes


@pytest.mark.parametrize("format", TAGGED)
def test_recipes_come_back(tmp_path: Path, format: str) -> None:
    path = tmp_path / "result"
    for recipe in (RECIPE, {**RECIPE, "seed": 8}):  # the second into a result of the first
        metadata = read_picture(path).metadata if path.exists() else photo_metadata()
        write_picture(
            path, photo(), format=format, metadata=metadata, recipe=recipe, parameters=PARAMETERS, overwrite=True
        )
        assert read_recipe(path) == recipe


def test_png_text_is_what_other_tools_read() -> None:
    opened = Image.open(BytesIO(encode_picture(photo(), format="PNG", recipe=RECIPE, parameters="cat\nSteps: 5")))
    assert json.loads(opened.info["softextend"]) == RECIPE
    assert opened.info["parameters"] == "cat\nSteps: 5"


def test_parameters_with_characters_no_file_can_hold() -> None:
    for format in TAGGED:
        picture = read_picture(encode_picture(photo(), format=format, parameters="a\0b\udc80\x01c\nSteps: 5"))
        assert picture.pixels.shape == photo().shape


def test_no_recipe_and_a_damaged_one(tmp_path: Path) -> None:
    for format in (*TAGGED, "BMP"):
        path = tmp_path / format
        write_picture(path, photo(), format=format, overwrite=False)
        with pytest.raises(BadPicture, match="no recipe"):
            read_recipe(path)
    damaged = tmp_path / "damaged.jpg"
    Image.fromarray(photo()).save(damaged, xmp=xmp.with_properties(None, {"recipe": "{"}))
    with pytest.raises(BadPicture, match="damaged"):
        read_recipe(damaged)
    with pytest.raises(BadPicture, match="no such file"):
        read_recipe(tmp_path / "none.png")


# files: whole or not there


def refusal(target: Path, *, overwrite: bool = False) -> str:
    with pytest.raises(OutputError) as caught:
        write_picture(target, photo(), format="PNG", recipe=RECIPE, overwrite=overwrite)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{target}: ")
    return text


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_written_where_asked_with_usual_permissions(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folders" / "a.png"
    write_picture(target, photo(), format="png", overwrite=False)
    np.testing.assert_array_equal(read_picture(target).pixels, photo())
    assert leftovers(target.parent) == ["a.png"]
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"precious")
    assert "--overwrite" in refusal(target)
    assert target.read_bytes() == b"precious"
    assert leftovers(tmp_path) == ["a.png"]


def test_overwriting_keeps_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_picture(link, photo(), format="PNG", overwrite=True)
    assert link.is_symlink()
    assert read_picture(real).pixels.shape == photo().shape
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert leftovers(tmp_path) == ["link.png", "real.png"]


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.png"
    monkeypatch.setattr(os, "fsync", lambda _: target.write_bytes(b"faster"))
    assert "exists already" in refusal(target)
    assert target.read_bytes() == b"faster"
    assert leftovers(tmp_path) == ["a.png"]


def test_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    target = tmp_path / "a.png"
    write_picture(target, photo(), format="PNG", overwrite=False)
    assert leftovers(tmp_path) == ["a.png"]
    monkeypatch.setattr(os, "fsync", lambda _: (tmp_path / "b.png").write_bytes(b"faster"))
    assert "exists already" in refusal(tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == b"faster"


def test_target_is_a_folder_or_lies_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    for overwrite in (False, True):
        assert "is a folder" in refusal(tmp_path / "a.png", overwrite=overwrite)
    (tmp_path / "file").write_bytes(b"")
    assert "is a file, not a folder" in refusal(tmp_path / "file" / "b.png")
    assert "is a file, not a folder" in refusal(tmp_path / "file" / "c" / "b.png")
    assert leftovers(tmp_path) == ["a.png", "file"]


def test_a_name_too_long(tmp_path: Path) -> None:
    assert "too long" in refusal(tmp_path / ("a" * 300 + ".png"))
    longest = tmp_path / ("a" * 251 + ".png")
    write_picture(longest, photo(), format="PNG", overwrite=False)
    assert leftovers(tmp_path) == [longest.name]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("where", ["write", "fsync", "rename"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (KeyboardInterrupt(), None),
    ],
    ids=["full", "read-only", "broken", "ctrl-c"],
)
def test_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool, where: str, error: BaseException, told: str | None
) -> None:
    target = tmp_path / "a.png"
    if overwrite:
        target.write_bytes(b"precious")

    def fail(*_: Any, **__: Any) -> None:
        raise error

    if where == "write":
        monkeypatch.setattr(files, "_write_through", half_of(error))
    elif where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "hardlink_to", fail)
        monkeypatch.setattr(Path, "replace", fail)
    if told is None:
        with pytest.raises(KeyboardInterrupt):
            write_picture(target, photo(), format="PNG", overwrite=overwrite)
    else:
        assert told in refusal(target, overwrite=overwrite)
    assert leftovers(tmp_path) == (["a.png"] if overwrite else [])
    assert not overwrite or target.read_bytes() == b"precious"


def half_of(error: BaseException) -> Any:
    def write(path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        raise error

    return write


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_really_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own error, from the device made for it: the temporary name leads there."""
    monkeypatch.setattr("secrets.token_hex", lambda _: "full")
    open_as_usual = Path.open

    def into_full(self: Path, mode: str = "r", *rest: Any) -> Any:
        return (
            open_as_usual(Path("/dev/full"), "wb")
            if self.name == ".softextend-full.tmp"
            else open_as_usual(self, mode, *rest)
        )

    monkeypatch.setattr(Path, "open", into_full)
    assert "disk is full" in refusal(tmp_path / "a.png")
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "may not be written" in refusal(tmp_path / "a.png")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder that refuses even root")
def test_a_folder_that_refuses_even_root() -> None:
    assert "cannot be written" in refusal(Path("/proc/a.png"))


def test_pictures_too_large_for_a_format(tmp_path: Path) -> None:
    target = tmp_path / "a.webp"
    with pytest.raises(OutputError, match=r"a\.webp: 16384 x 1 px: WEBP allows 16383"):
        write_picture(target, np.zeros((1, 16384, 3), np.uint8), format="WEBP", overwrite=False)
    assert leftovers(tmp_path) == []
    check_size("PNG", 100_000, 100_000)
    with pytest.raises(OutputError):
        check_size("jpeg", 65_501, 1)


def test_any_bytes_can_be_written_that_way(tmp_path: Path) -> None:
    write_file(tmp_path / "a.bin", b"abc", overwrite=False)
    assert (tmp_path / "a.bin").read_bytes() == b"abc"


def test_no_torch_is_needed() -> None:
    import subprocess
    import sys

    code = "import sys, softextend.pictures.read, softextend.pictures.write; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
