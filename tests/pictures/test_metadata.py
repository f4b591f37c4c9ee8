"""What files say beside their pixels: kept, or named as lost; docs/formats.md's table."""

from __future__ import annotations

import zlib
from io import BytesIO
from xml.dom import minidom

import pytest
import tifffile
from packets import FORMATS, jpeg, out, packet, read, scene
from PIL import Image, IptcImagePlugin

from softextend.pictures import exif, jpeg_segments
from softextend.pictures.png_chunks import Chunk, side_chunks, with_chunks
from softextend.pictures.write import encode_picture

IPTC = b"\x1c\x02\x19\x00\x03sea" + b"\x1c\x02\x50\x00\x08Jane Doe" + b"\x1c\x02\x69\x00\x0fHarbour at dawn"


def app1(content: bytes) -> bytes:
    return jpeg_segments.segment(jpeg_segments.APP1, content)


def texts_of(data: bytes, format: str) -> str:
    """All text that a file holds, by Pillow."""
    image = Image.open(BytesIO(data))
    image.load()
    found = [str(value) for value in image.info.values() if isinstance(value, str)]
    raw = image.info.get("xmp") or image.info.get("comment") or b""
    found.append(raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw))
    if format == "TIFF":
        found.append(tifffile.TiffFile(BytesIO(data)).pages.first.tags[700].value.decode())
    if format == "JPEG":
        found.append(str(image.info.get("comment")))
    return "\n".join(found)


@pytest.mark.parametrize("format", FORMATS)
def test_png_texts_go_everywhere(format: str) -> None:
    loose = {"workflow": '{"nodes": [1, 2]}', "prompt": '{"3": "KSampler"}', "Title": "Harbour", "Copyright": "J. Doe"}
    chunks = [Chunk(name=b"tEXt", data=f"{key}\0{text}".encode()) for key, text in loose.items()]
    german = b"Description\0\0\0de\0Beschreibung\0" + "früh".encode()
    packed = b"log\0\0" + zlib.compress(b"a long log")
    chunks += [Chunk(name=b"iTXt", data=german), Chunk(name=b"zTXt", data=packed)]
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "PNG")
    data = out(read(with_chunks(buffer.getvalue(), chunks)), format)
    if format == "PNG":
        assert [each for each in side_chunks(data, []) if each in chunks] == chunks  # byte for byte
    words = texts_of(data, format).replace("&quot;", '"')
    for text in (*loose.values(), "früh", "a long log"):
        assert text in words


@pytest.mark.parametrize("format", FORMATS)
def test_a_jpegs_comment_goes_everywhere(format: str) -> None:
    data = out(read(jpeg(comment="a comment, früh".encode())), format)
    assert "a comment, fr" in texts_of(data, format)
    if format in ("PNG", "JPEG"):
        again = read(data)
        found = again.metadata.comment or next(t.text for t in again.metadata.texts if t.key == "Comment").encode()
        assert found.decode("latin-1" if format == "PNG" and b"\xc3" not in found else "utf-8").startswith("a comment")


def iptc_jpeg(*resources: tuple[int, bytes]) -> bytes:
    block = jpeg_segments.photoshop_block([(jpeg_segments.IPTC, IPTC), *resources])
    return jpeg(jpeg_segments.in_pieces(jpeg_segments.APP13, jpeg_segments.PHOTOSHOP, block))


@pytest.mark.parametrize("source", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("format", FORMATS)
def test_iptc_is_carried_or_named(source: str, format: str) -> None:
    picture = read(out(read(iptc_jpeg()), source))
    notes: list[str] = []
    data = out(picture, format, notes)
    if format in ("WEBP", "AVIF"):
        assert any("IPTC-IIM" in note for note in notes)
        return
    assert not notes
    assert read(data).metadata.iptc == IPTC
    if format in ("JPEG", "TIFF"):  # another reader
        found = IptcImagePlugin.getiptcinfo(Image.open(BytesIO(data)))
        assert found is not None
        assert found[(2, 105)] == b"Harbour at dawn"


def test_photoshops_resources_stay_where_they_are_still_true() -> None:
    picture = read(iptc_jpeg((0x040A, b"\1"), (0x0409, b"thumbnail"), (0x07D0, b"a path"), (0x0408, b"guides")))
    assert picture.metadata.photoshop == ((0x040A, b"\1"),)
    assert any("clipping path" in note for note in picture.notes)
    for format in ("PNG", "JPEG", "TIFF"):
        assert (0x040A, b"\1") in read(out(picture, format)).metadata.photoshop


@pytest.mark.parametrize("format", FORMATS)
def test_extended_xmp_is_one_packet_afterwards(format: str) -> None:
    long = packet("<dc:description>" + "y" * 150_000 + "</dc:description>")
    guid, pieces = jpeg_segments.extended_segments(long)
    main = packet("", f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{guid}" dc:source="s"')
    picture = read(jpeg(app1(jpeg_segments.XMP + main), pieces))
    for found in (picture, read(out(picture, format))):
        raw = found.metadata.xmp or b""
        assert b"y" * 150_000 in raw
        assert b'dc:source="s"' in raw
        assert b"HasExtendedXMP" not in raw
        assert minidom.parseString(raw).documentElement is not None


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (jpeg(), None),
        (jpeg_segments.without_unit(jpeg(), (72, 72)), (72, 72)),
        (jpeg_segments.without_unit(jpeg(), (4, 3)), (4, 3)),
    ],
)
@pytest.mark.parametrize("format", FORMATS)
def test_a_resolution_without_a_unit_stays_without(data: bytes, seen: tuple[int, int] | None, format: str) -> None:
    picture = read(data)
    assert picture.metadata.dpi is None
    assert picture.metadata.pixel_shape == seen
    again = read(out(picture, format))
    assert again.metadata.dpi is None
    assert again.metadata.pixel_shape == seen
    assert "dpi" not in Image.open(BytesIO(out(picture, format))).info or format == "TIFF"


@pytest.mark.parametrize("format", [*FORMATS, "BMP"])
def test_a_resolution_is_kept_in_every_format(format: str) -> None:
    picture = read(jpeg(dpi=(300, 200)))
    dpi = read(out(picture, format)).metadata.dpi
    assert dpi == pytest.approx((300, 200), abs=0.02)


def test_exif_that_states_no_unit_gives_none() -> None:
    tags = Image.Exif()
    tags[0x011A], tags[0x011B], tags[0x0128] = 300.0, 300.0, 1
    assert read(jpeg(exif=tags)).metadata.dpi is None
    tags[0x0128] = 2
    assert read(jpeg(exif=tags)).metadata.dpi == (300, 300)


@pytest.mark.parametrize("format", FORMATS)
def test_anothers_parameters_stay_beside_ours(format: str) -> None:
    theirs, ours = "a harbour\nSteps: 20, Sampler: Euler", "\nSteps: 4, Version: softextend 1"
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "PNG")
    data = with_chunks(buffer.getvalue(), [Chunk(name=b"tEXt", data=f"parameters\0{theirs}".encode())])
    metadata = read(data).metadata
    made = encode_picture(scene(), format=format, metadata=metadata, parameters=ours)
    twice = encode_picture(scene(), format=format, metadata=read(made).metadata, parameters=ours)
    for each in (made, twice):
        if format == "PNG":
            info = Image.open(BytesIO(each)).text
            assert info["parameters"] == theirs
            assert info["softextend-parameters"] == ours
        else:
            tags = read(each).metadata
            assert exif.comment(exif.parse(tags.exif or b"")) == ours.strip("\0 ")
            assert b"a harbour" in (tags.xmp or b"")


def test_adobe_rgb_that_only_exif_states_becomes_a_profile() -> None:
    for index, has in ((b"R03\0", True), (b"R98\0", False)):
        tags = exif.Tags(
            photo={0xA001: exif.Value(kind=3, count=1, raw=b"\xff\xff")},
            interop={1: exif.Value(kind=2, count=4, raw=index)},
        )
        picture = read(jpeg(exif=b"Exif\0\0" + exif.to_bytes(tags)))
        assert (picture.metadata.icc is not None) == has
