"""Evidence into a verdict. Interim: equal-weight logits until calibrated constants are fitted."""

from collections.abc import Sequence

import numpy as np

from verilens.records import Decision, Evidence, Media, Verdict
from verilens.verify.detector import sigmoid


def fuse(evidence: Sequence[Evidence], media: Media) -> Verdict:
    """Return what the evidence about `media` supports."""
    logit = float(np.mean([e.logit for e in evidence])) if evidence else 0.0
    if media.provenance.state == "ai":
        logit += 6.0
    probability = float(sigmoid(logit))
    interval = (float(sigmoid(logit - 1)), float(sigmoid(logit + 1)))
    decision: Decision = "fake" if probability > 0.9 else "unsure"
    return Verdict(
        decision=decision,
        probability=probability,
        interval=interval,
        sentence="Interim verdict from equal-weight evidence; not calibrated.",
    )
