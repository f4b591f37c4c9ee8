"""No thing begins in mid-air: pieces of something larger that lie alone give way, whole things and texture stay."""

from __future__ import annotations

import cv2
import numpy as np

from softextend.fills.islands import sink
from softextend.fills.patch import Patch
from softextend.fills.pyramid import Level, outline

HEIGHT, WIDTH, LEFT = 160, 240, 80  # px; what is right of LEFT is known


def made(known: np.ndarray, pasted: np.ndarray) -> tuple[Level, np.ndarray]:
    """A level whose new area goes on with even ground, but for a piece of the photo at the place `pasted` (H, W).

    known: float32 (160, 160, 3). With the sources that each target copies: the ground's, or the piece's own.
    """
    trusted = np.zeros((HEIGHT, WIDTH), bool)
    trusted[:, LEFT:] = True
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    image[:, LEFT:] = known
    level = outline(image, trusted, 3)
    y, x = np.divmod(level.place, WIDTH)
    ground = np.clip(y, 4, HEIGHT - 5) * WIDTH + LEFT + 4 + x % 20
    source = np.where(pasted.ravel()[level.place], y * WIDTH + x + 130, ground).astype(np.int32)
    image.reshape(-1, 3)[level.hole] = image.reshape(-1, 3)[source[level.slot.ravel()[level.hole]]]
    return level, source


def sky(seed: int = 0) -> np.ndarray:
    """Even ground with a little grain; float32 (160, 160, 3)."""
    return (200 + np.random.default_rng(seed).normal(0, 2, (HEIGHT, WIDTH - LEFT, 3))).astype(np.float32)


def sunk(level: Level, source: np.ndarray, part: float = 0.4, *, laid: bool = False) -> int:
    """What `sink` does where nothing is shunned; `laid`: all that is new goes on at a steady step."""
    kinds, shuns = np.zeros((HEIGHT, WIDTH, 1), np.float32), np.zeros((len(source), 1), np.float32)
    return sink(level, source, kinds, shuns, part, np.full((1, 1), laid))


def mast(top: int = 20) -> np.ndarray:
    """Sky with a dark mast, 12 px wide, down to the lower border."""
    picture = sky()
    picture[top:, 90:102] = 60
    return picture


def at(rows: slice, columns: slice) -> np.ndarray:
    """bool (H, W): that box."""
    area = np.zeros((HEIGHT, WIDTH), bool)
    area[rows, columns] = True
    return area


def test_a_piece_of_a_mast_in_the_sky_goes() -> None:
    pasted = at(slice(60, 85), slice(38, 56))  # of the mast that stands 130 px to the right
    level, source = made(mast(), pasted)
    before = level.image.copy()
    assert before[70, 44].mean() == 60
    assert sunk(level, source) == 1
    assert np.abs(level.image[:, :LEFT] - 200).max() < 15
    np.testing.assert_array_equal(level.image[level.trusted], before[level.trusted])
    assert level.valid.ravel()[source].all()


def test_what_goes_on_at_a_steady_step_stays_where_the_photo_shows_several_alone() -> None:
    picture = mast()
    for y in (30, 70, 110):
        picture[y : y + 22, 122:140] = (90, 0, 90)  # of another colour than what is laid
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    before = source.copy()
    assert sunk(level, source, laid=True) == 0
    np.testing.assert_array_equal(source, before)
    assert sunk(level, source) == 1


def test_what_goes_on_at_a_steady_step_goes_where_the_photo_shows_none_alone() -> None:
    level, source = made(mast(), at(slice(60, 85), slice(38, 56)))
    assert sunk(level, source, laid=True) == 1


def test_what_is_joined_to_the_photo_stays() -> None:
    picture = mast()
    picture[60:85, :102] = 60  # goes on to the canvas' left rim
    level, source = made(picture, at(slice(0, 0), slice(0, 0)))
    assert level.image[70, 30].mean() == 60
    assert sunk(level, source) == 0


def test_what_the_lower_rim_cuts_stays() -> None:
    level, source = made(mast(), at(slice(60, HEIGHT), slice(38, 56)))
    assert level.image[-1, 44].mean() == 60
    assert sunk(level, source) == 0


def test_a_whole_thing_stays() -> None:
    picture = sky()
    cv2.circle(picture, (95, 70), 9, (60.0, 60.0, 60.0), -1)
    level, source = made(picture, at(slice(55, 86), slice(30, 62)))
    assert sunk(level, source) == 0
    assert sunk(level, source, part=1.0) == 0


def test_texture_stays() -> None:
    picture = mast()
    for x, y in ((45, 40), (60, 80), (45, 120), (130, 50), (130, 110)):
        cv2.circle(picture, (x, y), 8, (60.0, 60.0, 60.0), -1)
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    assert sunk(level, source) == 0  # the photo has blots that stand alone as well


def test_a_piece_by_its_colour_alone() -> None:
    picture = sky()
    picture[20:, 90:102] = (255, 170, 175)  # as light as the sky
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    assert sunk(level, source) == 1
    assert np.abs(level.image[:, :LEFT] - 200).max() < 15


def test_what_nothing_fits_stays() -> None:
    picture = mast(0)
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    before = source.copy()
    level.valid[:, : LEFT + 84] = False  # the mast's surroundings are no sources
    level.valid[:, LEFT + 108 :] = False
    assert sunk(level, source) == 0
    np.testing.assert_array_equal(source, before)


def test_what_is_coloured_otherwise_does_not_fit() -> None:
    """Stripes of one kind differ from stripes of another by no more than twice their variance."""
    stripes = np.where((np.arange(WIDTH) // 16 % 2)[:, None], (235.0, 235.0, 230.0), (185.0, 190.0, 200.0))
    picture = np.broadcast_to(stripes[LEFT:], (HEIGHT, WIDTH - LEFT, 3)).astype(np.float32)
    picture[:, 90:102] = 20
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    y, x = np.nonzero(~level.trusted & (level.image.max(2) > 100))
    level.image[y, x] = stripes[x]
    level.image[level.trusted] = np.maximum(level.image[level.trusted] - 28, 0)
    before = source.copy()
    assert level.image[70, 44].mean() == 20
    assert sunk(level, source) == 0
    np.testing.assert_array_equal(source, before)


def test_a_piece_goes_where_the_photo_has_but_a_strip_of_its_ground() -> None:
    picture = mast()
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    level.valid[:, : LEFT + 20] = False  # what is left of the ground is narrower than a tile and its surroundings
    level.valid[:, LEFT + 35 : LEFT + 84] = False
    level.valid[:, LEFT + 108 :] = False
    assert sunk(level, source) == 1
    assert np.abs(level.image[:, :LEFT] - 200).max() < 15


def test_a_dark_piece_on_a_mottled_ground() -> None:
    """The ground's colours vary as grass does; it is evenly light, and the piece is dark."""
    rng = np.random.default_rng(1)
    tint = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH - LEFT)).astype(np.float32), (0, 0), 3)
    tint = 45 * tint / tint.std()
    picture = np.dstack([150 + tint, 150 - 0.3 * tint, 110 - tint]).astype(np.float32).clip(0, 255)
    picture[20:, 90:102] = (45, 35, 30)
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    assert level.image[70, 44].max() == 45
    without = at(slice(50, 95), slice(28, 66))
    ground = level.image[:, :LEFT][~without[:, :LEFT]]
    assert sunk(level, source, part=0.6) >= 1
    assert level.image[62:82, 42:52].max(2).min() > 60
    assert level.image[:, :LEFT][~without[:, :LEFT]].std() > 0.9 * ground.std()  # which keeps its mottles


def test_texture_stays_where_the_photo_has_it_on_uneven_ground() -> None:
    picture = mast()
    for x, y in ((25, 40), (40, 80), (25, 120), (130, 50), (130, 110)):
        cv2.circle(picture, (x, y), 8, (60.0, 60.0, 60.0), -1)
        for start, light in ((0, 255.0), (180, 150.0)):  # no even ring
            cv2.ellipse(picture, (x, y), (10, 10), 0, start, start + 180, (light, light, light), 2)
    level, source = made(picture, at(slice(60, 85), slice(38, 56)))
    assert sunk(level, source) == 0


def test_what_goes_goes_wholly_or_not_at_all() -> None:
    picture = mast()
    level, source = made(picture, at(slice(40, 120), slice(38, 56)))
    level.valid[:, : LEFT + 84] = False
    level.valid[:, LEFT + 108 :] = False
    level.valid[30:40, LEFT : LEFT + 84] = True  # ground for the uppermost part alone, too low for a tile
    before = level.image.copy()
    count = sunk(level, source)
    assert count in (0, 1)
    if count:
        assert np.abs(level.image[:, :LEFT] - 200).max() < 15
    else:
        np.testing.assert_array_equal(level.image, before)


def test_a_photo_smaller_than_a_tile_and_its_surroundings() -> None:
    """A window of a tile that one direction of the photo cannot hold fits nowhere; there is no error."""
    for height, width in ((12, 160), (160, 12)):
        trusted = np.zeros((HEIGHT, WIDTH), bool)
        trusted[-height:, -width:] = True
        image = np.full((HEIGHT, WIDTH, 3), 200, np.float32)
        image[40:60, 30:50] = 60
        level = outline(image, trusted, 3)
        source = np.full(len(level.place), np.flatnonzero(level.valid)[0], np.int32)
        assert sunk(level, source, 0.6) == 0


def disc() -> np.ndarray:
    """A green disc that fills white ground, as a logo does; uint8 (256, 256, 3)."""
    picture = np.full((256, 256, 3), 255, np.uint8)
    cv2.circle(picture, (128, 128), 120, (150, 200, 80), -1)
    cv2.circle(picture, (150, 120), 50, (255, 160, 90), -1)
    return picture


def test_ground_stays_clean_beside_a_disc() -> None:
    margins = (0, 0), (80, 80)
    known = np.pad(np.ones((256, 256), bool), margins)
    pixels = np.pad(disc(), (*margins, (0, 0)))
    new = Patch().paint(pixels, known, np.random.default_rng(0))[~known]
    assert (new.min(1) < 200).mean() < 0.01
