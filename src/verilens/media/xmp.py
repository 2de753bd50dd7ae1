"""XMP packets and IPTC-IIM records, flattened to (property, value) pairs."""

import struct
from collections.abc import Iterable
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

NAMESPACES = {
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://www.tc260.org.cn/ns/AIGC/1.0/": "TC260",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
}
LISTS = ("rdf:Bag", "rdf:Seq", "rdf:Alt", "rdf:li")
LARGEST_PACKET = 2 << 20
MOST_VALUES = 20_000
IIM_NAMES = {
    5: "title",
    40: "special instructions",
    65: "originating program",
    80: "by-line",
    110: "credit",
    115: "source",
    120: "caption",
}
IPTC_RESOURCE = 0x0404


class Property(NamedTuple):
    """name: prefix:local, with the usual prefix whatever the packet called it."""

    name: str
    value: str


def read_xmp(packets: Iterable[bytes]) -> list[Property]:
    """Flatten packets to their properties; a packet that is not XML gives none.

    Entities and external references are refused, so a packet cannot grow or reach out.
    """
    found: list[Property] = []
    for packet in packets:
        try:
            root = defusedxml.ElementTree.fromstring(
                packet[:LARGEST_PACKET].strip(b" \0\r\n\t"), forbid_dtd=True
            )
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            continue
        found += _flatten(root)
    return found


def _flatten(root: Element) -> list[Property]:
    found: list[Property] = []
    owner = ""
    for element in root.iter():
        if len(found) > MOST_VALUES:
            break
        name = _name(str(element.tag))
        owner = owner if name in LISTS else name  # the items of a list belong to its property
        text = (element.text or "").strip()
        if text:
            found.append(Property(owner, text))
        found += [
            Property(owner if key.endswith("}resource") else _name(key), value)
            for key, value in element.attrib.items()
            if value
        ]
    return found


def _name(tag: str) -> str:
    space, _, local = tag.rpartition("}")
    return f"{NAMESPACES.get(space.lstrip('{'), '')}:{local}"


def values(properties: Iterable[Property], name: str) -> list[str]:
    """Every value of one property, in order, each once; prefix and name without case."""
    wanted = name.lower()
    return list(dict.fromkeys(item.value for item in properties if item.name.lower() == wanted))


def read_photoshop(data: bytes) -> bytes | None:
    """Cut the IPTC records out of Photoshop image resource blocks."""
    at = 0
    while at + 12 <= len(data) and data[at : at + 4] == b"8BIM":
        number = struct.unpack(">H", data[at + 4 : at + 6])[0]
        at += 6 + (data[at + 6] | 1) + 1  # the name, padded to an even length
        length = int.from_bytes(data[at : at + 4], "big")
        if number == IPTC_RESOURCE:
            return data[at + 4 : at + 4 + length]
        at += 4 + length + length % 2
    return None


def read_iim(data: bytes) -> dict[str, str]:
    """Parse the IPTC-IIM application record into the fields that speak of origin."""
    found: dict[str, str] = {}
    at = 0
    while at + 5 <= len(data) and data[at] == 0x1C:
        record, number = data[at + 1], data[at + 2]
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if length & 0x8000:
            break  # extended lengths are for embedded objects
        body = data[at + 5 : at + 5 + length]
        if record == 2 and number in IIM_NAMES:
            found.setdefault(IIM_NAMES[number], _text(body))
        at += 5 + length
    return found


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8").strip("\0 ")
    except UnicodeDecodeError:
        return body.decode("latin-1").strip("\0 ")
