"""Films: delays that add up, frames that are streamed, and what cannot be written or encoded."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from softextend.errors import OutputError
from softextend.pictures import video
from softextend.pictures.video import Film


@settings(deadline=None)
@given(count=st.integers(1, 300), rate=st.fractions(1, 120), unit=st.sampled_from([100, 1000]))
def test_delays_add_up(count: int, rate: Fraction, unit: int) -> None:
    shown = video.delays(count, rate, unit)
    assert len(shown) == count
    assert sum(shown) == round(count * unit / rate)
    assert max(shown) - min(shown) <= 1 + (unit / rate % 1 > 0)


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


def test_an_encoder_that_refuses_is_one_line(tmp_path: Path) -> None:
    film = Film(path=tmp_path / "z.mp4", form="MP4", count=2, fps=Fraction(30), width=65, height=49)
    frames = np.zeros((2, 49, 65, 3), np.uint8)
    with pytest.raises(OutputError, match="cannot be encoded"):
        video.write_film(film, iter(frames), palette=frames[0], recipe=None, overwrite=False)
    assert list(tmp_path.iterdir()) == []
