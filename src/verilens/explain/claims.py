"""What a model claims, checked against what detectors measured at the same place.

supported: a detector's scores there agree. contradicted: they speak against it, which for a sign of
forgery means that the detector sees its own signs elsewhere and none there. disputed: detectors
disagree about it. unseen: no detector that maps the file sees anything anywhere, which says little
about signs that only meaning gives away. unchecked: nothing maps this file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from verilens.explain.places import REGIONS, Inside, Share, on_map, on_timeline, overlap, share
from verilens.records import Evidence, Media, Report
from verilens.report import words
from verilens.verify.calibrate import flag_level

Finding = Literal["supported", "contradicted", "disputed", "unseen", "unchecked"]
COVERED = 0.5  # of a face's box that a claim must cover to be about it


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One observation of a model. box: as shares, see `places`. span_s: of a film."""

    says: Literal["genuine", "fake"]
    what: str
    region: str
    box: Share
    span_s: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A claim and what became of it. by: what each detector measured there, in words."""

    claim: Claim
    finding: Finding
    by: tuple[str, ...] = ()


def claims(value: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return the claims of an answer that follows `question.SCHEMA`."""
    found = []
    for item in value["claims"]:
        span = item.get("span_s")
        ordered = (float(min(span)), float(max(span))) if span else None
        place = share(item["region"], tuple(item["box"]) if item.get("box") else None)
        found.append(
            Claim(
                says=item["says"],
                what=item["what"],
                region=item["region"],
                box=place,
                span_s=ordered,
            )
        )
    return tuple(found)


def checked(claim: Claim, report: Report) -> Checked:
    """Return a claim checked against every detector that says where."""
    if report.media is None:
        return Checked(claim=claim, finding="unchecked")
    findings: list[Finding] = []
    by = []
    for item in report.evidence:
        level = flag_level(item.method, report.media.kind)
        measured = measure(claim, item, report.media)
        if measured is None or level >= 1 or math.isnan(measured.inside):
            continue
        findings.append(judged(claim.says, measured, level))
        outside = "" if math.isnan(measured.outside) else f", {measured.outside:.2f} elsewhere"
        by.append(f"{words.source(item)}: {measured.inside:.2f} there{outside}")
    return Checked(claim=claim, finding=joined(findings), by=tuple(by))


def measure(claim: Claim, evidence: Evidence, media: Media) -> Inside | None:
    """Return a detector's scores at a claim's place; None when it does not say where."""
    where = evidence.where
    if media.kind != "image":
        if claim.span_s is None or not where.timeline:
            return None
        return on_timeline(where.timeline, *claim.span_s)
    if where.heatmap is not None:
        return on_map(where.heatmap, claim.box)
    if evidence.track is None or not where.boxes:
        return None
    scale = media.width, media.height
    faces: list[Share] = []
    for left, top, right, bottom in where.boxes:
        faces.append((left / scale[0], top / scale[1], right / scale[0], bottom / scale[1]))
    hit = np.array([overlap(claim.box, face) >= COVERED for face in faces])
    scores = np.array(where.box_scores, np.float32)
    inside, outside = scores[hit], scores[~hit]
    if not inside.size:
        return None
    none = float("nan")
    return Inside(
        float(inside.mean()),
        float(outside.mean()) if outside.size else none,
        float(outside.max()) if outside.size else none,
    )


def judged(says: str, measured: Inside, level: float) -> Finding:
    """Return what one detector's scores mean for a claim; it flags from `level` on."""
    is_hot = measured.inside >= level
    if says == "genuine":
        return "contradicted" if is_hot else "supported"
    if is_hot:
        return "supported"
    return "contradicted" if measured.elsewhere >= level else "unseen"


def joined(findings: Sequence[Finding]) -> Finding:
    """Return what several detectors' findings come to."""
    said = set(findings) - {"unseen"}
    if len(said) > 1:
        return "disputed"
    return said.pop() if said else ("unseen" if findings else "unchecked")


def missed(found: Sequence[Claim], report: Report) -> list[str]:
    """Return, in words, where detectors flag a picture and no claim of forgery lies."""
    if report.media is None or report.media.kind != "image":
        return []
    fakes = [claim.box for claim in found if claim.says == "fake"]
    said = []
    for item in report.evidence:
        heat = item.where.heatmap
        if heat is None or np.isnan(heat).all():
            continue
        peak = float(np.nanmax(heat))
        row, column = np.unravel_index(int(np.nanargmax(heat)), heat.shape)
        x, y = (column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0]
        is_named = any(
            left <= x <= right and top <= y <= bottom for left, top, right, bottom in fakes
        )
        if peak >= flag_level(item.method, report.media.kind) and not is_named:
            said.append(
                f"{words.source(item)} flags the {named(x, y)} ({peak:.2f}); the model names "
                "nothing there"
            )
    return said


def named(x: float, y: float) -> str:
    """Return the region that holds a point."""
    inside = (
        name
        for name, (left, top, right, bottom) in REGIONS.items()
        if left <= x <= right and top <= y <= bottom
    )
    return next(inside)
