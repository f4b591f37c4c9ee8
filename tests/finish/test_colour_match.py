"""The decoder's colour error is taken off, and nothing else is: made-up drifts at the model seam, real photos."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import torch
from making import extended
from marking import slow
from skimage import data
from tolerances import rounding
from toymodel import Exact, ToyModel

from softextend.extend import Result
from softextend.finish.colour_match import from_lab, match_colour, to_lab
from softextend.finish.composite import composite, dither, quantise
from softextend.finish.scores import score, strip_steps
from softextend.finish.seam_profiles import lab, seam_profiles, segment_means
from softextend.options import Spec
from softextend.plan.grammar import parse_sides
from softextend.types import Model, Stage

PHOTOS = ("astronaut", slow("coffee"), slow("chelsea"), "rocket")
SIDE = 64  # px added on the left and the right


def photo(name: str, height: int = 180, width: int = 240) -> np.ndarray:
    return cv2.resize(getattr(data, name)(), (width, height), interpolation=cv2.INTER_AREA)


class Drifting(Exact):
    """Its decoder has gain 1.06 and offset +4 levels, both growing from the top to the bottom."""

    def decode(self, z: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
        down = torch.linspace(-1, 1, z.shape[2])[None, None, :, None]
        levels = (z + 1) * 127.5
        return (levels * (1.06 + 0.03 * down) + 4 + 2 * down) / 127.5 - 1


class Soft(Exact):
    """Its decoder loses fine texture and no colour."""

    def decode(self, z: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
        blurred = cv2.GaussianBlur(z[0].permute(1, 2, 0).numpy(), (0, 0), 0.8)
        return torch.from_numpy(blurred).permute(2, 0, 1)[None]


def run(name: str, model: Model, sides: str = f"0 {SIDE} 0 {SIDE}", **more: object) -> Result:
    pixels = photo(name)
    asked = Spec.of(**{"sides": parse_sides(sides), "seed": 3, "strength": 0.3, "steps": 10, **more})
    return extended(pixels, np.ones(pixels.shape[:2], bool), asked, model)


def known_of(result: Result) -> np.ndarray:
    known = np.zeros(result.pixels.shape[:2], bool)
    known[:, SIDE:-SIDE] = True
    return known


def seam_step(result: Result, truth: Result) -> float:
    """Mean Delta E (CIE76) along the old border, new strip against what an exact decoder gives there."""
    lines = seam_profiles(known_of(result), inside=16, outside=16)
    ours, theirs = (
        segment_means(lab(each.pixels[lines.rows, lines.columns]), lines)[:, lines.inside :][:, :8]
        for each in (result, truth)
    )
    return float(np.linalg.norm(np.nanmean(ours - theirs, 1), axis=1).mean())


@pytest.mark.parametrize("name", PHOTOS)
def test_a_drift_is_taken_off(name: str) -> None:
    truth = run(name, Exact())
    assert seam_step(run(name, Drifting(), color_match=False), truth) > 3
    assert seam_step(run(name, Drifting()), truth) < 0.5


def test_a_drift_is_taken_off_at_every_side_and_far_out() -> None:
    sides = "60 0 90 0"
    truth, drifting = run("coffee", Exact(), sides), run("coffee", Drifting(), sides)
    off = np.linalg.norm(to_lab(drifting.pixels) - to_lab(truth.pixels), axis=2)
    plain = np.linalg.norm(
        to_lab(run("coffee", Drifting(), sides, color_match=False).pixels) - to_lab(truth.pixels), axis=2
    )
    for new in (slice(0, 60), slice(-90, None)):
        assert off[new].mean() < 0.35 * plain[new].mean()


def test_a_drift_does_not_gather_over_stages() -> None:
    stages = tuple(Stage(scale=scale, strength=0.3, steps=10) for scale in (0.5, 0.5, 1.0))
    exact, drifting = Exact(), Drifting()
    exact.profile = drifting.profile = dataclasses.replace(Exact.profile, stages=stages)
    more = {"strength": None, "steps": None}
    assert seam_step(run("chelsea", drifting, **more), run("chelsea", exact, **more)) < 0.8
    assert seam_step(run("chelsea", drifting, color_match=False, **more), run("chelsea", exact, **more)) > 6


@pytest.mark.parametrize("name", PHOTOS)
def test_an_exact_decoder_is_left_alone(name: str) -> None:
    with_it, without = run(name, Exact()), run(name, Exact(), color_match=False)
    assert np.array_equal(with_it.pixels, without.pixels)
    toy, plain = run(name, ToyModel()), run(name, ToyModel(), color_match=False)
    moved = np.linalg.norm(to_lab(toy.pixels) - to_lab(plain.pixels), axis=2)
    assert moved.mean() < 0.3


@pytest.mark.parametrize("name", PHOTOS)
def test_lost_texture_is_no_colour_error(name: str) -> None:
    soft, plain = run(name, Soft()), run(name, Soft(), color_match=False)
    moved = np.linalg.norm(to_lab(soft.raw) - to_lab(plain.raw), axis=2)
    assert moved.mean() < 0.4


def test_the_step_is_no_larger_than_inside_the_photo() -> None:
    """A drift that makes a step beyond the photo's own comes back within it."""
    good, bad = run("rocket", Drifting()), run("rocket", Drifting(), color_match=False)
    assert score(good.pixels, known_of(good)).colour_step <= 1.0
    lines = seam_profiles(known_of(good), inside=64, outside=16)
    means = [segment_means(lab(each.pixels[lines.rows, lines.columns]), lines) for each in (good, bad)]
    inside = np.nanmean([strip_steps(means[0], lines, at) for at in range(-24, -50, -6)])
    assert np.nanmean(strip_steps(means[0], lines, 0)) <= inside
    assert np.isfinite(strip_steps(means[1], lines, 0)).all()


def test_only_what_changes_is_corrected_and_only_what_is_kept_is_learned_from() -> None:
    true = photo("coffee").astype(np.float32)
    amount = np.zeros(true.shape[:2], np.float32)
    amount[:, :90] = 1
    amount[:, 90:120] = 0.5
    decoded = true * 1.05 + 3
    matched = match_colour(decoded, true, amount)
    assert np.array_equal(matched[:, 120:], decoded[:, 120:])
    assert np.abs(matched[:, :90] - true[:, :90]).mean() < 1.5
    ramp = decoded.copy()
    ramp[:, 90:120] = (255, 0, 255)  # what is painted in the ramp has no say
    assert np.array_equal(match_colour(ramp, true, amount)[:, :90], matched[:, :90])


def test_odd_cells_have_no_say() -> None:
    true = photo("coffee").astype(np.float32)
    amount = np.zeros(true.shape[:2], np.float32)
    amount[:, :90] = 1
    decoded = true * 1.05 + 3
    clean = match_colour(decoded, true, amount)
    decoded[100:130, 140:170] = 0
    assert np.abs(match_colour(decoded, true, amount) - clean)[:, :90].mean() < 1


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (8, 40), (33, 17)])
@pytest.mark.parametrize("kept", [0.0, 0.3, 1.0])
def test_small_pictures_are_corrected_or_left(size: tuple[int, int], kept: float) -> None:
    true = np.ascontiguousarray(photo("chelsea")[: size[0], : size[1]]).astype(np.float32)
    amount = np.ones(size, np.float32)
    amount[:, : round(kept * size[1])] = 0
    matched = match_colour(true * 1.02 + 2, true, amount)
    assert matched.shape == true.shape
    assert np.isfinite(matched).all()


def test_whites_stay_white() -> None:
    true = np.full((160, 240, 3), 255, np.float32)
    true[40:120] = photo("coffee", 80, 240)
    amount = np.zeros((160, 240), np.float32)
    amount[:, :80] = 1
    matched = match_colour(true * 1.06 + 4, true, amount)
    assert quantise(matched)[:30, :80].min() >= 252


DARK = 1e4  # the curves of sRGB and of Lab are steep near black: what a rounding grows by there and back, at most


def test_lab_is_invertible_and_equal_to_opencvs() -> None:
    rgb = np.random.default_rng(0).uniform(0, 255, (500, 3))
    there_and_back = rounding("float64", size=300, terms=30, condition=DARK)
    assert np.abs(from_lab(to_lab(rgb)) - rgb).max() < there_and_back
    beyond = np.array([[-12.0, 270.0, 300.0], [0, 0, 0], [255, 255, 255]])
    assert np.abs(from_lab(to_lab(beyond)) - beyond).max() < there_and_back
    assert np.abs(to_lab(rgb) - lab(rgb)).max() < 0.5  # OpenCV's is tabulated


def test_dither_keeps_whole_numbers_and_means() -> None:
    noise = dither(*np.indices((200, 300)))
    assert np.abs(noise).max() < 0.5
    assert np.abs(noise.mean((0, 1))).max() < 0.01
    whole = photo("coffee")
    assert np.array_equal(quantise(whole.astype(np.float32)), whole)
    assert np.array_equal(dither(*np.indices((200, 300))[:, 30:50]), noise[30:50])


def test_a_slow_gradient_has_no_bands() -> None:
    ramp = np.broadcast_to(np.linspace(100, 104, 400, dtype=np.float32)[None, :, None], (60, 400, 3))
    banded, dithered = np.rint(ramp), quantise(ramp).astype(np.float32)
    smooth = [cv2.blur(each, (21, 21)) - ramp for each in (banded, dithered)]
    assert np.abs(smooth[1]).max() < 0.4 * np.abs(smooth[0]).max()


def test_dither_never_touches_what_is_kept() -> None:
    original = photo("coffee")
    ramp = np.zeros(original.shape[:2], np.float32)
    ramp[:, :50] = np.linspace(1, 0, 50)
    joined = composite(original, original + np.float32(0.5), ramp)
    assert np.array_equal(joined[:, 50:], original[:, 50:])
    assert (joined[:, :20] != original[:, :20]).any()
