"""What a report shows of a post: its words with what is marked in them, boxes on its picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from verilens.records import Evidence, Post, Report
from verilens.report.escape import shortened, visible

LONGEST = 20_000  # characters of a text on a page; the rest is in the JSON
KINDS = {
    "face_swap": "face swapped",
    "face_attribute": "face edited",
    "text_swap": "text swapped",
    "text_attribute": "text rewritten",
    "text-ocr": "text against words seen",
    "text-transcript": "text against words heard",
    "text-metadata": "text against the file's own words",
    "text-picture": "text against the picture",
    "visual-text": "picture against text",
    "audio-text": "sound against text",
    "visual-audio": "picture against sound",
}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of a post's text; `by` names the methods that mark it, nobody's when empty."""

    text: str
    by: tuple[str, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RegionMark:
    """A box that a method says was changed, in pixels of the shown picture."""

    by: str
    score: float
    x: float
    y: float
    width: float
    height: float


def pieces(post: Post, evidence: Sequence[Evidence], longest: int = LONGEST) -> list[Piece]:
    """Return the text in order, cut where marks begin and end; what is left out is said last."""
    text = post.text[:longest]
    marks = [(p, e.method) for e in evidence for p in e.where.passages if p.start < p.end]
    edges = {0, len(text), *(edge for p, _ in marks for edge in (p.start, p.end))}
    found = []
    for start, end in pairwise(sorted(edge for edge in edges if 0 <= edge <= len(text))):
        over = [(p, name) for p, name in marks if p.start <= start and end <= p.end]
        by = tuple(dict.fromkeys(name for _, name in over))
        score = max((p.score for p, _ in over), default=0.0)
        found.append(Piece(text=text[start:end], by=by, score=score))
    if len(post.text) > longest:
        found.append(Piece(text=f" … ({len(post.text):,} characters)"))
    return found


def regions(report: Report, shown: tuple[int, int]) -> list[RegionMark]:
    """Return the changed boxes on a picture of `shown` (width, height)."""
    media = report.media
    if media is None or not media.width:
        return []
    x, y = shown[0] / media.width, shown[1] / media.height
    return [
        RegionMark(
            by=item.method,
            score=region.score,
            x=round(region.box[0] * x, 1),
            y=round(region.box[1] * y, 1),
            width=round((region.box[2] - region.box[0]) * x, 1),
            height=round((region.box[3] - region.box[1]) * y, 1),
        )
        for item in report.evidence
        for region in item.where.regions
    ]


def facts(post: Post) -> list[tuple[str, str]]:
    """Return what a post says of itself, as (label, text)."""
    comments = f"{len(post.comments):,}, not read" if post.comments else ""
    named = (
        ("Title", post.title),
        ("Author", post.author),
        ("Time", post.time),
        ("Language", post.language),
        ("Media", post.media),
        ("Words seen", shortened(post.ocr)),
        ("Words heard", shortened(post.transcript)),
        ("Comments", comments),
    )
    return [(label, text) for label, text in named if text]


def kinds(evidence: Evidence) -> str:
    """Return what was done by name with its score, e.g. "face swapped 0.91, text swapped 0.20"."""
    named = sorted(evidence.kinds.items(), key=lambda kind: -kind[1])
    return ", ".join(f"{KINDS.get(name, visible(name))} {score:.2f}" for name, score in named)


def marked_words(post: Post, evidence: Sequence[Evidence]) -> list[str]:
    """Return the marked stretches in a line each, with who marks them."""
    return [
        f"{item.method}: “{shortened(post.text[p.start : p.end], 80)}” at {p.start} ({p.score:.2f})"
        for item in evidence
        for p in item.where.passages
    ]
