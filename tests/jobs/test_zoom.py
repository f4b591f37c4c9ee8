"""The pictures of a zoom-out and the frames between them: nothing jumps, and each is where its zoom says."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from filming import Array, astronaut, decoded, difference, moving, photo
from running import Run
from toymodel import ToyModel

from softextend.jobs import film, zoom
from softextend.jobs.zoom import Keyframe
from softextend.options import Spec
from softextend.pictures import video
from softextend.plan import motion
from softextend.plan.input import Input
from softextend.plan.motion import Motion
from softextend.sampling.progress import Silent

HAIR = 1e-9  # of a zoom: far below what a pixel shows, far above what APART hides
SPIKE = 1.25  # times what frames around it change by: the most that a frame with a new picture may change by


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


def test_large_photos_get_frames_that_a_screen_shows() -> None:
    assert film.largest(6000, 4000) == (3840, 2560)
    assert film.largest(576, 576) == (576, 576)
