"""Selection, verifying, scoring and sweeping from the command line, with a toy at the model seam."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data
from toymodel import put_toy

from softextend import cli
from softextend.pictures.read import read_recipe

Run = Callable[..., tuple[int, list[str], str]]
SIDES = ("--sides", 0, 24, 0, 24)


def opened(name: str) -> np.ndarray:
    with Image.open(name) as picture:
        return np.array(picture)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command line beside photo.png: (exit code, lines of stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOFTEXTEND_MODEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    put_toy(monkeypatch)
    Image.fromarray(data.coffee()[100:180, 200:310]).save("photo.png")

    def ran(*arguments: object) -> tuple[int, list[str], str]:
        code = cli.run([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return ran


def test_the_best_of_some_seeds_is_written(run: Run) -> None:
    code, lines, err = run("extend", "photo.png", *SIDES, "--seed", 3, "--best-of", 3, "--json")
    assert code == 0
    (facts,) = map(json.loads, lines)
    recipe = read_recipe(Path("photo-extended.png"))
    assert [each["seed"] for each in recipe["tries"]] == [3, 4, 5]
    best = max(recipe["tries"], key=lambda each: each["score"])
    assert facts["seed"] == recipe["seed"] == best["seed"]
    assert facts["score"] == pytest.approx(best["score"], abs=1e-3)
    assert err.count("score") >= 4
    assert sorted(path.name for path in Path().glob("*.png")) == ["photo-extended.png", "photo.png"]


def test_all_are_kept_where_asked(run: Run) -> None:
    assert run("extend", "photo.png", *SIDES, "--seed", 3, "--best-of", 3, "--keep-all")[0] == 0
    pictures = {seed: opened(f"photo-extended-{seed}.png") for seed in (3, 4, 5)}
    best = read_recipe(Path("photo-extended.png"))["seed"]
    assert np.array_equal(opened("photo-extended.png"), pictures[best])
    assert len({picture.tobytes() for picture in pictures.values()}) == 3
    assert read_recipe(Path("photo-extended-4.png"))["seed"] == 4
    code, _, err = run(
        "extend", "photo.png", *SIDES, "--seed", 3, "--best-of", 2, "--keep-all", "-o", "photo-extended.png"
    )
    assert code != 0
    assert "exists" in err


def test_the_best_can_be_made_again(run: Run) -> None:
    assert run("extend", "photo.png", *SIDES, "--seed", 3, "--best-of", 2, "--retry", 1)[0] == 0
    assert run("redo", "photo-extended.png", "-o", "again.png")[0] == 0
    first, again = (opened(name) for name in ("photo-extended.png", "again.png"))
    assert np.array_equal(first, again)


def test_a_retry_says_what_it_changes(run: Run) -> None:
    options = ("--seed", 3, "--fill", "edge", "--strength", 0.3, "--steps", 10, "--retry", 2)
    _, _, err = run("extend", "photo.png", *SIDES, *options)
    assert "retry 1 of 2: " in err
    assert "now " in err
    assert "seed 4" in err


def test_a_bad_result_is_an_error_for_scripts(run: Run) -> None:
    code, lines, err = run("extend", "photo.png", *SIDES, "--min-score", 1)
    assert code == 1
    assert "below --min-score 1" in err
    assert not lines
    assert not Path("photo-extended.png").exists()
    assert run("extend", "photo.png", *SIDES, "--min-score", 0)[0] == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--best-of", 0), "--best-of 0"),
        (("--retry", 21), "--retry 21"),
        (("--min-score", 2), "--min-score 2"),
        (("--best-of", 2, "--num", 2), "--num with --best-of"),
        (("--keep-all",), "--keep-all: there is one result"),
        (("--keep-all", "--best-of", 2, "-o", "-"), "stdout holds one picture"),
        (("--band", -1), "--band -1"),
    ],
)
def test_wrong_choices_are_said_before_work(run: Run, options: tuple[object, ...], says: str) -> None:
    code, _, err = run("extend", "photo.png", *SIDES, *options)
    assert code == 2
    assert says in err


def test_band_and_colour_reach_the_recipe(run: Run) -> None:
    assert run("extend", "photo.png", *SIDES, "--band", 0, "--no-color-match")[0] == 0
    recipe = read_recipe(Path("photo-extended.png"))
    assert recipe["band_px"] == 0
    assert recipe["kept_box"] == recipe["original_box"] == {"left": 24, "top": 0, "width": 110, "height": 80}
    assert recipe["spec"]["color_match"] is False
    inner = opened("photo-extended.png")[:, 24:-24]
    assert np.array_equal(inner, opened("photo.png"))


def test_verify_says_whether_the_original_is_there(run: Run) -> None:
    run("extend", "photo.png", *SIDES)
    code, lines, _ = run("verify", "photo-extended.png", "photo.png")
    assert code == 0
    assert "are the same" in lines[0]
    pixels = opened("photo.png")
    pixels[40, 55] ^= 8
    Image.fromarray(pixels).save("other.png")
    code, lines, _ = run("verify", "photo-extended.png", "other.png", "--json")
    facts = json.loads(lines[0])
    assert code == 1
    assert not facts["holds"]
    assert facts["difference"]["count"] == 1
    assert (facts["difference"]["left"], facts["difference"]["top"]) == (55 + 24, 40)
    code, _, err = run("verify", "photo.png", "photo.png")
    assert code == 1
    assert "no recipe" in err
    run("extend", "photo.png", *SIDES, "-o", "wide.jpg")
    code, lines, _ = run("verify", "wide.jpg", "photo.png")
    assert code == 1
    assert "JPEG rounds" in lines[0]


def test_a_painted_result_is_verified_by_the_mask_of_its_recipe(run: Run) -> None:
    mask = np.zeros((80, 110), np.uint8)
    mask[:, 70:] = 255
    Image.fromarray(mask).save("mask.png")
    assert run("paint", "photo.png", "mask.png")[0] == 0
    code, lines, _ = run("verify", "photo-painted.png", "photo.png")
    assert code == 0
    assert "outside the mask" in lines[0]
    Path("mask.png").unlink()
    code, _, err = run("verify", "photo-painted.png", "photo.png")
    assert code == 2
    assert "--mask" in err


def test_score_finds_the_original_in_any_picture(run: Run) -> None:
    scene = data.coffee()
    Image.fromarray(scene).save("scene.png")
    code, lines, _ = run("score", "scene.png", "photo.png", "--json")
    facts = json.loads(lines[0])
    assert code == 0
    assert facts["box"] == {"left": 200, "top": 100, "width": 110, "height": 80}
    assert 0 < facts["scores"]["total"] <= 1
    code, lines, _ = run("score", "scene.png", "photo.png")
    assert any("gradient step" in line for line in lines)
    Image.fromarray(data.chelsea()).save("cat.png")
    code, _, err = run("score", "cat.png", "photo.png")
    assert code == 1
    assert "is not in cat.png" in err


def test_a_sweep_is_one_sheet_and_the_command_of_its_best_cell(run: Run) -> None:
    options = ("--strength", "0:0.4:0.4", "--fill", "mirror,telea:radius=2", "--seed", 4, "-p", "two words")
    code, lines, err = run("sweep", "photo.png", *SIDES, *options, "--overlap", 6)
    assert code == 0
    assert lines[0] == "photo-sweep.png"
    assert opened("photo-sweep.png").shape[1] > 2 * 158
    assert err.count("  seam score ") == 5  # of each cell, and of the best
    words = shlex.split(lines[1])
    assert words[:3] == ["softextend", "extend", "photo.png"]
    assert words[words.index("--prompt") + 1] == "two words"
    assert words[words.index("--overlap") + 1] == "6"
    assert words[words.index("--seed") + 1] == "4"
    assert words[words.index("--model") + 1] == "self"
    assert run(*words[1:])[0] == 0
    code, _, err = run("sweep", "photo.png", *SIDES, *options)
    assert code == 1
    assert "exists" in err
    code, lines, _ = run("sweep", "photo.png", *SIDES, *options, "--overwrite", "--json")
    facts = json.loads(lines[0])
    assert len(facts["cells"]) == 4
    assert facts["output"] == "photo-sweep.png"
    best = max(facts["cells"], key=lambda each: each["total"])
    made = read_recipe(Path("photo-extended.png"))
    assert made["scores"]["total"] == pytest.approx(best["total"], abs=2e-3)


def test_cells_of_one_strength_go_through_the_model_together(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["softextend.extend"]
    sample, rows = module.sample_filled, []

    def counted(filled: list[Any], *given: Any) -> Any:
        rows.append(len(filled))
        return sample(filled, *given)

    monkeypatch.setattr(module, "sample_filled", counted)
    sheets = []
    for batch in (1, 2, "auto"):
        line = ("sweep", "photo.png", *SIDES, "--strength", "0,0.4", "--fill", "mirror,telea,edge", "--seed", 4)
        code, lines, _ = run(*line, "--batch", batch, "--overwrite", "--json")
        assert code == 0
        sheets.append((Path("photo-sweep.png").read_bytes(), lines))
    assert rows == [*[1] * 6, 2, 2, 1, 1, *[1] * 6]
    assert sheets[0] == sheets[1] == sheets[2]


def test_a_sweep_without_a_good_cell_names_no_winner(run: Run) -> None:
    code, lines, err = run("sweep", "photo.png", *SIDES, "--strength", 0.8, "--fill", "gray,edge", "--seed", 4)
    assert (code, lines) == (0, ["photo-sweep.png"])
    assert "best: none, a seam shows in all 2" in err
    code, lines, _ = run("sweep", "photo.png", *SIDES, "--strength", 0.8, "--fill", "gray", "--overwrite", "--json")
    assert json.loads(lines[0])["best"] is None


def test_a_low_score_says_in_words_that_a_seam_shows(run: Run) -> None:
    code, _, err = run("extend", "photo.png", *SIDES, "--fill", "gray", "--strength", 0, "-o", "grey.png")
    assert code == 0
    assert "seam score 0.0" in err
    assert "of 1: a seam shows" in err
    code, lines, _ = run("score", "grey.png", "photo.png")
    table = {" ".join(line.split()[:2]): line for line in lines}
    assert "1 is best, bad below 0.3: a seam shows" in table["seam score"]
    assert "1 or less is good, bad from 2 on: the old border shows" in table["colour step"]
    assert "bad below 0.6 and from 1.6 on: the new part is smoother" in lines[5]
    assert all("bad" in line for line in lines[1:])
    facts = json.loads(run("score", "grey.png", "photo.png", "--json")[1][0])
    assert facts["bad"][:2] == ["colour_step", "gradient_step"]


def test_a_batch_says_in_how_many_a_seam_shows(run: Run) -> None:
    Image.fromarray(opened("photo.png")[:, ::-1]).save("other.png")
    options = ("--fill", "gray", "--strength", 0, "--out-dir", "out")
    _, _, err = run("extend", "photo.png", "other.png", *SIDES, *options)
    assert "a seam shows in 2 of 2" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--strength", "1:0:1"), "--strength 1:0:1"),
        (("--fill", "edge,nothing"), "nothing"),
        (("--strength", "0.1", "--steps", "5"), "--steps"),
    ],
)
def test_wrong_sweeps_are_said_before_work(run: Run, options: tuple[str, ...], says: str) -> None:
    code, _, err = run("sweep", "photo.png", *SIDES, *options)
    assert code == 2
    assert says in err
