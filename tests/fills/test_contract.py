"""The fills: what all of them promise, how they are named on the command line, and what `perlin` looks like."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from fillmasks import masks, paint, photo, sides
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tolerances import LEVEL, rounding

from softextend.errors import BadRequest
from softextend.fill import FILLS, describe_fills, format_fill, parse_fill
from softextend.fills.base import Fill
from softextend.fills.perlin import Perlin
from softextend.fills.perlin_noise import Field, draw_octaves, look_up, table_field
from softextend.fills.smooth import Edge, Gray, Telea
from softextend.option_fields import about
from softextend.types import FillName

GOLDEN = Path(__file__).parents[1] / "golden" / "fills"
EVERY = list(FillName)
RANDOM = [FillName.PERLIN, FillName.SPECTRAL, FillName.NOISE]
GOLDEN_FILLS = ["perlin", "telea", "gray", "gray:color=#c04020", "edge", "mirror", "stretch", "mosaic", "blur", "ns"]
GOLDEN_FILLS += ["spectral", "spectral:phase=random", "noise"]


def test_every_name_has_its_fill() -> None:
    assert set(FILLS) == set(FillName)


def check_contract(fill: Fill, pixels: np.ndarray, known: np.ndarray) -> None:
    """Shape, type, the original untouched, the input unchanged, the same seed the same picture."""
    pixels_before, known_before = pixels.copy(), known.copy()
    painted = paint(fill, pixels, known, seed=3)
    assert painted.shape == pixels.shape
    assert painted.dtype == np.uint8
    np.testing.assert_array_equal(painted[known], pixels[known])
    np.testing.assert_array_equal(pixels, pixels_before)
    np.testing.assert_array_equal(known, known_before)
    assert not np.shares_memory(painted, pixels)
    np.testing.assert_array_equal(painted, paint(fill, pixels, known, seed=3))
    blanked = np.where(known[..., None], pixels, 255 - pixels)
    np.testing.assert_array_equal(painted, paint(fill, blanked, known, seed=3), "what was in the empty area shows")


@pytest.mark.parametrize("shape", masks())
@pytest.mark.parametrize("name", EVERY)
def test_contract(name: FillName, shape: str) -> None:
    known = masks()[shape]
    check_contract(FILLS[name](), photo(*known.shape), known)


@pytest.mark.parametrize("name", [name for name in EVERY if name is not FillName.PATCH])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(height=st.integers(1, 24), width=st.integers(1, 24), share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_contract_on_random_masks(name: FillName, height: int, width: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    known = rng.random((height, width)) < share
    known[rng.integers(height), rng.integers(width)] = True
    check_contract(FILLS[name](), rng.integers(0, 256, (height, width, 3), np.uint8), known)


@pytest.mark.parametrize("name", RANDOM)
def test_another_seed_paints_another_picture(name: FillName) -> None:
    known = masks()["left and right"]
    pixels = photo(*known.shape)
    different = (paint(FILLS[name](), pixels, known, 1) != paint(FILLS[name](), pixels, known, 2))[~known]
    assert different.mean() > 0.5


@pytest.mark.parametrize("name", EVERY)
def test_nothing_empty_gives_a_copy(name: FillName) -> None:
    pixels = photo(9, 7)
    painted = paint(FILLS[name](), pixels, np.ones((9, 7), np.bool_))
    np.testing.assert_array_equal(painted, pixels)
    assert not np.shares_memory(painted, pixels)


@pytest.mark.parametrize("name", EVERY)
def test_nothing_known_is_an_error(name: FillName) -> None:
    with pytest.raises(BadRequest, match="empty"):
        paint(FILLS[name](), photo(9, 7), np.zeros((9, 7), np.bool_))


@pytest.mark.parametrize("name", EVERY)
def test_who_needs_more_than_a_pixel_says_so(name: FillName) -> None:
    said = FILLS[name]().shortfall(masks()["one pixel known"])
    assert (said is None) == (name is not FillName.PATCH)
    assert FILLS[name]().shortfall(masks()["left and right"]) is None


@pytest.mark.parametrize("name", EVERY)
def test_read_only_strided_input_serves(name: FillName) -> None:
    known = masks()["left and right"]
    pixels = photo(known.shape[0], known.shape[1] * 2)[:, ::2]
    pixels.setflags(write=False)
    known.setflags(write=False)
    painted = paint(FILLS[name](), pixels, known)
    np.testing.assert_array_equal(painted, paint(FILLS[name](), pixels.copy(), known))


# --- one by one ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("top", "right", "bottom", "left"), [(0, 40, 0, 33), (7, 0, 0, 0), (30, 21, 9, 64)])
def test_edge_is_replication_corners_included(top: int, right: int, bottom: int, left: int) -> None:
    known = sides(31, 45, top=top, right=right, bottom=bottom, left=left)
    pixels = photo(*known.shape)
    inside = pixels[top : top + 31, left : left + 45]
    expected = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REPLICATE)
    np.testing.assert_array_equal(paint(Edge(), pixels, known), expected)


def test_edge_takes_a_pixel_about_as_near_as_any() -> None:
    rng = np.random.default_rng(0)
    known = rng.random((30, 40)) < 0.02
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.mgrid[:30, :40]  # a pixel's colour is its position
    found = paint(Edge(), pixels, known)[..., :2].astype(float)
    here = pixels[..., :2].astype(float)
    least = np.sqrt(((here[:, :, None] - here[known]) ** 2).sum(axis=-1)).min(axis=-1)
    taken = np.sqrt(((here - found) ** 2).sum(axis=-1))
    assert (taken <= 1.05 * least + rounding("float64", size=50)).all()  # 5x5 chamfer: within 5 %


def test_gray_is_neutral_unless_told() -> None:
    known = masks()["L"]
    pixels = photo(*known.shape)
    assert (paint(Gray(), pixels, known)[~known] == 128).all()
    assert (paint(Gray(color="#102Af0"), pixels, known)[~known] == (0x10, 0x2A, 0xF0)).all()


def test_telea_keeps_a_flat_colour_far_from_the_picture() -> None:
    known = sides(40, 40, top=12, right=200, bottom=0, left=20)
    pixels = np.full((*known.shape, 3), (200, 90, 40), np.uint8)
    painted = paint(Telea(), np.where(known[..., None], pixels, 0).astype(np.uint8), known)
    np.testing.assert_array_equal(painted, pixels)


def test_telea_mends_single_pixels_at_the_corners() -> None:
    pixels = np.full((25, 25, 3), (200, 90, 40), np.uint8)
    known = np.ones((25, 25), np.bool_)
    for y, x in [(0, 0), (24, 0), (1, 1), (23, 1), (1, 23), (23, 23), (0, 24), (24, 24)]:
        known[y, x] = False
    np.testing.assert_array_equal(paint(Telea(), np.where(known[..., None], pixels, 0).astype(np.uint8), known), pixels)


# --- perlin ----------------------------------------------------------------------------------------------------------


def test_octaves_finer_than_a_pixel_are_left_out() -> None:
    octaves = draw_octaves(np.random.default_rng(0), 8, scale=16, lacunarity=4)
    first = dataclasses.replace(octaves, phases=octaves.phases[:3])
    x = np.arange(40.0)
    np.testing.assert_array_equal(octaves.grid(x, x), first.grid(x, x))


def test_tabled_field_is_the_grid_and_interpolates() -> None:
    octaves = draw_octaves(np.random.default_rng(1), 5, scale=80)
    field = table_field(octaves, -20, -30, 300, 180)
    np.testing.assert_allclose(
        field.values,
        octaves.grid(np.arange(-20.0, 300), np.arange(-30.0, 180)),
        atol=rounding("float32", size=octaves.amplitude, terms=100),
        rtol=0,
    )
    x, y = np.meshgrid(np.arange(3.3, 200, 5), np.arange(8.6, 100, 5))
    found = field.at(x.astype(np.float32), y.astype(np.float32))
    assert np.abs(found - octaves.grid(np.arange(3.3, 200, 5), np.arange(8.6, 100, 5))).max() < 0.02


def test_look_up_mirrors_beyond_the_border() -> None:
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    x, y = np.array([[-1, 4, 3]], np.float32), np.array([[1, 1, -1]], np.float32)
    np.testing.assert_allclose(look_up(image, x, y), [[5, 6, 7]], atol=rounding("float32", size=7, terms=4), rtol=0)
    far = np.array([[1e6]], np.float32)
    assert np.isfinite(Field(values=image, left=0, top=0).at(far, -far)).all()


def test_perlin_has_no_seam_and_takes_the_colours_of_the_picture() -> None:
    known = sides(200, 100, top=0, right=150, bottom=0, left=150)
    pixels = np.pad(cv2.GaussianBlur(photo(200, 100), (0, 0), 4), ((0, 0), (150, 150), (0, 0)))
    painted = paint(Perlin(), pixels, known).astype(int)
    steps = np.abs(np.diff(painted, axis=1)).mean(axis=(0, 2))
    assert steps[149] < 2 * steps[155:245].mean()
    assert steps[249] < 2 * steps[155:245].mean()
    edge = paint(Edge(), pixels, known).astype(int)
    assert np.abs(painted[:, 140:150] - edge[:, 140:150]).mean() < 12  # beside the picture: its colours
    across = np.abs(np.diff(painted[:, :90], axis=1)).mean()
    assert across > 1 > np.abs(np.diff(edge[:, :90], axis=1)).mean()  # away from it: texture


def test_perlin_opacity_and_saturation_do_what_they_say() -> None:
    known = masks()["left and right"]
    pixels = photo(*known.shape)
    plain = paint(Perlin(opacity=0, stir=0), pixels, known)
    np.testing.assert_array_equal(plain, paint(Edge(), pixels, known))
    grey = paint(Perlin(opacity=1, saturation=0, fade=0), pixels, known)[~known]
    assert np.ptp(grey.astype(int), axis=-1).max() <= 1


def test_perlin_at_the_ends_of_its_ranges() -> None:
    known = masks()["left and right"]
    pixels = photo(*known.shape)
    for end in ("low", "high"):
        for spec in dataclasses.fields(Perlin):
            painted = paint(Perlin(**{spec.name: getattr(about(spec).range, end)}), pixels, known)
            np.testing.assert_array_equal(painted[known], pixels[known])


# --- golden pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", GOLDEN_FILLS)
def test_golden(text: str, request: pytest.FixtureRequest) -> None:
    """A change of a fill's look must be meant: `pytest --refresh-golden` writes the new pictures."""
    known = sides(44, 40, top=8, right=12, bottom=0, left=12)
    painted = paint(parse_fill(text), photo(*known.shape), known, seed=11)
    path = GOLDEN / f"{text.replace(':', '-').replace('#', '')}.png"
    if request.config.getoption("--refresh-golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(painted).save(path)
    golden = np.asarray(Image.open(path))
    assert np.abs(painted.astype(int) - golden).max() <= LEVEL


# --- names -----------------------------------------------------------------------------------------------------------


def test_parse() -> None:
    assert parse_fill("perlin") == Perlin()
    assert parse_fill(" perlin : opacity = 0.4, scale=80 ,octaves=3") == Perlin(opacity=0.4, octaves=3)
    assert parse_fill("gray:color=#ff0000") == Gray(color="#ff0000")
    assert parse_fill("edge") == Edge()


@pytest.mark.parametrize("name", EVERY)
def test_format_reads_back(name: FillName) -> None:
    fill = FILLS[name]()
    assert parse_fill(format_fill(fill)) == fill


def test_format_reads_back_awkward_numbers() -> None:
    fill = Perlin(opacity=0.1 + 0.2, blur=1e-7, scale=1999.9999999999998)
    assert parse_fill(format_fill(fill)) == fill


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("perln", r"no such fill; there are perlin, telea, gray, edge, patch"),
        ("", r"no such fill"),
        ("perlin:size=3", r"perlin has no parameter 'size'; it takes opacity, scale, .*fade"),
        ("edge:x=1", r"edge has no parameter 'x'; it takes none"),
        ("perlin:opacity=2", r"perlin:opacity=2: must be from 0 to 1$"),
        ("perlin:scale=1", r"must be from 4 to 2000 px"),
        ("perlin:opacity=nan", r"must be from 0 to 1"),
        ("perlin:opacity=high", r"must be a number from 0 to 1"),
        ("perlin:octaves=2.5", r"must be a whole number from 1 to 8"),
        ("perlin:opacity", r"as key=value"),
        ("perlin:opacity=0.1,opacity=0.2", r"once"),
        ("gray:color=red", r"must be #rrggbb"),
        ("patch:size=99", r"from 3 to 15"),
    ],
)
def test_parse_says_what_is_valid(text: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message) as caught:
        parse_fill(text)
    assert "\n" not in str(caught.value)


def test_range_is_checked_at_birth() -> None:
    with pytest.raises(BadRequest, match="telea:radius=50: must be from 1 to 20 px"):
        Telea(radius=50)


def test_describe_lists_every_parameter() -> None:
    rows = {row.name: row for row in describe_fills()}
    assert list(rows) == [name.value for name in FillName]
    scale = next(row for row in rows["perlin"].parameters if row.name == "scale")
    assert (scale.default, scale.unit, scale.range) == ("80", "px", "4 to 2000")
    for row in rows.values():
        assert row.meaning
        assert all(parameter.help for parameter in row.parameters)


def test_importing_the_fills_loads_nothing_heavy() -> None:
    code = "import sys, softextend.fill; print(sorted({'numba', 'torch', 'noise', 'scipy'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
