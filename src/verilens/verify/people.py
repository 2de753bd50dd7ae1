"""Persons in a file: each is scored, and judged, on its own.

    face clip -> crops of each person -> evidence on each, and on the file -> a verdict on each

A method's evidence on the file is that on the person it finds most suspect. The verdict on a
person is the calibrated model of one claim, "face-swap" or "spoof", over the methods' logits on
that person.
"""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from verilens.media.opened import Opened
from verilens.media.tracks import by_track
from verilens.records import (
    Claim,
    Clip,
    Evidence,
    Faces,
    Kind,
    Media,
    Person,
    Segment,
    Verdict,
    Where,
)
from verilens.verify.calibrate import OTHER_WEIGHTS, Fit, best_fit, flag_level
from verilens.verify.detector import Detector, sigmoid
from verilens.verify.fuse import OPENINGS, decide, out_of_range, stretch, widened
from verilens.verify.segments import segments

Timeline = tuple[tuple[float, float], ...]

# Moments at which a person must be seen to bear on the file: one may be a painting, a blur or a
# mistake of the search.
ENOUGH: dict[Kind, int] = {"image": 1, "video": 2}


def scored(detector: Detector, clip: Clip, kind: Kind) -> list[Evidence]:
    """Return the evidence on the file, then on each person of a face clip, by track.

    None on the file when no person was seen often enough.
    """
    crops = by_track(clip)
    found = detector.inspect(list(crops.values()))
    each = [
        dataclasses.replace(item, track=track) for track, item in zip(crops, found, strict=True)
    ]
    seen = [item for item in each if len(crops[item.track or 0].frames) >= ENOUGH[kind]]
    if not seen:
        return each
    most = max(seen, key=lambda item: item.logit)
    which = f"Highest of {len(seen)} persons: person {most.track}."
    why = f"{most.why.rstrip('.')}. {which}" if most.why else which
    return [dataclasses.replace(most, track=None, why=why if len(seen) > 1 else most.why), *each]


def where(detector: Detector, evidence: Evidence, opened: Opened) -> Where:
    """Return where a person's face is suspect: of a still a map, where the method makes one.

    Of a film its dense timeline, and segments; a segment never goes beyond the moments at which
    the person is seen.
    """
    is_still = opened.media.kind == "image"
    view = detector.config.view if is_still else detector.dense_view or detector.config.view
    clip = opened.clips.get(view)
    own = by_track(clip).get(evidence.track or 0) if clip is not None else None
    if clip is None or own is None:
        return evidence.where
    if is_still:
        has_map = detector.map_view is not None
        found_map = detector.heatmap(own) if has_map else evidence.where.heatmap
        return dataclasses.replace(evidence.where, heatmap=found_map)
    timeline = detector.inspect([own])[0].where.timeline
    level = flag_level(detector.name, opened.media.kind)
    moments = np.unique(clip.times_s).tolist()
    found = [
        segment
        for run in runs(timeline, moments)
        for segment in within(run, moments, opened.media.duration_s or 0.0, level)
    ]
    return dataclasses.replace(evidence.where, timeline=timeline, segments=tuple(found))


def runs(timeline: Timeline, moments: Sequence[float]) -> list[Timeline]:
    """Return a person's timeline in stretches without a moment at which others alone are seen."""
    places = [moments.index(time_s) for time_s, _ in timeline]
    edges = [n for n in range(1, len(places)) if places[n] > places[n - 1] + 1]
    return [timeline[a:b] for a, b in pairwise([0, *edges, len(places)])]


def within(
    run: Timeline, moments: Sequence[float], duration_s: float, level: float
) -> list[Segment]:
    """Return the flagged segments of one stretch, at most half a step longer than it."""
    first, last = moments.index(run[0][0]), moments.index(run[-1][0])
    start = (moments[first - 1] + moments[first]) / 2 if first else 0.0
    is_end = last + 1 == len(moments)
    end = max(duration_s, moments[-1]) if is_end else (moments[last] + moments[last + 1]) / 2
    return [
        dataclasses.replace(s, start_s=max(s.start_s, start), end_s=min(s.end_s, end))
        for s in segments(run, duration_s, level)
    ]


def with_places(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return the evidence, that on the file placed where the person it follows is."""
    placed = {(e.method, e.logit): e.where for e in evidence if e.track is not None}
    return tuple(
        e
        if e.track is not None
        else dataclasses.replace(e, where=placed.get((e.method, e.logit), e.where))
        for e in evidence
    )


def judged(
    faces: Faces, evidence: Sequence[Evidence], media: Media, claim: Claim = "face-swap"
) -> Faces:
    """Return the faces with a verdict on every person that a calibrated method looked at."""
    people = tuple(
        dataclasses.replace(person, verdict=_verdict(person, evidence, media, claim))
        for person in faces.people
    )
    return dataclasses.replace(faces, people=people)


def _verdict(
    person: Person, evidence: Sequence[Evidence], media: Media, claim: Claim
) -> Verdict | None:
    own = [e for e in evidence if e.claim == claim and e.track == person.track]
    scores = {e.method: e.logit for e in own if OTHER_WEIGHTS not in e.limits}
    fit = best_fit(media.kind, frozenset(scores), claim)
    if fit is None:
        return None
    limits = out_of_range(media)
    if len(person.times_s) < ENOUGH[media.kind]:
        limits.append("seen at one moment only")
    found = _decided(fit, scores, limits)
    when = stretch(person, own, media.kind)
    opening = OPENINGS[claim][found.decision]
    return dataclasses.replace(found, sentence=f"{opening}{when}: {found.sentence}", claim=claim)


def _decided(fit: Fit, scores: dict[str, float], limits: Sequence[str]) -> Verdict:
    draws = fit.logits(scores)
    probability = float(sigmoid(draws[0]))
    decision = decide(probability, fit, shift=0.0, abstain=bool(limits))
    why = f" Out of the measured range ({'; '.join(limits)})." if limits else ""
    return Verdict(
        decision=decision,
        probability=probability,
        interval=widened(draws, is_out=bool(limits)),
        sentence=f"probability {probability:.0%}.{why}",
    )
