"""What phones and programs hang on a picture's file: named where it is lost, and unlinked."""

from __future__ import annotations

import re
import struct
from io import BytesIO

import pytest
import tifffile
from packets import jpeg, out, packet, read, scene
from PIL import Image

from softextend.pictures import jpeg_segments
from softextend.pictures.png_chunks import Chunk, with_chunks


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
