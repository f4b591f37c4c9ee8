"""Big canvases in windows, regions and passes, with toys: nothing shows where windows meet, nothing known changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from making import Told, extended, full, plan_of, prepared, repainted
from skimage import data
from tolerances import rounding
from toymodel import TOY_PROFILE, ToyModel

from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.errors import BadRequest
from softextend.extend import Result
from softextend.fill import parse_fill
from softextend.fills.base import replicate
from softextend.mask import change_map, latent_change
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.options import Spec
from softextend.plan.canvas import grow
from softextend.plan.grammar import parse_sides
from softextend.plan.plan import Plan
from softextend.plan.prepared import filled_by_parts, mapped_by_parts, prepare
from softextend.plan.windows import Region, margin
from softextend.sampling import multidiffusion
from softextend.sampling.latents import Run, carry_up_by_parts, fit
from softextend.sampling.progress import Silent
from softextend.sampling.samplers import make_sampler
from softextend.sampling.stages import paint_region
from softextend.types import Conditioning, Encoded, Model, Predict, Profile, Scene

SMALL = dataclasses.replace(TOY_PROFILE, window=128)  # so that pictures of a few hundred px are big
TURNS = dataclasses.replace(SMALL, refine_strength=None)  # windows one after the other, as the built-in model has them


class Toy(ToyModel):
    """A toy that counts, with any denoiser and a decoder that may lose something."""

    def __init__(
        self,
        profile: Profile = SMALL,
        denoise: Callable[[torch.Tensor], torch.Tensor] | None = None,
        spoil: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        self.profile = profile
        self.denoise = denoise or (lambda x: torch.tanh(x) * 0.8)
        self.spoil = spoil or (lambda pixels: pixels)
        self.scenes: list[Scene] = []
        self.met: list[torch.Tensor] = []
        self.called: list[int] = []  # latents of each call

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        self.met.append(pixels)
        return super().encode(pixels)

    def decode(self, z: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
        return self.spoil(super().decode(z))

    def predict(self, scene: Scene) -> Predict:
        self.scenes.append(scene)

        def noise(x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
            self.called.append(x.shape[-1] * x.shape[-2])
            return self.denoise(x)

        return noise


def spec(sides: str, **more: object) -> Spec:
    return Spec.of(**{"sides": parse_sides(sides), "seed": 5, "allow_large": True, **more})


def photo(height: int, width: int) -> np.ndarray:
    return np.ascontiguousarray(cv2.resize(data.astronaut(), (width, height), interpolation=cv2.INTER_AREA))


def run(pixels: np.ndarray, asked: Spec, model: Model) -> Result:
    return extended(pixels, full(pixels), asked, model)


def kept(result: Result, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What no pass may change, in the result and in the picture: all but the declared band."""
    plan, band = result.recipe["plan"], result.recipe["band_px"]
    height, width = pixels.shape[:2]
    sides = plan["sides"]
    near = [band if sides[name] else 0 for name in ("top", "right", "bottom", "left")]
    inner = pixels[near[0] : height - near[2], near[3] : width - near[1]]
    top, left = sides["top"] + near[0], sides["left"] + near[3]
    return result.pixels[top:, left:][: inner.shape[0], : inner.shape[1]], inner


# --- small pictures: nothing changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(90, 120), (61, 37), (100, 150)])
def test_a_window_as_large_as_the_canvas_changes_nothing(size: tuple[int, int]) -> None:
    pixels, asked = photo(*size), spec("3 24 0 9")
    large, exact = (
        run(pixels, asked, Toy(dataclasses.replace(TOY_PROFILE, window=window))).pixels for window in (1024, 183)
    )
    assert large.tobytes() == exact.tobytes()


def test_a_canvas_in_one_window_is_sampled_as_the_paper_says() -> None:
    """A plain transcription: encode, diffdiff, restore, decode, all of the canvas at once."""
    pixels, asked = photo(88, 120), spec("0 24 0 24", color_match=False)
    ready = prepared(pixels, full(pixels), asked, TOY_PROFILE)
    (stage,) = ready.plan.stages
    model = ToyModel()
    z0 = model.encode(torch.from_numpy(ready.filled).float().permute(2, 0, 1)[None] / 127.5 - 1)
    amount = torch.from_numpy(latent_change(ready.change))[None, None]
    levels = F.interpolate(amount, z0.shape[-2:], mode="bilinear")
    noise, _ = draw_noise([5], z0.shape[1:])
    sampler = make_sampler(ready.plan.sampler.value, STABLE_DIFFUSION, steps=stage.steps, strength=stage.strength)
    x = diffdiff(lambda x, t, keep: torch.tanh(x) * 0.5, sampler, z0, noise, levels, blend=Blend.CONTINUOUS)
    painted = (model.decode(restore(x, z0, levels))[0].permute(1, 2, 0).numpy() + 1) * 127.5
    raw = run(pixels, asked, ToyModel()).raw
    changed = ready.change > 0.06
    assert np.abs(raw[changed] - np.clip(painted[changed], 0, 255)).max() <= 1.01


# --- windows of a region ---------------------------------------------------------------------------------------------


def of_one_region(sides: str, profile: Profile = SMALL) -> tuple[Plan, Region, np.ndarray, np.ndarray, np.ndarray]:
    pixels = photo(300, 260)
    plan = plan_of(full(pixels), spec(sides, passes=1, color_match=False), profile)
    ready = prepare(pixels, full(pixels), plan)
    region = plan.work()[-1].regions[0]
    cut = region.box.cut
    return plan, region, ready.filled[cut].astype(np.float32), latent_change(ready.change)[cut], ready.known[cut]


@pytest.mark.parametrize("sides", ["0 40 0 0", "40 40 40 40", "0 0 200 0"])
@pytest.mark.parametrize("steps", [5, 30])
def test_no_seam_between_windows(sides: str, steps: int) -> None:
    """What depends on no place comes out the same in windows and at once."""
    plan, region, pixels, amount, known = of_one_region(sides)
    assert len(region.windows) > 2
    stage = dataclasses.replace(plan.stages[0], steps=steps)
    told = Conditioning(prompt=Encoded(hidden=torch.full((1, 1, 1), 0.7)))
    run = Run(plan=plan, model=Toy(), conditioning=told, listener=Silent())
    at_once = Region(box=region.box, windows=(region.box,))
    first, second = (paint_region(pixels, amount, known, each, (0, 0), stage, run) for each in (region, at_once))
    assert np.abs(first - second)[amount > 0].max() < 0.02


def test_shares_of_windows_sum_to_one_wherever_something_changes() -> None:
    _, region, _, amount, _ = of_one_region("40 40 40 40")
    total = torch.zeros(-(-region.box.height // 8), -(-region.box.width // 8))
    for part in multidiffusion.make_parts(region.windows, 8, 2 * margin(128)):
        assert float(part.share.min()) > 0
        total[part.cut] += part.share
    changed = torch.from_numpy(amount > 0)
    cells = F.max_pool2d(F.pad(changed.float(), (0, -changed.shape[1] % 8, 0, -changed.shape[0] % 8))[None], 8)[0]
    assert torch.allclose(total[cells > 0], torch.ones(1), atol=rounding("float32", terms=9), rtol=0)


def test_overlapping_tapers_sum_to_one() -> None:
    ramp = multidiffusion.taper(64, 16)
    assert torch.allclose(ramp[-16:] + ramp[:16], torch.ones(16), atol=rounding("float32", terms=2), rtol=0)
    assert torch.equal(ramp[16:48], torch.ones(32))
    assert float(ramp.min()) > 0


def test_each_window_has_a_scene_of_its_own_crop() -> None:
    model = Toy()
    run(photo(300, 260), spec("0 40 0 0"), model)
    plan = plan_of(np.ones((300, 260), bool), spec("0 40 0 0"), SMALL)
    assert len(model.scenes) == sum(work.windows for work in plan.work())
    assert [scene.stage for scene in model.scenes] == sorted(scene.stage for scene in model.scenes)
    for scene in model.scenes:
        assert max(scene.known.shape) <= 128
        assert scene.z0.shape[-2:] == scene.change.shape[-2:] == tuple(extent // 8 for extent in scene.known.shape)
        assert scene.known.any()


# --- kept is kept ----------------------------------------------------------------------------------------------------


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


# --- one after the other ---------------------------------------------------------------------------------------------


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


# --- cost ------------------------------------------------------------------------------------------------------------


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


# --- canvas, fill and map by parts -----------------------------------------------------------------------------------


def settled(known: np.ndarray, sides: str, fill: str = "edge") -> tuple[Plan, np.ndarray]:
    plan = plan_of(known, spec(sides, fill=fill), SMALL)
    return plan, grow(np.zeros((*known.shape, 3), np.uint8), known, plan.canvas.sides)[1]


@pytest.mark.parametrize("sides", ["0 40 0 0", "40 30 20 60", "0 0 0 0"])
def test_the_map_by_parts_is_the_map(sides: str) -> None:
    known = np.ones((310, 270), bool)
    known[100:130, 90:120] = False
    known[300, 5] = False
    plan, grown = settled(known, sides)
    whole = change_map(grown, plan.overlap, plan.feather, plan.change)
    assert np.abs(mapped_by_parts(grown, plan) - whole).max() < rounding("float32", terms=plan.feather**2)


@pytest.mark.parametrize("sides", ["0 40 0 40", "40 30 20 60", "0 0 0 0"])
@pytest.mark.parametrize("fill", ["edge", "perlin", "telea", "patch"])
def test_fills_by_parts_paint_all_that_is_empty_and_nothing_else(sides: str, fill: str) -> None:
    pixels, known = photo(310, 270), np.ones((310, 270), bool)
    known[100:130, 90:120] = False
    plan, _ = settled(known, sides, fill)
    canvas, grown = grow(pixels, known, plan.canvas.sides)
    canvas[~grown] = (255, 0, 255)
    before = canvas.copy()
    filled = filled_by_parts(canvas, grown, plan)
    assert np.array_equal(filled[grown], before[grown])
    assert not (filled[~grown] == (255, 0, 255)).all(1).any()
    if fill == "edge":
        whole = parse_fill("edge").paint(before, grown, np.random.default_rng(0))
        assert (filled == whole).all(2).mean() > 0.99


def test_a_plan_says_where_the_fill_will_lack_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so exactly where the fill, which sees a large canvas by parts, stretches in one of them."""
    stretched: list[bool] = []
    monkeypatch.setattr("softextend.fills.patch.replicate", lambda *given: stretched.append(True) or replicate(*given))
    pixels, asked = photo(400, 60), spec("0 0 0 0", fill="patch")
    seen = set()
    for top in range(0, 391, 26):
        known = np.zeros((400, 60), bool)
        known[top : top + 10, 20:30] = True  # enough, unless a window's end cuts it
        plan = plan_of(known, asked, SMALL)
        stretched.clear()
        prepare(pixels, known, plan)
        assert bool(plan.notes) == bool(stretched)
        assert len(plan.notes) <= 1
        seen.add(bool(stretched))
    assert seen == {True, False}
    assert plan_of(known, spec("0 0 0 0", fill="edge"), SMALL).notes == ()
    few = np.ones((5, 5), bool)
    assert plan_of(few, spec("200 0 0 300", fill="patch", allow_large=True), SMALL).notes


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
