"""`softextend zoom`: films decoded again, numbered pictures, and what is refused before any model is loaded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filming import APART, astronaut, decoded, difference, photo
from PIL import Image, ImageCms
from running import Run, pixels, size

from softextend.jobs import zoom
from softextend.models import find
from softextend.pictures import read, video


def test_the_same_seed_gives_the_same_film(run: Run) -> None:
    """Frame by frame as PNG: the bytes of an MP4 are the encoder's, and its threads may settle them differently."""
    photo("a.png")
    for name, seed in (("x", 1), ("y", 1), ("z", 2)):
        assert (
            run("zoom", "a.png", "--factor", 1.5, "--seconds", 0.5, "--seed", seed, "-o", f"{name}/%04d.png").code == 0
        )
    first, again, other = ([pixels(path) for path in sorted(Path(name).glob("*.png"))] for name in "xyz")
    assert len(first) == len(again) == len(other) == 15
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_animated_pictures(run: Run, suffix: str) -> None:
    picture = photo("a.png")
    ran = run("zoom", "a.png", "--factor", 2, "--seconds", 1, "--fps", 15, "--seed", 3, "-o", f"z.{suffix}")
    assert (ran.code, ran.out) == (0, f"z.{suffix}\n"), ran.err
    with Image.open(f"z.{suffix}") as film:
        shown, lasts = [], []
        for index in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(index)
            shown.append(np.asarray(film.convert("RGB")))
            lasts.append(film.info["duration"])
        assert film.info["loop"] == 0
    assert len(shown) == 15
    assert sum(lasts) == 1000
    assert shown[0].shape == (48, 64, 3)
    assert difference(shown[0], picture) < 8
    assert difference(shown[-1][18:30, 24:40], astronaut(32, 24)[6:18, 8:24]) < 12


@pytest.mark.parametrize("output", ["frames", "frames/", "deep/er/f%03d.png"])
def test_numbered_pictures(run: Run, output: str) -> None:
    picture = photo("a.png")
    ran = run("zoom", "a.png", "--factor", 2, "--seconds", 1, "--fps", 6, "--seed", 3, "-o", output)
    assert ran.code == 0, ran.err
    folder = Path(output) if "%" not in output else Path(output).parent
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"f{number:03d}.png" if "%" in output else f"{number:04d}.png" for number in range(1, 7)]
    assert np.array_equal(pixels(folder / names[0]), picture)  # not a level lost
    assert read.read_recipe(folder / names[0])["zoom"]["factor"] == 2
    again = run("redo", folder / names[0])
    assert (again.code, "is a film" in again.err) == (2, True)


def test_zooming_in_ends_with_the_photo(run: Run) -> None:
    picture = photo("a.png")
    for name, more in (("out", ()), ("in", ("--reverse",))):
        assert run("zoom", "a.png", "--seconds", 0.5, "--fps", 8, "--seed", 3, "-o", name, *more).code == 0
    assert np.array_equal(pixels("in/0004.png"), picture)
    assert np.array_equal(pixels("in/0001.png"), pixels("out/0004.png"))


def test_odd_sizes(run: Run) -> None:
    photo("a.png", 65, 49)
    asked = ("zoom", "a.png", "--factor", 1.5, "--seconds", 0.3, "--seed", 1)
    ran = run(*asked, "-o", "z.mp4")
    assert "64x48, not 65x49" in ran.err
    assert decoded("z.mp4")[1][0].shape == (48, 64, 3)
    assert run(*asked, "-o", "z.webp").code == 0
    assert size("z.webp") == (65, 49)


def test_another_shape_keeps_the_whole_photo(run: Run) -> None:
    picture = photo("a.png")
    ran = run("zoom", "a.png", "--size", "64x96", "--factor", 1.5, "--seconds", 0.3, "--seed", 1, "-o", "z")
    assert ran.code == 0, ran.err
    first = pixels("z/0001.png")
    assert first.shape == (96, 64, 3)
    assert np.array_equal(first[44:52], picture[20:28])
    assert first[:20].std() > 0


def test_borders_are_shaved_or_said(run: Run) -> None:
    framed = np.zeros((56, 72, 3), np.uint8)
    framed[4:52, 4:68] = astronaut()
    Image.fromarray(framed).save("a.png")
    asked = ("zoom", "a.png", "--factor", 1.5, "--seconds", 0.2, "--seed", 1)
    assert "--trim auto" in run(*asked, "-o", "x").err
    ran = run(*asked, "--trim", "4", "-o", "y")
    assert "trimmed to 64x48" in ran.err
    assert np.array_equal(pixels("y/0001.png"), astronaut())


def test_the_photo_ends_up_where_the_anchor_says(run: Run) -> None:
    photo("a.png")
    asked = ("--factor", 2, "--seconds", 0.2, "--seed", 1, "--anchor", "bottom-right")
    assert run("zoom", "a.png", *asked, "-o", "z").code == 0
    corner = pixels("z/0006.png")[24:, 32:]
    assert difference(corner[12:], astronaut(32, 24)[12:]) < difference(corner[12:], pixels("z/0006.png")[:12, :32]) / 3


def test_a_photo_in_another_colour_space(run: Run) -> None:
    """Films are sRGB: a profile that swaps nothing changes nothing, beyond rounding."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = photo("a.png", icc_profile=profile)
    assert run("zoom", "a.png", "--factor", 1.5, "--seconds", 0.2, "--seed", 1, "-o", "z").code == 0
    assert np.abs(pixels("z/0001.png").astype(int) - picture).max() <= 2


def test_pictures_that_frames_are_cut_from_can_be_kept(run: Run) -> None:
    photo("a.png")
    asked = ("zoom", "a.png", "--factor", 2, "--seconds", 0.2, "--save-steps", "k", "--seed", 1)
    assert run(*asked, "-o", "z.gif").code == 0
    names = sorted(path.name for path in Path("k").iterdir())
    assert names == ["a-00-1.00x.png", "a-01-1.41x.png", "a-02-2.00x.png"]
    refused = run(*asked, "-o", "y.gif")
    assert (refused.code, "a-00-1.00x.png: exists" in refused.err) == (1, True)


def test_a_dry_run_prints_pictures_and_frames(run: Run, tmp_path: Path) -> None:
    photo("a.png")
    ran = run("zoom", "a.png", "--factor", 8, "--seconds", 2, "--dry-run", "--json", "--seed", 1)
    (facts,) = ran.facts
    assert facts["outputs"] == ["a-zoom.mp4"]
    assert facts["plan"]["zooms"] == pytest.approx([2 ** (index / 2) for index in range(7)], rel=APART)
    assert (facts["plan"]["frames"], facts["plan"]["frame_size"]) == (60, {"width": 64, "height": 48})
    shown = run("zoom", "a.png", "--factor", 8, "--seconds", 2, "--dry-run").out
    assert "1.00x, 1.41x, 2.00x, 2.83x, 4.00x, 5.66x, 8.00x" in shown
    assert "60 of 64x48" in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]
    assert run.loads == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ("--factor 1", 2, "from 1.1 to 64"),
        ("--factor nan", 2, "from 1.1 to 64"),
        ("--seconds 0", 2, "from 0.1 to 600"),
        ("--fps 0", 2, "from 1 to 120"),
        ("--fps nan", 2, "from 1 to 120"),
        ("--seconds 0.1 --fps 5", 2, "2 are needed"),
        ("--anchor below", 2, "--anchor"),
        ("--size 64", 2, "such as 1920x1080"),
        ("--trim 40", 2, "nothing would be left"),
        ("--size 8x8", 2, "16 px"),
        ("--size 640x32", 2, "nearer"),
        ("--size 20000x15000", 2, "16384 px"),
        ("--num 2", 2, "no such option: --num"),
        ("--fill nonsense", 2, "nonsense"),
        ("-o z.avi", 2, ".avi"),
        ("-o -", 2, "a film is a file"),
        ("-o f%d.gif", 2, "numbered"),
        ("-o z.gif --fps 60", 2, "50 frames"),
        ("-o there.mp4", 1, "exists already"),
        ("-o there.mp4/frames", 1, "no folder"),
        ("-o full", 1, "0002.png: exists already"),
        ("-o full --overwrite --fps 2 --seconds 1", 1, "another film"),
        ("-o folder.gif", 1, "folder.gif"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_model(run: Run, options: str, code: int, says: str) -> None:
    photo("a.png")
    Path("there.mp4").write_bytes(b"precious")
    Path("full").mkdir()
    for number in (2, 7):
        photo(f"full/{number:04d}.png")
    Path("folder.gif").mkdir()
    (Path("folder.gif") / "0001.png").write_bytes(b"precious")
    ran = run("zoom", "a.png", "--seed", 1, *options.split())
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert len(ran.err.splitlines()) == 1
    assert says in ran.err
    assert run.loads == []  # type: ignore[attr-defined]
    assert Path("there.mp4").read_bytes() == b"precious"


def test_overwriting_is_asked_for(run: Run) -> None:
    photo("a.png")
    Path("z.mp4").write_bytes(b"old")
    asked = ("zoom", "a.png", "--factor", 1.5, "--seconds", 0.2, "--seed", 1, "-o")
    assert run(*asked, "z.mp4", "--overwrite").code == 0
    assert len(decoded("z.mp4")[1]) == 6
    assert run(*asked, "z").code == 0
    assert run(*asked, "z", "--overwrite").code == 0


def test_without_pyav_an_mp4_says_what_to_install_and_a_gif_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    monkeypatch.setattr(video.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "av", None)
    asked = ("zoom", "a.png", "--factor", 1.5, "--seconds", 0.2, "--seed", 1, "-q")
    ran = run(*asked)
    assert (ran.code, ran.out) == (1, "")
    assert "pip install 'softextend[video]'" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert run.loads == []  # type: ignore[attr-defined]
    assert run(*asked, "-o", "z.gif").code == 0


@pytest.mark.parametrize("name", ["z.mp4", "z.gif", "z.webp", "z"])
def test_nothing_half_written(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    photo("a.png")
    shown = zoom.frames

    def broken(*given: Any) -> Any:
        yield next(shown(*given))
        raise KeyboardInterrupt

    monkeypatch.setattr(zoom, "frames", broken)
    ran = run("zoom", "a.png", "--factor", 1.5, "--seconds", 1, "--seed", 1, "-o", name)
    assert ran.code == 130
    assert "Ctrl-C" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_the_built_in_model(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    photo("a.png")
    monkeypatch.undo()  # the real loader
    monkeypatch.chdir(tmp_path)
    ran = run("zoom", "a.png", "--model", "self", "--factor", 1.3, "--seconds", 0.3, "--seed", 1)
    assert (ran.code, ran.out) == (0, "a-zoom.mp4\n"), ran.err
    assert len(decoded("a-zoom.mp4")[1]) == 9
    assert find.resolve_model("self").kind == "self"
