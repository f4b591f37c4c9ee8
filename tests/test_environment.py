"""Folders of the user's own: where they lie, and what happens where none can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from processes import python
from running import Run, photo

from softextend import environment
from softextend.environment import at_home, cache_home, config_home, own_folder

HOMELESS = """
import os, sys, tempfile
tempfile.tempdir = os.getcwd()          # as Python decides where no temporary folder can be written
os.path.expanduser = lambda path: path  # as it does where the home is not known
import softextend.environment as environment
environment.SHARED_MEMORY = None
from softextend.fills import compiled
from softextend.models.weights import file_hash
file_hash._remember({})
print(environment.own_folder("kernels"), type(compiled.mixed._cache).__name__)
"""


def test_a_process_without_a_home_leaves_the_working_folder_alone(tmp_path: Path) -> None:
    package = str(Path(environment.__file__).parents[1])
    kept = {name: value for name, value in os.environ.items() if name not in (*environment.VARIABLES, "HOME")}
    ran = python("-c", HOMELESS, cwd=tmp_path, env={**kept, "PYTHONPATH": package})
    assert (ran.returncode, ran.stdout.split()) == (0, ["None", "NullCache"]), ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_own_folder_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = own_folder("kernels")
    assert found == tmp_path / "cache" / "softextend" / "kernels"
    assert found.stat().st_mode & 0o077 == 0
    (tmp_path / "cache" / "softextend").chmod(0o777)  # anybody might have put a program there
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(environment, "SHARED_MEMORY", None)
    (tmp_path / "tmp").mkdir()
    assert str(own_folder("kernels")).startswith(str(tmp_path / "tmp" / "softextend-"))
    (tmp_path / "tmp" / f"softextend-{os.getuid()}").chmod(0o770)
    assert own_folder("kernels") is None


def test_a_home_that_is_not_known_is_no_fault(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    for words in (("--model", "~nobody-of-that-name/x.safetensors"), ("--lora", "~nobody-of-that-name/x")):
        ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, *words)
        assert "a fault in softextend" not in ran.err
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert str(at_home("~/x")) == "~/x"
    assert not config_home().exists()
    assert str(cache_home()).startswith(os.devnull)
    assert run("extend", "a.png", "--sides", 0, 16, 0, 0).code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["a-extended.png", "a.png"]
