"""ICC profiles for colours that a file states by other means: primaries, white and a tone curve."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Doubles = npt.NDArray[np.float64]

FIXED_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # the same picture is the same bytes
D50 = np.array([0.9642, 1.0, 0.8249])  # the white of ICC's connection space; ICC.1:2022, 7.2.16
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])  # ICC.1, E.3
ENTRIES = 4096  # of a sampled tone curve
Curve = Callable[["Doubles"], "Doubles"]  # coded value in [0, 1] -> light in [0, 1]
Point = tuple[float, float]  # chromaticity x, y


@dataclass(frozen=True, kw_only=True, slots=True)
class Primaries:
    """Chromaticities (x, y) of white, red, green and blue."""

    white: Point
    red: Point
    green: Point
    blue: Point

    def near(self, other: Primaries) -> bool:
        """Whether both mean the same, as far as files round."""
        mine, theirs = (np.array([each.white, each.red, each.green, each.blue]) for each in (self, other))
        return bool(np.abs(mine - theirs).max() < 0.002)


D65 = (0.3127, 0.3290)
SRGB = Primaries(white=D65, red=(0.64, 0.33), green=(0.30, 0.60), blue=(0.15, 0.06))


def gamma(power: float) -> Curve:
    """light = coded ^ power."""
    return lambda coded: coded**power


def srgb(coded: Doubles) -> Doubles:
    """coded (...) in [0, 1] -> light in [0, 1]; IEC 61966-2-1."""
    return np.where(coded > 0.04045, ((np.maximum(coded, 0.04045) + 0.055) / 1.055) ** 2.4, coded / 12.92)


def bt709(coded: Doubles) -> Doubles:
    """coded (...) in [0, 1] -> light in [0, 1]; the inverse of ITU-R BT.709-6, 1.2."""
    return np.where(coded >= 0.081, ((np.maximum(coded, 0.081) + 0.099) / 1.099) ** (1 / 0.45), coded / 4.5)


def smpte240(coded: Doubles) -> Doubles:
    """coded (...) in [0, 1] -> light in [0, 1]; the inverse of SMPTE ST 240."""
    return np.where(coded >= 0.0913, ((np.maximum(coded, 0.0913) + 0.1115) / 1.1115) ** (1 / 0.45), coded / 4)


def pq(coded: Doubles) -> Doubles:
    """coded (...) -> light by SMPTE ST 2084, in 203 cd/m2, BT.2408's white sheet; brighter is cut off."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = coded ** (1 / m2)
    nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return np.minimum(nits / 203, 1.0)


def hlg(coded: Doubles) -> Doubles:
    """coded (...) -> light by ITU-R BT.2100-2, table 5, 75 % of the signal as white (BT.2408); brighter is cut off."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - c) / a) + b) / 12)
    white = (np.exp((0.75 - c) / a) + b) / 12
    return np.asarray(np.minimum((light / white) ** 1.2, 1.0), np.float64)


def sampled(table: Doubles) -> Curve:
    """A curve through equally spaced values (n,) in [0, 1]."""
    return lambda coded: np.interp(coded, np.linspace(0, 1, len(table)), table)


def matrix_profile(primaries: Primaries, curves: tuple[Curve, ...], name: str, cicp: bytes | None = None) -> bytes:
    """An RGB profile, ICC version 4.3 or with `cicp` (its four bytes) 4.4; one curve for all channels or three."""
    columns = to_d50(primaries)
    tags: dict[bytes, bytes] = {b"wtpt": _xyz(D50), b"chad": _matrix(_adaptation(_white(primaries)))}
    for index, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = _xyz(columns[:, index])
        tags[letter + b"TRC"] = tone(curves[index % len(curves)])
    if cicp is not None:  # ICC.1:2022, 9.2.17
        tags[b"cicp"] = b"cicp" + bytes(4) + cicp
    return assembled(b"RGB ", tags, name, version=0x04400000 if cicp else 0x04300000)


def grey_profile(curve: Curve, name: str) -> bytes:
    """A grey profile, ICC version 4.3."""
    return assembled(b"GRAY", {b"wtpt": _xyz(D50), b"kTRC": tone(curve)}, name, version=0x04300000)


def grey_as_rgb(icc: bytes) -> bytes | None:
    """The RGB profile under which three equal samples mean what one means under a grey profile; None: no such one."""
    curve = tags_of(icc).get(b"kTRC")
    if curve is None or icc[20:24] != b"XYZ ":
        return None
    columns = to_d50(SRGB)
    tags: dict[bytes, bytes] = {b"wtpt": _xyz(D50)}
    for index, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = _xyz(columns[:, index])
        tags[letter + b"TRC"] = curve
    return assembled(b"RGB ", tags, "grey, as RGB", version=0x04300000)


def rgb_as_grey(icc: bytes) -> bytes | None:
    """The grey profile under which one sample means what three equal ones mean under an RGB profile; None: no such."""
    tags = tags_of(icc)
    curves = {tags.get(letter + b"TRC") for letter in (b"r", b"g", b"b")}
    curve = curves.pop()
    if curves or curve is None or any(name in tags for name in (b"A2B0", b"A2B1", b"A2B2")):
        return None
    return assembled(b"GRAY", {b"wtpt": _xyz(D50), b"kTRC": curve}, "RGB, as grey", version=0x04300000)


def tags_of(icc: bytes) -> dict[bytes, bytes]:
    """The tags of a profile by name; empty where its table is damaged."""
    found: dict[bytes, bytes] = {}
    try:
        for index in range(min(200, struct.unpack_from(">L", icc, 128)[0])):
            name, at, length = struct.unpack_from(">4sLL", icc, 132 + 12 * index)
            found[name] = icc[at : at + length]
    except struct.error:
        return {}
    return found


def tone(curve: Curve) -> bytes:
    """A curve as `curv`, sampled; ICC.1:2022, 10.6."""
    values = np.rint(np.clip(curve(np.linspace(0, 1, ENTRIES)), 0, 1) * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">L", ENTRIES) + values.tobytes()


def assembled(space: bytes, tags: dict[bytes, bytes], name: str, *, version: int) -> bytes:
    """A display profile of these tags; ICC.1:2022, 7."""
    tags = {b"desc": _text(name), b"cprt": _text("no copyright"), **tags}
    at, body = 128 + 4 + 12 * len(tags), b""
    places: dict[bytes, int] = {}
    table = struct.pack(">L", len(tags))
    for key, content in tags.items():
        if content not in places:  # equal curves are stored once
            places[content] = at + len(body)
            body += content + bytes(-len(content) % 4)
        table += key + struct.pack(">LL", places[content], len(content))
    head = struct.pack(">L4sL4s4s4s", at + len(body), b"\0\0\0\0", version, b"mntr", space, b"XYZ ")
    head += FIXED_DATE + b"acsp" + bytes(24) + bytes(4) + _numbers(D50)
    return head.ljust(128, b"\0") + table + body


def to_d50(primaries: Primaries) -> Doubles:
    """(3, 3), columns red, green, blue: XYZ under D50; SMPTE RP 177 and Bradford's adaptation."""
    points = np.array([primaries.red, primaries.green, primaries.blue])
    xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(1)]) / points[:, 1]
    white = _white(primaries)
    return np.asarray(_adaptation(white) @ (xyz * np.linalg.solve(xyz, white)), np.float64)


def _white(primaries: Primaries) -> Doubles:
    x, y = primaries.white
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: Doubles) -> Doubles:
    scale = (BRADFORD @ D50) / (BRADFORD @ white)
    return np.asarray(np.linalg.inv(BRADFORD) @ (scale[:, None] * BRADFORD), np.float64)


def _numbers(values: Doubles) -> bytes:
    """s15Fixed16."""
    return np.rint(np.asarray(values).ravel() * 65536).astype(">i4").tobytes()


def _xyz(values: Doubles) -> bytes:
    return b"XYZ " + bytes(4) + _numbers(values)


def _matrix(values: Doubles) -> bytes:
    return b"sf32" + bytes(4) + _numbers(values)


def _text(words: str) -> bytes:
    """multiLocalizedUnicode with one record; ICC.1:2022, 10.15."""
    raw = words.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">LL2s2sLL", 1, 12, b"en", b"US", len(raw), 28) + raw
