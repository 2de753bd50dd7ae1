"""Figures and states in words, the same in the terminal and on the page."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from verilens.records import (
    Claim,
    Decision,
    Evidence,
    Media,
    Person,
    Provenance,
    ProvenanceClaim,
    Verdict,
)

DECISIONS: dict[Decision, str] = {
    "fake": "The evidence says AI-generated or forged.",
    "suspicious": "Signs of AI generation or forgery, short of the threshold for fake.",
    "unsure": "The evidence does not support an answer either way.",
    "genuine": "No sign of AI generation or forgery was found by what was checked.",
}
OF_SPOOF: dict[Decision, str] = {
    "fake": "The evidence says presentation attack: the camera saw something else than a face.",
    "suspicious": "Signs of a presentation attack, short of the threshold for one.",
    "unsure": "The evidence does not support an answer either way.",
    "genuine": "A bona fide presentation, as far as was checked.",
}
LABELS: dict[Decision, str] = {"fake": "attack", "genuine": "bona fide"}  # ISO/IEC 30107-3
SYMBOLS: dict[Decision, str] = {"fake": "✗", "suspicious": "!", "unsure": "?", "genuine": "✓"}
ORDER: tuple[Decision, ...] = ("fake", "suspicious", "unsure", "genuine")

CLAIMS: dict[Claim, str] = {
    "ai-generated": "AI-generated",
    "face-swap": "face swap",
    "spoof": "presentation attack",
    "edited": "edited",
    "out-of-context": "out of context",
}
PROVENANCE = {
    "ai": "The file itself says that AI made or changed it.",
    "captured": "The file itself says that a device captured it.",
    "unknown": "The file says nothing about its origin. Most genuine files do not, so this proves "
    "nothing either way.",
    "conflict": "What the file says about its origin contradicts itself.",
    "invalid": "The file carries a C2PA manifest that fails validation.",
}
STRENGTHS = {
    "signed": "signed and validated",
    "declared": "declared, can be forged",
    "trace": "trace, can be forged",
}
EVEN = 0.2
KINDS = {"image": "picture", "video": "video"}


def label(verdict: Verdict) -> str:
    """Return what a decision is called; for presentation attacks in the terms of the standard."""
    own = LABELS.get(verdict.decision) if verdict.claim == "spoof" else None
    return own or verdict.decision


def meaning(verdict: Verdict) -> str:
    """Return what a decision means, in a sentence."""
    return (OF_SPOOF if verdict.claim == "spoof" else DECISIONS)[verdict.decision]


def chance(verdict: Verdict) -> str:
    """Return what the probability is of."""
    if verdict.claim == "spoof":
        return "probability of a presentation attack"
    return "probability that it is AI-generated or forged"


def percent(share: float) -> str:
    """Return a share in [0, 1] as whole percent; never rounds to certainty."""
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{100 * share:.0f}%"


def interval(verdict: Verdict) -> str:
    """Return the 90 % interval, e.g. "81% to 97%"."""
    low, high = verdict.interval
    return f"{percent(low)} to {percent(high)}"


def seconds(time_s: float) -> str:
    """Return a time, e.g. "4.2 s" or "1:05.0"."""
    if time_s < 60:
        return f"{time_s:.1f} s"
    minutes, rest = divmod(round(time_s, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def size(count: int) -> str:
    """Return a number of bytes, e.g. "312 kB"."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return (
                f"{value:.0f} {unit}" if unit == "bytes" or value >= 10 else f"{value:.1f} {unit}"
            )
        value /= 1000
    return f"{value:.1f} GB"


def facts(media: Media) -> list[str]:
    """Return what a file is, e.g. ["JPEG picture", "640 × 480 pixels", "312 kB"]."""
    parts = [
        f"{media.format} {KINDS[media.kind]}",
        f"{media.width} × {media.height} pixels",
    ]
    if media.duration_s is not None:
        parts.append(seconds(media.duration_s))
    if media.fps:
        parts.append(f"{media.fps:.4g} frames a second")
    if media.codec:
        parts.append(media.codec)
    if media.kind == "video":
        parts.append("with sound" if media.has_audio else "no sound")
    return [*parts, size(media.size_bytes)]


def place(heatmap: NDArray[np.float32]) -> str:
    """Return where a heat map peaks, by thirds: "upper left", "centre", "everywhere" ...

    "everywhere" when the map hardly varies (its scores span less than 0.2).
    """
    if np.nanmax(heatmap) - np.nanmin(heatmap) < EVEN:
        return "everywhere"
    rows, columns = heatmap.shape
    row, column = np.unravel_index(int(np.nanargmax(heatmap)), heatmap.shape)
    vertical = ("upper", "", "lower")[int(3 * row / rows)]
    horizontal = ("left", "", "right")[int(3 * column / columns)]
    return f"{vertical} {horizontal}".strip() or "centre"


def where(evidence: Evidence) -> str:
    """Return where a method sees its claim, in a line; empty when it does not say."""
    found, name = evidence.where, source(evidence)
    if found.segments:
        spans = (
            f"{seconds(s.start_s)} to {seconds(s.end_s)} ({s.score:.2f})" for s in found.segments
        )
        return f"{name}: flagged {', '.join(spans)}"
    if found.timeline:
        return f"{name}: no segment flagged"
    if found.regions:
        boxes = (f"{'-'.join(map(str, r.box))} ({r.score:.2f})" for r in found.regions)
        return f"{name}: changed in the box {', '.join(boxes)}"
    if found.heatmap is not None and not np.isnan(found.heatmap).all():
        peak = float(np.nanmax(found.heatmap))
        return f"{name}: highest patch score {peak:.2f}, {place(found.heatmap)}"
    return ""


def source(evidence: Evidence) -> str:
    """Return who says it, and of whom, e.g. "npr" or "ucf on person 2"."""
    on = "" if evidence.track is None else f" on person {evidence.track}"
    return evidence.method + on


def apart(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence without that on the file which only repeats its most suspect person."""
    of_people = {e.method for e in evidence if e.track is not None}
    return [e for e in evidence if e.track is not None or e.method not in of_people]


def style(person: Person) -> str:
    """Return the decision on a person as a style; "unsure" when there is none."""
    return person.verdict.decision if person.verdict else "unsure"


def seen(person: Person) -> str:
    """Return when a person's face was seen, e.g. "seen 7 times from 0.0 s to 6.0 s"."""
    first, last, count = person.times_s[0], person.times_s[-1], len(person.times_s)
    if count == 1:
        return f"seen once, at {seconds(first)}"
    return f"seen {count} times from {seconds(first)} to {seconds(last)}"


def says(claim: ProvenanceClaim) -> str:
    """Return what a provenance claim comes down to."""
    return {True: "made or edited by AI", False: "captured by a device", None: "neither"}[claim.ai]


def provenance(found: Provenance) -> str:
    """Return the state of a file's provenance in a sentence."""
    return PROVENANCE[found.state]


def listed(value: object) -> list[object]:
    """Return a list as it is, and anything else as a list of one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def flat(value: object) -> str:
    """Return any value of a manifest's summary as readable text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {flat(item)}" for key, item in value.items() if item)
    if isinstance(value, (list, tuple)):
        return ", ".join(flat(item) for item in value)
    return "" if value is None else str(value)
