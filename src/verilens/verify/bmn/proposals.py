"""Segments in seconds, from what the maps say of pairs of beginnings and ends."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.records import Segment
from verilens.verify.bmn.config import Config
from verilens.verify.bmn.matching import stretches

Floats = NDArray[np.float64]
PEAK_SHARE = 0.5  # of the highest boundary probability, from which a step is a candidate
RANKED = 400  # best candidates that soft-NMS looks at


class Scored(NamedTuple):
    """Candidate stretches by falling score. spans: (start, end) in steps, (P, 2). scores: (P,)."""

    spans: Floats
    scores: Floats


def candidates(start: Floats, end: Floats, confidence: Floats, config: Config) -> Scored:
    """Return stretches between likely boundaries, each scored start x end x confidence.

    start, end: probabilities of the steps, (T,). confidence: of the cells, (T, T), columns by
    start. A step is a likely boundary when it is a peak or above half of the highest. The score is
    the fourth root of the product, which has four factors.
    """
    first, last, cells = stretches(config.steps, config.columns)
    behind = np.minimum(last, config.steps - 1)
    likely = _likely(start)[first] & (_likely(end)[behind] | (last == config.steps))
    first, last, cells, behind = (a[likely] for a in (first, last, cells, behind))
    scores = (start[first] * end[behind] * confidence.ravel()[cells]) ** 0.25
    order = np.argsort(-scores, kind="stable")[:RANKED]
    return Scored(np.stack([first, last], 1)[order].astype(np.float64), scores[order])


def _likely(chance: Floats) -> NDArray[np.bool_]:
    wide = np.r_[-1.0, chance, -1.0]
    is_peak = (chance > wide[:-2]) & (chance > wide[2:])
    likely: NDArray[np.bool_] = is_peak | (chance > PEAK_SHARE * chance.max())
    return likely


def soft_nms(found: Scored, sigma: float, above: float, most: int) -> Scored:
    """Return at most `most` stretches; each lowers the scores of worse ones it overlaps.

    Scores fall by exp(-tIoU^2 / sigma) where the tIoU is above `above` (Bodla et al. 2017).
    """
    spans, scores = found.spans.copy(), found.scores.copy()
    kept: list[tuple[float, float, float]] = []
    while len(scores) and len(kept) < most:
        best = int(scores.argmax())
        span = spans[best]
        kept.append((span[0], span[1], scores[best]))
        spans, scores = np.delete(spans, best, 0), np.delete(scores, best)
        overlap = _tiou(span, spans)
        scores = scores * np.where(overlap > above, np.exp(-(overlap**2) / sigma), 1.0)
    table = np.array(kept).reshape(-1, 3)
    return Scored(table[:, :2], table[:, 2])


def _tiou(span: Floats, others: Floats) -> Floats:
    shared = np.minimum(span[1], others[:, 1]) - np.maximum(span[0], others[:, 0])
    shared = shared.clip(min=0)
    both = span[1] - span[0] + others[:, 1] - others[:, 0] - shared
    overlap: Floats = shared / np.maximum(both, 1e-9)
    return overlap


def disjoint(found: Sequence[Segment], level: float) -> tuple[Segment, ...]:
    """Return the segments above `level` that overlap no better one, in order of time."""
    kept: list[Segment] = []
    for segment in sorted(found, key=lambda s: -s.score):
        if segment.score > level and all(
            segment.end_s <= other.start_s or segment.start_s >= other.end_s for other in kept
        ):
            kept.append(segment)
    return tuple(sorted(kept, key=lambda s: s.start_s))
