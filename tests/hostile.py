"""Recipes as an attacker would write them, and files that carry them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

NESTED: Any = json.loads("[" * 60 + "]" * 60)
HUGE = 10**400  # JSON has no largest number
VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 7, 65, 4097, 10**5, 10**6, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), HUGE, -HUGE),
    *(0.5, -0.5, 1e-320, 1e-10, 1e10, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
    *("", "x", "auto", "off", "self", "x" * 10_000, "\x1b]0;owned\x07\x9b31m", "\0", "\ud800", "日本 \u202e", "a\nb\r"),
    *("owner/name", "/etc/passwd", "../../../../../../etc/passwd", "/dev/zero", "~/x.safetensors", "http://a/b.ckpt"),
    *("patch:size=999999", "patch:level=nan", "perlin:scale=1e308", "telea:" + "a=1," * 500, "gray:\x1b[2J"),
    *("999999999999x9", "0.9-0.1", "nan-inf", "<lora:x:1e99>", "((((((((" * 200, "[a:b:1e400]" * 20),
    *([], {}, NESTED, [1, 2], [1.5, "x"], [10**6, 10**6], [HUGE, 1], [float("nan")] * 4, list(range(1000))),
    *({"a": NESTED}, {"value": HUGE, "percent": True}, {"value": 1e300, "percent": False}, {"start": 0, "end": HUGE}),
    *([{"value": 1e18, "percent": True}] * 4, [{"value": 10**9, "percent": False}] * 4, {"width": HUGE, "height": 1}),
    *(["/etc/passwd:0.5"], ["x" * 5000], [None], {"lora": NESTED}, {"lora": ["/etc/passwd"]}, {"clip_skip": HUGE}),
    *({"image_prompt": "/dev/zero"}, {"control": [7]}, {"refiner": "\0"}, {"embedding": ["\x1b=/etc/passwd"]}),
)
TEXTS = (  # no recipes at all
    *("", "null", "[]", "7", '"x"', "{", "{}", "NaN", '{"spec": {}}', "[" * 100_000, '{"a":' * 100_000, "9" * 5000),
    *('{"spec": ' + "9" * 5000 + "}", '{"spec": {"seed": 1e999999}}', '{"spec": {}, "command": {}}', "\x1b]0;x\x07"),
    *('{"zoom": 1}', '{"prepared": NaN}', '{"spec": {"seed": 1}, "command": {"input": "a.png"}}', "\ud800"),
)


def places(recipe: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a recipe."""
    items = recipe.items() if isinstance(recipe, dict) else enumerate(recipe) if isinstance(recipe, list) else ()
    for name, value in items:
        yield (*at, name)
        yield from places(value, (*at, name))


def changed(recipe: dict[str, Any], at: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The recipe with another value there."""
    new = copy.deepcopy(recipe)
    inner: Any = new
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return new


def without(recipe: dict[str, Any], at: tuple[Any, ...]) -> dict[str, Any]:
    """The recipe with nothing there."""
    new = copy.deepcopy(recipe)
    inner: Any = new
    for name in at[:-1]:
        inner = inner[name]
    del inner[at[-1]]
    return new


def hostile_recipes(recipe: dict[str, Any], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """(what was done, text) of so many recipes, drawn anew by each seed; those that are no JSON come first."""
    draw = random.Random(seed)
    yield from (("text", text) for text in TEXTS)
    every = [at for at in places(recipe) if at[0] in ("spec", "command", "model", "seed", "softextend", "scores")]
    options = [("spec", name) for name in ("allow_large", "allow_huge", "target", "\x1b]0;x\x07", "solver", "refine")]
    for _ in range(count):
        at = draw.choice([*every, *options])
        value = draw.choice(VALUES)
        new = changed(recipe, at, value)
        if draw.random() < 0.3:
            new = changed(new, draw.choice([("spec",), ("command",), ("model",), ("softextend",)]), draw.choice(VALUES))
        elif draw.random() < 0.1:
            new = without(recipe, at) if at in every else new
        yield f"{at}: {value!a:.60}", json.dumps(new)


def carrier(path: Path, text: str, of: Path) -> None:
    """A picture as softextend writes one, with this text as its recipe."""
    info = PngInfo()
    try:
        info.add_text("softextend", text)
    except UnicodeEncodeError:
        info.add_itxt("softextend", text.encode("utf-8", "replace").decode())
    with Image.open(of) as picture:
        picture.save(path, pnginfo=info)
