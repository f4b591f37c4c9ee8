"""Models of the models folder on the page, and what is laid over them: chosen from what is here, never typed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import tinyconditions
import tinysdxl
from driving import choose, open_photo, pull, run
from running import photo
from serving import ROOT, Caller, Server, until

from softextend.errors import BadRequest
from softextend.models.conditions.options import Conditions
from softextend.web import form, here


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: a tiny SDXL, and one of each kind that is laid over it."""
    home = tmp_path_factory.mktemp("models")
    tinysdxl.write_folder(home / "tiny")
    tinyconditions.kohya_file(home / "style.safetensors", sgm=True, parts=tinysdxl.make_parts(514))
    tinyconditions.adapter(home / "adapter.safetensors", plus=False)
    tinyconditions.write_encoder(home / "encoder")
    tinyconditions.write_refiner(home / "refiner")
    tinyconditions.controlnet(home / "depth", union=False)
    return home


@pytest.fixture(scope="module")
def server(start: Callable[..., Server], models: Path) -> Server:
    """A server that has them."""
    return start("--port", "0", SOFTEXTEND_MODELS=str(models))


@pytest.fixture
def in_use(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder as the program finds it."""
    monkeypatch.setenv("SOFTEXTEND_MODELS", str(models))
    here._models.cache_clear()
    here._files.cache_clear()
    return models


def test_the_models_folder_is_offered_without_its_path(in_use: Path) -> None:
    found = {each["name"]: each for each in form.describe_models()}
    assert list(found)[:2] == ["self", "tiny"]
    assert found["tiny"]["takes_prompt"]
    assert str(in_use) not in str(form.describe_models())


def test_conditions_are_options_of_the_form(in_use: Path) -> None:
    found = {each["name"]: each for each in form.describe() if each["laid"]}
    assert found["lora"]["kind"] == "files"
    assert found["lora"]["choices"] == ["style"]
    assert found["control"]["choices"] == ["depth"]
    assert [found[name]["choices"] for name in form.ONE_FILE] == [["refiner"], ["adapter"], ["encoder"]]
    assert {found[name]["kind"] for name in form.PICTURES} == {"picture"}
    assert found["preset"]["kind"] == "choice"
    assert len(found["preset"]["choices"]) > 1
    assert found["image_prompt"]["choices"] == ["self", "off"]
    assert found["caption"]["kind"] == "bool"
    assert (found["clip_skip"]["low"], found["clip_skip"]["high"]) == (1, 12)
    assert found.keys() == {each.name for each in fields(Conditions)}, "each that the command line has"


def test_conditions_come_back_as_the_command_line_writes_them(in_use: Path) -> None:
    given = {"lora": ["style:0.5"], "embedding": [], "clip_skip": 3, "caption": False, "image_prompt": "off"}
    read = form.read_settings({"model": "tiny", **given})
    assert read["lora"] == ["style:0.5"]
    assert read["clip_skip"] == 3
    assert read["image_prompt"] == "off"
    assert "caption" not in read


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"lora": ["/etc/passwd"]}, "--lora /etc/passwd: is not among those that are here: there are style"),
        ({"lora": ["../style"]}, "not among those"),
        ({"lora": [3]}, "must be text"),
        ({"lora": ["style"] * 9}, "at most 8"),
        ({"control": "style"}, "not among those that are here: there are depth"),
        ({"refiner": "/etc/passwd"}, "there are refiner"),
        ({"image_adapter": "../adapter"}, "there are adapter"),
        ({"embedding": ["word=/etc/passwd"]}, "not among those"),
        (
            {"image_prompt": "/etc/passwd"},
            "no picture of this session: upload it, and give its id, or give self or off",
        ),
        ({"caption": "/etc/passwd"}, "true or false"),
        ({"preset": "../../secret"}, "not among those"),
        ({"control_image": "/etc/passwd"}, "--control-image /etc/passwd: is no picture of this session"),
        ({"control_image": ["x"]}, "is no picture of this session"),
    ],
)
def test_no_file_of_elsewhere_is_read(in_use: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        form.read_settings({"model": "tiny", **given})


ALL = {"refiner": "refiner", "refiner_start": 0.5, "image_adapter": "adapter", "image_encoder": "encoder"}
ALL |= {"control": ["depth:0.5"], "sides": "0 16 0 0", "model": "tiny", "steps": 2, "seed": 4, "strength": 1}
ALL |= {"lora": ["style:0.5"], "clip_skip": 2}


def program(server: Server, folder: Path) -> bytes:
    """The same by gradio_client, with the pictures as files."""
    from gradio_client import Client, handle_file

    one, pose, mood = (handle_file(str(folder / f"{name}.png")) for name in ("photo", "pose", "mood"))
    client = Client(f"{server.address}/gradio/", verbose=False, analytics_enabled=False)
    path, facts = client.predict(one, {**ALL, "control_image": pose, "image_prompt": mood}, api_name="/extend")
    assert "--control-image pose.png" in facts["result"]["commands"][0]
    with pytest.raises(Exception, match="--control-image pose: is no picture of this session"):
        client.predict(one, {**ALL, "control_image": "pose"}, api_name="/extend")
    return Path(path).read_bytes()


@pytest.mark.ui
def test_uploaded_pictures_and_files_by_name_give_the_command_lines_bytes(
    server: Server, in_use: Path, tmp_path: Path
) -> None:
    call = Caller(server)
    for name, width in (("photo.png", 64), ("pose.png", 80), ("mood.png", 40)):
        photo(tmp_path / name, width, 48)
    one, pose, mood = (call.photo(tmp_path / name)["id"] for name in ("photo.png", "pose.png", "mood.png"))
    made = call.done(
        call("/api/extend", {"picture": one, "settings": {**ALL, "control_image": pose, "image_prompt": mood}})
    )
    assert made["state"] == "done", made["error"]
    result = call(f"/api/pictures/{made['results'][0]}")
    assert [each["file"] for each in result["needed"]] == ["mood.png", "photo.png", "pose.png"]
    assert call(result["needed"][0]["href"]) == (tmp_path / "mood.png").read_bytes()
    for words in (
        "--control-image pose.png",
        "--image-prompt mood.png",
        "--refiner refiner",
        "--image-adapter adapter",
        "--lora style:0.5",
    ):
        assert words in result["commands"][0]
    data = call(f"/api/pictures/{result['id']}/file?format=png")
    assert b"work/" not in data, "the server's folders are in no recipe"
    assert str(in_use) not in str(result)
    assert program(server, tmp_path) == data
    words = [sys.executable, "-m", *shlex.split(result["commands"][0])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / result["file"]).read_bytes() == data
    stranger = Caller(call.server)
    refused = stranger(
        "/api/extend",
        {"picture": stranger.photo(tmp_path / "photo.png")["id"], "settings": {**ALL, "control_image": pose}},
    )
    assert "no picture of this session" in refused["error"], "another session's picture"


def look_at(page: Any, panel: Any, folder: Path) -> None:
    """A panel on a desktop and a phone, light and dark: nothing is wider than the screen; pictures to look at."""
    for device, width in (("desktop", 1280), ("phone", 390)):
        page.set_viewport_size({"width": width, "height": 2600})
        for theme in ("light", "dark"):
            page.evaluate("(theme) => softextend.setTheme(theme)", theme)
            wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide[0] <= wide[1], f"wider than the screen of a {device}"
            panel.screenshot(path=folder / f"conditions-{device}-{theme}.png")
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.ui
def test_conditions_are_chosen_on_the_page(
    visit: Callable[..., Any], in_use: Path, photos: Path, tmp_path: Path
) -> None:
    page = visit()
    open_photo(page, photos / "small.png")
    laid = page.locator("details.more", has_text="LoRAs and conditions")
    assert not laid.is_visible(), "the built-in model takes none"
    page.select_option("#field-model", "tiny")
    page.evaluate("document.querySelectorAll('details.more').forEach((each) => { each.open = true; })")
    page.get_by_label("style", exact=True).check()
    page.get_by_label("Weight of style").fill("0.5")
    page.select_option("#field-control_image", "")
    page.get_by_label("A file for image prompt").set_input_files(str(photos / "other.jpg"))
    until(page, "document.getElementById('field-image_prompt').selectedOptions[0].text.startsWith('other.jpg')")
    assert page.evaluate("softextend.current.file") == "small.png", "the photo in work stays open"
    page.select_option("#field-image_adapter", "adapter")
    page.select_option("#field-image_encoder", "encoder")
    look_at(page, laid, tmp_path)
    page.fill("#field-steps", "2")
    page.fill("#field-prompt", "a beach")
    pull(page, "right", 16)
    run(page)
    assert "--lora style:0.5" in page.locator("#command").text_content()
    assert "--prompt 'a beach'" in page.locator("#command").text_content()
    assert "--image-prompt other.jpg" in page.locator("#command").text_content()
    assert "other.jpg" in page.locator("#needed").text_content()
    page.reload()
    page.wait_for_selector("#verdict:visible")
    assert page.evaluate("softextend.form.settings().lora") == ["style:0.5"]
    assert page.locator("#field-image_prompt option:checked").text_content().startswith("other.jpg")


LEFT = 100 * 2**20  # bytes: more than the server needs to answer, less than the model needs for a large picture


@pytest.mark.ui
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux: the memory of another process limited")
def test_a_model_that_does_not_fit_is_said_and_the_next_run_goes_on(
    server: Server, visit: Callable[..., Any], tmp_path: Path
) -> None:
    import resource

    photo(tmp_path / "photo.png", 576, 576)
    page = visit()
    open_photo(page, tmp_path / "photo.png")
    page.select_option("#field-model", "tiny")
    choose(page, steps="2", seed="4")
    pull(page, "right", 16)
    run(page)  # what it loads is there from now on
    page.click("#undo")
    page.wait_for_selector("#canvas:visible")
    page.fill("#side-right", "1000")
    page.keyboard.press("Tab")
    until(page, "softextend.canvas.sides.right === 1000")
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
    limit = (pages * resource.getpagesize() + LEFT, resource.RLIM_INFINITY)
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, limit)
    try:
        page.click("#go")
        page.wait_for_selector("#alert:visible")
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert "out of memory" in page.locator("#alert").text_content()
    assert "use a smaller picture" in page.locator("#alert").text_content()
    assert page.evaluate("softextend.canvas.sides.right") == 1000, "nothing is lost"
    page.click("#alert button")
    page.fill("#side-right", "16")
    page.keyboard.press("Tab")
    run(page)
