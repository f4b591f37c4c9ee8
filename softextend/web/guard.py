"""The door: who may ask, from where and how much; and what browsers are told to allow."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from softextend.commands.report import one_line
from softextend.web.faults import Failed, as_event, as_json, line_of, shortened, silent
from softextend.web.sessions import TOKEN, new_token

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")  # listens everywhere, so that its own names are not known
DRAINED = 2**30  # bytes of a body that is too large anyway, read before it is refused; beyond, the line is cut
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
CALLS = ("extend", "paint", "fills", "models", "status", "cancel")
# What of Gradio's server is reachable: its documented calls, the queue behind them, uploads and their results.
OPEN = re.compile(
    r"/gradio/(config|gradio_api/(info|upload|upload_progress|heartbeat/.*|cancel|reset|queue/.*"
    rf"|call/({'|'.join(CALLS)})(/[^/]+)?|file=.*|startup-events))/?"
)
UPLOAD = "/gradio/gradio_api/upload"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


class TooLarge(Exception):
    """A body grew beyond what is taken."""


class Guard:
    """ASGI middleware; `auth`: user:password or None, `most`: bytes that a request may bring.

    `failed` hears of faults, `make_room` is called before Gradio keeps an upload.
    """

    def __init__(
        self,
        app: App,
        *,
        host: str,
        port: int,
        auth: str | None,
        most: int,
        failed: Failed = silent,
        make_room: Callable[[], None] = lambda: None,
    ) -> None:
        self.app, self.host, self.auth, self.most = app, host, auth, most
        self.failed, self.make_room = failed, make_room
        self.cookie = f"softextend_{port}"  # cookies know no ports, and two servers share none

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, refused or handed on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self.refusal(scope, headers)
        if refused is not None:
            if refused[0] == 413:
                await _drained(receive, DRAINED)
            await _answer(send, *refused)
            return
        token, fresh = self._token(headers)
        scope.setdefault("state", {})["token"] = token
        wants = scope["path"] == "/" or scope["path"].startswith("/api/")
        door = _Door(receive, send, self.most, self._set_cookie(token) if fresh and wants else None)
        line = ""
        try:
            if scope["path"].rstrip("/") == UPLOAD:
                self.make_room()
                await door.gather()
            await self.app(scope, door.receive, door.send)
        except TooLarge:
            pass
        except Exception as error:  # what no handler has answered
            said = getattr(error.__cause__, "status_code", None)  # a refusal in the middle of a stream, which tells it
            line = "" if said else shortened(one_line(error))
            if not door.gone and not said:
                self.failed(error, f"{scope['method']} {scope['path'][:80]}")
        if door.overrun and not door.begun:
            if not door.whole:
                await _drained(receive, DRAINED)
            await _answer(send, 413, self._too_large())
        else:
            await door.close(line)

    def refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """The status and sentence for what is not let in."""
        name = host_name(headers.get("host", ""))
        if self.host not in ANY and name not in {*LOCAL, self.host}:
            return 403, "this address is not this server's: open the one that it printed"
        if self.auth is not None and not _authorised(headers.get("authorization", ""), self.auth):
            return 401, "user and password are needed, as given with --auth"
        navigating = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not (navigating and scope["path"] == "/"):
            return 403, "another site asked for this: open this server's own page"
        origin = headers.get("origin")
        if (
            origin is not None
            and scope["method"] not in SAFE_METHODS
            and urlsplit(origin).netloc != headers.get("host")
        ):
            return 403, "another site asked for this: open this server's own page"
        if scope["path"].startswith("/gradio") and not OPEN.fullmatch(scope["path"]):
            return 404, "there is nothing here: docs/ui.md lists the endpoints"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.most:
            return 413, self._too_large()
        return None

    def _too_large(self) -> str:
        return f"this is larger than {self.most / 2**20:g} MiB: scale it down, or start with a larger --max-upload"

    def _token(self, headers: dict[str, str]) -> tuple[str, bool]:
        """The session's token and whether it is new."""
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            found = None
        if found is not None and TOKEN.fullmatch(found.value):
            return found.value, False
        return new_token(), True

    def _set_cookie(self, token: str) -> str:
        return f"{self.cookie}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"


class _Door:
    """Counts what comes in and adds headers to what goes out; what says no goes out as JSON, whoever says it."""

    def __init__(self, receive: Receive, send: Send, most: int, cookie: str | None) -> None:
        self._receive, self._send, self.left, self.cookie = receive, send, most, cookie
        self.begun = False  # an answer
        self.ended = False  # that answer
        self.whole = False  # the body has come in
        self.gone = False  # whoever asked
        self.events = False  # the answer is a stream of them
        self.gathered: bytes | None = None  # the body, before anybody has asked for it
        self.status, self.refusal = 0, b""  # of an answer that says no, kept until all of it is known

    @property
    def overrun(self) -> bool:
        """Whether more came in than is taken."""
        return self.left < 0

    async def receive(self) -> Message:
        """The next part of the body; TooLarge beyond the limit."""
        if self.gathered is not None:
            body, self.gathered = self.gathered, None
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self._receive()
        self.gone = self.gone or message["type"] == "http.disconnect"
        self.left -= len(message.get("body", b""))
        if self.overrun:
            self.whole = not message.get("more_body", False)
            raise TooLarge
        return message

    async def gather(self) -> None:
        """All of the body comes in before anybody sees a part of it: Gradio leaves the file of an upload cut short."""
        parts, more = [], True
        while more and not self.gone:
            message = await self.receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        self.gathered = b"".join(parts)

    async def send(self, message: Message) -> None:
        """Out, with the headers that every answer has; what the page says of a body that is cut off is dropped."""
        if self.overrun and not self.begun:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"] if message["status"] >= 400 else 0
            headers = dict(message.get("headers", []))
            self.events = headers.get(b"content-type", b"").startswith(b"text/event-stream")
            more = {**HEADERS, **({"set-cookie": self.cookie} if self.cookie else {})}
            message["headers"] = [*message.get("headers", []), *_encoded(more)]
        elif self.status:
            self.refusal += message.get("body", b"")
        if self.status:
            return
        self.begun = True
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def close(self, line: str) -> None:
        """The end of an answer: one that says no, or one that a fault, told in a `line`, has cut off."""
        if self.gone or self.ended:
            return
        if not self.begun:
            status = self.status or 500
            await _answer(self._send, status, line or line_of(status, self.refusal), self.cookie)
        elif self.events:
            await self._send({"type": "http.response.body", "body": as_event(line) if line else b""})


async def _drained(receive: Receive, most: int) -> None:
    """The rest of a body read and dropped: browsers show an answer only after all is sent."""
    while most > 0:
        message = await receive()
        most -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


async def _answer(send: Send, status: int, line: str, cookie: str | None = None) -> None:
    body = as_json(line)
    more = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    if status == 401:
        more["www-authenticate"] = 'Basic realm="softextend", charset="UTF-8"'
    if cookie:
        more["set-cookie"] = cookie
    await send({"type": "http.response.start", "status": status, "headers": _encoded({**HEADERS, **more})})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _authorised(given: str, auth: str) -> bool:
    """Whether a Basic header holds this user:password; compared in constant time."""
    kind, _, value = given.partition(" ")
    try:
        found = base64.b64decode(value, validate=True) if kind.lower() == "basic" else b""
    except binascii.Error:
        return False
    return hmac.compare_digest(found, auth.encode())


def host_name(host: str) -> str:
    """`[::1]:7860` -> `::1`, `localhost:7860` -> `localhost`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host
