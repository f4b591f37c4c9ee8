"""Pictures that need something else to be read: recognised by content, named, with the way to read or convert them."""

from __future__ import annotations

import importlib
import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of file: what it is called, the endings of its names, what reads it here, or the way to convert it."""

    name: str
    suffixes: tuple[str, ...]
    remedy: str
    module: str | None = None  # an optional library for Pillow
    formats: tuple[str, ...] = ()  # the names under which that library registers itself


HEIF = Kind(
    name="HEIC",
    suffixes=(".heic", ".heif", ".hif"),
    remedy="pip install 'softextend[heif]' reads it; or export it as JPEG",
    module="pillow_heif",
    formats=("HEIF",),
)
JXL = Kind(
    name="JPEG XL",
    suffixes=(".jxl",),
    remedy="pip install 'softextend[jxl]' reads it; or convert it: djxl photo.jxl photo.png",
    module="pillow_jxl",
    formats=("JXL",),
)
RAW = Kind(
    name="camera raw",
    suffixes=(
        *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".raw"),
        *(".rwl", ".pef", ".srw", ".x3f", ".3fr", ".fff", ".iiq", ".mrw", ".mef", ".mos", ".erf", ".kdc", ".dcr"),
        ".gpr",
    ),
    remedy="develop it to TIFF, PNG or JPEG first (darktable, RawTherapee, the camera maker's program)",
)
JPEG2000 = Kind(
    name="JPEG 2000",
    suffixes=(".jp2", ".j2k", ".jpf", ".jpx", ".j2c"),
    remedy="convert it to PNG or TIFF: opj_decompress -i photo.jp2 -o photo.png",
)
PHOTOSHOP = Kind(name="Photoshop", suffixes=(".psd", ".psb"), remedy="export it as PNG or TIFF")
KINDS = (HEIF, JXL, RAW, JPEG2000, PHOTOSHOP)
OTHERS = {suffix: kind for kind in KINDS for suffix in kind.suffixes}

NATIVE = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF")  # what a wrongly named file may really be

# Major and compatible brands of ISO base media files (ISO/IEC 23008-12, B.4; ISO/IEC 21496 lists no further ones).
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}
AVIF_BRANDS = {b"avif", b"avis"}
RAW_MAGIC = (
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (0, b"IIU\0", "Panasonic RW2"),
    (0, b"FOVb", "Sigma X3F"),
    (0, b"\0MRM", "Minolta MRW"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (8, b"CR\x02\0", "Canon CR2"),
    (4, b"ftypcrx ", "Canon CR3"),
)
RAW_MAKERS = {"NIKON": "Nikon NEF", "SONY": "Sony ARW", "PENTAX": "Pentax PEF", "SAMSUNG": "Samsung SRW"}
DNG_VERSION, MAKE, PHOTOMETRIC, SUB_IFDS, SUBFILE = 50706, 271, 262, 330, 254
COLOUR_FILTER_ARRAY, LINEAR_RAW = 32803, 34892  # photometric interpretations of raw samples; DNG 1.7, chapter 4


def is_installed(kind: Kind) -> bool:
    """Whether the library that reads this kind is there."""
    return kind.module is not None and importlib.util.find_spec(kind.module) is not None


def readable_suffixes() -> frozenset[str]:
    """Endings that the installed libraries add to what can be read."""
    return frozenset(suffix for kind in KINDS if is_installed(kind) for suffix in kind.suffixes)


def plugins_for(data: bytes) -> tuple[str, ...]:
    """Pillow's names of the formats that an installed library adds and that these bytes may have."""
    kind = kind_of(data)
    if kind is None or kind.module is None or not is_installed(kind):
        return ()
    module = importlib.import_module(kind.module)
    if kind is HEIF and "HEIF" not in Image.OPEN:
        module.register_heif_opener(thumbnails=False)
    return kind.formats


def kind_of(data: bytes) -> Kind | None:
    """The kind of file, by its content; None for what Pillow reads by itself and for what is unknown."""
    brands = _brands(data)
    if brands & HEIF_BRANDS and not brands & AVIF_BRANDS:
        return HEIF
    if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return JXL
    if data.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return JPEG2000
    if data.startswith(b"8BPS"):
        return PHOTOSHOP
    return RAW if raw_name(data) else None


def what_it_is(data: bytes) -> tuple[str, str] | None:
    """What a file is, as an error says it, and the remedy; None for what is unknown."""
    kind = kind_of(data)
    if kind is None:
        return None
    said = {
        HEIF: "is a HEIC picture",
        RAW: f"is a camera raw file ({raw_name(data)})",
        PHOTOSHOP: "is a Photoshop file",
    }.get(kind, f"is a {kind.name} picture")
    return said, "it is damaged or of an unusual kind: export it as PNG" if is_installed(kind) else kind.remedy


def is_left_out(path: Path) -> Kind | None:
    """The kind of a file that nothing here reads, by its name and its first bytes; None where it may be read."""
    kind = OTHERS.get(path.suffix.lower())
    if kind is None or is_installed(kind):
        return None
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None  # reading it will say why
    return None if head.startswith(NATIVE) else kind


def raw_name(data: bytes) -> str | None:
    """Which camera raw format this is; None where it is none."""
    for offset, magic, name in RAW_MAGIC:
        if data[offset : offset + len(magic)] == magic:
            return name
    try:
        return _raw_tiff(data)
    except (struct.error, IndexError):
        return None


def _brands(data: bytes) -> set[bytes]:
    """The brands of an ISO base media file: its first box is `ftyp`; ISO/IEC 14496-12, 4.3."""
    if data[4:8] != b"ftyp":
        return set()
    size = min(struct.unpack(">L", data[:4])[0], len(data), 512)
    return {data[at : at + 4] for at in (8, *range(16, size - 3, 4))}


def _raw_tiff(data: bytes) -> str | None:
    """Camera raw in TIFF's clothes: DNG's own tag, or samples behind a colour filter array in any directory."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return None
    (first,) = struct.unpack_from(order + "L", data, 4)
    tags = _directory(data, order, first)
    if DNG_VERSION in tags:
        return "DNG"
    subs = [_directory(data, order, at) for at in _numbers(data, order, tags.get(SUB_IFDS))[:8]]
    raw = {COLOUR_FILTER_ARRAY, LINEAR_RAW}
    if any(raw & set(_numbers(data, order, each.get(PHOTOMETRIC))) for each in (tags, *subs)):
        _, count, value = tags.get(MAKE, (2, 0, b""))
        at = struct.unpack(order + "L", value)[0] if count > 4 else 0
        make = data[at : at + count].split(b"\0")[0].decode("ascii", "replace").upper() if count > 4 else ""
        return next((name for maker, name in RAW_MAKERS.items() if maker in make), make.title() or "unknown camera")
    return None


def _directory(data: bytes, order: str, at: int) -> dict[int, tuple[int, int, bytes]]:
    """A TIFF directory: tag -> (type, count, the four bytes of the value or its place)."""
    (count,) = struct.unpack_from(order + "H", data, at)
    found = {}
    for index in range(min(count, 512)):
        tag, kind, number = struct.unpack_from(order + "HHL", data, at + 2 + 12 * index)
        found[tag] = (kind, number, data[at + 10 + 12 * index : at + 14 + 12 * index])
    return found


def _numbers(data: bytes, order: str, entry: tuple[int, int, bytes] | None) -> list[int]:
    """The whole numbers of a tag, of 16 or 32 bits."""
    if entry is None or entry[0] not in (3, 4, 13):
        return []
    kind, count, value = entry
    letter, size = ("H", 2) if kind == 3 else ("L", 4)
    if count * size > 4:
        (at,) = struct.unpack(order + "L", value)
        value = data[at : at + count * size]
    return list(struct.unpack_from(f"{order}{min(count, 64)}{letter}", value))
