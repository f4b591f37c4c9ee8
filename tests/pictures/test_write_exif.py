"""EXIF on its way out: what survives, what is corrected, and what a format has no room for."""

from __future__ import annotations

import struct
from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st
from outgoing import MAKER, PARAMETERS, RECIPE, photo, photo_tags
from PIL import ExifTags, Image

from softextend.pictures import exif, xmp
from softextend.pictures.picture import Metadata
from softextend.pictures.read import read_picture
from softextend.pictures.write import encode_picture


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
