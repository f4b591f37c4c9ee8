"""Photos: in from outside or from FOLDER, opened for previews, and shown."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import softextend
from softextend.errors import BadRequest
from softextend.pictures.read import read_picture
from softextend.web.limits import check_pixels
from softextend.web.pictures import small_jpeg
from softextend.web.sessions import SUFFIXES, Node, Session, new_id, safe_name

SKETCHES = 4  # photos kept open for previews
LISTED = 500  # photos of FOLDER that are shown
AT_ONCE = 2  # photos decoded at the same time
THUMB = 240  # px, of a photo of FOLDER


class Photos:
    """What can be extended; `folder`: photos to pick from, `max_upload`: bytes of one."""

    def __init__(self, folder: Path | None, max_upload: int) -> None:
        self.folder, self.max_upload = folder, max_upload
        self.decoding = threading.Semaphore(AT_ONCE)
        self.sketches: OrderedDict[Path, softextend.Sketch] = OrderedDict()
        self.lock = threading.Lock()

    def add(self, session: Session, name: str, data: bytes) -> Node:
        """A new photo of the session, its bytes untouched; BadPicture for what is none, BadRequest where it is full."""
        session.check_room(len(data))
        stem, suffix = safe_name(name)
        check_pixels(data, name=f"{stem}{suffix}")
        path = session.free_name(stem, suffix)
        path.write_bytes(data)
        try:
            sketch = self._opened(path)
        except BaseException:
            path.unlink()
            raise
        height, width = sketch.picture.pixels.shape[:2]
        notes = [session.told(line) for line in sketch.picture.notes]
        return session.add(Node(id=new_id(), kind="photo", file=path.name, width=width, height=height, notes=notes))

    def listing(self) -> list[str]:
        """Names of the photos in FOLDER."""
        if self.folder is None:
            return []
        found = (each.name for each in self.folder.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
        return sorted(name for name in found if not name.startswith("."))[:LISTED]

    def listed(self, name: Any) -> Path:
        """One of them; BadRequest for any other path."""
        if self.folder is None or name not in self.listing():
            raise BadRequest("this picture is not in the folder (any more): reload the page")
        path = self.folder / str(name)
        if path.stat().st_size > self.max_upload:
            raise BadRequest(f"{name}: is larger than {self.max_upload // 2**20} MiB; start with a larger --max-upload")
        return path

    def thumb(self, path: Path) -> bytes:
        """One of them as a small JPEG."""
        data = path.read_bytes()
        check_pixels(data, name=path.name)
        with self.decoding:
            return small_jpeg(read_picture(data, name=path.name).pixels, THUMB)

    def sketch(self, session: Session, node: Node) -> softextend.Sketch:
        """A picture opened for previews."""
        path = session.path(node)
        with self.lock:
            found = self.sketches.get(path)
        return found or self._opened(path)

    def _opened(self, path: Path) -> softextend.Sketch:
        with self.decoding:
            sketch = softextend.Sketch(path)
        with self.lock:
            self.sketches[path] = sketch
            self.sketches.move_to_end(path)
            while len(self.sketches) > SKETCHES:
                self.sketches.popitem(last=False)
        return sketch

    def border(self, session: Session, node: Node) -> dict[str, Any]:
        """What trimming would take off, px a side, and why; nothing where there is no border."""
        found = self.sketch(session, node).border
        sides = {name: getattr(found.sides, name) for name in ("top", "right", "bottom", "left")}
        return {"sides": sides, "what": list(found.what)}

    def view(self, session: Session, node: Node, size: int) -> bytes:
        """A picture as a JPEG of at most `size` px a side."""
        return small_jpeg(self.sketch(session, node).picture.pixels, max(16, min(size, 4096)), quality=90)
