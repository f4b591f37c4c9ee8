"""Whether there is room for a result, asked before the work."""

from __future__ import annotations

import shutil
from pathlib import Path

from softextend.errors import DiskFull
from softextend.jobs.job import Job
from softextend.pictures.files import is_stream, standing

LEAST = 1 / 64  # bytes a pixel, below which hardly any picture of a camera is written in any format
SMALLEST = 4096  # bytes that any file takes


def check_room(job: Job, size: tuple[int, int]) -> None:
    """DiskFull where the disk has less free than even a small file of `size` (width, height) px would take."""
    needed = max(SMALLEST, int(size[0] * size[1] * LEAST))
    for folder in {
        target.path.parent for target in job.targets if isinstance(target.path, Path) and not is_stream(target.path)
    }:
        free = _free(folder)
        if free is not None and free < needed:
            raise DiskFull(
                f"{folder}: the disk is full: {free / 1e6:.1f} MB are free, the result of {job.name} needs at least "
                f"{needed / 1e6:.1f} MB; free some space or name another folder with --out-dir"
            )


def _free(folder: Path) -> int | None:
    """Bytes that this user may still write there; None where the system does not say, or says nonsense."""
    try:
        usage = shutil.disk_usage(standing(folder))
    except (AttributeError, OSError, ValueError):
        return None
    return usage.free if usage.total > 0 else None  # some network and overlay disks report nothing
