"""Evidence into a verdict: one calibrated probability, an interval, a decision and the reasons.

    learned logits -> calibrated logistic model -> + declared origin -> thresholds -> sentence

A positive claim of AI origin moves the probability strongly; silence about origin moves nothing. A
file outside the range the models were measured on (too small, too compressed, too few frames) gets
"unsure" unless it declares its own origin. Disagreements are named, never averaged away in silence.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from verilens.records import Decision, Evidence, Kind, Media, Provenance, Verdict
from verilens.verify.calibrate import (
    BOUND,
    LEAST_WEIGHT,
    NOT_COUNTED,
    OUTSPOKEN,
    Fit,
    best_fit,
)
from verilens.verify.detector import sigmoid

# What a claim of AI origin adds to the logit: a valid signature names its maker, the others can be
# forged, though hardly anyone passes a photograph off as generated.
CLAIMED = {"signed": 7.0, "declared": 5.0, "trace": 4.0}
SIGNED_CAPTURE = -3.0  # a valid signature of a capturing device
LEAST_SIDE_PX = 96
LEAST_QUALITY = 40  # JPEG
LEAST_FRAMES = 4
LEAST_BITS = 0.01  # per pixel and frame of a video
OUT_OF_RANGE = 1.5  # widens the interval of a file out of range, in logits


def fuse(evidence: Sequence[Evidence], media: Media) -> Verdict:
    """Return what the evidence about `media` supports.

    Only evidence that claims "ai-generated" is read; the fit for the methods at hand is used.
    """
    scores = {e.method: e.logit for e in evidence if e.claim == "ai-generated"}
    fit = best_fit(media.kind, frozenset(scores))
    shift = origin_shift(media.provenance)
    limits = out_of_range(media)
    draws = (fit.logits(scores) if fit else np.array([0.0, -2.0, 2.0])) + shift
    low, high = np.quantile(draws, [0.05, 0.95])
    if limits:
        low, high = low - OUT_OF_RANGE, high + OUT_OF_RANGE
    probability = float(sigmoid(draws[0]))
    interval = (float(sigmoid(min(low, draws[0]))), float(sigmoid(max(high, draws[0]))))
    sides = taken_sides(fit, scores) if fit else {}
    decision = decide(probability, fit, shift, abstain=bool(limits))
    conflicts = named_conflicts(sides, media.provenance)
    return Verdict(
        decision=decision,
        probability=probability,
        interval=interval,
        sentence=sentence(decision, probability, sides, media, limits),
        conflicts=tuple(conflicts),
        not_checked=not_checked(media),
    )


def weighed(evidence: Sequence[Evidence], kind: Kind) -> tuple[Evidence, ...]:
    """Return the evidence, with a limit on each piece that the verdict on this kind leaves out."""
    fit = best_fit(kind, frozenset(e.method for e in evidence))
    weights = fit.weights() if fit else {}
    return tuple(
        e
        if e.claim != "ai-generated" or weights.get(e.method, 0.0) >= LEAST_WEIGHT
        else dataclasses.replace(e, limits=(*e.limits, NOT_COUNTED))
        for e in evidence
    )


def not_checked(media: Media) -> tuple[str, ...]:
    """Return what no method of this verdict looked at."""
    sound = ("sound",) if media.has_audio else ()
    return ("manual edits", "face swaps", "context", *sound)


def origin_shift(provenance: Provenance) -> float:
    """Return what the file's own claims add to the logit; 0 when it says nothing."""
    ai = [CLAIMED[claim.strength] for claim in provenance.claims if claim.ai is True]
    if ai:
        return max(ai)
    signed = any(c.ai is False and c.strength == "signed" for c in provenance.claims)
    return SIGNED_CAPTURE if signed and provenance.state == "captured" else 0.0


def out_of_range(media: Media) -> list[str]:
    """Return why the learned scores are not to be trusted here; empty when they may be."""
    found: list[str] = []
    if min(media.width, media.height) < LEAST_SIDE_PX:
        found.append(f"only {media.width} x {media.height} pixels")
    quality = media.quality
    if quality.jpeg_quality is not None and quality.jpeg_quality < LEAST_QUALITY:
        found.append(f"JPEG quality about {quality.jpeg_quality}")
    if media.kind == "video":
        if media.frames is not None and media.frames < LEAST_FRAMES:
            found.append(f"only {media.frames} frames")
        if 0 < quality.bits_per_pixel < LEAST_BITS:
            found.append("very strong video compression")
    return found


def decide(probability: float, fit: Fit | None, shift: float, abstain: bool) -> Decision:
    """Return the decision; thresholds are the error rates stated in `calibrate`."""
    if shift >= min(CLAIMED.values()) and probability >= 0.5:
        return "fake"
    if fit is None or abstain:
        return "unsure"
    if probability >= fit.alarm:
        return "fake"
    if probability >= fit.doubt:
        return "suspicious"
    return "genuine" if probability <= fit.clear else "unsure"


def taken_sides(fit: Fit, scores: Mapping[str, float]) -> dict[str, float]:
    """Return the standardised logit of the methods that count, cut at BOUND; positive is fake."""
    raw = np.array([scores[method] for method in fit.methods])
    x = np.clip((raw - fit.centre) / fit.spread, -BOUND, BOUND)
    weights = fit.weights()
    sides = zip(fit.methods, x.tolist(), strict=True)
    return {method: side for method, side in sides if weights[method] >= LEAST_WEIGHT}


def named_conflicts(sides: Mapping[str, float], provenance: Provenance) -> list[str]:
    """Return the disagreements, in words."""
    found: list[str] = []
    fake, genuine = _speakers(sides)
    if fake and genuine:
        found.append(f"{_listed(fake)} point to generation, {_listed(genuine)} to a genuine file")
    says_ai = any(claim.ai for claim in provenance.claims)
    if says_ai and genuine and not fake:
        found.append("the file says AI made it, the pixels look genuine")
    if provenance.state == "captured" and fake and not genuine:
        found.append("the file says a device captured it, the pixels look generated")
    if provenance.state == "conflict":
        found.append("the file's own claims of origin disagree")
    if provenance.state == "invalid":
        found.append("the file carries a signed claim of origin that fails validation")
    return found


def _speakers(sides: Mapping[str, float]) -> tuple[list[str], list[str]]:
    fake = [method for method, side in sides.items() if side > OUTSPOKEN]
    genuine = [method for method, side in sides.items() if side < -OUTSPOKEN]
    return fake, genuine


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


OPENINGS: Mapping[Decision, str] = {
    "fake": "Probably generated",
    "suspicious": "Possibly generated",
    "genuine": "No sign of generation",
    "unsure": "No safe statement",
}


def sentence(
    decision: Decision,
    probability: float,
    sides: Mapping[str, float],
    media: Media,
    limits: Sequence[str],
) -> str:
    """Return the verdict in plain English: the finding, its grounds and what was not checked."""
    parts = [f"{OPENINGS[decision]}: probability of AI origin {probability:.0%}."]
    claims = [claim for claim in media.provenance.claims if claim.ai is not None]
    parts += [f"The file itself states: {claims[0].statement.rstrip('.')}."] if claims else []
    fake, genuine = _speakers(sides)
    grounds = [f"{_listed(fake)} found signs of generation"] if fake else []
    grounds += [f"{_listed(genuine)} found it more like genuine media"] if genuine else []
    if sides:
        parts.append(("; ".join(grounds) if grounds else "No method takes a clear side") + ".")
    else:
        parts.append("No learned method that the verdict is calibrated for was run.")
    if limits:
        parts.append(f"Out of the measured range ({'; '.join(limits)}).")
    silent = "" if claims else " Its origin is unknown: it carries no claim either way."
    return " ".join(parts) + silent + f" Not checked: {', '.join(not_checked(media))}."
