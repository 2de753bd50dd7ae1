"""The geometry of a video's timeline: scores over time as lines in a box of 1000 x 200 units."""

from collections.abc import Sequence
from dataclasses import dataclass

from verilens.records import Evidence, Media
from verilens.report import words

WIDTH, HEIGHT = 1000.0, 200.0
TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    """One method's scores, of one person where it looks at faces.

    points: "x,y x,y ..." for an SVG polyline; dots: (x, y) of each.
    """

    method: str
    points: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A flagged segment: where it is drawn, and what it says."""

    method: str
    x: float
    width: float
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Everything the drawing needs. ticks: times in seconds, evenly spaced, ends included."""

    duration_s: float
    lines: tuple[Line, ...]
    stretches: tuple[Stretch, ...]
    ticks: tuple[float, ...]

    def x(self, time_s: float) -> float:
        """Return where a moment lies, 0 to WIDTH."""
        return _x(time_s, self.duration_s)

    def flagged(self, time_s: float) -> bool:
        """Tell whether any method flagged this moment."""
        return any(s.start_s <= time_s <= s.end_s for s in self.stretches)


def timeline(media: Media, evidence: Sequence[Evidence]) -> Timeline | None:
    """Return the timeline of a video, without lines when nothing was scored; None for a still."""
    if media.kind == "image":
        return None
    drawn = [e for e in words.apart(evidence) if e.where.timeline]
    last_s = max((time for e in drawn for time, _ in e.where.timeline), default=0.0)
    duration_s = max(media.duration_s or 0.0, last_s, 1e-3)
    stretches = [
        Stretch(
            method=words.source(e),
            x=_x(s.start_s, duration_s),
            width=max(_x(s.end_s, duration_s) - _x(s.start_s, duration_s), 3.0),
            start_s=s.start_s,
            end_s=s.end_s,
            score=s.score,
        )
        for e in drawn
        for s in e.where.segments
    ]
    return Timeline(
        duration_s=duration_s,
        lines=tuple(_line(e, duration_s) for e in drawn),
        stretches=tuple(sorted(stretches, key=lambda s: (s.start_s, s.method))),
        ticks=tuple(duration_s * i / (TICKS - 1) for i in range(TICKS)),
    )


def _line(evidence: Evidence, duration_s: float) -> Line:
    dots = tuple(
        (_x(time, duration_s), round(HEIGHT * (1 - score), 1))
        for time, score in sorted(evidence.where.timeline)
    )
    return Line(
        method=words.source(evidence), points=" ".join(f"{x:g},{y:g}" for x, y in dots), dots=dots
    )


def _x(time_s: float, duration_s: float) -> float:
    return round(WIDTH * min(max(time_s / duration_s, 0.0), 1.0), 1)
