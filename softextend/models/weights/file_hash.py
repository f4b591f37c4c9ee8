"""SHA-256 of weight files, remembered by path, size and time of change: 7 GB are read once, not at each start."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

CHUNK = 1 << 22  # bytes


def fingerprint(paths: tuple[Path, ...]) -> str:
    """The hash of one file, as other tools show it; of several files, the hash of their hashes."""
    known = _remembered()
    found = {str(path): _key(path) for path in paths}
    fresh = {
        name: {"key": key, "sha256": _sha256(Path(name))} for name, key in found.items() if _stale(known, name, key)
    }
    if fresh:
        _remember(known | fresh)
    hashes = [str((known | fresh)[str(path)]["sha256"]) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def cache_file() -> Path:
    """Where the hashes are kept."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return home / "softextend" / "hashes.json"


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _stale(known: dict[str, dict[str, str]], name: str, key: str) -> bool:
    return known.get(name, {}).get("key") != key


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


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
