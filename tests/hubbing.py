"""A hub of Hugging Face on loopback, with one data set: what its client asks for to list and to read."""

from __future__ import annotations

import http.server
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from storing import served

REPO = "datasets/u/r"
COMMIT = "a" * 40


class Answers(http.server.BaseHTTPRequestHandler):
    """Lists and sends `files`; takes nothing."""

    files: Mapping[str, bytes] = {}

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        tree, given = path.partition(f"/api/{REPO}/tree/main")[2].strip("/"), path.partition("/resolve/main/")[2]
        if given in self.files:
            self.answer(200, self.files[given])
        elif path.startswith(f"/api/{REPO}/tree/main"):
            found = listed(self.files, tree)
            self.answer(200 if found else 404, found)
        elif path.startswith(f"/api/{REPO}"):
            self.answer(200, {"id": "u/r", "sha": COMMIT, "private": False, "tags": [], "siblings": []})
        else:
            self.answer(404, {"error": "not found"})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(403, {"error": "read only"})

    def answer(self, status: int, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {"X-Error-Code": "EntryNotFound"} if status == 404 else {"X-Repo-Commit": COMMIT, "ETag": '"x"'}
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def hub(files: Mapping[str, bytes]) -> AbstractContextManager[str]:
    """Its address; `files` by their paths, one folder deep."""
    return served(type("Hub", (Answers,), {"files": files}))


def listed(files: Mapping[str, bytes], folder: str) -> list[dict[str, object]]:
    """What lies in a folder, as the hub tells it; the folders, for none."""
    if not folder:
        return [{"type": "directory", "oid": COMMIT, "path": each} for each in {name.split("/")[0] for name in files}]
    inside = {name: data for name, data in files.items() if name.startswith(f"{folder}/")}
    return [{"type": "file", "oid": COMMIT, "size": len(data), "path": name} for name, data in inside.items()]
