"""The server: Gradio's functions and the page behind one guard, on one address."""

from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from softextend.environment import cache_home
from softextend.errors import BadRequest
from softextend.web.faults import Failed, silent
from softextend.web.guard import LOCAL, Guard
from softextend.web.sessions import Sessions
from softextend.web.studio import Studio

ASKED_PORT = 7860  # Gradio's own; the next free one is taken where nobody names a port
TRIED_PORTS = 20
SWITCH_SECONDS = 0.0005  # that one thread may keep the interpreter from another: a run, from a preview of many calls


def home() -> Path:
    """Where sessions are kept when nobody says: the user's cache."""
    return cache_home() / "softextend" / "ui"


def make_app(studio: Studio, *, host: str, port: int, auth: str | None) -> Any:
    """The whole application, ASGI."""
    os.environ.setdefault("GRADIO_TEMP_DIR", str(studio.sessions.home / "gradio"))
    import gradio as gr
    from fastapi import FastAPI
    from starlette.exceptions import HTTPException

    from softextend.web.programs import blocks, tidy
    from softextend.web.routes import nothing_here, routes

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        yield
        studio.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, routes=routes(studio), lifespan=lifespan)
    app.add_exception_handler(HTTPException, nothing_here)
    more = {"show_error": True, "max_file_size": studio.max_upload, "ssr_mode": False, "mcp_server": False}
    app = gr.mount_gradio_app(app, blocks(studio), path="/gradio", **more)
    most, failed = studio.max_upload, studio.failed
    return Guard(app, host=host, port=port, auth=auth, most=most, failed=failed, make_room=tidy)


def serve(
    studio: Studio,
    *,
    host: str,
    port: int | None,
    auth: str | None,
    browser: bool,
    tell: Callable[[str], None],
) -> None:
    """Until it is interrupted; `tell` hears the address. BadRequest for an address that cannot be had."""
    import uvicorn

    listening = listen(host, port)
    number = listening.getsockname()[1]
    config = uvicorn.Config(
        make_app(studio, host=host, port=number, auth=auth),
        log_level="error",
        timeout_graceful_shutdown=3,
        limit_concurrency=200,
        server_header=False,
    )
    sys.setswitchinterval(SWITCH_SECONDS)
    threading.Thread(target=studio.looks.warm_up, name="softextend-warm-up", daemon=True).start()
    address = f"http://{f'[{host}]' if ':' in host else host}:{number}/"
    tell(address)
    if browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int | None) -> socket.socket:
    """A socket on this address; without a port the first free one from 7860 on."""
    ports = range(ASKED_PORT, ASKED_PORT + TRIED_PORTS) if port is None else (port,)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reason = ""
    for each in ports:
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, each))
            made.listen()  # so that whoever is told the address can come at once
        except OSError as error:
            made.close()
            reason = error.strerror or str(error)
        else:
            return made
    raise BadRequest(f"--host {host} --port {ports[0]}: cannot listen there ({reason}); give another --port or --host")


def open_studio(folder: Path | None, work_dir: Path | None, max_upload: int, failed: Failed = silent) -> Studio:
    """The studio on its folders; BadRequest where FOLDER is none. `failed` hears of the program's own faults."""
    if folder is not None and not folder.is_dir():
        raise BadRequest(f"{folder}: is no folder; give a folder of photos, or none")
    return Studio(sessions=Sessions(work_dir or home()), folder=folder, max_upload=max_upload, failed=failed)


def check_door(host: str, auth: str | None) -> None:
    """BadRequest for a host that others reach without a password, and for a password that is none."""
    if auth is not None and (":" not in auth or auth.startswith(":") or auth.endswith(":")):
        raise BadRequest("--auth: must be USER:PASSWORD")
    if host not in LOCAL and auth is None:
        raise BadRequest(f"--host {host}: others can reach this address: give --auth USER:PASSWORD too")
