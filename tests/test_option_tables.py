"""The tables of options in README and docs are those of the fields that declare them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_tables_are_up_to_date() -> None:
    script = ROOT / "docs" / "make_options.py"
    shown = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout
