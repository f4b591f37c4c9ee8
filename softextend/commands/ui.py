"""`softextend ui`: the page."""

from __future__ import annotations

import importlib.util
import json
from functools import partial
from typing import TYPE_CHECKING

from softextend.errors import BadRequest

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Ui

NEEDED = ("gradio", "fastapi", "uvicorn")


def ui(report: Report, given: Ui) -> None:
    """Serve the page until Ctrl-C; its address goes to stdout."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise BadRequest(f"the page needs {missing[0]}, which is not installed: pip install 'softextend[ui]'")
    from softextend.web import serve
    from softextend.web.guard import LOCAL

    page = given.page
    serve.check_door(page.host, page.auth)
    studio = serve.open_studio(page.folder, page.work_dir, page.max_upload * 2**20, report.failed)
    if page.host not in LOCAL:
        report.note(f"{page.host}: others can reach this page, and what they send and get is not encrypted")
    tell = partial(_tell, report)
    serve.serve(studio, host=page.host, port=page.port, auth=page.auth, browser=page.browser, tell=tell)


def _tell(report: Report, address: str) -> None:
    report.print(json.dumps({"address": address}) if report.options.json else address)
