"""What needs another library or a converter is recognised by its content and named, with the remedy."""

from __future__ import annotations

import shutil
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pngs import chunk
from running import Run, photo

from softextend.errors import BadPicture
from softextend.pictures import other_formats
from softextend.pictures.read import read_picture

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")


def complaint(data: bytes | Path) -> str:
    with pytest.raises(BadPicture) as caught:
        read_picture(data)
    return str(caught.value)


def tiff(*entries: tuple[int, int, int, int], subs: tuple[tuple[int, int, int, int], ...] = ()) -> bytes:
    """A little-endian TIFF of (tag, type, count, value) and, where tag 330 points behind it, one more directory."""
    first = b"".join(struct.pack("<HHLL", *each) for each in entries)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + first + bytes(4)
    return data + struct.pack("<H", len(subs)) + b"".join(struct.pack("<HHLL", *each) for each in subs) + bytes(64)


RAWS = {
    "Canon CR2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(64),
    "Canon CR3": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + bytes(64),
    "Fujifilm RAF": b"FUJIFILMCCD-RAW 0201FF" + bytes(64),
    "Olympus ORF": b"IIRO\x08\0\0\0" + bytes(64),
    "Panasonic RW2": b"IIU\0\x18\0\0\0" + bytes(64),
    "Sigma X3F": b"FOVb" + bytes(64),
    "DNG": tiff((50706, 1, 4, 0x0401)),
    "unknown camera": tiff((330, 4, 1, 26), subs=((262, 3, 1, 32803),)),
}


@pytest.mark.parametrize("name", RAWS)
def test_camera_raw_is_named_with_the_way_to_convert(name: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"  # content counts, not the name
    path.write_bytes(RAWS[name])
    assert f"is a camera raw file ({name})" in complaint(path)
    assert "develop it to TIFF" in complaint(path)


def test_makers_are_named() -> None:
    make = b"NIKON CORPORATION\0"
    data = bytearray(tiff((271, 2, len(make), 200), (330, 4, 1, 38), subs=((262, 3, 1, 32803),)).ljust(300, b"\0"))
    data[200 : 200 + len(make)] = make
    assert other_formats.raw_name(bytes(data)) == "Nikon NEF"


def test_ordinary_tiffs_are_no_raw(shared: Path) -> None:
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "TIFF")
    assert other_formats.raw_name(buffer.getvalue()) is None
    for path in (shared / "inputs").iterdir():
        assert not path.is_file() or other_formats.raw_name(path.read_bytes()) is None


@pytest.mark.parametrize(
    ("data", "kind", "remedy"),
    [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic" + bytes(40), "HEIC", "softextend[heif]"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic" + bytes(40), "HEIC", "softextend[heif]"),
        (b"\xff\x0a" + bytes(40), "JPEG XL", "softextend[jxl]"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL", "softextend[jxl]"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "JPEG 2000", "convert it to PNG"),
        (b"8BPS\0\x01" + bytes(40), "Photoshop", "export it as PNG"),
        (b"\0\0\0\x1cftypqt  \0\0\0\0" + bytes(40), "a video", "is needed"),
    ],
)
def test_other_kinds_are_named(data: bytes, kind: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_formats, "is_installed", lambda kind: False)
    assert kind in complaint(data)
    assert remedy in complaint(data)


def test_a_folder_tells_of_what_it_left_out(run: Run, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(shared / "inputs" / "mixed", "mixed")
    monkeypatch.setattr(other_formats, "is_installed", lambda kind: False)
    ran = run("extend", "mixed", *SIDES)
    assert (ran.code, ran.lines) == (1, ["mixed/IMG_3-extended.jpg"])
    assert "2 HEIC file(s) left out: pip install 'softextend[heif]'" in ran.err
    alone = run("extend", "mixed/IMG_1.HEIC", *SIDES)
    assert (alone.code, "is a HEIC picture; pip install" in alone.err) == (1, True)


def test_heic_is_read_where_its_library_is(run: Run, shared: Path) -> None:
    pytest.importorskip("pillow_heif")
    shutil.copytree(shared / "inputs" / "mixed", "mixed")
    ran = run("extend", "mixed", *SIDES)
    assert ran.code == 0, ran.err
    assert ran.lines == [f"mixed/IMG_{index}-extended.{end}" for index, end in ((1, "png"), (2, "png"), (3, "jpg"))]
    assert "HEIC is only read" in ran.err


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_upright_as_its_own_boxes_say(orientation: int, tmp_path: Path) -> None:
    heif: Any = pytest.importorskip("pillow_heif")
    heif.register_heif_opener(thumbnails=False)
    image = photo(tmp_path / "a.png", 60, 40)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.heic", exif=exif.tobytes(), quality=95)
    picture = read_picture(tmp_path / "a.heic")
    with Image.open(tmp_path / "a.heic") as opened:
        shown = np.asarray(opened.convert("RGB"))
    assert np.array_equal(picture.pixels, shown)
    assert picture.metadata.exif is None or b"\x12\x01\x03\x00\x01\x00\x00\x00\x06" not in picture.metadata.exif


def test_jpeg_xl_is_read_where_its_library_is(tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl")
    image = photo(tmp_path / "a.png", 60, 40)
    image.save(tmp_path / "a.jxl", lossless=True)
    assert np.array_equal(read_picture(tmp_path / "a.jxl").pixels, np.asarray(image))


# --- messages ------------------------------------------------------------------------------------------------------


def test_twelve_bits_are_named(shared: Path) -> None:
    said = complaint(shared / "inputs" / "testorig12.jpg")
    assert "is a JPEG of 12 bits a sample" in said
    assert "convert it" in said


def bmp(bits: int, compression: int = 0, size: int = 40) -> bytes:
    rows = bytes((8 * bits + 31) // 32 * 4 * 8)
    header = struct.pack("<IiiHHIIiiII", size, 8, 8, 1, bits, compression, len(rows), 0, 0, 0, 0).ljust(size, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(rows), 0, 0, 14 + len(header)) + header + rows


@pytest.mark.parametrize("data", [bmp(64), bmp(2), bmp(24, 4), bmp(24, 5), bmp(24, 0, 77)])
def test_an_unusual_bmp_is_named(data: bytes) -> None:
    said = complaint(data)
    assert "is a BMP of an unusual kind (" in said
    assert "save it as PNG" in said
    assert "damaged" not in said


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"pHYs", b"tIME", b"prVt"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_damaged_chunk_of_words_is_left_out(name: bytes, behind: bool, tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    at = data.index(b"IEND") - 4 if behind else 33
    picture = read_picture(data[:at] + chunk(name, b"words\0and more", wrong=True) + data[at:])
    assert np.array_equal(picture.pixels, np.asarray(image))
    assert any(f"{name.decode()} chunk is damaged" in note for note in picture.notes)
    good = read_picture(data[:at] + chunk(b"tEXt", b"words\0and more") + data[at:])
    assert not good.notes


def test_a_wrong_checksum_is_no_fault_of_the_picture(run: Run, shared: Path) -> None:
    (facts,) = run("extend", shared / "inputs" / "badcrc_text.png", *SIDES, "-o", "x.png", "--json").facts
    assert any("chunk is damaged (wrong checksum) and left out" in note for note in facts["notes"])


def test_a_chunk_that_the_picture_needs_is_not_left_out(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[29] ^= 1  # the checksum of IHDR
    said = complaint(bytes(data))
    assert "PNG" in said
    assert "AssertionError" not in said
