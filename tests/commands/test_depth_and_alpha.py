"""From file to file: depth, one channel, transparency and the places that metadata name, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from marking import slow
from PIL import Image
from running import Run

from softextend.pictures.picture import Picture
from softextend.pictures.planes import Planes
from softextend.pictures.read import read_picture
from softextend.pictures.write import write_picture

H, W = 60, 70
RIGHT, BAND = "0 24 0 0", ["--overlap", "4", "--feather", "8"]


def planes(kind: str, channels: int = 3, *, alpha: bool = False) -> Planes:
    """A smooth scene with noise in its last bits."""
    dtype = np.dtype(kind)
    top = 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)
    y, x = np.mgrid[:H, :W]
    smooth = np.stack([x / W, y / H, (x + y) / (W + H)], 2)[..., :channels] * 0.8 + 0.1
    levels = (smooth + np.random.default_rng(0).random(smooth.shape) * 0.01) * top
    colour = (levels if dtype.kind == "f" else np.rint(levels)).astype(dtype)
    cover = np.full((H, W), top, dtype)
    cover[:, :10] = np.asarray(top * 140 / 255, dtype)
    cover[20:30, 20:30] = 0
    return Planes(colour=colour[..., 0] if channels == 1 else colour, white=top, alpha=cover if alpha else None)


def given(name: str, picture: Planes) -> Path:
    path = Path(name)
    write_picture(path, picture, format={".png": "PNG", ".tif": "TIFF"}[path.suffix], overwrite=True)
    return path


def read(path: str | Path, *, keep: bool = True) -> Picture:
    return read_picture(Path(path), keep_alpha=keep)


@pytest.mark.parametrize(("name", "kind"), [("a.png", "u2"), ("a.tif", "u2"), ("a.tif", "f2"), ("a.tif", "f4")])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [slow("0"), "1"])
def test_depth_and_channels_stay(run: Run, name: str, kind: str, channels: int, strength: str) -> None:
    original = planes(kind, channels)
    given(name, original)
    done = run("extend", name, "--sides", RIGHT, *BAND, "--strength", strength, "--steps", "4", "-o", f"out{name[1:]}")
    assert done.code == 0, done.err
    result = read(f"out{name[1:]}").planes
    assert result.colour.dtype == original.colour.dtype
    assert result.size == (H, W + 24)
    assert result.grey == (channels == 1)
    np.testing.assert_array_equal(result.colour[:, : W - 8], original.colour[:, : W - 8])
    new = result.colour[:, W:].astype(np.float64) / original.white * 65535
    between = np.abs(new / 257 - np.rint(new / 257)) > 0.01
    assert between[(new > 0) & (new < 65535)].mean() > 0.5  # not 256 levels, spread
    if strength == "0" and kind != "f2":  # half floats have fewer levels
        assert len(np.unique(np.rint(new) % 257)) > 100
    said = run("verify", f"out{name[1:]}", name)
    assert said.code == 0
    assert f"{'grey' if channels == 1 else 'RGB'} at {8 * np.dtype(kind).itemsize} bits" in said.out


def test_verify_sees_the_last_bit(run: Run) -> None:
    given("a.png", planes("u2"))
    run("extend", "a.png", "--sides", RIGHT, *BAND, "-o", "b.png")
    result = read("b.png")
    changed = result.planes.colour.copy()
    changed[5, 5, 1] ^= 1
    recipe = Image.open("b.png").text["softextend"]
    write_picture(
        Path("c.png"), Planes(colour=changed, white=65535.0), format="PNG", recipe=json.loads(recipe), overwrite=True
    )
    said = run("verify", "c.png", "a.png", "--json")
    assert said.code == 1
    assert said.facts[0]["difference"]["count"] == 1
    assert said.facts[0]["difference"]["largest"] == 1
    assert said.facts[0]["bits"] == 16


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".webp", ".avif"])
def test_8_bit_formats_say_what_is_lost_and_verify_does_not_call_it_the_same(run: Run, suffix: str) -> None:
    given("a.png", planes("u2"))
    done = run("extend", "a.png", "--sides", RIGHT, *BAND, "-o", f"b{suffix}")
    assert done.code == 0
    assert "8 bits per channel" in done.err
    said = run("verify", f"b{suffix}", "a.png") if suffix != ".bmp" else None  # BMP carries no recipe
    if said:
        assert said.code == 1
        assert "16: write PNG or TIFF" in said.out


@pytest.mark.parametrize("extra", [["--passes", "3"], ["--trim", "3"], ["--size", "60x40", "--fit"]])
def test_passes_crops_and_smaller_sizes_keep_the_depth(run: Run, extra: list[str]) -> None:
    original = planes("u2")
    given("a.tif", original)
    sides = [] if "--size" in extra else ["--sides", "30 30 30 30"]
    done = run("extend", "a.tif", *sides, *extra, *BAND, "--steps", "4", "-o", "b.tif")
    assert done.code == 0, done.err
    result = read("b.tif").planes.colour
    assert result.dtype == np.uint16
    assert len(np.unique(result % 257)) == 257
    assert run("verify", "b.tif", "a.tif").code == 0


def test_alpha_is_filled_with_a_note_unless_kept(run: Run) -> None:
    original = planes("u1", alpha=True)
    given("a.png", original)
    done = run("extend", "a.png", "--sides", RIGHT, *BAND, "-o", "b.png")
    assert "600 pixels are half-clear" in done.err
    filled = read("b.png").planes
    assert filled.alpha is None
    np.testing.assert_array_equal(filled.colour[:11, :50], original.colour[:11, :50])  # colours unpremultiplied
    assert (filled.colour[20:30, 20:30] != original.colour[20:30, 20:30]).any()
    assert run("verify", "b.png", "a.png").code == 0


@pytest.mark.parametrize(("name", "kind"), [("a.png", "u1"), ("a.png", "u2"), ("a.tif", "u2"), ("a.tif", "f4")])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_kept_is_the_originals_and_new_is_opaque(run: Run, name: str, kind: str, channels: int) -> None:
    original = planes(kind, channels, alpha=True)
    given(name, original)
    out = f"out{name[1:]}"
    done = run("extend", name, "--sides", "0 24 10 0", "--passes", "2", *BAND, "--alpha", "keep", "-o", out)
    assert done.code == 0, done.err
    assert "half-clear" not in done.err
    result = read(out).planes
    assert result.alpha is not None
    assert original.alpha is not None
    np.testing.assert_array_equal(result.alpha[:H, :W], original.alpha)
    assert (result.alpha[:, W:] == original.opaque).all()
    assert (result.alpha[H:] == original.opaque).all()
    kept = (slice(0, H - 8), slice(0, W - 8))
    np.testing.assert_array_equal(result.colour[kept], original.colour[kept])  # under what is clear, too
    said = run("verify", out, name)
    assert said.code == 0, said.out
    assert "with alpha" in said.out
    again = run("redo", out, "-o", f"again{name[1:]}")
    assert again.code == 0, again.err
    np.testing.assert_array_equal(read(f"again{name[1:]}").planes.alpha, result.alpha)
    np.testing.assert_array_equal(read(f"again{name[1:]}").planes.colour, result.colour)


def test_a_half_clear_shadow_stays_a_shadow(run: Run) -> None:
    shadow = np.zeros((40, 40, 4), np.uint8)
    shadow[8:32, 8:32] = 200, 40, 40, 255
    shadow[32:36, 8:36, 3] = 140
    Image.fromarray(shadow).save("a.png")
    done = run("extend", "a.png", "--sides", "0 16 0 0", *BAND, "--alpha", "keep", "-o", "b.webp")
    assert done.code == 0, done.err
    assert np.asarray(Image.open("b.webp"))[33, 12, 3] == 140


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_keeping_alpha_in_a_format_without_is_refused_before_the_work(run: Run, suffix: str) -> None:
    given("a.png", planes("u1", alpha=True))
    done = run("extend", "a.png", "--sides", RIGHT, "--alpha", "keep", "-o", f"b{suffix}")
    assert done.code == 1
    assert "--alpha keep" in done.err
    assert not Path(f"b{suffix}").exists()
    opaque = given("c.png", planes("u1"))
    assert run("extend", str(opaque), "--sides", RIGHT, "--alpha", "keep", "-o", f"d{suffix}").code == 0


def test_prepare_and_paint_keep_the_depth(run: Run) -> None:
    original = planes("u2")
    given("a.png", original)
    assert run("prepare", "a.png", "--sides", RIGHT, "--out-dir", "work").code == 0
    canvas = read("work/a-canvas.png").planes
    assert canvas.colour.dtype == np.uint16
    np.testing.assert_array_equal(canvas.colour[:, :W], original.colour)
    done = run("paint", "work/a-canvas.png", "work/a-mask.png", "--steps", "4", "-o", "b.png")
    assert done.code == 0, done.err
    result = read("b.png").planes.colour
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(result[:, : W - 40], original.colour[:, : W - 40])
    assert run("verify", "b.png", "work/a-canvas.png").code == 0


def test_places_move_with_the_picture(run: Run) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:MP="http://ns.microsoft.com/photo/1.2/t/Region#" MP:Rectangle="0.5, 0.5, 0.25, 0.25"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    Image.new("RGB", (40, 20), (90, 120, 60)).save("a.jpg", xmp=packet)
    done = run("extend", "a.jpg", "--sides", "20 40 0 0", *BAND, "-o", "b.png")
    assert done.code == 0, done.err
    assert b'Rectangle="0.25, 0.75, 0.125, 0.125"' in (read("b.png").metadata.xmp or b"")
