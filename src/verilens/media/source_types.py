"""The IPTC digital source types, the codes with which files say how they came to be.

Vocabulary: https://cv.iptc.org/newscodes/digitalsourcetype/ and the C2PA additions. XMP and C2PA
share it.
"""

from typing import Literal, NamedTuple

Extent = Literal["generated", "edited", ""]


class SourceType(NamedTuple):
    """words: finishes "the file is ...". ai: True made by a model, False captured, None neither.

    extent: "edited" when only a part comes from a model.
    """

    words: str
    ai: bool | None
    extent: Extent = ""


SOURCE_TYPES = {
    "digitalcapture": SourceType("captured by a digital camera or recorder", False),
    "computationalcapture": SourceType("captured by a device that merges several frames", False),
    "negativefilm": SourceType("digitised from a negative on film", False),
    "positivefilm": SourceType("digitised from a positive on film", False),
    "print": SourceType("digitised from a print", None),
    "compositecapture": SourceType("a composite of captured pictures", None),
    "minorhumanedits": SourceType("an original with minor human edits", None),
    "humanedits": SourceType("edited by a person with tools that generate nothing", None),
    "algorithmicallyenhanced": SourceType("altered by an algorithm that is not generative", None),
    "softwareimage": SourceType("made with software", None),
    "digitalart": SourceType("drawn by a person with digital tools", None),
    "digitalcreation": SourceType(
        "made by a person with digital tools that generate nothing", None
    ),
    "datadrivenmedia": SourceType("drawn from data", None),
    "screencapture": SourceType("a capture of a screen", None),
    "virtualrecording": SourceType("a recording of a virtual event", None),
    "composite": SourceType("a composite of several elements", None),
    "compositesynthetic": SourceType("a composite with synthetic elements", True, "edited"),
    "compositewithtrainedalgorithmicmedia": SourceType(
        "edited with a generative model, which made a part of it", True, "edited"
    ),
    "trainedalgorithmicmedia": SourceType("created by a generative model", True, "generated"),
    "trainedalgorithmicdata": SourceType("data created by a trained model", True, "generated"),
    "algorithmicmedia": SourceType("made by an algorithm that was not trained on media", None),
    "empty": SourceType("begun from an empty canvas", None),
}


def source_type(code: str) -> SourceType | None:
    """Look a code up, given as an address, a qualified code or a bare name; None if unknown."""
    name = code.strip().rstrip("/").replace("#", "/").replace(":", "/").rpartition("/")[2]
    return SOURCE_TYPES.get(name.lower())
