"""JPEGs that end too early: is only the end marker missing, or a part of the picture, and how much of it?

Decoders take either in silence. Here the picture is decoded twice, as it is and with random bytes put behind its last
scan: what those bytes change has no data of its own, and nothing of a whole picture changes, as its decoder stops
after the last block.
"""

from __future__ import annotations

import random
import re
import struct
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt

    from softextend.types import Known

SOI, EOI, SOS, DRI = 0xD8, 0xD9, 0xDA, 0xDD  # markers; ITU-T T.81, table B.1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE, ARITHMETIC = (0xC2, 0xCA), (0xC9, 0xCA)
DECODED = (0xC0, 0xC1, 0xC2, *ARITHMETIC)  # the frames that Pillow's decoder reads
BETWEEN_SCANS = frozenset({0xC4, 0xCC, SOS, 0xDB, 0xDC, DRI, 0xFE, *range(0xE0, 0xF0)})  # tables, comments, data
MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)  # what ends the data of a scan
RESTART = re.compile(rb"\xff[\xd0-\xd7]")
FILLER = bytes(random.Random(0).choices(range(255), k=768))  # no FF, so no marker
ZEROS = bytes(6)  # as many zeros at its end may an arithmetic coder have left out: T.81, D.1.8
BLOCK = 8  # px, a side of a block
CLOSELY = 4_000_000  # px up to which every pixel is compared; above, the blocks' means, at a quarter of the time


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """One scan's header: which components, which coefficients, to which bit; T.81, B.2.3."""

    components: tuple[int, ...]
    first: int
    last: int
    low_bit: int
    data: slice  # of the file


@dataclass(kw_only=True, slots=True)
class Layout:
    """What the markers of a JPEG say, up to the end of its first picture."""

    kind: int = 0  # the frame's marker
    precision: int = 8
    size: tuple[int, int] = (0, 0)  # width, height
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)  # by component
    interval: int = 0  # of restart markers, in MCUs
    scans: list[Scan] = field(default_factory=list)
    ended: bool = False  # by an end marker

    @property
    def end(self) -> int:
        """Where the data of the last scan end."""
        stop: int = self.scans[-1].data.stop
        return stop

    @property
    def mcu(self) -> tuple[int, int]:
        """Width and height in px of what one step decodes."""
        across, down = zip(*self.sampling.values(), strict=True)
        single = len(self.sampling) == 1
        return (BLOCK, BLOCK) if single else (BLOCK * max(across), BLOCK * max(down))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ending:
    """How a JPEG ends that does not end well; `known`: where there is a picture (None: everywhere, if coarsely)."""

    said: str
    missing: float  # share of the picture, [0, 1]
    known: Known | None = None


def ended(data: bytes) -> tuple[bytes, Ending | None]:
    """A JPEG with an end marker where it lacked one, and what is wrong with its ending; others stay as they are."""
    layout = layout_of(data)
    if layout is None or not layout.scans:
        return data, None
    whole = data
    if not layout.ended:
        stop = len(data[: layout.end].rstrip(b"\xff"))
        whole = data[:stop] + bytes((0xFF, EOI)) + data[stop:].lstrip(b"\xff")
    missing = _missing(data, layout)
    if missing is not None:
        return whole, missing
    if layout.ended:
        return data, None
    return whole, Ending(said="the JPEG's end marker is missing; the picture is complete", missing=0)


def layout_of(data: bytes) -> Layout | None:
    """The markers of a JPEG; None where they make no sense before the first scan."""
    if not data.startswith(b"\xff\xd8"):
        return None
    layout, at = Layout(), 2
    while (found := _segment(data, at)) is not None:
        marker, start, stop = found
        if layout.scans and not _may_follow(data, marker, start, stop, layout):
            break
        if marker == EOI:
            layout.ended = True
            break
        if marker in FRAMES and not _frame(data[start:stop], marker, layout):
            return None
        if marker == DRI and stop - start >= 2:
            layout.interval = int.from_bytes(data[start : start + 2], "big")
        if marker == SOS:
            stop = _scan(data, start, stop, layout)
        at = stop
    return layout if layout.sampling else None


def _segment(data: bytes, at: int) -> tuple[int, int, int] | None:
    """The next marker, and where its content begins and ends."""
    found = MARKER.search(data, at)
    if found is None:
        return None
    marker, start = data[found.end() - 1], found.end()
    if marker in (EOI, SOI, 0x01):
        return marker, start, start
    if start + 2 > len(data):
        return None
    length = int.from_bytes(data[start : start + 2], "big")
    return (marker, start + 2, start + length) if length >= 2 and start + length <= len(data) else None


def _may_follow(data: bytes, marker: int, start: int, stop: int, layout: Layout) -> bool:
    """Whether a marker behind a scan belongs to the picture, and not to what another program put behind it."""
    if marker == EOI:
        return True
    if marker not in BETWEEN_SCANS or len(layout.scans) >= 1000:
        return False
    covered = {each for scan in layout.scans for each in scan.components}
    if layout.kind not in PROGRESSIVE and covered == set(layout.sampling):
        return False  # all has been said
    return marker != SOS or _is_sound_scan(data[start:stop], layout)


def _is_sound_scan(header: bytes, layout: Layout) -> bool:
    """Whether a scan header can be one: its length, components, coefficients and bits; T.81, B.2.3 and table B.3."""
    count = header[0] if header else 0
    if not count or len(header) != 4 + 2 * count or not set(header[1 : 1 + 2 * count : 2]) <= set(layout.sampling):
        return False
    if layout.kind not in PROGRESSIVE:
        return True
    first, last, bits = header[-3:]
    high, low = bits >> 4, bits & 15
    return first <= last <= 63 and low <= 13 and high in (0, low + 1) and (last == 0 if first == 0 else count == 1)


def _frame(content: bytes, marker: int, layout: Layout) -> bool:
    """Take in a frame header; False for one that makes no sense."""
    if layout.sampling or len(content) < 6 or len(content) < 6 + 3 * content[5]:
        return bool(layout.sampling)
    layout.kind, layout.precision = marker, content[0]
    height, width = struct.unpack(">HH", content[1:5])
    layout.size = (width, height)
    for index in range(content[5]):
        name, factors = content[6 + 3 * index], content[7 + 3 * index]
        layout.sampling[name] = (factors >> 4 or 1, factors & 15 or 1)
    return bool(width and height and layout.sampling)


def _scan(data: bytes, start: int, stop: int, layout: Layout) -> int:
    """Take in a scan; where its data end."""
    count = data[start]
    first, last, bits = data[start + 1 + 2 * count : start + 4 + 2 * count].ljust(3, b"\0")
    found = MARKER.search(data, stop)
    end = found.start() if found else len(data)
    names = tuple(data[start + 1 : start + 1 + 2 * count : 2])
    layout.scans.append(Scan(components=names, first=first, last=last, low_bit=bits & 15, data=slice(stop, end)))
    return end


def _missing(data: bytes, layout: Layout) -> Ending | None:
    """What of the picture has no data; None for a whole one."""
    if layout.kind not in DECODED or layout.precision != 8 or not layout.sampling:
        return None
    if set(layout.sampling) - {each for scan in layout.scans for each in scan.components}:
        return Ending(said="the JPEG ends before its last colour", missing=1)
    coarse = layout.kind in PROGRESSIVE and bool(_unsent(layout))
    only_outline = all(scan.first == 0 for scan in layout.scans)
    if coarse and not only_outline:
        return Ending(said="the JPEG ends early: the fine detail of the whole picture is missing", missing=1)
    changed = _changed(data, layout)
    if changed is not None and layout.kind in ARITHMETIC and changed.any():
        behind = _changed(data, layout, ZEROS)  # what lies before these was needed only if it still changes something
        changed = changed if behind is not None and behind.any() else None
    if changed is None or not changed.any():
        said = "the JPEG ends early: all detail of the picture is missing"
        return Ending(said=said, missing=1) if coarse else None
    known, missing = _before(changed, layout)
    if layout.kind in PROGRESSIVE and not only_outline:
        return Ending(said=f"the JPEG ends early: the fine detail of {_percent(missing)} is missing", missing=missing)
    return Ending(said=f"the JPEG ends early: {_percent(missing)} is missing", missing=missing, known=known)


def _percent(share: float) -> str:
    percent = f"{share:.0%}" if share >= 0.01 else f"{max(share, 1e-4):.2%}"
    return f"{percent[:-1]} % of the picture"


def _unsent(layout: Layout) -> set[tuple[int, int]]:
    """Coefficients (component, place) that no scan of a progressive JPEG has given to their last bit."""
    unsent = {(name, place) for name in layout.sampling for place in range(64)}
    for scan in layout.scans:
        if scan.low_bit == 0:
            unsent -= {(name, place) for name in scan.components for place in range(scan.first, scan.last + 1)}
    return unsent


def _changed(data: bytes, layout: Layout, lead: bytes = b"") -> npt.NDArray[np.bool_] | None:
    """Where more data, after `lead`, change the picture: (H, W), of pixels or, in a big one, of blocks."""
    body = data[: layout.end].rstrip(b"\xff")
    filler = lead + FILLER
    if layout.interval:
        next_one = len(RESTART.findall(body, layout.scans[-1].data.start))
        filler += b"".join(bytes((0xFF, 0xD0 + (next_one + index) % 8)) + FILLER for index in range(8))
    means_do = layout.kind not in PROGRESSIVE or layout.scans[-1].first == 0
    return _differing(body, filler, small=means_do and layout.size[0] * layout.size[1] > CLOSELY)


def _differing(body: bytes, filler: bytes, *, small: bool) -> npt.NDArray[np.bool_] | None:
    """Where two decoded pictures differ, (H, W); None where they cannot be decoded."""
    before, after = (_decoded(body + each + bytes((0xFF, EOI)), small) for each in (b"", filler))
    if before is None or after is None or before.shape != after.shape:
        return None
    differs = before != after
    return np.asarray(differs if differs.ndim == 2 else differs.any(axis=2))


def _decoded(data: bytes, small: bool) -> npt.NDArray[np.uint8] | None:
    """The picture, or its blocks' means where that is enough; None where it cannot be decoded."""
    try:
        image = Image.open(BytesIO(data), formats=("JPEG",))
        if small:
            image.draft(None, (max(1, image.width // BLOCK), max(1, image.height // BLOCK)))
        return np.asarray(image)
    except Exception:
        return None  # whoever reads it in full says why


def _before(changed: npt.NDArray[np.bool_], layout: Layout) -> tuple[Known, float]:
    """Which pixels come before the first that changed, in the order in which they are decoded; and the others' share.

    One step more is not known: of the last one that was begun, some bits were there.
    """
    (width, height), (across, down) = layout.size, layout.mcu
    scale = -(-width // changed.shape[1]) if changed.shape[1] < width else 1
    columns, rows = -(-width // across), -(-height // down)
    row = _place(np.asarray(changed.any(axis=1)), scale) // down
    band = changed[row * down // scale : max((row + 1) * down // scale, row * down // scale + 1)]
    column = _place(np.asarray(band.any(axis=0)), scale) // across
    sound = row * columns + column
    order = np.arange(rows * columns).reshape(rows, columns) < sound - 1
    known: Known = order.repeat(down, axis=0).repeat(across, axis=1)[:height, :width]
    return known, 1 - sound / (rows * columns)


def _place(changed: npt.NDArray[np.bool_], scale: int) -> int:
    """The first px that changed, less what colour of half the resolution smears across the border of a block: one."""
    first = int(np.argmax(changed))
    return first * scale if scale > 1 else min(first + 1, len(changed) - 1)
