"""How much memory is free, asked before a picture is decoded: a small file can be a very large picture."""

from __future__ import annotations

import os
import re
from pathlib import Path

from softextend.errors import BadPicture, OutOfMemory

PER_PIXEL = 24  # bytes: samples, what is known, the canvas and copies of them at work; a 484-megapixel run took 27
SMALL = 50_000_000  # px that are always tried
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))  # of a container
USED = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))
SAID = re.compile(  # by what decoders, torch, OpenCV and C++ run out of it
    r"(?i)(out of|allocate|not enough|insufficient) memory|bad_alloc|start new thread|failed to allocate"
)


def ran_out(error: BaseException) -> bool:
    """Whether an error means that there was no more memory."""
    if isinstance(error, SystemError) and _within_limit() is not None:  # C code that failed and does not say why
        return True
    return isinstance(error, MemoryError) or SAID.search(str(error)) is not None


def check_room(what: str, need: int) -> None:
    """OutOfMemory where `ulimit -v` leaves less than `need` bytes: below it libraries hang or crash as they load."""
    left = _within_limit()
    if left is not None and left < need:
        raise OutOfMemory(
            f"out of memory: {what} takes {need / 1e6:.0f} MB as it is loaded, and ulimit -v leaves {left / 1e6:.0f}; "
            "allow it more, such as ulimit -v unlimited"
        )


def check_memory(name: str, width: int, height: int, *, allow_huge: bool) -> None:
    """BadPicture where a picture of this size asks for more memory than is free."""
    pixels = width * height
    if allow_huge or pixels <= SMALL:
        return
    free = available()
    if free is not None and pixels * PER_PIXEL > free:
        raise BadPicture(
            f"{name}: {width} x {height} px, {pixels / 1e6:.0f} megapixels, need about {pixels * PER_PIXEL / 1e9:.1f} "
            f"GB of memory; {free / 1e9:.1f} GB are free; make it smaller, or try it with --allow-huge"
        )


def available() -> int | None:
    """Bytes that this process may still take; None where the system does not say."""
    found = [each for each in (_free(), _within_limit(), _within_container()) if each is not None]
    return min(found) if found else None


def _free() -> int | None:
    try:
        said = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    except OSError:
        said = None
    if said:
        return int(said[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _within_limit() -> int | None:
    """What `ulimit -v` leaves."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return None
    return None if limit == resource.RLIM_INFINITY else max(0, limit - used)


def _within_container() -> int | None:
    for limit, used in zip(LIMITS, USED, strict=True):
        try:
            return max(0, int(limit.read_text(encoding="ascii")) - int(used.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return None
