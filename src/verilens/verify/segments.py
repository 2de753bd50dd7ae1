"""Flagged stretches of a video, from the scores of sampled moments.

A moment stands for the time around it, up to half-way to its neighbours; neighbours above the
threshold merge into one segment.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise

from verilens.records import Segment

THRESHOLD = 0.5  # a detector's score where it sees as much for as against


def segments(
    timeline: Sequence[tuple[float, float]], duration_s: float, threshold: float = THRESHOLD
) -> tuple[Segment, ...]:
    """Return the stretches whose moments all score above `threshold`, in order of time.

    timeline: (time in seconds, score in [0, 1]), sorted by time. Segments lie in [0, duration_s].
    """
    times = [time for time, _ in timeline]
    middles = [(a + b) / 2 for a, b in pairwise(times)]
    starts, ends = [0.0, *middles], [*middles, max([duration_s, *times[-1:]])]
    found = []
    moments = zip(starts, ends, (score for _, score in timeline), strict=False)
    for is_flagged, group in groupby(moments, key=lambda moment: moment[2] > threshold):
        if is_flagged:
            run = list(group)
            mean = sum(score for _, _, score in run) / len(run)
            found.append(Segment(start_s=run[0][0], end_s=run[-1][1], score=mean))
    return tuple(found)
