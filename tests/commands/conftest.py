"""Fixtures of the tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from refusing import Refuse, files
from toymodel import put_toy

from softextend import cli


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Refuse:
    """Runs a command line that must fail with this exit code and one line on stderr, and returns the line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOFTEXTEND_MODEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    put_toy(monkeypatch)

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
