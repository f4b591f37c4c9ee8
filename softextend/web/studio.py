"""One server's work: its sessions, photos, previews, and the line of what is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from softextend.web.faults import Failed, silent
from softextend.web.looks import Looks
from softextend.web.orders import Orders
from softextend.web.photos import Photos
from softextend.web.runs import Runner
from softextend.web.sessions import Node, Session, Sessions


@dataclass
class Studio:
    """What the page and programs ask; `folder`: photos to pick from, `max_upload`: bytes of one.

    `failed` hears of the program's own faults.
    """

    sessions: Sessions
    runner: Runner = field(default_factory=Runner)
    folder: Path | None = None
    max_upload: int = 64 * 2**20
    failed: Failed = silent

    def __post_init__(self) -> None:
        self.runner.failed = self.failed
        self.photos = Photos(self.folder, self.max_upload)
        self.looks = Looks(self.photos)
        self.orders = Orders(self.photos, self.runner)

    def add_photo(self, session: Session, name: str, data: bytes) -> Node:
        """A new photo, once there is room for it; raises as `Photos.add`."""
        self.sessions.sweep(self.runner.busy() | {session})
        return self.photos.add(session, name, data)

    def close(self) -> None:
        """Stop what runs."""
        self.runner.close()
