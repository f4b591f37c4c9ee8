"""XMP packets as bytes: a recipe put in and found again, other people's properties left as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from xml.etree import ElementTree

NAMESPACE = "http://ns.softextend/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>'.encode()
# The marks around a packet let programs find it without knowing the file format; XMP part 1, 7.3.2.
BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
END = b'<?xpacket end="w"?>'
OURS = re.compile(rb"\s*<rdf:Description[^>]*xmlns:softextend=.*?</rdf:Description>", re.DOTALL)
ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)([1-8])")
WIDTH = re.compile(rb"((?:tiff:ImageWidth|exif:PixelXDimension)\s*(?:=\s*[\"']|>)\s*)\d+")
HEIGHT = re.compile(rb"((?:tiff:ImageLength|exif:PixelYDimension)\s*(?:=\s*[\"']|>)\s*)\d+")
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def with_properties(
    packet: bytes | None, properties: Mapping[str, str], texts: Sequence[tuple[str, str]] = ()
) -> bytes:
    """The packet with our properties in place of any it had; a new one where there is none that can be extended.

    `texts`: keyword and text of what stood loose in another format.
    """
    body = OURS.sub(b"", packet) if packet else EMPTY
    end = body.rfind(b"</rdf:RDF>")
    if end < 0 or b'"' + RDF.encode() not in body.replace(b"'", b'"'):
        body = EMPTY
        end = body.rfind(b"</rdf:RDF>")
    about = re.search(rb"rdf:about=[\"']([^\"']*)[\"']", body)  # one packet describes one thing
    subject = about[1].decode("utf-8", "replace") if about else ""
    inner = "".join(f"<softextend:{name}>{_escaped(text)}</softextend:{name}>" for name, text in properties.items())
    if texts:
        inner += f"<softextend:texts><rdf:Bag>{''.join(map(_text_item, texts))}</rdf:Bag></softextend:texts>"
    ours = f'<rdf:Description rdf:about="{subject}" xmlns:softextend="{NAMESPACE}">{inner}</rdf:Description>'
    whole = body[:end] + ours.encode() + body[end:]
    return whole if whole.lstrip().startswith(b"<?xpacket") else BEGIN + whole + END


def _escaped(text: str) -> str:
    """As an element's content; by html, since xml.sax.saxutils, which does the same, imports the network."""
    return escape(NOT_XML.sub("?", text), quote=False)


def _text_item(text: tuple[str, str]) -> str:
    keyword, words = (_escaped(part) for part in text)
    return (
        f'<rdf:li rdf:parseType="Resource"><softextend:keyword>{keyword}</softextend:keyword>'
        f"<softextend:text>{words}</softextend:text></rdf:li>"
    )


def texts(packet: bytes) -> list[tuple[str, str]]:
    """The loose texts that an earlier result of ours carries: keyword and text."""
    if b"softextend:texts" not in packet or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return []
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \t\r\n"))
    except ElementTree.ParseError:
        return []
    mark = f"{{{NAMESPACE}}}"
    items = [each for home in root.iter(f"{mark}texts") for each in home.iter(f"{{{RDF}}}li")]
    return [(each.findtext(f"{mark}keyword", ""), each.findtext(f"{mark}text", "")) for each in items]


def properties(packet: bytes) -> dict[str, str]:
    """Our properties in a packet, whichever form another program gave them; empty where there are none."""
    found: dict[str, str] = {}
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:  # XMP has neither; entities can swell without end
        return found
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \t\r\n"))
    except ElementTree.ParseError:
        return found
    mark = f"{{{NAMESPACE}}}"
    for element in root.iter():
        for key, value in element.attrib.items():
            if key.startswith(mark):
                found[key.removeprefix(mark)] = value
        if element.tag.startswith(mark):
            found[element.tag.removeprefix(mark)] = element.text or ""
    return found


def orientation(packet: bytes | None) -> int:
    """The orientation the packet names; 1 where it names none."""
    found = ORIENTATION.search(packet or b"")
    return int(found[2]) if found else 1


def upright(packet: bytes) -> bytes:
    """The packet saying that the pixels are stored upright, where it says anything."""
    return ORIENTATION.sub(rb"\g<1>1", packet)


def sized(packet: bytes, width: int, height: int) -> bytes:
    """Every size the packet mentions becomes the picture's; none is added."""
    return HEIGHT.sub(rb"\g<1>%d" % height, WIDTH.sub(rb"\g<1>%d" % width, packet))
