"""What is written on the way: below one folder, and gone when it is old or sent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import Caller, Server

pytestmark = pytest.mark.ui
QUICK = {"sides": "0 16 0 8", "fill": "mirror", "strength": 0, "seed": 3}


def test_temporary_files_go(start: Callable[..., Server], photos: Path, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    (tmp_path / "tmp").mkdir()
    server = start("--port", "0", work_dir=tmp_path / "work", TMPDIR=str(tmp_path / "tmp"))
    call = Caller(server)
    node = call.photo(photos / "small.png")
    assert call(f"/api/zip?pictures={node['id']}")[:2] == b"PK"
    client = Client(f"{server.address}/gradio/", verbose=False, analytics_enabled=False)
    client.predict(handle_file(str(photos / "small.png")), QUICK, api_name="/extend")
    uploads = tmp_path / "work" / "gradio"
    old = [each for each in uploads.iterdir() if each.is_dir()]
    assert old, "they are kept below the sessions' folder"
    for each in old:
        os.utime(each, (1, 1))
    client.predict(handle_file(str(photos / "other.jpg")), QUICK, api_name="/extend")
    assert not [each for each in old if each.exists() and each.stat().st_mtime < 10]
    assert not list((tmp_path / "tmp").glob("*.zip")), "an archive goes once it is sent"
    kept = [each for each in (tmp_path / "work").iterdir() if re.fullmatch("[0-9a-f]{32}", each.name)]
    assert len(kept) == 1, "a program's session goes with its result"
