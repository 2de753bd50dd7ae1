"""What the detectors found, as words with scores: X2-DFD's supplement of weak features.

A model that reads pictures by meaning sees hands, text and light, and overlooks seams and spectra.
So what it is asked carries the scores of those who do see them. The wording is ours.
"""

from dataclasses import dataclass

from verilens import catalog
from verilens.errors import UnknownName
from verilens.records import Claim, Evidence, Kind, Report
from verilens.report import words
from verilens.verify.calibrate import flag_level
from verilens.verify.weak_features import HIGH, LOW

SIGNS: dict[Claim, str] = {
    "ai-generated": "AI generation",
    "face-swap": "a face swap",
    "spoof": "a presentation attack",
    "edited": "editing",
    "out-of-context": "a false context",
    "generated-movement": "generated movement",
}
UNMEASURED = 0.5  # from where a score is read as a sign, of a method that the verdict leaves out


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One piece of evidence in words.

    reads: what the method looks at. amount: "obvious", "some" or "little or no". counts: whether
    the verdict rests on it. where: where it is strongest, empty when nothing says so.
    """

    method: str
    reads: str
    claim: Claim
    score: float
    level: float
    amount: str
    counts: bool
    where: str = ""
    track: int | None = None

    def __str__(self) -> str:
        on = f" on the face of person {self.track}" if self.track else ""
        place = f", strongest {self.where}" if self.where else ""
        aside = "" if self.counts else " It does not count in the verdict."
        return (
            f"{self.method} {self.reads}{on}: {self.amount} signs of {SIGNS[self.claim]} "
            f"(score {self.score:.3f}{place}).{aside}"
        )


def features(report: Report) -> tuple[Feature, ...]:
    """Return what a report's evidence says, the highest scores first."""
    if report.media is None:
        return ()
    kind = report.media.kind
    found = [feature(item, kind) for item in words.apart(report.evidence)]
    return tuple(sorted(found, key=lambda f: (not f.counts, -f.score, f.method, f.track or 0)))


def feature(evidence: Evidence, kind: Kind) -> Feature:
    """Return one piece of evidence in words."""
    level = flag_level(evidence.method, kind)
    return Feature(
        method=evidence.method,
        reads=reads(evidence.method),
        claim=evidence.claim,
        score=evidence.score,
        level=level,
        amount=amount(evidence.score, level if level < 1 else UNMEASURED),
        counts=level < 1 and not any(s.startswith("not counted") for s in evidence.limits),
        where=strongest(evidence),
        track=evidence.track,
    )


def amount(score: float, level: float) -> str:
    """Return a score in words; a method flags from `level` on, and no lower score is obvious."""
    if score < level and score <= LOW:
        return "little or no"
    return "obvious" if score >= max(level, HIGH) else "some"


def reads(method: str) -> str:
    """Return what a method does, as its card says."""
    try:
        summary = catalog.card(method).summary.rstrip(".")
    except UnknownName:
        return "scores the file"
    return summary[:1].lower() + summary[1:]


def strongest(evidence: Evidence) -> str:
    """Return where a piece of evidence is strongest, e.g. "at the upper left", or ""."""
    where = evidence.where
    if where.segments:
        best = max(where.segments, key=lambda segment: segment.score)
        return f"from {words.seconds(best.start_s)} to {words.seconds(best.end_s)}"
    if where.heatmap is not None and where.heatmap.size:
        place = words.place(where.heatmap)
        return "" if place == "everywhere" else f"at the {place}"
    return ""
