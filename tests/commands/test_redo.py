"""`softextend redo`: a result's own recipe makes it again, and follows files that move."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from running import Run, photo


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_a_recipe_runs_again(run: Run, form: str) -> None:
    photo("p/a.png")
    run("extend", "p/a.png", "--sides", 0, "30%", 0, 0, "-p", "sea", "--out-dir", "q", "--format", form)
    (result,) = Path("q").iterdir()
    ran = run("redo", result)
    assert ran.code == 0
    (again,) = (Path(line) for line in ran.lines)
    assert again.stem == "a-extended-redo"
    assert again.read_bytes() == result.read_bytes()


def test_a_recipe_follows_files_that_move_and_says_when_they_differ(run: Run) -> None:
    photo("p/a.png")
    run("extend", "p/a.png", "--sides", 0, 16, 0, 0)
    Path("p").rename("r")
    assert run("redo", "r/a-extended.png", "-o", "b.png").code == 0
    Path("r/a.png").rename("away.png")
    gone = run("redo", "r/a-extended.png", "-o", "c.png")
    assert gone.code == 2
    assert "--input" in gone.err
    assert run("redo", "r/a-extended.png", "--input", "away.png", "-o", "c.png").code == 0
    photo("other.png", 50, 40)
    assert "differs" in run("redo", "r/a-extended.png", "--input", "other.png", "-o", "d.png").err


def test_a_painting_runs_again(run: Run) -> None:
    photo("a.png")
    Image.new("L", (48, 40), 255).save("m.png")
    assert run("paint", "a.png", "m.png", "-o", "b.png").code == 0
    assert run("redo", "b.png", "-o", "c.png").code == 0
    assert Path("b.png").read_bytes() == Path("c.png").read_bytes()
