"""Evidence into a verdict: one calibrated probability, an interval, a decision and the reasons.

    learned logits -> calibrated logistic model -> + declared origin -> thresholds -> sentence

A positive claim of AI origin moves the probability strongly; silence about origin moves nothing. A
file outside the range the models were measured on (too small, too compressed, too few frames) gets
"unsure" unless it declares its own origin. Disagreements are named, never averaged away in silence.

AI origin and swapped faces are claims of their own, each with its own calibrated model, and every
person is judged alone. The file gets the highest of their probabilities and the most severe of
their decisions (genuine, unsure, suspicious, fake): one swapped face makes a file a fake, however
genuine the rest of it is. The highest of several is high by chance more often than one alone, so
the stated error rates hold for a claim and a person; a file of n persons may reach n times as much.
Methods that mark edited parts are not calibrated: they turn "genuine" into "unsure", and no more.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from verilens.media.opened import LEAST_FACE_PX
from verilens.records import (
    Claim,
    Decision,
    Evidence,
    Faces,
    Kind,
    Media,
    Person,
    Provenance,
    Verdict,
)
from verilens.verify.calibrate import (
    BOUND,
    LEAST_WEIGHT,
    NOT_COUNTED,
    OUTSPOKEN,
    UNCALIBRATED,
    Fit,
    best_fit,
    fits,
    flag_level,
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
SEVERITY: tuple[Decision, ...] = ("genuine", "unsure", "suspicious", "fake")
UNSEEN = " Not checked: "  # what ends a sentence, with a list
OUT_OF_RANGE = 1.5  # widens the interval of a file out of range, in logits


def fuse(evidence: Sequence[Evidence], media: Media, faces: Faces | None = None) -> Verdict:
    """Return what the evidence about `media` supports.

    Evidence that claims "ai-generated" is read here; the fit for the methods at hand is used.
    faces: whom the search found, with their verdicts (see `people.judged`); None without one.
    """
    scores = {e.method: e.logit for e in evidence if e.claim == "ai-generated"}
    fit = best_fit(media.kind, frozenset(scores))
    shift = origin_shift(media.provenance)
    limits = out_of_range(media)
    draws = (fit.logits(scores) if fit else np.array([0.0, -2.0, 2.0])) + shift
    probability = float(sigmoid(draws[0]))
    sides = taken_sides(fit, scores) if fit else {}
    decision = decide(probability, fit, shift, abstain=bool(limits))
    unseen = not_checked(media, evidence, faces)
    origin = Verdict(
        decision=decision,
        probability=probability,
        interval=widened(draws, is_out=bool(limits)),
        sentence=sentence(decision, probability, sides, media, limits),
        conflicts=tuple(named_conflicts(sides, media.provenance)),
        not_checked=unseen,
    )
    whole = with_people(origin, faces, evidence, media, is_heard=bool(fit or shift))
    whole = with_edits(whole, evidence, media.kind)
    closing = f"{_silence(media)}{UNSEEN}{', '.join(unseen)}."
    return dataclasses.replace(whole, sentence=whole.sentence + closing)


def with_edits(verdict: Verdict, evidence: Sequence[Evidence], kind: Kind) -> Verdict:
    """Return the verdict with what methods that find edited parts say.

    None of them is calibrated, so they move no probability; but what one of them marks is not
    called genuine.
    """
    own = [item for item in evidence if item.track is None and _is_of_edits(item, kind)]
    marking = [item.method for item in own if item.score > flag_level(item.method, kind)]
    if not marking:
        return verdict
    said = f"{_listed(marking)} {'marks' if len(marking) == 1 else 'mark'} edited parts"
    if verdict.decision != "genuine":
        sentence = f"{verdict.sentence} Besides, {said} (not calibrated)."
        return dataclasses.replace(verdict, sentence=sentence)
    return dataclasses.replace(
        verdict,
        decision="unsure",
        conflicts=(*verdict.conflicts, f"{said}, nothing else speaks against the file"),
        sentence=f"{OPENINGS['edited']['unsure']}: {said} (not calibrated). {verdict.sentence}",
    )


def _is_of_edits(item: Evidence, kind: Kind) -> bool:
    """Tell whether evidence speaks of edited parts: by its claim, or by a mask of a face.

    A mask by a method that is calibrated on faces has its say in the verdicts on persons.
    """
    if item.claim != "face-swap" or item.where.heatmap is None:
        return item.claim == "edited"
    return not any(item.method in names for names in fits(kind, "face-swap"))


def with_people(
    origin: Verdict,
    faces: Faces | None,
    evidence: Sequence[Evidence],
    media: Media,
    is_heard: bool,
) -> Verdict:
    """Return the verdict on AI origin and on every person together, as the module says.

    is_heard: whether anything speaks about AI origin; else the persons alone decide.
    """
    people = {p.track: p for p in (faces.people if faces else ()) if p.verdict}
    said = [p.verdict for p in people.values() if p.verdict]
    if not said:
        return origin
    heard = [origin, *said] if is_heard else said
    likeliest = max(heard, key=lambda verdict: verdict.probability)
    lead = max(heard, key=lambda v: (SEVERITY.index(v.decision), v.probability))
    about = origin.sentence
    if lead.claim != "ai-generated":
        chance = f"probability of a swapped face {lead.probability:.0%}."
        about = f"{OPENINGS[lead.claim][lead.decision]}: {chance}"
        about += f" AI origin: probability {origin.probability:.0%}." if is_heard else ""
    return dataclasses.replace(
        origin,
        decision=lead.decision,
        probability=likeliest.probability,
        interval=likeliest.interval,
        sentence=f"{about} {named_people(list(people.values()), evidence, media.kind)}",
        claim=lead.claim,
    )


def named_people(people: Sequence[Person], evidence: Sequence[Evidence], kind: Kind) -> str:
    """Return what is said of each person, in a sentence or two."""
    parts = []
    for decisions, opening in SAID_OF_FACES.items():
        listed = [
            f"the face of person {person.track}{stretch(person, evidence, kind)}"
            for person in people
            if person.verdict and person.verdict.decision in decisions
        ]
        parts += [f"{opening} {_listed(listed)}."] if listed else []
    return " ".join(parts)


def stretch(person: Person, evidence: Sequence[Evidence], kind: Kind) -> str:
    """Return when a person's face is suspect, else when it is seen, e.g. " at 0:03-0:07"."""
    if kind == "image":
        return ""
    own = [e for e in evidence if e.track == person.track and e.claim in ("face-swap", "spoof")]
    flagged = [
        time_s
        for item in own
        for time_s, score in item.where.timeline
        if score > flag_level(item.method, kind)
    ]
    times_s = flagged or person.times_s
    first, last = (f"{int(t) // 60}:{int(t) % 60:02d}" for t in (min(times_s), max(times_s)))
    return f" at {first}" if first == last else f" at {first}-{last}"


def widened(draws: NDArray[np.float64], is_out: bool) -> tuple[float, float]:
    """Return the 90 % interval of the draws' probability, wider out of the measured range."""
    low, high = np.quantile(draws, [0.05, 0.95])
    if is_out:
        low, high = low - OUT_OF_RANGE, high + OUT_OF_RANGE
    return float(sigmoid(min(low, draws[0]))), float(sigmoid(max(high, draws[0])))


def weighed(evidence: Sequence[Evidence], kind: Kind) -> tuple[Evidence, ...]:
    """Return the evidence, with a limit on each piece that the verdict on this kind leaves out."""

    def limit(item: Evidence) -> str | None:
        fit = fits_of[item.claim]
        if fit and fit.weights().get(item.method, 0.0) >= LEAST_WEIGHT:
            return None
        was_measured = any(item.method in names for names in fits(kind, item.claim))
        return NOT_COUNTED if was_measured else UNCALIBRATED

    methods = {
        e.claim: frozenset(o.method for o in evidence if o.claim == e.claim) for e in evidence
    }
    fits_of = {claim: best_fit(kind, names, claim) for claim, names in methods.items()}
    return tuple(
        dataclasses.replace(e, limits=(*e.limits, why)) if (why := limit(e)) else e
        for e in evidence
    )


def not_checked(
    media: Media, evidence: Sequence[Evidence] = (), faces: Faces | None = None
) -> tuple[str, ...]:
    """Return what no method of this verdict looked at."""
    sound = ("sound",) if media.has_audio else ()
    was_scored = any(item.claim == "edited" for item in evidence)
    edits = "manual edits (scored, but not calibrated)" if was_scored else "manual edits"
    return (edits, *_faces_unseen(evidence, faces), "context", *sound)


def _faces_unseen(evidence: Sequence[Evidence], faces: Faces | None) -> tuple[str, ...]:
    """Return what was left out in the search for swapped faces, and why."""
    if faces is None:
        return ("face swaps",)
    if not faces.people:
        small = f"{faces.small_px} px, {LEAST_FACE_PX} px are needed"
        why = f"faces too small: {small}" if faces.small_px else "no face found"
        return (f"face swaps ({why})",)
    further = f"{faces.further} further {'person' if faces.further == 1 else 'persons'}"
    left = (further,) if faces.further else ()
    if any(person.verdict for person in faces.people):
        return left
    was_scored = any(item.claim == "face-swap" for item in evidence)
    return ("face swaps (scored, but not calibrated)" if was_scored else "face swaps", *left)


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


OPENINGS: Mapping[Claim, Mapping[Decision, str]] = {
    "ai-generated": {
        "fake": "Probably generated",
        "suspicious": "Possibly generated",
        "genuine": "No sign of generation",
        "unsure": "No safe statement",
    },
    "face-swap": {
        "fake": "Probably a face swap",
        "suspicious": "Possibly a face swap",
        "genuine": "No sign of a face swap",
        "unsure": "No safe statement",
    },
    "edited": {
        "fake": "Probably edited",
        "suspicious": "Possibly edited",
        "genuine": "No sign of edits",
        "unsure": "No safe statement",
    },
    "spoof": {
        "fake": "Probably a presentation attack",
        "suspicious": "Possibly a presentation attack",
        "genuine": "Bona fide presentation",
        "unsure": "No safe statement",
    },
}
SAID_OF_FACES: Mapping[tuple[Decision, ...], str] = {
    ("fake", "suspicious"): "Signs of a swap on",
    ("unsure",): "No safe statement on",
    ("genuine",): "No sign of a swap on",
}


def sentence(
    decision: Decision,
    probability: float,
    sides: Mapping[str, float],
    media: Media,
    limits: Sequence[str],
) -> str:
    """Return what is said of AI origin in plain English: the finding and its grounds."""
    opening = OPENINGS["ai-generated"][decision]
    parts = [f"{opening}: probability of AI origin {probability:.0%}."]
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
    return " ".join(parts)


def _silence(media: Media) -> str:
    if any(claim.ai is not None for claim in media.provenance.claims):
        return ""
    return " Its origin is unknown: it carries no claim either way."
