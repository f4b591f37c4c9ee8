"""Real processes that are cut off: closed pipes, full disks, signals; `prepare` where no model is needed."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from processes import PATIENCE
from refusing import SIDES, photo

TOY = str(Path(__file__).parents[1] / "toymodel.py")
PREPARE = ("-m", "softextend", "prepare", *SIDES, "--fill", "edge")


def process(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([sys.executable, *arguments], cwd=folder, text=True, timeout=PATIENCE, **streams)


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
    assert subprocess.run(["/bin/sh", "-c", closed], cwd=tmp_path, timeout=PATIENCE).returncode == 0
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
        _, err = running.communicate(timeout=PATIENCE)
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
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    made = ["a-extended.png", *out.split()]
    assert len(made) < 4
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in "abcd"} | set(made)
    for name in made:
        with Image.open(tmp_path / name) as picture:
            assert np.asarray(picture).shape == (40, 64, 3)
    assert "Traceback" not in err
    assert "stopped by Ctrl-C: 1 made" in err


INTERRUPTED_IMPORT = """
import os, signal, sys
import softextend.__main__

module, *sys.argv = sys.argv[1:]

class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Hook())
softextend.__main__.main()
"""


@pytest.mark.parametrize("module", ["softextend.commands.argv", "softextend.jobs.inputs"])
def test_ctrl_c_while_the_program_is_loaded(tmp_path: Path, module: str) -> None:
    photo(tmp_path / "a.png")
    done = process(
        tmp_path,
        "-c",
        INTERRUPTED_IMPORT,
        module,
        "softextend",
        "extend",
        "a.png",
        *SIDES,
        preexec_fn=default_interrupt,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "softextend: stopped by Ctrl-C\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("thread", "code"), [("", 130), (", daemon=True, name='softextend-lane'", 1)])
def test_a_process_that_ends_waits_for_no_thread(tmp_path: Path, thread: str, code: int) -> None:
    """One that is in the middle of a library's code cannot be ended with the interpreter, which then aborts."""
    words = (
        "import threading, time; from softextend import cli; "
        f"threading.Thread(target=time.sleep, args=(600,){thread}).start(); "
        f"cli.run = lambda words: print('told') or {code}; cli.main()"
    )
    done = process(tmp_path, "-c", words)
    assert (done.returncode, done.stdout, done.stderr) == (code, "told\n", "")


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="another library may share the name")
@pytest.mark.parametrize(("named", "threads"), [(None, "1"), ("2", "2")])
def test_products_of_numpy_wait_for_no_other_thread(tmp_path: Path, named: str | None, threads: str) -> None:
    """Before NumPy is loaded; beside another process two threads took ten times as long as one. A user's own stays."""
    look = "import os, sys; print('numpy' in sys.modules, os.environ['OPENBLAS_NUM_THREADS'])"
    begin = f"from softextend import cli; cli._settle_process(); {look}"
    others = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    ran = process(tmp_path, "-c", begin, env=others | ({"OPENBLAS_NUM_THREADS": named} if named else {}))
    assert ran.stdout.split() == ["False", threads], ran.stderr
