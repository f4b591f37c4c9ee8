"""Errors over HTTP: each is JSON with one line, whatever goes wrong, also in what Gradio answers."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from serving import Caller, Server

from softextend.web import faults
from softextend.web.guard import Guard


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (400, b'{"error": "the one line"}', "the one line"),
        (403, b'{"detail": "File not allowed:\\n /x."}', "File not allowed: /x."),
        (422, b'{"detail": [{"loc": ["body", "data"], "msg": "Field required"}]}', "data: Field required"),
        (413, b"larger than\nis taken", "larger than is taken"),
        (502, b"<html><h1>Bad</h1></html>", "502 Bad Gateway"),
        (500, b"", "500 Internal Server Error"),
        (599, b"", "status 599"),
        (400, b"[" * 100_000, "[" * faults.LONGEST_LINE + " ..."),
    ],
)
def test_what_a_library_answers_becomes_one_line(status: int, body: bytes, line: str) -> None:
    assert faults.line_of(status, body) == line


def asked(app: Any, *, heard: list[str] | None = None) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of a GET through the door."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    def failed(error: BaseException, name: str) -> None:
        (heard if heard is not None else []).append(f"{name}: {error}")

    scope = {"type": "http", "method": "GET", "path": "/api/session", "headers": [(b"host", b"127.0.0.1:1")]}
    guard = Guard(app, host="127.0.0.1", port=1, auth=None, most=9, failed=failed)
    with ThreadPoolExecutor(1) as pool:  # a loop of its own: a browser's may run here
        pool.submit(asyncio.run, guard(scope, receive, send)).result()  # type: ignore[arg-type]
    bodies = [each for each in sent if each["type"] == "http.response.body"]
    assert not bodies[-1].get("more_body"), "the answer ends"
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(each["body"] for each in bodies)


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("what\nnobody expected")


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Internal Server Error"})
    raise KeyError("missing")


async def breaking_off(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"event: heartbeat\ndata: null\n\n", "more_body": True})
    raise ValueError("gone")


@pytest.mark.parametrize(
    ("app", "line"), [(broken, "ValueError: what nobody expected"), (plain, "KeyError: 'missing'")]
)
def test_what_nobody_expected_is_json_and_the_terminal_hears_of_it(app: Any, line: str) -> None:
    heard: list[str] = []
    status, headers, body = asked(app, heard=heard)
    assert (status, headers[b"content-type"]) == (500, b"application/json")
    assert json.loads(body)["error"].startswith(line)
    assert b"set-cookie" in headers
    assert heard[0].startswith("GET /api/session: ")


def test_a_stream_that_breaks_off_ends_with_its_error() -> None:
    status, _, body = asked(breaking_off)
    event, data = body.decode().split("\n\n")[1].split("\n")
    assert (status, event) == (200, "event: error")
    assert json.loads(data.removeprefix("data: "))["error"].startswith("ValueError: gone")


# --- a real server ---------------------------------------------------------------------------------------------------

CALLS = "/gradio/gradio_api"


@pytest.mark.ui
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "/call/nothing", b'{"data": []}', 404, "nothing here"),
        ("POST", "/call/extend", b"no json", 422, "JSON decode error"),
        ("POST", "/call/extend", b"{}", 422, "data: Field required"),
        ("POST", "/queue/join", b'{"fn_index": 99, "data": [], "session_hash": "a"}', 500, "KeyError: 99"),
        ("POST", "/upload", b"no form", 400, "Invalid content type"),
        ("GET", "/file=/etc/passwd", None, 403, "not allowed"),
        ("GET", "/queue/data", None, 422, "session_hash: Field required"),
        ("PUT", "/upload", b"", 405, "Method Not Allowed"),
        ("GET", "/info/../../../", None, 404, "nothing here"),
    ],
)
def test_gradios_own_errors_are_json_with_one_line(
    server: Server, method: str, path: str, body: bytes | None, status: int, says: str
) -> None:
    found = Caller(server)(f"{CALLS}{path}", body, method=method, content_type="application/json")
    assert found["status"] == status
    assert found.keys() == {"error", "status"}
    assert says in found["error"]
    assert "\n" not in found["error"]


@pytest.mark.ui
@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "takes 2 values, not 0"),
        ([None, {}], "is no uploaded file"),
        ([{"path": "/etc/hostname"}, {}], "hostname: is no uploaded file"),
        (
            [{"path": "http://127.0.0.1/a.png", "meta": {"_type": "gradio.FileData"}}, {}],
            "a.png: is no uploaded file",
        ),
    ],
)
def test_a_call_that_cannot_be_ends_with_an_error_event(server: Server, data: list[Any], says: str) -> None:
    call = Caller(server)
    begun = call(f"{CALLS}/call/extend", {"data": data}, content_type="application/json")
    told = call(f"{CALLS}/call/extend/{begun['event_id']}").decode()
    assert "event: error" in told
    assert says in told
    assert "Traceback" not in Path(server.errors.name).read_text()


@pytest.mark.ui
def test_an_event_that_is_none_ends_at_once(server: Server) -> None:
    assert b"event: error" in Caller(server)(f"{CALLS}/call/extend/nothing")
