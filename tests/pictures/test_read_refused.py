"""Files that are no picture, damaged, too large or not readable: one line that says what is wrong."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from incoming import by_opencv, encoded, noise, read_bytes
from PIL import Image

from softextend.errors import BadPicture
from softextend.pictures import exif, read
from softextend.pictures.read import read_picture


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
