"""Small files that would grow without bounds, and sources that never end."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running import Run, photo, recipe

from softextend.commands.report import one_line
from softextend.models.config_file import read_config
from softextend.pictures import memory, png_chunks
from softextend.pictures.memory import ran_out
from softextend.pictures.source import webp_canvas

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")
HUGE = "need about"


def header_of(format: str, width: int, height: int) -> bytes:
    """A small picture whose header claims another size."""
    buffer = BytesIO()
    options = {"lossless": True} if format == "WEBP" else {}
    Image.new("RGB" if format in ("WEBP", "JPEG") else "L", (64, 64)).save(buffer, format, **options)
    data = bytearray(buffer.getvalue())
    if format == "JPEG":
        at = data.find(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    elif format == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
    elif format == "BMP":
        data[18:26] = struct.pack("<ii", width, height)
    else:
        data[21:25] = struct.pack("<L", width - 1 | (height - 1) << 14)
    return bytes(data)


@pytest.mark.parametrize("format", ["JPEG", "GIF", "BMP", "WEBP"])
def test_a_header_of_a_huge_picture_is_refused_in_every_place(
    run: Run, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    photo("a.png")
    Path("bomb").write_bytes(header_of(format, 16_000, 15_000))
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    for words in (
        ("extend", "bomb", *SIDES, "-o", "o.png"),
        ("extend", "bomb", *SIDES, "-o", "o.png", "--dry-run"),
        ("paint", "a.png", "bomb", "-o", "o.png"),
        ("score", "bomb", "a.png"),
        ("zoom", "bomb", "-o", "o.gif"),
    ):
        ran = run(*words)
        assert (ran.code, HUGE in ran.err, run.loads) == (1, True, []), ran.err  # type: ignore[attr-defined]


def test_the_size_of_a_webp_is_read_without_opening_it() -> None:
    for mode, options in (("RGB", {}), ("RGB", {"lossless": True}), ("RGBA", {}), ("RGB", {"xmp": b"x"})):
        buffer = BytesIO()
        Image.new(mode, (300, 41), 9).save(buffer, "WEBP", **options)
        assert webp_canvas(buffer.getvalue()) == (300, 41)
    assert webp_canvas(b"RIFF") is None


def test_a_recipe_is_read_without_decoding_the_picture(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for format in ("png", "jpeg", "webp", "tiff", "avif"):
        photo(f"a.{format}")
        assert run("extend", f"a.{format}", *SIDES, "-o", f"r.{format}").code == 0
        with monkeypatch.context() as patched:
            patched.setattr("PIL.ImageFile.ImageFile.load", None)
            from softextend.pictures.read import read_recipe

            assert read_recipe(Path(f"r.{format}"))["seed"] == 5


def test_many_texts_that_swell_cost_no_more_than_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    inflated = png_chunks.inflated
    monkeypatch.setattr(png_chunks, "MOST", 1000)
    monkeypatch.setattr(png_chunks, "MOST_IN_ALL", 2500)
    monkeypatch.setattr(png_chunks, "inflated", lambda packed, left: asked.append(left) or inflated(packed, left))
    packed = zlib.compress(bytes(100_000))
    chunks = [png_chunks.Chunk(name=b"zTXt", data=b"k\0\0" + packed) for _ in range(20)]
    notes: list[str] = []
    assert png_chunks.profile_and_texts(chunks, notes) == (None, [])
    assert sum(asked) <= 2500
    assert len(notes) == 20


def test_a_text_of_many_megabytes_is_no_recipe(run: Run) -> None:
    photo("a.png")
    data = Path("a.png").read_bytes()
    text = png_chunks.Chunk(name=b"tEXt", data=b"softextend\0" + b"[" * 5_000_000)
    Path("t.png").write_bytes(png_chunks.with_chunks(data, [text]))
    ran = run("redo", "t.png")
    assert (ran.code, "its recipe is damaged: it has 5,000,000 characters" in ran.err) == (1, True)


def test_what_never_ends_is_not_read(run: Run) -> None:
    photo("a.png")
    config = Path("config/softextend/config.toml")
    config.parent.mkdir(parents=True)
    for words in (
        ("extend", "/dev/zero", *SIDES),
        ("redo", "/dev/zero"),
        ("extend", *SIDES, "--files-from", "/dev/zero"),
    ):
        ran = run(*words)
        assert ran.code in (1, 2)
        assert "is a device" in ran.err
    config.symlink_to("/dev/zero")
    assert "is no regular file" in run("extend", "a.png", *SIDES).err
    config.unlink()
    os.mkfifo(config)
    assert "is no regular file" in run("config").err
    config.unlink()
    config.write_text("a = " + "[" * 50_000)
    assert "nested without end" in run("config").err
    config.write_text("a = " + "x" * 2_000_000)
    assert "is larger than" in run("config").err
    assert read_config(config / "nothing") == {}


def test_a_picture_from_a_pipe_is_known_by_its_digest(run: Run) -> None:
    photo("a.png")
    data = Path("a.png").read_bytes()
    os.mkfifo("pipe.png")
    writer = threading.Thread(target=Path("pipe.png").write_bytes, args=(data,), daemon=True)
    writer.start()
    assert run("extend", "pipe.png", *SIDES, "-o", "o.png").code == 0
    writer.join(timeout=20)
    assert recipe("o.png")["command"]["input_sha256"] == sha256(data).hexdigest()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        OSError(12, "Cannot allocate memory"),
        Exception("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 36 bytes"),
    ],
)
def test_every_way_to_run_out_of_memory_is_called_so(error: Exception) -> None:
    assert ran_out(error)
    assert "fault in softextend" not in one_line(error)
    assert "emory" in one_line(error)
    assert not ran_out(ValueError("no size"))


def test_a_decoder_without_memory_calls_no_picture_damaged(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_: object) -> None:
        raise MemoryError

    Image.fromarray(np.zeros((9, 9), np.uint16)).save("a.png")
    monkeypatch.setattr("softextend.pictures.read.decode", short)
    ran = run("extend", "a.png", *SIDES)
    assert (ran.code, "does not fit into memory" in ran.err, "damaged" in ran.err) == (1, True, False)
