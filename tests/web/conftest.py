"""A real server in a process of its own, and a real browser; both only where they are installed."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running import photo
from serving import LONGEST, Server, until

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def needed(*names: str) -> None:
    """Skip, and say what is missing."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: pip install 'softextend[ui]' playwright")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos to pick from."""
    folder = tmp_path_factory.mktemp("photos")
    photo(folder / "small.png", 96, 72)
    photo(folder / "other.jpg", 80, 64)
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers, and stops them at the end."""
    needed("gradio", "uvicorn")
    running: list[Server] = []

    def begin(*words: str, work_dir: Path | None = None, **variables: str) -> Server:
        place = tmp_path_factory.mktemp("ui")
        running.append(Server(work_dir or place / "work", *words, cwd=place, **variables))
        return running[-1]

    yield begin
    for each in running:
        if each.process.poll() is None:
            each.stop()


@pytest.fixture(scope="session")
def server(start: Callable[..., Server], photos: Path) -> Server:
    """One that most tests share."""
    return start(str(photos), "--port", "0", "--max-upload", "8")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    needed("gradio", "playwright")
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """Opens the page in a session of its own; fails for any error in the browser's console."""
    contexts, errors = [], []

    def opened(width: int = 1280, height: int = 900, **options: Any) -> Any:
        options = {"accept_downloads": True, "viewport": {"width": width, "height": height}, **options}
        context = chromium.new_context(**options)
        context.set_default_timeout(LONGEST * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.goto(f"{server.address}/")
        until(page, "window.softextend && document.getElementById('go-hint').textContent")
        return page

    yield opened
    for each in contexts:
        each.request.delete(f"{server.address}/api/session")  # what still runs holds up no other test
        each.close()
    assert not [each for each in errors if "status of 4" not in each], errors
