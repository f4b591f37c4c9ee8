"""`softextend prepare`: canvas and mask to paint by hand; the mask is the published one where its widths are named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import python
from running import Run, photo, pixels, read_all

GOLDEN = sorted((Path(__file__).parents[1] / "golden/masks").glob("*.png"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_published_masks_by_the_published_widths(run: Run, path: Path) -> None:
    """However small the picture: 512x512 has less than the six times 120 px that the model's own widths would want."""
    _, size, _, *sides = path.stem.split("_")
    photo("a.png", *map(int, size.split("x")))
    given = ("prepare", "a.png", "--sides", *sides, "--overlap", 60, "--feather", 120, "--fill", "gray", "--seed", 1)
    ran = run(*given, "--json")
    assert ran.code == 0, ran.err
    assert "notes" not in ran.facts[0]
    with Image.open("a-mask.png") as made, Image.open(path) as golden:
        assert made.size == golden.size
        assert np.abs(np.asarray(made).astype(int) - np.asarray(golden)).max() <= 1


def test_prepare_paint_by_hand(run: Run) -> None:
    photo("a.jpg")
    ran = run("prepare", "a.jpg", "--sides", 0, 16, 0, 0, "--out-dir", "w", "--fill", "perlin")
    assert ran.lines == ["w/a-canvas.png", "w/a-mask.png"]
    assert run.loads == []  # type: ignore[attr-defined]
    with Image.open("w/a-mask.png") as mask:
        assert (mask.mode, mask.size, mask.getpixel((63, 0)), mask.getpixel((0, 0))) == ("L", (64, 40), 255, 0)
    ran = run("paint", "w/a-canvas.png", "w/a-mask.png", "-o", "done.png", "--seed", 4)
    assert ran.out == "done.png\n"
    canvas, done = pixels("w/a-canvas.png"), pixels("done.png")
    assert np.array_equal(done[:, :16], canvas[:, :16])
    assert not np.array_equal(done[:, 50:], canvas[:, 50:])


def test_prepare_in_json(run: Run) -> None:
    photo("a.png")
    given = ("--sides", 0, 16, 0, 0, "--overlap", 2, "--feather", 4, "--seed", 1, "--fill", "edge")
    (facts,) = run("prepare", "a.png", *given, "--json").facts
    assert facts == {
        "input": "a.png",
        "output": "a-canvas.png",
        "index": 0,
        "mask": "a-mask.png",
        "width": 64,
        "height": 40,
        "seed": 1,
    }


def test_prepare_imports_no_torch(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    code = (
        "import sys, softextend.cli as cli\n"
        "assert cli.run(['prepare', 'a.png', '--sides', '0', '16', '0', '0', '--fill', 'perlin']) == 0\n"
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])"
    )
    assert python("-c", code, cwd=tmp_path).stdout.splitlines()[-1] == "[]"


def test_a_terminal_sees_bars_and_a_pipe_sees_results(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    for name in "abc":
        photo(tmp_path / f"{name}.png")
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "softextend", "prepare", ".", "--sides", "0", "16", "0", "0", "--fill", "telea"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        os.close(slave)
        seen = read_all(master)
        assert process.stdout is not None
        names = [f"{name}-{kind}.png" for name in "abc" for kind in ("canvas", "mask")]
        assert process.stdout.read().decode().split() == names
        assert process.wait() == 0
    assert b"pictures" in seen
    assert "━".encode() in seen


def test_prepare_and_paint_name_their_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mask is the model's that a run would use; a canvas that another model paints says so, and only then."""
    photo("a.png", 400, 300)
    config = Path("config/softextend/config.toml")
    config.parent.mkdir(parents=True)
    wide, grown = "someone/sdxl-model", ("prepare", "a.png", "--sides", 0, 48, 0, 0, "--fill", "edge", "--overwrite")
    widths = {}
    for told, name in (("config", wide), ("environment", "self"), ("nobody", "self")):
        config.write_text(f'model = "{wide}"\n' if told == "config" else "", encoding="utf-8")
        monkeypatch.setenv("SOFTEXTEND_MODEL", "self" if told == "environment" else "")
        ran = run(*grown)
        assert (ran.code, f"canvas and mask: as {name}" in ran.err) == (0, True), ran.err
        assert ("(built in" in ran.err) == (told == "nobody")
        widths[told] = int((pixels("a-mask.png")[150, :400, 0] > 0).sum())
    assert widths["config"] > 2 * widths["nobody"] == 2 * widths["environment"] > 0

    assert run(*grown, "--model", wide).code == 0
    given = ("paint", "a-canvas.png", "a-mask.png", "--seed", 4, "--overwrite")
    assert f"a-canvas.png: was prepared for {wide}, and self paints it" in run(*given).err
    assert "prepared for" not in run(*given, "--model", wide).err
    assert run(*grown, "--model", "self").code == 0
    assert "prepared for" not in run(*given).err
    assert "prepared for" not in run("paint", "a.png", "a.png", "--seed", 4).err, "it is no canvas"
