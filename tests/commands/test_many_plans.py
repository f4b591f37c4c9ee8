"""A dry run of very many pictures reads their headers: the plans are those of the decoded files."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from running import Run

from softextend.commands import dry_run
from softextend.jobs import headers
from softextend.pictures import memory

SIDES = ("--sides", 0, "25%", 8, 0, "--seed", 5, "--dry-run", "--json", "--out-dir", "w")


@pytest.fixture
def folder() -> None:
    """Sizes, formats and orientations; some that only decoding tells of, and some that are none."""
    Path("p").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (48, 80, 4), np.uint8)
    colour = Image.fromarray(noise[..., :3])
    for orientation in (1, 3, 6, 8):
        tags = Image.Exif()
        tags[274] = orientation
        for suffix in ("jpg", "png", "webp"):
            colour.save(f"p/turned-{orientation}.{suffix}", exif=tags)
    colour.save("p/plain.bmp")
    colour.convert("L").save("p/grey.png")
    colour.convert("CMYK").save("p/cmyk.jpg")
    colour.convert("P").save("p/palette.png")
    colour.resize((500, 40)).save("p/wide.jpg")
    Image.fromarray(noise).save("p/clear.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save("p/deep.png")
    Path("p/none.png").write_bytes(b"no picture")


def plans(run: Run, *more: object) -> dict[str, Any]:
    """What is said of each picture, but for notes on what it shows."""
    ran = run("extend", "p", *more)
    found = {}
    for facts in map(json.loads, ran.out.splitlines()):
        if "plan" in facts:
            facts["plan"].pop("notes")
        found[facts["input"]] = facts
    return found


@pytest.mark.parametrize("more", [SIDES, ("--size", "90x90", "--fit", *SIDES[3:])], ids=["sides", "fit"])
def test_plans_by_headers_are_those_of_the_files(
    run: Run, folder: None, monkeypatch: pytest.MonkeyPatch, more: tuple[object, ...]
) -> None:
    more = tuple(each for each in more if each not in (8, 0)) if "--fit" in more else more
    decoded = plans(run, *more)
    monkeypatch.setattr(dry_run, "MANY", 3)
    by_header = plans(run, *more)
    assert len(by_header) == 20
    assert by_header == decoded


def test_it_is_said_and_only_where_sizes_are_enough(run: Run, folder: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(headers, "size_of", lambda path: read.append(path.name))
    assert "headers alone" not in run("extend", "p", *SIDES).err
    read.clear()
    monkeypatch.setattr(dry_run, "MANY", 3)
    assert "headers alone, since they are more than 3" in run("extend", "p", *SIDES).err
    assert len(read) == 20
    assert "headers alone" not in run("extend", "p", *SIDES, "--trim", "auto").err
    assert len(read) == 20


UNKNOWN = ("clear.png", "deep.png", "cmyk.jpg", "palette.png", "none.png", "gone.png")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("turned-1.jpg", (80, 48)),
        ("turned-6.png", (48, 80)),
        ("grey.png", (80, 48)),
        *((each, None) for each in UNKNOWN),
    ],
)
def test_what_a_header_tells(run: Run, folder: None, name: str, size: tuple[int, int] | None) -> None:
    assert headers.size_of(Path("p") / name) == size


def test_a_very_large_picture_is_planned_by_its_header(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding 144 megapixels takes many seconds; here they are but claimed, and no decoder could find them."""
    write_claim("large.png", 12_000, 12_000)
    monkeypatch.setattr(memory, "available", lambda: 64 * 10**9)
    ran = run("extend", "large.png", *SIDES)
    assert ran.code == 0, ran.err
    assert "planned by the header alone, 144 megapixels" in ran.err
    (facts,) = ran.facts
    assert facts["plan"]["output_size"] == {"width": 15_000, "height": 12_008}
    monkeypatch.setattr(memory, "available", lambda: 2 * 10**9)
    ran = run("extend", "large.png", *SIDES)
    assert (ran.code, "144 megapixels, need about 3.5 GB of memory; 2.0 GB are free" in ran.err) == (1, True)


def write_claim(name: str, width: int, height: int) -> None:
    """A PNG that says it is so large, and holds nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b""), b"IEND"]
    parts = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in chunks]
    Path(name).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
