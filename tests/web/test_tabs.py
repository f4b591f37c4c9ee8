"""Several tabs, closed ones, the browser's Back, and a server that goes away: nothing is lost, each is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from driving import choose, drag, open_photo, pull, quick, run
from serving import LONGEST, Server, until

pytestmark = pytest.mark.ui
AT_WORK = "/Step [1-9]/.test(document.getElementById('run-left').textContent)"


@pytest.fixture
def small(photos: Path) -> Path:
    return photos / "small.png"


def slow(page: Any) -> None:
    """A run that goes on until somebody stops it."""
    choose(page, fill="gray", steps="1000", strength="1")
    pull(page, "right", 64)
    page.click("#go")
    until(page, AT_WORK)


def same_session(page: Any) -> Any:
    """Another tab of the same browser."""
    other = page.context.new_page()
    other.goto(page.url.partition("#")[0])
    until(other, "window.softextend && document.getElementById('go-hint').textContent")
    return other


def test_a_second_tab_shows_the_run_and_is_not_carried_off_by_its_end(visit: Callable[..., Any], small: Path) -> None:
    one = visit()
    open_photo(one, small)
    quick(one)
    pull(one, "right", 16)
    two = same_session(one)
    open_photo(two, small)
    assert two.locator("#tree button").count() == 2
    run(one)
    two.bring_to_front()
    two.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(two, "document.querySelectorAll('#tree button').length === 3")
    assert two.locator("#canvas").is_visible(), "it stays with its own picture"
    made = one.url.partition("#")[2]
    two.evaluate(f"location.hash = '{made}'")
    two.wait_for_selector("#verdict:visible")


def test_a_tab_that_waits_for_anothers_run_is_told_of_its_end(visit: Callable[..., Any], small: Path) -> None:
    one = visit()
    open_photo(one, small)
    slow(one)
    two = same_session(one)
    until(two, AT_WORK)
    two.click("#cancel")
    for page in (one, two):
        page.wait_for_selector("#run", state="hidden")
        until(page, "document.getElementById('said').textContent.includes('Cancelled')")


def test_a_tab_closed_in_the_middle_of_a_run_finds_it_again(visit: Callable[..., Any], small: Path) -> None:
    page = visit()
    open_photo(page, small)
    slow(page)
    again = page.context.new_page()
    page.close()
    again.goto(page.url)
    until(again, "window.softextend")
    until(again, AT_WORK)
    again.click("#cancel")
    again.wait_for_selector("#run", state="hidden")


def test_what_another_tab_deleted_is_said(visit: Callable[..., Any], small: Path) -> None:
    one = visit()
    open_photo(one, small)
    two = same_session(one)
    two.click("#tab-gallery")
    two.on("dialog", lambda dialog: dialog.accept())
    two.click("#clear")
    until(two, "document.querySelectorAll('#tree button').length === 0")
    one.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    one.wait_for_selector("#alert:visible")
    assert "deleted from another tab" in one.locator("#alert").text_content()
    assert one.locator("#empty").is_visible()


def test_back_and_forward_bring_what_was_dragged(visit: Callable[..., Any], small: Path, photos: Path) -> None:
    page = visit()
    open_photo(page, small)
    pull(page, "right", 40)
    first = page.evaluate("softextend.canvas.sides.right")
    assert first > 0
    page.set_input_files("#file", str(photos / "other.jpg"))
    until(page, "softextend.current.file === 'other.jpg' && softextend.canvas.sides.right === 0")
    page.go_back()
    until(page, f"softextend.current.file === 'small.png' && softextend.canvas.sides.right === {first}")
    page.go_forward()
    until(page, "softextend.current.file === 'other.jpg' && softextend.canvas.sides.right === 0")


def test_the_brush_stays_while_a_preview_comes_late_and_the_sides_come_back(
    visit: Callable[..., Any], small: Path
) -> None:
    page, held = visit(), []
    open_photo(page, small)
    page.route("**/api/preview", lambda route: held.append(route))
    pull(page, "right", 24)
    sides = page.evaluate("softextend.canvas.sides")
    while not held:
        page.wait_for_timeout(20)
    page.click("#mode-paint")
    held[0].continue_()
    page.unroute_all()
    page.wait_for_timeout(300)
    drag(page, "#canvas", 20)
    assert page.evaluate("softextend.canvas.isPainted")
    page.click("#mode-extend")
    until(page, "document.getElementById('stage').dataset.preview")
    assert page.evaluate("softextend.canvas.sides") == sides


def test_several_photos_at_once_all_come_in(visit: Callable[..., Any], small: Path, photos: Path) -> None:
    page = visit()
    page.set_input_files("#file", [str(small), str(photos / "other.jpg"), str(photos / "notes.txt")])
    until(page, "softextend.current && document.querySelectorAll('#tree button').length === 2")
    assert page.evaluate("softextend.current.file") == "small.png"
    page.wait_for_selector("#alert:visible")
    assert "notes.txt" in page.locator("#alert").text_content()


def test_a_server_that_comes_back_says_what_became_of_the_run(
    start: Callable[..., Server], chromium: Any, small: Path, tmp_path: Path
) -> None:
    server = start("--port", "0", work_dir=tmp_path / "kept")
    context = chromium.new_context()
    context.set_default_timeout(LONGEST * 1000)
    page = context.new_page()
    page.goto(f"{server.address}/")
    until(page, "window.softextend && document.getElementById('go-hint').textContent")
    open_photo(page, small)
    slow(page)
    server.stop(at_once=True)
    page.wait_for_selector("#alert:visible")
    assert "does not answer" in page.locator("#alert").text_content()
    start("--port", str(urlsplit(server.address).port), work_dir=tmp_path / "kept")
    until(page, "document.getElementById('alert').textContent.includes('restarted in the middle of this run')")
    quick(page)
    run(page)
    assert page.locator("#tree button").count() == 2
    context.close()
