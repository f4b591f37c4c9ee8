"""What a prompt says of itself: weights in both customs, BREAK, escapes, and names of files laid over the model.

Two customs are read. AUTOMATIC1111's web UI: `(x)` 1.1 times, `[x]` 1 / 1.1 times, `(x:1.3)`, nested ones multiplied,
`BREAK` ends a row, a backslash makes a bracket a letter. compel: `(x)++`, `word--` 1.1 and 0.9 times for each sign,
`(x)1.3`. A prompt in compel's custom alone is weighted by compel's rule, every other one by the web UI's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

Custom = Literal["a1111", "compel"]
MORE, LESS, MINUS = 1.1, 1 / 1.1, 0.9
TOKEN = re.compile(
    r"\\(?P<letter>[()\[\]\\])"
    r"|(?P<open>[(\[])"
    r"|:\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)"
    r"|\)(?P<signs>\++(?![\w+])|-+(?![\w-])|\d+(?:\.\d+)?(?![\w.]))?"
    r"|(?P<close>\])"
    r"|(?P<text>[^\\()\[\]:]+|.)",
    re.DOTALL,
)
SIGNED = re.compile(r"(?P<word>[^\s,;.()+-](?:[^\s,;()]*[^\s,;.()+-])?)(?P<signs>\++|-+)(?=[\s,;.]|$)")
BREAK = re.compile(r"\s*\bBREAK\b\s*")
LORA = re.compile(r"<(?P<kind>lora|lyco|hypernet):(?P<name>[^:<>]+)(?::(?P<weight>[+-]?[\d.]+))?[^<>]*>")
EMBEDDING = re.compile(r"\bembedding:(?P<name>[\w.\-]+)")
A1111_MARKS = re.compile(r"(?<!\\)(?::\s*[+-]?[\d.]+\s*\)|\(\(|\[|\bBREAK\b)")
COMPEL_MARKS = re.compile(r"(?<!\\)\)(?:\++(?![\w+])|-+(?![\w-])|\d+(?:\.\d+)?(?![\w.]))")
EDITING = re.compile(r"(?<!\\)\[[^\[\]]*(?:\||:[^\[\]]*:)[^\[\]]*\]")


class Fragment(NamedTuple):
    """A piece of text and how much it counts; 1 = as it is."""

    text: str
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighted:
    """A prompt read: rows that BREAK parts, each of fragments in order, and by whose rule weights act."""

    parts: tuple[tuple[Fragment, ...], ...]
    custom: Custom

    @property
    def plain(self) -> bool:
        """Whether nothing is weighted."""
        return all(each.weight == 1 for part in self.parts for each in part)


class Named(NamedTuple):
    """A `<lora:name:0.8>` of a prompt."""

    kind: str
    name: str
    weight: float


def parse(prompt: str) -> Weighted:
    """A prompt -> its fragments; `<lora:...>` is taken out, `embedding:x` becomes x."""
    text = EMBEDDING.sub(lambda at: at["name"], LORA.sub("", prompt))
    custom = custom_of(text)
    parts = tuple(tuple(_fragments(part, custom)) for part in BREAK.split(text))
    return Weighted(parts=parts, custom=custom)


def custom_of(text: str) -> Custom:
    """compel where its marks stand and none of the web UI's."""
    signed = COMPEL_MARKS.search(text) or SIGNED.search(text)
    return "compel" if signed and not A1111_MARKS.search(text) else "a1111"


def loras(prompt: str) -> list[Named]:
    """The files that a prompt names, in order; a weight left out is 1."""
    return [Named(at["kind"], at["name"].strip(), _number(at["weight"])) for at in LORA.finditer(prompt)]


def embeddings(prompt: str) -> list[str]:
    """The names that a prompt gives as `embedding:name`."""
    return [at["name"] for at in EMBEDDING.finditer(prompt)]


def notes(prompt: str) -> list[str]:
    """What of a prompt is not done as its writer may expect."""
    if EDITING.search(prompt):
        return ["prompt: [a:b:0.5] and [a|b] change a prompt on the way, which is not done here: read as words"]
    return []


def _fragments(text: str, custom: Custom) -> list[Fragment]:
    """One row's text -> fragments, neighbours of one weight joined."""
    found: list[Fragment] = []
    opened: list[tuple[str, int]] = []
    for at in TOKEN.finditer(text):
        kind = at.lastgroup
        if kind == "letter":
            found.append(Fragment(at["letter"], 1.0))
        elif kind == "open":
            opened.append((at["open"], len(found)))
        elif kind == "weight" and opened and opened[-1][0] == "(":
            _times(found, opened.pop()[1], float(at["weight"]))
        elif kind == "close" and opened and opened[-1][0] == "[":
            _times(found, opened.pop()[1], LESS)
        elif (kind == "signs" or at[0] == ")") and opened and opened[-1][0] == "(":
            _times(found, opened.pop()[1], _factor(at["signs"], custom))
        elif kind == "text":
            found += _signed(at[0])
        else:
            found.append(Fragment(at[0], 1.0))
    for bracket, start in opened:  # never closed: to the end, as the web UI does
        _times(found, start, LESS if bracket == "[" else _factor(None, custom))
    return _joined(found)


def _times(found: list[Fragment], start: int, factor: float) -> None:
    found[start:] = [Fragment(each.text, each.weight * factor) for each in found[start:]]


def _factor(signs: str | None, custom: Custom) -> float:
    """What follows a closing bracket -> how many times its text counts; nothing: 1.1, in compel's custom 1."""
    if not signs:
        return MORE if custom == "a1111" else 1.0
    if signs[0] in "+-":
        return float((MORE if signs[0] == "+" else MINUS) ** len(signs))
    return float(signs)


def _signed(text: str) -> list[Fragment]:
    """`a red++ ball` -> `a `, `red` 1.21 times, ` ball`."""
    found: list[Fragment] = []
    done = 0
    for at in SIGNED.finditer(text):
        found += [Fragment(text[done : at.start()], 1.0), Fragment(at["word"], _factor(at["signs"], "compel"))]
        done = at.end()
    return [each for each in (*found, Fragment(text[done:], 1.0)) if each.text]


def _joined(found: list[Fragment]) -> list[Fragment]:
    joined: list[Fragment] = []
    for each in found:
        if joined and joined[-1].weight == each.weight:
            joined[-1] = Fragment(joined[-1].text + each.text, each.weight)
        else:
            joined.append(each)
    return joined or [Fragment("", 1.0)]


def _number(text: str | None) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 1.0
