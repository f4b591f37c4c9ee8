"""The command line before it is parsed: values that parsers cannot count, and other ways to say the same."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from softextend.errors import BadRequest
from softextend.plan.grammar import listed_amounts, parse_amount

SIDES, CAPTION = "--sides", "--caption"
SKIP = "--skip-existing"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/(?![^.]*\.(?i:jpe?g|png|webp|tiff?|bmp|avif|heic)$)[\w.-]+")
MOST = 4  # values
AMOUNT = re.compile(
    r"[-+]?(\d+|\d*\.\d+)(e\d+|[a-zA-Z]{1,3})?|\S*%|\d+(px)?(,\d+(px)?){1,3}"
)  # amounts, and what was meant as one


HELP_ALL = "--help-all"
ONE_SIDE = ("--top", "--right", "--bottom", "--left")
EXTENTS = ("--width", "--height")
OUTPUT = ("-o", "--output")
WITH_OUT_DIR = ("extend", "paint", "prepare", "redo")


def understood(arguments: Sequence[str]) -> list[str]:
    """The words as the commands take them; BadRequest for what cannot be understood.

    `help extend`, `extend help` -> `extend --help`; `--right 256` -> `--sides "0 256 0 0"`;
    `--width 1920 --height 1080` -> `--size`; `-o wide/` -> `--out-dir wide/`.
    """
    words = list(arguments)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words[1:] == ["help"] and not os.path.lexists("help"):
        words = [words[0], "--help"]
    words, sides = _taken(words, ONE_SIDE)
    for name, amount in sides.items():
        parse_amount(amount, name)  # a wrong one is refused by the name that was typed
    if sides:
        if any(word.partition("=")[0] == SIDES for word in words):
            raise BadRequest(f"{next(iter(sides))}: --sides says already what is added where; leave one of them out")
        words = _with_option(words, SIDES, " ".join(sides.get(name, "0") for name in ONE_SIDE))
    words, extents = _taken(words, EXTENTS)
    if len(extents) == 1:
        ((name, value),) = extents.items()
        raise BadRequest(f"{name} {value}: give both --width and --height, or --size WxH; --sides adds to one side")
    if extents:
        words = _with_option(words, "--size", "x".join(extents[name] for name in EXTENTS))
    return join_sides(fill_caption(folder_of_results(words)))


def as_typed(option: str, arguments: Sequence[str]) -> str:
    """The option that was typed where `understood` made this one of it."""
    typed = [word.partition("=")[0] for word in arguments]
    stand = {SIDES: ONE_SIDE, "--size": EXTENTS, "--out-dir": OUTPUT}.get(option, ())
    return option if option in typed else next((word for word in typed if word in stand), option)


def folder_of_results(words: Sequence[str]) -> list[str]:
    """`-o wide/`, or -o with a folder that exists -> `--out-dir wide`, for commands that have both."""
    found = list(words)
    if found[:1] and found[0] not in WITH_OUT_DIR:
        return found
    end = found.index("--") if "--" in found else len(found)
    for index, word in enumerate(found[:end]):
        name, equals, value = word.partition("=")
        if name == "--output" and equals and _is_folder(value):
            found[index] = f"--out-dir={value}"
        elif word in OUTPUT and index + 1 < end and _is_folder(found[index + 1]):
            found[index] = "--out-dir"
        else:
            continue
        if any(each.partition("=")[0] == "--out-dir" for at, each in enumerate(found[:end]) if at != index):
            raise BadRequest("-o and --out-dir: both name a folder; give one of them")
    return found


def _is_folder(word: str) -> bool:
    return word.endswith(("/", os.sep)) or (word not in ("", "-") and os.path.isdir(word))  # noqa: PTH112 - a word


def _taken(words: Sequence[str], names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The words without these options, and their values."""
    left: list[str] = []
    values: dict[str, str] = {}
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--":
            return [*left, *words[index:]], values
        name, equals, value = word.partition("=")
        if name not in names:
            left.append(word)
        else:
            if not equals:
                index += 1
                if index == len(words) or words[index].startswith("--"):
                    raise BadRequest(f"{name}: give a value, such as {name} 256")
                value = words[index]
            if name in values:
                raise BadRequest(f"{name}: is there twice; give it once")
            values[name] = value
        index += 1
    return left, values


def _with_option(words: list[str], name: str, value: str) -> list[str]:
    """With one more option before the first: at the end it would be the value of an option that has none."""
    first = next((at for at, word in enumerate(words) if word.startswith("-") and word != "-"), len(words))
    return [*words[:first], name, value, *words[first:]]


def join_sides(arguments: Sequence[str]) -> list[str]:
    """`--sides 0 256 0 256 photo.jpg` -> `--sides "0 256 0 256" photo.jpg`; BadRequest where no value follows, or five.

    All of up to four words that look like amounts are its values. A word between amounts is taken for a wrong one,
    which is then refused by name; what follows `--` stays as it is.
    """
    joined: list[str] = []
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*joined, word, *left]
        name, equals, value = word.partition("=")
        if word == SKIP:  # its value is optional, and follows only after "="
            joined.append(f"{SKIP}=same")
            continue
        if name != SIDES:
            joined.append(word)
            continue
        values = value.split() if equals else []
        if not values and left and " " in left[0].strip():
            values = left.pop(0).split()
        elif len(values) <= 1:
            count = _count(left[: MOST - len(values)])
            values, left = [*values, *left[:count]], left[count:]
        if len(values) == 1:
            values = listed_amounts(values[0])
        if not values:
            came = f" {left[0]}" if left and not left[0].startswith("--") else ""
            raise BadRequest(f"{SIDES}{came}: give one to four values, such as {SIDES} 0 256 0 256")
        if len(values) == MOST and left and _is_fifth(left[0]):
            raise BadRequest(
                f"{SIDES} {' '.join(values)} {left[0]}: takes one to four values, and no file is called {left[0]}; "
                f"leave one out, such as {SIDES} 0 256 0 256"
            )
        joined += [SIDES, " ".join(values)]
    return joined


def fill_caption(arguments: Sequence[str]) -> list[str]:
    """`--caption` before another option, a picture or the end -> `--caption auto`; with a folder or hub id as it is."""
    filled: list[str] = []
    for index, word in enumerate(arguments):
        filled.append(word)
        if word == "--":
            return [*filled, *arguments[index + 1 :]]
        if word == CAPTION and not _is_model(arguments[index + 1 : index + 2]):
            filled.append("auto")
    return filled


def _is_model(words: Sequence[str]) -> bool:
    """Whether the next word names a caption model: a folder with a config, a hub id that is no file, or `auto`."""
    if not words or words[0].startswith("-"):
        return False
    word = words[0]
    if os.path.lexists(word):
        return os.path.lexists(os.path.join(word, "config.json"))  # noqa: PTH118 - a word, not yet a path
    return word == "auto" or HUB_ID.fullmatch(word) is not None


def _is_fifth(word: str) -> bool:
    """Whether a word after four values was meant as one more, not as a file."""
    return AMOUNT.fullmatch(word) is not None and not os.path.lexists(word)


def _count(words: Sequence[str]) -> int:
    """How many words, up to the last amount, belong to `--sides`; an option ends them."""
    count = 0
    for index, word in enumerate(words, 1):
        if AMOUNT.fullmatch(word):
            count = index
        elif word.startswith("-") and word != "-":
            break
    return count
