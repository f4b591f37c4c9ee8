"""What a person does on the page, for tests in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_photo(page: Any, path: Path) -> None:
    page.set_input_files("#file", str(path))
    page.wait_for_selector("#canvas .handle.right.side:visible")


def pull(page: Any, handle: str, dx: float, dy: float = 0) -> None:
    """Drags a handle by px of the photo."""
    page.locator("#stage").scroll_into_view_if_needed()
    box = page.locator(f"#canvas [data-handle='{handle}']").bounding_box()
    scale = page.evaluate("softextend.canvas.fit.scale")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx * scale, y + dy * scale, steps=5)
    page.mouse.up()


def choose(page: Any, **fields: str) -> None:
    """Values of the form by their options' names, folded ones too."""
    page.evaluate("document.querySelector('details.more').open = true")
    for name, value in fields.items():
        control = page.locator(f"#field-{name}")
        if control.evaluate("each => each.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)


def quick(page: Any) -> None:
    """Settings whose runs take no time."""
    choose(page, fill="mirror", strength="0", seed="7")


def run(page: Any) -> None:
    page.click("#go")
    page.wait_for_selector("#verdict:visible")


def downloaded(page: Any, selector: str, path: Path) -> Path:
    with page.expect_download() as found:
        page.click(selector)
    found.value.save_as(path)
    return path
