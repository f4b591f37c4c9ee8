"""Bad input on the page itself: each is answered in a sentence, the photo in work stays, and no file is left over."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from driving import open_photo, pull, quick, run
from pngs import hollow
from running import photo
from serving import Caller, Server, until

pytestmark = pytest.mark.ui
MARKUP = "<img src=x onerror=document.title='taken'>"


def handed(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def said(page: Any) -> str:
    """The page's alert, which is closed again."""
    page.wait_for_selector("#alert:visible")
    line = page.locator("#alert").locator(":scope > *").first.text_content()
    page.click("#alert button")
    return str(line)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("photo.png", b"hello, this is text", "photo.png"),
        ("empty.png", b"", "empty"),
        ("large.png", hollow(20_000, 20_000), "megapixels"),
        ("bomb.png", hollow(60_000, 60_000), "megapixels"),
        ("cut.png", hollow(32, 32), "cut.png"),
        ("heavy.png", bytes(9 * 2**20), "larger than 8 MiB"),
        (f"{MARKUP}.exe", b"MZ", "no picture's name"),
    ],
)
def test_what_is_no_photo_leaves_the_photo_in_work(
    visit: Callable[..., Any], photos: Path, name: str, data: bytes, says: str
) -> None:
    page = visit()
    title = page.title()
    open_photo(page, photos / "small.png")
    pull(page, "right", 16)
    dragged = page.evaluate("softextend.canvas.sides.right")
    page.set_input_files("#file", handed(name, data))
    line = said(page)
    assert says in line
    assert "\n" not in line
    assert page.evaluate("softextend.current.file") == "small.png"
    assert page.evaluate("softextend.canvas.sides.right") == dragged > 0
    assert page.locator("#tree button").count() == 1
    assert page.title() == title, "a name is text"


def test_a_name_with_markup_is_text_wherever_it_stands(visit: Callable[..., Any], photos: Path) -> None:
    page = visit()
    title = page.title()
    page.set_input_files("#file", handed(f"{MARKUP}.png", (photos / "small.png").read_bytes()))
    page.wait_for_selector("#canvas .handle.right.side:visible")
    quick(page)
    pull(page, "right", 16)
    run(page)
    page.click("#tab-gallery")
    page.click("#tab-batch")
    page.set_input_files("#batch-files", handed(f"{MARKUP}.png", (photos / "small.png").read_bytes()))
    page.wait_for_selector("#panel-batch td img")
    assert page.locator("img[src='x']").count() == 0
    assert page.title() == title


def test_a_prompt_of_100_kb_is_refused_and_a_shorter_one_goes(visit: Callable[..., Any], photos: Path) -> None:
    page = visit()
    open_photo(page, photos / "small.png")
    quick(page)
    pull(page, "right", 16)
    page.evaluate("softextend.form.model.value = 'self'")
    refused = page.evaluate(
        """fetch('/api/extend', {method: 'POST', body: JSON.stringify({picture: softextend.current.id,
        settings: {sides: '8', prompt: 'x'.repeat(100000)}})}).then(
        async (each) => [each.status, (await each.json()).error])"""
    )
    assert refused[0] == 400
    assert "100000 characters" in refused[1]
    assert "xxxxxxxx" * 100 not in refused[1]
    run(page)


def test_uploads_at_once_from_two_tabs_all_come_in(visit: Callable[..., Any], photos: Path) -> None:
    one = visit()
    two = one.context.new_page()
    two.goto(one.url)
    until(two, "window.softextend && document.getElementById('go-hint').textContent")
    data = (photos / "small.png").read_bytes()
    for page in (one, two):
        page.set_input_files("#file", [handed("same.png", data), handed("same.png", data)])
    for page in (one, two):
        until(page, "document.querySelectorAll('#tree button').length >= 2")
    found = one.evaluate("fetch('/api/session').then((each) => each.json())")
    assert len({each["file"] for each in found["pictures"]}) == 4, "none overwrites another"


# --- what is left on the disk ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(start: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, Path]:
    """A server whose working and temporary files lie in folders of their own."""
    home = tmp_path_factory.mktemp("kept")
    for name in ("work", "temporary"):
        (home / name).mkdir()
    server = start("--port", "0", "--max-upload", "1", work_dir=home / "work", TMPDIR=str(home / "temporary"))
    return server, home


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.rglob("*") if each.is_file())


def test_refused_photos_and_archives_leave_no_file(kept: tuple[Server, Path], tmp_path: Path) -> None:
    call, home = Caller(kept[0]), kept[1]
    call("/api/session", method="DELETE")
    before = files(home / "temporary")
    for name, data in (("cut.png", hollow(32, 32)), ("big.png", hollow(20_000, 20_000)), ("text.jpg", b"text")):
        assert "error" in call(f"/api/photos?name={name}", data)
    assert not [each for each in files(home / "work") if each.endswith((".png", ".jpg"))]
    photo(tmp_path / "small.png", 64, 48)
    node = call.photo(tmp_path / "small.png")
    settings = {"sides": "0 16 0 0", "fill": "mirror", "strength": 0, "seed": 1}
    made = call.done(call("/api/extend", {"picture": node["id"], "settings": settings}))["results"][0]
    assert call(f"/api/zip?pictures={made}")[:2] == b"PK"
    assert call(f"/api/pictures/{made}/file?format=webp")[:4] == b"RIFF"
    assert files(home / "temporary") == before
    call("/api/session", method="DELETE")
    assert not [each for each in files(home / "work") if each.endswith((".png", ".jpg", ".webp"))]


FORM = "multipart/form-data; boundary=x"
FILE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s.png"\r\n\r\n%s\r\n'
MIB = 2**20
UPLOAD = "/gradio/gradio_api/upload"


def form(*sizes: int) -> bytes:
    """A form with files of so many bytes."""
    return b"".join(FILE % (b"a" * (index + 1), bytes(size)) for index, size in enumerate(sizes)) + b"--x--\r\n"


def pieces(data: bytes) -> Iterator[bytes]:
    """A body that is sent without its length."""
    yield from (data[start : start + 2**16] for start in range(0, len(data), 2**16))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/api/photos?name=a.png", bytes(2 * MIB)),
        ("/api/extend", bytes(MIB + 1)),
        (UPLOAD, form(2 * MIB)),
        (UPLOAD, form(MIB // 2, MIB // 2)),
    ],
)
def test_uploads_are_limited_whether_they_tell_their_length_or_not(
    kept: tuple[Server, Path], path: str, data: bytes
) -> None:
    address = urlsplit(kept[0].address)
    line = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    before = files(kept[1])
    for body in (data, pieces(data)):
        line.request("POST", path, body=body, encode_chunked=body is not data, headers=headers(data, body))
        answer = line.getresponse()
        told = answer.read()
        assert answer.status == 413, (path, told)
        assert "larger than 1 MiB" in json.loads(told)["error"]
    line.close()
    assert set(files(kept[1])) - set(before) <= {"session.json"}, "nothing of it is left"


def headers(data: bytes, body: Any) -> dict[str, str]:
    """Of a request that tells its length, or does not."""
    return {"Content-Type": FORM} | ({} if body is data else {"Transfer-Encoding": "chunked"})


def test_a_program_is_told_of_a_file_that_is_too_large(kept: tuple[Server, Path], tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    (tmp_path / "large.png").write_bytes(bytes(MIB + 1))
    client = Client(f"{kept[0].address}/gradio/", verbose=False, analytics_enabled=False)
    with pytest.raises(ValueError, match="exceeds the maximum file size of 1048576 bytes"):
        client.predict(handle_file(str(tmp_path / "large.png")), {"sides": "8"}, api_name="/extend")
    assert Caller(kept[0])(UPLOAD, form(1000), content_type=FORM)[0].endswith("a.png"), "a small one comes in"


def test_uploads_of_programs_are_bounded_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from softextend.web import programs

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(programs, "KEPT_BYTES", 2500)
    now = time.time()
    for age, name in enumerate(("new", "newer", "old", "older")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo.png").write_bytes(bytes(1000))
        os.utime(tmp_path / name, (now - 60 * age,) * 2)
    for age, name in ((10, "tmp-coming"), (90, "tmp-cut")):  # what Gradio leaves of a form that is none
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (now - age,) * 2)
    programs.tidy()
    assert not (tmp_path / "tmp-cut").exists()
    (tmp_path / "tmp-coming").unlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "newer"]
