"""Guidance in a part of the steps: the rows that a UNet computes, counted, and what each step is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysdxl
import torch
from making import full, planned
from marking import slow
from pipelines import loaded
from running import photo

from softextend import cli
from softextend.errors import BadRequest
from softextend.extend import extend
from softextend.models.profiles import SDXL_PROFILE, SELF_PROFILE, make_profile
from softextend.models.sdxl.model import SdxlModel
from softextend.options import Spec
from softextend.plan.effort import denoiser_calls, unet_rows
from softextend.plan.grammar import parse_guidance_steps, parse_sides
from softextend.plan.plan import Plan, check_spec
from softextend.types import SamplerName, Scene, Span

ASKED: dict[str, Any] = {"sides": parse_sides("0 16 0 0"), "seed": 3, "steps": 10, "strength": 1.0, "fill": "edge"}
PIXELS = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


@pytest.fixture(scope="module")
def model(folder: Path) -> SdxlModel:
    return loaded(folder)


def counted_rows(model: SdxlModel, plan: Plan, input: Any) -> list[int]:
    """The rows of each call of the UNet in one run."""
    rows: list[int] = []
    watch = model.networks.unet().register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    extend(input, plan, model)
    watch.remove()
    return rows


SPANS = [("0-1", 0, 10), ("0.1-0.8", 1, 7), ("0.35-0.65", 4, 2), ("0.9-1", 9, 1)]
OTHERS = [SamplerName.HEUN, SamplerName.DPMPP_2M]


@pytest.mark.parametrize(
    ("sampler", "span", "first", "guided"),
    [
        *((SamplerName.EULER, *each) for each in SPANS),
        *((sampler, *SPANS[2]) for sampler in OTHERS),
        *(slow(sampler, *each) for sampler in OTHERS for each in SPANS if each is not SPANS[2]),
    ],
)
def test_outside_only_the_prompt_is_asked(
    model: SdxlModel, sampler: SamplerName, span: str, first: int, guided: int
) -> None:
    asked = Spec.of(**ASKED, sampler=sampler, guidance=4.0, guidance_steps=parse_guidance_steps(span))
    input, plan = planned(PIXELS, full(PIXELS), asked, SDXL_PROFILE)
    rows = counted_rows(model, plan, input)
    assert sum(rows) == unet_rows(plan)
    assert len(rows) == denoiser_calls(plan)
    if sampler is not SamplerName.HEUN:
        assert rows == [1] * first + [2] * guided + [1] * (10 - first - guided)


def test_lean_runs_ask_as_little(model: SdxlModel) -> None:
    asked = Spec.of(**ASKED, guidance=4.0, guidance_steps=Span(start=0.2, end=0.5))
    input, plan = planned(PIXELS, full(PIXELS), asked, SDXL_PROFILE)
    model.networks.lean = True
    try:
        assert sum(counted_rows(model, plan, input)) == 13 == unet_rows(plan)
    finally:
        model.networks.lean = False


def test_a_step_is_as_with_guidance_or_as_without(model: SdxlModel) -> None:
    """Bit for bit."""
    told = model.embed("a plant", "bad")
    times = (900.0, 600.0, 300.0, 1.0)
    scene = Scene(
        z0=torch.zeros(1, 4, 8, 10),
        change=torch.ones(1, 1, 8, 10),
        known=np.ones((64, 80), np.bool_),
        filled=torch.zeros(1, 3, 64, 80),
        conditioning=told,
        guidance=4.0,
        stage=0,
        seed=0,
        timesteps=times,
    )
    x, keep = torch.randn(1, 4, 8, 10, generator=torch.Generator().manual_seed(1)), torch.zeros(1, 1, 8, 10)
    part, whole, none = (
        model.predict(each)
        for each in (replace(scene, guidance_steps=Span(start=0.25, end=0.75)), scene, replace(scene, guidance=1.0))
    )
    for index, t in enumerate(times):
        other = whole if index in (1, 2) else none
        assert torch.equal(part(x, t, keep), other(x, t, keep))
        assert not torch.equal(whole(x, t, keep), none(x, t, keep))


def test_the_whole_span_changes_no_bit(model: SdxlModel) -> None:
    results = []
    for more in ({}, {"guidance_steps": Span()}):
        input, plan = planned(PIXELS, full(PIXELS), Spec.of(**ASKED, guidance=4.0, **more), SDXL_PROFILE)
        results.append(extend(input, plan, model))
    assert results[0].pixels.tobytes() == results[1].pixels.tobytes()


@pytest.mark.parametrize(
    ("profile", "more", "words"),
    [
        (SELF_PROFILE, {}, "self takes no prompt"),
        (SELF_PROFILE, {"guidance": 5.0}, "self takes no prompt"),
        (SDXL_PROFILE, {"guidance": 1.0}, "nothing is guided at guidance 1"),
        (make_profile("sdxl", "lightning"), {}, "give --guidance above 1"),
    ],
)
def test_it_is_refused_where_nothing_is_guided(profile: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        check_spec(Spec.of(seed=1, guidance_steps=Span(start=0.1, end=0.8), **more), profile)


@pytest.mark.parametrize("text", ["0.8-0.1", "0.1", "0.1-1.2", "a-b", "0.5-0.5", "-0.1-0.5", ""])
def test_other_spans_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="--guidance-steps"):
        parse_guidance_steps(text)


def test_dry_run_recipe_and_redo_know_it(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    photo("a.png", 64, 64)
    words = f"--model {folder} --sides 0 16 0 0 --steps 5 --strength 1 --guidance 3 --guidance-steps 0.2-0.8 --seed 1"
    assert cli.run(["extend", "a.png", *words.split(), "--dry-run", "--json"]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    plan = json.loads(line)["plan"]
    assert [plan[name] for name in ("denoiser_calls", "unet_rows", "guidance_steps")] == [5, 8, "0.2-0.8"]
    assert cli.run(["extend", "a.png", *words.split(), "--dry-run"]) == 0
    assert "5 denoiser calls of 8 UNet rows" in " ".join(capfd.readouterr().out.split())
    assert cli.run(["extend", "a.png", *words.split(), "--dtype", "float32", "-o", "b.png"]) == 0
    assert cli.run(["redo", "b.png", "--dtype", "float32", "-o", "c.png"]) == 0
    assert Path("b.png").read_bytes() == Path("c.png").read_bytes()
