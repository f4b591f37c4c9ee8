"""HTTP: paths to what the studio can do; JSON in, JSON or pictures out, errors as one line."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from softextend import __version__
from softextend.commands.report import one_line
from softextend.errors import BadRequest, SoftExtendError
from softextend.web import downloads, form
from softextend.web.faults import shortened
from softextend.web.guard import TooLarge
from softextend.web.runs import Run
from softextend.web.sessions import MOST_PICTURES, Node, Session
from softextend.web.studio import Studio

STATIC = Path(__file__).parent / "static"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FOREVER = {"cache-control": "private, max-age=604800, immutable"}  # a picture never changes under its id
NEVER = {"cache-control": "no-store"}
LONGEST_WAIT = 60.0  # seconds that a request for a run's state may wait for its end

Handler = Callable[[Studio, Session, Request], Awaitable[Response]]


def routes(studio: Studio) -> list[Route]:
    """Every path of the page and of its JSON interface."""
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/api/form", show_form),
        ("GET", "/api/session", show_session),
        ("DELETE", "/api/session", clear_session),
        ("POST", "/api/photos", add_photo),
        ("POST", "/api/folder", add_listed),
        ("GET", "/api/folder/thumb", show_listed),
        ("POST", "/api/preview", preview),
        ("POST", "/api/extend", extend),
        ("POST", "/api/paint", paint),
        ("POST", "/api/batch", batch),
        ("GET", "/api/runs/{id}", show_run),
        ("GET", "/api/runs/{id}/preview", show_run_preview),
        ("POST", "/api/runs/{id}/cancel", cancel),
        ("GET", "/api/runs/{id}/zip", zip_run),
        ("GET", "/api/zip", zip_pictures),
        ("GET", "/api/pictures/{id}", show_picture),
        ("GET", "/api/pictures/{id}/view", view),
        ("GET", "/api/pictures/{id}/border", border),
        ("GET", "/api/pictures/{id}/file", download),
        ("GET", "/api/fills", show_fills),
        ("GET", "/api/models", show_models),
        ("GET", "/api/status", status),
    ]
    own = [Route(path, partial(answer, studio, handler), methods=[method]) for method, path, handler in table]
    return [Route("/", static, name="index"), Route("/static/{name}", static), *own]


async def answer(studio: Studio, handler: Handler, request: Request) -> Response:
    """What a handler returns, or the error's one line."""
    session = studio.sessions.of(request.state.token)
    try:
        return await handler(studio, session, request)
    except SoftExtendError as error:
        return JSONResponse({"error": session.told(str(error))}, 400, NEVER)
    except OSError as error:
        studio.failed(error, request.url.path)
        return JSONResponse({"error": f"the server cannot read or write: {error.strerror}"}, 500, NEVER)
    except (TooLarge, ClientDisconnect):  # the door's
        raise
    except Exception as error:
        studio.failed(error, request.url.path)
        return JSONResponse({"error": shortened(session.told(one_line(error)))}, 500, NEVER)


async def nothing_here(request: Request, error: Exception) -> Response:
    """A path, or a method on it, that is none: JSON with one line, as every error."""
    status = getattr(error, "status_code", 404)
    line = f"{request.method} {request.url.path[:80]}: there is nothing here: docs/ui.md lists the endpoints"
    return JSONResponse({"error": line}, status, NEVER)


async def static(request: Request) -> Response:
    """A file of the page."""
    name = request.path_params.get("name", "index.html")
    if name not in {each.name for each in STATIC.iterdir()}:
        return JSONResponse({"error": "there is nothing here"}, 404)
    return FileResponse(STATIC / name, media_type=KINDS.get(Path(name).suffix), headers={"cache-control": "no-cache"})


async def body_of(request: Request) -> dict[str, Any]:
    """A JSON object; BadRequest for anything else."""
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadRequest("the body must be a JSON object")
    return found


def answered(found: Any) -> JSONResponse:
    """JSON that no cache keeps."""
    return JSONResponse(found, headers=NEVER)


def told(studio: Studio, run: Run) -> dict[str, Any]:
    """A run as JSON values, with its place in line."""
    return run.as_dict(studio.runner.place(run))


def shown(studio: Studio, session: Session, node: Node) -> dict[str, Any]:
    """A picture as JSON values, with the command lines that lead to it."""
    return {
        **asdict(node),
        "commands": downloads.commands(session, node),
        "needed": downloads.needed(session, node),
    }


async def show_form(studio: Studio, session: Session, request: Request) -> Response:
    """What may be set, and what there is to choose from."""
    models, listing = await run_in_threadpool(form.describe_models), await run_in_threadpool(studio.photos.listing)
    return answered(
        {
            "options": form.describe(),
            "fills": form.describe_fills(),
            "models": models,
            "folder": listing,
            "formats": list(downloads.FORMATS),
            "max_upload": studio.max_upload,
            "version": __version__,
        }
    )


async def show_session(studio: Studio, session: Session, request: Request) -> Response:
    """Everything that this session holds."""
    runs = {
        **session.runs,
        **{run.id: told(studio, run) for run in studio.runner.runs.values() if run.session is session},
    }
    nodes = [shown(studio, session, each) for each in list(session.nodes.values())]
    return answered({"pictures": nodes, "runs": list(runs.values())})


async def clear_session(studio: Studio, session: Session, request: Request) -> Response:
    """All its pictures away; what runs is stopped."""
    for run in list(studio.runner.runs.values()):
        if run.session is session:
            studio.runner.cancel(run)
            studio.runner.runs.pop(run.id)
    await run_in_threadpool(session.clear)
    return answered({"pictures": [], "runs": []})


async def add_photo(studio: Studio, session: Session, request: Request) -> Response:
    """The body is the picture's bytes, ?name= its name."""
    data, name = await request.body(), request.query_params.get("name", "photo.png")
    if not data:
        raise BadRequest("the body is empty: send the picture's bytes")
    node = await run_in_threadpool(studio.add_photo, session, name, data)
    return answered(shown(studio, session, node))


async def add_listed(studio: Studio, session: Session, request: Request) -> Response:
    """A photo of FOLDER into the session."""
    path = studio.photos.listed((await body_of(request)).get("name"))
    node = await run_in_threadpool(lambda: studio.add_photo(session, path.name, path.read_bytes()))
    return answered(shown(studio, session, node))


async def show_listed(studio: Studio, session: Session, request: Request) -> Response:
    """A photo of FOLDER, small."""
    path = studio.photos.listed(request.query_params.get("name"))
    data = await run_in_threadpool(studio.photos.thumb, path)
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=600"})


async def preview(studio: Studio, session: Session, request: Request) -> Response:
    """Fill, soft map and plan of {picture, settings}, small and soon; "sharp" 1 and 2: larger and later."""
    given = await body_of(request)
    node, sharp, tab = session.node(given.get("picture")), given.get("sharp", 0), given.get("tab", "")
    if type(sharp) is not int or not isinstance(tab, str):
        raise BadRequest("sharp: must be 0, 1 or 2; tab: must be text")
    work = partial(studio.looks.look, session, node, given.get("settings"), sharp=sharp, tab=tab[:40])
    return answered(await run_in_threadpool(work))


async def extend(studio: Studio, session: Session, request: Request) -> Response:
    """A run that extends {picture} with {settings}."""
    given = await body_of(request)
    run = await run_in_threadpool(studio.orders.extend, session, given.get("picture"), given.get("settings"))
    return answered(told(studio, run))


async def paint(studio: Studio, session: Session, request: Request) -> Response:
    """A run that repaints; the body is the mask, a PNG; ?picture= and ?settings= (JSON) say the rest."""
    mask, query = await request.body(), request.query_params
    try:
        settings = json.loads(query.get("settings", "{}"))
    except (ValueError, RecursionError):
        raise BadRequest("settings: must be a JSON object") from None
    run = await run_in_threadpool(studio.orders.paint, session, query.get("picture"), mask, settings)
    return answered(told(studio, run))


async def batch(studio: Studio, session: Session, request: Request) -> Response:
    """A run that extends all {pictures} with {settings}."""
    given = await body_of(request)
    run = await run_in_threadpool(studio.orders.batch, session, given.get("pictures"), given.get("settings"))
    return answered(told(studio, run))


def run_of(studio: Studio, session: Session, request: Request) -> Run:
    """The run that a path names."""
    return studio.runner.find(session, request.path_params["id"])


async def show_run(studio: Studio, session: Session, request: Request) -> Response:
    """The state of a run, at once, or with ?wait=SECONDS at its end if that comes sooner."""
    kept = session.runs.get(request.path_params["id"])
    if kept is not None and request.path_params["id"] not in studio.runner.runs:
        return answered(kept)
    run = run_of(studio, session, request)
    try:
        seconds = min(LONGEST_WAIT, float(request.query_params.get("wait", "0")))
    except ValueError:
        raise BadRequest("wait: must be a number of seconds") from None
    if seconds > 0:
        await run_in_threadpool(studio.runner.wait, run, seconds)
    return answered(told(studio, run))


async def show_run_preview(studio: Studio, session: Session, request: Request) -> Response:
    """What is painted by now."""
    run = run_of(studio, session, request)
    return Response(run.preview, 200 if run.preview else 204, NEVER, "image/jpeg")


async def cancel(studio: Studio, session: Session, request: Request) -> Response:
    """Stop a run within a step."""
    run = run_of(studio, session, request)
    studio.runner.cancel(run)
    return answered(told(studio, run))


async def zip_run(studio: Studio, session: Session, request: Request) -> Response:
    """All results of a run in one archive."""
    key = request.path_params["id"]
    results = session.runs.get(key, {}).get("results") or list(run_of(studio, session, request).results)
    if not results:
        raise BadRequest("this run has no results (yet)")
    return await zipped(session, results)


async def zip_pictures(studio: Studio, session: Session, request: Request) -> Response:
    """Pictures of the session in one archive: ?pictures=ID,ID,..."""
    keys = [each for each in request.query_params.get("pictures", "").split(",") if each]
    if not 0 < len(keys) <= MOST_PICTURES:
        raise BadRequest(f"pictures: give 1 to {MOST_PICTURES} ids, with commas between")
    return await zipped(session, keys)


async def zipped(session: Session, keys: list[str]) -> Response:
    """An archive that is removed once it is sent."""
    path = await run_in_threadpool(downloads.archive, session, keys)
    return FileResponse(path, filename="softextend.zip", background=BackgroundTask(downloads.remove, path))


async def show_picture(studio: Studio, session: Session, request: Request) -> Response:
    """What is known of a picture."""
    return answered(shown(studio, session, session.node(request.path_params["id"])))


async def view(studio: Studio, session: Session, request: Request) -> Response:
    """A picture as a JPEG, ?size= px at most."""
    size = request.query_params.get("size", "1600")
    if not size.isdigit():
        raise BadRequest("size: must be a number of px")
    data = await run_in_threadpool(studio.photos.view, session, session.node(request.path_params["id"]), int(size[:6]))
    return Response(data, media_type="image/jpeg", headers=FOREVER)


async def border(studio: Studio, session: Session, request: Request) -> Response:
    """What trimming would take off."""
    return answered(await run_in_threadpool(studio.photos.border, session, session.node(request.path_params["id"])))


async def download(studio: Studio, session: Session, request: Request) -> Response:
    """A picture to keep: ?format=png, jpeg or webp."""
    node = session.node(request.path_params["id"])
    if request.query_params.get("of") == "mask" and node.mask:
        return FileResponse(session.folder / node.mask, filename=node.mask)
    path = await run_in_threadpool(downloads.file, session, node, request.query_params.get("format", "png"))
    return FileResponse(path, filename=path.name, headers=NEVER)


async def show_fills(studio: Studio, session: Session, request: Request) -> Response:
    """Every fill with its parameters."""
    return answered(form.describe_fills())


async def show_models(studio: Studio, session: Session, request: Request) -> Response:
    """Every model that is here."""
    return answered(await run_in_threadpool(form.describe_models))


async def status(studio: Studio, session: Session, request: Request) -> Response:
    """Whether it works, and how many wait."""
    return answered(state(studio))


def state(studio: Studio) -> dict[str, Any]:
    """What the server does, of whoever's runs, without saying whose."""
    runner = studio.runner
    return {"version": __version__, "running": runner.current is not None, "waiting": len(runner.line)}
