"""A detector's score in words: X2-DFD's weak feature, which tells a language model what it misses.

A model that reads pictures by meaning overlooks seams. So the question it is asked carries the
detector's score, and the answer it learns from mentions the seam, but only where the score agrees
with the label. The wording is ours.
"""

from collections.abc import Sequence
from typing import NamedTuple

LOW, HIGH = 0.3, 0.7  # X2-DFD's thresholds


class Turn(NamedTuple):
    """One question to a language model and the answer it is to give."""

    question: str
    answer: str


class Supply(NamedTuple):
    """Turns with the scores written in, and how many had no score and stayed as they were."""

    turns: tuple[Turn, ...]
    missing: int


def weak_feature(score: float, low: float = LOW, high: float = HIGH) -> str:
    """Return in one sentence what a blending score in [0, 1] amounts to."""
    if not 0 <= score <= 1:
        raise ValueError(f"a blending score lies in [0, 1], not at {score}")
    amount = "little or no" if score <= low else "obvious" if score >= high else "some"
    return f"The face shows {amount} blending artefacts."


def supplied(
    turn: Turn, score: float | None, is_fake: bool, expert: str = "A blending detector"
) -> Turn:
    """Return a turn with the score in its question, and in its answer where both agree.

    Without a score the turn stays as it is. expert: what the question calls the detector.
    """
    if score is None:
        return turn
    question = f"{turn.question} {expert} scores it {score:.3f}."
    agrees = score >= HIGH if is_fake else score <= LOW
    return Turn(question, f"{turn.answer} {weak_feature(score)}" if agrees else turn.answer)


def supply(
    turns: Sequence[Turn], scores: Sequence[float | None], are_fake: Sequence[bool]
) -> Supply:
    """Return all turns with their scores, and count those that have none."""
    written = tuple(supplied(*row) for row in zip(turns, scores, are_fake, strict=True))
    return Supply(written, sum(score is None for score in scores))
