"""Make the inputs of docs/tried.md, extend them with the built-in model, and lay the results on sheets.

python docs/make_tried.py PHOTOS OUT           # all sixty
python docs/make_tried.py PHOTOS OUT --only 3  # one, by its number
python docs/make_tried.py PHOTOS OUT --only --overview docs/images/tried.jpg  # twelve of those that are there

PHOTOS is a folder with the photos that docs/tried.md names. Results that exist stay: the run may be interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any

import cv2
import tried_drawings as drawn
from PIL import Image, ImageDraw
from tried_inputs import FIFTY, Tried, photo

from softextend import cli

QUARTER = "--sides 0 25%"
TEN = (
    Tried("product on plain ground, drawn", drawn.product, QUARTER),
    Tried("cartoon, drawn", drawn.cartoon, QUARTER),
    Tried("screenshot, drawn", drawn.screenshot, QUARTER),
    Tried("map, drawn", drawn.city_map, QUARTER),
    Tried("night sky, drawn", drawn.night_sky, QUARTER, made=False),
    Tried("underwater, drawn", drawn.underwater, QUARTER, made=False),
    Tried("fields from the air, drawn", drawn.fields, QUARTER, made=False),
    Tried("group of people, drawn", drawn.group, QUARTER),
    Tried("food from above", photo("cq100_31ee"), QUARTER),
    Tried("a painted garden", drawn.painting, QUARTER, made=False),
)
ALL = (*FIFTY, *TEN)
SHOWN = {  # by number, with what the overview says of it
    17: "kept: --all 20%",
    38: "kept: --sides 30% 0 0 0",
    39: "kept: --sides 30% 0 0 0",
    41: "kept: --sides 20% 0",
    36: "kept: --sides 15% 15% 0 0",
    37: "kept: --sides 15% 15% 0 0",
    26: "kept: --sides 0 20% --trim auto",
    5: "kept: --sides 0 25%",
    31: "fails: a hedge of blossoms",
    4: "fails: legs, torn fire escapes",
    59: "fails: straws in the grass",
    7: "kept: --sides 0 25%",
}
CELL, COLUMNS = (368, 262), 4  # px of a picture on the overview, with its label
TICK = 7  # px


def save(tried: Tried, photos: Path, path: Path) -> None:
    """The input, as PNG."""
    made = tried.make(photos)
    if isinstance(made, Image.Image):
        made.save(path)
    else:
        cv2.imwrite(str(path), made if made.ndim == 2 else cv2.cvtColor(made, cv2.COLOR_RGB2BGR))


def extended(number: int, tried: Tried, photos: Path, out: Path) -> dict[str, Any]:
    """What the run says of one input, as `--json` does."""
    given, path, told = (out / f"{number:02}.{end}" for end in ("in.png", "png", "json"))
    if not told.exists():
        save(tried, photos, given)
        began, heard = time.monotonic(), io.StringIO()
        with contextlib.redirect_stdout(heard):
            words = [
                "extend",
                str(given),
                *tried.options.split(),
                "--seed",
                "1",
                "--overwrite",
                "-o",
                str(path),
                "--json",
            ]
            code = cli.run(words)
        facts = json.loads(heard.getvalue()) if code == 0 else {"error": code}
        told.write_text(json.dumps({"name": tried.name, "made": tried.made, **facts, "took": time.monotonic() - began}))
    return dict(json.loads(told.read_text()))


def opened(path: Path) -> tuple[Image.Image, dict[str, int]]:
    """A result with 8 bits a channel, and the px that were added on each side."""
    with Image.open(path) as picture:
        sides = json.loads(picture.text["softextend"])["plan"]["sides"]  # type: ignore[attr-defined]
        if picture.mode == "I;16":
            return picture.point(lambda level: level / 257, "L").convert("RGB"), sides
        return picture.convert("RGB"), sides


def marked(path: Path, most: tuple[int, int] | None = None) -> Image.Image:
    """A result, made to fit into so many px, with red ticks outside it where the photo ended."""
    picture, sides = opened(path)
    width, height = picture.size
    if most:
        picture.thumbnail((most[0] - 2 * TICK, most[1] - 2 * TICK), Image.Resampling.LANCZOS)
    ratio = picture.width / width
    sheet = Image.new("RGB", (picture.width + 2 * TICK, picture.height + 2 * TICK), "white")
    sheet.paste(picture, (TICK, TICK))
    draw = ImageDraw.Draw(sheet)
    for x in (sides["left"] * ratio, (width - sides["right"]) * ratio):
        for y in (0, sheet.height - TICK):
            draw.line(((x + TICK, y), (x + TICK, y + TICK)), fill="red", width=2)
    for y in (sides["top"] * ratio, (height - sides["bottom"]) * ratio):
        for x in (0, sheet.width - TICK):
            draw.line(((x, y + TICK), (x + TICK, y + TICK)), fill="red", width=2)
    return sheet


def labelled(path: Path, label: str) -> Image.Image:
    """A result with its ticks and a line above."""
    picture = marked(path)
    sheet = Image.new("RGB", (picture.width, picture.height + 22), "white")
    sheet.paste(picture, (0, 22))
    ImageDraw.Draw(sheet).text((4, 3), label, fill="black", font_size=14)
    return sheet


def overview(out: Path) -> Image.Image:
    """Some results side by side, numbered, each with what became of it."""
    rows = -(-len(SHOWN) // COLUMNS)
    sheet = Image.new("RGB", (CELL[0] * COLUMNS, CELL[1] * rows), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (number, said) in enumerate(SHOWN.items()):
        picture = marked(out / f"{number:02}.png", (CELL[0] - 8, CELL[1] - 24))
        x, y = place % COLUMNS * CELL[0], place // COLUMNS * CELL[1]
        sheet.paste(picture, (x + (CELL[0] - picture.width) // 2, y))
        draw.text((x + CELL[0] // 2, y + CELL[1] - 20), f"{place + 1} {said}", "black", anchor="ma", font_size=15)
    return sheet


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", type=int, nargs="*", default=range(1, len(ALL) + 1))
    parser.add_argument("--overview", type=Path, help="a JPEG of twelve of the results")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for number in given.only:
        tried = ALL[number - 1]
        facts = extended(number, tried, given.photos, given.out)
        scores = facts.get("scores") or {}
        label = f"{number} {tried.name} {tried.options} score {facts.get('score')} twins {scores.get('twins')}"
        print(label, flush=True)
        if "error" not in facts:
            labelled(given.out / f"{number:02}.png", label).save(given.out / f"{number:02}.sheet.png")
    if given.overview:
        overview(given.out).save(given.overview, quality=84)


if __name__ == "__main__":
    main()
