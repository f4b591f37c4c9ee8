"""The plan as a picture and on the command line: `--passes`, `--plan-image`, `--refine-strength`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from softextend import cli
from softextend.models import load
from softextend.models.profiles import SDXL_PROFILE
from softextend.options import Spec
from softextend.plan.drawing import EMPTY, LONGER, draw_plan, numbered
from softextend.plan.grammar import parse_sides
from softextend.plan.plan import resolve
from softextend.types import Box

SDXL = "stabilityai/stable-diffusion-xl-base-1.0"


@pytest.mark.parametrize("sides", ["0 300 0 0", "100 100 100 100", "0 1500 0 0"])
def test_the_drawing_shows_the_photo_the_new_area_and_every_window(sides: str) -> None:
    pixels = np.full((1500, 2000, 3), (30, 60, 90), np.uint8)
    settled = resolve(Spec.of(sides=parse_sides(sides), seed=0), SDXL_PROFILE, width=2000, height=1500)
    drawn = draw_plan(settled, pixels)
    width, height = settled.canvas.size
    assert max(drawn.shape) == min(LONGER, max(width, height))
    assert (drawn == (30, 60, 90)).all(2).any()
    assert (drawn == EMPTY).all(2).any() or sides == "100 100 100 100"
    windows = numbered(settled)
    assert len({index for _, index in windows}) == len(settled.passes)
    canvas = Box(top=0, left=0, bottom=height, right=width)
    for window, _ in windows:
        assert 0 <= window.top < window.bottom <= canvas.bottom
        assert 0 <= window.left < window.right <= canvas.right
    assert len(windows) == sum(part.work()[-1].windows for part in settled.each_pass())


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture larger than SDXL's window, and no model that could be loaded."""
    monkeypatch.setattr(load, "load_model", None)
    Image.fromarray(np.zeros((1500, 1800, 3), np.uint8)).save(tmp_path / "big.png")
    return tmp_path


def test_dry_run_tells_and_draws_the_plan(big: Path, capfd: pytest.CaptureFixture[str]) -> None:
    drawing = big / "plan.png"
    arguments = ["extend", big / "big.png", "--sides", "0 1200 0 0", "--model", SDXL, "--dry-run"]
    assert cli.run([str(each) for each in [*arguments, "--plan-image", drawing]]) == 0
    out = capfd.readouterr().out
    assert "3 passes" in out
    assert "denoiser calls" in out
    with Image.open(drawing) as shown:
        assert shown.size == (1600, 800)
    assert sorted(path.name for path in big.iterdir()) == ["big.png", "plan.png"]
    assert cli.run([str(each) for each in [*arguments, "--passes", "1"]]) == 0
    assert "1 pass," in capfd.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--passes", "many"], "--passes many: write auto or a whole number"),
        (["--passes", "0"], "--passes 0: must be from 1 to 64"),
        (["--refine-strength", "2"], "--refine-strength 2: must be from 0.01 to 1"),
        (["--plan-image", "plan.jpg"], "--plan-image plan.jpg: the drawing is a PNG"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    big: Path, capfd: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    code = cli.run(["extend", str(big / "big.png"), "--sides", "0 200 0 0", "--model", SDXL, "--dry-run", *more])
    assert code == 2
    assert said in capfd.readouterr().err


def test_refining_and_passes_are_refused_where_they_mean_nothing(big: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.full((1500, 1800), 255, np.uint8)).save(big / "mask.png")
    given = [str(big / "big.png"), "--model", "self", "--dry-run"]
    assert cli.run(["extend", *given, "--sides", "0 9 0 0", "--refine-strength", "0.3"]) == 2
    assert "self goes from coarse to fine by its own stages" in capfd.readouterr().err
    assert cli.run(["paint", given[0], str(big / "mask.png"), *given[1:], "--passes", "2"]) == 2
    assert "no such option: --passes" in capfd.readouterr().err  # paint adds nothing that would take several
