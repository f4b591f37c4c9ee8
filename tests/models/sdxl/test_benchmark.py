"""The benchmark against the community pipeline runs on any machine, and the two paint the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "sdxl.py"


@pytest.fixture(scope="module")
def script() -> Any:
    import sys

    spec = importlib.util.spec_from_file_location("benchmark_sdxl", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their types
    spec.loader.exec_module(module)
    return module


def test_it_runs_and_fills_its_table(script: Any, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["--narrow", "--ways", "eager", "--repeats", "1", "--dtype", "float32", "--cases", "64x64:1:2", "64x64:4:2"]
    assert script.main(words) == 0
    rows = [line for line in capfd.readouterr().out.splitlines() if line.startswith("| 64x64")]
    assert [row.split(" | ")[1] for row in rows] == ["1", "4"]
    for row in rows:
        community, ours = (float(row.strip("| ").split(" | ")[index]) for index in (4, 5))
        assert community >= 0
        assert ours >= 0


def test_it_stops_where_the_two_differ(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other = script.Case.noise
    monkeypatch.setattr(script.Ours, "__call__", lambda self, case, told: (other(case), []))
    monkeypatch.setattr(script, "timed", lambda run, repeats, device: (1.0, 1.0))
    with pytest.raises(SystemExit, match="paint differently"):
        script.main(["--narrow", "--ways", "eager", "--dtype", "float32", "--cases", "64x64:1:2"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_measures_nothing_of_full_size(script: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert script.main([]) == 1
    assert "nothing measured" in capfd.readouterr().out
