"""What files say beside their pixels: kept, moved along with the picture, or named as lost; docs/formats.md's table."""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO
from xml.dom import minidom

import numpy as np
import pytest
import tifffile
from PIL import Image, IptcImagePlugin

from softextend.pictures import exif, jpeg_segments, xmp
from softextend.pictures.mapping import Mapping, onto_canvas
from softextend.pictures.picture import Picture
from softextend.pictures.png_chunks import Chunk, side_chunks, with_chunks
from softextend.pictures.read import read_picture
from softextend.pictures.write import encode_picture
from softextend.types import Box

W, H = 64, 48
FORMATS = ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"]
IPTC = b"\x1c\x02\x19\x00\x03sea" + b"\x1c\x02\x50\x00\x08Jane Doe" + b"\x1c\x02\x69\x00\x0fHarbour at dawn"
NAMESPACES = {
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "apple": "http://ns.apple.com/HDRGainMap/1.0/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "dc": "http://purl.org/dc/elements/1.1/",
}


def packet(inner: str, attributes: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{xmp.RDF}"><rdf:Description rdf:about="" {spaces} '
        f"{attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def scene(width: int = W, height: int = H) -> np.ndarray:
    return np.random.default_rng(1).integers(60, 200, (height, width, 3)).astype(np.uint8)


def jpeg(*segments: bytes, tail: bytes = b"", **options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "JPEG", extra=b"".join(segments), **options)
    return buffer.getvalue() + tail


def app1(content: bytes) -> bytes:
    return jpeg_segments.segment(jpeg_segments.APP1, content)


def read(data: bytes) -> Picture:
    return read_picture(data, name="photo")


def wide(left: int = 64, top: int = 48) -> Mapping:
    """Twice the canvas, the picture at the bottom right."""
    return onto_canvas((W, H), Box(top=0, left=0, bottom=H, right=W), (W, H), left, top, (W + left, H + top))


def out(picture: Picture, format: str, notes: list[str] | None = None, mapping: Mapping | None = None) -> bytes:
    mapping = mapping or wide()
    canvas = scene(*mapping.new)
    on_note = None if notes is None else notes.append
    return encode_picture(
        canvas, format=format, metadata=picture.metadata, mapping=mapping, recipe={"a": 1}, on_note=on_note
    )


# kept


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


# moved


MWG = (
    '<mwg-rs:Regions rdf:parseType="Resource">'
    '<mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="48" stDim:unit="pixel"/>'
    "<mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name='Jane'>{area}</rdf:Description>"
    "</rdf:li></rdf:Bag>"
    "</mwg-rs:RegionList></mwg-rs:Regions>"
)
ATTRIBUTES = '<mwg-rs:Area stArea:x="0.25" stArea:y="0.5" stArea:w="0.2" stArea:h="0.3" stArea:unit="normalized"/>'
ELEMENTS = (
    '<mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.25</stArea:x><stArea:y>0.5</stArea:y><stArea:w>0.2</stArea:w>'
    "<stArea:h>0.3</stArea:h><stArea:unit>normalized</stArea:unit></mwg-rs:Area>"
)


def numbers(raw: bytes, *names: str) -> list[float]:
    """Values of attributes or elements by their prefixed names, first ones."""
    root = minidom.parseString(raw)
    found = []
    for name in names:
        space, local = NAMESPACES[name.split(":")[0]], name.split(":")[1]
        holders = [
            e.getAttributeNS(space, local) for e in root.getElementsByTagName("*") if e.hasAttributeNS(space, local)
        ]
        inner = [e.firstChild.data for e in root.getElementsByTagNameNS(space, local) if e.firstChild]
        found.append(float((holders + inner)[0]))
    return found


@pytest.mark.parametrize("area", [ATTRIBUTES, ELEMENTS])
@pytest.mark.parametrize("format", FORMATS)
def test_faces_move(area: str, format: str) -> None:
    picture = read(jpeg(xmp=packet(MWG.format(area=area))))
    raw = read(out(picture, format)).metadata.xmp or b""
    assert numbers(raw, "stArea:x", "stArea:y", "stArea:w", "stArea:h") == [0.625, 0.75, 0.1, 0.15]
    assert numbers(raw, "stDim:w", "stDim:h") == [128, 96]


def test_places_follow_crops_and_scales_and_go_where_they_are_cut_off() -> None:
    picture = read(jpeg(xmp=packet(MWG.format(area=ATTRIBUTES))))  # 9.6..22.4 x 16.8..31.2 px
    half = onto_canvas((W, H), Box(top=8, left=8, bottom=40, right=56), (24, 16), 10, 4, (40, 20))
    raw = read(out(picture, "PNG", mapping=half)).metadata.xmp or b""
    assert numbers(raw, "stArea:x", "stArea:y", "stArea:w", "stArea:h") == [
        (4 + 10) / 40,
        (8 + 4) / 20,
        6.4 / 40,
        7.2 / 20,
    ]
    right = onto_canvas((W, H), Box(top=0, left=40, bottom=48, right=64), (24, 48), 0, 0, (24, 48))
    assert b"Jane" not in (read(out(picture, "PNG", mapping=right)).metadata.xmp or b"")


@pytest.mark.parametrize(("orientation", "place"), [(3, [0.75, 0.5]), (6, [0.5, 0.25]), (8, [0.5, 0.75])])
def test_faces_turn_with_the_picture_unless_they_have_been(orientation: int, place: list[float]) -> None:
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    raw = read(jpeg(xmp=packet(MWG.format(area=ATTRIBUTES)), exif=tags)).metadata.xmp or b""
    assert numbers(raw, "stArea:x", "stArea:y") == place
    if orientation != 3:
        turned = MWG.format(area=ATTRIBUTES).replace('w="64" stDim:h="48"', 'w="48" stDim:h="64"')
        raw = read(jpeg(xmp=packet(turned), exif=tags)).metadata.xmp or b""
        assert numbers(raw, "stArea:x", "stArea:y") == [0.25, 0.5]


REGION = (
    "<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType='Resource'><Iptc4xmpExt:RegionBoundary "
    "rdf:parseType='Resource'><Iptc4xmpExt:rbShape>{shape}</Iptc4xmpExt:rbShape><Iptc4xmpExt:rbUnit>{unit}"
    "</Iptc4xmpExt:rbUnit>{inner}</Iptc4xmpExt:RegionBoundary></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>"
)


def rb(**values: float) -> str:
    return "".join(f"<Iptc4xmpExt:rb{k}>{v}</Iptc4xmpExt:rb{k}>" for k, v in values.items())


@pytest.mark.parametrize(
    ("shape", "unit", "inner", "names", "expected"),
    [
        ("rectangle", "relative", rb(X=0.5, Y=0.5, W=0.25, H=0.5), "XYWH", [0.75, 0.75, 0.125, 0.25]),
        ("rectangle", "pixel", rb(X=10, Y=20, W=8, H=8), "XYWH", [74, 68, 8, 8]),
        ("circle", "relative", rb(X=0.5, Y=0.5, Rx=0.25), ("X", "Y", "Rx"), [0.75, 0.75, 0.125]),
        (
            "polygon",
            "relative",
            "<Iptc4xmpExt:rbVertices><rdf:Seq><rdf:li rdf:parseType='Resource'>"
            + rb(X=0, Y=0.5)
            + "</rdf:li></rdf:Seq></Iptc4xmpExt:rbVertices>",
            "XY",
            [0.5, 0.75],
        ),
    ],
)
def test_iptc_image_regions_move(shape: str, unit: str, inner: str, names: str, expected: list[float]) -> None:
    picture = read(jpeg(xmp=packet(REGION.format(shape=shape, unit=unit, inner=inner))))
    raw = read(out(picture, "PNG")).metadata.xmp or b""
    assert numbers(raw, *(f"Iptc4xmpExt:rb{name}" for name in names)) == expected


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("values", [(10, 20), (10, 20, 6), (10, 20, 8, 4)])
@pytest.mark.parametrize("format", FORMATS)
def test_exif_subject_area_moves(order: str, values: tuple[int, ...], format: str) -> None:
    raw = struct.pack(f"{order}{len(values)}H", *values)
    value = exif.Value(kind=3, count=len(values), raw=raw)
    tags = exif.Tags(order=order, photo={0x9214: value, 0xA214: exif.Value(kind=3, count=2, raw=raw[:4])})
    picture = read(jpeg(exif=b"Exif\0\0" + exif.to_bytes(tags)))
    moved = exif.parse(read(out(picture, format)).metadata.exif or b"")
    found = struct.unpack(f"{moved.order}{len(values)}H", moved.photo[0x9214].raw)
    assert found == (74, 68, *values[2:])
    assert struct.unpack(f"{moved.order}2H", moved.photo[0xA214].raw) == (74, 68)


def test_subject_area_turns() -> None:
    tags = exif.Tags(photo={0x9214: exif.Value(kind=3, count=4, raw=struct.pack(">4H", 10, 20, 8, 4))})
    one = exif.Value(kind=3, count=1, raw=struct.pack(">H", 6))
    tags = tags.with_value("image", exif.ORIENTATION, one)
    found = exif.parse(read(jpeg(exif=b"Exif\0\0" + exif.to_bytes(tags))).metadata.exif or b"")
    assert struct.unpack(">4H", found.photo[0x9214].raw) == (28, 10, 4, 8)


def test_windows_people_tags_and_xmp_subjects_move() -> None:
    inner = "<exif:SubjectArea><rdf:Seq><rdf:li>10</rdf:li><rdf:li>20</rdf:li></rdf:Seq></exif:SubjectArea>"
    picture = read(jpeg(xmp=packet(inner, 'MPReg:Rectangle="0.5, 0.5, 0.25, 0.25"')))
    raw = read(out(picture, "PNG")).metadata.xmp or b""
    assert b"0.75, 0.75, 0.125, 0.125" in raw
    assert b"<rdf:li>74</rdf:li><rdf:li>68</rdf:li>" in raw


CROP = 'crs:HasCrop="True" crs:CropLeft="0.5" crs:CropTop="0.25" crs:CropRight="1" crs:CropBottom="0.75" '


@pytest.mark.parametrize(
    ("more", "left", "has"),
    [
        ('crs:CropAngle="0"', 0.75, b"True"),
        ('crs:AlreadyApplied="True"', 0.5, b"True"),
        ('crs:CropAngle="3"', 0.5, b"False"),
    ],
)
def test_crops_that_are_to_be_applied_move(more: str, left: float, has: bytes) -> None:
    notes: list[str] = []
    data = out(read(jpeg(xmp=packet("", CROP + more))), "PNG", notes)
    raw = read(data).metadata.xmp or b""
    assert numbers(raw, "crs:CropLeft") == [left]
    assert b'crs:HasCrop="' + has in raw
    assert bool(notes) == (has == b"False")


def pano(**values: int | str) -> bytes:
    return packet("", " ".join(f'GPano:{name}="{value}"' for name, value in values.items()))


SPHERE = {"FullPanoWidthPixels": 512, "FullPanoHeightPixels": 256, "CroppedAreaImageWidthPixels": 64}
SPHERE |= {"CroppedAreaImageHeightPixels": 48, "CroppedAreaLeftPixels": 100, "CroppedAreaTopPixels": 100}


def test_a_part_of_a_sphere_stays_at_its_place() -> None:
    raw = read(out(read(jpeg(xmp=pano(**SPHERE, ProjectionType="equirectangular"))), "PNG")).metadata.xmp or b""
    names = ["CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels", "CroppedAreaLeftPixels"]
    names += ["CroppedAreaTopPixels", "FullPanoWidthPixels", "FullPanoHeightPixels"]
    assert numbers(raw, *(f"GPano:{name}" for name in names)) == [128, 96, 36, 52, 512, 256]


@pytest.mark.parametrize("changed", [{"CroppedAreaLeftPixels": 10}, {"FullPanoWidthPixels": 64}])
def test_more_than_a_sphere_is_none(changed: dict[str, int]) -> None:
    notes: list[str] = []
    data = out(read(jpeg(xmp=pano(**{**SPHERE, **changed}, ProjectionType="equirectangular"))), "JPEG", notes)
    assert b"GPano:" not in (read(data).metadata.xmp or b"")
    assert any("photo sphere" in note for note in notes)


def test_what_moves_nowhere_is_left_alone() -> None:
    raw = packet(MWG.format(area=ATTRIBUTES), 'dc:source="a"')
    picture = read(jpeg(xmp=raw))
    assert picture.metadata.xmp == raw
    same = onto_canvas((W, H), Box(top=0, left=0, bottom=H, right=W), (W, H), 0, 0, (W, H))
    kept = encode_picture(scene(), format="PNG", metadata=picture.metadata, mapping=same)
    assert read(kept).metadata.xmp == raw


# named as lost


def item(semantic: str, mime: str) -> str:
    return (
        '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource">'
        '<Container:Item Item:Semantic="Primary"/></rdf:li>'
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{semantic}" Item:Mime="{mime}"/></rdf:li>'
        "</rdf:Seq></Container:Directory>"
    )


SECOND = jpeg()
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(400)


@pytest.mark.parametrize(
    ("inner", "attributes", "segments", "tail", "said"),
    [
        (item("GainMap", "image/jpeg"), 'hdrgm:Version="1.0"', b"", SECOND, "gain map"),
        ("", 'apple:HDRGainMapVersion="65536"', b"", SECOND, "gain map"),
        ("", "", jpeg_segments.segment(0xE2, jpeg_segments.GAIN_MAP + bytes(4)), SECOND, "gain map"),
        (item("MotionPhoto", "video/mp4"), 'GCamera:MotionPhoto="1"', b"", VIDEO, "video"),
        ("", 'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="408"', b"", VIDEO, "video"),
        ("", "", b"", VIDEO, "video"),
        ("", "", b"", bytes(20) + b"MotionPhoto_Data" + VIDEO + b"SEFT", "video"),
        ("<GDepth:Data>QUJD</GDepth:Data>", 'GDepth:Format="RangeInverse"', b"", b"", "depth map"),
        (item("Depth", "image/jpeg"), "", b"", SECOND, "depth map"),
        ("", 'GImage:Mime="image/jpeg" GImage:Data="QUJD"', b"", b"", "before a blur"),
        ("", 'GCamera:BurstID="7" GCamera:BurstPrimary="1"', b"", b"", "burst"),
        ("", "", b"", b"something else" * 40, "what lies behind"),
        ("", "", jpeg_segments.segment(0xEB, b"JP\0\1\0\0\0\1" + b"jumbc2pa"), b"", "content credentials"),
        ("", "", jpeg_segments.segment(0xE1, b"FLIR\0" + bytes(40)), b"", "thermal"),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_what_phones_hang_on_is_named_and_unlinked(
    inner: str, attributes: str, segments: bytes, tail: bytes, said: str, format: str
) -> None:
    given = packet(inner, attributes + ' dc:source="kept"')
    picture = read(jpeg(segments, tail=tail, xmp=given))
    assert any(said in note for note in picture.notes), picture.notes
    raw = read(out(picture, format)).metadata.xmp or b""
    assert b'dc:source="kept"' in raw
    body = raw.split(b"rdf:about", 1)[1]
    body = re.sub(rb'xmlns:\w+="[^"]*"', b"", body)
    assert not re.search(rb"hdrgm:|apple:|Container:|Item:|GDepth:|GImage:|GCamera:", body)


def test_padding_behind_a_picture_is_nothing() -> None:
    assert read(jpeg(tail=bytes(500))).notes == ()
    assert read(jpeg(progressive=True, tail=bytes(30))).notes == ()


def test_content_credentials_of_other_formats_are_named() -> None:
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "PNG")
    signed = with_chunks(buffer.getvalue(), [Chunk(name=b"caBX", data=b"jumb")])
    buffer = BytesIO()
    tifffile.imwrite(buffer, scene(), metadata=None, extratags=[(0xCD41, 7, 4, b"jumb", True)])
    webp = BytesIO()
    Image.fromarray(scene()).save(webp, "WEBP", lossless=True, xmp=packet(""))
    body = webp.getvalue() + b"C2PA" + struct.pack("<L", 4) + b"jumb"
    body = body[:4] + struct.pack("<L", len(body) - 8) + body[8:]
    for data in (signed, buffer.getvalue(), body):
        picture = read(data)
        assert any("content credentials" in note for note in picture.notes)
        assert b"jumb" not in out(picture, picture.format)


def test_adobe_rgb_that_only_exif_states_becomes_a_profile() -> None:
    for index, has in ((b"R03\0", True), (b"R98\0", False)):
        tags = exif.Tags(
            photo={0xA001: exif.Value(kind=3, count=1, raw=b"\xff\xff")},
            interop={1: exif.Value(kind=2, count=4, raw=index)},
        )
        picture = read(jpeg(exif=b"Exif\0\0" + exif.to_bytes(tags)))
        assert (picture.metadata.icc is not None) == has


def test_a_cameras_own_previews_are_no_news() -> None:
    frames = [Image.fromarray(scene()), Image.fromarray(scene(32, 24))]
    buffer = BytesIO()
    frames[0].save(buffer, "MPO", save_all=True, append_images=frames[1:])
    assert "2 pictures" in read(buffer.getvalue()).notes[0]
    raw = bytearray(buffer.getvalue())
    at = raw.index(b"MPF\0") + 4
    order = "<" if raw[at : at + 2] == b"II" else ">"
    entries = next(
        at + struct.unpack_from(order + "L", raw, at + 10 + 12 * index + 8)[0]
        for index in range(3)
        if struct.unpack_from(order + "H", raw, at + 10 + 12 * index)[0] == 0xB002
    )
    struct.pack_into(order + "L", raw, entries + 16, 0x010001)  # a large thumbnail
    assert read(bytes(raw)).notes == ()
