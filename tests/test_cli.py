"""The command line as a whole: tables, help, and how it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from processes import python
from running import Run, photo

HEAVY = ("torch", "diffusers", "transformers", "accelerate", "numpy", "cv2", "PIL", "numba")


def test_tables(run: Run) -> None:
    fills = run("fills")
    assert fills.code == 0
    for name in ("perlin", "telea", "gray", "edge", "patch", "opacity="):
        assert name in fills.out
    listed = run("models")
    assert "self (used)" in listed.out
    assert "default" in listed.out
    doctor = run("doctor", "--json")
    assert doctor.facts[0]["auto"]["device"]
    assert run("--version").out.startswith("softextend ")


def test_where_the_model_comes_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTEXTEND_MODEL", "self")
    assert "$SOFTEXTEND_MODEL" in run("models").out
    photo("a.png")
    assert "model:" not in run("extend", "a.png", "--sides", 0, 16, 0, 0).err  # somebody chose: nothing to explain


def test_help_is_there_for_every_command(run: Run) -> None:
    for name in ("extend", "paint", "prepare", "redo", "zoom", "models", "fills", "doctor"):
        ran = run(name, "-h")
        assert (ran.code, ran.err) == (0, "")
        assert "--verbose" in ran.out
    nothing = run()
    assert nothing.code == 2
    assert "prepare" in nothing.out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, softextend.cli as cli\n"
        "for line in (['--help'], ['extend', '--help'], ['--version'], ['extend', '--nonsense']): cli.run(line)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert python("-c", code).stdout.splitlines()[-1] == "[]"


def test_both_ways_to_start_it() -> None:
    script = Path(sys.executable).with_name("softextend")
    ran = [python("-m", "softextend", "--version").stdout]
    if script.exists():
        ran.append(subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout)
    assert {line.split()[0] for line in ran} == {"softextend"}
