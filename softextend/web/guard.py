"""The door: who may ask, from where and how much; and what browsers are told to allow."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

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
# What of Gradio's server is reachable: its documented calls, the queue behind them, uploads and their results.
OPEN = re.compile(
    r"/gradio/(config|gradio_api/(info|upload|upload_progress|heartbeat/.*|cancel|reset|call/.*|queue/.*"
    r"|file=.*|startup-events))?/?"
)
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
    """ASGI middleware; `auth`: user:password or None, `most`: bytes that a request may bring."""

    def __init__(self, app: App, *, host: str, port: int, auth: str | None, most: int) -> None:
        self.app, self.host, self.auth, self.most = app, host, auth, most
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
        with suppress(TooLarge):
            await self.app(scope, door.receive, door.send)
        if door.overrun and not door.begun:
            if not door.whole:
                await _drained(receive, DRAINED)
            await _answer(send, 413, self._too_large())

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
    """Counts what comes in and adds headers to what goes out."""

    def __init__(self, receive: Receive, send: Send, most: int, cookie: str | None) -> None:
        self._receive, self._send, self.left, self.cookie = receive, send, most, cookie
        self.begun = False  # an answer
        self.whole = False  # the body has come in

    @property
    def overrun(self) -> bool:
        """Whether more came in than is taken."""
        return self.left < 0

    async def receive(self) -> Message:
        """The next part of the body; TooLarge beyond the limit."""
        message = await self._receive()
        self.left -= len(message.get("body", b""))
        if self.overrun:
            self.whole = not message.get("more_body", False)
            raise TooLarge
        return message

    async def send(self, message: Message) -> None:
        """Out, with the headers that every answer has; what the page says of a body that is cut off is dropped."""
        if self.overrun and not self.begun:
            return
        if message["type"] == "http.response.start":
            self.begun = True
            message["headers"] = [*message.get("headers", []), *_encoded(HEADERS)]
            if self.cookie:
                message["headers"].append((b"set-cookie", self.cookie.encode()))
        await self._send(message)


async def _drained(receive: Receive, most: int) -> None:
    """The rest of a body read and dropped: browsers show an answer only after all is sent."""
    while most > 0:
        message = await receive()
        most -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


async def _answer(send: Send, status: int, line: str) -> None:
    body = json.dumps({"error": line}).encode()
    more = {"content-type": "application/json", "content-length": str(len(body))}
    if status == 401:
        more["www-authenticate"] = 'Basic realm="softextend", charset="UTF-8"'
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
