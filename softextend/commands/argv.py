"""The command line before it is parsed: `--sides` takes one to four values, which parsers of options cannot count."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from softextend.errors import BadRequest

SIDES = "--sides"
SKIP = "--skip-existing"
MOST = 4  # values
AMOUNT = re.compile(r"[-+]?(\d+|\d*\.\d+)(e\d+|[a-zA-Z]{1,3})?|\S*%")  # amounts, and what was meant as one


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
        if not values:
            raise BadRequest(f"{SIDES}: give one to four values, such as {SIDES} 0 256 0 256")
        if len(values) == MOST and left and _is_fifth(left[0]):
            raise BadRequest(
                f"{SIDES} {' '.join(values)} {left[0]}: takes one to four values, and no file is called {left[0]}; "
                f"leave one out, such as {SIDES} 0 256 0 256"
            )
        joined += [SIDES, " ".join(values)]
    return joined


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
