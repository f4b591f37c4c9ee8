"""Colour that a file states without an ICC profile: PNG's chunks, CICP code points, a TIFF's tags."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from softextend.pictures import profiles
from softextend.pictures.icc import srgb_profile
from softextend.pictures.png_chunks import COLOUR, Chunk
from softextend.pictures.profiles import D65, SRGB, Curve, Primaries

if TYPE_CHECKING:
    from softextend.pictures.exif import Tags

# ITU-T H.273 (07/2024), table 2.
PRIMARIES = {
    1: SRGB,
    4: Primaries(white=(0.310, 0.316), red=(0.67, 0.33), green=(0.21, 0.71), blue=(0.14, 0.08)),
    5: Primaries(white=D65, red=(0.64, 0.33), green=(0.29, 0.60), blue=(0.15, 0.06)),
    6: Primaries(white=D65, red=(0.630, 0.340), green=(0.310, 0.595), blue=(0.155, 0.070)),
    7: Primaries(white=D65, red=(0.630, 0.340), green=(0.310, 0.595), blue=(0.155, 0.070)),
    8: Primaries(white=(0.310, 0.316), red=(0.681, 0.319), green=(0.243, 0.692), blue=(0.145, 0.049)),
    9: Primaries(white=D65, red=(0.708, 0.292), green=(0.170, 0.797), blue=(0.131, 0.046)),
    11: Primaries(white=(0.314, 0.351), red=(0.680, 0.320), green=(0.265, 0.690), blue=(0.150, 0.060)),
    12: Primaries(white=D65, red=(0.680, 0.320), green=(0.265, 0.690), blue=(0.150, 0.060)),
    22: Primaries(white=D65, red=(0.630, 0.340), green=(0.295, 0.605), blue=(0.155, 0.077)),
}
# H.273, table 3; BT.709's camera curve is shown as displays do (BT.1886), as sRGB's are.
TRANSFERS: dict[int, Curve] = {
    1: profiles.bt709,
    4: profiles.gamma(2.2),
    5: profiles.gamma(2.8),
    6: profiles.bt709,
    7: profiles.smpte240,
    8: profiles.gamma(1.0),
    13: profiles.srgb,
    14: profiles.bt709,
    15: profiles.bt709,
    16: profiles.pq,
    17: lambda coded: np.minimum(coded**2.6 * 52.37 / 48, 1.0),
    18: profiles.hlg,
}
HDR = {16: "PQ", 18: "HLG"}
UNSPECIFIED = 2
WHITE_POINT, PRIMARY_CHROMATICITIES, TRANSFER_FUNCTION = 0x013E, 0x013F, 0x012D
COLOUR_SPACE, UNCALIBRATED, INTEROP_INDEX = 0xA001, 0xFFFF, 1
ADOBE_RGB = Primaries(white=D65, red=(0.64, 0.33), green=(0.21, 0.71), blue=(0.15, 0.06))  # Adobe RGB (1998), 4.3
AS_SRGB = 45_455  # 1 / 2.2 in gAMA's hundred-thousandths: what sRGB files carry for readers that know nothing else


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """What a file says of its colours: an equivalent profile (None: sRGB, or nothing said), the PNG chunks, notes."""

    icc: bytes | None = None
    chunks: tuple[Chunk, ...] = ()
    notes: tuple[str, ...] = ()


def of_png(chunks: Iterable[Chunk], *, grey: bool, has_icc: bool) -> Stated:
    """PNG's colour chunks; the first of cICP, iCCP, sRGB, gAMA with cHRM counts (PNG 3rd edition, 4.3)."""
    first: dict[bytes, Chunk] = {}
    for chunk in chunks:
        if chunk.name in COLOUR:
            first.setdefault(chunk.name, chunk)
    kept, held = tuple(first.values()), {name: chunk.data for name, chunk in first.items()}
    if b"cICP" in held:
        primaries, transfer, matrix, full = held[b"cICP"]
        stated = of_cicp(primaries, transfer, matrix=matrix, full=bool(full), grey=grey)
        return Stated(icc=stated.icc, chunks=kept, notes=stated.notes)
    if has_icc:
        return Stated(chunks=kept)
    if b"sRGB" in held:
        return Stated(chunks=kept, icc=plain_srgb(grey=grey))
    exponent = struct.unpack(">L", held[b"gAMA"])[0] if b"gAMA" in held else None
    points = _chromaticities(held.get(b"cHRM"))
    if not exponent and points is None:
        return Stated(chunks=kept)
    curve = profiles.srgb if exponent in (None, 0) or _is_srgb(exponent) else profiles.gamma(100_000 / exponent)
    same = points is None or points.near(SRGB)
    if curve is profiles.srgb and (same or grey):
        return Stated(chunks=kept, icc=plain_srgb(grey=grey))
    name = f"PNG gAMA {exponent or AS_SRGB}" + ("" if same else " cHRM")
    icc = profiles.grey_profile(curve, name) if grey else profiles.matrix_profile(points or SRGB, (curve,), name)
    return Stated(icc=icc, chunks=kept)


def _is_srgb(exponent: int | None) -> bool:
    """gAMA 1 / 2.2 stands for sRGB's curve (PNG 3rd edition, 11.3.2.5)."""
    return exponent is not None and abs(exponent - AS_SRGB) <= 1000


def _chromaticities(raw: bytes | None) -> Primaries | None:
    """White, red, green, blue from a cHRM chunk; None where it is absent or makes no sense."""
    if raw is None:
        return None
    return _checked([value / 100_000 for value in struct.unpack(">8L", raw)])


def _checked(values: list[float]) -> Primaries | None:
    """White, red, green and blue, x before y; None where they span no space of colours."""
    pairs = [(values[index], values[index + 1]) for index in range(0, 8, 2)]
    if not all(0 < y <= 1.2 and -0.2 <= x <= 1.2 for x, y in pairs):
        return None
    primaries = Primaries(white=pairs[0], red=pairs[1], green=pairs[2], blue=pairs[3])
    try:
        columns = profiles.to_d50(primaries)
    except np.linalg.LinAlgError:
        return None
    return primaries if np.isfinite(columns).all() and np.abs(columns).max() < 8 else None


def of_cicp(primaries: int, transfer: int, *, matrix: int = 0, full: bool = True, grey: bool = False) -> Stated:
    """H.273's code points: the equivalent profile, and notes where there is none or the picture is HDR."""
    notes = []
    if not full and matrix == 0:
        notes.append("the samples are in the narrow range (16 to 235 of 255); they are kept as they are")
    if transfer in HDR:
        notes.append(
            f"high dynamic range ({HDR[transfer]}): the samples are kept and extended as they are coded; "
            "the colour profile shows what is brighter than white as white where a program does not know "
            f"{HDR[transfer]}"
        )
    points = PRIMARIES.get(SRGB_CODE if primaries == UNSPECIFIED else primaries)
    curve = TRANSFERS.get(13 if transfer == UNSPECIFIED else transfer)
    if points is None or curve is None:
        notes.append(f"its colour space (CICP {primaries}/{transfer}) is one for which there is no profile: not kept")
        return Stated(notes=tuple(notes))
    if points == SRGB and curve is profiles.srgb:
        return Stated(icc=plain_srgb(grey=grey), notes=tuple(notes))
    name = f"CICP {primaries}/{transfer}"
    if grey:
        return Stated(icc=profiles.grey_profile(curve, name), notes=tuple(notes))
    icc = profiles.matrix_profile(points, (curve,), name, cicp=bytes((primaries, transfer, 0, 1)))
    return Stated(icc=icc, notes=tuple(notes))


SRGB_CODE = 1


def plain_srgb(*, grey: bool) -> bytes:
    """sRGB, or grey on its curve."""
    return profiles.grey_profile(profiles.srgb, "sRGB grey") if grey else srgb_profile()


def of_exif(tags: Tags | None) -> Stated:
    """Adobe RGB as cameras state it without a profile: uncalibrated, and the DCF option file; Exif 2.32, 4.6.7."""
    if tags is None or tags.number("photo", COLOUR_SPACE) != UNCALIBRATED:
        return Stated()
    index = tags.interop.get(INTEROP_INDEX)
    if index is None or not index.raw.startswith(b"R03"):
        return Stated()
    return Stated(icc=profiles.matrix_profile(ADOBE_RGB, (profiles.gamma(563 / 256),), "Adobe RGB (1998)"))


def of_tiff(tags: Tags, *, grey: bool, bits: int) -> Stated:
    """A TIFF's WhitePoint, PrimaryChromaticities and TransferFunction; TIFF 6.0, section 20."""
    white, points = (tags.rationals(tag) for tag in (WHITE_POINT, PRIMARY_CHROMATICITIES))
    curves = _transfer(tags, grey=grey, bits=bits)
    primaries = _checked([*(white or D65), *points]) if points and len(points) == 6 and not grey else None
    if primaries is None and curves is None:
        return Stated()
    tone = curves or (profiles.srgb,)
    if grey:
        return Stated(icc=profiles.grey_profile(tone[0], "TIFF TransferFunction"))
    if curves is None and primaries is not None and primaries.near(SRGB):
        return Stated()
    return Stated(icc=profiles.matrix_profile(primaries or SRGB, tone, "TIFF PrimaryChromaticities"))


def _transfer(tags: Tags, *, grey: bool, bits: int) -> tuple[Curve, ...] | None:
    """TransferFunction as one curve or three, of 2^bits entries each."""
    value = tags.image.get(TRANSFER_FUNCTION)
    entries = 1 << bits
    if value is None or value.kind != 3 or bits > 16 or value.count not in (entries, 3 * entries):
        return None
    table = np.frombuffer(value.raw, tags.order + "u2").astype(np.float64) / 65535
    parts = table.reshape(-1, entries)
    return tuple(profiles.sampled(part) for part in (parts[:1] if grey else parts))
