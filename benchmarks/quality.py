"""How well photos go on: crop a fifth off two opposite sides, extend back, and compare with what was there.

    python benchmarks/quality.py                                # scikit-image's photos
    python benchmarks/quality.py ~/photos --out build/quality --engines patch self

Every photo belongs to one of two halves by the SHA-1 of its file name: constants of the built-in model were chosen on
the photos with an even one ("tuned"); the others ("held out") show whether they hold. Results are kept as JSON lines
in `--out` and taken from there the next time; delete `results.jsonl` after a change to the code. Columns:

    seam     gradient across the old border over the gradient just inside; 1 is invisible (mean over photos, worst side)
    texture  fine detail of the new area over that of the strip beside it (median over photos)
    colour   CIE76 Delta E to the truth of 16 px means: colour, not structure (mean)
    left     correlation of fine detail with the fill that lay under it; 0 where the model made everything new (mean)
    score    softextend's own total score, 1 is best (mean)
    twins    share of structured windows of 1/16 of the picture that repeat what the photo shows only once (mean)
    copy     share of structured 15 px blocks that lie somewhere in the photo all but verbatim (mean)
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage
import torch
from PIL import Image

import softextend
from softextend.fill import parse_fill
from softextend.finish.scores import score
from softextend.finish.twins import twin_share

Array = np.ndarray[Any, Any]

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")  # bundled with scikit-image
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
FILLS = ("edge", "mirror", "telea", "perlin")
ENGINES = (*FILLS, "patch", "self", *(f"self-{fill}" for fill in FILLS))  # `self` over `patch`, and over the others
CUT = 0.2  # of the photo's width or height, off each of the two sides
SEED = 1
MEANS = ("colour", "left", "twins", "copy", "score", "seconds")
BLOCK = 15  # px, side of the blocks looked for in the photo
BLOCKS = 150  # of them a picture
VERBATIM = 3.0  # levels of 255, root mean square, up to which a block counts as copied
STRUCTURED = 6.0  # levels of 255, standard deviation from which a block has something to copy


def number(name: str) -> int:
    """A photo's number, from its file name alone."""
    return int(hashlib.sha1(name.encode()).hexdigest(), 16)


def half(name: str) -> str:
    """Whether constants may have been chosen on this photo."""
    return "held out" if number(name) % 2 else "tuned"


def load(path: Path, longest: int) -> Array:
    """uint8 (H, W, 3), at most `longest` px on the longer side."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def cropped(truth: Array, name: str) -> tuple[Array, Array]:
    """What is left, and known (H, W): two thirds of the photos lose left and right, one third top and bottom."""
    height, width = truth.shape[:2]
    known = np.zeros((height, width), np.bool_)
    if number(name) // 2 % 3:
        cut = round(width * CUT)
        known[:, cut : width - cut] = True
        return truth[:, cut : width - cut], known
    cut = round(height * CUT)
    known[cut : height - cut] = True
    return truth[cut : height - cut], known


def extended(engine: str, photo: Array, known: Array) -> tuple[Array, Array]:
    """The result of an engine and the fill under it, both uint8 (H, W, 3)."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    top, left = int(rows[0]), int(columns[0])
    bottom, right = known.shape[0] - int(rows[-1]) - 1, known.shape[1] - int(columns[-1]) - 1
    margins = ((top, bottom), (left, right), (0, 0))
    model, _, fill = engine.partition("-")
    if model == "self":
        result = softextend.extend(photo, (top, right, bottom, left), seed=SEED, fill=fill or None)
        return result.made.pixels, result.made.filled
    filled = parse_fill(engine).paint(np.pad(photo, margins), known, np.random.default_rng(SEED))
    return filled, filled


def sides_of(picture: Array, known: Array) -> Iterable[tuple[Array, int]]:
    """For each new side the picture, turned so that the side lies left, and its width in px."""
    for turns in range(4):
        area = np.rot90(known, turns)
        depth = int(np.argmax(area.any(0)))
        if depth:
            yield np.rot90(picture, turns)[area.any(1)].astype(np.float32), depth


def seams(picture: Array, known: Array) -> list[float]:
    """Of each new side: mean gradient across the old border over that of the 8 px inside."""
    found = []
    for turned, depth in sides_of(picture, known):
        gradient = np.abs(np.diff(turned, axis=1)).mean((0, 2))
        found.append(float(gradient[depth - 1] / (gradient[depth + 1 : depth + 9].mean() + 0.3)))
    return found


def textures(picture: Array, known: Array) -> list[float]:
    """Of each new side: fine detail (root mean square) of the new strip over that of the strip beside it."""
    found = []
    for turned, depth in sides_of(picture, known):
        fine = turned - cv2.GaussianBlur(turned, (0, 0), 1.5)
        new, old = fine[:, 2 : depth - 2], fine[:, depth + 2 : 2 * depth - 2]
        found.append(float(np.sqrt((new**2).mean() / ((old**2).mean() + 0.05))))
    return found


def colour_error(picture: Array, truth: Array, known: Array) -> float:
    """Mean CIE76 Delta E of 16 px means over the new area."""
    lab = [cv2.cvtColor(each.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for each in (picture, truth)]
    means = [cv2.blur(each, (16, 16)) for each in lab]
    return float(np.linalg.norm(means[0] - means[1], axis=2)[~known].mean())


def leftover(picture: Array, filled: Array, known: Array) -> float:
    """Correlation of the fine detail of result and fill over the new area."""
    fine = [
        each.astype(np.float32) - cv2.GaussianBlur(each.astype(np.float32), (0, 0), 1.5) for each in (picture, filled)
    ]
    a, b = (each[~known].ravel() for each in fine)
    return float((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-6))


def copied(picture: Array, known: Array) -> float:
    """Share of the new area's structured blocks that the known area holds within VERBATIM; 0 without structure."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    source = np.ascontiguousarray(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]).astype(np.float32)
    free = cv2.erode((~known).astype(np.uint8), np.ones((BLOCK, BLOCK), np.uint8), borderValue=0)
    places = np.argwhere(free)
    rng = np.random.default_rng(0)
    seen, found = 0, 0
    for y, x in places[rng.permutation(len(places))[: 4 * BLOCKS]]:
        block = picture[y - BLOCK // 2 :, x - BLOCK // 2 :][:BLOCK, :BLOCK].astype(np.float32)
        if block.shape != (BLOCK, BLOCK, 3) or block.std() < STRUCTURED:
            continue
        seen += 1
        for form in (block, block[:, ::-1], block[::-1]):  # a mirror image is a copy too
            nearest = cv2.matchTemplate(source, np.ascontiguousarray(form), cv2.TM_SQDIFF).min()
            if nearest <= VERBATIM**2 * block.size:
                found += 1
                break
        if seen == BLOCKS:
            break
    return found / seen if seen else 0.0


def measure(path: Path, engine: str, longest: int, out: Path) -> dict[str, Any]:
    """One photo, one engine: the result is written to `out`, its figures are returned."""
    truth = load(path, longest)
    photo, known = cropped(truth, path.name)
    began = time.perf_counter()
    picture, filled = extended(engine, photo, known)
    seconds = time.perf_counter() - began
    folder = out / engine
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(folder / f"{path.stem}.png")
    return {
        "photo": path.name,
        "engine": engine,
        "longest": longest,
        "half": half(path.name),
        "seams": [round(each, 3) for each in seams(picture, known)],
        "texture": round(statistics.fmean(textures(picture, known)), 3),
        "colour": round(colour_error(picture, truth, known), 2),
        "left": round(leftover(picture, filled, known), 3),
        "score": round(score(picture, known, filled if engine.startswith("self-") else None).total, 3),
        "twins": round(twin_share(picture, known), 4),
        "copy": round(copied(picture, known), 3),
        "seconds": round(seconds, 2),
    }


def summary(results: list[dict[str, Any]], engines: Iterable[str]) -> str:
    """A Markdown table by half and engine."""
    lines = [
        "| half | engine | photos | seam mean | seam worst | texture | colour | left | twins "
        "| copy | score | seconds |",
        "|" + "---|" * 12,
    ]
    for which in ("tuned", "held out"):
        for engine in engines:
            rows = [each for each in results if each["half"] == which and each["engine"] == engine]
            if not rows:
                continue
            every = [seam for each in rows for seam in each["seams"]]
            means = {key: statistics.fmean(each[key] for each in rows) for key in MEANS}
            shown = (
                f"{100 * means['twins']:.1f} % | {means['copy']:.2f} | {means['score']:.2f} | {means['seconds']:.1f}"
            )
            seam, texture = statistics.fmean(every), statistics.median(each["texture"] for each in rows)
            lines.append(
                f"| {which} | {engine} | {len(rows)} | {seam:.2f} | {max(every):.2f} | {texture:.2f} "
                f"| {means['colour']:.1f} | {means['left']:.2f} | {shown} |"
            )
    return "\n".join(lines)


def contact_sheet(paths: list[Path], engines: list[str], longest: int, out: Path, name: str) -> Path:
    """The truth and each engine's result side by side, a photo a row."""
    rows = []
    for path in paths:
        truth = load(path, longest)
        shown = [truth, *(np.asarray(Image.open(out / engine / f"{path.stem}.png")) for engine in engines)]
        rows.append(np.concatenate([np.pad(each, ((0, 6), (0, 6), (0, 0))) for each in shown], axis=1))
    width = max(row.shape[1] for row in rows)
    sheet = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
    target = out / f"sheet-{name}.jpg"
    Image.fromarray(sheet).save(target, quality=88)
    return target


def main() -> None:
    """Measure what is not measured yet, print the table, write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="photos; default: scikit-image's")
    parser.add_argument("--out", type=Path, default=Path("build/quality"))
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--half", choices=("tuned", "held out", "both"), default="both")
    parser.add_argument("--longest", type=int, default=640, help="px, longer side of the photos")
    parser.add_argument("--rows", type=int, default=4, help="photos a contact sheet")
    options = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    bundled = Path(skimage.__file__).parent / "data"
    found = options.folder.iterdir() if options.folder else (bundled / name for name in PHOTOS)
    paths = sorted(each for each in found if each.suffix.lower() in SUFFIXES)
    paths = [each for each in paths if options.half in ("both", half(each.name))]
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / "results.jsonl"
    known = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(each["photo"], each["engine"], each["longest"]): each for each in known}
    for path in paths:
        for engine in options.engines:
            key = (path.name, engine, options.longest)
            if key not in done:
                done[key] = measure(path, engine, options.longest, options.out)
                with log.open("a") as lines:
                    lines.write(json.dumps(done[key]) + "\n")
                print(json.dumps(done[key]), flush=True)
    wanted = [done[path.name, engine, options.longest] for path in paths for engine in options.engines]
    print(summary(wanted, options.engines))
    for which in ("tuned", "held out"):
        part = [each for each in paths if half(each.name) == which]
        for first in range(0, len(part), options.rows):
            name = f"{which.replace(' ', '-')}-{first // options.rows + 1}"
            rows = part[first : first + options.rows]
            print(contact_sheet(rows, options.engines, options.longest, options.out, name))


if __name__ == "__main__":
    main()
