"""`softextend extend` from arguments to files, with a toy model: one picture, streams, batches, dry runs."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running import Run, photo, pixels, recipe, size


def test_a_picture_grows_beside_itself_and_keeps_its_middle(run: Run) -> None:
    before = photo("a.png")
    ran = run("extend", "a.png", "--sides", 8, 16, "25%", "24px", "--seed", 5)
    assert (ran.code, ran.out) == (0, "a-extended.png\n")
    assert size("a-extended.png") == (48 + 16 + 24, 40 + 8 + 10)
    middle = slice(8 + 20, 8 + 22), slice(24 + 22, 24 + 26)
    assert np.array_equal(pixels("a-extended.png")[middle], np.asarray(before)[20:22, 22:26])
    assert "seed" in ran.err
    assert "model: self (built in" in ran.err


def test_the_same_seed_gives_the_same_bytes_and_another_others(run: Run) -> None:
    photo("a.png")
    for name, seed in (("x.png", 5), ("y.png", 5), ("z.png", 6)):
        assert run("extend", "a.png", "--sides", 0, 16, 0, 0, "--seed", seed, "-o", name).code == 0
    assert Path("x.png").read_bytes() == Path("y.png").read_bytes()
    assert not np.array_equal(pixels("x.png"), pixels("z.png"))


def test_a_random_seed_is_said_and_recorded(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--json")
    (facts,) = ran.facts
    assert f"seed: {facts['seed']} (random" in ran.err
    assert recipe("a-extended.png")["seed"] == facts["seed"]


def test_a_json_line_says_all(run: Run) -> None:
    photo("a.png")
    given = ("--sides", 0, 16, 0, 0, "--overlap", 2, "--feather", 4, "--seed", 7)
    (facts,) = run("extend", "a.png", *given, "--json").facts
    assert facts.pop("seconds") >= 0
    assert facts.pop("scores")["total"] == facts.pop("score")
    assert facts == {
        "input": "a.png",
        "output": "a-extended.png",
        "index": 0,
        "width": 64,
        "height": 40,
        "seed": 7,
        "model": "toy",
    }


def test_quiet_says_nothing(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "-q")
    assert (ran.code, ran.out, ran.err) == (0, "a-extended.png\n", "")


def test_verbose_tells_the_plan(run: Run) -> None:
    photo("a.png")
    assert "overlap" in run("extend", "a.png", "--sides", 0, 16, 0, 0, "-v").err


def test_the_format_follows_the_name_or_the_option(run: Run) -> None:
    photo("a.jpg")
    for arguments, name, form in (
        ((), "a-extended.jpg", "JPEG"),
        (("-o", "b.webp"), "b.webp", "WEBP"),
        (("--format", "tiff"), "a-extended.tif", "TIFF"),
    ):
        assert run("extend", "a.jpg", "--sides", 0, 16, 0, 0, *arguments).out == f"{name}\n"
        with Image.open(name) as picture:
            assert picture.format == form


def test_options_reach_the_recipe_and_the_loader(run: Run) -> None:
    photo("a.png")
    options = "-p sea -n people --strength 0.5 --steps 4 --guidance 2 --sampler ddim --fill gray:color=#102030 "
    options += "--overlap 3 --feather 4 --change 0.9 --device cpu --dtype float32 --offload model --vae v.safetensors"
    assert run("extend", "a.png", "--sides", 0, 16, 0, 0, *options.split()).code == 0
    asked = recipe("a-extended.png")["spec"]
    expected = {
        "prompt": "sea",
        "negative": "people",
        "strength": 0.5,
        "steps": 4,
        "guidance": 2.0,
        "sampler": "ddim",
        "fill": "gray:color=#102030",
        "overlap": 3,
        "feather": 4,
        "change": 0.9,
    }
    assert {key: asked[key] for key in expected} == expected
    (loaded,) = run.loads  # type: ignore[attr-defined]
    assert (loaded["device"], loaded["dtype"], loaded["offload"].value) == ("cpu", "float32", "model")
    assert loaded["vae"] == Path("v.safetensors")


def test_variations_have_their_seeds_in_their_names(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--seed", 7, "--num", 3)
    assert ran.lines == ["a-extended-7.png", "a-extended-8.png", "a-extended-9.png"]
    run("extend", "a.png", "--sides", 0, 16, 0, 0, "--seed", 8, "-o", "alone.png")
    assert np.array_equal(pixels("alone.png"), pixels("a-extended-8.png"))
    assert len(run.loads) == 2  # type: ignore[attr-defined]


def test_intermediates_go_where_they_are_wanted(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", "--sides", 0, 16, 0, 0, "--save-steps", "s").code == 0
    assert sorted(path.name for path in Path("s").iterdir()) == [
        f"a-extended-{x}.png" for x in ("canvas", "mask", "raw")
    ]
    mask = np.asarray(Image.open("s/a-extended-mask.png"))
    assert mask.shape == (40, 64)
    assert mask[:, 48:].min() == 255
    assert mask[:, 0].max() == 0


def test_transparent_areas_are_filled_without_sides(run: Run) -> None:
    picture = photo("a.png").convert("RGBA")
    picture.paste((0, 0, 0, 0), (32, 0, 48, 40))
    picture.save("a.png")
    assert run("extend", "a.png", "--sides", 0, 0, 0, 0).code == 0
    assert size("a-extended.png") == (48, 40)


def test_what_cannot_be_done_is_said(run: Run) -> None:
    photo("a.png")
    assert "takes no prompt" in run("extend", "a.png", "--sides", 0, 16, 0, 0, "-p", "sea").err
    assert "no recipe" in run("extend", "a.png", "--sides", 0, 16, 0, 0, "-o", "b.bmp").err


def test_the_built_in_model(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = photo("a.png")
    monkeypatch.undo()  # the real loader
    monkeypatch.chdir(tmp_path)
    named = ("--overlap", 4, "--feather", 8, "--seed", 1)
    ran = run("extend", "a.png", "--sides", 0, 8, 0, 8, "--model", "self", *named)
    assert (ran.code, ran.out) == (0, "a-extended.png\n")
    assert ran.err.startswith("a-extended.png: 64x40, seed 1")  # and nothing of what libraries say
    assert np.array_equal(pixels("a-extended.png")[:, 28:36], np.asarray(before)[:, 20:28])


def test_a_pipe_on_stderr_gets_lines_about_steps(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softextend.commands.progress.PATIENCE", 0.0)
    photo("a.png")
    assert re.search(r"a\.png: step 2 of 5, about \d+ s left", run("extend", "a.png", "--sides", 0, 16, 0, 0).err)


def test_lines_about_steps_begin_anew_with_each_seed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softextend.commands.progress.PATIENCE", 0.0)
    photo("a.png")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--best-of", 2)
    assert ran.code == 0, ran.err
    assert len(re.findall(r"a\.png: step 2 of 5, about \d+ s left", ran.err)) == 2


def as_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def test_a_pipeline_of_bytes(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    photo("a.jpg")
    as_stdin(monkeypatch, Path("a.jpg").read_bytes())
    ran = run("extend", "-", "--sides", 0, 16, 0, 0)
    with Image.open(io.BytesIO(ran.out.encode("latin-1"))) as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 40))
    assert ran.code == 0
    assert "stdout: 64x40" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg"]


def test_lists_of_paths(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    photo("b c.png")
    Path("list").write_text("a.png\nb c.png\n")
    ran = run("extend", "--files-from", "list", "--sides", 0, 16, 0, 0)
    assert ran.lines == ["a-extended.png", "b c-extended.png"]
    as_stdin(monkeypatch, b"a.png\0b c.png\0")
    assert run("extend", "--files-from", "-", "--sides", 0, 16, 0, 0, "--overwrite").lines == ran.lines


def test_a_folder_is_one_model_load_and_one_bad_picture_stops_nothing(run: Run) -> None:
    for name in ("a.png", "c.jpg"):
        photo(f"p/{name}")
    Path("p/b.png").write_text("no picture")
    ran = run("extend", "p", "--sides", 0, 16, 0, 0, "--out-dir", "out/new")
    assert ran.code == 1
    assert ran.lines == ["out/new/a-extended.png", "out/new/c-extended.jpg"]
    assert len(run.loads) == 1  # type: ignore[attr-defined]
    assert "softextend: p/b.png: is text" in ran.err
    assert ran.err.splitlines()[-1].startswith("2 made, 1 failed")
    assert "Traceback" not in ran.err


def test_a_failure_is_a_json_line_too(run: Run) -> None:
    photo("a.png")
    Path("b.png").write_text("no picture")
    good, bad = run("extend", "a.png", "b.png", "--sides", 0, 16, 0, 0, "--json").facts
    assert "error" not in good
    assert (bad["input"], bad["output"]) == ("b.png", None)
    assert "is text" in bad["error"]


def test_a_batch_resumes(run: Run) -> None:
    for name in "abc":
        photo(f"p/{name}.png")
    assert run("extend", "p/b.png", "--sides", 0, 16, 0, 0).code == 0
    before = Path("p/b-extended.png").read_bytes()
    ran = run("extend", "p", "--sides", 0, 16, 0, 0, "--skip-existing")
    assert ran.lines == ["p/a-extended.png", "p/c-extended.png"]
    assert Path("p/b-extended.png").read_bytes() == before
    assert "2 made, 1 skipped" in ran.err
    again = run("extend", "p", "--sides", 0, 16, 0, 0, "--skip-existing")
    assert (again.code, again.out) == (0, "")
    assert len(run.loads) == 2  # type: ignore[attr-defined]


def test_overwrite_replaces(run: Run) -> None:
    photo("a.png")
    Path("a-extended.png").write_text("old")
    assert run("extend", "a.png", "--sides", 0, 16, 0, 0, "--overwrite").code == 0
    assert size("a-extended.png") == (64, 40)


def test_a_fault_of_the_program_is_one_line_and_a_traceback_with_v(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    photo("b.png")
    monkeypatch.setattr(sys.modules["softextend.extend"], "quantise", lambda *given: {}["fault"])
    ran = run("extend", "a.png", "b.png", "--sides", 0, 16, 0, 0, "-q")
    assert (ran.code, ran.out) == (1, "")
    lines = ran.err.splitlines()
    assert [
        line.startswith(f"softextend: {name}: KeyError") for line, name in zip(lines, ("a.png", "b.png"), strict=True)
    ]
    assert "-v" in lines[0]
    assert "Traceback" in run("extend", "a.png", "--sides", 0, 16, 0, 0, "-v").err


def test_a_dry_run_shows_the_plan_and_does_nothing(run: Run, tmp_path: Path) -> None:
    photo("a.png")
    asked = ("--dry-run", "--out-dir", "new", "--save-steps", "steps", "--seed", 3)
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, *asked)
    assert ran.code == 0
    assert "64x40" in ran.out
    assert "new/a-extended.png" in ran.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]
    assert run.loads == []  # type: ignore[attr-defined]
    (facts,) = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--dry-run", "--json", "--seed", 3).facts
    assert (facts["input"], facts["outputs"], facts["plan"]["seed"]) == ("a.png", ["a-extended.png"], 3)


def test_a_dry_run_plans_even_where_the_result_exists(run: Run) -> None:
    photo("a.png")
    photo("a-extended.png")
    before = Path("a-extended.png").read_bytes()
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--dry-run")
    assert ran.code == 0
    assert "64x40" in ran.out
    assert "a-extended.png: exists already" in ran.err
    assert "exists" not in run("extend", "a.png", "--sides", 0, 16, 0, 0, "--dry-run", "--overwrite").err
    assert Path("a-extended.png").read_bytes() == before
