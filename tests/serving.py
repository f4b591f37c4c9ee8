"""The page in tests: a real server in a process of its own, and somebody who asks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import softextend

ROOT = Path(softextend.__file__).parents[1]


LONGEST = 400  # seconds that a step of a test may take on a busy machine


def until(page: Any, condition: str) -> None:
    """Waits for a condition, in JavaScript. (Playwright's own way needs what the page's policy forbids.)"""
    end = time.monotonic() + LONGEST
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"in vain: {condition}"
        page.wait_for_timeout(50)


class Server:
    """One `softextend ui` process."""

    def __init__(self, work_dir: Path, *words: str, cwd: Path, **variables: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}
        environment |= {"XDG_CONFIG_HOME": str(work_dir / "config"), "SOFTEXTEND_MODEL": "", **variables}
        self.errors = (cwd / "server-errors.txt").open("w+")
        command = [sys.executable, "-m", "softextend", "ui", "--no-browser", "--work-dir", str(work_dir), *words]
        self.process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip().rstrip("/")
        assert self.address.startswith("http"), Path(self.errors.name).read_text()

    def stop(self, *, at_once: bool = False) -> None:
        """Ask it to end, or end it without asking."""
        (self.process.kill if at_once else self.process.terminate)()
        self.process.wait(timeout=20)
        self.errors.close()
        self.process.stdout.close()


class Caller:
    """Somebody with a cookie."""

    def __init__(self, server: Server) -> None:
        self.server, self.cookie = server, ""

    def __call__(self, path: str, body: Any = None, *, method: str | None = None, **headers: str) -> Any:
        """JSON, or the bytes of what is none; an error's JSON with its status as `status`."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(self.server.address + path, data, {"Cookie": self.cookie, **more}, method=method)
        try:
            with urlopen(request, timeout=120) as answer:
                self.cookie = self.cookie or (answer.headers["set-cookie"] or "").partition(";")[0]
                found, kind = answer.read(), answer.headers.get("content-type", "")
        except HTTPError as error:
            return {**json.loads(error.read()), "status": error.code}
        return json.loads(found) if kind.startswith("application/json") else found

    def photo(self, path: Path, name: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self(f"/api/photos?name={name or path.name}", path.read_bytes())
        return found

    def done(self, run: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self(f"/api/runs/{run['id']}?wait=60")
        return found
