"""A sweep: the values asked for, every cell on the sheet, the best one named."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from making import extended, planned
from skimage import data
from toymodel import ToyModel

from softextend.errors import BadRequest
from softextend.extend import Result
from softextend.jobs.sweep import (
    MOST_CELLS,
    Cell,
    best_of,
    grid,
    parse_fills,
    parse_strengths,
    sheet,
    together,
    winner_of,
)
from softextend.options import Spec
from softextend.plan.grammar import parse_sides

PIXELS = np.ascontiguousarray(data.coffee()[100:180, 200:320])


def asked(**more: object) -> Spec:
    return Spec.of(**{"sides": parse_sides("0 16 0 16"), "seed": 5, **more})


def make(spec: Spec) -> Result:
    return extended(PIXELS, np.ones(PIXELS.shape[:2], bool), spec, ToyModel())


def swept(specs: Sequence[Spec]) -> list[Cell]:
    return [Cell.of(each, make(each)) for each in specs]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.6:1.0:0.1", (0.6, 0.7, 0.8, 0.9, 1.0)),
        ("0:1:0.5", (0.0, 0.5, 1.0)),
        ("0.6:0.75:0.1", (0.6, 0.7)),
        ("0.5:0.5:0.1", (0.5,)),
        ("0.8", (0.8,)),
        ("0.8,0.6,0.8", (0.8, 0.6)),
    ],
)
def test_strengths(text: str, values: tuple[float, ...]) -> None:
    assert parse_strengths(text) == values


@pytest.mark.parametrize("text", ["", "a", "0.6:1.0", "1:0.6:0.1", "0:1:0", "0.5:2:0.5", "0.5,-1", "0:1:-0.1", "nan"])
def test_wrong_strengths(text: str) -> None:
    with pytest.raises(BadRequest, match="--strength"):
        parse_strengths(text)


def test_fills() -> None:
    assert parse_fills(None) == (None,)
    assert parse_fills("perlin,telea") == ("perlin", "telea")
    several = parse_fills("perlin:opacity=0.4,scale=90,telea,gray:color=#112233")
    assert [str(each).partition(":")[0] for each in several] == ["perlin", "telea", "gray"]
    assert "opacity=0.4" in str(several[0])
    assert "scale=90" in str(several[0])
    with pytest.raises(BadRequest, match="nothing"):
        parse_fills("perlin,nothing")


def test_the_grid_is_fills_by_strengths() -> None:
    specs = grid(asked(), ("edge", "telea"), (0.6, 0.8, 1.0))
    assert [(each.mask.fill, each.sampling.strength) for each in specs] == [
        (fill, strength) for fill in ("edge", "telea") for strength in (0.6, 0.8, 1.0)
    ]
    assert {each.seed for each in specs} == {5}
    with pytest.raises(BadRequest, match=f"at most {MOST_CELLS}"):
        grid(asked(), ("edge", "telea"), tuple(range(60)))


def test_cells_of_one_strength_go_together() -> None:
    known = np.ones(PIXELS.shape[:2], bool)
    fills = ("edge", "telea", "mirror")
    plans = [planned(PIXELS, known, each, ToyModel().profile)[1] for each in grid(asked(), fills, (0.5, 0.8))]
    assert together(plans, 1) == [[0], [1], [2], [3], [4], [5]]
    assert together(plans, 2) == [[0, 2], [1, 3], [4], [5]]
    assert together(plans, 9) == [[0, 2, 4], [1, 3, 5]]


GREEN = (90, 200, 120)


def test_every_cell_is_on_the_sheet_and_the_best_is_framed() -> None:
    cells = swept(grid(asked(), ("mirror", "telea"), (0, 0.8)))
    assert len(cells) == 4
    for cell in cells:
        assert cell.picture.shape == (80, 152, 3)
        assert f"score {cell.scores.total:.2f}" in cell.caption[0]
    best = best_of(cells)
    assert best.scores.total == pytest.approx(max(cell.scores.total for cell in cells), abs=1e-3)
    made = sheet(cells, 2)
    assert made.dtype == np.uint8
    assert made.shape[1] > 2 * 152
    for cell in cells:
        assert found(made, cell.picture)
    assert (made == GREEN).all(2).sum() > 500


def test_no_cell_wins_where_none_is_any_good() -> None:
    cells = swept(grid(asked(), ("edge", "telea"), (0.4, 0.8)))
    assert max(cell.scores.total for cell in cells) < 0.005
    assert winner_of(cells) is None
    assert not (sheet(cells, 2) == GREEN).all(2).any()


def found(large: np.ndarray, small: np.ndarray) -> bool:
    """Whether a picture lies somewhere in another, byte for byte."""
    firsts = np.argwhere((large == small[0, 0]).all(2))
    return any(
        np.array_equal(large[row : row + small.shape[0], column : column + small.shape[1]], small)
        for row, column in firsts
    )


def test_of_equal_cells_the_lowest_strength_is_best() -> None:
    result = make(asked())
    cells = [
        Cell(spec=asked(strength=each), picture=PIXELS, scores=result.scores, seconds=1.0) for each in (0.9, 0.6, 0.7)
    ]
    assert best_of(cells).spec.sampling.strength == 0.6


def test_large_pictures_are_small_on_the_sheet() -> None:
    result = dataclasses.replace(make(asked()), pixels=np.zeros((900, 1600, 3), np.uint8))
    cell = Cell.of(asked(), result)
    assert max(cell.picture.shape) == 480
