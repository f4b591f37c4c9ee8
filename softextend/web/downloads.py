"""Results to take home: files in other formats, archives, the command lines that make them."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from softextend.errors import BadRequest
from softextend.result import convert
from softextend.web.sessions import Node, Session

FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


def file(session: Session, node: Node, format: str) -> Path:
    """A picture as a file to download: a photo as it came, a result in the format asked for, recipe and all."""
    path = session.path(node)
    if node.kind == "photo":
        return path
    if format not in FORMATS:
        raise BadRequest(f"format {format[:20]}: must be one of {', '.join(FORMATS)}")
    if format == "png":
        return path
    target = path.parent / "formats" / path.with_suffix(FORMATS[format]).name
    if not target.exists():
        convert(path, target)
    return target


def archive(session: Session, keys: list[Any]) -> Path:
    """The results in one zip, a temporary file that whoever sends it removes."""
    nodes = [session.node(key) for key in keys]
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as made:
        try:
            with zipfile.ZipFile(made, "w") as packed:
                for node in nodes:
                    packed.write(session.path(node), node.file)
        except BaseException:
            remove(Path(made.name))
            raise
    return Path(made.name)


def commands(session: Session, node: Node) -> list[str]:
    """The command lines that make it, from the photo on."""
    lines: list[str] = []
    current: Node | None = node
    while current is not None and current.command:
        lines.insert(0, current.command)
        current = session.nodes.get(current.parent or "")
    return lines


def needed(session: Session, node: Node) -> list[dict[str, str]]:
    """The files that those command lines read: name and address of each."""
    found: dict[str, str] = {}
    current: Node | None = node
    while current is not None:
        if current.mask:
            found[current.mask] = f"/api/pictures/{current.id}/file?of=mask"
        shown = [session.nodes[key] for key in current.pictures if key in session.nodes]
        for each in (*shown, *([current] if current.kind == "photo" else [])):
            found[each.file] = f"/api/pictures/{each.id}/file?format=png"
        current = session.nodes.get(current.parent or "")
    return [{"file": name, "href": href} for name, href in sorted(found.items())]


def remove(path: Path) -> None:
    """A file or a folder away, if it is there."""
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
