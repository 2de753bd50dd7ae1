"""Turns the fields of a file into claims: plain sentences with a direction and a strength.

"declared" is metadata written to inform, "trace" a side effect such as a prompt left behind.
Both can be forged or removed by anyone, and the sentences say where they were read.
"""

from dataclasses import dataclass, field
from pathlib import Path

from verilens.media import exif as tags
from verilens.media.blocks import Blocks
from verilens.media.c2pa_manifest import clean
from verilens.media.exif import Exif, read_directory, read_exif
from verilens.media.generator_traces import Trace, easy_diffusion_keys, find_traces
from verilens.media.source_types import source_type
from verilens.media.tools import Tool, tool_credited, tool_named
from verilens.media.video_tags import POSITION_TAGS
from verilens.media.xmp import Property, read_iim, read_photoshop, read_xmp, values
from verilens.records import ProvenanceClaim

SOFTWARE_KEYS = (
    "software",
    "encoder",
    "encoding_tool",
    "creator tool",
    "creatortool",
    "generator",
    "com.apple.quicktime.software",
    "©too",
    "©swr",
    "tool",
    "source",
    "model",
    "make",
)
CREDIT_KEYS = ("comment", "description", "credit", "©cmt", "©des", "copyright", "jpeg comment")
PHONE_TAGS = ("com.android.version", "com.android.manufacturer", "com.android.model")
FOOTAGE_MAKE = ("com.apple.quicktime.make", "make", "©mak", "com.android.manufacturer")
FOOTAGE_MODEL = ("com.apple.quicktime.model", "model", "©mod", "com.android.model")
SERVICE_MARKS = {
    "FBMD": "passed through Facebook or Instagram",
}


@dataclass(kw_only=True)
class Fields:
    """What a file holds, parsed but not yet judged. texts keep their order; tags are lower case."""

    exif: Exif
    xmp: list[Property] = field(default_factory=list)
    iptc: dict[str, str] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    brand: str = ""


def collect(path: Path, blocks: Blocks) -> Fields:
    """Parse the blocks of a file."""
    if blocks.container == "tiff":
        with path.open("rb") as file:
            exif = Exif(read_directory(file), file)
    else:
        exif = read_exif(blocks.exif or b"")
    iptc = blocks.iptc or (read_photoshop(blocks.photoshop) if blocks.photoshop else None)
    return Fields(
        exif=exif,
        xmp=read_xmp(blocks.xmp) if blocks.xmp else [],
        iptc=read_iim(iptc) if iptc else {},
        texts=blocks.texts,
        tags={name.lower(): value for name, value in blocks.tags.items() if name != "brand"},
        brand=blocks.tags.get("brand", ""),
    )


def source_type_claims(fields: Fields) -> list[ProvenanceClaim]:
    """IPTC source types, the AI fields of IPTC 2025.1 and the GB 45438 label in XMP."""
    found = []
    for item in fields.xmp:
        local = item.name.rpartition(":")[2].lower()
        if local in ("digitalsourcetype", "digitalsourcefiletype"):
            kind = source_type(item.value)
            if kind is not None:
                detail = {"code": clean(item.value), "extent": kind.extent}
                found.append(_declared("iptc", f"IPTC metadata: {kind.words}", kind.ai, detail))
        elif item.name == "Iptc4xmpExt:AISystemUsed":
            words = f"IPTC metadata names the AI system used: {clean(item.value)}"
            found.append(_declared("iptc", words, True, {}))
    for credit in (*values(fields.xmp, "photoshop:Credit"), fields.iptc.get("credit", "")):
        tool = tool_credited(credit) or tool_named(credit)
        if tool is not None and tool.kind != "editor":
            detail = {"extent": _extent(tool, credit)}
            found.append(_declared("iptc", f"Credit line: “{clean(credit)}”", True, detail))
    return found


def _declared(source: str, words: str, ai: bool | None, detail: dict[str, str]) -> ProvenanceClaim:
    return ProvenanceClaim(
        source=source, statement=words, ai=ai, strength="declared", detail=detail
    )


def _extent(tool: Tool, text: str) -> str:
    return "edited" if tool.kind != "generator" or "edit" in text[:8].lower() else "generated"


def tool_claims(fields: Fields) -> list[ProvenanceClaim]:
    """Generators and editors that sign themselves in a software or credit field."""
    found = []
    for source, key, value in _software(fields):
        tool = tool_named(value)
        if tool is not None:
            found.append(_tool_claim(source, key, value, tool))
    for source, key, value in _credits(fields):
        tool = tool_credited(value)
        if tool is not None and tool.kind != "editor":
            found.append(_tool_claim(source, key, value, tool))
    return found


def _tool_claim(source: str, key: str, value: str, tool: Tool) -> ProvenanceClaim:
    said = f"{key}: “{clean(value)}”"
    if tool.kind == "editor":
        return _declared(source, f"Saved or edited with {tool.name} ({said})", None, {})
    if tool.kind == "face-swap":
        detail = {"tool": tool.name, "extent": "edited"}
        return _declared(
            source, f"Edited with {tool.name}, which alters faces ({said})", True, detail
        )
    detail = {"tool": tool.name, "extent": _extent(tool, value)}
    return _declared(source, f"Made with {tool.name}, a generative tool ({said})", True, detail)


def _software(fields: Fields) -> list[tuple[str, str, str]]:
    """(source, field, value) of every field whose business it is to name a program."""
    named = [
        ("exif", "EXIF Software", fields.exif.text(tags.SOFTWARE)),
        ("exif", "EXIF Make", fields.exif.text(tags.MAKE)),
        ("exif", "EXIF Model", fields.exif.text(tags.MODEL)),
        ("iptc", "IPTC program", fields.iptc.get("originating program", "")),
    ]
    for name in ("xmp:CreatorTool", "tiff:Software", "stEvt:softwareAgent", "tiff:Make"):
        named += [("xmp", f"XMP {name}", value) for value in values(fields.xmp, name)]
    named += [
        ("png-text", f"text field {clean(key)}", text)
        for key, text in fields.texts
        if key.lower() in SOFTWARE_KEYS
    ]
    named += [
        ("container", f"container tag {clean(key)}", value)
        for key, value in fields.tags.items()
        if key.removeprefix("stream ") in SOFTWARE_KEYS
    ]
    return [(source, key, value) for source, key, value in named if value]


def _credits(fields: Fields) -> list[tuple[str, str, str]]:
    named = [("exif", "EXIF description", fields.exif.text(tags.DESCRIPTION))]
    named += [("xmp", "XMP description", text) for text in values(fields.xmp, "dc:description")]
    for source, pairs in (("png-text", fields.texts), ("container", list(fields.tags.items()))):
        named += [(source, clean(key), text) for key, text in pairs if key.lower() in CREDIT_KEYS]
    return [(source, key, value) for source, key, value in named if value]


def trace_claims(fields: Fields) -> list[ProvenanceClaim]:
    """Generator settings left in text fields."""
    texts = [(key, text) for key, text in fields.texts if key != "GIF comment"]
    exif = [
        ("UserComment", fields.exif.user_comment),
        ("ImageDescription", fields.exif.text(tags.DESCRIPTION)),
        ("Artist", fields.exif.text(tags.ARTIST)),
        ("Make", _after_colon(fields.exif.text(tags.MAKE))),
        ("Model", _after_colon(fields.exif.text(tags.MODEL))),
        ("MakerNote", _maker_note(fields.exif)),
    ]
    xmp = [
        (name, value)
        for name in ("exif:UserComment", "dc:description", "TC260:AIGC")
        for value in values(fields.xmp, name)
    ]
    found = [
        *_trace_claims("png-text", find_traces(texts)),
        *_trace_claims("exif", find_traces(exif)),
        *_trace_claims("xmp", find_traces(xmp)),
        *_trace_claims("container", find_traces(fields.tags.items())),
    ]
    spread = easy_diffusion_keys(texts)
    return [*found, *_trace_claims("png-text", [spread] if spread else [])]


def _after_colon(text: str) -> str:
    """ComfyUI nodes for WebP write "workflow:{...}" and "prompt:{...}" into Make and Model."""
    name, _, rest = text.partition(":")
    return rest if name.lower() in ("prompt", "workflow") else ""


def _maker_note(exif: Exif) -> str:
    value = exif.exif.get(tags.MAKER_NOTE, exif.main.get(tags.MAKER_NOTE, ""))
    return value[:200].decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _trace_claims(source: str, traces: list[Trace]) -> list[ProvenanceClaim]:
    return [
        ProvenanceClaim(
            source=source,
            statement=f"Carries {_what(trace)} in the field {clean(trace.key)}",
            ai=True,
            strength="trace",
            detail={
                "tool": trace.tool,
                "extent": "generated",
                **{name: clean(value) for name, value in trace.detail.items()},
            },
        )
        for trace in traces
    ]


def _what(trace: Trace) -> str:
    return f"generation settings of {trace.tool}" if trace.detail else f"the mark of {trace.tool}"


def exif_claims(fields: Fields) -> list[ProvenanceClaim]:
    """The camera that EXIF names: "declared" with capture settings, a "trace" without."""
    make, model = fields.exif.text(tags.MAKE), fields.exif.text(tags.MODEL)
    camera = camera_name(make, model)
    if not make or not model or tool_named(make) or tool_named(model) or _after_colon(make):
        return []
    settings = [tags.EXPOSURE, tags.F_NUMBER, tags.ISO, tags.TAKEN]
    if sum(tag in fields.exif.exif for tag in settings) < 2:
        words = f"EXIF names a camera, {camera}, but no exposure"
        return [ProvenanceClaim(source="exif", statement=words, ai=False, strength="trace")]
    taken = fields.exif.text(tags.TAKEN)
    words = f"EXIF says it was taken with {camera}" + (f" at {clean(taken)}" if taken else "")
    return [_declared("exif", words, False, {"camera": camera})]


def camera_name(make: str, model: str) -> str:
    """Join make and model without saying the make twice."""
    make, model = clean(make), clean(model)
    first = make.partition(" ")[0].lower()
    return model if first and model.lower().startswith(first) else f"{make} {model}".strip()


def video_claims(fields: Fields) -> list[ProvenanceClaim]:
    """The device that a film's tags name."""
    make = next((fields.tags[key] for key in FOOTAGE_MAKE if key in fields.tags), "")
    model = next((fields.tags[key] for key in FOOTAGE_MODEL if key in fields.tags), "")
    if make and model and not tool_named(make) and not tool_named(model):
        words = f"Container tags say it was recorded with {camera_name(make, model)}"
        return [_declared("container", words, False, {"camera": camera_name(make, model)})]
    phone = next((fields.tags[key] for key in PHONE_TAGS if key in fields.tags), "")
    if phone:
        words = f"A container tag names the recording system: Android {clean(phone)}"
        return [ProvenanceClaim(source="container", statement=words, ai=False, strength="trace")]
    return []


def metadata_of(fields: Fields) -> dict[str, str]:
    """The readable remainder for the report; no positions, no names of persons."""
    exif = fields.exif
    found = {
        "camera": camera_name(exif.text(tags.MAKE), exif.text(tags.MODEL)),
        "lens": exif.text(tags.LENS),
        "taken": exif.text(tags.TAKEN),
        "changed": exif.text(tags.DATE),
        "software": exif.text(tags.SOFTWARE) or _first(fields, "xmp:CreatorTool"),
        "credit": _first(fields, "photoshop:Credit") or fields.iptc.get("credit", ""),
        "maker notes": "present" if tags.MAKER_NOTE in exif.exif else "",
        "brand": fields.brand,
    }
    for key, value in fields.tags.items():
        if not any(place in key for place in POSITION_TAGS) and not value.lstrip().startswith("{"):
            found.setdefault(key, value)
    return {key: clean(value) for key, value in list(found.items())[:60] if clean(value)}


def _first(fields: Fields, name: str) -> str:
    return next(iter(values(fields.xmp, name)), "")


def metadata_notes(fields: Fields) -> list[str]:
    """Facts about the metadata that a reader should know."""
    notes = []
    has_place = any(place in key for key in fields.tags for place in POSITION_TAGS)
    if fields.exif.has_position or has_place:
        notes.append("A position is recorded in the file; it is not shown here.")
    instructions = fields.iptc.get("special instructions", "")
    notes += [
        f"Metadata show that the file {words}."
        for mark, words in SERVICE_MARKS.items()
        if instructions.startswith(mark)
    ]
    remote = values(fields.xmp, "dcterms:provenance")
    if remote:
        notes.append("The file points to Content Credentials elsewhere, which were not fetched.")
    return notes
