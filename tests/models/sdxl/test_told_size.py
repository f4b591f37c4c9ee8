"""What SDXL is told of a picture's size, by an option: whole canvases, windows, models that are told none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysdxl
import torch
from making import full, planned
from pipelines import loaded

from softextend.errors import BadRequest
from softextend.extend import extend
from softextend.models.profiles import SD1_PROFILE, SDXL_PROFILE, SELF_PROFILE, make_profile
from softextend.models.sdxl.told_size import told_size
from softextend.options import Spec
from softextend.plan.grammar import parse_sides, parse_told_size
from softextend.plan.plan import check_spec
from softextend.plan.read_recipe import spec_of
from softextend.types import Box, Conditioning, Scene, Size

PIXELS = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


def scene(height: int, width: int, **more: Any) -> Scene:
    return Scene(
        z0=torch.zeros(1, 4, height // 8, width // 8),
        change=torch.ones(1, 1, height // 8, width // 8),
        known=np.ones((height, width), np.bool_),
        filled=torch.zeros(1, 3, height, width),
        conditioning=Conditioning(),
        guidance=1.0,
        stage=0,
        seed=0,
        **more,
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (scene(512, 768), [512, 768, 0, 0, 512, 768]),
        (scene(512, 768, told_size=Size(width=1500, height=1000)), [1000, 1500, 0, 0, 1000, 1500]),
        (scene(512, 512, told_size="auto"), [1024, 1024, 0, 0, 1024, 1024]),
        (scene(512, 2048, told_size="auto"), [512, 2048, 0, 0, 512, 2048]),  # as large an area as in training
        (
            scene(1024, 1024, told_size="auto", box=Box(top=0, left=512, bottom=1024, right=1536), canvas=(1024, 3072)),
            [1024, 3072, 0, 512, 1024, 1024],
        ),
        (
            scene(256, 256, told_size="auto", box=Box(top=0, left=256, bottom=256, right=512), canvas=(512, 512)),
            [1024, 1024, 0, 512, 1024, 1024],
        ),
    ],
)
def test_the_numbers(given: Scene, told: list[int]) -> None:
    assert told_size(given, 1024) == told


def test_the_unet_hears_it_and_paints_another_picture(tmp_path: Path) -> None:
    model = loaded(tinysdxl.write_folder(tmp_path / "sdxl"))
    heard: list[list[float]] = []

    def listen(_: Any, args: Any, given: dict[str, Any]) -> None:
        heard.append(given["added_cond_kwargs"]["time_ids"][-1].tolist())

    model.networks.unet().register_forward_pre_hook(listen, with_kwargs=True)
    results = {}
    for told in (None, "auto", Size(width=2048, height=1024)):
        asked = Spec.of(sides=parse_sides("0 32 0 0"), seed=1, steps=2, strength=1.0, told_size=told)
        results[told] = extend(*planned(PIXELS, full(PIXELS), asked, SDXL_PROFILE), model)
        again = spec_of(results[told].recipe)
        assert again == asked, "a recipe holds it"
    assert heard[0] == [64, 128, 0, 0, 64, 128]
    assert heard[2] == [724, 1448, 0, 0, 724, 1448]
    assert heard[4] == [1024, 2048, 0, 0, 1024, 2048]
    assert len({each.raw.tobytes() for each in results.values()}) == 3


@pytest.mark.parametrize("profile", [SELF_PROFILE, SD1_PROFILE, make_profile("sd1", "lcm"), make_profile("sd2")])
def test_models_that_are_told_no_size_refuse_it(profile: Any) -> None:
    with pytest.raises(BadRequest, match=r"--told-size auto: .* is told no size"):
        check_spec(Spec.of(seed=1, told_size="auto"), profile)


def test_distilled_sdxl_is_told() -> None:
    check_spec(Spec.of(seed=1, told_size="auto"), make_profile("sdxl", "lightning"))
    assert replace(SDXL_PROFILE).sized


@pytest.mark.parametrize("text", ["", "0x5", "1024", "axb", "1024x", "100000x1"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="--told-size"):
        parse_told_size(text)
