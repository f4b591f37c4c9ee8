"""Windows of a region: no seam between them, shares that sum to one, and a scene for each."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from making import full, plan_of, prepared
from tolerances import rounding
from toymodel import TOY_PROFILE, ToyModel
from windowtoys import SMALL, Toy, photo, run, spec

from softextend.diffdiff import Blend, diffdiff, draw_noise, restore
from softextend.mask import latent_change
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.plan.plan import Plan
from softextend.plan.prepared import prepare
from softextend.plan.windows import Region, margin
from softextend.sampling import multidiffusion
from softextend.sampling.latents import Run
from softextend.sampling.progress import Silent
from softextend.sampling.samplers import make_sampler
from softextend.sampling.stages import paint_region
from softextend.types import Conditioning, Encoded, Profile


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
    total = np.zeros((-(-region.box.height // 8), -(-region.box.width // 8)), np.float32)
    for part in multidiffusion.make_parts(region.windows, 8, 2 * margin(128)):
        assert float(part.share.min()) > 0
        total[part.cut] += part.share
    changed = torch.from_numpy(amount > 0)
    cells = F.max_pool2d(F.pad(changed.float(), (0, -changed.shape[1] % 8, 0, -changed.shape[0] % 8))[None], 8)[0]
    assert np.allclose(total[cells.numpy() > 0], 1, atol=rounding("float32", terms=9), rtol=0)


def test_overlapping_tapers_sum_to_one() -> None:
    ramp = multidiffusion.taper(64, 16)
    assert np.allclose(ramp[-16:] + ramp[:16], 1, atol=rounding("float32", terms=2), rtol=0)
    assert (ramp[16:48] == 1).all()
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
