"""Big canvases in windows, regions and passes, with toys: nothing known changes, and the work is what was planned."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import torch
from making import Told, extended, full, plan_of, repainted
from toymodel import TOY_PROFILE
from windowtoys import SMALL, Toy, photo, run, settled, spec

from softextend.errors import BadRequest
from softextend.extend import Result
from softextend.mask import latent_change
from softextend.plan.prepared import mapped_by_parts
from softextend.sampling.latents import carry_up_by_parts, fit
from softextend.types import Predict, Profile, Scene

TURNS = dataclasses.replace(SMALL, refine_strength=None)  # windows one after the other, as the built-in model has them


def kept(result: Result, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What no pass may change, in the result and in the picture: all but the declared band."""
    plan, band = result.recipe["plan"], result.recipe["band_px"]
    height, width = pixels.shape[:2]
    sides = plan["sides"]
    near = [band if sides[name] else 0 for name in ("top", "right", "bottom", "left")]
    inner = pixels[near[0] : height - near[2], near[3] : width - near[1]]
    top, left = sides["top"] + near[0], sides["left"] + near[3]
    return result.pixels[top:, left:][: inner.shape[0], : inner.shape[1]], inner


@pytest.mark.parametrize("profile", [SMALL, TURNS], ids=["joint", "turns"])
@pytest.mark.parametrize(
    ("size", "sides"), [((300, 260), "0 40 0 0"), ((301, 183), "33 20 50 7"), ((140, 400), "0 0 90 0")]
)
def test_kept_pixels_are_the_originals(profile: Profile, size: tuple[int, int], sides: str) -> None:
    pixels = photo(*size)
    result = run(pixels, spec(sides), Toy(profile, spoil=lambda pixels: pixels * 0.8 + 0.1))
    now, before = kept(result, pixels)
    assert before.size
    assert np.array_equal(now, before)
    new = latent_change(result.change) == 1
    assert (result.pixels[new] != result.filled[new]).any(1).mean() > 0.9


@pytest.mark.parametrize("passes", [None, 2, 5])
def test_every_pass_starts_from_the_originals(passes: int | None) -> None:
    """A decoder that loses a fifth of the contrast each time leaves no trace on what is known."""
    pixels = photo(96, 120)
    profile = dataclasses.replace(TOY_PROFILE, window=224)
    model = Toy(profile, spoil=lambda pixels: pixels * 0.8)
    result = run(pixels, spec("0 80 16 16", passes=passes), model)
    plans = plan_of(full(pixels), spec("0 80 16 16", passes=passes), profile).each_pass()
    assert len(plans) == (passes or 1)
    assert len(model.met) == len(plans)
    left = top = 0
    for part, met in zip(plans, model.met, strict=True):
        left, top = left + part.canvas.sides.left, top + part.canvas.sides.top
        canvas = ((met[0].permute(1, 2, 0) + 1) * 127.5).round().numpy()
        band = part.canvas.reach
        ours = canvas[top:, left:][: 96 - band, band : 120 - band]
        assert np.array_equal(ours, pixels[: 96 - band, band : 120 - band])
        if passes == 2 and part is plans[-1]:  # it met the picture as the first pass joined it
            first = run(
                pixels, spec(str(plans[0].canvas.sides)), Toy(profile, spoil=lambda pixels: pixels * 0.8)
            ).pixels
            known = canvas[part.canvas.sides.top :, part.canvas.sides.left :][: first.shape[0], : first.shape[1]]
            assert np.array_equal(known, first)
    now, before = kept(result, pixels)
    assert np.array_equal(now, before)
    assert result.pixels.shape == (112, 216, 3)
    assert result.filled.shape == result.raw.shape == result.pixels.shape
    assert result.change.shape == (112, 216)
    assert (result.change[:, 136:] == 1).all()
    assert (result.change[96:] == 1).all()
    assert len(result.recipe["plan"]["passes"]) == len(plans)


def test_passes_differ_in_seed_and_leave_every_new_pixel_painted() -> None:
    pixels = np.full((96, 96, 3), 128, np.uint8)
    model = Toy(denoise=lambda x: x)
    result = run(pixels, spec("0 64 0 64", passes=2, strength=1.0), model)
    halves = result.pixels[:, 160:192].astype(int), result.pixels[:, 192:].astype(int)
    assert not np.array_equal(*halves)
    assert len({part.seed for part in plan_of(full(pixels), spec("0 64 0 64", passes=2), SMALL).each_pass()}) == 2


def test_windows_in_turn_see_what_those_before_painted() -> None:
    model = Toy(TURNS)
    run(photo(300, 260), spec("0 40 0 0"), model)
    assert len(model.scenes) > 2
    plan = plan_of(np.ones((300, 260), bool), spec("0 40 0 0"), TURNS)
    first, second = (region.box for region in plan.work()[0].regions[:2])
    assert first.top < second.top or second.top < first.top
    shared = slice(max(first.top, second.top) - second.top, min(first.bottom, second.bottom) - second.top)
    new = slice(260 - second.left, None)
    assert not model.scenes[0].known[:, 260 - first.left :].any()
    here = model.scenes[1].known[shared, new]
    assert here.any()
    assert not here.all()
    change = model.scenes[1].change[0, 0, :, new.start // 8 + 1 : 20].numpy()
    assert change.min() == 0
    assert change.max() == 1


def test_a_flat_picture_stays_flat_wherever_windows_meet() -> None:
    pixels = np.full((300, 260, 3), 90, np.uint8)

    for profile in (SMALL, TURNS):
        for sides in ("0 40 0 0", "40 30 20 60"):
            result = run(pixels, spec(sides, strength=0.2), Clean(profile))
            assert np.abs(result.pixels.astype(int) - 90).max() <= 1


class Clean(Toy):
    """The denoiser of one colour: it knows what every pixel is."""

    def predict(self, scene: Scene) -> Predict:
        self.scenes.append(scene)
        flat = 90 / 127.5 - 1

        def noise(x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
            beta = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
            signal = torch.cumprod(1 - beta, 0)[int(t)]
            return ((x - signal.sqrt() * flat) / (1 - signal).sqrt()).float()

        return noise


def work_of(size: tuple[int, int], sides: str) -> tuple[int, int]:
    model = Toy()
    run(photo(*size), spec(sides), model)
    plan = plan_of(np.ones(size, bool), spec(sides), SMALL)
    assert len(model.called) == sum(part.steps for part in plan.each_pass())
    return len(model.called), sum(model.called)


def test_cost_is_what_is_planned_and_grows_with_what_is_added() -> None:
    calls, latents = work_of((400, 200), "0 40 0 0")
    deeper = work_of((400, 400), "0 40 0 0")
    assert deeper[0] <= 1.1 * calls
    assert deeper[1] <= 1.1 * latents
    longer = work_of((800, 200), "0 40 0 0")
    assert 1.5 * calls <= longer[0] <= 2.5 * calls


def test_progress_counts_every_window_and_never_goes_back() -> None:
    pixels, asked = photo(300, 260), spec("0 90 0 40")
    listener = Told()
    extended(pixels, full(pixels), asked, Toy(), listener)
    told = listener.steps
    parts = plan_of(full(pixels), asked, SMALL).each_pass()
    assert len(parts) > 1
    total = sum(part.steps for part in parts)
    assert told == sorted(told)
    assert told[-1] == (total, total)
    assert {each[1] for each in told} == {total}


def test_memory_that_runs_out_amid_windows_costs_nothing_but_time() -> None:
    class Hungry(Toy):
        left = 7

        def encode(self, pixels: torch.Tensor) -> torch.Tensor:
            self.left -= 1
            if not self.left:
                raise torch.cuda.OutOfMemoryError("made up")
            return super().encode(pixels)

        def reduce_memory(self) -> str | None:
            return "lighter"

    pixels, asked = photo(300, 260), spec("0 40 0 40")
    hungry = run(pixels, asked, Hungry())
    assert hungry.notes == ("lighter",)
    assert hungry.pixels.tobytes() == run(pixels, asked, Toy()).pixels.tobytes()


def test_enlarging_by_parts_is_enlarging() -> None:
    pixels = photo(310, 270)
    plan, grown = settled(full(pixels), "40 30 20 60")
    amount = latent_change(mapped_by_parts(grown, plan))
    filled = np.pad(pixels, ((40, 20), (60, 30), (0, 0)), mode="reflect").astype(np.float32)
    small = fit(filled, (200, 190))
    whole = cv2.resize(small, (360, 370), interpolation=cv2.INTER_CUBIC)
    now = filled.copy()
    carry_up_by_parts(now, small, amount, plan)
    assert np.array_equal(now[amount == 0], filled[amount == 0])
    assert np.abs(now - whole)[amount > 0].mean() < 0.5
    assert np.abs(now - whole)[amount > 0].max() < 12  # OpenCV reads between pixels at 1/32 px


def test_a_large_mask_is_painted_in_windows_and_the_rest_kept() -> None:
    pixels = photo(400, 300)
    mask = np.zeros((400, 300), np.float32)
    mask[50:350, 20:60] = 1
    mask[200:240, 180:280] = np.linspace(0, 1, 100)
    model = Toy()
    result = repainted(pixels, mask, spec("0 0 0 0"), model)
    assert len(model.scenes) > 3
    assert np.array_equal(result.pixels[mask < 0.04], pixels[mask < 0.04])
    assert (result.pixels[50:350, 20:60] != pixels[50:350, 20:60]).any(2).mean() > 0.9


def test_refining_is_for_models_that_have_a_size_of_their_own() -> None:
    pixels = photo(300, 260)
    weak, strong = (run(pixels, spec("0 40 0 0", refine_strength=each), Toy()).pixels for each in (0.3, 0.9))
    assert not np.array_equal(weak, strong)
    with pytest.raises(BadRequest, match=r"--refine-strength 0.3: toy"):
        run(pixels, spec("0 40 0 0", refine_strength=0.3), Toy(TURNS))
    with pytest.raises(BadRequest, match=r"--passes 0"):
        spec("0 40 0 0", passes=0)
