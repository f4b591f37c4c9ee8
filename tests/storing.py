"""Stores on loopback: S3 by moto's server, which may falter and dawdle, and pictures over HTTP."""

from __future__ import annotations

import functools
import http.server
import os
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BUCKET = "photos"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEY",
    "AWS_SECRET_ACCESS_KEY": "very/secret/key",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Faults:
    """In front of a WSGI application: of some requests every n-th fails with 500, or takes long."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application
        self.failing = self.slow = 0  # every how manieth request; 0: none
        self.delay = 0.0  # s
        self.lost = False  # the request is done all the same, and only its answer is lost
        self.seen: Counter[str] = Counter()  # requests by method
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        with self.lock:
            self.seen[environ["REQUEST_METHOD"]] += 1
            number = sum(self.seen.values())
        if self.slow and number % self.slow == 0:
            time.sleep(self.delay)
        if self.failing and number % self.failing == 0:
            if self.lost:
                list(self.application(environ, lambda *_: None))
            start_response("500 Internal Server Error", [("Content-Type", "application/xml")])
            return [b"<Error><Code>InternalError</Code><Message>We encountered an error</Message></Error>"]
        return self.application(environ, start_response)


@contextmanager
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Faults, Any]]:
    """A bucket, its faults and a client of boto3."""
    pytest.importorskip("s3fs", reason="the extra `cloud` is not installed")
    server = pytest.importorskip("moto.server", reason="moto's server is not installed")
    import boto3
    import s3fs
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            pass

    faults = Faults(server.DomainDispatcherApplication(server.create_backend_app))
    running = make_server("127.0.0.1", 0, faults, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    for name, value in {**KEYS, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{running.port}")
    s3fs.S3FileSystem.clear_instance_cache()
    urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset", data=b"").close()  # of other tests
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    try:
        yield faults, client
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        running.shutdown()
        thread.join()
        running.server_close()


@contextmanager
def web(folder: Path) -> Iterator[str]:
    """The folder's files at an address."""
    pytest.importorskip("aiohttp", reason="the extra `cloud` is not installed")
    with served(functools.partial(Quiet, directory=str(folder))) as address:
        yield address


@contextmanager
def served(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address at which a handler answers."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: Any) -> None:
        """See above."""
