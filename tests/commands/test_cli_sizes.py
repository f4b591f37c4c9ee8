"""Sizes on the command line: sides in every form, targets, anchors, fitting and trimming, from options to recipes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from running import Run, photo, pixels, recipe, size

from softextend.commands.argv import join_sides
from softextend.errors import BadRequest

# --- `--sides` before it is parsed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("extend a.jpg --sides 0 256 0 256", ["extend", "a.jpg", "--sides", "0 256 0 256"]),
        ("extend --sides 0 256 0 256 a.jpg", ["extend", "--sides", "0 256 0 256", "a.jpg"]),
        ("extend --sides 256 a.jpg", ["extend", "--sides", "256", "a.jpg"]),
        ("extend --sides 10% 5% a.jpg -o b.jpg", ["extend", "--sides", "10% 5%", "a.jpg", "-o", "b.jpg"]),
        ("extend --sides 10% 5% --seed 3 4.jpg", ["extend", "--sides", "10% 5%", "--seed", "3", "4.jpg"]),
        ("extend --sides 1 2px 3 -", ["extend", "--sides", "1 2px 3", "-"]),
        ("extend --sides 1 2 3 4 5.jpg", ["extend", "--sides", "1 2 3 4", "5.jpg"]),
        ("extend --sides=256 a.jpg", ["extend", "--sides", "256", "a.jpg"]),
        ("extend --sides=0 256 0 256 a.jpg", ["extend", "--sides", "0 256 0 256", "a.jpg"]),
        ("extend --sides 0 -4 0 0 a.jpg", ["extend", "--sides", "0 -4 0 0", "a.jpg"]),
        ("extend --sides 0 x 0 0 a.jpg", ["extend", "--sides", "0 x 0 0", "a.jpg"]),
        ("extend --sides 0 25O a.jpg", ["extend", "--sides", "0 25O", "a.jpg"]),
        ("extend a.jpg --sides 5 -- --sides 7", ["extend", "a.jpg", "--sides", "5", "--", "--sides", "7"]),
        ("extend a.jpg --size 10x10", ["extend", "a.jpg", "--size", "10x10"]),
        ("extend -h", ["extend", "-h"]),
        ("", []),
    ],
)
def test_which_words_belong_to_sides(line: str, expected: list[str]) -> None:
    assert join_sides(line.split()) == expected


def test_quoted_sides_take_no_more() -> None:
    assert join_sides(["--sides", "0 256", "7"]) == ["--sides", "0 256", "7"]
    assert join_sides(["--sides=0 256", "7"]) == ["--sides", "0 256", "7"]


@pytest.mark.parametrize("line", ["extend --sides", "extend --sides -o b.jpg", "extend --sides a.jpg", "--sides -- 5"])
def test_sides_without_a_value(line: str) -> None:
    with pytest.raises(BadRequest, match="one to four values"):
        join_sides(line.split())


@pytest.mark.parametrize("line", ["1 2 3 4 5", "0 16 0 0 25%", "0 16 0 0 10px", "0 16 0 0 -3"])
def test_a_fifth_value_is_no_file(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["--sides", *line.split()], [f"--sides={line[0]}", *line.split()[1:]]):
        with pytest.raises(BadRequest, match="takes one to four values"):
            join_sides(["extend", "a.jpg", *words])
    fifth = line.split()[-1]
    Path(fifth).touch()
    assert join_sides(["--sides", *line.split()])[-1] == fifth


def test_five_values_make_nothing(run: Run) -> None:
    photo("a.png")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, 0)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "--sides 0 16 0 0 0: takes one to four values" in ran.err
    assert not Path("a-extended.png").exists()


# --- results -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected", "corner"),
    [
        ("--sides 0 8 0 8", (64, 40), (8, 0)),
        ("--sides 8", (64, 56), (8, 8)),
        ("--sides 10% 25%", (72, 48), (12, 4)),
        ("--sides 0 25% 0 8px", (68, 40), (8, 0)),
        ("--sides 8 4 2", (56, 50), (4, 8)),
        ("--aspect 16:9", (71, 40), (12, 0)),
        ("--aspect 1:1 --anchor bottom", (48, 48), (0, 8)),
        ("--size 67x51 --anchor top-left", (67, 51), (0, 0)),
        ("--size 67x51 --anchor 0.3,0.5", (67, 51), (6, 6)),
        ("--scale 1.5 --anchor right", (72, 60), (24, 10)),
        ("--all 25%", (72, 60), (12, 10)),
        ("--all 8 --anchor top", (64, 56), (8, 0)),
    ],
)
def test_every_way_to_say_how_much(run: Run, asked: str, expected: tuple[int, int], corner: tuple[int, int]) -> None:
    before = np.asarray(photo("a.png"))
    for order in (["a.png", *asked.split()], [*asked.split(), "a.png"]):
        ran = run("extend", *order, "--seed", 5, "--overlap", 2, "--feather", 0, "--overwrite")
        assert (ran.code, ran.out) == (0, "a-extended.png\n"), ran.err
    assert size("a-extended.png") == expected
    left, top = corner
    now = pixels("a-extended.png")[top : top + 40, left : left + 48]
    assert np.array_equal(now[5:-5, 5:-5], before[5:-5, 5:-5])
    remembered = recipe("a-extended.png")
    assert remembered["original_box"] == {"left": left, "top": top, "width": 48, "height": 40}
    assert remembered["trimmed"] is None
    again = run("redo", "a-extended.png", "-o", "again.png")
    assert again.code == 0, again.err
    assert Path("again.png").read_bytes() == Path("a-extended.png").read_bytes()
    (planned,) = run("extend", "a.png", *asked.split(), "--dry-run", "--json", "-o", "c.png").facts
    assert planned["plan"]["output_size"] == {"width": expected[0], "height": expected[1]}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("", "--sides, --aspect, --size, --scale, --all"),
        ("--aspect 16:9 --scale 2", "--aspect 16:9 and --scale 2"),
        ("--sides 5 --all 5", "--sides 5 and --all 5"),
        ("--sides", "one to four values"),
        ("--sides 0 x 0 0", "'x'"),
        ("--sides 5 --anchor top", "--anchor top"),
        ("--sides 5 --fit", "--fit"),
        ("--aspect 3:2 --fit", "--size"),
        ("--aspect 16-9", "16:9"),
        ("--aspect 6:5", "nothing to add"),
        ("--size 100x20", "100x40 would hold it, or --fit scales it down to 24x20"),
        ("--size 48x40", "nothing to add"),
        ("--size 24x20 --fit", "nothing to add"),
        ("--size 4000x40", "--allow-large"),
        ("--scale 0.5", "above 1"),
        ("--scale 30", "--allow-large"),
        ("--all 0", "nothing to add"),
        ("--all 5 --anchor below", "top-right"),
        ("--all 5 --trim 5%", "auto"),
        ("--all 5 --trim 30", "nothing would be left"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, asked: str, says: str) -> None:
    photo("a.png")
    for command in ("extend", "prepare"):
        ran = run(command, "a.png", *asked.split(), "-q")
        assert (ran.code, ran.out) == (2, ""), ran.err
        assert ran.err.startswith("softextend: ")
        assert ran.err.count("\n") == 1
        assert says in ran.err
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == ["a.png"]


def test_prepare_takes_them_too(run: Run) -> None:
    photo("a.png")
    assert run("prepare", "a.png", "--aspect", "2:1", "--anchor", "right", "--fill", "edge").code == 0
    assert size("a-canvas.png") == (80, 40)
    mask = np.asarray(Image.open("a-mask.png"))
    assert (mask[:, :32] == 255).all()
    assert (mask[:, -4:] == 0).all()


def test_a_batch_to_one_size(run: Run) -> None:
    photo("p/a.png", 48, 40)
    photo("p/b.png", 200, 100)
    ran = run("extend", "p", "--size", "64x64", "--out-dir", "q", "--json")
    assert ran.code == 1
    good, bad = ran.facts
    assert (good["width"], good["height"]) == (64, 64)
    assert "200x100" in bad["error"]
    ran = run("extend", "p", "--size", "64x64", "--fit", "--out-dir", "q", "--json", "--skip-existing")
    clash, made = ran.facts  # --fit does nothing to the small one, but the options are others
    assert "made with other options (fit)" in clash["error"]
    assert (ran.code, made["scaled"]) == (1, [64, 32])
    assert size("q/b-extended.png") == (64, 64)


def test_fitting_keeps_the_profile_and_says_so(run: Run) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo("a.png", 200, 100, icc_profile=profile, dpi=(300, 300))
    ran = run("extend", "a.png", "--size", "100x80", "--fit", "--seed", 3)
    assert ran.code == 0, ran.err
    assert "scaled down from 200x100 to 100x50" in ran.err
    with Image.open("a-extended.png") as picture:
        assert picture.size == (100, 80)
        assert picture.info["icc_profile"] == profile
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert recipe("a-extended.png")["scaled"] == [100, 50]
    assert run("verify", "a-extended.png", "a.png").code == 0
    assert run("redo", "a-extended.png", "-o", "b.png").code == 0
    assert Path("a-extended.png").read_bytes() == Path("b.png").read_bytes()
    assert run("extend", "a.png", "--size", "300x200", "--fit", "-o", "c.png").code == 0
    assert recipe("c.png")["scaled"] is None


# --- borders -------------------------------------------------------------------------------------------------------


def edged(name: str, width: int = 4) -> np.ndarray[Any, Any]:
    """A photo whose right columns are a dark edge; the picture without it."""
    y, x = np.mgrid[:120, :160]
    texture = np.random.default_rng(0).normal(0, 12, (120, 160, 3))
    whole = (np.stack([90 + x / 2, 80 + y / 2, 120 + (x + y) / 4], 2) + texture).clip(0, 255).astype(np.uint8)
    whole[:, 160 - width :] = 8
    Image.fromarray(whole).save(name)
    return whole[:, : 160 - width]


def test_trim_is_off_but_a_suspicious_edge_is_said(run: Run) -> None:
    edged("a.png")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--seed", 1)
    assert ran.code == 0
    assert size("a-extended.png") == (176, 120)
    (line,) = (line for line in ran.err.splitlines() if "--trim auto" in line)
    assert "right 4 px" in line
    assert recipe("a-extended.png")["trimmed"] is None
    assert "--trim" not in run("extend", "a.png", "--sides", 16, "-o", "b.png", "--quiet").err


def test_trim_shaves_before_it_extends(run: Run) -> None:
    picture = edged("a.png")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--seed", 1, "--trim", "auto", "--json", "--band", 0)
    assert ran.code == 0, ran.err
    assert ran.err.count("trimmed to 156x120") == 1
    box = {"left": 0, "top": 0, "width": 156, "height": 120}
    (facts,) = ran.facts
    assert (facts["width"], facts["height"], facts["trimmed"]) == (156 + 16, 120, box)
    assert recipe("a-extended.png")["trimmed"] == box
    assert np.array_equal(pixels("a-extended.png")[:, :156], picture)
    checked = run("verify", "a-extended.png", "a.png")
    assert checked.code == 0, checked.err
    scored = run("score", "a-extended.png", "a.png", "--json")
    assert scored.code == 0, scored.err
    assert run("redo", "a-extended.png", "-o", "b.png").code == 0
    assert Path("a-extended.png").read_bytes() == Path("b.png").read_bytes()
    (planned,) = run("extend", "a.png", "--sides", 16, "--trim", "auto", "--dry-run", "--json", "-o", "c.png").facts
    assert planned["plan"]["input_size"] == {"width": 160, "height": 120}
    assert planned["plan"]["trimmed"] == box
    assert planned["plan"]["output_size"] == {"width": 188, "height": 152}
    shown = run("extend", "a.png", "--sides", 16, "--trim", "auto", "--dry-run", "-o", "c.png").out
    assert "160x120, trimmed to 156x120 at 0,0" in shown
    assert run("prepare", "a.png", "--sides", 0, 16, "--trim", "auto", "--fill", "edge").code == 0
    assert size("a-canvas.png") == (156 + 32, 120)


def test_trim_by_a_number_and_a_size_by_what_is_left(run: Run) -> None:
    before = np.asarray(photo("a.png"))
    ran = run("extend", "a.png", "--trim", 4, "--scale", 2, "--overlap", 1, "--feather", 0)
    assert ran.code == 0, ran.err
    assert size("a-extended.png") == (80, 64)
    assert np.array_equal(pixels("a-extended.png")[20:44, 24:56], before[8:32, 8:40])
    ran = run("extend", "a.png", "--trim", 4, "--size", "30x64", "--fit", "-o", "b.png")
    assert (ran.code, recipe("b.png")["scaled"]) == (0, [30, 24])


# --- help ----------------------------------------------------------------------------------------------------------


def test_help_names_them_all_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, softextend.cli as cli\n"
        "cli.run(['extend', '--help'])\n"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'cv2', 'torch', 'PIL')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"COLUMNS": "160"})
    assert ran.returncode == 0, ran.stderr
    for option in ("--sides", "--aspect", "--size", "--scale", "--all", "--anchor", "--fit", "--trim"):
        assert option in ran.stdout
    assert "TOP RIGHT BOTTOM LEFT" in ran.stdout


def test_recipes_are_json(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", "--all", "10%", "--anchor", "0.3,0.5", "--seed", 1).code == 0
    target = recipe("a-extended.png")["spec"]
    assert target["all"] == {"value": 10.0, "percent": True}
    assert target["anchor"] == [0.3, 0.5]
    assert json.dumps(target)
