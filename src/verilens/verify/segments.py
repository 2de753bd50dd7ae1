"""Flagged stretches of a video, from the scores of sampled moments.

A moment stands for the time around it, up to half-way to its neighbours; neighbours above the
threshold merge into one segment. No segment straddles a scene cut: what lies on its two sides was
filmed, and may have been forged, apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from verilens.media.cuts import Shot
from verilens.records import Evidence, Segment

THRESHOLD = 0.5  # a detector's score where it sees as much for as against


def segments(
    timeline: Sequence[tuple[float, float]],
    duration_s: float,
    threshold: float = THRESHOLD,
    shots: Sequence[Shot] | None = None,
) -> tuple[Segment, ...]:
    """Return the stretches whose moments all score above `threshold`, in order of time.

    timeline: (time in seconds, score in [0, 1]), sorted by time. Segments lie in [0, duration_s],
        and each in one of `shots`, where these are given; a segment that several shots share is
        divided, and what lies in none of them is left out.
    """
    times = [time for time, _ in timeline]
    middles = [(a + b) / 2 for a, b in pairwise(times)]
    starts, ends = [0.0, *middles], [*middles, max([duration_s, *times[-1:]])]
    found: list[Segment] = []
    moments = zip(starts, ends, timeline, strict=False)
    for is_flagged, group in groupby(moments, key=lambda moment: moment[2][1] > threshold):
        if is_flagged:
            run = list(group)
            whole = Segment(start_s=run[0][0], end_s=run[-1][1], score=0.0)
            parts = [whole] if shots is None else divided([whole], shots)
            found += _scored(parts, [moment for _, _, moment in run])
    return tuple(found)


def divided(found: Sequence[Segment], shots: Sequence[Shot], least_s: float = 0.0) -> list[Segment]:
    """Return each segment's parts in each shot, with its score; parts up to `least_s` are left out.

    An uncut segment stays however short it is.
    """
    parts = []
    for segment in found:
        for shot in shots:
            start_s, end_s = max(segment.start_s, shot.start_s), min(segment.end_s, shot.end_s)
            is_whole = start_s == segment.start_s and end_s == segment.end_s
            if end_s > start_s and (is_whole or end_s - start_s > least_s):
                parts.append(Segment(start_s=start_s, end_s=end_s, score=segment.score))
    return parts


def within(evidence: Evidence, duration_s: float | None) -> Evidence:
    """Return the evidence with its segments inside [0, duration_s], where that is known."""
    own = evidence.where.segments
    if not own or not duration_s:
        return evidence
    kept = tuple(
        replace(s, start_s=max(0.0, s.start_s), end_s=min(s.end_s, duration_s))
        for s in own
        if s.start_s < duration_s
    )
    return replace(evidence, where=replace(evidence.where, segments=kept))


def _scored(parts: Sequence[Segment], run: Sequence[tuple[float, float]]) -> Iterator[Segment]:
    """Yield each part with the mean score of its moments; one that holds none is left out."""
    for part in parts:
        scores = [score for time_s, score in run if part.start_s <= time_s <= part.end_s]
        if scores:
            yield replace(part, score=sum(scores) / len(scores))
