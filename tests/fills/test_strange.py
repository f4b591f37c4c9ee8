"""What has colours of its own does not go on at a side where they are not seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from softextend.fills import completion
from softextend.fills.layers import Layers
from softextend.fills.patch import Patch
from softextend.fills.strange import PRICE, priced, strange


def orange(picture: np.ndarray) -> np.ndarray:
    """bool (H, W): where a suit's orange is."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray((lab[..., 0] > 45) & (lab[..., 1] > 30) & (lab[..., 2] > 34))


def beside_the_flag(size: int, added: int) -> float:
    """Share of orange in what `patch` adds left of an astronaut in orange, before a flag that reaches the border."""
    photo = cv2.resize(data.astronaut(), (size, size), interpolation=cv2.INTER_AREA)
    margins = (0, 0), (added, 0)
    known = np.pad(np.ones(photo.shape[:2], bool), margins)
    made = Patch().paint(np.pad(photo, (*margins, (0, 0))), known, np.random.default_rng(0))
    return float(orange(made[:, :added]).mean())


@pytest.mark.parametrize(("size", "added"), [(160, 60), (192, 75)])
def test_no_second_suit_and_no_scraps_of_it_beside_a_flag(
    size: int, added: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert beside_the_flag(size, added) < 0.002
    monkeypatch.setattr(completion, "strange", lambda *_: None)
    assert beside_the_flag(size, added) > 0.1  # the picture is one that needs it


def sides(*names: str) -> Layers:
    """To these sides a picture grows."""
    return Layers(other=np.zeros((1, 1, len(names)), np.float32), sides=names)


def lawn(seed: int = 0) -> np.ndarray:
    """Green with a little grain; float32 (200, 300, 3)."""
    return (np.array([90, 130, 60]) + np.random.default_rng(seed).normal(0, 4, (200, 300, 3))).astype(np.float32)


def test_a_large_thing_of_another_colour_is_strange_with_what_it_holds() -> None:
    picture = lawn()
    cv2.ellipse(picture, (150, 100), (60, 50), 0, 0, 360, (210.0, 60.0, 40.0), -1)
    cv2.circle(picture, (150, 100), 20, (90.0, 130.0, 60.0), -1)  # a hole through which the lawn is seen
    found = strange(picture, np.ones((200, 300), bool), sides("left", "top"))
    assert found is not None
    assert found[100, 110, 0]
    assert found[100, 150, 0]
    assert not found[:, :80, 0].any()
    assert not found[..., 1].any()  # above and below layers tell


def test_what_stands_at_the_border_is_not_strange_there() -> None:
    picture = lawn()
    picture[40:160, 180:] = (210, 60, 40)
    found = strange(picture, np.ones((200, 300), bool), sides("right", "left"))
    assert found is not None
    assert not found[..., 0].any()
    assert found[100, 240, 1]


def test_small_parts_are_texture() -> None:
    picture = lawn()
    for x in range(30, 290, 26):
        cv2.circle(picture, (x, 100), 7, (240.0, 220.0, 60.0), -1)  # flowers, none at the border
    assert strange(picture, np.ones((200, 300), bool), sides("left", "right")) is None
    assert strange(picture, np.ones((200, 300), bool), None) is None


def test_patches_that_show_something_strange_are_dear() -> None:
    parts = np.zeros((100, 200, 1), bool)
    parts[20:60, 80:120] = True
    half = priced(parts, (50, 100), 3)
    assert half.shape == (50, 100, 1)
    assert set(np.unique(half)) == {0, PRICE}
    assert half[20, 37] == half[20, 62] == PRICE  # three px beside it
    assert half[20, 35] == half[20, 64] == 0
