"""XMP on its way out: any text, any length, and what cannot be extended is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outgoing import RECIPE, photo, photo_metadata

from softextend.pictures import xmp
from softextend.pictures.picture import Metadata
from softextend.pictures.read import read_picture, read_recipe
from softextend.pictures.write import write_picture


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
