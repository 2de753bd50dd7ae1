"""A report as one line of JSON, and back.

The fields are published as JSON Schema in `schema/scan-v1.json`; within version 1 fields may be
added, never changed. Lines are strict JSON: no NaN, no lone surrogates, ASCII only. A path that is
not valid UTF-8 is written readably in `path` and exactly, in hexadecimal, in `path_bytes`. Heat
maps leave as small grids, so a line stays a few kilobytes.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from verilens.records import (
    Box,
    ErrorRecord,
    Evidence,
    Media,
    Passage,
    Person,
    Post,
    Provenance,
    ProvenanceClaim,
    Quality,
    Region,
    Report,
    Segment,
    Verdict,
    Where,
)
from verilens.report.escape import unicode

SCHEMA = "verilens/scan-v1"
MAX_CELLS = 64  # longer side of a heat map in JSON
MAX_LOGIT = 1e6  # infinite logits are written as this

Line = dict[str, Any]


@cache
def schema() -> Mapping[str, Any]:
    """Return the published JSON Schema (draft 2020-12) of a line."""
    text = (files("verilens.report") / "schema" / "scan-v1.json").read_text(encoding="utf-8")
    return cast(Mapping[str, Any], json.loads(text))


def dumps(report: Report) -> str:
    """Return `report` as one line of ASCII, without the line break."""
    return json.dumps(line(report), allow_nan=False, separators=(",", ":"))


def loads(lines: Iterable[str]) -> Iterator[Report]:
    """Yield the report on each line; blank lines are skipped."""
    return (parse(json.loads(text)) for text in lines if text.strip())


def line(report: Report) -> Line:
    """Return `report` as plain values, ready for `json.dumps(..., allow_nan=False)`.

    ValueError when a score or a probability is not a number: that is never written.
    """
    media, verdict, error = report.media, report.verdict, report.error
    result: Line = {"schema": SCHEMA, "path": unicode(report.path)}
    if result["path"] != report.path:
        result["path_bytes"] = _path_bytes(report.path)
    result |= _media(media) if media else dict.fromkeys(_MEDIA)
    result |= _verdict(verdict) if verdict else dict.fromkeys(_VERDICT)
    result["claim"] = verdict.claim if verdict else None
    result["evidence"] = [_evidence(e) for e in report.evidence]
    people = report.people
    result["people"] = None if people is None else [_person(person) for person in people]
    result["post"] = _post(report.post) if report.post else None
    result["provenance"] = _provenance(media.provenance) if media else None
    result["quality"] = _quality(media.quality) if media else None
    result["error"] = (
        {"type": error.type, "message": unicode(error.message)} if error is not None else None
    )
    result["seconds"] = _number(report.seconds)
    result["version"] = report.version
    return result


def parse(line: Mapping[str, Any]) -> Report:
    """Return the report a line was made from; heat maps come back as coarse as they were written.

    ValueError for a line of another schema.
    """
    if line.get("schema") != SCHEMA:
        raise ValueError(f"this line has schema {line.get('schema')!r}; {SCHEMA!r} is read here")
    path = line["path"]
    if "path_bytes" in line:
        path = bytes.fromhex(line["path_bytes"]).decode("utf-8", "surrogateescape")
    error = line["error"]
    return Report(
        path=path,
        version=line["version"],
        seconds=_float(line["seconds"]),
        media=_parse_media(line, path) if line["sha256"] is not None else None,
        evidence=tuple(_parse_evidence(e) for e in line["evidence"]),
        people=_parse_people(line.get("people"), line.get("claim")),
        verdict=_parse_verdict(line) if line["decision"] is not None else None,
        error=ErrorRecord(type=error["type"], message=error["message"]) if error else None,
        post=_parse_post(line.get("post")),
    )


_MEDIA = (
    "sha256",
    "kind",
    "format",
    "codec",
    "size_bytes",
    "width",
    "height",
    "duration_s",
    "fps",
    "frames",
    "has_audio",
)
_POST = ("text", "sha256", "media", "author", "time", "language", "title", "ocr", "transcript")
_VERDICT = ("decision", "probability", "interval", "sentence", "conflicts", "not_checked")


def _media(media: Media) -> Line:
    return {
        "sha256": media.sha256,
        "kind": media.kind,
        "format": unicode(media.format),
        "codec": None if media.codec is None else unicode(media.codec),
        "size_bytes": int(media.size_bytes),
        "width": int(media.width),
        "height": int(media.height),
        "duration_s": _number(media.duration_s),
        "fps": _number(media.fps),
        "frames": None if media.frames is None else int(media.frames),
        "has_audio": bool(media.has_audio),
    }


def _parse_media(line: Mapping[str, Any], path: str) -> Media:
    facts = {name: line[name] for name in _MEDIA}
    for name in ("duration_s", "fps"):
        facts[name] = None if facts[name] is None else float(facts[name])
    quality, provenance = line["quality"], line["provenance"]
    return Media(
        path=path,
        **facts,
        quality=Quality(
            jpeg_quality=quality["jpeg_quality"],
            double_jpeg=quality["double_jpeg"],
            blockiness=_float(quality["blockiness"]),
            sharpness=_float(quality["sharpness"]),
            bits_per_pixel=_float(quality["bits_per_pixel"]),
            notes=tuple(quality["notes"]),
        ),
        provenance=Provenance(
            state=provenance["state"],
            claims=tuple(ProvenanceClaim(**claim) for claim in provenance["claims"]),
            c2pa=provenance["c2pa"],
            metadata=provenance["metadata"],
            notes=tuple(provenance["notes"]),
        ),
    )


def _verdict(verdict: Verdict) -> Line:
    low, high = verdict.interval
    return {
        "decision": verdict.decision,
        "probability": _score(verdict.probability, "the verdict's probability"),
        "interval": [_score(low, "the interval"), _score(high, "the interval")],
        "sentence": unicode(verdict.sentence),
        "conflicts": [unicode(text) for text in verdict.conflicts],
        "not_checked": [unicode(text) for text in verdict.not_checked],
    }


def _parse_verdict(line: Mapping[str, Any]) -> Verdict:
    low, high = line["interval"]
    return Verdict(
        decision=line["decision"],
        probability=float(line["probability"]),
        interval=(float(low), float(high)),
        sentence=line["sentence"],
        conflicts=tuple(line["conflicts"]),
        not_checked=tuple(line["not_checked"]),
        claim=line.get("claim") or "ai-generated",
    )


def _person(person: Person) -> Line:
    return {
        "track": person.track,
        "sightings": [
            {"time_s": float(time_s), "box": [int(edge) for edge in box]}
            for time_s, box in zip(person.times_s, person.boxes, strict=True)
        ],
        "verdict": _verdict(person.verdict) if person.verdict else None,
    }


def _parse_people(
    listed: Sequence[Mapping[str, Any]] | None, of_file: str | None
) -> tuple[Person, ...] | None:
    """Return the persons; a scan is about presentation attacks for all of them or for none."""
    if listed is None:
        return None
    claim = "spoof" if of_file == "spoof" else "face-swap"
    return tuple(
        Person(
            track=item["track"],
            times_s=tuple(float(seen["time_s"]) for seen in item["sightings"]),
            boxes=tuple(_box(seen["box"]) for seen in item["sightings"]),
            verdict=_parse_verdict({**item["verdict"], "claim": claim})
            if item["verdict"]
            else None,
        )
        for item in listed
    )


def _post(post: Post) -> Line:
    facts: Line = {name: unicode(getattr(post, name)) for name in _POST}
    return facts | {"comments": [unicode(text) for text in post.comments]}


def _parse_post(line: Mapping[str, Any] | None) -> Post | None:
    if line is None:
        return None
    return Post(**{name: line[name] for name in _POST}, comments=tuple(line["comments"]))


def _box(edges: Sequence[int]) -> Box:
    left, top, right, bottom = edges
    return left, top, right, bottom


def _evidence(evidence: Evidence) -> Line:
    logit = float(evidence.logit)
    if math.isnan(logit):
        raise ValueError(f"the logit of {evidence.method} is not a number")
    return {
        "method": evidence.method,
        "claim": evidence.claim,
        "track": evidence.track,
        "score": _score(evidence.score, f"the score of {evidence.method}"),
        "logit": min(max(logit, -MAX_LOGIT), MAX_LOGIT),
        "where": _where(evidence.where),
        "why": unicode(evidence.why),
        "limits": [unicode(text) for text in evidence.limits],
        "kinds": {unicode(name): _score(score, name) for name, score in evidence.kinds.items()},
    }


def _parse_evidence(line: Mapping[str, Any]) -> Evidence:
    return Evidence(
        method=line["method"],
        claim=line["claim"],
        score=float(line["score"]),
        logit=float(line["logit"]),
        where=_parse_where(line["where"]),
        why=line["why"],
        limits=tuple(line["limits"]),
        track=line.get("track"),
        kinds={name: float(score) for name, score in line.get("kinds", {}).items()},
    )


def _where(where: Where) -> Line:
    return {
        "by": unicode(where.by),
        "heatmap": None if where.heatmap is None else _grid(where.heatmap),
        "boxes": [[int(edge) for edge in box] for box in where.boxes],
        "box_scores": [_score(score, "a box") for score in where.box_scores],
        "timeline": [
            {"time_s": float(time), "score": _score(score, "a moment")}
            for time, score in where.timeline
        ],
        "segments": [
            {
                "start_s": float(segment.start_s),
                "end_s": float(segment.end_s),
                "score": _score(segment.score, "a segment"),
            }
            for segment in where.segments
        ],
        "regions": [
            {"box": [int(edge) for edge in r.box], "score": _score(r.score, "a region")}
            for r in where.regions
        ],
        "passages": [
            {"start": int(p.start), "end": int(p.end), "score": _score(p.score, "a passage")}
            for p in where.passages
        ],
    }


def _parse_where(line: Mapping[str, Any]) -> Where:
    grid = line["heatmap"]
    return Where(
        by=line["by"],
        heatmap=None if grid is None else _parse_grid(grid),
        boxes=tuple(_box(box) for box in line["boxes"]),
        box_scores=tuple(float(score) for score in line["box_scores"]),
        timeline=tuple((float(m["time_s"]), float(m["score"])) for m in line["timeline"]),
        segments=tuple(Segment(**segment) for segment in line["segments"]),
        regions=tuple(
            Region(box=_box(region["box"]), score=float(region["score"]))
            for region in line.get("regions", ())
        ),
        passages=tuple(Passage(**passage) for passage in line.get("passages", ())),
    )


def _grid(heatmap: NDArray[np.float32]) -> Line:
    rows, columns = heatmap.shape
    scale = min(1.0, MAX_CELLS / max(rows, columns))
    grid = _means(heatmap, max(1, round(rows * scale)), max(1, round(columns * scale)))
    values = [None if math.isnan(v) else round(v, 3) for v in grid.ravel().tolist()]
    return {"rows": grid.shape[0], "columns": grid.shape[1], "values": values}


def _means(grid: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float64]:
    """Return `grid` averaged to (rows, columns), neither larger than before."""
    result = grid.astype(np.float64)
    for axis, parts in enumerate((rows, columns)):
        edges = np.arange(parts) * result.shape[axis] // parts
        sizes = np.diff(edges, append=result.shape[axis])
        total = np.add.reduceat(result, edges, axis=axis)
        result = total / np.expand_dims(sizes, 1 - axis)
    return result


def _parse_grid(grid: Mapping[str, Any]) -> NDArray[np.float32]:
    values: Sequence[float | None] = grid["values"]
    flat = np.array([math.nan if v is None else v for v in values], dtype=np.float32)
    return flat.reshape(grid["rows"], grid["columns"])


def _quality(quality: Quality) -> Line:
    return {
        "jpeg_quality": None if quality.jpeg_quality is None else int(quality.jpeg_quality),
        "double_jpeg": _number(quality.double_jpeg),
        "blockiness": _number(quality.blockiness),
        "sharpness": _number(quality.sharpness),
        "bits_per_pixel": _number(quality.bits_per_pixel),
        "notes": [unicode(note) for note in quality.notes],
    }


def _provenance(provenance: Provenance) -> Line:
    return {
        "state": provenance.state,
        "claims": [
            {
                "source": claim.source,
                "statement": unicode(claim.statement),
                "ai": claim.ai,
                "strength": claim.strength,
                "detail": _plain(claim.detail),
            }
            for claim in provenance.claims
        ],
        "c2pa": None if provenance.c2pa is None else _plain(provenance.c2pa),
        "metadata": _plain(provenance.metadata),
        "notes": [unicode(note) for note in provenance.notes],
    }


def _plain(value: object) -> object:
    """Return `value` as JSON values; what JSON does not know is written as text."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return {unicode(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return unicode(str(value))


def _score(value: float, name: str) -> float:
    number = float(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} must be in [0, 1], not {number}")
    return number


def _number(value: float | None) -> float | None:
    """Return a finite float, or None."""
    return float(value) if value is not None and math.isfinite(value) else None


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _path_bytes(path: str) -> str:
    try:
        return path.encode("utf-8", "surrogateescape").hex()
    except UnicodeEncodeError:
        return path.encode("utf-8", "backslashreplace").hex()
