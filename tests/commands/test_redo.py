"""`softextend redo`: a result's own recipe makes it again, and follows files that move."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from running import Run, photo

from softextend.commands.redo import note_other_model


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


def test_another_model_or_a_changed_file_is_said_with_both_hashes_and_the_remedy() -> None:
    def notes(now: str | None, then: str | None) -> list[str]:
        said: list[str] = []
        laid = [{"kind": "lora", "file": "l.safetensors", "hash": "c" * 64}]
        model = SimpleNamespace(as_dict=lambda: {"hash": now, "conditions": laid})
        task = SimpleNamespace(ref=SimpleNamespace(name="x.safetensors"))
        before = SimpleNamespace(hash=then, model="/old/y.safetensors", files=frozenset({"d" * 64}))
        note_other_model(model, task, before, SimpleNamespace(note=said.append))  # type: ignore[arg-type]
        return said

    model, lora = notes("a" * 64, "b" * 64)
    assert model == (
        "model: this is x.safetensors (SHA-256 aaaaaaaaaa...), but the picture was made by y.safetensors (SHA-256 "
        "bbbbbbbbbb...): the new one will differ; for the same one give that file by --model"
    )
    assert lora.startswith("lora: l.safetensors (SHA-256 cccccccccc...) has changed since the picture was made: ")
    assert "(built in)" in notes("a" * 64, None)[0]
    assert len(notes("a" * 64, "a" * 64)) == 1, "of the model that made it nothing is said"


def test_redo_advises_only_options_that_it_has(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", "--all", 4, "-o", "b.png", "--strength", 0, "--fill", "edge").code == 0
    assert run("redo", "b.png").code == 0
    again = run("redo", "b.png")
    assert (again.code, "exists already; --overwrite replaces it" in again.err) == (1, True), again.err
    flags = {word.strip(",;:.") for word in again.err.split() if word.startswith("-")}
    assert flags <= {"--overwrite", "-o", "--out-dir"}
