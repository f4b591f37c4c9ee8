"""Models of the models folder on the page, and what is laid over them: chosen from what is here, never typed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tinyconditions
import tinysdxl
from driving import open_photo, pull, run
from running import photo
from serving import LONGEST, ROOT, Caller, Server, until

from softextend.errors import BadRequest
from softextend.web import form, here


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: a tiny SDXL and a LoRA for it."""
    home = tmp_path_factory.mktemp("models")
    tinysdxl.write_folder(home / "tiny")
    tinyconditions.kohya_file(home / "style.safetensors", sgm=True, parts=tinysdxl.make_parts(514))
    return home


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
    assert found["control"]["choices"] == []
    assert found["preset"]["kind"] == "choice"
    assert len(found["preset"]["choices"]) > 1
    assert found["image_prompt"]["choices"] == ["self", "off"]
    assert found["caption"]["kind"] == "bool"
    assert (found["clip_skip"]["low"], found["clip_skip"]["high"]) == (1, 12)
    assert not {"image_adapter", "image_encoder", "control_image", "refiner"} & found.keys(), "files by their paths"


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
        ({"control": "style"}, "there is none in the models folder"),
        ({"embedding": ["word=/etc/passwd"]}, "not among those"),
        ({"image_prompt": "/etc/passwd"}, "there are self, off"),
        ({"caption": "/etc/passwd"}, "true or false"),
        ({"preset": "../../secret"}, "not among those"),
        ({"control_image": "/etc/passwd"}, "no such option"),
    ],
)
def test_no_file_of_elsewhere_is_read(in_use: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        form.read_settings({"model": "tiny", **given})


@pytest.mark.ui
def test_a_lora_by_http_and_by_the_command_line_gives_the_same_bytes(
    start: Callable[..., Server], in_use: Path, tmp_path: Path
) -> None:
    call = Caller(start("--port", "0"))
    photo(tmp_path / "photo.png", 64, 48)
    node = call.photo(tmp_path / "photo.png")
    settings = {"sides": "0 16 0 0", "model": "tiny", "lora": ["style:0.5"], "clip_skip": 2, "steps": 2, "seed": 4}
    made = call.done(call("/api/extend", {"picture": node["id"], "settings": settings}))
    assert made["state"] == "done", made["error"]
    result = call(f"/api/pictures/{made['results'][0]}")
    assert "--lora style:0.5" in result["commands"][0]
    assert str(in_use) not in str(result)
    words = [sys.executable, "-m", *shlex.split(result["commands"][0])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / result["file"]).read_bytes() == call(f"/api/pictures/{result['id']}/file?format=png")


@pytest.mark.ui
def test_a_lora_is_ticked_on_the_page(start: Callable[..., Server], in_use: Path, chromium: Any, photos: Path) -> None:
    context = chromium.new_context()
    context.set_default_timeout(LONGEST * 1000)
    page = context.new_page()
    page.goto(f"{start('--port', '0').address}/")
    until(page, "window.softextend && document.getElementById('go-hint').textContent")
    open_photo(page, photos / "small.png")
    laid = page.locator("details.more", has_text="LoRAs and conditions")
    assert not laid.is_visible(), "the built-in model takes none"
    page.select_option("#field-model", "tiny")
    page.evaluate("document.querySelectorAll('details.more').forEach((each) => { each.open = true; })")
    page.get_by_label("style", exact=True).check()
    page.get_by_label("Weight of style").fill("0.5")
    page.fill("#field-steps", "2")
    page.fill("#field-prompt", "a beach")
    pull(page, "right", 16)
    run(page)
    assert "--lora style:0.5" in page.locator("#command").text_content()
    assert "--prompt 'a beach'" in page.locator("#command").text_content()
    page.reload()
    page.wait_for_selector("#verdict:visible")
    assert page.evaluate("softextend.form.settings().lora") == ["style:0.5"]
    context.close()
