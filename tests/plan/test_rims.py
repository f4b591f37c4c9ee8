"""A photo's own thin border is painted over where the picture goes on, within the band and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from running import Run, pixels

from softextend.options import Growth
from softextend.plan.input import prepare_input

HEIGHT, WIDTH, ADDED = 120, 160, 20


def framed(name: str, width: int, level: int) -> npt.NDArray[np.uint8]:
    """A photo of even texture with a border of that many px all around."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grain = np.random.default_rng(0).normal(0, 6, (HEIGHT, WIDTH, 3))
    whole = (np.stack([90 + x / 4, 80 + y / 4, 110 + (x + y) / 8], 2) + grain).clip(0, 255).astype(np.uint8)
    inside = whole[width : HEIGHT - width, width : WIDTH - width].copy()
    whole[:] = level
    whole[width : HEIGHT - width, width : WIDTH - width] = inside
    Image.fromarray(whole).save(name)
    return whole


def line(made: npt.NDArray[np.uint8], column: int) -> float:
    """Levels by which the columns around a column depart from those 6 px aside, at most: mean colours."""
    means = made.astype(float).mean((0, 2))
    return float(np.abs(means[column - 4 : column + 5] - (means[column - 10] + means[column + 10]) / 2).max())


@pytest.mark.parametrize("level", [5, 250])
@pytest.mark.parametrize("fill", ["patch", "edge", "telea"])
def test_a_thin_border_is_no_line_in_the_result(run: Run, fill: str, level: int) -> None:
    photo = framed("a.png", 2, level)
    words = ("--sides", 0, ADDED, "--seed", 1, "--strength", 0, "--fill", fill, "--overlap", 8, "--feather", 8)
    ran = run("extend", "a.png", *words, "--json")
    assert ran.code == 0, ran.err
    assert "painted over where the picture goes on" in ran.err
    made = pixels("a-extended.png")[12:-12]  # above and below nothing is added: what is there stays
    assert line(made, ADDED) < 5
    assert line(made, ADDED + WIDTH) < 5
    band = 12  # overlap and half the feather
    inner = slice(ADDED + band, ADDED + WIDTH - band)
    assert np.array_equal(pixels("a-extended.png")[:, inner], photo[:, band : WIDTH - band])
    assert run("verify", "a-extended.png", "a.png").code == 0


@pytest.mark.parametrize("level", [5, 250])
@pytest.mark.parametrize("model", [("--strength", 0), ("--steps", 4)])
def test_it_goes_on_along_edges_that_do_not_grow(run: Run, level: int, model: tuple[object, ...]) -> None:
    """Else a line would end in the middle of the upper and the lower edge."""
    photo = framed("a.png", 2, level)
    assert run("extend", "a.png", "--sides", 0, ADDED, "--seed", 1, *model, "--passes", 1).code == 0
    made = pixels("a-extended.png").astype(int)
    for row in (0, 1, -2, -1):
        assert np.abs(made[row] - level).mean() < 6
        assert np.abs(made[row] - level).max() < 30
    for row in (4, -5):
        assert np.abs(made[row, :ADDED].mean() - photo[row, 10:-10].mean()) < 25
    assert run("verify", "a-extended.png", "a.png").code == 0


def test_without_a_band_it_stays(run: Run) -> None:
    photo = framed("a.png", 2, 5)
    assert run("extend", "a.png", "--sides", 0, ADDED, "--seed", 1, "--strength", 0, "--band", 0).code == 0
    assert np.array_equal(pixels("a-extended.png")[:, ADDED : ADDED + WIDTH], photo)


def test_a_border_that_a_later_pass_meets_is_painted_over_too(run: Run) -> None:
    framed("a.png", 2, 5)
    words = ("--sides", ADDED, "--seed", 1, "--strength", 0, "--fill", "edge", "--overlap", 8, "--feather", 8)
    assert run("extend", "a.png", *words, "--passes", 2).code == 0
    made = pixels("a-extended.png")
    assert line(made, ADDED) < 5
    assert line(np.swapaxes(made, 0, 1), ADDED) < 5
    assert run("verify", "a-extended.png", "a.png").code == 0


def test_a_photo_without_a_border_is_made_as_if_none_were_looked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    framed("a.png", 0, 0)
    words = ("extend", "a.png", "--sides", 0, ADDED, "--seed", 1, "--strength", 0, "--fill", "edge")
    assert run(*words, "-o", "b.png").code == 0
    monkeypatch.setattr("softextend.plan.prepared.rims", lambda pixels, known: np.zeros_like(known))
    assert run(*words, "-o", "c.png").code == 0
    assert Path("b.png").read_bytes() == Path("c.png").read_bytes()


@pytest.mark.parametrize(("width", "said"), [(2, "painted over"), (20, "will show in the result")])
def test_what_becomes_of_a_border_is_said(width: int, said: str, tmp_path: Path) -> None:
    photo = framed(str(tmp_path / "a.png"), width, 5)
    (note,) = prepare_input(photo, np.ones((HEIGHT, WIDTH), np.bool_), Growth(all=10)).notes
    assert said in note
    assert "--trim auto crops" in note
