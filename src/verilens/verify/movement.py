"""What the movement of joints says of a file, and how that stands beside what its pixels say.

Whether a movement was captured or generated is a claim of its own, "generated-movement", with its
own calibrated model. Of a file of joints it makes the verdict: each person is judged, the most
suspect decides. Beside a film it decides little, for joints estimated from pixels carry the traces
of their estimator, and nobody measured that: the probability stays that of the pixels, and a film
that looks genuine while its movement looks generated becomes "unsure", with the conflict named. A
movement that looks captured clears nothing: generated films may be driven by captured movement.
"""

import dataclasses
from collections.abc import Sequence
from functools import cache
from typing import Any

from verilens import catalog
from verilens.options import of_movement
from verilens.records import Claim, Decision, Evidence, Pose, Verdict
from verilens.verify.calibrate import UNCALIBRATED, Fit, best_fit
from verilens.verify.detector import sigmoid
from verilens.verify.fuse import SEVERITY, UNSEEN, decide, widened
from verilens.verify.movement_detector import MovementDetector

CLAIM: Claim = "generated-movement"
OPENINGS: dict[Decision, str] = {
    "fake": "The movement looks generated",
    "suspicious": "The movement may be generated",
    "genuine": "The movement looks captured",
    "unsure": "No safe statement on the movement",
}
NOT_OF_JOINTS = ("who made the movement", "the pixels it came from")
AGAINST: tuple[Decision, ...] = ("fake", "suspicious")


class Judges:
    """The methods that judge movement."""

    def __init__(self, methods: Sequence[MovementDetector[Any]]) -> None:
        self.methods = tuple(methods)

    def judged(
        self, poses: Sequence[Pose], pixels: Verdict | None = None
    ) -> tuple[tuple[Evidence, ...], Verdict]:
        """Return what is found in the movement of persons, and the verdict.

        pixels: the verdict on the film that they are seen in; None for a file of joints.
        """
        found = tuple(item for method in self.methods for item in method.inspect(poses))
        missing = self._missing(poses, found)
        moved = about(found, len(poses), missing)
        return found, moved if pixels is None else beside(pixels, moved)

    def _missing(self, poses: Sequence[Pose], found: Sequence[Evidence]) -> tuple[str, ...]:
        judged = {item.track or 1 for item in found}
        return tuple(
            f"person {n} ({why})" if len(poses) > 1 else why
            for n, pose in enumerate(poses, 1)
            if n not in judged
            for why in dict.fromkeys(method.unable(pose) for method in self.methods)
        )


def about(found: Sequence[Evidence], persons: int, missing: Sequence[str]) -> Verdict:
    """Return the verdict on the movement of all persons: the most severe one."""
    unseen = (*missing, *NOT_OF_JOINTS)
    said = [(item, one(item)) for item in found]
    if not said:
        sentence = f"{OPENINGS['unsure']}: {'; '.join(missing) or 'nobody was judged'}."
        return _closed(_verdict("unsure", 0.5, (0.0, 1.0), sentence), unseen)
    item, lead = max(said, key=lambda pair: (SEVERITY.index(pair[1].decision), pair[1].probability))
    who = f" of person {item.track}" if persons > 1 else ""
    sentence = (
        f"{OPENINGS[lead.decision]}{who}: probability that it is generated {lead.probability:.0%}. "
        f"{item.method} notes: {item.why}."
    )
    return _closed(dataclasses.replace(lead, sentence=sentence), unseen)


def one(item: Evidence) -> Verdict:
    """Return the verdict on one person, by the calibrated model of the method."""
    fit = fit_of(item.method)
    if fit is None or UNCALIBRATED in item.limits:
        return _verdict("unsure", item.score, (0.0, 1.0), "")
    draws = fit.logits({item.method: item.logit})
    probability = float(sigmoid(draws[0]))
    decision = decide(probability, fit, 0.0, abstain=False)
    return _verdict(decision, probability, widened(draws, is_out=False), "")


def fit_of(method: str) -> Fit | None:
    """Return the calibrated model of a method of movement; None when it was never measured."""
    return best_fit("movement", frozenset({method}), CLAIM)


def beside(pixels: Verdict, moved: Verdict) -> Verdict:
    """Return the verdict on a film whose movement was judged apart; its probability stays."""
    decision, conflicts = pixels.decision, pixels.conflicts
    if moved.decision in AGAINST:
        conflicts = (*conflicts, "the movement looks generated, the verdict on the pixels is apart")
        if decision == "genuine":
            decision = "unsure"
    said_of, _, unseen = pixels.sentence.partition(UNSEEN)
    said = f"Judged apart and not counted in the probability: {moved.sentence.partition(UNSEEN)[0]}"
    return dataclasses.replace(
        pixels,
        decision=decision,
        conflicts=conflicts,
        sentence=f"{said_of} {said}{UNSEEN}{unseen}",
    )


def _closed(verdict: Verdict, unseen: Sequence[str]) -> Verdict:
    sentence = f"{verdict.sentence}{UNSEEN}{', '.join(unseen)}."
    return dataclasses.replace(verdict, sentence=sentence, not_checked=tuple(unseen))


def _verdict(
    decision: Decision, probability: float, interval: tuple[float, float], sentence: str
) -> Verdict:
    return Verdict(
        decision=decision,
        probability=probability,
        interval=interval,
        sentence=sentence,
        claim=CLAIM,
    )


@cache
def assemble() -> Judges:
    """Return the judges: all methods of movement that come with starter weights."""
    loaded = [catalog.load(name) for name in of_movement()]
    return Judges([method for method in loaded if isinstance(method, MovementDetector)])
