"""What a person does on the page, for tests in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_photo(page: Any, path: Path) -> None:
    page.set_input_files("#file", str(path))
    page.wait_for_selector("#canvas .handle.right.side:visible")


def drag(
    page: Any, selector: str, dx: float, dy: float = 0, *, scale: float = 1.0, steps: int = 5, release: bool = True
) -> None:
    """Drags the middle of what a selector finds, by px, or by px of a photo that is shown at `scale`."""
    box = page.locator(selector).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx * scale, y + dy * scale, steps=steps)
    if release:
        page.mouse.up()


def pull(page: Any, handle: str, dx: float, dy: float = 0) -> None:
    """Drags a handle of the page's canvas by px of the photo."""
    page.locator("#stage").scroll_into_view_if_needed()
    drag(page, f"#canvas [data-handle='{handle}']", dx, dy, scale=page.evaluate("softextend.canvas.fit.scale"))


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
