"""Make the inputs of docs/tried.md, extend them with the built-in model, and lay the results on sheets.

python docs/make_tried.py PHOTOS OUT           # all sixty
python docs/make_tried.py PHOTOS OUT --only 3  # one, by its number

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


def marked(path: Path, label: str) -> Image.Image:
    """A result with red ticks where the photo ended, and its label above."""
    opened = Image.open(path)
    sides, picture = json.loads(opened.text["softextend"])["plan"]["sides"], opened.convert("RGB")
    sheet = Image.new("RGB", (picture.width + 8, picture.height + 28), "white")
    sheet.paste(picture, (4, 24))
    draw = ImageDraw.Draw(sheet)
    draw.text((4, 2), label, fill="black", font_size=14)
    for x in (sides["left"], picture.width - sides["right"]):
        draw.line(((x + 4, 18), (x + 4, 23)), fill="red", width=2)
        draw.line(((x + 4, picture.height + 24), (x + 4, picture.height + 28)), fill="red", width=2)
    for y in (sides["top"], picture.height - sides["bottom"]):
        draw.line(((0, y + 24), (3, y + 24)), fill="red", width=2)
        draw.line(((picture.width + 4, y + 24), (picture.width + 8, y + 24)), fill="red", width=2)
    return sheet


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", type=int, nargs="*", default=range(1, len(ALL) + 1))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for number in given.only:
        tried = ALL[number - 1]
        facts = extended(number, tried, given.photos, given.out)
        scores = facts.get("scores") or {}
        label = f"{number} {tried.name} {tried.options} score {facts.get('score')} twins {scores.get('twins')}"
        print(label, flush=True)
        if "error" not in facts:
            marked(given.out / f"{number:02}.png", label).save(given.out / f"{number:02}.sheet.png")


if __name__ == "__main__":
    main()
