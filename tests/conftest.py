"""Fixtures that several tests share."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # busy spinning on two cores slows torch by a factor of 10
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line has it; two threads wait for each other
if "PYTEST_XDIST_WORKER" in os.environ:  # a core for each worker: more threads only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from running import Ran, Run
from toymodel import load_toy, put_toy

from softextend import cli, compiling
from softextend.models.weights import hub

SHARED = Path(os.environ.get("SOFTEXTEND_SHARED", Path(__file__).parents[2] / "shared"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-golden",
        action="store_true",
        help="write the golden pictures of the fills and the page of model files anew",
    )


@pytest.fixture(scope="module", autouse=True)
def _only_new_objects_are_collected() -> None:
    """What a worker has imported and collected is never garbage; walking it made each `gc.collect` take 0.3 s."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _a_fresh_environment_says_what_any_says() -> None:
    """Which test is the first to compile is chance, and no other test's concern."""
    compiling._begun.append(True)


@pytest.fixture(autouse=True)
def _the_hub_has_every_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dry runs ask the hub, which a test must not; those of that question put `check_hub` back."""
    monkeypatch.setattr(hub, "check_hub", lambda *_, **__: None)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hub's client is told to stay offline, which its session remembers: the next test begins another."""
    huggingface_hub.close_session()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    yield
    huggingface_hub.close_session()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the published method's figures and the trial photos, kept outside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the reference figures in {SHARED} (set SOFTEXTEND_SHARED)")
    return SHARED


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Run:
    """Runs a command line in a folder of its own, with the toy model; counts the loads in `run.loads`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOFTEXTEND_MODEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def load(*given: Any, **options: Any) -> Any:
        ran.loads.append(options)  # type: ignore[attr-defined]
        return load_toy()

    put_toy(monkeypatch, load)

    def ran(*arguments: object) -> Ran:
        code = cli.run([str(each) for each in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(code, out.decode("latin-1"), err.decode())

    ran.loads = []  # type: ignore[attr-defined]
    return ran
