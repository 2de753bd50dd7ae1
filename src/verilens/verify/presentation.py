"""The verdict of a scan for presentation attacks: is the face before the camera a living one?

Terms of ISO/IEC 30107-3: a presentation is bona fide, or an attack by an instrument (print, screen,
mask). Each person is judged by the calibrated model of the claim "spoof"; the file gets the most
severe decision (attack, suspicious, unsure, bona fide) and the highest probability. Nothing is said
of how the file was made: a bona fide presentation may still have been edited afterwards.

    no face            unsure, for nobody presents anything
    faces too small    unsure, with the size that is needed
    several faces      each is judged, the most suspect decides
    other weights      suspicious from even odds on, else unsure: nobody measured their errors
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from verilens.media.opened import LEAST_FACE_PX
from verilens.records import Decision, Evidence, Faces, Media, Person, Verdict
from verilens.verify.detector import sigmoid
from verilens.verify.fuse import OPENINGS, SEVERITY, stretch

UNSEEN = ("AI origin", "edits", "face swaps")
NOTHING = (0.0, 1.0)  # the interval where nothing was seen
SPREAD = 2.0  # of an uncalibrated logit, either way


def presented(evidence: Sequence[Evidence], media: Media, faces: Faces | None) -> Verdict:
    """Return what the evidence says of the faces presented. faces: with their verdicts."""
    own = [e for e in evidence if e.claim == "spoof"]
    said = [p.verdict for p in (faces.people if faces else ()) if p.verdict]
    if said:
        found = _most_severe(said)
    elif own:
        found = _uncalibrated(max(own, key=lambda e: e.logit))
    else:
        found = _verdict("unsure", 0.5, NOTHING, _why_nothing(faces))
    listed = _people(faces.people if said and faces else (), own, media)
    sentence = f"{found.sentence} {listed}".strip()
    further = (f"{faces.further} further persons",) if faces and faces.further else ()
    return dataclasses.replace(found, sentence=sentence, not_checked=(*UNSEEN, *further))


def _most_severe(said: Sequence[Verdict]) -> Verdict:
    lead = max(said, key=lambda v: (SEVERITY.index(v.decision), v.probability))
    likeliest = max(said, key=lambda v: v.probability)
    chance = f"probability of an attack {likeliest.probability:.0%}."
    sentence = f"{OPENINGS['spoof'][lead.decision]}: {chance}"
    return _verdict(lead.decision, likeliest.probability, likeliest.interval, sentence)


def _uncalibrated(item: Evidence) -> Verdict:
    low, high = sigmoid(np.array([item.logit - SPREAD, item.logit + SPREAD])).tolist()
    decision: Decision = "suspicious" if item.score > 0.5 else "unsure"
    odds = "an attack" if item.score > 0.5 else "a bona fide presentation"
    sentence = (
        f"{OPENINGS['spoof'][decision]}: {item.method} holds it for {odds} at even odds (score "
        f"{item.score:.2f}), but is not calibrated as it was run here."
    )
    return _verdict(decision, item.score, (low, high), sentence)


def _why_nothing(faces: Faces | None) -> str:
    opening = OPENINGS["spoof"]["unsure"]
    if faces is None:
        return f"{opening}: no method for this kind of file was run."
    if faces.people:
        return f"{opening}: no method could look at the faces."
    if faces.small_px:
        need = f"{faces.small_px} px, {LEAST_FACE_PX} px are needed"
        return f"{opening}: the faces are too small ({need})."
    return f"{opening}: no face found, so nobody presents anything."


def _people(people: Sequence[Person], evidence: Sequence[Evidence], media: Media) -> str:
    """Return what is said of each of several persons, or when the only one is suspect."""
    parts = []
    for person in people:
        if person.verdict and len(people) > 1:
            opening = OPENINGS["spoof"][person.verdict.decision].lower()
            chance = f"{person.verdict.probability:.0%}"
            when = stretch(person, evidence, media.kind)
            parts.append(f"Person {person.track}{when}: {opening} ({chance}).")
    return " ".join(parts)


def _verdict(
    decision: Decision, probability: float, interval: tuple[float, float], sentence: str
) -> Verdict:
    return Verdict(
        decision=decision,
        probability=probability,
        interval=interval,
        sentence=sentence,
        claim="spoof",
    )
