"""Small JPEGs with XMP packets and segments of their own, and what becomes of them on a wider canvas."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from softextend.pictures import xmp
from softextend.pictures.mapping import Mapping, onto_canvas
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_picture
from softextend.pictures.write import encode_picture
from softextend.types import Box

W, H = 64, 48
FORMATS = ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"]
NAMESPACES = {
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "apple": "http://ns.apple.com/HDRGainMap/1.0/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "dc": "http://purl.org/dc/elements/1.1/",
}


def packet(inner: str, attributes: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{xmp.RDF}"><rdf:Description rdf:about="" {spaces} '
        f"{attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def scene(width: int = W, height: int = H) -> np.ndarray:
    return np.random.default_rng(1).integers(60, 200, (height, width, 3)).astype(np.uint8)


def jpeg(*segments: bytes, tail: bytes = b"", **options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "JPEG", extra=b"".join(segments), **options)
    return buffer.getvalue() + tail


def read(data: bytes) -> Picture:
    return read_picture(data, name="photo")


def wide(left: int = 64, top: int = 48) -> Mapping:
    """Twice the canvas, the picture at the bottom right."""
    return onto_canvas((W, H), Box(top=0, left=0, bottom=H, right=W), (W, H), left, top, (W + left, H + top))


def out(picture: Picture, format: str, notes: list[str] | None = None, mapping: Mapping | None = None) -> bytes:
    mapping = mapping or wide()
    canvas = scene(*mapping.new)
    on_note = None if notes is None else notes.append
    return encode_picture(
        canvas, format=format, metadata=picture.metadata, mapping=mapping, recipe={"a": 1}, on_note=on_note
    )
