"""What programs and strangers get: the documented calls, and a clear sentence for everything else."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from PIL.ImageCms import ImageCmsProfile, createProfile
from PIL.PngImagePlugin import PngInfo
from pngs import hollow
from running import photo
from serving import ROOT, Caller, Server

pytestmark = pytest.mark.ui
MAKE = 0x010F  # Exif's tag
QUICK = {"sides": "0 16 0 8", "fill": "mirror", "strength": 0, "seed": 3}


def loaded(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def call(server: Server) -> Caller:
    return Caller(server)


def test_extend_and_download_with_the_command_line_that_makes_it(call: Caller, photos: Path) -> None:
    node = call.photo(photos / "small.png")
    run = call.done(call("/api/extend", {"picture": node["id"], "settings": {**QUICK, "num": 2}}))
    assert (run["state"], len(run["results"])) == ("done", 2)
    second = call(f"/api/pictures/{run['results'][1]}")
    assert (second["width"], second["height"], second["seed"]) == (96 + 24, 72, 4)
    assert second["place"]["left"] == 8
    assert second["verdict"].endswith(".")
    data = call(f"/api/pictures/{second['id']}/file?format=png")
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(pixels[:, 8:-16], loaded(photos / "small.png"))
    words = "--sides 0 16 0 8 --fill mirror --strength 0.0 --seed 4 --model self -o small-extended-2.png"
    assert second["commands"] == [f"softextend extend small.png {words}"]


@pytest.mark.parametrize(("format", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_every_format_carries_recipe_profile_and_exif(call: Caller, format: str, kind: str, tmp_path: Path) -> None:
    from softextend.pictures.read import read_recipe

    image, exif = Image.new("RGB", (80, 64), (90, 120, 200)), Image.Exif()
    exif[MAKE] = "Maker"
    profile = ImageCmsProfile(createProfile("sRGB")).tobytes()
    image.save(tmp_path / "other.jpg", exif=exif, icc_profile=profile)
    node = call.photo(tmp_path / "other.jpg")
    run = call.done(call("/api/extend", {"picture": node["id"], "settings": QUICK}))
    path = tmp_path / "result"
    path.write_bytes(call(f"/api/pictures/{run['results'][0]}/file?format={format}"))
    with Image.open(path) as made:
        assert made.format == kind
        assert made.getexif()[MAKE] == "Maker"
        assert made.info["icc_profile"] == profile
    assert read_recipe(path)["seed"] == 3


def test_paint_repaints_where_the_mask_is_white(call: Caller, photos: Path) -> None:
    node, mask = call.photo(photos / "small.png"), Image.new("L", (96, 72))
    mask.paste(255, (40, 20, 60, 40))
    stream = io.BytesIO()
    mask.save(stream, "PNG")
    run = call.done(call(f"/api/paint?picture={node['id']}&settings=%7B%22seed%22%3A5%7D", stream.getvalue()))
    assert run["state"] == "done", run
    made = call(f"/api/pictures/{run['results'][0]}")
    before = loaded(photos / "small.png")
    after = np.asarray(Image.open(io.BytesIO(call(f"/api/pictures/{made['id']}/file"))))
    assert np.array_equal(after[:, :30], before[:, :30])
    assert not np.array_equal(after[20:40, 40:60], before[20:40, 40:60])
    assert made["commands"][0].startswith("softextend paint small.png small-mask.png --seed 5")


def test_a_batch_goes_on_after_a_failure_and_ends_in_one_archive(call: Caller, photos: Path) -> None:
    keys = [call.photo(photos / name)["id"] for name in ("small.png", "other.jpg")]
    settings = {**QUICK, "sides": None, "size": "90x70"}
    run = call.done(call("/api/batch", {"pictures": keys, "settings": settings}))
    assert [each["state"] for each in run["items"]] == ["failed", "done"]
    assert "96x72" in run["items"][0]["error"]
    with zipfile.ZipFile(io.BytesIO(call(f"/api/runs/{run['id']}/zip"))) as archive:
        assert archive.namelist() == ["other-extended.png"]
    with zipfile.ZipFile(io.BytesIO(call(f"/api/zip?pictures={','.join((*run['results'], *keys))}"))) as archive:
        assert archive.namelist() == ["other-extended.png", "small.png", "other.jpg"]
    assert "ids" in call("/api/zip?pictures=")["error"]


def test_a_run_is_cancelled_within_a_step(call: Caller, photos: Path) -> None:
    node = call.photo(photos / "small.png")
    slow = {"sides": "64", "fill": "gray", "steps": 1000, "strength": 1}
    first = call("/api/extend", {"picture": node["id"], "settings": slow})
    waiting = call("/api/extend", {"picture": node["id"], "settings": slow})
    assert call(f"/api/runs/{waiting['id']}")["place"] == 1
    assert call(f"/api/runs/{waiting['id']}/cancel", {})["state"] == "cancelled"
    call(f"/api/runs/{first['id']}/cancel", {})
    assert call.done(first)["state"] == "cancelled"
    assert call("/api/session")["pictures"][-1]["kind"] == "photo"


@pytest.mark.parametrize("fill", ["patch", "ns:radius=20"])
def test_a_run_is_cancelled_in_the_middle_of_its_fill(call: Caller, tmp_path: Path, fill: str) -> None:
    photo(tmp_path / "large.png", 1200, 900)
    node = call.photo(tmp_path / "large.png")
    run = call("/api/extend", {"picture": node["id"], "settings": {"sides": "0 1200 0 0", "fill": fill, "seed": 1}})
    while call(f"/api/runs/{run['id']}")["state"] == "waiting":
        time.sleep(0.05)
    call(f"/api/runs/{run['id']}/cancel", {})
    found = call.done(run)
    assert (found["state"], found["total"]) == ("cancelled", 0), "no step began"


def test_gradio_client_finds_the_same_functions(server: Server, photos: Path) -> None:
    from gradio_client import Client, handle_file

    client = Client(f"{server.address}/gradio/", verbose=False, analytics_enabled=False)
    path, facts = client.predict(handle_file(str(photos / "small.png")), QUICK, api_name="/extend")
    with Image.open(path) as made:
        assert made.size == (120, 72)
    assert facts["result"]["commands"][0].startswith("softextend extend small.png --sides 0 16 0 8")
    assert client.predict(api_name="/fills")[0]["name"] == "perlin"
    assert client.predict(api_name="/models")[0]["name"] == "self"
    assert client.predict("", api_name="/status")["waiting"] == 0
    with pytest.raises(Exception, match=r"--strength 2: must be from 0 to 1"):
        client.predict(handle_file(str(photos / "small.png")), {**QUICK, "strength": 2}, api_name="/extend")
    with pytest.raises(Exception, match="no such run"):
        client.predict("x", api_name="/cancel")


def test_gradio_reads_no_file_that_was_not_uploaded(call: Caller) -> None:
    secret = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}
    begun = call("/gradio/gradio_api/call/extend", {"data": [secret, QUICK]}, content_type="application/json")
    told = call(f"/gradio/gradio_api/call/extend/{begun['event_id']}").decode()
    assert "event: error" in told
    assert call("/gradio/gradio_api/file=/etc/hostname")["status"] in (403, 404)


def examples(kind: str) -> list[str]:
    """The examples of this kind in the documentation."""
    text = (ROOT / "docs/ui.md").read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("kind", ["sh", "python"])
def test_the_documented_examples_run(server: Server, photos: Path, tmp_path: Path, kind: str) -> None:
    found = [each for each in examples(kind) if "7860" in each]
    assert found
    for name in ("small.png", "other.jpg"):
        (tmp_path / name).write_bytes((photos / name).read_bytes())
    photo(tmp_path / "photo.jpg", 64, 48)
    for text in found:
        text = text.replace("http://127.0.0.1:7860", server.address)
        command = ["bash", "-euo", "pipefail", "-c", text] if kind == "sh" else [sys.executable, "-c", text]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    with Image.open(tmp_path / "wide.png") as made:
        assert made.size == (64 + 32, 48)


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("photo.png", b"hello, this is text", "photo.png"),
        ("photo.png", b"", "empty"),
        ("bomb.png", hollow(20_000, 20_000), "megapixels"),
        ("bomb.png", hollow(10_500, 10_500), "110 megapixels"),
        ("virus.exe", b"MZ", "no picture's name"),
        ("large.png", bytes(9 * 2**20), "larger than 8 MiB"),
        ("half.png", hollow(32, 32), "half.png"),
    ],
)
def test_what_is_no_photo_is_refused_in_a_sentence(call: Caller, name: str, data: bytes, says: str) -> None:
    found = call(f"/api/photos?name={name}", data)
    assert found["status"] in (400, 413)
    assert says in found["error"]
    assert "\n" not in found["error"]
    assert call("/api/session")["pictures"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/nothing"), ("DELETE", "/api/extend"), ("GET", "/nothing"), ("GET", "/static/nothing.js")],
)
def test_what_is_no_endpoint_is_an_error_in_json(call: Caller, method: str, path: str) -> None:
    found = call(path, method=method)
    assert found["status"] in (404, 405)
    assert "nothing here" in found["error"]


def test_two_uploads_at_once_both_come_in(call: Caller, photos: Path) -> None:
    call("/api/session")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: call.photo(photos / "small.png"), range(8)))
    assert len({each["id"] for each in found}) == len({each["file"] for each in found}) == 8
    assert len(call("/api/session")["pictures"]) == 8


def test_hostile_metadata_is_text_or_nothing(call: Caller, tmp_path: Path) -> None:
    said = PngInfo()
    said.add_text("parameters", "<script>alert(1)</script>" * 100)
    said.add_itxt("softextend", '{"command": {"name": "extend", "model": "/etc/passwd"}, "plan": [[[[]]]]}')
    image = Image.new("RGB", (64, 48), (90, 120, 200))
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = 77, "<img src=x onerror=alert(1)>\x1b[2J"
    image.save(tmp_path / "bad.png", pnginfo=said, exif=exif, icc_profile=b"no profile" * 50)
    node = call.photo(tmp_path / "bad.png")
    run = call.done(call("/api/extend", {"picture": node["id"], "settings": QUICK}))
    assert run["state"] == "done", run["error"]
    made = call(f"/api/pictures/{run['results'][0]}")
    assert (made["width"], made["height"]) == (88, 48)
    assert "/etc/passwd" not in str(made)
    assert "script" not in str(made)


@pytest.mark.parametrize(
    "words",
    [
        ("--strength", "2"),
        ("--fill", "nothing"),
        ("--fill", "perlin:octaves=99"),
        ("--seed", "-1"),
        ("--overlap", "5000"),
        ("--size", "90x70"),
        ("--aspect", "wide"),
        ("--passes", "many"),
    ],
)
def test_an_error_is_the_command_lines_own_line(
    call: Caller, run: Any, photos: Path, tmp_path: Path, words: tuple[str, str]
) -> None:
    name, value = words[0].removeprefix("--"), words[1]
    sides = {} if name in ("size", "aspect") else {"sides": "8"}
    given = {**sides, name: json.loads(value) if re.fullmatch(r"-?\d+", value) else value}
    told = call("/api/extend", {"picture": call.photo(photos / "small.png")["id"], "settings": given})["error"]
    amounts = [] if name in ("size", "aspect") else ["--sides", "8"]
    ran = run("extend", str(photos / "small.png"), *amounts, *words, "-o", str(tmp_path / "out.png"))
    assert ran.code == 2
    assert told in " ".join(ran.err.split()), (told, ran.err)


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fevil.png", "%3Cimg%20src=x%20onerror=alert(1)%3E.png", "-rf.png", ".png", "a" * 300 + ".png"]
)
def test_names_lead_nowhere(call: Caller, photos: Path, name: str) -> None:
    node = call.photo(photos / "small.png", name)
    assert not set(node["file"]) & set("/\\<>\"'\0")
    assert not node["file"].startswith((".", "-"))
    assert len(node["file"]) < 100


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sides": "0 -5 0 0"}, "-5"),
        ({"sides": "0 99999 0 0"}, "allow-large"),
        ({"sides": "0 9999999 0 0", "allow_large": True}, "megapixels"),
        ({"sides": "8", "steps": "many"}, "--steps 'many': must be a whole number from 1 to 1000"),
        ({"sides": "8", "strength": float("nan")}, "--strength"),
        ({"sides": "8", "fill": "nothing"}, "no such fill"),
        ({"sides": "8", "sampler": "best"}, "must be one of"),
        ({"sides": "8", "num": 1000}, "--num 1000"),
        ({"sides": "8", "prompt": "x" * 100_000}, "100000 characters"),
        ({"sides": "8", "model": "/etc/passwd"}, "not among those"),
        ({"sides": "8", "vae": "/etc/passwd"}, "no such option"),
        ({"sides": ["8"]}, "must be text"),
        ({}, "nothing says how much"),
        ("sides", "JSON object"),
    ],
)
def test_settings_that_cannot_be_are_refused_as_on_the_command_line(
    call: Caller, photos: Path, settings: Any, says: str
) -> None:
    node = call.photo(photos / "small.png")
    for path in ("/api/extend", "/api/preview"):
        found = call(path, {"picture": node["id"], "settings": settings})
        if path == "/api/preview" and "num" in settings:
            continue
        assert "error" in found, path
        assert path != "/api/extend" or says in found["error"], found


def test_one_session_sees_nothing_of_another(server: Server, photos: Path) -> None:
    one, two = Caller(server), Caller(server)
    node = one.photo(photos / "small.png")
    run = one.done(one("/api/extend", {"picture": node["id"], "settings": QUICK}))
    two("/api/session")
    for path in (
        f"/api/pictures/{node['id']}/file",
        f"/api/pictures/{run['results'][0]}/view",
        f"/api/runs/{run['id']}",
    ):
        assert two(path)["status"] == 400
    assert two("/api/extend", {"picture": node["id"], "settings": QUICK})["status"] == 400
    assert two(f"/api/runs/{run['id']}/cancel", {})["status"] == 400
    assert two("/api/session") == {"pictures": [], "runs": []}


@pytest.mark.parametrize("path", ["/static/../serve.py", "/static/%2e%2e%2fserve.py", "/static//etc/passwd"])
def test_no_path_leads_out_of_the_page(server: Server, path: str) -> None:
    address = urlsplit(server.address)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert b" 404 " in answer.split(b"\r\n")[0]


def test_only_pictures_of_the_folder_can_be_picked(call: Caller) -> None:
    assert call("/api/form")["folder"] == ["other.jpg", "small.png"]
    assert call("/api/folder", {"name": "small.png"})["width"] == 96
    for name in ("notes.txt", "../secret.png", "/etc/passwd", None, ["small.png"]):
        assert call("/api/folder", {"name": name})["status"] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
def test_other_sites_are_kept_out(call: Caller, headers: dict[str, str]) -> None:
    found = call("/api/extend", {"picture": "x", "settings": {}}, **headers)
    assert found["status"] == 403


def test_pages_are_told_what_to_allow(server: Server) -> None:
    with urlopen(f"{server.address}/") as answer:
        headers = answer.headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=Strict" in headers["set-cookie"]


def test_another_host_needs_a_password(start: Callable[..., Server], photos: Path) -> None:
    server = start(str(photos), "--port", "0", "--host", "0.0.0.0", "--auth", "ann:s3cret")
    server.address = server.address.replace("0.0.0.0", "127.0.0.1")
    call = Caller(server)
    assert call("/api/status")["status"] == 401
    assert call("/api/status", Authorization="Basic YW5uOndyb25n")["status"] == 401
    assert call("/api/status", Authorization="Basic YW5uOnMzY3JldA==")["waiting"] == 0
    assert call("/gradio/gradio_api/info")["status"] == 401


def test_pictures_outlive_a_restart(start: Callable[..., Server], photos: Path, tmp_path: Path) -> None:
    server = start("--port", "0", work_dir=tmp_path / "kept")
    call = Caller(server)
    node = call.photo(photos / "small.png")
    slow = {"sides": "64", "fill": "gray", "steps": 1000, "strength": 1}
    run = call("/api/extend", {"picture": node["id"], "settings": slow})
    port = str(urlsplit(server.address).port)
    server.stop()
    call.server = start("--port", port, work_dir=tmp_path / "kept")
    assert [each["id"] for each in call("/api/session")["pictures"]] == [node["id"]]
    found = call(f"/api/runs/{run['id']}")
    assert found["state"] == "failed"
    assert "restarted" in found["error"]
    assert call.done(call("/api/extend", {"picture": node["id"], "settings": QUICK}))["state"] == "done"
