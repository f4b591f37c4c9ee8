"""The built-in model through the whole way of a picture: what is kept, what a seed means, textures that come back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from making import extended, repainted
from marking import slow
from PIL import Image
from skimage import data

from softextend.extend import Result
from softextend.mask import latent_change
from softextend.models.profiles import SELF_PROFILE
from softextend.models.selfmodel import model as selfmodel
from softextend.models.selfmodel.model import SelfModel
from softextend.options import Spec
from softextend.plan.grammar import parse_sides
from softextend.types import Profile

Array = np.ndarray
FORMS = pytest.mark.parametrize(
    "dense", [pytest.param(selfmodel.DENSE, id="dense", marks=pytest.mark.slow), pytest.param(0, id="sparse")]
)


def photo(height: int = 60, width: int = 72) -> Array:
    return np.ascontiguousarray(data.chelsea()[60 : 60 + height, 150 : 150 + width])


def run(
    pixels: Array,
    sides: str,
    *,
    known: Array | None = None,
    profile: Profile = SELF_PROFILE,
    model: SelfModel | None = None,
    **more: object,
) -> Result:
    """`extend` with the built-in model."""
    model = model or SelfModel()
    model.profile = profile
    asked = Spec.of(**{"sides": parse_sides(sides), "seed": 5, **more})
    return extended(pixels, np.ones(pixels.shape[:2], bool) if known is None else known, asked, model)


# --- what every model behind the seam keeps to ----------------------------------------------------------------------


@FORMS
@pytest.mark.parametrize("sides", [slow("0 20 0 20"), slow("7 0 13 0"), "5 9 3 17"])
def test_kept_pixels_are_the_photos_bytes(sides: str, dense: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    pixels = photo()
    before = pixels.copy()
    result = run(pixels, sides)
    assert np.array_equal(pixels, before)
    top, right, bottom, left = map(int, sides.split())
    assert result.pixels.shape == (60 + top + bottom, 72 + left + right, 3)
    inner = slice(top, top + 60), slice(left, left + 72)
    free = latent_change(result.change)[inner] > 0
    assert np.array_equal(result.pixels[inner][~free], pixels[~free])
    assert 0 < free.sum() < free.size
    assert (result.pixels[inner][free] != pixels[free]).any()
    whole = run(pixels, sides, band=0)
    assert np.array_equal(whole.pixels[inner], pixels)


def test_kept_pixels_are_the_photos_bytes_in_windows_in_passes_and_around_holes() -> None:
    small = dataclasses.replace(SELF_PROFILE, window=64)
    pixels = photo(76, 60)
    known = np.ones((76, 60), bool)
    known[30:42, 20:32] = False
    pixels[~known] = (255, 0, 255)
    for more in ({"profile": small}, {"passes": 2}, {}):
        result = run(pixels, "0 20 0 0", known=known, **more)
        kept = known & (latent_change(result.change)[:, :60] == 0)
        assert kept.any()
        assert np.array_equal(result.pixels[:, :60][kept], pixels[kept])
        assert not (result.pixels == (255, 0, 255)).all(2).any()


def test_painting_keeps_what_the_mask_keeps() -> None:
    pixels, mask = photo(), np.zeros((60, 72), np.float32)
    mask[20:40, 30:50] = 1
    mask[20:40, 20:30] = np.linspace(0, 1, 10)
    result = repainted(pixels, mask, Spec.of(seed=1), SelfModel())
    free = latent_change(mask) > 0
    assert np.array_equal(result.pixels[~free], pixels[~free])
    assert (result.pixels[free] != pixels[free]).any()


@FORMS
def test_same_seed_same_bytes_and_another_seed_other_bytes(dense: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    pixels = photo()
    first, again, other = (run(pixels, "0 20 0 20", seed=seed).pixels for seed in (5, 5, 6))
    assert first.tobytes() == again.tobytes()
    assert (first != other)[:, :20].any(2).mean() > 0.5
    assert (first != other)[:, -20:].any(2).mean() > 0.5


@FORMS
def test_pictures_made_one_after_the_other_are_those_made_alone(dense: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfmodel, "DENSE", dense)
    first, second = photo(), photo()[:, ::-1].copy()
    model = SelfModel()
    both = [run(each, "0 20 0 0", model=model).pixels for each in (first, second, first)]
    alone = [run(each, "0 20 0 0").pixels for each in (first, second)]
    assert [each.tobytes() for each in both] == [each.tobytes() for each in (*alone, alone[0])]


def test_the_number_of_cores_changes_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfmodel, "DENSE", 0)
    pixels, results = photo(), []
    for cores in (1, 2, 7):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        results.append(run(pixels, "0 20 0 20").pixels.tobytes())
    assert len(set(results)) == 1


# --- a picture tiled from one texture comes back with that texture's statistics -------------------------------------

TILE, NEW, HEIGHT, WIDTH = 24, 48, 96, 144  # px; whole tiles, so that every part holds the texture alike
WINDOW, STEP = 32, 4  # px, of the windows whose power spectra are averaged
HEARD = 0.01  # of the power: weaker octaves are not compared
LEVELS = 0.25  # of the standard deviation, by which the levels of the histogram may lie aside on average
POWER = 2.5  # dB, of all frequencies
OCTAVES = 5.0  # dB, of each octave; a blur of 0.7 px costs the highest one 6 to 10


def stripes(rng: np.random.Generator) -> Array:
    """Slanting lines with grain."""
    y, x = np.mgrid[:TILE, :TILE]
    wave = np.sin((3 * x + 2 * y) * 2 * np.pi / TILE)[..., None]
    return np.array([128, 120, 110]) + np.array([70, 55, 40]) * wave + rng.normal(0, 10, (TILE, TILE, 1))


def speckle(rng: np.random.Generator) -> Array:
    """Coloured blots."""
    noise = np.tile(rng.standard_normal((TILE, TILE, 3)), (3, 3, 1))
    blots = cv2.GaussianBlur(noise, (0, 0), 1.0)[TILE : 2 * TILE, TILE : 2 * TILE]
    return 125 + 40 * blots / blots.std()


def bricks(rng: np.random.Generator) -> Array:
    """Two courses of bricks, each of a tone of its own, in pale mortar."""
    y, x = np.mgrid[:TILE, :TILE]
    course = y // 12
    x = (x + 6 * course) % TILE
    tone = rng.normal(0, 14, (2, 2))[course, x // 12][..., None]
    wall = np.array([150, 80, 60]) + tone + rng.normal(0, 5, (TILE, TILE, 3))
    wall[(y % 12 < 2) | (x % 12 < 2)] = (190, 185, 175)
    return wall


def mirrored(piece: Array) -> Array:
    """A piece and its mirror images as a tile without an edge."""
    half = np.concatenate([piece, piece[::-1]])
    return np.concatenate([half, half[:, ::-1]], 1).astype(float)


def tiled(tile: Array) -> Array:
    """uint8 (HEIGHT, WIDTH, 3) of one tile."""
    times = HEIGHT // len(tile), WIDTH // len(tile)
    return np.tile(tile, (*times, 1)).clip(0, 255).round().astype(np.uint8)


def quantiles(area: Array) -> Array:
    """The histogram (49, 3) of each channel: levels that 2, 4, ... 98 % of the pixels lie below."""
    return np.quantile(area.reshape(-1, 3), np.arange(0.02, 0.99, 0.02), axis=0)


def spectrum(area: Array) -> Array:
    """Power of the grey levels by octave of spatial frequency, all directions alike (Welch's mean over windows)."""
    grey = area.astype(float).mean(2)
    taper = np.hanning(WINDOW)[:, None] * np.hanning(WINDOW)[None]
    parts = np.lib.stride_tricks.sliding_window_view(grey, (WINDOW, WINDOW))[::STEP, ::STEP]
    parts = (parts - parts.mean((2, 3), keepdims=True)) * taper
    power = (np.abs(np.fft.fft2(parts)) ** 2).mean((0, 1))
    frequency = np.fft.fftfreq(WINDOW) * WINDOW
    ring = np.hypot(frequency[:, None], frequency[None])
    return np.array([power[(ring > low) & (ring <= 2 * low)].sum() for low in (1, 2, 4, 8)])  # cycles a window


def apart(new: Array, known: Array) -> tuple[float, float, float]:
    """How far the new area is off: histogram (earth mover's distance, of the known spread), power, octaves (dB)."""
    there, here = spectrum(known), spectrum(new)
    octaves = 10 * np.log10(here / there)[there > HEARD * there.sum()]
    power = 10 * np.log10(here.sum() / there.sum())
    levels = np.abs(quantiles(new) - quantiles(known)).mean(0).max() / known.std()
    return float(levels), float(abs(power)), float(np.abs(octaves).max())


def comes_back(new: Array, known: Array) -> bool:
    """Whether the new area has the known one's statistics."""
    levels, power, octaves = apart(new, known)
    return levels < LEVELS and power < POWER and octaves < OCTAVES


def check(tile: Array) -> None:
    picture = tiled(tile)
    new = run(picture, f"0 {NEW} 0 0", seed=0).pixels[:, WIDTH:]
    assert comes_back(new, picture), apart(new, picture)


@pytest.mark.parametrize("texture", [slow(stripes), speckle, slow(bricks)])
def test_a_texture_comes_back(texture: Callable[[np.random.Generator], Array]) -> None:
    check(texture(np.random.default_rng(0)))


def test_a_photographed_texture_comes_back() -> None:
    check(mirrored(np.repeat(data.gravel()[100 : 100 + TILE, 100 : 100 + TILE, None], 3, 2)))


def test_grass_of_a_photo_comes_back(shared: Path) -> None:
    with Image.open(shared / "photos" / "gb82_00006.webp") as opened:
        grass = np.asarray(opened.convert("RGB"))
    check(mirrored(grass[250 : 250 + TILE, 200 : 200 + TILE]))


@pytest.mark.parametrize("texture", [stripes, speckle, bricks])
def test_what_is_blurred_noisy_pale_or_smeared_does_not_come_back(
    texture: Callable[[np.random.Generator], Array],
) -> None:
    rng = np.random.default_rng(0)
    picture = tiled(texture(rng))
    area = picture[:, -NEW:].astype(float)
    noise = rng.normal(picture.mean((0, 1)), picture.std((0, 1)), area.shape).clip(0, 255)
    smeared = run(picture, f"0 {NEW} 0 0", fill="telea", strength=0.0).pixels[:, WIDTH:]
    assert comes_back(area, picture)
    for wrong in (cv2.GaussianBlur(area, (0, 0), 0.8), noise, 0.5 * area + 60, smeared):
        assert not comes_back(wrong, picture)
