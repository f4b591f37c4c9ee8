"""The canvas by itself: the component, without server calls or form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from driving import drag

pytestmark = pytest.mark.ui

MOUNT = """async () => {
  const { ExtendCanvas, snapped, fitted, noSides } = await import("/static/canvas.js");
  const root = document.body.appendChild(Object.assign(document.createElement("div"), { className: "canvas" }));
  const place = { position: "fixed", left: "0px", top: "0px", width: "800px", height: "600px", zIndex: 99 };
  Object.assign(root.style, place);
  const image = Object.assign(document.createElement("canvas"), { width: 400, height: 300 });
  image.getContext("2d").fillRect(0, 0, 400, 300);
  const canvas = new ExtendCanvas(root);
  const heard = [];
  for (const name of ["change", "settle", "paint"]) canvas.addEventListener(name, () => heard.push(name));
  canvas.ratios = [{ label: "16:9", ratio: 16 / 9 }];
  canvas.setPhoto(image, 400, 300);
  Object.assign(window, { canvas, heard, snapped, fitted, noSides, root });
}"""


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    found = visit()
    found.evaluate(MOUNT)
    return found


def key(page: Any, handle: str, *keys: str) -> dict[str, int]:
    """Presses keys on a handle; the sides then."""
    page.locator(f"body > .canvas [data-handle='{handle}']").focus()
    for each in keys:
        page.keyboard.press(each)
    return page.evaluate("canvas.sides")  # type: ignore[no-any-return]


def pull(page: Any, handle: str, dx: float, dy: float, *, release: bool = True) -> dict[str, int]:
    """Drags a handle by px of the photo; the sides then."""
    scale = page.evaluate("canvas.fit.scale")
    drag(page, f"body > .canvas [data-handle='{handle}']", dx, dy, scale=scale, release=release)
    return page.evaluate("canvas.sides")  # type: ignore[no-any-return]


def test_every_handle_moves_its_sides(page: Any) -> None:
    assert pull(page, "right", 120, 50) == {"top": 0, "right": 120, "bottom": 0, "left": 0}
    assert pull(page, "top-left", -40, -24) == {"top": 24, "right": 120, "bottom": 0, "left": 40}
    assert pull(page, "bottom", 0, 36) == {"top": 24, "right": 120, "bottom": 36, "left": 40}
    assert pull(page, "left", 500, 0)["left"] == 0, "never inside the photo"
    assert page.evaluate("heard.at(-1)") == "settle"
    assert "change" in page.evaluate("heard")


def test_keys_move_a_handle(page: Any) -> None:
    assert key(page, "right", "ArrowRight", "Shift+ArrowRight", "Alt+ArrowRight")["right"] == 8 + 64 + 1
    assert key(page, "right", "ArrowLeft", "-")["right"] == 73 - 16
    assert key(page, "top", "ArrowUp", "+", "ArrowDown")["top"] == 8
    assert key(page, "bottom-right", "ArrowDown", "ArrowRight") == {"top": 8, "right": 65, "bottom": 8, "left": 0}
    assert key(page, "right", "Home")["right"] == 0
    slider = page.locator("body > .canvas [data-handle='top']")
    assert slider.get_attribute("role") == "slider"
    assert slider.get_attribute("aria-valuetext") == "8 px"
    assert slider.get_attribute("aria-label") == "Added at the top"


def test_escape_goes_back_and_undo_takes_one_step(page: Any) -> None:
    key(page, "right", "ArrowRight")
    assert key(page, "top", "ArrowUp", "ArrowUp", "Escape") == {"top": 0, "right": 8, "bottom": 0, "left": 0}
    page.evaluate("canvas.setSides({...canvas.sides, left: 50}, {remember: true})")
    assert page.evaluate("canvas.undo() && canvas.sides.left") == 0
    pull(page, "right", 200, 0, release=False)
    page.keyboard.press("Escape")
    assert page.evaluate("canvas.sides.right") == 8
    page.mouse.up()


def test_a_side_snaps_to_a_shape_unless_alt_is_held(page: Any) -> None:
    wanted = round(300 * 16 / 9) - 400
    assert pull(page, "right", wanted + 3, 0)["right"] == wanted
    assert "16:9" in page.locator("body > .canvas .readout").text_content()
    page.evaluate("canvas.setSides(noSides())")
    page.keyboard.down("Alt")
    assert pull(page, "right", wanted + 3, 0)["right"] == wanted + 3
    page.keyboard.up("Alt")
    assert page.evaluate("snapped('right', noSides(), 400, 300, 1)") is None


def test_the_frame_fits_the_view(page: Any) -> None:
    for sides in (
        {"top": 0, "right": 4000, "bottom": 0, "left": 0},
        {"top": 900, "right": 0, "bottom": 900, "left": 5},
    ):
        page.evaluate("sides => canvas.setSides(sides)", sides)
        frame = page.evaluate("canvas.frame()")
        assert frame["x"] >= 0
        assert frame["y"] >= 0
        assert frame["x"] + frame["width"] <= 800
        assert frame["y"] + frame["height"] <= 600


def test_the_brush_paints_softly_and_takes_back(page: Any) -> None:
    page.evaluate("canvas.startBrush(40)")
    scale, x, y = page.evaluate("[canvas.fit.scale, canvas.fit.x, canvas.fit.y]")
    assert page.evaluate("canvas.isPainted") is False
    page.mouse.move(x + 200 * scale, y + 150 * scale)
    page.mouse.down()
    page.mouse.move(x + 240 * scale, y + 150 * scale, steps=3)
    page.mouse.up()
    grey = """async () => {
      const bitmap = await createImageBitmap(await canvas.maskBlob());
      const { width, height } = bitmap;
      const pen = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
      pen.drawImage(bitmap, 0, 0);
      const grey = ([x, y]) => pen.getImageData(x, y, 1, 1).data[0];
      return [width, height, ...[[200, 150], [200, 185], [20, 20]].map(grey)];
    }"""
    width, height, inside, rim, outside = page.evaluate(grey)
    assert (width, height, inside, outside) == (400, 300, 255, 0)
    assert 0 < rim < 255
    assert page.evaluate("canvas.undoStroke() && canvas.isPainted") is False
    page.locator("body > .canvas > canvas").focus()
    page.keyboard.press("Space")
    assert page.evaluate("canvas.isPainted") is True
