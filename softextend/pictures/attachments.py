"""What phones hang onto a picture and a result cannot keep, such as gain maps and videos: found, named, unlinked."""

from __future__ import annotations

import re

from softextend.pictures import xmp_tree
from softextend.pictures.jpeg_segments import Segments

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
LEAST = 64  # bytes behind a picture that are more than padding


def unlinked(packet: bytes | None, around: Segments | None) -> tuple[bytes | None, list[str]]:
    """The packet without what points to things that are not kept, and notes that name them."""
    gone: set[str] = set()
    if packet and POINTING_ROUGHLY.search(packet) and (document := xmp_tree.parse(packet)):
        gone = xmp_tree.remove(document, POINTING)
        packet = xmp_tree.serialised(document) if gone else packet
    said = "\n".join(sorted(gone)).lower()
    found = [name for name, pattern in SAYS if pattern.search(said)]
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
    if b"MotionPhoto_Data" in tail or tail[4:8] == b"ftyp":
        found.append(VIDEO)
    explained = bool(found or known) or tail.lstrip(b"\0")[:2] == b"\xff\xd8"  # further pictures have their own note
    if len(tail.strip(b"\0\xff")) >= LEAST and not explained:
        found.append(f"what lies behind the picture ({len(tail)} bytes)")
    return found
