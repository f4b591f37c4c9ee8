"""Who waits for a compiler is told; who does not is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from softextend import compiling
from softextend.fills.compiled import compiled


def fresh(name: str) -> Callable[[int], Any]:
    """A loop that no earlier run can have left compiled: it stands in no file."""
    made: dict[str, Any] = {}
    exec(f"def {name}(x):\n    return 2 * x", made)
    return compiled(made[name])


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_begun", [])


def test_the_first_compilation_is_told_once_in_a_process() -> None:
    lines: list[str] = []
    with compiling.telling(lines.append):
        one, other = fresh("one"), fresh("other")
        assert not lines
        assert one(3) == 6
        assert len(lines) == 1
        assert "compiled" in lines[0]
        assert (one(4), other(5)) == (8, 10)
    assert len(lines) == 1


def test_a_compilation_that_nobody_waits_for_is_told_to_no_one() -> None:
    lines: list[str] = []
    with compiling.telling(lines.append):
        pass
    assert fresh("alone")(3) == 6
    assert not lines


def test_where_no_kernel_is_kept_another_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "keeps_kernels", lambda: False)
    lines: list[str] = []
    with compiling.telling(lines.append):
        assert fresh("lost")(3) == 6
    assert not lines


@pytest.mark.slow
def test_a_first_run_says_that_it_compiles_and_the_next_does_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (64, 80, 3), np.uint8)).save(tmp_path / "in.png")
    call = [
        sys.executable,
        "-m",
        "softextend",
        "prepare",
        str(tmp_path / "in.png"),
        "--left",
        "16",
        "--overwrite",
        "--fill",
        "patch",
    ]
    said = [
        subprocess.run(
            call,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")},
        ).stderr
        for _ in range(2)
    ]
    assert ["kernels: compiled" in each for each in said] == [True, False]
