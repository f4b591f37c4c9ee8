"""Every softextend command in the README runs, on small pictures, in the order in which a reader would type them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from toymodel import put_toy

from softextend import cli
from softextend.models import find

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
LINES = [line.split("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
SPOKEN = re.findall(r"`(softextend redo [^`]+)`", README)
COMMANDS = [line for line in LINES if "softextend " in line and not line.startswith("git")] + SPOKEN


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder as the README's reader has it."""
    folder = tmp_path
    (folder / "photos/more").mkdir(parents=True)
    Image.fromarray(data.astronaut()[40:104, 200:290]).save(folder / "photo.jpg")
    Image.fromarray(data.coffee()[100:150, 200:270]).save(folder / "photos/a.jpg")
    Image.fromarray(data.chelsea()[60:110, 100:160]).save(folder / "photos/more/b.jpg")
    return folder


def test_there_are_commands_to_run() -> None:
    assert len(COMMANDS) >= 11
    assert "make demo" in LINES
    assert "make test" in LINES


def size(name: str) -> tuple[int, int]:
    with Image.open(name) as picture:
        return picture.size


def run(command: str, desk: Path, monkeypatch: pytest.MonkeyPatch, toy: bool) -> None:
    if "|" in command:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, env={**os.environ, "PATH": path})
        return
    arguments = [each.replace("256", "32").replace("1920x1080", "120x80") for each in shlex.split(command)[1:]]
    with monkeypatch.context() as patched:
        if toy:
            put_toy(patched)
        if "--model" in arguments:  # no checkpoint is at hand: a toy at the model seam
            checkpoint = desk / "sdxl.safetensors"
            ref = find.ModelRef(kind="file", name=checkpoint.name, path=checkpoint, origin="--model")
            patched.setattr(find, "resolve_model", lambda name, **asked: ref)
            put_toy(patched)
            arguments += ["-o", "prompted.jpg"]
        assert cli.run(arguments) == 0, command


@pytest.mark.parametrize("toy", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["toy", "self"])
def test_every_command_runs_and_does_what_it_says(desk: Path, monkeypatch: pytest.MonkeyPatch, toy: bool) -> None:
    """With the built-in model, and quickly with a toy in its place; pipes, which are processes, with the former."""
    monkeypatch.chdir(desk)
    monkeypatch.delenv("SOFTEXTEND_MODEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk / "config"))
    for command in COMMANDS:
        if not (toy and "|" in command):
            run(command, desk, monkeypatch, toy)
    assert size("photo-extended.jpg") == (90 + 2 * 32, 64)
    assert size("prompted.jpg") == (90 + 32 + 23, 64)
    assert size("finished.png") == (90 + 256, 64)
    assert size("widescreen.jpg") == (114, 64)
    assert size("wallpaper.jpg") == (120, 80)
    assert size("roomier.jpg") == (90 + 2 * 9, 64 + 2 * 6)
    assert len(list(Path("wide").rglob("*.jpg"))) == 2
    assert len(list(Path().glob("photo-extended-*.jpg"))) >= 3
    if not toy:
        assert size("wide.png") == (90 + 128, 64)
        assert len(Path("results.jsonl").read_text().splitlines()) == 2


def test_the_pictures_it_shows_are_there() -> None:
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert shown
    assert all((ROOT / path).is_file() for path in shown)
    assert all((ROOT / path).exists() for path in re.findall(r"\]\(((?!http)[^)#]+)\)", README))
