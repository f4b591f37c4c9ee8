"""Zoom-outs: their geometry as plain numbers, their frames without jumps, and the films decoded again."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from running import Run, pixels, size
from skimage import data
from tolerances import rounding
from toymodel import ToyModel

from softextend.errors import BadRequest, OutputError
from softextend.jobs import film, zoom
from softextend.jobs.zoom import Keyframe
from softextend.models import find
from softextend.options import Spec
from softextend.pictures import read, video
from softextend.pictures.video import Film
from softextend.plan import motion
from softextend.plan.input import Input
from softextend.plan.motion import Motion
from softextend.sampling.progress import Silent
from softextend.types import Box, Sides

Array = np.ndarray[Any, Any]
APART = rounding("float64", terms=1000)  # of one number computed in two ways, in at most so many steps
HAIR = 1e-9  # of a zoom: far below what a pixel shows, far above what APART hides
SPIKE = 1.25  # times what frames around it change by: the most that a frame with a new picture may change by


def astronaut(width: int = 64, height: int = 48) -> Array:
    """A real photo, small."""
    return np.asarray(Image.fromarray(data.astronaut()[:384]).resize((width, height), Image.Resampling.LANCZOS))


def photo(path: str, width: int = 64, height: int = 48, **options: Any) -> Array:
    """The astronaut as a file, and its pixels."""
    picture = astronaut(width, height)
    Image.fromarray(picture).save(path, **options)
    return picture


def moving(width: int = 64, height: int = 48, **more: Any) -> Motion:
    return Motion(width=width, height=height, **{"factor": 2.0, "seconds": 1.0, "fps": Fraction(10), **more})


def difference(a: Array, b: Array) -> float:
    """Mean over all pixels and channels, in levels of 255."""
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).mean())


def decoded(path: str) -> tuple[Any, list[Array]]:
    """What a player knows of a film, and its frames."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        accurate = video.BICUBIC | video.ACCURATE_ROUNDING | 0x2000  # libswscale's fast ways are 1 to 2 levels darker
        shown = [
            each.reformat(format="rgb24", interpolation=accurate).to_ndarray() for each in container.decode(stream)
        ]
        context = stream.codec_context
        facts = {
            "codec": context.name,
            "pixels": context.pix_fmt,
            "matrix": context.colorspace,
            "range": context.color_range,
            "rate": stream.average_rate,
            "seconds": float(stream.duration * stream.time_base),
            "comment": container.metadata.get("comment", ""),
        }
    return facts, shown


# --- geometry ------------------------------------------------------------------------------------------------------


@given(factor=st.floats(1.1, 64))
def test_pictures_are_equal_steps_apart(factor: float) -> None:
    zooms = motion.keyframe_zooms(factor)
    assert zooms[0] == 1
    assert zooms[-1] == factor
    steps = [after / before for before, after in itertools.pairwise(zooms)]
    assert max(steps) <= motion.STEP * (1 + APART)
    assert max(steps) == pytest.approx(min(steps), rel=APART)


def test_no_more_pictures_than_needed() -> None:
    assert [len(motion.keyframe_zooms(factor)) for factor in (1.1, 2.0, 8.0, 64.0)] == [2, 3, 7, 13]


@given(factor=st.floats(1.1, 64), count=st.integers(2, 200))
def test_frames_are_a_constant_ratio_apart(factor: float, count: int) -> None:
    zooms = motion.frame_zooms(moving(factor=factor, seconds=count / 10))
    assert len(zooms) == count
    assert (zooms[0], zooms[-1]) == (1.0, factor)
    ratios = [after / before for before, after in itertools.pairwise(zooms)]
    assert max(ratios) == pytest.approx(min(ratios), rel=APART)
    assert motion.frame_zooms(moving(factor=factor, seconds=count / 10, reverse=True)) == zooms[::-1]


def test_easing_starts_and_ends_slowly() -> None:
    zooms = motion.frame_zooms(moving(factor=8.0, seconds=4.0, ease=True))
    speeds = np.diff(np.log(zooms))
    assert (zooms[0], zooms[-1]) == (1.0, 8.0)
    assert speeds.min() > 0
    assert max(speeds[0], speeds[-1]) < 0.1 * speeds.max()


@given(
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    scale=st.floats(1.0, 1.42),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_the_anchor_stays_where_it_is(width: int, height: int, scale: float, x: float, y: float) -> None:
    left, top, right, bottom = motion.placed((width, height), scale, (x, y))
    assert left + x * (right - left) == pytest.approx(x * width, abs=APART * width)
    assert top + y * (bottom - top) == pytest.approx(y * height, abs=APART * height)
    assert (right - left, bottom - top) == tuple(
        pytest.approx(extent / scale, rel=APART, abs=APART * extent) for extent in (width, height)
    )
    box = motion.inside((left, top, right, bottom))
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    sides = motion.around(box, (width, height))
    assert box.width + sides.left + sides.right == width
    source = motion.part_of((left, top, right, bottom), box, (width, height))
    assert 0 <= source[0] < source[2] <= width
    assert (source[2] - source[0]) / box.width == pytest.approx(scale, rel=1e-3)


@given(
    width=st.integers(16, 6000), height=st.integers(16, 6000), wide=st.integers(16, 4000), high=st.integers(16, 4000)
)
def test_the_photo_fits_into_any_frame(width: int, height: int, wide: int, high: int) -> None:
    shape = max(width * high / (height * wide), height * wide / (width * high))
    shown = min(width, height) * min(wide / width, high / height)
    if shape > motion.WIDEST or shown < motion.SMALLEST / 2:
        with pytest.raises(BadRequest, match="nearer"):
            motion.fit(width, height, moving(wide, high))
        return
    entry = motion.fit(width, height, moving(wide, high))
    left, top, right, bottom = entry.source
    assert 0 <= left < right <= width * (1 + APART)
    assert 0 <= top < bottom <= height * (1 + APART)
    across, down = entry.box.width / (right - left), entry.box.height / (bottom - top)
    assert across == pytest.approx(down, rel=1e-3)  # nothing is squeezed
    if entry.crops:
        cut = max(width - (right - left), height - (bottom - top))
        assert cut <= max(motion.CROP * max(width, height), 1) + APART * max(width, height)
    else:
        assert entry.sides == motion.around(entry.box, (wide, high))
        assert right - left > width - 2 / across
        assert bottom - top > height - 2 / down


def test_an_odd_photo_loses_one_line_and_is_not_resampled() -> None:
    entry = motion.fit(65, 49, moving(64, 48))
    assert entry.source == (0, 0, 64, 48)
    assert entry.crops


def test_rates() -> None:
    assert motion.Course(fps=23.976).rate == Fraction(24000, 1001)
    assert motion.Course(fps=29.97).rate == Fraction(30000, 1001)
    assert [motion.Course(fps=rate).rate for rate in (24.0, 30.0, 12.5)] == [24, 30, Fraction(25, 2)]
    with pytest.raises(BadRequest, match="--fps"):
        motion.Course(fps=math.inf)


@given(count=st.integers(1, 300), rate=st.fractions(1, 120), unit=st.sampled_from([100, 1000]))
def test_delays_add_up(count: int, rate: Fraction, unit: int) -> None:
    shown = video.delays(count, rate, unit)
    assert len(shown) == count
    assert sum(shown) == round(count * unit / rate)
    assert max(shown) - min(shown) <= 1 + (unit / rate % 1 > 0)


# --- frames --------------------------------------------------------------------------------------------------------


def shot(moves: Motion, picture: Array, known: Array | None = None, seed: int = 3) -> list[Keyframe]:
    """The pictures of a zoom, by the toy model."""
    known = np.ones(picture.shape[:2], bool) if known is None else known

    def silent(at: float) -> None:
        pass

    photo = Input(pixels=picture, known=known)
    return zoom.keyframes(photo, moves, Spec.of(seed=seed), ToyModel(), Silent(), on_picture=silent)


@pytest.mark.parametrize("anchor", [(0.5, 0.5), (0.0, 0.0), (0.3, 1.0)])
def test_each_picture_holds_the_one_before_it(anchor: tuple[float, float]) -> None:
    moves = moving(96, 72, anchor=anchor)
    made = shot(moves, astronaut(96, 72))
    box, scale = motion.step_box(moves), math.sqrt(2)
    for before, after in itertools.pairwise(made):
        inner = zoom.resample(
            before.pixels, motion.part_of(motion.placed(moves.size, scale, anchor), box, moves.size), box
        )
        same = (after.pixels[box.cut] == inner).all(axis=2)
        changed = ~same
        assert 0 < after.band <= min(box.width, box.height) // 2
        assert zoom.reach(changed, motion.around(box, moves.size)) == after.band
        assert same.mean() > 0.1


@pytest.mark.parametrize("anchor", [(0.5, 0.5), (0.0, 0.0), (0.3, 1.0)])
def test_no_jump_where_pictures_change(anchor: tuple[float, float]) -> None:
    """A hair before and after a picture's own zoom the frame is that picture, in the band and at the edges too."""
    moves = moving(96, 72, anchor=anchor)
    made = shot(moves, astronaut(96, 72))
    for each in made:
        assert np.array_equal(zoom.frame(made, each.zoom, moves), each.pixels)
        for close in (each.zoom * (1 - HAIR), each.zoom * (1 + HAIR)):
            if 1 <= close <= moves.factor:
                near = zoom.frame(made, close, moves)
                assert np.abs(near.astype(int) - each.pixels)[1:-1, 1:-1].max() <= 1
                assert difference(near, each.pixels) < 0.2


@pytest.mark.parametrize("anchor", [(0.5, 0.5), (0.2, 1.0)])
def test_every_frame_is_where_its_zoom_says(anchor: tuple[float, float]) -> None:
    """Pictures of a scene that is known at any zoom: each frame is that scene, to a fraction of a pixel."""
    moves = moving(97, 71, factor=2.0, seconds=4.0, anchor=anchor)

    def scene(at: float) -> Array:
        x = anchor[0] * 97 * (1 - at) + (np.arange(97) + 0.5) * at
        y = anchor[1] * 71 * (1 - at) + (np.arange(71) + 0.5) * at
        waves = 128 + 100 * np.sin(x / 11)[None] * np.cos(y / 13)[:, None]
        return np.repeat(np.rint(waves)[..., None], 3, axis=2).astype(np.uint8)

    made = [Keyframe(zoom=at, pixels=scene(at), band=8) for at in motion.keyframe_zooms(2.0)]
    for at, shown in zip(motion.frame_zooms(moves), zoom.frames(made, moves), strict=True):
        assert np.abs(shown.astype(int) - scene(at))[4:-4, 4:-4].max() <= 2


@pytest.mark.parametrize("anchor", [(0.5, 0.5), (1.0, 0.0)])
def test_the_speed_has_no_spikes(anchor: tuple[float, float]) -> None:
    moves = moving(96, 72, factor=4.0, seconds=4.0, fps=Fraction(20), anchor=anchor)
    made = shot(moves, astronaut(96, 72))
    zooms = motion.frame_zooms(moves)
    shown = list(zoom.frames(made, moves))
    steps = np.array([difference(*pair) for pair in itertools.pairwise(shown)])
    for each in made[1:-1]:
        after = next(index for index, at in enumerate(zooms) if at > each.zoom)
        around = np.r_[steps[after - 6 : after - 2], steps[after + 1 : after + 5]]
        assert steps[after - 2 : after + 1].max() <= SPIKE * around.max()


def test_the_middle_is_as_sharp_as_the_photo_made_smaller() -> None:
    moves = moving(128, 96, factor=4.0, seconds=1.0)
    made = shot(moves, astronaut(128, 96))
    small = astronaut(32, 24)
    middle = made[-1].pixels[36:60, 48:80]
    inner = (slice(7, 17), slice(9, 23))
    assert difference(middle[inner], small[inner]) < 4
    assert np.diff(middle[inner].astype(float), axis=1).std() > 0.85 * np.diff(small[inner].astype(float), axis=1).std()


def test_a_photo_with_gaps_is_completed_first() -> None:
    known = np.ones((48, 64), bool)
    known[20:28, 40:50] = False
    picture = astronaut().copy()
    picture[~known] = 0
    first = shot(moving(), picture, known)[0].pixels
    assert np.array_equal(first[:, :16], picture[:, :16])
    assert first[20:28, 40:50].mean() > 10


def test_gaps_stay_gaps_at_another_size() -> None:
    known = np.ones((96, 128), bool)
    known[40:60, 50:70] = False
    seen = zoom.shown(known, motion.fit(128, 96, moving(64, 48)))
    assert seen.shape == (48, 64)
    assert not seen[18:32, 23:37].any()
    assert seen[:, :15].all()


# --- films ---------------------------------------------------------------------------------------------------------


def test_an_mp4_decodes_to_what_was_asked(run: Run) -> None:
    picture = photo("a.png")
    ran = run("zoom", "a.png", "--factor", 2, "--seconds", 1.5, "--fps", 20, "--seed", 3, "-o", "z.mp4", "--json")
    assert ran.code == 0, ran.err
    assert ran.facts == [
        {
            "input": "a.png",
            "output": "z.mp4",
            "frames": 30,
            "fps": 20.0,
            "seconds": 1.5,
            "width": 64,
            "height": 48,
            "seed": 3,
            "model": "toy",
        }
    ]
    facts, shown = decoded("z.mp4")
    assert len(shown) == 30
    assert shown[0].shape == (48, 64, 3)
    assert facts.pop("comment").startswith('{"softextend"')
    assert facts == {
        "codec": "h264",
        "pixels": "yuv420p",
        "matrix": video.BT709,
        "range": video.LIMITED,
        "rate": 20,
        "seconds": 1.5,
    }
    assert difference(shown[0], picture) < 6  # H.264 with half the colour resolution, on a small picture
    assert np.abs(shown[0].mean((0, 1)) - picture.mean((0, 1))).max() < 1  # no shift of colour
    assert difference(shown[-1][18:30, 24:40], astronaut(32, 24)[6:18, 8:24]) < 10
    assert len(run.loads) == 1  # type: ignore[attr-defined]


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


# --- before the work -----------------------------------------------------------------------------------------------


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
        ("--num 2", 2, "No such option: --num"),
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


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("suffix", ["mp4", "gif", "webp"])
def test_a_file_that_cannot_grow_is_one_line(tmp_path: Path, suffix: str) -> None:
    """The system's own refusal, in the middle of a film."""
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from fractions import Fraction\n"
        "from pathlib import Path\n"
        "from softextend.pictures import video\n"
        "from softextend.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "frames = np.random.default_rng(0).integers(0, 256, (30, 96, 128, 3), dtype=np.uint8)\n"
        "size = {'width': 128, 'height': 96}\n"
        "film = video.Film(path=Path(sys.argv[1]), form=sys.argv[2], count=30, fps=Fraction(30), **size)\n"
        "try: video.write_film(film, iter(frames), palette=frames[0], recipe=None, overwrite=False)\n"
        "except OutputError as error: print(error)\n"
    )
    path = tmp_path / f"z.{suffix}"
    ran = subprocess.run(
        [sys.executable, "-c", code, path, suffix.upper()], capture_output=True, text=True, check=True, timeout=120
    )
    assert "cannot be written" in ran.stdout
    assert "larger than this disk allows" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_frames_are_streamed(tmp_path: Path) -> None:
    """A writer asks for a frame, writes it, and asks for the next: it never holds two films' worth."""
    alive: list[int] = []

    def one_by_one(count: int) -> Any:
        for index in range(count):
            picture = np.full((48, 64, 3), index * 8, np.uint8)
            alive.append(index)
            yield picture

    for form, name in (("MP4", "z.mp4"), ("GIF", "z.gif"), ("WEBP", "z.webp"), ("PNG", "z")):
        film = Film(path=tmp_path / name, form=form, count=12, fps=Fraction(12), width=64, height=48)
        palette = np.zeros((8, 8, 3), np.uint8)
        video.write_film(film, one_by_one(12), palette=palette, recipe=None, overwrite=False)
    assert len(alive) == 48
    with Image.open(tmp_path / "z.webp") as animated:
        assert animated.n_frames == 12  # type: ignore[attr-defined]
    with Image.open(tmp_path / "z.gif") as animated:
        assert animated.n_frames == 12  # type: ignore[attr-defined]


def test_large_photos_get_frames_that_a_screen_shows() -> None:
    assert film.largest(6000, 4000) == (3840, 2560)
    assert film.largest(576, 576) == (576, 576)


def test_the_built_in_model(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    photo("a.png")
    monkeypatch.undo()  # the real loader
    monkeypatch.chdir(tmp_path)
    ran = run("zoom", "a.png", "--model", "self", "--factor", 1.3, "--seconds", 0.3, "--seed", 1)
    assert (ran.code, ran.out) == (0, "a-zoom.mp4\n"), ran.err
    assert len(decoded("a-zoom.mp4")[1]) == 9
    assert find.resolve_model("self").kind == "self"


def test_sides_and_boxes_are_whole() -> None:
    assert motion.inside((1.2, 2.0, 5.9, 7.0)) == Box(left=2, top=2, right=5, bottom=7)
    assert motion.around(Box(left=2, top=1, right=5, bottom=7), (8, 8)) == Sides(top=1, right=3, bottom=1, left=2)


def test_an_encoder_that_refuses_is_one_line(tmp_path: Path) -> None:
    film = Film(path=tmp_path / "z.mp4", form="MP4", count=2, fps=Fraction(30), width=65, height=49)
    frames = np.zeros((2, 49, 65, 3), np.uint8)
    with pytest.raises(OutputError, match="cannot be encoded"):
        video.write_film(film, iter(frames), palette=frames[0], recipe=None, overwrite=False)
    assert list(tmp_path.iterdir()) == []
