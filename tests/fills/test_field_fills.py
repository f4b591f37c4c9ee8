"""What each fill of the field promises by its name, and the page that shows them all."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from fillmasks import masks, paint, photo, sides
from PIL import Image, ImageFilter
from skimage import data

from softextend import cli
from softextend.errors import BadRequest
from softextend.fill import FILLS
from softextend.fills.mirror import Mirror, Stretch
from softextend.fills.noise import LATENT_GREY, LATENT_RGB, Noise, Spectral
from softextend.fills.smooth import NS, Blur, Edge, Mosaic
from softextend.option_fields import about
from softextend.types import FillName

FIELD = [Mirror, Stretch, Mosaic, Blur, NS, Spectral, Noise]
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/fills.md").read_text()


def on_canvas(picture: np.ndarray, *, top: int = 0, right: int = 0, bottom: int = 0, left: int = 0) -> np.ndarray:
    """The picture with black where it is to be extended."""
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)))


def positions(height: int, width: int) -> np.ndarray:
    """A picture in which a pixel's colour is its row and column."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.mgrid[:height, :width]
    return pixels


@pytest.mark.parametrize("kind", FIELD)
@pytest.mark.parametrize("end", ["low", "high"])
def test_every_range_holds_at_its_ends(kind: type, end: str) -> None:
    known = masks()["all sides"]
    pixels = photo(*known.shape)
    for spec in dataclasses.fields(kind):
        limits = about(spec).range
        value = limits and getattr(limits, end)
        if value is None or (kind, spec.name, end) in {(Mosaic, "fine", "high"), (Mosaic, "coarse", "low")}:
            continue
        painted = paint(kind(**{spec.name: value}), pixels, known)
        np.testing.assert_array_equal(painted[known], pixels[known])


# --- the picture, mirrored -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("top", "right", "bottom", "left"), [(0, 30, 0, 12), (9, 0, 40, 0), (25, 17, 3, 44), (200, 130, 90, 301)]
)
def test_mirror_is_reflection_again_and_again(top: int, right: int, bottom: int, left: int) -> None:
    picture = photo(31, 45)
    known = sides(31, 45, top=top, right=right, bottom=bottom, left=left)
    pixels = on_canvas(picture, top=top, right=right, bottom=bottom, left=left)
    expected = np.pad(picture, ((top, bottom), (left, right), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(paint(Mirror(), pixels, known), expected)


def test_mirror_of_one_pixel_is_that_pixel() -> None:
    known = sides(1, 1, top=300, right=2, bottom=0, left=70)
    pixels = np.where(known[..., None], (9, 90, 200), 0).astype(np.uint8)
    assert (paint(Mirror(), pixels, known) == (9, 90, 200)).all()


@pytest.mark.parametrize("shape", ["L", "hole", "speckled", "one pixel known"])
def test_mirror_shows_only_what_is_known(shape: str) -> None:
    known = masks()[shape]
    found = paint(Mirror(), positions(*known.shape), known)[..., :2].astype(int)
    assert known[found[..., 0], found[..., 1]].all()


def test_mirror_of_a_hole_lies_as_far_inside_as_the_pixel_lies_out() -> None:
    known = np.ones((60, 80), np.bool_)
    known[20:40, 30:62] = False
    found = paint(Mirror(), positions(60, 80), known)[..., :2].astype(int)
    for depth in range(10):
        assert tuple(found[30, 30 + depth]) == (30, 29 - depth)
        assert tuple(found[20 + depth, 45]) == (19 - depth, 45)


def test_mirror_of_an_l_goes_over_the_nearer_arm() -> None:
    known = np.ones((60, 80), np.bool_)
    known[:40, 50:] = False
    found = paint(Mirror(), positions(60, 80), known)[..., :2].astype(int)
    assert tuple(found[5, 53]) == (5, 46)
    assert tuple(found[37, 75]) == (42, 75)


def test_stretch_by_one_is_the_mirror() -> None:
    known = masks()["all sides"]
    pixels = photo(*known.shape)
    np.testing.assert_array_equal(paint(Stretch(factor=1), pixels, known), paint(Mirror(), pixels, known))


@pytest.mark.parametrize("factor", [2, 3.5])
def test_stretch_shows_the_strip_so_much_larger(factor: float) -> None:
    ramp = np.repeat(np.arange(60, dtype=np.uint8)[None, :, None] * 4, 3, axis=2).repeat(20, axis=0)
    known = sides(20, 60, top=0, right=80, bottom=0, left=0)
    painted = paint(Stretch(factor=factor), on_canvas(ramp, right=80), known)[7, 60:, 0].astype(float)
    beyond = np.arange(80) + 0.5  # px from the border to the pixel's centre
    expected = 4 * np.minimum(59.5 - beyond / factor, 59)
    np.testing.assert_allclose(painted, expected - 2, atol=2.6)  # the ramp's step is 4 levels


def test_stretch_has_no_seam() -> None:
    picture = cv2.GaussianBlur(photo(90, 90), (0, 0), 3)
    known = sides(90, 90, top=0, right=60, bottom=0, left=0)
    painted = paint(Stretch(), on_canvas(picture, right=60), known).astype(int)
    steps = np.abs(np.diff(painted, axis=1)).mean(axis=(0, 2))
    assert steps[89] <= steps[60:89].max()


def test_mosaic_is_tiles_of_the_stretched_strip_that_begin_at_the_border() -> None:
    picture = photo(48, 40)
    known = sides(48, 40, top=0, right=32, bottom=0, left=24)
    pixels = on_canvas(picture, right=32, left=24)
    painted = paint(Mosaic(fine=8, coarse=8), pixels, known)
    strip = paint(Stretch(), pixels, known)
    for start in (0, 8, 16, 64, 72, 80, 88):
        for top in range(0, 48, 8):
            tile = painted[top : top + 8, start : start + 8]
            assert np.ptp(tile.reshape(-1, 3).astype(int), axis=0).max() == 0
            mean = strip[top : top + 8, start : start + 8].mean(axis=(0, 1))
            assert np.abs(tile[0, 0] - mean).max() <= 1


def test_mosaic_grows_from_three_to_twenty_four_px() -> None:
    picture = photo(96, 120)
    known = sides(96, 120, top=0, right=144, bottom=0, left=0)
    painted = paint(Mosaic(), on_canvas(picture, right=144), known)[:, 120:].astype(int)
    changes = np.flatnonzero(np.abs(np.diff(painted, axis=1)).sum(axis=(0, 2))) + 1
    widths = np.diff(np.concatenate([[0], changes, [144]]))
    assert list(np.unique(widths)) == [3, 6, 12, 24]
    assert (np.diff(widths) >= 0).all()
    strip = paint(Stretch(), on_canvas(picture, right=144), known)[:, 120:]
    assert np.abs(painted.mean(axis=(0, 1)) - strip.mean(axis=(0, 1))).max() < 1


def test_mosaic_does_not_mix_the_picture_into_its_tiles() -> None:
    known = masks()["speckled"]
    pixels = np.full((*known.shape, 3), 77, np.uint8)
    assert (paint(Mosaic(), np.where(known[..., None], pixels, 0).astype(np.uint8), known) == 77).all()


# --- the edge, smoothed ----------------------------------------------------------------------------------------------


def box_blurred_edge(picture: np.ndarray, right: int) -> np.ndarray:
    """The published pyramid in 8 bits, by Pillow: radii 64, 32, 16, 4, 2, four times each, the picture put back."""
    width = picture.shape[1]
    canvas = np.pad(picture, ((0, 0), (0, right), (0, 0)), mode="edge")
    for radius in (64, 32, 16, 4, 2):
        for _ in range(4):
            canvas = np.array(Image.fromarray(canvas).filter(ImageFilter.BoxBlur(radius)))
            canvas[:, :width] = picture
    return canvas


def test_blur_is_the_published_pyramid() -> None:
    picture = np.ascontiguousarray(data.astronaut()[100:260, 100:300])
    known = sides(160, 200, top=0, right=90, bottom=0, left=0)
    apart = np.abs(paint(Blur(), on_canvas(picture, right=90), known).astype(int) - box_blurred_edge(picture, 90))
    assert apart.mean() < 1.5  # 8-bit rounding, twenty times
    assert apart.max() <= 5


def test_blur_reads_no_farther_than_its_radius() -> None:
    picture = photo(60, 300)
    known = sides(60, 300, top=0, right=40, bottom=0, left=0)
    pixels = on_canvas(picture, right=40)
    other = pixels.copy()
    other[:, : 300 - 17] = 0
    fill = Blur(radius=16)
    np.testing.assert_array_equal(paint(fill, pixels, known)[:, 300:], paint(fill, other, known)[:, 300:])


def test_blur_is_smooth_and_meets_the_border() -> None:
    picture = cv2.GaussianBlur(photo(100, 100), (0, 0), 3)
    known = sides(100, 100, top=0, right=60, bottom=0, left=0)
    pixels = on_canvas(picture, right=60)
    blurred, edge = (paint(fill, pixels, known).astype(float) for fill in (Blur(), Edge()))
    assert np.abs(np.diff(blurred[:, 130:], axis=0)).mean() < 0.5 * np.abs(np.diff(edge[:, 130:], axis=0)).mean()
    near, far = (np.abs(blurred[:, column] - edge[:, column]).mean() for column in (100, 140))
    assert near < 0.4 * far  # beside the picture: its colours


@pytest.mark.parametrize("kind", [Blur, NS, Mirror, Stretch, Mosaic, Spectral])
def test_a_flat_picture_goes_on_flat(kind: type) -> None:
    known = sides(40, 40, top=12, right=200, bottom=0, left=20)
    pixels = np.full((*known.shape, 3), (200, 90, 40), np.uint8)
    painted = paint(kind(), np.where(known[..., None], pixels, 0).astype(np.uint8), known)
    np.testing.assert_array_equal(painted, pixels)


@pytest.mark.parametrize("turn", [np.s_[::-1, :], np.s_[:, ::-1]])
def test_ns_of_a_flipped_picture_is_the_flipped_ns(turn: tuple[slice, slice]) -> None:
    known = sides(60, 70, top=25, right=50, bottom=20, left=40)
    pixels = on_canvas(photo(60, 70), top=25, right=50, bottom=20, left=40)
    for fill in (NS(), NS(blur=1)):
        apart = np.abs(paint(fill, pixels, known)[turn].astype(int) - paint(fill, pixels[turn], known[turn]))
        assert apart.max() <= 1


def striped(period: int, *, left: int, right: int) -> np.ndarray:
    """A picture of 96x64 px of horizontal stripes of 60 and 180 levels, on its canvas."""
    stripes = np.where(np.arange(96) % period < period // 2, 60, 180).astype(np.uint8)
    return on_canvas(stripes.repeat(64 * 3).reshape(96, 64, 3), left=left, right=right)


def test_ns_carries_stripes_on_and_to_both_sides_alike() -> None:
    known = sides(96, 64, top=0, right=60, bottom=0, left=60)
    painted = paint(NS(blur=1), striped(48, left=60, right=60), known).astype(int)[..., 0]
    assert np.abs(painted - painted[:, ::-1]).max() <= 1
    for dark, light in [(12, 36), (60, 36), (60, 84)]:
        assert painted[light, 30] - painted[dark, 30] > 40  # half way out
        assert painted[light, 55] - painted[dark, 55] > 100


def test_ns_blur_takes_the_streaks_away() -> None:
    known = sides(96, 64, top=0, right=90, bottom=0, left=0)
    sharp, soft = (paint(NS(blur=blur), striped(16, left=0, right=90), known)[..., 0] for blur in (1, 65))
    beside = np.s_[20:76, 66:72]
    assert np.ptp(soft[beside].astype(int)) < 0.3 * np.ptp(sharp[beside].astype(int))


# --- noise -----------------------------------------------------------------------------------------------------------


def slope(grey: np.ndarray) -> float:
    """Exponent of the amplitude spectrum over frequency (Hann window, radial means, up to 0.45 cycles per px)."""
    window = np.hanning(grey.shape[0])[:, None] * np.hanning(grey.shape[1])
    amplitude = np.abs(np.fft.fft2((grey - grey.mean()) * window))
    frequency = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.fftfreq(grey.shape[1]))
    edges = np.geomspace(4 / min(grey.shape), 0.45, 16)
    rings = [(frequency >= low) & (frequency < high) for low, high in itertools.pairwise(edges)]
    means = [(np.log(frequency[ring]).mean(), np.log((amplitude[ring] ** 2).mean()) / 2) for ring in rings]
    return float(np.polyfit(*np.transpose(means), 1)[0])


@pytest.mark.parametrize("phase", ["picture", "random"])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_spectral_has_the_pictures_spectrum_and_histogram(name: str, phase: str) -> None:
    picture = np.ascontiguousarray(getattr(data, name)()[:300, :400])
    height, width = picture.shape[:2]
    known = sides(height, width, top=0, right=width, bottom=0, left=0)
    painted = paint(Spectral(phase=phase), on_canvas(picture, right=width), known)[:, width:]
    levels, theirs = (np.sort(each.reshape(-1, 3), axis=0).astype(int) for each in (painted, picture))
    assert np.abs(levels - theirs).max() <= 1
    difference = slope(painted.mean(axis=-1)) - slope(picture.mean(axis=-1))
    assert -0.75 < difference < 0.1  # the window of the noise makes it steeper; white noise would be 1 to 1.6 flatter


def test_spectral_echoes_the_picture_unless_its_phase_is_random() -> None:
    grey = data.coffee()[:300, :400].mean(axis=-1) / 255
    noise = np.random.default_rng(0).random(grey.shape)
    echo = np.corrcoef(Spectral().shaped(noise, grey).ravel(), grey.ravel())[0, 1]
    assert echo > 0.7
    assert abs(np.corrcoef(Spectral(phase="random").shaped(noise, grey).ravel(), grey.ravel())[0, 1]) < 0.3


def test_spectral_falloff_and_variation_do_what_they_say() -> None:
    known = sides(96, 128, top=0, right=128, bottom=0, left=0)
    pixels = on_canvas(photo(96, 128), right=128)
    fine, usual, smooth = (
        np.abs(np.diff(paint(Spectral(falloff=q), pixels, known)[:, 128:].astype(int), axis=1)).mean()
        for q in (0.3, 1, 2)
    )
    assert fine > usual > smooth
    grey = pixels.mean(axis=-1, keepdims=True).astype(np.uint8).repeat(3, axis=2)
    assert np.ptp(paint(Spectral(variation=0), grey, known).astype(int), axis=-1).max() == 0
    assert np.ptp(paint(Spectral(variation=1), grey, known).astype(int), axis=-1).max() > 10


def clipped(mean: float, spread: float) -> tuple[float, float]:
    """Mean and standard deviation of a normal distribution rounded and clipped to 0 to 255."""
    levels = np.arange(256)
    below = np.array([0.5 * (1 + math.erf((level + 0.5 - mean) / spread / math.sqrt(2))) for level in levels[:-1]])
    share = np.diff(np.concatenate([[0], below, [1]]))
    centre = (share * levels).sum()
    return centre, math.sqrt((share * (levels - centre) ** 2).sum())


@pytest.mark.parametrize("spread", [0.2, 0.5, 1.0, 2.0])
def test_noise_has_the_stated_mean_and_spread(spread: float) -> None:
    known = np.zeros((400, 400), np.bool_)
    known[0, 0] = True
    painted = paint(Noise(spread=spread, cell=1), np.zeros((400, 400, 3), np.uint8), known)[1:].astype(float)
    assert np.linalg.norm(LATENT_RGB, axis=0) == pytest.approx((113, 80, 70), abs=0.5)
    for channel in range(3):
        mean, deviation = clipped(LATENT_GREY[channel], spread * float(np.linalg.norm(LATENT_RGB[:, channel])))
        assert painted[..., channel].mean() == pytest.approx(mean, abs=1)
        assert painted[..., channel].std() == pytest.approx(deviation, rel=0.02)


def test_noise_is_one_value_a_latent_and_none_like_its_neighbour() -> None:
    known = sides(16, 16, top=0, right=240, bottom=0, left=0)
    painted = paint(Noise(), on_canvas(photo(16, 16), right=240), known)[:, 16:]
    cells = painted.reshape(2, 8, 30, 8, 3)
    assert (cells == cells[:, :1, :, :1]).all()
    values = cells[:, 0, :, 0].astype(float)
    assert abs(np.corrcoef(values[:, :-1].ravel(), values[:, 1:].ravel())[0, 1]) < 0.35
    flat = paint(Noise(spread=0), on_canvas(photo(16, 16), right=240), known)[:, 16:]
    assert (flat == LATENT_GREY).all()


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Mosaic, {"fine": 30, "coarse": 10}, "coarse must be at least fine"),
        (Mosaic, {"fine": 0}, "from 1 to 64 px"),
        (Stretch, {"factor": 0.5}, "from 1 to 16"),
        (NS, {"blur": 64}, "must be an odd number"),
        (NS, {"radius": math.nan}, "from 1 to 20 px"),
        (Blur, {"radius": 513}, "from 1 to 512 px"),
        (Spectral, {"phase": "none"}, "must be picture or random"),
        (Noise, {"spread": -1}, "from 0 to 4"),
    ],
)
def test_what_contradicts_itself_is_refused(kind: type, values: dict[str, float], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        kind(**values)


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_shows_every_fill_in_small_pictures() -> None:
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", PAGE)
    assert {f"images/fill-{name.value}.jpg" for name in FillName} <= set(shown)
    for path in shown:
        assert (ROOT / "docs" / path).stat().st_size <= 60_000, path
    assert all(f"`{name.value}`" in PAGE for name in FILLS)


def test_the_commands_on_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOFTEXTEND_MODEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Path("examples").mkdir()
    Image.fromarray(photo(48, 64)).save("examples/photo.jpg")
    shutil.copy("examples/photo.jpg", "photo.jpg")
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("softextend ")]
    assert len(commands) >= 4
    for command in commands:
        assert cli.run([each.replace("160", "16") for each in shlex.split(command)[1:]]) == 0, command
    with Image.open("fills/photo-canvas.png") as canvas:
        assert canvas.size == (64 + 2 * 16, 48)


def test_the_pictures_are_made_by_the_tool_itself(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "docs/make_fills.py"), "--out", str(tmp_path), "mirror"]
    subprocess.run(script, check=True, cwd=tmp_path, capture_output=True)
    made, kept = (cv2.imread(str(folder / "fill-mirror.jpg")) for folder in (tmp_path, ROOT / "docs/images"))
    assert made.shape == kept.shape
    assert np.abs(made.astype(int) - kept).mean() < 2
