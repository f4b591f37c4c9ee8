"""Several pictures as rows of one batch: each comes out as it does alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysdxl
import torch
from making import Told, full, planned
from marking import slow
from pipelines import loaded
from tolerances import LEVEL
from toymodel import TOY_PROFILE, ToyModel

from softextend.extend import Result, extend, extend_together
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.sdxl.checkpoint import Folder
from softextend.models.sdxl.model import SdxlModel
from softextend.models.selfmodel.model import SelfModel
from softextend.options import Spec
from softextend.plan.grammar import parse_sides
from softextend.plan.input import Input
from softextend.plan.plan import Plan, alike
from softextend.types import Model, Profile, SamplerName, Span

ASKED: dict[str, Any] = {"sides": parse_sides("0 24 8 0"), "overlap": 8, "feather": 16}


def photos(count: int, height: int = 64, width: int = 72) -> list[np.ndarray]:
    """Smooth pictures that differ."""
    y, x = np.mgrid[:height, :width]
    waves = [np.stack([np.sin((x + n * y) / 9), np.cos(x / (5 + n)), np.sin(y / 7 + n)], 2) for n in range(count)]
    return [np.rint(127.5 + 100 * each).astype(np.uint8) for each in waves]


def pairs(profile: Profile, count: int = 3, **more: Any) -> list[tuple[Input, Plan]]:
    return [
        planned(each, full(each), Spec.of(**{**ASKED, "seed": 10 + 7 * index, **more}), profile)
        for index, each in enumerate(photos(count))
    ]


def level_apart(one: Result, other: Result) -> int:
    return int(np.abs(one.raw.astype(int) - other.raw.astype(int)).max())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


@pytest.mark.parametrize("make", [ToyModel, SelfModel])
def test_a_model_that_knows_no_batches_gives_the_same_bytes(make: Callable[[], Model]) -> None:
    model = make()
    asked = pairs(model.profile, fill="edge", steps=4)
    together = extend_together(asked, model)
    for result, (input, plan) in zip(together, asked, strict=True):
        alone = extend(input, plan, model)
        assert result.pixels.tobytes() == alone.pixels.tobytes()
        assert result.seed == plan.seed == alone.seed
        assert result.recipe == alone.recipe


@pytest.mark.parametrize(
    "more",
    [
        {},
        slow({"guidance": 1.0}),
        slow({"guidance_steps": Span(start=0.25, end=0.75)}),
        {"sampler": SamplerName.DPMPP_2M_SDE},
        slow({"resample": 1, "think": 1}),
        slow({"passes": 2}),
    ],
    ids=str,
)
def test_rows_of_one_call_are_the_single_runs(folder: Path, more: dict[str, Any]) -> None:
    model = loaded(folder)
    asked = pairs(SDXL_PROFILE, steps=3, strength=1.0, prompt="a plant", **more)
    rows: list[int] = []
    watch = model.networks.unet().register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    together = extend_together(asked, model)
    watch.remove()
    assert set(rows) <= {3, 6}, "all pictures in each call"
    for result, each in zip(together, asked, strict=True):
        assert level_apart(result, extend(*each, model)) <= LEVEL
    assert level_apart(together[0], together[1]) > 20, "they are not one picture"


def test_an_inpainting_model_sees_each_picture(tmp_path: Path) -> None:
    model = loaded(tinysdxl.write_folder(tmp_path / "inpainting", channels=9))
    asked = pairs(SDXL_PROFILE, steps=2, strength=1.0)
    for result, each in zip(extend_together(asked, model), asked, strict=True):
        assert level_apart(result, extend(*each, model)) <= LEVEL


def test_windows_are_rows_too(folder: Path) -> None:
    model = loaded(folder)
    model.profile = Profile(**{**_fields(SDXL_PROFILE), "window": 64})
    asked = pairs(model.profile, count=2, steps=2, strength=1.0)
    assert sum(len(region.windows) for region in asked[0][1].work()[-1].regions) > 1
    for result, each in zip(extend_together(asked, model), asked, strict=True):
        assert level_apart(result, extend(*each, model)) <= LEVEL


def _fields(profile: Profile) -> dict[str, Any]:
    return {name: getattr(profile, name) for name in Profile.__slots__}


def test_prompts_of_several_lengths_go_one_by_one(folder: Path) -> None:
    model = loaded(folder)
    prompts = ("a plant", "many words " * 40)
    asked = [
        planned(each, full(each), Spec.of(**ASKED, seed=1, steps=2, strength=1.0, prompt=prompt), SDXL_PROFILE)
        for each, prompt in zip(photos(2), prompts, strict=True)
    ]
    for result, each in zip(extend_together(asked, model), asked, strict=True):
        assert level_apart(result, extend(*each, model)) <= LEVEL


def test_the_text_encoders_are_read_once_for_a_batch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    load = Folder.text_encoder

    def counted(self: Folder, which: int, dtype: torch.dtype, device: torch.device) -> Any:
        read.append(which)
        return load(self, which, dtype, device)

    monkeypatch.setattr(Folder, "text_encoder", counted)
    model = loaded(folder)
    asked = [
        planned(each, full(each), Spec.of(**ASKED, seed=1, steps=1, strength=1.0, prompt=prompt), SDXL_PROFILE)
        for each, prompt in zip(photos(3), ("a plant", "a dog", "a hill"), strict=True)
    ]
    extend_together(asked, model)
    assert read == [0, 1]


class Short(ToyModel):
    """A toy that has memory for one row."""

    profile = TOY_PROFILE

    def predict_together(self, scenes: Any) -> Any:
        def fail(x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("CUDA out of memory")

        return fail

    def expect(self, prompts: Any) -> None:
        """Nothing to prepare."""


def test_out_of_memory_they_go_one_by_one_and_it_is_said() -> None:
    asked, told = pairs(TOY_PROFILE), Told()
    together = extend_together(asked, Short(), told)
    for result, each in zip(together, asked, strict=True):
        assert result.pixels.tobytes() == extend(*each, ToyModel()).pixels.tobytes()
    assert told.notes == ["out of memory: 3 pictures one after the other, no longer together"]


def test_only_what_is_alike_goes_together() -> None:
    first = pairs(TOY_PROFILE, count=1)[0]
    assert alike([first[1], pairs(TOY_PROFILE, count=1, seed=99, fill="gray", prompt="sea")[0][1]])
    for more in ({"steps": 4}, {"sides": parse_sides("0 32 8 0")}, {"sampler": SamplerName.DDIM}, {"think": 1}):
        other = pairs(TOY_PROFILE, count=1, **more)[0]
        assert not alike([first[1], other[1]])
        with pytest.raises(ValueError, match="alike"):
            extend_together([first, other], ToyModel())


def test_sdxl_is_a_model_that_works_together() -> None:
    from softextend.sampling.together import Together

    assert issubclass(SdxlModel, Together)
    assert not isinstance(ToyModel(), Together)
