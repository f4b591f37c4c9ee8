"""Borders that are no picture: made-up ones are found within a pixel, and real photos give no false alarm."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from skimage import data

from softextend.errors import BadPicture, BadRequest
from softextend.options import Growth
from softextend.pictures.borders import EDGE, MIXED_ROWS, find_border, rims
from softextend.plan.input import prepare_input, take
from softextend.types import Sides

Pixels = np.ndarray[Any, Any]
BUNDLED = ("astronaut", "coffee", "chelsea", "rocket", "camera", "coins", "gravel", "grass", "brick", "moon", "page")
EDGED = {  # photos that carry an edge of their own: the outermost pixels are mixed with the white around them
    "os-world-hist_bc5e34c86a.webp": Sides(top=1),
    "os-world-hist_cddfb51d7e.webp": Sides(top=1, bottom=1, left=1),
    "os-world-hist_d84dea94c3.webp": Sides(top=1, right=1, bottom=1, left=1),
}


def bundled(name: str, longest: int = 320) -> Pixels:
    """A photo of scikit-image, (H, W, 3), scaled to `longest` px."""
    array = getattr(data, name)()
    picture = Image.fromarray(array).convert("RGB")
    picture.thumbnail((longest, longest))
    return np.asarray(picture)


PHOTOS = {name: bundled(name) for name in ("astronaut", "coffee", "chelsea", "rocket", "coins", "gravel")}


def full(pixels: Pixels) -> Pixels:
    return np.ones(pixels.shape[:2], bool)


def framed(pixels: Pixels, sides: Sides, colour: object, noise: float = 0.0) -> Pixels:
    """The picture inside a border."""
    height, width = pixels.shape[:2]
    canvas = np.empty((height + sides.top + sides.bottom, width + sides.left + sides.right, 3))
    canvas[:] = colour
    canvas += np.random.default_rng(0).normal(0, noise, canvas.shape)
    canvas[sides.top : sides.top + height, sides.left : sides.left + width] = pixels
    return canvas.clip(0, 255).round().astype(np.uint8)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def rounded(pixels: Pixels, radius: int) -> Pixels:
    """Coverage (H, W) of a rectangle with round corners, smoothed, 0 to 1."""
    height, width = pixels.shape[:2]
    drawn = Image.new("L", (width * 4, height * 4))
    ImageDraw.Draw(drawn).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), radius * 4, fill=255)
    return np.asarray(drawn.resize((width, height), Image.Resampling.BOX)) / 255


def off(found: Sides, expected: Sides) -> int:
    """The largest difference, px."""
    return max(abs(getattr(found, name) - getattr(expected, name)) for name in ("top", "right", "bottom", "left"))


# --- what must be found --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize(
    ("sides", "colour"),
    [
        (Sides(top=40, bottom=40), 0),
        (Sides(top=37, bottom=36), 0),
        (Sides(left=25, right=25), 16),
        (Sides(top=30, bottom=30), 255),
        (Sides(top=5, right=5, bottom=5, left=5), 0),
        (Sides(top=20, right=20, bottom=20, left=20), 255),
        (Sides(top=12, right=12, bottom=12, left=12), (180, 20, 30)),
        (Sides(top=3, right=3, bottom=3, left=3), 128),
        (Sides(top=9, right=9, bottom=40, left=9), (245, 243, 238)),
    ],
)
def test_bars_and_frames(name: str, sides: Sides, colour: object) -> None:
    made = framed(PHOTOS[name], sides, colour)
    border = find_border(made, full(made))
    assert off(border.sides, sides) <= 1, border


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("sides", [Sides(top=37, bottom=37), Sides(left=21, right=21)])
def test_bars_of_a_jpeg(name: str, sides: Sides) -> None:
    made = jpeg(framed(PHOTOS[name], sides, 0), 85)
    assert off(find_border(made, full(made)).sides, sides) <= 1


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("width", range(1, 9))
@pytest.mark.parametrize("level", [12, 243])
def test_the_edge_of_a_scanner(name: str, width: int, level: int) -> None:
    rng = np.random.default_rng(width)
    made = PHOTOS[name].astype(float)
    made[:, -width:] = rng.normal(level, 4, made[:, -width:].shape)
    made = made.clip(0, 255).astype(np.uint8)
    border = find_border(made, full(made))
    assert off(border.sides, Sides(right=width)) <= 1, border
    assert "right" in border.what[0]
    assert border.what[0].startswith("dark border" if level < made[:, :-width].mean() else "light border")


@pytest.mark.parametrize("name", PHOTOS)
def test_an_edge_that_fades_or_lets_the_picture_shine_through(name: str) -> None:
    photo = PHOTOS[name].astype(float)
    fading = photo.copy()
    for row, share in enumerate((0.05, 0.3, 0.6)):
        fading[row] = photo[row] * share + 245 * (1 - share)
    dim = photo.copy()
    dim[:, :4] *= 0.35
    for made, sides in ((fading, Sides(top=3)), (dim, Sides(left=4))):
        eight = made.round().astype(np.uint8)
        assert off(find_border(eight, full(eight)).sides, sides) <= 1


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("radius", [8, 20, 60])
@pytest.mark.parametrize("colour", [0, 255, None])
def test_rounded_and_transparent_corners(name: str, radius: int, colour: int | None) -> None:
    photo = PHOTOS[name]
    cover = rounded(photo, radius)[..., None]
    inset = int(np.ceil(radius * (1 - 0.5**0.5)))
    if colour is None:
        made, known = photo, cover[..., 0] >= 0.5
    else:
        made, known = (photo * cover + colour * (1 - cover)).round().astype(np.uint8), full(photo)
    border = find_border(made, known)
    assert off(border.sides, Sides(top=inset, right=inset, bottom=inset, left=inset)) <= 1, border
    rest = slice(border.sides.top, -border.sides.bottom), slice(border.sides.left, -border.sides.right)
    assert cover[rest].min() > 0.9


def test_a_transparent_rim_and_borders_in_borders() -> None:
    photo = PHOTOS["coffee"]
    known = np.pad(full(photo), ((7, 0), (0, 9)))
    assert find_border(np.pad(photo, ((7, 0), (0, 9), (0, 0))), known).sides == Sides(top=7, right=9)
    twice = framed(framed(photo, Sides(top=2, right=2, bottom=2, left=2), 0), Sides(top=20, bottom=20), 255)
    border = find_border(twice, full(twice))
    assert off(border.sides, Sides(top=22, right=2, bottom=22, left=2)) <= 1
    assert len(border.what) >= 2


# --- what must not be found ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLED)
def test_no_false_alarm_on_bundled_photos(name: str) -> None:
    photo = bundled(name, 1000)
    assert find_border(photo, full(photo)).what == ()


def test_no_false_alarm_on_varied_photos(shared: Path) -> None:
    found = {}
    for path in sorted((shared / "photos").glob("*.webp")):
        photo = np.asarray(Image.open(path).convert("RGB"))
        border = find_border(photo, full(photo))
        if border.what:
            found[path.name] = border.sides
    assert found == EDGED


def test_a_sky_above_a_straight_horizon_is_picture() -> None:
    rng = np.random.default_rng(1)
    sea = rng.normal((40, 80, 120), 12, (160, 240, 3))
    for sky in (255.0, np.linspace(180, 230, 90)[:, None, None]):
        made = np.vstack([np.broadcast_to(sky, (90, 240, 3)), sea]).clip(0, 255).astype(np.uint8)
        assert find_border(made, full(made)).what == ()


def test_stripes_are_picture() -> None:
    made = np.repeat(np.tile([40, 200], 40), 5)[:, None, None] * np.ones((1, 240, 3))
    noisy = (made + np.random.default_rng(0).normal(0, 5, made.shape)).clip(0, 255).astype(np.uint8)
    assert find_border(noisy, full(noisy)).what == ()


def test_a_cut_out_keeps_its_gaps() -> None:
    photo = PHOTOS["chelsea"]
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    known = np.hypot((y - y.mean()) / y.max(), (x - x.mean()) / x.max()) < 0.45
    sides = find_border(photo, known).sides
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    assert (sides.top, sides.left) == (rows[0], columns[0])
    assert known[sides.top].any()


# --- thin borders that a fill must not copy along ------------------------------------------------------------------


def widths(found: Pixels) -> Sides:
    """How far what was found reaches in from each side, px, along the middle."""
    height, width = found.shape
    lines = found[:, width // 2], found[height // 2, ::-1], found[::-1, width // 2], found[height // 2]
    top, right, bottom, left = (int(np.argmin(line)) for line in lines)
    return Sides(top=top, right=right, bottom=bottom, left=left)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "coins", "gravel"])
@pytest.mark.parametrize("width", [1, 3, 8])
@pytest.mark.parametrize("colour", [8, 128, 250, (180, 20, 30)])
def test_a_rim_of_any_colour_on_any_side(name: str, width: int, colour: object) -> None:
    for sides in (Sides(right=width), Sides(top=width), Sides(top=width, right=width, bottom=width, left=width)):
        made = framed(PHOTOS[name], sides, colour)
        found = widths(rims(made, full(made)))
        for side in ("top", "right", "bottom", "left"):
            there = getattr(sides, side)
            assert getattr(found, side) in (range(there + 1, there + 2 + MIXED_ROWS) if there else (0,)), (side, found)


def test_a_rim_of_a_cut_out_lies_where_it_is_known() -> None:
    photo = framed(PHOTOS["chelsea"], Sides(top=4, right=4, bottom=4, left=4), 0)
    height, width = photo.shape[:2]
    known = full(photo)
    known[height * 2 // 3 :, : width // 3] = False  # an L
    photo[~known] = 255  # what lies there must not matter
    known = np.pad(known, ((0, 30), (20, 0)))
    found = rims(np.pad(photo, ((0, 30), (20, 0), (0, 0)), mode="symmetric"), known)
    middle = 20 + width // 2
    assert found[:5, middle].all()
    assert not found[10 : height - 10, middle].any()
    assert found[height - 5 : height, middle].all()
    assert found[height // 4, 20:25].all()
    assert found[height // 4, -5:].all()
    assert not found[height:].any()
    assert not found[:, :20].any()


def test_a_wide_bar_is_no_rim_and_goes_on() -> None:
    wide = framed(PHOTOS["coffee"], Sides(top=EDGE + MIXED_ROWS + 2), 0)
    assert not rims(wide, full(wide)).any()


@pytest.mark.parametrize("name", BUNDLED)
def test_no_rim_on_bundled_photos(name: str) -> None:
    photo = bundled(name, 1000)
    assert not rims(photo, full(photo)).any()


def test_no_rim_where_too_little_is_known_to_tell() -> None:
    rng = np.random.default_rng(0)
    pixels = np.zeros((90, 120, 3), np.uint8)
    pixels[10:] = rng.integers(150, 255, (80, 120, 3))
    assert rims(pixels, full(pixels)).any()
    narrow = full(pixels)
    narrow[:45, :70] = False  # the upper edge is known along less than half of it
    speckled = rng.random((90, 120)) < 0.7
    single = np.zeros((90, 120), bool)
    single[4, 7] = True
    for known in (narrow, speckled, single):
        assert not rims(pixels, known).any()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 3), st.integers(0, 2**31))
def test_any_picture_keeps_something_of_itself(height: int, width: int, kind: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    top = (1, 2, 20, 256)[kind]
    pixels = rng.integers(0, top, (height, width, 3)).astype(np.uint8)
    known = rng.random((height, width)) < rng.choice([0.02, 0.5, 1.0])
    sides = find_border(pixels, known).sides
    assert sides.top + sides.bottom < height
    assert sides.left + sides.right < width
    if known.any():
        assert known[sides.top : height - sides.bottom, sides.left : width - sides.right].any()
        assert (known & ~rims(pixels, known)).any()


# --- before a picture grows ----------------------------------------------------------------------------------------


def growth(**more: Any) -> Growth:
    return Growth(**{"scale": 1.5, **more})


def test_shaving_is_asked_for_and_said() -> None:
    made = framed(PHOTOS["coffee"], Sides(top=40, bottom=40), 0)
    asked = prepare_input(made, full(made), growth(trim="auto"))
    assert asked.pixels.shape == PHOTOS["coffee"].shape
    assert np.array_equal(asked.pixels, PHOTOS["coffee"])
    assert "trimmed to" in asked.notes[0]
    assert asked.crop is not None
    assert (asked.crop.box.top, asked.crop.box.height) == (40, len(PHOTOS["coffee"]))
    silent = prepare_input(made, full(made), growth())
    assert silent.pixels is made
    assert silent.crop is None
    assert "--trim auto" in silent.notes[0]
    clean = prepare_input(PHOTOS["coffee"], full(PHOTOS["coffee"]), growth(trim="auto"))
    assert (clean.notes, clean.crop) == ((), None)


def test_so_many_pixels_off_every_side() -> None:
    photo = PHOTOS["coffee"]
    ready = prepare_input(photo, full(photo), growth(trim=8))
    assert np.array_equal(ready.pixels, photo[8:-8, 8:-8])
    with pytest.raises(BadRequest, match="nothing would be left"):
        prepare_input(photo, full(photo), growth(trim=200))
    known = full(photo)
    known[8:-8, 8:-8] = False
    with pytest.raises(BadPicture, match="only transparent"):
        prepare_input(photo, known, growth(trim=8))


def test_transparent_rims_are_filled_unless_shaving_is_asked_for() -> None:
    photo = PHOTOS["coffee"]
    known = full(photo)
    known[:10] = False
    assert prepare_input(photo, known, growth()).notes == ()
    assert prepare_input(photo, known, growth(trim="auto")).pixels.shape[0] == len(photo) - 10


def test_fitting_scales_down_well_and_only_when_asked() -> None:
    photo = PHOTOS["coffee"]
    height, width = photo.shape[:2]
    fitting = {"scale": None, "size": (width * 2, height // 2), "fit": True}
    ready = prepare_input(photo, full(photo), growth(**fitting))
    assert ready.pixels.shape[:2] == (height // 2, round(width * (height // 2) / height))
    assert "scaled down" in ready.notes[0]
    assert ready.crop is not None
    again, known = take(photo, full(photo), ready.crop)
    assert np.array_equal(again, ready.pixels)
    assert known.all()
    assert np.abs(ready.pixels.mean((0, 1)) - photo.mean((0, 1))).max() < 1
    larger = growth(scale=None, size=(width + 10, height + 10), fit=True)
    assert prepare_input(photo, full(photo), larger).pixels is photo
    smaller = growth(scale=None, size=(width * 2, height // 2))
    assert prepare_input(photo, full(photo), smaller).pixels is photo  # the plan refuses it


def test_scaling_mixes_no_transparent_colour_in() -> None:
    photo = np.full((64, 64, 3), 200, np.uint8)
    known = full(photo)
    known[:, 31:] = False
    photo[~known] = (255, 0, 0)
    ready = prepare_input(photo, known, growth(scale=None, size=(20, 30), fit=True))
    assert ready.known.any()
    assert not ready.known.all()
    assert np.abs(ready.pixels[ready.known].astype(int) - 200).max() <= 1


# --- frames of JPEGs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [60, 75, 95])
@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 0, 0), (255, 255, 255), (40, 60, 120)])
@pytest.mark.parametrize("width", [3, 7])
def test_a_frame_is_found_in_a_jpeg_as_in_a_png(width: int, colour: tuple[int, ...], quality: int) -> None:
    framed = Image.new("RGB", (300 + 2 * width, 240 + 2 * width), colour)
    framed.paste(Image.fromarray(data.coffee()[60:300, 100:400]), (width, width))
    coded = io.BytesIO()
    framed.save(coded, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(coded) as read:
        pixels = np.asarray(read.convert("RGB"))
    known = np.ones(pixels.shape[:2], bool)
    found = find_border(pixels, known).sides
    exact = find_border(np.asarray(framed), known).sides
    for name in ("top", "right", "bottom", "left"):
        assert abs(getattr(found, name) - getattr(exact, name)) <= 1, (found, exact)
