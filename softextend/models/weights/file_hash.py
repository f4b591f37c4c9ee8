"""SHA-256 of weight files, remembered by path, size and time of change: 7 GB are hashed once, not at each start.

A file that is loaded is hashed as it is read: tensors are read in their order in the file, part after part, and what
lies between them is little. What a hash then lacks is read for it alone.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import BinaryIO

from softextend.environment import cache_home

CHUNK = 1 << 22  # bytes
GAP = 1 << 24  # bytes between what is loaded that are read for the hash alone; more is left for later, if ever


class Hashing:
    """A file's hash up to byte `at`."""

    def __init__(self, key: str) -> None:
        self.key, self.at, self.digest = key, 0, hashlib.sha256()

    def follow(self, file: BinaryIO, start: int, data: memoryview) -> None:
        """Bytes of the open file from `start` on were read; a small gap before them is read here."""
        end = start + len(data)
        if end <= self.at or start > self.at + GAP:
            return
        if start > self.at:
            file.seek(self.at)
            self._read(file, start)
        if start <= self.at:
            self._update(data[self.at - start :])

    def finish(self, path: Path) -> str:
        """The hash of the whole file, the rest of which is read now."""
        with path.open("rb", buffering=0) as file:
            file.seek(self.at)
            self._read(file, path.stat().st_size)
        return self.digest.hexdigest()

    def _read(self, file: BinaryIO, end: int) -> None:
        while self.at < end and (chunk := file.read(min(CHUNK, end - self.at))):
            self._update(memoryview(chunk))

    def _update(self, data: memoryview) -> None:
        self.digest.update(data)
        self.at += len(data)


_begun: dict[str, Hashing] = {}


def begun(path: Path) -> Hashing | None:
    """The hash that follows the loading of a file; None where it is known."""
    name, key = str(path), _key(path)
    found = _begun.get(name)
    if found is None or found.key != key:
        if not _stale(_remembered(), name, key):
            return None
        found = _begun[name] = Hashing(key)
    return found


def fingerprint(paths: tuple[Path, ...]) -> str:
    """The hash of one file, as other tools show it; of several files, the hash of their hashes."""
    known = _remembered()
    found = {str(path): _key(path) for path in paths}
    stale = {name: key for name, key in found.items() if _stale(known, name, key)}
    fresh = {name: {"key": key, "sha256": _sha256(Path(name), key)} for name, key in stale.items()}
    if fresh:
        _remember(known | fresh)
    hashes = [str((known | fresh)[str(path)]["sha256"]) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def cache_file() -> Path:
    """Where the hashes are kept."""
    return cache_home() / "softextend" / "hashes.json"


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _stale(known: dict[str, dict[str, str]], name: str, key: str) -> bool:
    return known.get(name, {}).get("key") != key


def _sha256(path: Path, key: str) -> str:
    hashing = _begun.pop(str(path), None)
    return (hashing if hashing and hashing.key == key else Hashing(key)).finish(path)


def _remembered() -> dict[str, dict[str, str]]:
    try:
        found = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # no cache yet, or a damaged one: hashes are made again
    return found if isinstance(found, dict) and all(isinstance(value, dict) for value in found.values()) else {}


def _remember(known: dict[str, dict[str, str]]) -> None:
    """Written under another name first, so that two runs never leave half a file; a read-only home is no error."""
    target = cache_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as file:
            json.dump(known, file, indent=1)
        Path(file.name).replace(target)
    except OSError:
        return
