"""Places that metadata name in a picture, moved along: faces, subjects, image regions, crops, photo spheres."""

from __future__ import annotations

import re
import struct
from xml.dom.minidom import Document, Element

from softextend.pictures import xmp_tree
from softextend.pictures.exif import LONG, SHORT, Tags, Value
from softextend.pictures.mapping import Mapping
from softextend.pictures.xmp import RDF

AREA = "http://ns.adobe.com/xmp/sType/Area#"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
ACDSEE_AREA, ACDSEE_DIMENSIONS = "http://ns.acdsee.com/sType/Area#", "http://ns.acdsee.com/sType/Dimensions#"
MWG = "http://www.metadataworkinggroup.com/schemas/regions/"
MICROSOFT = "http://ns.microsoft.com/photo/1.2/t/Region#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
EXIF = "http://ns.adobe.com/exif/1.0/"
CAMERA_RAW = "http://ns.adobe.com/camera-raw-settings/1.0/"
PANO = "http://ns.google.com/photos/1.0/panorama/"
SUBJECT_AREA, SUBJECT_LOCATION = 0x9214, 0xA214
HINTS = (AREA, ACDSEE_AREA, MICROSOFT, "RegionBoundary", "SubjectArea", "SubjectLocation", CAMERA_RAW, PANO)


def moved(packet: bytes, mapping: Mapping, notes: list[str], *, as_stored: bool = False) -> bytes:
    """The packet with all places it names moved; `as_stored`: by the orientation, so what is upright already stays."""
    if mapping.is_identity or not any(hint.encode() in packet for hint in HINTS):
        return packet
    document = xmp_tree.parse(packet)
    if document is None:
        return packet
    before = document.toxml()
    _areas(document, mapping, as_stored=as_stored)
    _microsoft(document, mapping)
    _image_regions(document, mapping)
    _subject(document, mapping)
    _crop(document, mapping, notes)
    if not as_stored:
        _pano(document, mapping, notes)
    return packet if document.toxml() == before else xmp_tree.serialised(document)


def _shown(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _areas(document: Document, mapping: Mapping, *, as_stored: bool) -> None:
    """MWG's and ACDSee's regions: a middle and a size, as shares of the picture; MWG guidelines 2.0, 5.9."""
    for areas, dimensions in ((AREA, DIMENSIONS), (ACDSEE_AREA, ACDSEE_DIMENSIONS)):
        sizes = [each for each in document.getElementsByTagName("*") if xmp_tree.get(each, dimensions, "w")]
        if as_stored and mapping.swaps and any(_is_size(each, dimensions, mapping.new) for each in sizes):
            continue  # whoever wrote them had turned the picture already
        for element in list(document.getElementsByTagName("*")):
            x, y = (xmp_tree.number(element, areas, name) for name in "xy")
            if x is not None and y is not None:
                _area(element, areas, (x, y), mapping)
        for each in sizes:
            for name, extent in zip("wh", mapping.new, strict=True):
                xmp_tree.put(each, dimensions, name, str(extent))


def _is_size(element: Element, namespace: str, size: tuple[int, int]) -> bool:
    return all(xmp_tree.number(element, namespace, name) == extent for name, extent in zip("wh", size, strict=True))


def _area(element: Element, areas: str, middle: tuple[float, float], mapping: Mapping) -> None:
    """One area, rectangle, circle or point; one that lies outside the new picture goes with its region."""
    pixels = xmp_tree.get(element, areas, "unit") == "pixel"
    old, new = ((1.0, 1.0), (1.0, 1.0)) if pixels else (mapping.old, mapping.new)
    width, height = (xmp_tree.number(element, areas, name) or 0.0 for name in "wh")
    across, down = width * old[0], height * old[1]
    left, top = middle[0] * old[0] - across / 2, middle[1] * old[1] - down / 2
    if not mapping.shows(left, top, across, down):
        _drop_item(element)
        return
    rect = mapping.clipped(mapping.rect(left, top, across, down))
    values = {"x": (rect[0] + rect[2] / 2) / new[0], "y": (rect[1] + rect[3] / 2) / new[1]}
    values |= {"w": rect[2] / new[0], "h": rect[3] / new[1]}
    if (diameter := xmp_tree.number(element, areas, "d")) is not None:
        values["d"] = diameter * mapping.scale[0] * min(old) / min(new)
    for name, value in values.items():
        xmp_tree.put(element, areas, name, _shown(value))


def _drop_item(element: Element) -> None:
    """Takes the list item that an element lies in out of its list."""
    at: Element | None = element
    while at is not None and not xmp_tree.is_named(at, RDF, "li"):
        at = at.parentNode if isinstance(at.parentNode, Element) else None
    if at is not None and at.parentNode is not None:
        at.parentNode.removeChild(at)


def _microsoft(document: Document, mapping: Mapping) -> None:
    """Windows' people tags: 'left, top, width, height' as shares of the picture."""
    for element in list(document.getElementsByTagName("*")):
        text = xmp_tree.get(element, MICROSOFT, "Rectangle")
        try:
            x, y, w, h = (float(part) for part in (text or "").split(","))
        except ValueError:
            continue
        width, height = mapping.old
        if not mapping.shows(x * width, y * height, w * width, h * height):
            _drop_item(element)
            continue
        rect = mapping.clipped(mapping.rect(x * width, y * height, w * width, h * height))
        shares = [value / mapping.new[index % 2] for index, value in enumerate(rect)]
        xmp_tree.put(element, MICROSOFT, "Rectangle", ", ".join(map(_shown, shares)))


def _image_regions(document: Document, mapping: Mapping) -> None:
    """IPTC's image regions: rectangle, circle or polygon, in px or as shares; IPTC Photo Metadata 2023.1, 12.30."""
    for boundary in [*xmp_tree.elements(document, IPTC, "RegionBoundary")]:
        inner = [each for each in xmp_tree.children(boundary) if xmp_tree.is_named(each, RDF, "Description")]
        holder = inner[0] if inner else boundary
        pixels = xmp_tree.get(holder, IPTC, "rbUnit") == "pixel"
        for element in [holder, *holder.getElementsByTagName("*")]:
            _boundary(element, mapping, pixels=pixels)


def _boundary(element: Element, mapping: Mapping, *, pixels: bool) -> None:
    x, y = (xmp_tree.number(element, IPTC, name) for name in ("rbX", "rbY"))
    if x is None or y is None:
        return
    old, new = ((1.0, 1.0), (1.0, 1.0)) if pixels else (mapping.old, mapping.new)
    width, height = (xmp_tree.number(element, IPTC, name) or 0.0 for name in ("rbW", "rbH"))
    rect = mapping.rect(x * old[0], y * old[1], width * old[0], height * old[1])
    rect = mapping.clipped(rect) if width and height else rect
    values = {"rbX": rect[0] / new[0], "rbY": rect[1] / new[1], "rbW": rect[2] / new[0], "rbH": rect[3] / new[1]}
    if (radius := xmp_tree.number(element, IPTC, "rbRx")) is not None:  # of the picture's width
        values["rbRx"] = radius * old[0] * mapping.scale[0] / new[0]
    for name, value in values.items():
        xmp_tree.put(element, IPTC, name, _shown(value))


def _subject(document: Document, mapping: Mapping) -> None:
    """exif:SubjectArea and SubjectLocation: sequences of px."""
    for name in ("SubjectArea", "SubjectLocation"):
        for element in xmp_tree.elements(document, EXIF, name):
            items = list(element.getElementsByTagNameNS(RDF, "li"))
            try:
                before = [float(xmp_tree.text_of(each)) for each in items]
            except ValueError:
                continue
            for item, value in zip(items, subject(before, mapping), strict=False):
                xmp_tree.write_text(item, str(value))


def subject(values: list[float], mapping: Mapping) -> list[int]:
    """A middle, and where it follows a diameter or a width and height, in px; Exif 2.32, 4.6.5 D."""
    if len(values) not in (2, 3, 4):
        return [round(value) for value in values]
    x, y = mapping.point(values[0], values[1])
    rest = values[2:]
    if len(rest) == 2 and mapping.swaps:
        rest = rest[::-1]
    scales = mapping.scale[::-1] if mapping.swaps else mapping.scale
    grown = [value * scale for value, scale in zip(rest, scales, strict=False)]
    place = min(max(x, 0.0), mapping.new[0] - 1.0), min(max(y, 0.0), mapping.new[1] - 1.0)
    return [round(value) for value in (*place, *grown)]


def moved_tags(tags: Tags, mapping: Mapping) -> Tags:
    """EXIF's SubjectArea and SubjectLocation moved."""
    for tag in (SUBJECT_AREA, SUBJECT_LOCATION):
        value = tags.photo.get(tag)
        if value is None or value.kind not in (SHORT, LONG) or not value.count or mapping.is_identity:
            continue
        letter = "H" if value.kind == SHORT else "L"
        numbers = struct.unpack(f"{tags.order}{value.count}{letter}", value.raw)
        found = subject([float(each) for each in numbers], mapping)
        if value.kind == SHORT and max(found) > 65_535:
            tags = tags.with_value("photo", tag, None)  # there is no other type for it
            continue
        raw = struct.pack(f"{tags.order}{len(found)}{letter}", *found)
        tags = tags.with_value("photo", tag, Value(kind=value.kind, count=len(found), raw=raw))
    return tags


def _crop(document: Document, mapping: Mapping, notes: list[str]) -> None:
    """Camera Raw's crop, where it is still to be applied: edges as shares of the picture."""
    names = ("CropLeft", "CropTop", "CropRight", "CropBottom")
    for element in xmp_tree.descriptions(document):
        if (xmp_tree.get(element, CAMERA_RAW, "HasCrop") or "").lower() != "true":
            continue
        if (xmp_tree.get(element, CAMERA_RAW, "AlreadyApplied") or "").lower() == "true":
            continue
        edges = [xmp_tree.number(element, CAMERA_RAW, name) for name in names]
        if None in edges or xmp_tree.number(element, CAMERA_RAW, "CropAngle"):
            xmp_tree.put(element, CAMERA_RAW, "HasCrop", "False")
            notes.append("a tilted Camera Raw crop that was still to be applied cannot be moved: taken back")
            continue
        left, top, right, bottom = (edge or 0.0 for edge in edges)
        (w, h), new = mapping.old, mapping.new
        rect = mapping.clipped(mapping.rect(left * w, top * h, (right - left) * w, (bottom - top) * h))
        found = rect[0] / new[0], rect[1] / new[1], (rect[0] + rect[2]) / new[0], (rect[1] + rect[3]) / new[1]
        for name, value in zip(names, found, strict=True):
            xmp_tree.put(element, CAMERA_RAW, name, _shown(value))


def _pano(document: Document, mapping: Mapping, notes: list[str]) -> None:
    """A photo sphere's fields: where the picture lies on the sphere; beyond the whole sphere it is none any more.

    Google's photo sphere XMP: the cropped area's size and place in px of the full panorama.
    """
    for element in list(document.getElementsByTagName("*")):
        names = ("CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels")
        area = [xmp_tree.number(element, PANO, name) for name in names]
        if not area[0] or not area[1]:
            continue
        full = [xmp_tree.number(element, PANO, f"FullPano{name}Pixels") or 0.0 for name in ("Width", "Height")]
        place = [xmp_tree.number(element, PANO, f"CroppedArea{name}Pixels") or 0.0 for name in ("Left", "Top")]
        unit = [mapping.old[i] / (area[i] or 1.0) for i in range(2)]  # px of this file to one of the panorama's
        scale = mapping.scale
        start = mapping.point(-place[0] * unit[0], -place[1] * unit[1])  # the sphere's corner, px of the new picture
        whole = [full[i] * unit[i] * scale[i] for i in range(2)]
        left, top = -start[0], -start[1]
        if left < -0.5 or top < -0.5 or left + mapping.new[0] > whole[0] + 0.5 or top + mapping.new[1] > whole[1] + 0.5:
            _no_sphere(document, notes)
            return
        values = {names[0]: float(mapping.new[0]), names[1]: float(mapping.new[1])}
        values |= {"FullPanoWidthPixels": whole[0], "FullPanoHeightPixels": whole[1]}
        values |= {"CroppedAreaLeftPixels": left, "CroppedAreaTopPixels": top}
        _largest_interior(element, mapping, unit)
        for name, value in values.items():
            xmp_tree.put(element, PANO, name, str(round(value)))


def _largest_interior(element: Element, mapping: Mapping, unit: list[float]) -> None:
    """The rectangle inside that shows no gap."""
    names = [f"LargestValidInteriorRect{name}" for name in ("Left", "Top", "Width", "Height")]
    rect = [xmp_tree.number(element, PANO, name) for name in names]
    if None not in rect:
        left, top, width, height = (value or 0.0 for value in rect)
        moved_rect = mapping.rect(left * unit[0], top * unit[1], width * unit[0], height * unit[1])
        for name, value in zip(names, moved_rect, strict=True):
            xmp_tree.put(element, PANO, name, str(round(value)))


def _no_sphere(document: Document, notes: list[str]) -> None:
    """Takes the photo sphere's fields out."""
    xmp_tree.remove(document, re.compile(re.escape(PANO)))
    notes.append("the picture is now larger than a whole photo sphere: what called it one (GPano) is removed")
