"""Places that metadata name (faces, regions, crops, spheres): they move along with the picture."""

from __future__ import annotations

import struct
from xml.dom import minidom

import pytest
from packets import FORMATS, NAMESPACES, H, W, jpeg, out, packet, read, scene
from PIL import Image

from softextend.pictures import exif
from softextend.pictures.mapping import onto_canvas
from softextend.pictures.write import encode_picture
from softextend.types import Box

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
