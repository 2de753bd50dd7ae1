"""Two reports with everything a page can show, and one error."""

import dataclasses
from datetime import UTC, datetime

import numpy as np

from verilens import catalog
from verilens.records import (
    Decision,
    ErrorRecord,
    Evidence,
    Media,
    Person,
    Provenance,
    ProvenanceClaim,
    Quality,
    Report,
    Segment,
    Verdict,
    Where,
)
from verilens.report import figures, html

CONTEXT = html.Context(
    thresholds=dict.fromkeys(
        ("image", "video"),
        html.Thresholds(
            genuine=0.25,
            suspicious=0.6,
            fake=0.85,
            meaning=("fake: at most 1% of genuine files reach it",),
        ),
    ),
    of_faces={"video": html.Thresholds(genuine=0.1, suspicious=0.7, fake=0.92)},
    cards=catalog.cards(),
    weights={"npr": html.Weights("starter", "b" * 64)},
    made_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)

PICTURE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
PICTURES = html.Pictures(preview=PICTURE, aids=figures.aids(PICTURE), aids_of="the picture")


def _evidence(method: str, score: float, where: Where) -> Evidence:
    return Evidence(
        method=method,
        claim="ai-generated",
        score=score,
        logit=float(np.log(score / (1 - score))),
        where=where,
        why=f"{method} says so.",
        limits=("the file is small",),
    )


def _heat(method: str) -> Where:
    heatmap = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    return Where(by=f"patch-wise scores of {method}", heatmap=heatmap)


REPORT = Report(
    path="/photos/a.jpg",
    version="0.1.0",
    seconds=1.5,
    media=Media(
        path="/photos/a.jpg",
        sha256="a" * 64,
        kind="image",
        format="JPEG",
        size_bytes=12_345,
        width=120,
        height=90,
        quality=Quality(jpeg_quality=88, double_jpeg=0.2, notes=("only 120 × 90 pixels",)),
        provenance=Provenance(
            state="ai",
            claims=(
                ProvenanceClaim(
                    source="c2pa", statement="Made by AI", ai=True, strength="signed", detail={}
                ),
            ),
            c2pa={
                "validation_state": "Valid",
                "issuer": "Example Newsroom CA",
                "actions": [{"action": "c2pa.created"}],
                "ingredients": ["base.png"],
                "errors": [],
            },
            metadata={"Software": "Camera 1.0"},
        ),
    ),
    evidence=(
        _evidence("npr", 0.9, _heat("npr")),
        _evidence("patchcraft", 0.4, _heat("patchcraft")),
    ),
    verdict=Verdict(
        decision="fake",
        probability=0.93,
        interval=(0.84, 0.97),
        sentence="Because npr finds traces.",
        conflicts=("npr and patchcraft disagree",),
        not_checked=("faces were not checked",),
    ),
)

VIDEO = Report(
    path="/clips/b.mp4",
    version="0.1.0",
    seconds=3.0,
    media=Media(
        path="/clips/b.mp4",
        sha256="c" * 64,
        kind="video",
        format="mov,mp4",
        size_bytes=123_456,
        width=120,
        height=90,
        duration_s=6.0,
        fps=25.0,
        frames=150,
        codec="h264",
    ),
    evidence=(
        _evidence(
            "npr",
            0.6,
            Where(
                by="moments scored by npr",
                timeline=((0.0, 0.1), (3.0, 0.9), (6.0, 0.1)),
                segments=(Segment(start_s=2.0, end_s=4.0, score=0.9),),
            ),
        ),
    ),
    verdict=Verdict(
        decision="suspicious", probability=0.7, interval=(0.5, 0.8), sentence="Part of it is odd."
    ),
)
VIDEO_PICTURES = html.Pictures(
    preview=PICTURE,
    preview_s=3.0,
    thumbnails=tuple((time_s, PICTURE[:30, :40]) for time_s in (0.0, 3.0, 6.0)),
)

ERROR = Report(
    path="/photos/broken.jpg",
    version="0.1.0",
    seconds=0.0,
    error=ErrorRecord(type="corrupt", message="the file is cut off"),
)


def _judged(track: int, decision: Decision, probability: float, when: tuple[float, ...]) -> Person:
    left = 10 + 50 * (track - 1)
    return Person(
        track=track,
        times_s=when,
        boxes=((left, 20, left + 30, 60),) * len(when),
        verdict=Verdict(
            decision=decision,
            probability=probability,
            interval=(probability - 0.05, probability + 0.05),
            sentence=f"{decision} at 0:02.",
            claim="face-swap",
        ),
    )


def _of_person(track: int | None, score: float) -> Evidence:
    timeline = ((0.0, 0.1), (3.0, score), (6.0, 0.1))
    segments = (Segment(start_s=2.0, end_s=4.0, score=score),) if score > 0.5 else ()
    where = Where(by="face scores of swap", timeline=timeline, segments=segments)
    return dataclasses.replace(_evidence("swap", score, where), claim="face-swap", track=track)


PEOPLE = dataclasses.replace(
    VIDEO,
    path="/clips/people.mp4",
    evidence=(*VIDEO.evidence, _of_person(None, 0.9), _of_person(1, 0.2), _of_person(2, 0.9)),
    people=(
        _judged(1, "genuine", 0.1, (0.0, 3.0, 6.0)),
        _judged(2, "fake", 0.94, (3.0,)),
        Person(track=3, times_s=(0.0,), boxes=((0, 0, 9, 9),)),
    ),
    verdict=Verdict(
        decision="fake",
        probability=0.94,
        interval=(0.89, 0.99),
        sentence="Signs of a swap on the face of person 2 at 0:03.",
        claim="face-swap",
    ),
)
FACES = dataclasses.replace(
    REPORT,
    path="/photos/faces.jpg",
    people=(
        _judged(1, "suspicious", 0.8, (0.0,)),
        Person(track=2, times_s=(0.0,), boxes=((60, 20, 90, 60),)),
    ),
)
