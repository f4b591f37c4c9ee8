"""Fixtures that several tests share."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # busy spinning on two cores slows torch by a factor of 10

from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SOFTEXTEND_SHARED", Path(__file__).parents[2] / "shared"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="write the golden pictures of the fills anew")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the published method's figures and the trial photos, kept outside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the reference figures in {SHARED} (set SOFTEXTEND_SHARED)")
    return SHARED
