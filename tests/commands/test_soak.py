"""Long batches in one process: memory stays flat."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MANY = Path(__file__).parents[2] / "benchmarks" / "many.py"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def measured(*words: object) -> dict[str, Any]:
    ran = subprocess.run([sys.executable, MANY, *map(str, words)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def test_memory_is_flat_over_many_pictures() -> None:
    found = measured("soak", "--pictures", 400)
    assert found["made"] == 400
    assert found["mb_at_the_end"] - found["mb_after_a_tenth"] < 40


def test_names_in_great_numbers_take_little_memory() -> None:
    few, many = (measured("names", "--pictures", count)["mb_at_most"] for count in (1_000, 60_000))
    assert many - few < 60  # a number and some bytes a name
