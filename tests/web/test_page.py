"""The page in a real browser: what a person does there, and that it looks as it should."""

from __future__ import annotations

import base64
import io
import os
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import choose, downloaded, drag, open_photo, pull, quick, run
from PIL import Image
from serving import ROOT, until

from softextend.pictures.read import read_recipe

pytestmark = pytest.mark.ui
MOST_DRAGS = 20
SOON = 300  # ms from the end of a drag to its preview
SHOTS = os.environ.get("SOFTEXTEND_SHOTS")  # a folder for the documentation's pictures; without it none are kept
KEPT = {
    "extend-desktop-light": "ui-extend.jpg",
    "compare-desktop-dark": "ui-compare.jpg",
    "extend-phone-light": "ui-phone.jpg",
}


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo with something to go on with."""
    path = tmp_path_factory.mktemp("noise") / "beach <b>photo.png"
    rng = np.random.default_rng(4)
    coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8)).resize((160, 120), Image.Resampling.BICUBIC)
    coarse.save(path)
    return path


def in_a_shell(line: str, folder: Path) -> None:
    """Runs what the page copied, in the folder where its files lie."""
    script = folder / "softextend"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m softextend "$@"\n')
    script.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder / "config")}
    environment["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-euc", line], cwd=folder, env=environment, check=True, capture_output=True)


def test_drag_extend_download_and_the_copied_command_line(
    visit: Callable[..., Any], noise: Path, tmp_path: Path
) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    open_photo(page, noise)
    pull(page, "right", 128)
    assert page.input_value("#side-right") == "128"
    choose(page, seed="5")
    run(page)
    path = downloaded(page, "#download-png", tmp_path / "made.png")
    with Image.open(path) as image, Image.open(noise) as before:
        made, original = np.asarray(image), np.asarray(before)
    assert made.shape == (120, 288, 3)
    recipe = read_recipe(path)
    band = recipe["plan"]["band"] if "band" in recipe["plan"] else recipe["band_px"]
    assert np.array_equal(made[:, : 160 - band], original[:, : 160 - band])
    page.click("#copy")
    line = page.evaluate("navigator.clipboard.readText()")
    words = shlex.split(line)
    (tmp_path / words[2]).write_bytes(noise.read_bytes())
    in_a_shell(line, tmp_path)
    assert (tmp_path / words[-1]).read_bytes() == path.read_bytes()


def test_going_on_repainting_and_undoing_make_a_tree(visit: Callable[..., Any], noise: Path, tmp_path: Path) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    open_photo(page, noise)
    quick(page)
    pull(page, "left", -32)
    run(page)
    page.click("#go-on")
    page.wait_for_selector("#canvas:visible")
    pull(page, "bottom", 0, 16)
    run(page)
    assert page.locator("#command").text_content().count("softextend extend") == 2
    page.click("#mode-paint")
    assert page.locator("#go").is_disabled()
    drag(page, "#canvas", 40)
    choose(page, strength="0.5")
    run(page)
    assert "softextend paint" in page.locator("#command").text_content()
    page.click("#copy")
    path = downloaded(page, "#download-png", tmp_path / "made.png")
    for each in page.locator("#needed a").all():
        downloaded(page, f"#needed a:text-is('{each.text_content()}')", tmp_path / str(each.text_content()))
    line = page.evaluate("navigator.clipboard.readText()")
    assert shlex.split(line)[-1] == "beach _b_photo-painted.png", "names do not grow with each step"
    in_a_shell(line, tmp_path)
    assert (tmp_path / shlex.split(line)[-1]).read_bytes() == path.read_bytes()
    assert page.locator("#tree ul ul ul ul button").count() == 1
    page.click("#undo")
    until(page, "document.querySelectorAll('#tree button')[2].getAttribute('aria-current') === 'true'")
    page.go_back()
    until(page, "document.querySelectorAll('#tree button')[3].getAttribute('aria-current') === 'true'")


def test_variations_and_going_back_to_them_after_a_reload(visit: Callable[..., Any], noise: Path) -> None:
    page = visit()
    open_photo(page, noise)
    quick(page)
    choose(page, num="3", fill="noise")
    pull(page, "right", 24)
    run(page)
    assert page.locator(".strip button").count() == 3
    page.locator(".strip button").nth(2).click()
    until(page, "document.querySelectorAll('.strip button')[2].getAttribute('aria-pressed') === 'true'")
    page.reload()
    page.wait_for_selector("#verdict:visible")
    assert page.locator(".strip button").nth(2).get_attribute("aria-pressed") == "true"
    page.click("#tab-gallery")
    assert page.locator("#panel-gallery figure").count() == 3


def test_cancel_stops_within_a_step(visit: Callable[..., Any], noise: Path) -> None:
    page = visit()
    open_photo(page, noise)
    choose(page, fill="gray", steps="1000", strength="1")
    pull(page, "right", 64)
    page.click("#go")
    until(page, "/Step [1-9]/.test(document.getElementById('run-left').textContent)")
    page.wait_for_selector("#run-preview:visible")
    page.click("#cancel")
    page.wait_for_selector("#run", state="hidden")
    until(page, "document.getElementById('said').textContent.includes('Cancelled')")
    assert page.locator("#tree button").count() == 1


def drags(page: Any) -> list[float]:
    """ms from the end of each drag to its preview, until one was soon enough; other programs may be at work too."""
    times: list[float] = []
    while len(times) < MOST_DRAGS and not (times and times[-1] < SOON):
        page.evaluate("delete document.getElementById('stage').dataset.preview")
        pull(page, "right", 40)
        until(page, "document.getElementById('stage').dataset.preview")
        times.append(float(page.get_attribute("#stage", "data-preview")))
    return times


@pytest.fixture(scope="module")
def two_megapixels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.jpg"
    with Image.open(ROOT / "examples/photo.jpg") as image:
        image.resize((1632, 1224), Image.Resampling.LANCZOS).save(path, quality=90)
    return path


@pytest.mark.parametrize("fill", ["patch", "telea"])
def test_a_preview_comes_soon_after_a_drag(visit: Callable[..., Any], two_megapixels: Path, fill: str) -> None:
    page = visit()
    open_photo(page, two_megapixels)
    choose(page, fill=fill)
    times = drags(page)
    assert min(times) < SOON, times
    until(page, "document.getElementById('stage').dataset.sharp === 'all'")


def test_a_preview_comes_soon_while_a_run_is_in_work(visit: Callable[..., Any], two_megapixels: Path) -> None:
    page = visit()
    open_photo(page, two_megapixels)
    pull(page, "right", 600)
    choose(page, fill="patch", seed="1")
    page.click("#go")
    page.wait_for_selector("#run:visible")
    times = drags(page)
    assert min(times) < SOON, times
    page.click("#cancel")
    page.wait_for_selector("#run", state="hidden")


def test_a_batch_and_its_archive(visit: Callable[..., Any], photos: Path, tmp_path: Path) -> None:
    page = visit()
    quick(page)
    page.select_option("#unit", "%")
    page.fill("#side-right", "25")
    page.click("#tab-batch")
    assert "sides 0% 25% 0% 0%" in page.locator("#batch-how").text_content()
    page.set_input_files(
        "#batch-files", [str(photos / "small.png"), str(photos / "other.jpg"), str(photos / "notes.txt")]
    )
    until(page, "document.querySelectorAll('#panel-batch td.wrong').length === 1")
    page.click("#batch-go")
    until(page, "!document.querySelector('#panel-batch .actions button:nth-of-type(2)').hidden")
    page.reload()  # in the middle of it
    until(page, "window.softextend && document.getElementById('go-hint').textContent")
    page.click("#tab-batch")
    until(page, "document.getElementById('panel-batch').textContent.includes('2 done')")
    data = downloaded(page, "#batch-zip", tmp_path / "all.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == ["other-extended.png", "small-extended.png"]
        with Image.open(archive.open("other-extended.png")) as made:
            assert made.size == (100, 64)
    assert page.locator("#batch-go").text_content() == "Extend all again"


def test_the_keyboard_is_enough(visit: Callable[..., Any], noise: Path) -> None:
    page = visit()
    with page.expect_file_chooser() as chooser:
        page.locator("#choose").press("Enter")
    chooser.value.set_files(str(noise))
    page.wait_for_selector("#canvas .handle:visible")
    quick(page)
    page.locator("#canvas [data-handle='right']").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+z")
    assert page.input_value("#side-right") == "64"
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#verdict:visible")
    page.locator("#compare input").focus()
    page.keyboard.press("ArrowRight")
    assert float(page.input_value("#compare input")) > 50
    page.locator("#tab-picture").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel-batch").is_visible()


def test_touch_moves_a_handle(visit: Callable[..., Any], noise: Path) -> None:
    page = visit(390, 844, has_touch=True, is_mobile=True)
    open_photo(page, noise)
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas [data-handle='right']").bounding_box()
    scale = page.evaluate("softextend.canvas.fit.scale")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    for kind, points in (("Start", [x]), ("Move", [x + 20 * scale]), ("Move", [x + 40 * scale]), ("End", [])):
        finger.send(
            "Input.dispatchTouchEvent",
            {"type": f"touch{kind}", "touchPoints": [{"x": each, "y": y} for each in points]},
        )
    assert abs(page.evaluate("softextend.canvas.sides.right") - 40) <= 1 / scale


def test_two_sessions_at_once_keep_apart(visit: Callable[..., Any], noise: Path) -> None:
    one, two = visit(), visit()
    open_photo(one, noise)
    open_photo(two, noise)
    choose(one, fill="gray", steps="1000", strength="1")
    pull(one, "right", 64)
    one.click("#go")
    until(one, "/Step [1-9]/.test(document.getElementById('run-left').textContent)")
    quick(two)
    pull(two, "left", -16)
    two.click("#go")
    until(two, "document.getElementById('run-message').textContent.includes('Waits for one run')")
    one.click("#cancel")
    two.wait_for_selector("#verdict:visible")
    assert one.locator("#tree button").count() == 1
    assert two.locator("#tree button").count() == 2


def test_what_is_wrong_is_said_in_a_sentence(
    visit: Callable[..., Any], photos: Path, noise: Path, tmp_path: Path
) -> None:
    page = visit()
    page.set_input_files("#file", str(photos / "notes.txt"))
    page.wait_for_selector("#alert:visible")
    assert "notes.txt" in page.locator("#alert").text_content()
    page.click("#alert button")
    (tmp_path / "huge.png").write_bytes(bytes(9 * 2**20))
    page.set_input_files("#file", str(tmp_path / "huge.png"))
    until(page, "document.getElementById('alert').textContent.includes('huge.png: is larger than 8 MiB')")
    page.click("#alert button")
    open_photo(page, noise)
    assert page.locator("#tree b").count() == 0, "a name is text, not markup"
    choose(page, fill="perlin", steps="9")
    page.fill("#side-right", "99999")
    page.keyboard.press("Tab")
    page.wait_for_selector("#plan .wrong")
    assert "--allow-large" in page.locator("#plan").text_content()


def test_a_shape_and_a_place_are_chosen(visit: Callable[..., Any], noise: Path) -> None:
    page = visit()
    open_photo(page, noise)
    quick(page)
    page.get_by_role("button", name="16:9").click()
    until(page, "softextend.canvas.sides.left + softextend.canvas.sides.right === 53")
    page.get_by_role("radio", name="left", exact=True).click()
    until(page, "softextend.canvas.sides.left === 0 && softextend.canvas.sides.right > 0")
    run(page)
    assert "--aspect 16:9 --anchor left" in page.locator("#command").text_content()


GIVEN = """([kind, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0)), given = new DataTransfer();
  given.items.add(new File([bytes], name, { type: "image/png" }));
  const more = { bubbles: true, cancelable: true, dataTransfer: given, clipboardData: given };
  if (kind === "drop") document.getElementById("stage").dispatchEvent(new DragEvent("drop", more));
  else document.dispatchEvent(new ClipboardEvent("paste", more));
}"""


def test_a_photo_comes_by_drop_by_paste_and_from_the_folder(visit: Callable[..., Any], noise: Path) -> None:
    page = visit()
    for kind, name in (("drop", "dropped.png"), ("paste", "image.png")):
        page.evaluate(GIVEN, [kind, name, base64.b64encode(noise.read_bytes()).decode()])
        until(page, f"softextend.current && softextend.current.file === '{name}'")
    page.click("#new-photo")
    page.get_by_role("button", name="small.png").click()
    until(page, "softextend.current && softextend.current.file === 'small.png'")
    until(page, "document.querySelectorAll('#tree button').length === 3")


def test_edges_that_may_be_no_photo_are_trimmed_and_come_back(visit: Callable[..., Any], tmp_path: Path) -> None:
    with Image.open(ROOT / "examples/photo.jpg") as image:
        framed = Image.new("RGB", (180, 140))
        framed.paste(image.resize((160, 120)), (10, 10))
    framed.save(tmp_path / "framed.png")
    page = visit()
    open_photo(page, tmp_path / "framed.png")
    page.wait_for_selector("#trim:visible")
    assert "10 px" in page.locator("#trim").text_content()
    assert page.evaluate("softextend.canvas.trim.left") == 10, "lines where it would be cut"
    page.click("#trim-yes")
    assert page.evaluate("[softextend.canvas.photo.width, softextend.canvas.photo.height]") == [160, 120]
    assert page.locator("#plan .wrong").count() == 0, "nothing is added yet, and nothing is wrong"
    page.keyboard.press("Control+z")
    assert page.evaluate("softextend.canvas.photo.width") == 180
    page.click("#trim-yes")
    quick(page)
    pull(page, "right", 20)
    run(page)
    assert "--trim auto" in page.locator("#command").text_content()
    assert page.evaluate("[softextend.current.width, softextend.current.height]") == [180, 120]


# --- how it looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width", "height"), [("desktop", 1280, 860), ("phone", 390, 844)])
def test_nothing_overflows_and_pictures_for_the_documentation(
    visit: Callable[..., Any], device: str, width: int, height: int, theme: str, tmp_path: Path
) -> None:
    page = visit(width, height, color_scheme=theme)

    def shot(name: str, *, whole: bool = True) -> None:
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], f"{name} is wider than the screen"
        page.wait_for_timeout(150)
        kept = KEPT.get(f"{name}-{device}-{theme}")
        if SHOTS and kept:
            page.screenshot(path=Path(SHOTS) / kept, full_page=whole, type="jpeg", quality=85)
        page.screenshot(path=tmp_path / f"{name}.png", full_page=whole)

    shot("empty")
    open_photo(page, ROOT / "examples/photo.jpg")
    choose(page, fill="" if SHOTS else "mirror", strength="" if SHOTS else "0", seed="1", num="2")
    page.evaluate("document.querySelector('details.more').open = false")
    pull(page, "right", 160)
    page.wait_for_selector("#stage[data-preview]")
    page.wait_for_timeout(2500 if SHOTS else 100)
    page.evaluate("scrollTo(0, 0)")
    shot("extend", whole=False)
    run(page)
    page.locator("#compare input").fill("72")
    shot("compare")
    page.click("#mode-paint")
    shot("paint", whole=False)
    page.click("#tab-gallery")
    shot("gallery")
    page.click("#tab-batch")
    page.set_input_files("#batch-files", [str(ROOT / "examples/photo.jpg")])
    page.wait_for_selector("#panel-batch td img")
    shot("batch")


def test_every_control_has_a_name(visit: Callable[..., Any], noise: Path) -> None:
    page = visit()
    open_photo(page, noise)
    page.evaluate("document.querySelector('details.more').open = true")
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, textarea, a")]
        .filter((each) => each.getClientRects().length)
        .filter((each) => !(each.labels?.length || each.getAttribute("aria-label") || each.textContent.trim()))
        .map((each) => each.outerHTML)"""
    )
    assert nameless == []
