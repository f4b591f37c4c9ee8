"""What phones hang onto a picture and a result cannot keep, such as gain maps and videos: found, named, unlinked."""

from __future__ import annotations

import re
import struct

from softextend.pictures import png_chunks, xmp_tree
from softextend.pictures.jpeg_segments import Segments
from softextend.pictures.source import Source

GOOGLE = "http://ns.google.com/photos/1.0/"
# 'namespace name' of XMP that points to, or is, something that belongs to the old picture.
POINTING = re.compile(
    "|".join(
        [
            r"http://ns\.adobe\.com/hdr-gain-map/1\.0/ ",
            r"http://ns\.apple\.com/(HDRGainMap|pixeldatainfo|depthData|portraiteffects\w*|faceinfo)/1\.0/ ",
            r"http://ns\.google\.com/photos/1\.0/(container|depthmap|image|audio|focus)/",
            r"http://ns\.google\.com/photos/dd/1\.0/",
            r"http://ns\.google\.com/photos/1\.0/camera/ (MotionPhoto|MicroVideo|Burst|Special|DisableAuto|HdrPlus)",
            r"http://ns\.adobe\.com/xap/1\.0/ Thumbnails$",
            r"http://ns\.xiaomi\.com/photos/1\.0/camera/ ",
        ]
    )
)
GAIN_MAP, VIDEO, DEPTH = "the HDR gain map", "the motion photo's video", "the depth map"
SAYS = (  # what of the XMP that went, lower case, speaks of what
    (GAIN_MAP, re.compile(r"hdr-gain-map|hdrgainmap|semantic=.gainmap|gainmap")),
    (VIDEO, re.compile(r"motionphoto|microvideo|video/mp4")),
    (DEPTH, re.compile(r"depthmap|depthdata|semantic=.depth|dd/1\.0/(depth|device)")),
    ("the picture before a blur", re.compile(r"photos/1\.0/image/")),
    ("the sound", re.compile(r"photos/1\.0/audio/|audio/")),
    ("its place in a burst", re.compile(r"camera/ burst")),
)
CREDENTIALS = "the content credentials (C2PA)"  # a signature over the old pixels
C2PA_TAG = 0xCD41  # in a TIFF's first directory; C2PA 2.1, A.3
LEAST = 64  # bytes behind a picture that are more than padding


def signed(opened: Source) -> bool:
    """Whether the file carries content credentials, wherever its format puts them; C2PA 2.1, appendix A.3."""
    if opened.format == "PNG":
        return any(name == b"caBX" for name, _, _ in png_chunks.spans(opened.data))
    if opened.format in ("AVIF", "HEIF"):
        return b"uuid\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c" in opened.data[: 1 << 20]
    if opened.format == "WEBP":
        return b"C2PA" in (opened.data[12:16], *_webp_names(opened.data))
    return opened.format == "TIFF" and C2PA_TAG in opened.tiff


def _webp_names(data: bytes) -> list[bytes]:
    """The names of a WebP's chunks; RFC 9649, 2.3."""
    at, found = 12, []
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sL", data, at)
        found.append(name)
        at += 8 + size + size % 2
    return found


def unlinked(
    packet: bytes | None, around: Segments | None, *, credentials: bool = False
) -> tuple[bytes | None, list[str]]:
    """The packet without what points to things that are not kept, and notes that name them."""
    gone: set[str] = set()
    if packet and POINTING_ROUGHLY.search(packet) and (document := xmp_tree.parse(packet)):
        gone = xmp_tree.remove(document, POINTING)
        packet = xmp_tree.serialised(document) if gone else packet
    said = "\n".join(sorted(gone)).lower()
    found = [name for name, pattern in SAYS if pattern.search(said)]
    if credentials or (around is not None and around.credentials):
        found.append(CREDENTIALS)
    if around is not None:
        found += [name for name in _behind(around, found) if name not in found]
    if not found:
        return packet, []
    listed = ", ".join(found[:-1]) + " and " * (len(found) > 1) + found[-1]
    unlinked_too = "; the XMP that points there is removed" if gone else ""
    belongs = "they belong" if len(found) > 1 else "it belongs"
    return packet, [f"{listed} cannot be kept, {belongs} to the old picture: left out{unlinked_too}"]


POINTING_ROUGHLY = re.compile(
    rb"hdr-gain-map|ns\.apple\.com|ns\.google\.com/photos|xap/1\.0/.*Thumbnails|ns\.xiaomi", re.DOTALL
)


def _behind(around: Segments, known: list[str]) -> list[str]:
    """What the bytes behind the picture and its segments are, where XMP does not say."""
    found = []
    tail = around.tail
    if around.gain_map:
        found.append(GAIN_MAP)
    if around.thermal:
        found.append("the thermal measurements (FLIR)")
    if b"MotionPhoto_Data" in tail or tail[4:8] == b"ftyp":
        found.append(VIDEO)
    explained = bool(found or known) or tail.lstrip(b"\0")[:2] == b"\xff\xd8"  # further pictures have their own note
    if len(tail.strip(b"\0\xff")) >= LEAST and not explained:
        found.append(f"what lies behind the picture ({len(tail)} bytes)")
    return found
