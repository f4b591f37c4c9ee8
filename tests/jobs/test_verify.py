"""The pixel contract: what it demands, that every result keeps it, and that a broken one is found and said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from making import extended, repainted
from PIL import Image
from skimage import data
from toymodel import ToyModel

from softextend.errors import BadPicture, BrokenPromise
from softextend.finish import join as finish_join
from softextend.finish.composite import composite_ramp, wander
from softextend.finish.contract import check_original, compare, kept_area
from softextend.jobs.verify import verify
from softextend.mask import change_map, latent_change
from softextend.options import Spec
from softextend.pictures.formats import format_of_name
from softextend.pictures.write import write_picture
from softextend.plan.grammar import parse_sides

HOLE = np.pad(np.zeros((20, 30), bool), ((40, 60), (50, 70)), constant_values=True)
CORNER = np.pad(np.ones((120, 150), bool), ((31, 0), (0, 40)))
SIDE = np.pad(np.ones((120, 150), bool), ((0, 0), (33, 20)))


def photo(height: int = 90, width: int = 120) -> np.ndarray:
    return np.ascontiguousarray(data.coffee()[100 : 100 + height, 200 : 200 + width])


def asked(sides: str = "0 24 16 0", **more: object) -> Spec:
    return Spec.of(**{"sides": parse_sides(sides), "seed": 5, **more})


def save(path: Path, pixels: np.ndarray, recipe: dict | None = None) -> None:
    write_picture(path, pixels, format=format_of_name(path), overwrite=True, recipe=recipe)


def made(folder: Path, name: str = "result.png", **more: object) -> tuple[Path, Path]:
    """A result on disk, and its original."""
    pixels = photo()
    result = extended(pixels, np.ones(pixels.shape[:2], bool), asked(**more), ToyModel())
    original, path = folder / "original.png", folder / name
    save(original, pixels)
    save(path, result.pixels, result.recipe)
    return path, original


@pytest.mark.parametrize("known", [HOLE, CORNER, SIDE], ids=["hole", "corner", "side"])
@pytest.mark.parametrize("band", [None, 0, 1, 3, 12, 40])
@pytest.mark.parametrize(("overlap", "feather"), [(12, 24), (0, 24), (12, 0), (20, 40)])
def test_the_ramp_lies_in_the_band_and_is_complete(
    known: np.ndarray, band: int | None, overlap: int, feather: int
) -> None:
    amount = latent_change(change_map(known, overlap, feather))
    widest = overlap + feather // 2
    settled = widest if band is None else min(band, widest)
    for seed in (None, 1, 2):
        ramp = composite_ramp(amount, known, band=settled, seed=seed)
        assert ramp.dtype == np.float32
        assert (ramp[~known] == 1).all()
        assert (ramp[kept_area(known, settled)] == 0).all()
        assert ramp.min() >= 0
        assert ramp.max() <= 1
        if settled >= 3:
            border = known & ~kept_area(known, 1)
            assert (ramp[border] == 1).all()


def test_the_ramp_follows_no_straight_line_and_another_seed_another() -> None:
    known = np.pad(np.ones((400, 300), bool), ((0, 0), (100, 0)))
    amount = latent_change(change_map(known, 60, 120))
    ends = [(composite_ramp(amount, known, band=120, seed=seed)[:, 100:] > 0).sum(1) for seed in (1, 1, 2)]
    plain = (composite_ramp(amount, known, band=120)[:, 100:] > 0).sum(1)
    assert np.ptp(plain) == 0
    assert np.ptp(ends[0]) > 10
    assert np.abs(np.diff(ends[0].astype(int))).max() <= 3  # wanders, without jags
    assert np.array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])
    assert max(map(np.max, ends)) <= 120


def test_the_ramp_has_no_kink_at_its_ends() -> None:
    known = np.pad(np.ones((200, 300), bool), ((0, 0), (100, 0)))
    ramp = composite_ramp(latent_change(change_map(known, 60, 120)), known, band=120, seed=3)
    slopes = np.abs(np.diff(ramp[:, 100:], axis=1))
    assert slopes.max() < 0.08
    assert np.abs(np.diff(slopes, axis=1)).max() < 0.02


def test_wander_is_smooth_and_in_range() -> None:
    noise = wander((130, 90), 16, 4)
    assert noise.shape == (130, 90)
    assert noise.min() >= 0
    assert noise.max() <= 1
    assert noise.std() > 0.1
    assert np.abs(np.diff(noise, axis=0)).max() < 0.2


def test_kept_is_all_beyond_the_band() -> None:
    kept = kept_area(SIDE, 12)
    assert kept[:, 33 + 12 : -20 - 12].all()
    assert kept.sum() == 120 * (150 - 24)
    assert kept_area(np.ones((5, 5), bool), 3).all()
    assert np.array_equal(kept_area(SIDE, 0), SIDE)


@pytest.mark.parametrize("sides", ["0 24 16 0", "7 0 0 0", "3 5 11 1"])
@pytest.mark.parametrize("band", [None, 0, 1, 5, 100])
def test_every_result_keeps_the_contract(sides: str, band: int | None) -> None:
    pixels = photo()
    known = np.ones(pixels.shape[:2], bool)
    known[40:50, 60:80] = False
    for mask in (known, np.ones_like(known)):
        result = extended(pixels, mask, asked(sides, band=band), ToyModel())
        margins = (
            (result.recipe["plan"]["sides"]["top"], result.recipe["plan"]["sides"]["bottom"]),
            (result.recipe["plan"]["sides"]["left"], result.recipe["plan"]["sides"]["right"]),
        )
        kept = kept_area(np.pad(mask, margins), result.recipe["band_px"])
        assert compare(result.pixels, np.pad(pixels, (*margins, (0, 0))), kept) is None
        if band == 0:
            assert result.recipe["band_px"] == 0
            assert kept.sum() == mask.sum()
        box = result.recipe["kept_box"]
        if mask.all():
            rows, columns = (
                slice(box["top"], box["top"] + box["height"]),
                slice(box["left"], box["left"] + box["width"]),
            )
            assert kept[rows, columns].all()
            assert kept.sum() == box["width"] * box["height"]
        else:
            assert box is None


def test_a_broken_contract_is_an_error_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish_join, "join", lambda canvas, painted, ramp: replace(canvas, colour=canvas.colour + 1))
    pixels = photo()
    with pytest.raises(BrokenPromise, match="beyond the band"):
        extended(pixels, np.ones(pixels.shape[:2], bool), asked(), ToyModel())


def test_a_difference_says_where_and_how_much() -> None:
    first = photo()
    second = first.copy()
    second[30:33, 40:44] = 255 - second[30:33, 40:44]
    found = compare(second, first, np.ones(first.shape[:2], bool))
    assert found is not None
    assert (found.left, found.top, found.right, found.bottom) == (40, 30, 44, 33)
    assert found.count == 12
    assert "columns 40 to 43, rows 30 to 32" in str(found)
    check_original(second, first, np.arange(120)[None, :].repeat(90, 0) < 40)
    with pytest.raises(BrokenPromise):
        check_original(second, first, np.ones(first.shape[:2], bool))


def test_a_file_is_verified_by_its_recipe(tmp_path: Path) -> None:
    result, original = made(tmp_path)
    verdict = verify(result, original)
    assert verdict.holds
    assert verdict.band == 14
    assert verdict.kept == (120 - 14) * (90 - 14)
    assert "are the same" in str(verdict)


def test_a_changed_pixel_is_found(tmp_path: Path) -> None:
    result, original = made(tmp_path)
    pixels = np.asarray(Image.open(original)).copy()
    pixels[10, 20] ^= 1
    Image.fromarray(pixels).save(original)
    verdict = verify(result, original)
    assert not verdict.holds
    assert "1 pixels differ, by up to 1 levels" in str(verdict)
    assert "columns 20 to 20, rows 10 to 10" in str(verdict)


def test_a_change_in_the_band_is_allowed(tmp_path: Path) -> None:
    result, original = made(tmp_path)
    pixels = np.asarray(Image.open(original)).copy()
    pixels[-14:] ^= 255
    Image.fromarray(pixels).save(original)
    assert verify(result, original).holds


@pytest.mark.parametrize(("name", "why"), [("result.jpg", "JPEG rounds"), ("result.webp", "WebP with losses")])
def test_a_lossy_file_says_why_it_cannot_be_exact(tmp_path: Path, name: str, why: str) -> None:
    verdict = verify(*made(tmp_path, name))
    assert not verdict.holds
    assert why in str(verdict)
    assert "PNG" in str(verdict)


def test_what_cannot_be_verified_is_said(tmp_path: Path) -> None:
    result, original = made(tmp_path)
    with pytest.raises(BadPicture, match="carries no recipe"):
        verify(original, original)
    small = tmp_path / "small.png"
    save(small, photo(80, 100))
    with pytest.raises(BadPicture, match=r"is 100x80.*made of a picture of 120x90"):
        verify(result, small)
    recipe = json.loads(Image.open(result).text["softextend"])
    cropped = tmp_path / "cropped.png"
    save(cropped, photo(), recipe)
    with pytest.raises(BadPicture, match="cropped or scaled"):
        verify(cropped, original)
    del recipe["band_px"]
    save(cropped, photo(), recipe)
    with pytest.raises(BadPicture, match="its recipe is damaged: band_px is missing"):
        verify(cropped, original)


def test_a_painted_file_is_verified_by_its_mask(tmp_path: Path) -> None:
    pixels, mask = photo(), np.zeros((90, 120), np.uint8)
    mask[:, 60:] = 255
    result, original, by = tmp_path / "r.png", tmp_path / "o.png", tmp_path / "m.png"
    done = repainted(pixels, mask / np.float32(255), asked("0 0 0 0"), ToyModel())
    save(result, done.pixels, {**done.recipe, "command": {"name": "paint"}})
    save(original, pixels)
    Image.fromarray(mask).save(by)
    verdict = verify(result, original, by)
    assert verdict.holds
    assert verdict.kept == 60 * 90
    assert "outside the mask" in str(verdict)
    with pytest.raises(BadPicture, match="give it with --mask FILE"):
        verify(result, original)
