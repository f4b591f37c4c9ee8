"""What bad input gets: one line that says what came and what to do, the right exit code, and no file harmed."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from running import Run
from toymodel import load_toy

from softextend import cli
from softextend.models import load

TOY = str(Path(__file__).parents[1] / "toymodel.py")
SIDES = ("--sides", "0", "16", "0", "0")
Refuse = Callable[..., str]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Refuse:
    """Runs a command line that must fail with this exit code and one line on stderr, and returns the line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOFTEXTEND_MODEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(load, "load_model", load_toy)

    def refused(code: int, *arguments: object) -> str:
        before = files(tmp_path)
        got = cli.run([*(str(each) for each in arguments), "-q"])
        out, err = capfd.readouterr()
        assert got == code, err
        assert out == ""
        assert err.startswith("softextend: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert "a fault in softextend" not in err
        assert files(tmp_path) == before
        return err

    return refused


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def photo(path: Path | str, width: int = 48, height: int = 40) -> Path:
    picture = Image.effect_noise((width, height), 40).convert("RGB")
    picture.save(path)
    return Path(path)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# --- pictures ------------------------------------------------------------------------------------------------------


def test_missing_file(refuse: Refuse) -> None:
    assert "gone.png: no such file" in refuse(1, "extend", "gone.png", *SIDES)


def test_folder_without_pictures(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.txt").write_text("x")
    assert "no picture in this folder" in refuse(2, "extend", "p", *SIDES)
    assert "no picture matches" in refuse(2, "extend", "p/**/*.jpg", *SIDES)


def test_no_input(refuse: Refuse) -> None:
    assert "--files-from" in refuse(2, "extend", *SIDES)
    assert "--files-from gone" in refuse(2, "extend", "--files-from", "gone", *SIDES)


def test_text_named_png(refuse: Refuse) -> None:
    Path("a.png").write_text("hello, this is no picture")
    assert "is text, not a picture" in refuse(1, "extend", "a.png", *SIDES)


def test_truncated_jpeg(refuse: Refuse) -> None:
    data = photo("a.jpg", 200, 200).read_bytes()
    Path("a.jpg").write_bytes(data[: len(data) // 2])
    assert "a.jpg: the JPEG ends early: 5" in refuse(1, "extend", "a.jpg", *SIDES)


def test_empty_file(refuse: Refuse) -> None:
    Path("a.png").touch()
    assert "a.png: is empty (0 bytes)" in refuse(1, "extend", "a.png", *SIDES)


def test_decompression_bomb(refuse: Refuse) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    Path("a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    said = refuse(1, "extend", "a.png", *SIDES)
    assert "3600 megapixels" in said
    assert "--allow-huge" in said


def test_animated_gif_takes_the_first_frame_and_says_so(refuse: Refuse, capfd: pytest.CaptureFixture[str]) -> None:
    frames = [Image.new("RGB", (48, 40), colour) for colour in ("red", "blue")]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    assert cli.run(["extend", "a.gif", *SIDES]) == 0
    out, err = capfd.readouterr()
    assert out == "a-extended.png\n"
    assert "2 frames; only the first is used" in err
    with Image.open("a-extended.png") as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_one_pixel_grows(refuse: Refuse, capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (1, 1), "red").save("a.png")
    assert cli.run(["extend", "a.png", "--sides", "0", "4", "4", "0"]) == 0
    with Image.open("a-extended.png") as picture:
        assert picture.size == (5, 5)


# --- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--sides", 0, 0, 0, 0), "nothing to add"),
        (("--sides", 0, -4, 0, 0), "0 or more"),
        (("--sides", 0, "1e9", 0, 0), "256"),
        (("--sides", 0, "nan%", 0, 0), "0 or more"),
        (("--sides", 0, 193, 0, 0), "--allow-large"),
        (("--sides",), "one to four values"),
        ((), "--sides"),
        ((*SIDES, "--fill", "plasma"), "perlin"),
        ((*SIDES, "--fill", "perlin:colour=3"), "opacity"),
        ((*SIDES, "--fill", "perlin:opacity=3"), "0 to 1"),
        ((*SIDES, "--sampler", "ddpm"), "must be one of euler, euler-a,"),
        ((*SIDES, "--strength", "1.5"), "from 0 to 1"),
        ((*SIDES, "--strength", "nan"), "from 0 to 1"),
        ((*SIDES, "--strength", "much"), "--strength much: must be a number from 0 to 1\n"),
        ((*SIDES, "--steps", "0"), "from 1 to 1000"),
        ((*SIDES, "--steps", "1.5"), "--steps 1.5: must be a whole number from 1 to 1000\n"),
        ((*SIDES, "--num", "some"), "--num some: must be a whole number of 1 or more\n"),
        ((*SIDES, "--change", "x"), "--change x: must be a number above 0 and at most 1\n"),
        ((*SIDES, "--dtype", "int8"), "--dtype int8: must be auto, bf16,"),
        ((*SIDES, "--offload", "x"), "--offload x: must be one of none, model, sequential\n"),
        ((*SIDES, "-v"), "-q and -v: "),
        ((*SIDES, "--strength", "0.01", "--steps", "3"), "steps"),
        ((*SIDES, "--guidance", "-1"), "from 0 to 50"),
        ((*SIDES, "--change", "0"), "at most 1"),
        ((*SIDES, "--overlap", "-1"), "from 0 to 4096"),
        ((*SIDES, "--seed", "-1"), "--seed"),
        ((*SIDES, "--num", "0"), "1 or more"),
        ((*SIDES, "--num", "2", "--skip-existing"), "--seed"),
        ((*SIDES, "--overwrite", "--skip-existing"), "give one"),
        ((*SIDES, "--format", "gif"), "must be one of png, jpeg,"),
        ((*SIDES, "-o", "b.gif"), ".png"),
        ((*SIDES, "-o", "b.png", "--format", "jpeg"), "agree"),
        ((*SIDES, "-o", "-", "--json"), "--json"),
        ((*SIDES, "--nonsense"), "--nonsense"),
        ((*SIDES, "--stength", "0.5"), "--strength"),
    ],
)
def test_options_that_cannot_be(refuse: Refuse, arguments: tuple[object, ...], says: str) -> None:
    photo("a.png")
    assert says in refuse(2, "extend", "a.png", *arguments)


def test_wrong_usage_names_the_help_to_read(capfd: pytest.CaptureFixture[str]) -> None:
    for arguments, command in ((["extend", "a.png", "-o"], "softextend extend"), (["nonsense"], "softextend")):
        assert cli.run(arguments) == 2
        assert capfd.readouterr().err.endswith(f"(see {command} --help)\n")


def test_what_no_picture_could_change_is_said_once(refuse: Refuse) -> None:
    for name in ("a.png", "b.png", "c.png"):
        photo(name)
    for arguments in (("--fill", "plasma"), ("--strength", "0.01", "--steps", "3")):
        refuse(2, "extend", "a.png", "b.png", "c.png", *SIDES, *arguments)
    refuse(2, "prepare", "a.png", "b.png", "c.png", *SIDES, "--fill", "plasma")


def test_a_large_side_is_allowed_by_its_flag(refuse: Refuse, capfd: pytest.CaptureFixture[str]) -> None:
    photo("a.png", 12, 12)
    assert cli.run(["extend", "a.png", "--sides", "0", "60", "0", "0", "--allow-large"]) == 0


def test_mask_of_another_size(refuse: Refuse) -> None:
    photo("a.png")
    Image.new("L", (40, 48), 255).save("m.png")
    said = refuse(2, "paint", "a.png", "m.png", "-o", "b.png")
    assert said == "softextend: m.png: the mask is 40x48, a.png is 48x40; make them one size\n"


def test_masks_that_are_none(refuse: Refuse) -> None:
    photo("a.png")
    Image.new("L", (48, 40), 0).save("black.png")
    assert "black" in refuse(2, "paint", "a.png", "black.png", "-o", "b.png")
    for pair in (("a.png", "gone.png"), ("gone.png", "black.png")):
        assert refuse(1, "paint", *pair, "-o", "b.png").startswith("softextend: gone.png: no such file; ")
    Path("text.png").write_text("no picture")
    assert refuse(1, "paint", "a.png", "text.png", "-o", "b.png").startswith("softextend: text.png: is text")


def test_a_picture_without_a_recipe(refuse: Refuse) -> None:
    photo("a.png")
    assert "carries no recipe" in refuse(1, "redo", "a.png")


def test_a_recipe_from_elsewhere(refuse: Refuse) -> None:
    from PIL import PngImagePlugin

    for recipe in ("{}", '{"command": {}}', '{"command": {"input": "a.png"}, "spec": {}}', "[", "[]"):
        text = PngImagePlugin.PngInfo()
        text.add_text("softextend", recipe)
        Image.new("RGB", (8, 8)).save("r.png", pnginfo=text)
        assert "recipe" in refuse(1, "redo", "r.png")


# --- models --------------------------------------------------------------------------------------------------------


def safetensors(path: str, header: bytes, length: int | None = None) -> None:
    Path(path).write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)


def test_models_that_are_none(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    Path("folder").mkdir()
    Path("folder/readme.txt").write_text("x")
    safetensors("damaged.safetensors", b"{", 10**9)
    safetensors("other.safetensors", b'{"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}')
    Path("pickle.ckpt").write_bytes(pickle.dumps({"state_dict": {}}))
    for name, says in (
        ("gone.safetensors", "does not exist"),
        ("no/such/model", "does not exist"),
        ("folder", "model_index.json"),
        ("damaged.safetensors", "damaged.safetensors"),
        ("other.safetensors", "no checkpoint that runs here"),
        ("pickle.ckpt", ".safetensors"),
    ):
        assert says in refuse(1, "extend", "a.png", *SIDES, "--model", name)
    monkeypatch.setenv("SOFTEXTEND_MODEL", "gone.safetensors")
    assert "$SOFTEXTEND_MODEL" in refuse(1, "extend", "a.png", *SIDES)


def test_hub_id_offline(refuse: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()  # the real loader
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    photo("a.png")
    assert "nobody/nothing" in refuse(1, "extend", "a.png", *SIDES, "--model", "nobody/nothing")


# --- outputs -------------------------------------------------------------------------------------------------------


def test_existing_output(refuse: Refuse) -> None:
    photo("a.png")
    Path("a-extended.png").write_text("precious")
    assert "--overwrite" in refuse(1, "extend", "a.png", *SIDES)


def test_output_equal_to_input(refuse: Refuse) -> None:
    photo("a.png")
    assert "the output is an input" in refuse(2, "extend", "a.png", *SIDES, "-o", "a.png", "--overwrite")


def test_the_second_input_with_one_output_name_fails_alone(run: Run) -> None:
    for folder in "pq":
        Path(folder).mkdir()
        photo(f"{folder}/a.png")
    ran = run("extend", "p/a.png", "q/a.png", *SIDES, "--out-dir", "out")
    assert (ran.code, ran.lines) == (1, ["out/a-extended.png"])
    (said,) = (line for line in ran.err.splitlines() if line.startswith("softextend: "))
    assert "p/a.png and q/a.png" in said
    assert "--keep-tree" in said


def test_unwritable_output_folder(refuse: Refuse) -> None:
    photo("a.png")
    Path("file").write_text("x")
    for name in ("file/new", "/proc/new"):
        refuse(1, "extend", "a.png", *SIDES, "--out-dir", name)
        refuse(1, "extend", "a.png", *SIDES, "-o", f"{name}/b.png")
        refuse(1, "sweep", "a.png", *SIDES, "-o", f"{name}/b.png")
        refuse(1, "zoom", "a.png", "-o", f"{name}/b.gif")


def test_disk_full(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in refuse(1, "extend", "a.png", *SIDES)
    Path("a-extended.png").write_text("precious")
    assert "the disk is full" in refuse(1, "extend", "a.png", *SIDES, "--overwrite")


@pytest.mark.parametrize("arguments", [("-o", "-"), (), ("--json",)])
def test_stdout_on_a_full_disk(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    photo("a.png")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.run(["extend", "a.png", *SIDES, *arguments, "-q"]) == 1
    said = capfd.readouterr().err
    assert "stdout: cannot be written" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("fills",)])
def test_talk_on_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.run(list(arguments)) == 1
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("-o", "-"), (), ("--json",)])
def test_closed_stdout_pipe(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    photo("a.png")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert cli.run(["extend", "a.png", *SIDES, *arguments, "-q"]) == 141
    assert capfd.readouterr().err == ""


# --- processes: `prepare` where no model is needed, since torch takes seconds to import ------------------------------


PREPARE = ("-m", "softextend", "prepare", *SIDES, "--fill", "edge")


def process(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([sys.executable, *arguments], cwd=folder, text=True, timeout=120, **streams)


def test_a_closed_pipe_leaves_a_process_quietly(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    reading, writing = os.pipe()
    os.close(reading)
    ran = process(tmp_path, *PREPARE, "a.png", "-q", stdout=writing)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_a_log_on_a_full_disk_does_not_stop_the_work(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    photo(tmp_path / "a.png")
    with Path("/dev/full").open("w") as full:
        ran = process(tmp_path, *PREPARE, "a.png", stderr=full)
    assert (ran.returncode, ran.stdout) == (0, "a-canvas.png\na-mask.png\n")


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    photo(tmp_path / "a.png", 200, 200)
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9)); from softextend.cli import main; main()"
    ran = process(tmp_path, "-c", code, *PREPARE[2:], "a.png", "-q")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    assert "cannot be written" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_without_any_stream(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    closed = f"exec {sys.executable} {' '.join(PREPARE)} a.png <&- >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", closed], cwd=tmp_path, timeout=120).returncode == 0
    assert (tmp_path / "a-canvas.png").exists()


def test_terminated_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")  # reading it waits for ever
    with subprocess.Popen(
        [sys.executable, *PREPARE, "a.png", "b.png"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "a-canvas.png\n"
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 143
    assert "Traceback" not in err


def default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it


def test_ctrl_c_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    for name in "abcd":
        photo(tmp_path / f"{name}.png")
    with subprocess.Popen(
        [sys.executable, TOY, "extend", ".", *SIDES],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TOY_DELAY": "0.3"},
        preexec_fn=default_interrupt,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "a-extended.png\n"
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    made = ["a-extended.png", *out.split()]
    assert len(made) < 4
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in "abcd"} | set(made)
    for name in made:
        with Image.open(tmp_path / name) as picture:
            assert np.asarray(picture).shape == (40, 64, 3)
    assert "Traceback" not in err
    assert "stopped by Ctrl-C: 1 made" in err
