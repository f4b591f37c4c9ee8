"""Sessions: whoever comes with the same cookie finds the same pictures; each in a folder that no other can reach."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from softextend.errors import BadPicture, BadRequest, OutputError
from softextend.pictures.files import write_file

GIB = 2**30
SESSION_BYTES = 2 * GIB  # of one session's pictures
ALL_BYTES = 10 * GIB  # of all sessions; the oldest go first
RESTARTED = "the server was restarted in the middle of this run: start it again, nothing else is lost"
KEPT_SECONDS = 7 * 24 * 3600  # after the last use
MOST_PICTURES = 400  # in one session
TOKEN = re.compile(r"[A-Za-z0-9_-]{32,64}")
SAFE = re.compile(r"[^\w. ()+-]+")
MADE = re.compile(r"(-(extended|painted)(-\d+)?)+$")
LONGEST_STEM = 60  # characters of a file's name
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".gif", ".heic", ".jxl")


@dataclass(kw_only=True)
class Node:
    """One picture of the session's tree; `file` lies in the session's folder, `parent` is what it was made of."""

    id: str
    kind: str  # photo, extended, painted
    file: str
    width: int
    height: int
    parent: str | None = None
    run: str | None = None
    place: dict[str, int] = field(default_factory=dict)  # of the parent in it: left, top, width, height, px
    settings: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    mask: str = ""  # the file it was painted with
    pictures: list[str] = field(default_factory=list)  # ids of those that it was shown: image prompt, control image
    scores: dict[str, float] = field(default_factory=dict)
    verdict: str = ""
    notes: list[str] = field(default_factory=list)
    seed: int | None = None
    seconds: float = 0.0
    made: float = 0.0  # when, seconds since 1970
    band: int = 0


class Session:
    """One person's pictures; all that changes it holds its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.nodes: dict[str, Node] = {}
        self.runs: dict[str, dict[str, Any]] = {}  # what is told of each run, kept over a restart
        self.used = time.time()
        self._load()

    def _load(self) -> None:
        """What an earlier server kept; a run that it did not end is told as stopped."""
        try:
            kept = json.loads((self.folder / "session.json").read_text(encoding="utf-8"))
            names = {each.name for each in fields(Node)}
            nodes = [Node(**{key: value for key, value in each.items() if key in names}) for each in kept["nodes"]]
            self.runs = dict(kept["runs"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        self.nodes = {each.id: each for each in nodes if (self.folder / each.file).is_file()}
        for run in self.runs.values():
            if run["state"] in ("waiting", "running"):
                run["state"] = "failed"
                run["error"] = RESTARTED

    def save(self) -> None:
        """The tree on disk, whole or not at all."""
        with self.lock:
            kept = {"nodes": [asdict(each) for each in self.nodes.values()], "runs": self.runs}
            write_file(self.folder / "session.json", json.dumps(kept).encode(), overwrite=True)

    def free_name(self, stem: str, suffix: str) -> Path:
        """A new path in the folder: STEM, STEM-2, ...; the name is taken at once."""
        with self.lock:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for number in range(1, 10_000):
                path = self.folder / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
                if not path.exists():
                    path.touch()
                    return path
        raise OutputError(f"{stem}: there are 9999 pictures of this name; clear the session")

    def add(self, node: Node) -> Node:
        """A new picture of the tree."""
        with self.lock:
            node.made = time.time()
            self.nodes[node.id] = node
            self.save()
        return node

    def node(self, key: Any) -> Node:
        """One of this session's pictures; BadRequest for another's, or none."""
        found = self.nodes.get(key) if isinstance(key, str) else None
        if found is None:
            raise BadRequest("this picture is not in this session (any more): open a photo")
        return found

    def path(self, node: Node) -> Path:
        """Where a picture lies."""
        return self.folder / node.file

    def told(self, line: str) -> str:
        """A line of a note or an error, without the server's own folders."""
        return line.replace(f"{self.folder.resolve()}{os.sep}", "").replace(f"{self.folder}{os.sep}", "")

    def check_room(self, more: int = 0) -> None:
        """BadRequest where the session is full."""
        if len(self.nodes) >= MOST_PICTURES or folder_size(self.folder) + more > SESSION_BYTES:
            raise BadRequest(
                f"this session holds {len(self.nodes)} pictures, {folder_size(self.folder) / GIB:.1f} GiB: "
                f"at most {MOST_PICTURES} and {SESSION_BYTES // GIB} GiB are kept; download what you need and clear it"
            )

    def clear(self) -> None:
        """Everything of this session away."""
        with self.lock:
            self.nodes, self.runs = {}, {}
            shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All sessions below one folder, by the hash of their token: who can list the folder cannot take one over."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lock = threading.Lock()
        self.open: dict[str, Session] = {}
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.sweep()

    def of(self, token: str) -> Session:
        """The session of a token, new where there is none."""
        name = hashlib.sha256(token.encode()).hexdigest()[:32]
        with self.lock:
            if name not in self.open:
                self.open[name] = Session(self.home / name)
            session = self.open[name]
        session.used = time.time()
        return session

    def sweep(self, busy: frozenset[Session] = frozenset()) -> None:
        """Sessions away that nobody used for long, and the oldest where all together are too large."""
        with self.lock:
            held = {each.folder.name: each for each in self.open.values()}
            folders = [
                each for each in self.home.iterdir() if each.is_dir() and re.fullmatch("[0-9a-f]{32}", each.name)
            ]
            when = {each: held[each.name].used if each.name in held else changed(each) for each in folders}
            room = ALL_BYTES
            for folder in sorted(folders, key=when.__getitem__, reverse=True):
                room -= folder_size(folder)
                if held.get(folder.name) in busy:
                    continue
                if room < 0 or time.time() - when[folder] > KEPT_SECONDS:
                    self.open.pop(folder.name, None)
                    shutil.rmtree(folder, ignore_errors=True)


def new_token() -> str:
    """A cookie that cannot be guessed: 256 random bits."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """A name for a picture or a run: 96 random bits."""
    return secrets.token_hex(12)


def safe_name(given: str) -> tuple[str, str]:
    """(stem, suffix) of a file's name, fit for any disk and any shell; BadPicture for a suffix of no picture."""
    name = given.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, f".{suffix.lower()}") if dot else (name, ".png")
    if suffix not in SUFFIXES:
        raise BadPicture(f"{SAFE.sub('_', name)[:80]}: is no picture's name; give {', '.join(SUFFIXES)}")
    return SAFE.sub("_", stem).strip(" .-_")[:LONGEST_STEM] or "photo", suffix


def root_of(stem: str) -> str:
    """The stem of the photo that a result was made of, so that names do not grow with each step: a-extended-2 -> a."""
    return MADE.sub("", stem) or stem


def changed(path: Path) -> float:
    """When it was, seconds since 1970; 0 where it is not there any more."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def folder_size(folder: Path) -> int:
    """Bytes of all files in it; of what goes while it is counted, nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_size
    return total
