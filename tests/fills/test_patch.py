"""The exemplar fill: no hole in any mask, layout and texture that go on, no twins, bounded memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import cv2
import numpy as np
import pytest
import skimage.data
from marking import slow

from softextend.errors import BadRequest
from softextend.fills.base import replicate
from softextend.fills.patch import Patch
from softextend.fills.pyramid import SOURCES

MASKS = 200
SMALL_MEMORY = 80_000_000  # bytes, for at most 64 x 64 px: up to 4000 patches are compared with each other


def grown(pixels: np.ndarray, top: int, right: int, bottom: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture on its larger canvas, with magenta where nothing is known, and the known area."""
    sides = (top, bottom, left, right)
    known = cv2.copyMakeBorder(np.ones(pixels.shape[:2], np.uint8), *sides, cv2.BORDER_CONSTANT, value=0) > 0
    return cv2.copyMakeBorder(pixels, *sides, cv2.BORDER_CONSTANT, value=(255, 0, 255)), known


def painted(pixels: np.ndarray, known: np.ndarray, seed: int = 0) -> np.ndarray:
    return Patch().paint(pixels, known, np.random.default_rng(seed))


def random_mask(rng: np.random.Generator, kind: int) -> np.ndarray:
    """A known area: rectangle, noise, L, disc, or a hole and a side; at least one pixel."""
    height, width = rng.integers(1, 14, 2) if rng.random() < 0.3 else rng.integers(8, 64, 2)
    known = np.zeros((height, width), bool)
    y, x = rng.integers(0, height), rng.integers(0, width)
    if kind == 0:
        known[y : y + rng.integers(1, height + 1), x : x + rng.integers(1, width + 1)] = True
    elif kind == 1:
        known = rng.random((height, width)) < rng.random()
    elif kind == 2:
        known[:] = True
        known[y:, x:] = False
    elif kind == 3:
        rows, columns = np.mgrid[:height, :width]
        known = (rows - y) ** 2 + (columns - x) ** 2 < (rng.random() * max(height, width)) ** 2
    else:
        known[height // 4 :, width // 4 :] = True
        known[height // 2 : height // 2 + 3, width // 2 : width // 2 + 4] = False
    known[y, x] = True
    return known


def frame(pixels: np.ndarray, known: np.ndarray) -> None:
    """Blacken the outermost 3 px around the known area, in place."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    view = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner = view[3:-3, 3:-3].copy()
    view[:] = 0
    view[3:-3, 3:-3] = inner


@pytest.mark.parametrize("kind", [0, 1, *map(slow, (2, 3, 4))])
def test_contract_on_random_masks(kind: int) -> None:
    painted(*grown(skimage.data.coffee()[:40, :40], 0, 9, 0, 0))  # compiled before memory is measured
    for number in range(MASKS // 5):
        rng = np.random.default_rng([kind, number])
        known = random_mask(rng, kind)
        pixels = rng.integers(0, 256, (*known.shape, 3), dtype=np.uint8)
        if number % 2:
            frame(pixels, known)
        before, known_before = pixels.copy(), known.copy()
        tracemalloc.start()
        result = painted(pixels, known, number)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < SMALL_MEMORY
        assert result.shape == pixels.shape
        assert result.dtype == np.uint8
        assert np.array_equal(result[known], pixels[known])
        assert np.array_equal(pixels, before)
        assert np.array_equal(known, known_before)
        other = np.where(known[..., None], pixels, 255 - pixels)  # what lies under the mask must not be seen
        assert np.array_equal(painted(other, known, number), result)


@pytest.mark.parametrize("levels", [(200, 206), (40, 90)])
def test_new_colours_are_those_of_the_picture(levels: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    pixels, known = grown(rng.integers(*levels, (61, 83, 3), dtype=np.uint8), 20, 31, 17, 5)
    new = painted(pixels, known)[~known]
    assert new.min() >= levels[0] - 20
    assert new.max() <= levels[1] + 20


def test_seed() -> None:
    pixels, known = grown(skimage.data.coffee()[100:220, 200:360], 0, 40, 0, 40)
    assert np.array_equal(painted(pixels, known, 5), painted(pixels, known, 5))
    assert not np.array_equal(painted(pixels, known, 5), painted(pixels, known, 6))


def test_seeds_lead_to_other_layouts() -> None:
    small = cv2.resize(skimage.data.coffee(), (96, 64), interpolation=cv2.INTER_AREA)
    pixels, known = grown(small, 0, 20, 0, 20)

    def apart(spread: float) -> float:
        filled = [Patch(spread=spread).paint(pixels, known, np.random.default_rng(seed)) for seed in range(1, 5)]
        layouts = [cv2.resize(each, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA) for each in filled]
        return float(np.std(np.array(layouts, np.float32), axis=0).mean())

    assert apart(1) > 2 * apart(0)


def test_result_does_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, known = grown(skimage.data.chelsea()[:160, :200], 20, 30, 0, 30)
    results = []
    for cores in (1, 2, 7):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        results.append(painted(pixels, known))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_whole_picture_is_returned_as_a_copy() -> None:
    pixels = skimage.data.coffee()[:40, :40].copy()
    result = painted(pixels, np.ones((40, 40), bool))
    assert np.array_equal(result, pixels)
    assert result is not pixels


def test_nothing_known_is_refused() -> None:
    with pytest.raises(BadRequest, match="wholly empty"):
        painted(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), bool))


@pytest.mark.parametrize("size", [4, 2, 17])
def test_size_is_odd_and_in_range(size: int) -> None:
    with pytest.raises(BadRequest, match="from 3 to 15"):
        Patch(size=size)


def test_too_little_known_is_stretched_and_said() -> None:
    rng = np.random.default_rng(0)
    for side in range(1, 20):
        pixels, known = grown(rng.integers(0, 256, (side, side, 3), dtype=np.uint8), 30, 9, 4, 0)
        stretched = np.array_equal(painted(pixels, known), replicate(pixels, known))
        assert stretched == bool(Patch().shortfall(known)) == bool(Patch(size=15).shortfall(known))
        assert stretched == (max(side - 2, 0) ** 2 < SOURCES)  # centres of patches of 3 px


def test_rims_that_leave_nothing_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said of a picture holds whatever its rims."""
    pixels, known = grown(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8), 0, 20, 9, 0)
    monkeypatch.setattr("softextend.pictures.borders.rims", lambda pixels, known: known)
    assert not Patch().shortfall(known)
    assert not np.array_equal(painted(pixels, known), replicate(pixels, known))


@pytest.mark.parametrize("colour", [(0, 0, 0), (135, 180, 235), (255, 255, 255)])
def test_constant_sky_stays_constant(colour: tuple[int, int, int]) -> None:
    pixels, known = grown(np.full((90, 120, 3), colour, np.uint8), 30, 40, 0, 40)
    assert np.all(painted(pixels, known) == colour)


def test_sky_gradient_goes_on_without_steps() -> None:
    rows = np.linspace(90, 220, 160)[:, None, None] * np.array([0.7, 0.85, 1.0])
    grain = np.random.default_rng(0).normal(0, 1, (160, 200, 3))
    pixels, known = grown(np.clip(rows + grain, 0, 255).astype(np.uint8), 0, 60, 0, 60)
    result = painted(pixels, known).astype(float)
    expected = np.broadcast_to(rows, result.shape)
    assert np.abs(cv2.blur(result, (9, 9)) - expected)[~known].max() < 8
    assert np.abs(np.diff(cv2.blur(result, (3, 3)), axis=1)).max() < 8


@pytest.mark.parametrize("turns", range(4))
def test_horizon_stays_level(turns: int) -> None:
    photo = np.zeros((100, 150, 3), np.uint8)
    photo[:58] = (150, 190, 230)
    photo[58:] = (40, 80, 60)
    noise = np.random.default_rng(1).integers(-12, 13, photo.shape)
    photo = np.clip(photo + noise, 0, 255).astype(np.uint8)
    pixels, known = grown(np.ascontiguousarray(np.rot90(photo, turns)), *np.roll([0, 50, 0, 0], -turns))
    result = np.rot90(painted(pixels, known), -turns).mean(2)
    edge = (result > 120).sum(0)[-50:]
    assert np.abs(edge - 58).max() <= 2


def test_sloping_roof_goes_on() -> None:
    rows, columns = np.mgrid[:120, :160]
    photo = np.where((rows > 20 + 0.4 * columns)[..., None], (120, 60, 40), (170, 200, 230)).astype(np.uint8)
    pixels, known = grown(photo, 0, 40, 0, 0)
    edge = (painted(pixels, known)[..., 2] > 135).sum(0)[160:]
    expected = 20 + 0.4 * np.arange(160, 200)
    assert np.abs(edge - expected)[:20].max() <= 4


def test_stripes_go_on() -> None:
    columns = np.arange(150)
    photo = np.broadcast_to((127 + 100 * np.sin(columns * 2 * np.pi / 12))[None, :, None], (100, 150, 3)).astype(
        np.uint8
    )
    pixels, known = grown(np.ascontiguousarray(photo), 0, 48, 0, 0)
    new = painted(pixels, known)[:, 150:].astype(float)
    true = 127 + 100 * np.sin(np.arange(150, 198) * 2 * np.pi / 12)
    assert np.abs(new - true[None, :, None])[:, :24].mean() < 6
    assert np.abs(np.diff(new, axis=1)).mean() > 0.8 * np.abs(np.diff(true)).mean()


@pytest.mark.parametrize(("colour", "width"), [(0, 1), (5, 4), (250, 3), (0, 8)])
def test_frame_is_not_copied_along(colour: int, width: int) -> None:
    photo = skimage.data.chelsea()[60:200, 100:300].copy()
    framed = cv2.copyMakeBorder(photo, width, width, width, width, cv2.BORDER_CONSTANT, value=(colour,) * 3)
    pixels, known = grown(framed, 0, 40, 0, 40)
    new = painted(pixels, known)[width + 2 : -width - 2]
    for strip in (new[:, :40], new[:, -40:]):
        near = np.abs(strip.astype(int) - colour).max(2) < 12
        assert near.mean(0).max() < 0.3  # no column of the frame's colour


def test_blended_line_at_the_edge_is_not_copied_along() -> None:
    photo = skimage.data.chelsea()[60:200, 100:300].copy()
    photo[:, -1] = photo[:, -1] // 2 + 127
    pixels, known = grown(photo, 0, 40, 0, 0)
    gray = painted(pixels, known).mean(2)
    assert np.abs(gray[:, 200:206].mean() - gray[:, 190:198].mean()) < 8


def test_subject_gets_no_twin() -> None:
    rng = np.random.default_rng(0)
    grass = cv2.GaussianBlur(rng.normal(0, 1, (160, 220, 3)), (0, 0), 1.5)
    photo = np.clip(np.array([90, 140, 60]) + 60 * grass, 0, 255).astype(np.uint8)
    rows, columns = np.mgrid[:160, :220]
    disc = (rows - 80) ** 2 + (columns - 150) ** 2 < 18**2
    photo[disc] = (220, 40, 40)
    pixels, known = grown(photo, 0, 70, 0, 70)
    new = painted(pixels, known)
    red = (new[..., 0].astype(int) - new[..., 1] > 80) & ~known
    assert red.sum() < 0.05 * disc.sum()


def test_texture_and_seam_of_a_photo() -> None:
    photo = skimage.data.chelsea()[:, 20:-20]
    pixels, known = grown(photo, 0, 90, 0, 90)
    gray = cv2.cvtColor(painted(pixels, known), cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = (gray - cv2.GaussianBlur(gray, (0, 0), 1.5)) ** 2
    assert 0.6 < np.sqrt(fine[:, :80].mean() / fine[:, 100:180].mean()) < 1.6
    steps = np.abs(np.diff(gray, axis=1)).mean(0)
    assert steps[89] < 2.0 * steps[92:110].mean()


@pytest.mark.parametrize("hole", [np.s_[40:41, 30:31], np.s_[:, :1], np.s_[:1], np.s_[:, -1:]])
def test_a_single_line_or_pixel_is_painted(hole: tuple[slice, ...]) -> None:
    pixels = np.ascontiguousarray(skimage.data.astronaut()[:96, 100:190])
    known = np.ones(pixels.shape[:2], bool)
    known[hole] = False
    made = Patch().paint(np.where(known[..., None], pixels, 0), known, np.random.default_rng(0))
    assert np.array_equal(made[known], pixels[known])
    assert np.abs(made[hole].astype(int) - pixels[hole]).mean() < 40


def test_large_pictures_follow_a_smaller_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softextend.fills.pyramid.SEARCHED", 20_000)
    pixels, known = grown(skimage.data.coffee()[:301, :403], 11, 61, 0, 47)
    result = painted(pixels, known)
    assert np.array_equal(result[known], pixels[known])
    magenta = (result[..., 0] > 240) & (result[..., 1] < 15) & (result[..., 2] > 240)
    assert not magenta.any()


def test_memory_is_bounded() -> None:
    photo = cv2.resize(skimage.data.coffee(), (2600, 1700))
    pixels, known = grown(photo, 0, 200, 0, 200)
    painted(pixels[:200, :300], known[:200, :300])  # compiled before it is measured
    tracemalloc.start()
    painted(pixels, known)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 90 * known.size  # bytes per pixel


def test_numba_loads_only_to_paint() -> None:
    code = "import sys, softextend.fills.patch; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_paints_where_no_cache_can_be_written(tmp_path: object) -> None:
    code = (
        "import numba.core.caching as c, numpy as np;"
        "c.CacheImpl._locator_classes = [];"
        "from softextend.fills.patch import Patch;"
        "known = np.ones((30, 30), bool); known[:, 20:] = False;"
        "Patch().paint(np.full((30, 30, 3), 9, np.uint8), known, np.random.default_rng(0))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def alike_at_a_distance(pixels: np.ndarray) -> float:
    """The highest correlation of a picture's detail with itself, 8 to 59 px aside: high where things stand in rows."""
    grey = pixels.astype(np.float32).mean(2)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 8)
    pairs = ((detail[:, lag:], detail[:, :-lag]) for lag in range(8, 60))
    return max(float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())) for a, b in pairs)


def test_spacing_keeps_things_from_standing_in_rows() -> None:  # where sources may lie anywhere
    photo = np.ascontiguousarray(skimage.data.chelsea()[::2, ::2][:150, :200])
    canvas = np.pad(photo, ((0, 0), (0, 90), (0, 0)))
    known = np.zeros(canvas.shape[:2], np.bool_)
    known[:, :200] = True
    means = [
        np.mean(
            [
                alike_at_a_distance(Patch(spacing=each, side=0).paint(canvas, known, np.random.default_rng(k))[:, 200:])
                for k in range(3)
            ]
        )
        for each in (0, 3)
    ]
    assert means[1] < 0.8 * means[0]
