"""Which results a store has already: one listing of the output folder, not one request a picture."""

from __future__ import annotations

from collections.abc import Sequence

from softextend.pictures.address import Address
from softextend.pictures.stores import listing


class Stored:
    """Of each name in the store a number is kept; `roots`: the output folders, which are listed with all in them."""

    def __init__(self, roots: Sequence[Address]) -> None:
        self.roots = roots
        self.known: dict[str, set[int]] = {}  # of each folder that was listed

    def has(self, path: Address) -> bool:
        """Whether there is a file of this name."""
        root = next((each for each in self.roots if path.path.is_relative_to(each.path)), None)
        folder = root or path.parent
        if folder.text not in self.known:
            self.known[folder.text] = {*map(hash, listing(folder, deep=root is not None, missing=True))}
        return hash(path.path.relative_to(folder.path).as_posix()) in self.known[folder.text]
