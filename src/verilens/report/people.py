"""Where the persons of a report are drawn: boxes on pictures, bars over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from verilens.records import Box, Evidence, Person, Report
from verilens.report import words
from verilens.report.figures import RGB

AT_ONCE_S = 0.25  # between a sighting and a moment that it still shows
STAYS = 0.3  # overlap of two sightings between which a face is taken to move evenly
GAP = 1.5  # steps without a sighting that end a bar
WIDTH = 1000.0
MOVED = "generated-movement"  # counts the persons in the joints, not the faces
# The colours of page.css for the light scheme, for boxes painted into thumbnails.
PAINT = {
    "fake": (161, 38, 13),
    "suspicious": (232, 160, 40),
    "unsure": (200, 200, 205),
    "genuine": (60, 160, 190),
}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A box on a shown picture, in its pixels. decision: a style; "unsure" without a verdict."""

    track: int
    decision: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """When a person is seen, and when flagged: (x, width) of each stretch, 0 to WIDTH."""

    person: Person
    seen: tuple[tuple[float, float], ...]
    flagged: tuple[tuple[float, float], ...]


def box_at(person: Person, time_s: float) -> Box | None:
    """Return where a face is at a moment; between two sightings only when it hardly moves."""
    nearest = min(range(len(person.times_s)), key=lambda n: abs(person.times_s[n] - time_s))
    if abs(person.times_s[nearest] - time_s) <= AT_ONCE_S:
        return person.boxes[nearest]
    sightings = list(zip(person.times_s, person.boxes, strict=True))
    for (before_s, a), (after_s, b) in pairwise(sightings):
        if before_s < time_s < after_s and _overlap(a, b) >= STAYS:
            share = (time_s - before_s) / (after_s - before_s)
            left, top, right, bottom = (
                round(p + share * (q - p)) for p, q in zip(a, b, strict=True)
            )
            return left, top, right, bottom
    return None


def marks(report: Report, time_s: float, shown: tuple[int, int]) -> list[Mark]:
    """Return the boxes of the persons at a moment, on a picture of `shown` (width, height)."""
    media = report.media
    if media is None or not report.people:
        return []
    x, y = shown[0] / media.width, shown[1] / media.height
    return [
        Mark(
            track=person.track,
            decision=words.style(person),
            x=round(box[0] * x, 1),
            y=round(box[1] * y, 1),
            width=round((box[2] - box[0]) * x, 1),
            height=round((box[3] - box[1]) * y, 1),
        )
        for person in report.people or ()
        if (box := box_at(person, time_s)) is not None
    ]


def painted(rgb: RGB, boxes: Sequence[Mark]) -> RGB:
    """Return a small picture with its boxes painted in, edged so that they show on any ground."""
    result = np.ascontiguousarray(rgb).copy()
    for mark in boxes:
        corners = (int(mark.x), int(mark.y)), (int(mark.x + mark.width), int(mark.y + mark.height))
        cv2.rectangle(result, *corners, (255, 255, 255), 3)
        cv2.rectangle(result, *corners, PAINT[mark.decision], 2)
    return result


def bars(report: Report) -> list[Bar]:
    """Return when each person of a film is seen and flagged; empty for a still."""
    media, people = report.media, report.people or ()
    if media is None or media.kind != "video" or not people:
        return []
    times = {p.track: sorted({*p.times_s, *_timeline(report.evidence, p)}) for p in people}
    duration_s = max(media.duration_s or 0.0, *(t[-1] for t in times.values()), 1e-3)
    union = sorted({t for each in times.values() for t in each})
    step_s = float(np.median(np.diff(union))) if len(union) > 1 else duration_s
    return [
        Bar(
            person=person,
            seen=tuple(_span(a, b, duration_s) for a, b in stays(times[person.track], step_s)),
            flagged=tuple(
                _span(s.start_s, s.end_s, duration_s)
                for e in report.evidence
                if e.track == person.track and e.claim != MOVED
                for s in e.where.segments
            ),
        )
        for person in people
    ]


def stays(times_s: Sequence[float], step_s: float) -> list[tuple[float, float]]:
    """Return the stretches of sightings without a gap; each reaches half a step beyond."""
    edges = [n for n, (a, b) in enumerate(pairwise(times_s), 1) if b - a > GAP * step_s]
    half = step_s / 2
    cuts = [0, *edges, len(times_s)]
    return [(times_s[a] - half, times_s[b - 1] + half) for a, b in pairwise(cuts)]


def _timeline(evidence: Sequence[Evidence], person: Person) -> list[float]:
    own = (e for e in evidence if e.track == person.track and e.claim != MOVED)
    return [t for e in own for t, _ in e.where.timeline]


def _span(start_s: float, end_s: float, duration_s: float) -> tuple[float, float]:
    start, end = max(0.0, start_s / duration_s), min(1.0, end_s / duration_s)
    return round(WIDTH * start, 1), round(max(WIDTH * (end - start), 3.0), 1)


def _overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    areas = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return shared / max(areas - shared, 1)
