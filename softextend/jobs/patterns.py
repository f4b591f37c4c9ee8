"""Globs, in which a part of the path that exists as it stands is taken as it stands: '[2024] trip/*.jpg'."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path


def is_pattern(text: str) -> bool:
    """Whether an argument is to be searched for: it has a wildcard and is no name that exists."""
    return glob.has_magic(text) and not os.path.lexists(text)


def is_deep(text: str) -> bool:
    """Whether a pattern descends into folders."""
    return "**" in Path(text).parts


def matches(pattern: str) -> list[Path]:
    """All that matches, in order, each once; hidden names only where the pattern names them."""
    parts = Path(pattern).parts
    return sorted(dict.fromkeys(Path(name) for name in _below("", parts)))


def fixed_part(pattern: str) -> Path:
    """The folder that a pattern begins with, as far as it has no wildcard: a/b of a/b/*/c*.jpg."""
    fixed = Path()
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part) and not os.path.lexists(fixed / part):
            break
        fixed /= part
    return fixed


def _below(base: str, parts: tuple[str, ...]) -> Iterator[str]:
    """The paths below the folder `base` that fit the remaining parts of a pattern."""
    if not parts:
        yield base
        return
    part, rest = parts[0], parts[1:]
    here = os.path.join(base, part)  # noqa: PTH118 - 100,000 paths
    if not glob.has_magic(part):
        found = [here] if rest or os.path.lexists(here) else []
    elif os.path.lexists(here):
        found = [here]
    elif part == "**":
        found = [base, *_folders(base)] if rest else _everything(base)
    else:
        names = glob.glob(part, root_dir=base or None)  # noqa: PTH207 - strings, for 100,000 paths
        found = [os.path.join(base, name) for name in names]  # noqa: PTH118
    for each in found:
        yield from _below(each, rest)


def _folders(base: str) -> list[str]:
    """All folders in a folder, at any depth, without hidden ones; links are not followed into circles."""
    names = glob.glob("**/", root_dir=base or None, recursive=True)  # noqa: PTH207
    return [os.path.join(base, name) for name in names if name]  # noqa: PTH118


def _everything(base: str) -> list[str]:
    names = glob.glob("**", root_dir=base or None, recursive=True)  # noqa: PTH207
    return [os.path.join(base, name) for name in names if name]  # noqa: PTH118
