"""The script that judges conditions on trained weights, on tiny ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tinyconditions
import tinysdxl
from running import photo, size

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_sheet_of_all_conditions(tmp_path: Path) -> None:
    tinysdxl.write_folder(tmp_path / "sdxl")
    photo(tmp_path / "a.png")
    photo(tmp_path / "b.png")
    tinyconditions.kohya_file(tmp_path / "style.safetensors", sgm=True, parts=tinysdxl.make_parts(514))
    tinyconditions.adapter(tmp_path / "adapter.safetensors", plus=False)
    tinyconditions.write_encoder(tmp_path / "encoder")
    tinyconditions.controlnet(tmp_path / "inpaint", union=False)
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = {
        "PATH": found,
        "PYTHON": sys.executable,
        "PHOTOS": "a.png b.png",
        "SIDES": "0 16 0 0",
        "OPTIONS": "--steps 2",
    }
    words = ["sh", str(ROOT / "examples" / "judge.sh"), "sdxl", "style.safetensors", "adapter.safetensors", "encoder"]
    asked = subprocess.run(
        [*words, "inpaint"],
        cwd=tmp_path,
        env={**os.environ, **told, "OPTIONS": "--steps 2", "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert size(tmp_path / "judge" / "sheet.png") == (384 * 7, 404 * 2)
    assert len(list((tmp_path / "judge").glob("*/?-extended.png"))) == 14
    again = subprocess.run([*words[:2]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "CHECKPOINT [LORA] [ADAPTER] [ENCODER] [CONTROL]" in again.stderr
