"""Names of pictures in any number: written down once on the disk, read again as often as needed, each once."""

from __future__ import annotations

import os
import struct
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from softextend.jobs.job import Keys
from softextend.pictures.address import Address, Place, as_text, place

IN_MEMORY = 4 << 20  # bytes of names, above which they go to a temporary file
HEAD = struct.Struct("<IIB")  # bytes of the name, its root, flags
NO_NAME, DEEP = 1, 2  # flags: stdin; found in a searched tree


class Names:
    """The sources of a batch in order (None: stdin), without those that name a file again.

    Of each name a number stays in memory. `roots`: the folders where trees begin, by number.
    """

    def __init__(self, sources: Iterable[Place | None] = ()) -> None:
        self.keys = Keys()
        self.known: set[int] = set()  # hashes, of 64 bits: among a million names two meet once in 30 million batches
        self.roots: dict[Path, int] = {}
        self.kept: set[int] = set()  # roots of pictures in searched trees
        self.has_stdin = False
        self.count = 0
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - lives as long as this
        weakref.finalize(self, self.file.close)
        for source in sources:
            self.add(None if source is None else as_text(source), Path())

    def add(self, name: str | None, root: Path, *, deep: bool = False) -> None:
        """The next name, whose tree begins at `root`."""
        key = hash(self.keys.of_text(name))
        if key in self.known:
            return
        self.known.add(key)
        number = self.roots.setdefault(root, len(self.roots))
        if deep:
            self.kept.add(number)
        self.has_stdin |= name is None
        text = (name or "").encode("utf-8", "surrogatepass")
        self.file.write(HEAD.pack(len(text), number, (name is None) * NO_NAME + deep * DEEP) + text)
        self.count += 1

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Place | None]:
        return (source for source, _ in self.entries())

    def entries(self) -> Iterator[tuple[Place | None, bool]]:
        """Each source, and whether it was found in a searched tree; several readers do not disturb each other."""
        for name, _, flags in self._records():
            yield (None if flags & NO_NAME else place(name)), bool(flags & DEEP)

    def _records(self) -> Iterator[tuple[str, int, int]]:
        at = 0
        for _ in range(self.count):
            self.file.seek(at)
            part = self.file.read(1 << 16)
            start = 0
            while start + HEAD.size <= len(part):
                length, root, flags = HEAD.unpack_from(part, start)
                end = start + HEAD.size + length
                if end > len(part):
                    break
                yield part[start + HEAD.size : end].decode("utf-8", "surrogatepass"), root, flags
                start = end
            if not start:
                return
            at += start

    def mirror(self, keep: bool | None) -> Mirror | None:
        """How the folders of pictures are mirrored below the output folder; None: not. `keep` None: those of `**`."""
        if keep is False:
            return None
        tops = [root for root, number in self.roots.items() if keep or number in self.kept]
        return Mirror(top=common(tops), all=bool(keep)) if tops else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror:
    """Where the mirrored tree begins, and whether all pictures are in it or only those of searched trees."""

    top: Path
    all: bool

    def folder(self, source: Place, *, deep: bool) -> Path:
        """The folder of a picture below the output folder."""
        return Path(os.path.relpath(absolute(source.parent), self.top)) if self.all or deep else Path()


def absolute(path: Place) -> Path:
    """Without `.` and `..`; links stay. Stores are as if they were folders of this machine."""
    return path.local_like if isinstance(path, Address) else Path(os.path.abspath(path))  # noqa: PTH100 - resolve would follow links


def common(folders: Iterable[Path]) -> Path:
    """The folder that holds all of these; the root of the first where they lie on several drives."""
    each = list(dict.fromkeys(folders))
    try:
        return Path(os.path.commonpath(each))
    except ValueError:
        return Path(each[0].anchor)
