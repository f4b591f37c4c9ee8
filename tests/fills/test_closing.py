"""A round thing that all but ends at the border is closed there; what goes on beyond it is left to the patches."""

from __future__ import annotations

import numpy as np
import pytest

from softextend.fills import closing
from softextend.fills.closing import closed
from softextend.fills.patch import Patch

HEIGHT, WIDTH, EDGE = 150, 190, 140  # px; what is left of EDGE is the photo


def ball(missing: float, radius: tuple[float, float] = (55.0, 50.0), *, grain: float = 0.5) -> np.ndarray:
    """A ball on light ground that reaches `missing` px beyond EDGE; uint8 (HEIGHT, WIDTH, 3)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    across, along = x - (EDGE + missing - radius[0]), y - 70
    inside = np.clip(0.5 - (np.hypot(across / radius[0], along / radius[1]) - 1) * min(radius), 0, 1)[..., None]
    shade = np.array([210, 80, 40]) * (1 - 0.3 * along / radius[1])[..., None]
    ground = 235 + np.random.default_rng(0).normal(0, grain, (HEIGHT, WIDTH, 1))
    return np.clip(inside * shade + (1 - inside) * ground, 0, 255).astype(np.uint8)


KNOWN = np.zeros((HEIGHT, WIDTH), bool)
KNOWN[:, :EDGE] = True
NOWHERE = np.zeros_like(KNOWN)


def laid(picture: np.ndarray, turns: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What `closed` makes of a picture turned by so many quarters, and where, both turned back."""
    known = np.rot90(KNOWN, turns).copy()
    pixels = np.where(known[..., None], np.rot90(picture, turns), 0).astype(np.uint8)
    made, on = closed(pixels, pixels, np.zeros_like(known), known)
    return np.rot90(made, -turns), np.rot90(on, -turns)


@pytest.mark.parametrize("missing", [0.0, 1.5, 5.0, 12.0])
def test_a_ball_is_closed_where_its_outline_leads(missing: float) -> None:
    truth = ball(missing)
    made, on = laid(truth)
    assert on[70, EDGE : EDGE + 12 + int(missing)].all()
    assert not on[:, :EDGE].any()
    apart = np.abs(made.astype(int) - truth).max(2)[on]
    assert (apart > 40).sum() <= 12 + 4 * missing  # px along its outline


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_on_every_side(turns: int) -> None:
    straight, turned = laid(ball(4)), laid(ball(4), turns)
    np.testing.assert_array_equal(straight[0], turned[0])
    np.testing.assert_array_equal(straight[1], turned[1])


def box() -> np.ndarray:
    """A box that the border cuts."""
    picture = np.full((HEIGHT, WIDTH, 3), 235, np.uint8)
    picture[40:100, 60:] = (210, 80, 40)
    return picture


@pytest.mark.parametrize("picture", [ball(50), box(), ball(3, grain=8.0)], ids=["half a ball", "a box", "grain"])
def test_what_does_not_end_and_what_stands_on_no_even_ground_is_left_alone(picture: np.ndarray) -> None:
    made, on = laid(picture)
    assert not on.any()
    np.testing.assert_array_equal(made, np.where(KNOWN[..., None], picture, 0))


def test_no_nub_grows_on_a_ball(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = ball(2)

    def wrong() -> int:
        pixels = np.where(KNOWN[..., None], truth, 0).astype(np.uint8)
        made = Patch().paint(pixels, KNOWN, np.random.default_rng(0))
        return int((np.abs(made.astype(int) - truth).max(2) > 40).sum())

    assert wrong() < 30
    monkeypatch.setattr(closing, "closed", lambda _, laid, on, __: (laid, on))
    assert wrong() > 200  # the picture is one that needs it
