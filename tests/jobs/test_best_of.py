"""Which result is kept, when another is tried and what is refused; scores of files that anything may have made."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from making import Told, extended
from PIL import Image
from skimage import data
from toymodel import Exact, ToyModel

from softextend.errors import BadPicture, BadRequest, BrokenPromise
from softextend.extend import Result
from softextend.finish.scores import score
from softextend.jobs.best_of import check_score, choose, scores_as_dict, strongest, visible_fault
from softextend.jobs.score import locate, score_files
from softextend.options import Selection, Spec
from softextend.pictures.write import write_picture
from softextend.plan.grammar import parse_sides
from softextend.plan.read_recipe import spec_of
from softextend.types import Predict, Scene


def photo(height: int = 120, width: int = 160) -> np.ndarray:
    return np.ascontiguousarray(data.coffee()[100 : 100 + height, 200 : 200 + width])


def asked(**more: object) -> Spec:
    return Spec.of(**{"sides": parse_sides("0 40 0 40"), "seed": 5, **more})


def made(spec: Spec, model: ToyModel | None = None, pixels: np.ndarray | None = None) -> Result:
    pixels = photo() if pixels is None else pixels
    return extended(pixels, np.ones(pixels.shape[:2], bool), spec, model or ToyModel())


def test_later_seeds_of_patch_lay_the_picture_out_otherwise() -> None:
    specs: list[Spec] = []

    def make(spec: Spec) -> Result:
        specs.append(spec)
        return made(spec, pixels=photo(48, 64))

    for fill, later in (("patch", "spread=1"), ("patch:spread=0.5", "spread=0.5"), ("edge", "edge")):
        specs.clear()
        choose(make, asked(strength=0.0, fill=fill), Selection(best_of=3), Told())
        assert [spec.seed for spec in specs] == [5, 6, 7]
        assert specs[0].mask.fill == fill
        assert all(later in (spec.mask.fill or "") for spec in specs[1:])


class Maker:
    """Results with the scores that a test hands out, by order."""

    def __init__(self, *totals: float, **faults: float) -> None:
        self.totals, self.faults = list(totals), faults
        self.specs: list[Spec] = []
        self.plain = made(asked(strength=0.0))

    def __call__(self, spec: Spec) -> Result:
        self.specs.append(spec)
        total = self.totals[len(self.specs) - 1]
        faults = {"leftover": 0.0, "gradient_step": 1.0, "colour_step": 1.0, "line": 1.0}
        faults |= self.faults if total < 0.5 else {}
        scores = dataclasses.replace(self.plain.scores, **{"texture": 1.0, **faults}, total=total)
        recipe = {
            **self.plain.recipe,
            "spec": {**self.plain.recipe["spec"], "strength": spec.sampling.strength},
            "plan": {**self.plain.recipe["plan"], "stages": [{"strength": spec.sampling.strength or 0.8}]},
        }
        return dataclasses.replace(self.plain, seed=spec.seed, scores=scores, recipe=recipe)


def test_the_best_seed_is_kept() -> None:
    told = Told()
    make = Maker(0.6, 0.9, 0.7)
    choice = choose(make, asked(), Selection(best_of=3), told)
    assert [each.seed for each in make.specs] == [5, 6, 7]
    assert choice.best.seed == 6
    assert [each.seed for each in choice.made] == [5, 6, 7]
    assert told.notes == [
        f"seed {seed}: seam score {score} of 1" for seed, score in ((5, "0.60"), (6, "0.90"), (7, "0.70"))
    ]
    assert [each["score"] for each in choice.best.recipe["tries"]] == [0.6, 0.9, 0.7]


def test_one_result_without_a_fault_is_made_once() -> None:
    make = Maker(0.9)
    choice = choose(make, asked(), Selection(retry=3), Told())
    assert len(make.specs) == 1
    assert "tries" not in choice.best.recipe


def test_leftover_of_the_fill_raises_the_strength_until_it_is_gone() -> None:
    told = Told()
    make = Maker(0.1, 0.2, 0.8, leftover=0.6)
    choice = choose(make, asked(), Selection(retry=5), told)
    assert [each.sampling.strength for each in make.specs] == [None, 0.9, 1.0]
    assert [each.seed for each in make.specs] == [5, 6, 7]
    assert choice.best.scores.total == 0.8
    assert told.notes[0] == "retry 1 of 5: the fill shows through (leftover 0.60); now strength 0.9, seed 6"


def test_a_seam_takes_another_seed() -> None:
    told = Told()
    make = Maker(0.1, 0.7, gradient_step=3.0)
    choice = choose(make, asked(strength=0.5), Selection(retry=2), told)
    assert [(each.sampling.strength, each.seed) for each in make.specs] == [(0.5, 5), (0.5, 6)]
    assert choice.best.seed == 6
    assert "a seam shows (gradient step 3.00); now seed 6" in told.notes[0]


def test_tries_end_and_the_best_of_them_is_kept() -> None:
    make = Maker(0.3, 0.2, 0.1, line=4.0)
    choice = choose(make, asked(), Selection(retry=2), Told())
    assert len(choice.made) == 3
    assert choice.best.seed == 5


def test_a_kept_result_can_be_made_again() -> None:
    choice = choose(made, asked(), Selection(best_of=3), Told())
    again = made(spec_of(json.loads(json.dumps(choice.best.recipe))))
    assert again.pixels.tobytes() == choice.best.pixels.tobytes()
    assert choice.best.scores.total == max(each.scores.total for each in choice.made)


def test_results_carry_their_scores() -> None:
    result = made(asked())
    assert result.recipe["scores"] == result.scores.as_dict()
    known = np.zeros(result.pixels.shape[:2], bool)
    known[:, 40:-40] = True
    assert result.scores == score(result.pixels, known, result.filled, band=result.recipe["band_px"])
    assert scores_as_dict(result)["score"] == round(result.scores.total, 3)


def test_strength_lowers_what_is_left_of_the_fill() -> None:
    class Dreaming(Exact):
        """Its denoiser knows one picture: another photo."""

        def predict(self, scene: Scene) -> Predict:
            height, width = scene.z0.shape[-2:]
            other = cv2.resize(data.chelsea(), (width, height)).astype(np.float32) / 127.5 - 1
            goal = torch.from_numpy(other).permute(2, 0, 1)[None]

            def noise(x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
                sigma = self.schedule.sigma_at(t)
                return (x * (1 + sigma**2) ** 0.5 - goal) / sigma

            return noise

    blended = [made(asked(fill="edge", strength=each, steps=20), Dreaming()) for each in (0.0, 0.9)]
    assert blended[0].scores.leftover > 0.9
    assert blended[1].scores.leftover < 0.4
    assert visible_fault(blended[0].scores) is not None


def test_material_that_is_meant_to_stay_is_no_leftover(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(asked(fill="mirror", strength=0.0)).scores.leftover > 0.9
    monkeypatch.setattr(sys.modules["softextend.extend"], "MATERIAL_FILLS", ("mirror",))
    assert made(asked(fill="mirror", strength=0.0)).scores.leftover == 0


def test_a_result_below_the_demand_is_an_error() -> None:
    result = made(asked())
    check_score(result.scores, Selection())
    check_score(result.scores, Selection(min_score=0.0))
    with pytest.raises(BrokenPromise, match=r"below --min-score 1 .*nothing was written.*--best-of"):
        check_score(result.scores, Selection(min_score=1.0))


@pytest.mark.parametrize(
    ("options", "says"),
    [({"best_of": 0}, "--best-of 0"), ({"retry": -1}, "--retry -1"), ({"min_score": 1.5}, "--min-score 1.5")],
)
def test_choosing_is_checked(options: dict, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        Selection(**options)


def test_strongest_is_zero_for_the_fill_alone() -> None:
    assert strongest(made(asked(strength=0.0))) == 0
    assert strongest(made(asked(strength=0.6))) == 0.6


def save(path: Path, pixels: np.ndarray, recipe: dict | None = None) -> Path:
    write_picture(path, pixels, format="PNG", overwrite=True, recipe=recipe)
    return path


def test_files_are_scored_by_their_recipe(tmp_path: Path) -> None:
    result = made(asked())
    paths = save(tmp_path / "r.png", result.pixels, result.recipe), save(tmp_path / "o.png", photo())
    scores, box = score_files(*paths)
    assert box == result.recipe["original_box"]
    assert scores.gradient_step == result.scores.gradient_step


@pytest.mark.parametrize("at", [(0, 0), (37, 81), (3, 130), (60, 0)])
@pytest.mark.parametrize("size", [(200, 330), (61, 47), (12, 9)])
def test_an_original_is_found_without_a_recipe(tmp_path: Path, at: tuple[int, int], size: tuple[int, int]) -> None:
    scene = data.coffee()
    original = np.ascontiguousarray(scene[100 + at[0] :, 120 + at[1] :][: size[0], : size[1]])
    box = {"left": 120 + at[1], "top": 100 + at[0], "width": size[1], "height": size[0]}
    assert locate(scene, original) == box
    path = tmp_path / "r.jpg"
    Image.fromarray(np.clip(scene.astype(int) + 5, 0, 255).astype(np.uint8)).save(path, quality=90)
    if min(size) > 20:
        assert score_files(path, save(tmp_path / "o.png", original))[1] == box


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    scene = data.coffee()
    other = np.ascontiguousarray(data.chelsea()[:150, :200])
    with pytest.raises(BadPicture, match="is not in result at its own size"):
        locate(scene, other)
    with pytest.raises(BadPicture, match=r"result is 600x400, smaller than original"):
        locate(scene, cv2.resize(scene, (800, 500)))
    paths = save(tmp_path / "r.png", scene), save(tmp_path / "o.png", scene)
    with pytest.raises(BadPicture, match="nothing was added"):
        score_files(*paths)
