"""Every cell of docs/formats.md's table of metadata: what it says is what a result's file holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from packets import H, W, jpeg, packet, read, scene
from PIL import Image, ImageCms

from softextend.pictures import exif, jpeg_segments
from softextend.pictures.formats import losses
from softextend.pictures.mapping import onto_canvas
from softextend.pictures.png_chunks import Chunk, with_chunks
from softextend.pictures.write import encode_picture
from softextend.types import Box

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
MAKER = b"ACME\0" + bytes(range(200))
IPTC = b"\x1c\x02\x78\x00\x0fHarbour at dawn"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FACE = (
    '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="48" '
    'stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="Jane"><mwg-rs:Area '
    'stArea:x="0.25" stArea:y="0.5" stArea:w="0.2" stArea:h="0.3" stArea:unit="normalized"/></rdf:Description>'
    "</rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
)
SPHERE = (
    'GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="512" GPano:FullPanoHeightPixels="256" '
    'GPano:CroppedAreaImageWidthPixels="64" GPano:CroppedAreaImageHeightPixels="48" '
    'GPano:CroppedAreaLeftPixels="100" GPano:CroppedAreaTopPixels="100"'
)
CROP = 'crs:HasCrop="True" crs:CropLeft="0.5" crs:CropTop="0" crs:CropRight="1" crs:CropBottom="1"'


# inputs


def png(*texts: tuple[str, str]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "PNG")
    return with_chunks(buffer.getvalue(), [Chunk(name=b"tEXt", data=f"{k}\0{t}".encode("latin-1")) for k, t in texts])


def tags(**photo: exif.Value) -> dict[str, bytes]:
    """A camera's EXIF, `photo` by the hexadecimal numbers of its tags."""
    found = {int(name.removeprefix("x"), 16): value for name, value in photo.items()}
    short = {code: exif.Value(kind=3, count=1, raw=value.to_bytes(2, "big")) for code, value in {0x0112: 6}.items()}
    made = exif.Tags(
        order=">",
        image={0x010F: exif.Value(kind=2, count=5, raw=b"ACME\0"), **short},
        photo={exif.MAKER_NOTE: exif.Value(kind=7, count=len(MAKER), raw=MAKER), **found},
        gps={1: exif.Value(kind=2, count=2, raw=b"N\0")},
    )
    return {"exif": b"Exif\0\0" + exif.to_bytes(made)}


def shorts(*values: int) -> exif.Value:
    return exif.Value(kind=3, count=len(values), raw=b"".join(value.to_bytes(2, "big") for value in values))


def with_thumbnail() -> bytes:
    with_thumb = Image.Exif()
    with_thumb[0x010F] = "ACME"
    raw = bytearray(with_thumb.tobytes())
    body = b"\xff\xd8THUMBNAIL\xff\xd9"
    entries = int.from_bytes(raw[14:16], "little" if raw[6:8] == b"II" else "big")
    order = "little" if raw[6:8] == b"II" else "big"
    after = 16 + 12 * entries
    first = len(raw) - 6  # IFD1 goes to the end
    raw[after : after + 4] = first.to_bytes(4, order)
    where = first + 2 + 2 * 12 + 4
    ifd = (2).to_bytes(2, order)
    for code, value in ((0x0201, where), (0x0202, len(body))):
        ifd += code.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(4, order) + value.to_bytes(4, order)
    return jpeg(exif=bytes(raw) + ifd + bytes(4) + body)


def extended() -> bytes:
    guid, pieces = jpeg_segments.extended_segments(packet("<dc:description>" + "y" * 150_000 + "</dc:description>"))
    note = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{guid}" dc:source="seen"'
    return jpeg(jpeg_segments.segment(jpeg_segments.APP1, jpeg_segments.XMP + packet("", note)), pieces)


def photoshop(*resources: tuple[int, bytes]) -> bytes:
    block = jpeg_segments.photoshop_block(list(resources))
    return jpeg(jpeg_segments.in_pieces(jpeg_segments.APP13, jpeg_segments.PHOTOSHOP, block))


def phone() -> bytes:
    video = b"\0\0\0\x18ftypmp42" + bytes(400)
    said = 'hdrgm:Version="1.0" GCamera:MotionPhoto="1" GCamera:BurstID="7" GDepth:Format="RangeInverse"'
    depth = "<GDepth:Data>QUJD</GDepth:Data>"
    thermal = jpeg_segments.segment(0xE1, b"FLIR\0" + bytes(40))
    return jpeg(thermal, tail=video, xmp=packet(depth, said))


def animated() -> bytes:
    buffer = BytesIO()
    frames = [Image.fromarray(scene()), Image.fromarray(255 - scene())]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


# results


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def photo_ifd(data: bytes) -> dict[int, object]:
    return dict(opened(data).getexif().get_ifd(0x8769))


def packet_in(data: bytes) -> bytes:
    return read(data).metadata.xmp or b""


def density(data: bytes) -> bool:
    dpi = read(data).metadata.dpi
    return dpi is not None and np.allclose(dpi, (300, 200), atol=0.02)


def upright(data: bytes) -> bool:
    """Stored sideways before (48 x 64 seen), now upright on a canvas of 112 x 112."""
    found = opened(data).getexif()
    sizes = (photo_ifd(data).get(0xA002), photo_ifd(data).get(0xA003))
    return found.get(0x0112, 1) == 1 and sizes == opened(data).size


def both_parameters(data: bytes) -> bool:
    text = opened(data).info if opened(data).format == "PNG" else {}
    if text:
        return text["parameters"] == "theirs: a harbour" and "ours: 4" in text["softextend-parameters"]
    kept = read(data).metadata
    ours = exif.comment(exif.parse(kept.exif)) if kept.exif else None
    return "ours: 4" in (ours or "") and b"theirs: a harbour" in (kept.xmp or b"")


@dataclass(frozen=True)
class Row:
    """An input that carries something; whether a result's file holds it as the cell says; how a note names it."""

    data: bytes
    holds: Callable[[bytes], bool]
    note: str = "(?!)"


def in_packet(*needles: bytes) -> Callable[[bytes], bool]:
    return lambda data: all(needle in packet_in(data) for needle in needles)


def resource(number: int, content: bytes) -> Callable[[bytes], bool]:
    return lambda data: (number, content) in read(data).metadata.photoshop


TEXTS = (("workflow", '{"nodes": [1, 2]}'), ("Title", "Harbour"))
ROWS = {
    "EXIF with maker note, GPS": Row(
        jpeg(**tags()), lambda data: MAKER in data and opened(data).getexif().get_ifd(0x8825).get(1) == "N"
    ),
    "its orientation, width, height": Row(jpeg(**tags(xA002=shorts(W), xA003=shorts(H))), upright),
    "its SubjectArea, SubjectLocation": Row(
        jpeg(exif=b"Exif\0\0" + exif.to_bytes(exif.Tags(photo={0x9214: shorts(10, 20)}, order=">"))),
        lambda data: tuple(photo_ifd(data).get(0x9214, ())) == (10 + W, 20 + H),
    ),
    "its thumbnail; previews in MPF": Row(with_thumbnail(), lambda data: b"THUMBNAIL" not in data),
    "XMP, extended XMP": Row(extended(), in_packet(b"y" * 150_000, b'dc:source="seen"')),
    "faces and regions in XMP (MWG, ACDSee, Microsoft, IPTC)": Row(
        jpeg(xmp=packet(FACE)), in_packet(b'stArea:x="0.625"', b'stArea:y="0.75"', b'stArea:w="0.1"')
    ),
    "photo sphere (GPano)": Row(
        jpeg(xmp=packet("", SPHERE)),
        in_packet(b'CroppedAreaLeftPixels="36"', b'CroppedAreaTopPixels="52"', b'CroppedAreaImageWidthPixels="128"'),
    ),
    "Camera Raw crop still to be applied": Row(
        jpeg(xmp=packet("", CROP)), in_packet(b'crs:CropLeft="0.75"', b'crs:HasCrop="True"')
    ),
    "ICC profile": Row(jpeg(icc_profile=PROFILE), lambda data: opened(data).info.get("icc_profile") == PROFILE),
    "IPTC-IIM": Row(
        photoshop((jpeg_segments.IPTC, IPTC)),
        lambda data: read(data).metadata.iptc == IPTC,
        "IPTC-IIM",
    ),
    "Photoshop: copyright flag, URL": Row(
        photoshop((0x040A, b"\1"), (0x040B, b"https://harbour.example")),
        lambda data: resource(0x040A, b"\1")(data) and resource(0x040B, b"https://harbour.example")(data),
        "Photoshop",
    ),
    "Photoshop: clipping paths": Row(photoshop((0x07D0, b"a path")), resource(0x07D0, b"a path"), "clipping paths"),
    "PNG texts (`workflow`, `prompt`, Title, ...)": Row(
        png(*TEXTS),
        lambda data: {text for _, text in TEXTS} <= {each.text for each in read(data).metadata.texts},
    ),
    "JPEG, GIF comment": Row(
        jpeg(comment=b"early light"),
        lambda data: any(b"early light" in each for each in (data, packet_in(data))),
    ),
    "resolution": Row(jpeg(dpi=(300, 200)), density),
    "resolution without a unit": Row(
        jpeg_segments.without_unit(jpeg(), (4, 3)),
        lambda data: read(data).metadata.pixel_shape == (4, 3),
    ),
    "another program's `parameters`": Row(png(("parameters", "theirs: a harbour")), both_parameters),
    "HDR gain map, motion photo, depth map, burst, sound, thermal data": Row(
        phone(),
        lambda data: any(each in data for each in (b'hdrgm:Version="', b'MotionPhoto="', b"ftypmp42", b"FLIR")),
        r"gain map|video|depth map|burst|thermal",
    ),
    "content credentials (C2PA)": Row(
        jpeg(jpeg_segments.segment(0xEB, b"JP\0\1\0\0\0\1" + b"jumbc2pa")),
        lambda data: b"jumbc2pa" in data,
        "content credentials",
    ),
    "further frames, pages, layers": Row(animated(), lambda data: b"fcTL" in data, "2 frames"),
}


def table() -> dict[str, list[str]]:
    """Row by row, the cells of the six formats; "the same" is the cell before it."""
    lines = PAGE.read_text(encoding="utf-8").split("## Metadata")[1].split("\n## ")[0].splitlines()
    found = {}
    for line in [each for each in lines if each.startswith("|")][2:]:
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for index, cell in enumerate(cells):
            cells[index] = cells[index - 1] if cell == "the same" else cell
        found[name] = cells
    return found


TABLE = table()
FORMATS = ["PNG", "JPEG", "TIFF", "WEBP", "AVIF", "BMP"]


def test_every_row_is_tried() -> None:
    assert set(ROWS) == set(TABLE)
    assert {len(cells) for cells in TABLE.values()} == {len(FORMATS)}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", TABLE)
def test_a_cell_says_what_the_file_holds(name: str, format: str) -> None:
    said, row = TABLE[name][FORMATS.index(format)], ROWS[name]
    picture = read(row.data)
    height, width = picture.pixels.shape[:2]
    mapping = onto_canvas(
        (width, height), Box(top=0, left=0, bottom=height, right=width), (width, height), W, H, (width + W, height + H)
    )
    notes = [*picture.notes, losses(format) or ""]
    canvas = scene(*mapping.new)
    data = encode_picture(
        canvas, format=format, metadata=picture.metadata, mapping=mapping, parameters="ours: 4", on_note=notes.append
    )
    word = re.match(r"kept|moved|noted|out|in EXIF|–", said)
    assert word is not None, f"{said!r} does not begin with what becomes of it"
    if word[0] in ("kept", "moved", "in EXIF"):
        assert row.holds(data)
    elif word[0] == "out":
        assert row.holds(data), "it shows the old picture"
    else:
        assert not row.holds(data) or name.startswith("its thumbnail")
    if word[0] in ("kept", "moved", "out", "in EXIF") and format != "BMP":
        assert not any("left out" in note or "removed" in note for note in notes), notes
    if word[0] == "noted":
        needle = "no metadata" if format == "BMP" and row.note == "(?!)" else f"{row.note}|no metadata"
        assert any(re.search(needle, note) for note in notes), notes


def test_each_thing_of_a_phone_is_named() -> None:
    notes = "\n".join(read(phone()).notes)
    for word in ("gain map", "video", "depth map", "burst", "thermal"):
        assert word in notes


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(name=b"tIME", data=bytes([7, 226, 1, 2, 3, 4, 5])),
        Chunk(name=b"bKGD", data=bytes(6)),
        Chunk(name=b"sBIT", data=b"\x08\x08\x08"),
        Chunk(name=b"sPLT", data=b"name\0\x08"),
        Chunk(name=b"iDOT", data=bytes(28)),
        Chunk(name=b"vpAg", data=bytes(9)),
    ],
    ids=lambda chunk: chunk.name.decode(),
)
def test_how_the_old_file_was_stored_goes_without_a_note(chunk: Chunk) -> None:
    picture = read(with_chunks(png(), [chunk]))
    notes: list[str] = []
    data = encode_picture(picture.pixels, format="PNG", metadata=picture.metadata, on_note=notes.append)
    assert chunk.name not in data
    assert not [*picture.notes, *notes]
