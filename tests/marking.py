"""Values of a parameter that only `make test-slow` tries: another value of their kind is tried each time."""

from __future__ import annotations

from typing import Any

import pytest


def slow(*values: Any) -> Any:
    """One set of values, marked."""
    return pytest.param(*values, marks=pytest.mark.slow)
