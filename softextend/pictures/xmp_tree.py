"""XMP packets as trees: properties found, changed and taken out whichever of XMP's forms a program gave them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.dom import minidom
from xml.dom.minidom import Document, Element
from xml.parsers.expat import ExpatError

from softextend.pictures.xmp import BEGIN, END, RDF

NOTE = "http://ns.adobe.com/xmp/note/"


def parse(packet: bytes) -> Document | None:
    """The tree; None where the packet is damaged, or has what XMP has not and what could swell without end."""
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return None
    try:
        return minidom.parseString(packet.strip(b"\0 \t\r\n"))
    except (ExpatError, ValueError, LookupError):
        return None


def serialised(document: Document) -> bytes:
    """A packet again."""
    root = document.documentElement
    return BEGIN + root.toxml().encode() + END if root is not None else BEGIN + END


def elements(document: Document, namespace: str, name: str) -> list[Element]:
    """All elements of a name."""
    return list(document.getElementsByTagNameNS(namespace, name))


def descriptions(document: Document) -> list[Element]:
    """All rdf:Description elements."""
    return elements(document, RDF, "Description")


def children(element: Element) -> Iterator[Element]:
    """The elements directly inside."""
    for node in element.childNodes:
        if isinstance(node, Element):
            yield node


def text_of(element: Element) -> str:
    """The text directly inside."""
    return "".join(node.data for node in element.childNodes if node.nodeType in (node.TEXT_NODE, 4)).strip()


def get(element: Element, namespace: str, name: str) -> str | None:
    """A simple property of a resource: an attribute or an element inside."""
    if element.hasAttributeNS(namespace, name):
        return element.getAttributeNS(namespace, name).strip()
    inner = next((each for each in children(element) if is_named(each, namespace, name)), None)
    return None if inner is None else text_of(inner)


def number(element: Element, namespace: str, name: str) -> float | None:
    """A property as a number; None where it is absent or none."""
    try:
        return float(get(element, namespace, name) or "x")
    except ValueError:
        return None


def put(element: Element, namespace: str, name: str, value: str) -> None:
    """A new value for a property that is there, in the form that it has."""
    if element.hasAttributeNS(namespace, name):
        node = element.getAttributeNodeNS(namespace, name)
        if node is not None:
            node.value = value
        return
    for inner in children(element):
        if is_named(inner, namespace, name):
            write_text(inner, value)


def write_text(element: Element, value: str) -> None:
    """The text of an element replaced."""
    for node in list(element.childNodes):
        element.removeChild(node)
    document = element.ownerDocument
    if document is not None:
        element.appendChild(document.createTextNode(value))


def is_named(element: Element, namespace: str, name: str) -> bool:
    """Whether an element has this name."""
    return element.namespaceURI == namespace and element.localName == name


def remove(document: Document, unwanted: re.Pattern[str]) -> set[str]:
    """Takes out every property whose 'namespace name' matches from its start; with what went."""
    gone: set[str] = set()
    for element in list(document.getElementsByTagName("*")):
        for attribute in list((element.attributes or {}).values()):
            full = f"{attribute.namespaceURI or ''} {attribute.localName}"
            if unwanted.match(full):
                gone.add(f"{full} {attribute.value}")
                element.removeAttributeNode(attribute)
        full = f"{element.namespaceURI or ''} {element.localName}"
        if unwanted.match(full) and element.parentNode is not None:
            gone.add(f"{full} {element.toxml()[:2000]}")
            element.parentNode.removeChild(element)
    return gone


def merged(packet: bytes, more: bytes) -> bytes | None:
    """A packet with the properties of its extension; None where the extension is damaged."""
    main, extension = parse(packet), parse(more)
    if main is None or extension is None:
        return None
    home = next(iter(elements(main, RDF, "RDF")), None)
    source = next(iter(elements(extension, RDF, "RDF")), None)
    if home is None or source is None:
        return None
    for inner in children(source):
        home.appendChild(main.importNode(inner, True))
    remove(main, re.compile(f"{re.escape(NOTE)} HasExtendedXMP$"))
    return serialised(main)


def extension_of(packet: bytes | None) -> str | None:
    """The GUID of the extended XMP that a packet asks for."""
    found = re.search(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})", packet or b"")
    return found[1].decode() if found else None


def naming_extension(packet: bytes, guid: str) -> bytes:
    """A packet that asks for the extended XMP of a GUID."""
    property = f'<rdf:Description rdf:about="" xmlns:xmpNote="{NOTE}" xmpNote:HasExtendedXMP="{guid}"/>'
    end = packet.rfind(b"</rdf:RDF>")
    return packet[:end] + property.encode() + packet[end:]
